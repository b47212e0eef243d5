"""No method of Dagster's storages and no kind of event is overlooked when Dagster grows.

Every public name of the storages that an instance uses is either overridden by ours or stands
below with the reason why it changes nothing that the ledger should know of. A new version of
Dagster that adds a name fails here, and somebody has to decide.
"""

from typing import Any

import pytest
from dagster import DagsterEventType
from dagster._core.storage.event_log.base import EventLogStorage
from dagster._core.storage.runs.base import RunStorage
from dagster._core.storage.schedules.base import ScheduleStorage

from resources.dagster_instance.acts import ACTS, NOT_ACTS
from resources.dagster_instance.event_log import LedgerEventLog, LedgerSqliteEventLogStorage
from resources.dagster_instance.postgres import (
    LedgerPostgresEventLogStorage,
    LedgerPostgresRunStorage,
    LedgerPostgresScheduleStorage,
    LedgerPostgresStorage,
)
from resources.dagster_instance.run_storage import LedgerRuns, LedgerSqliteRunStorage
from resources.dagster_instance.schedule_storage import LedgerSqliteScheduleStorage, LedgerSwitches
from resources.dagster_instance.sqlite import LedgerSqliteStorage

READS = (
    "all_",
    "alembic_version",
    "asset_records_have_",
    "can_",
    "check_concurrency_claim",
    "default_run_scoped_",
    "fetch",
    "get_",
    "handles_run_events_in_store_event",
    "has_",
    "is_",
    "prepare_insert_event",
    "supports_",
)
MACHINERY = {
    "config_type",
    "conn_string_for_shard",
    "connect",
    "create_clean_storage",  # a test's helper of Dagster; it makes a stock storage
    "dispose",
    "end_watch",
    "from_config_value",  # overridden, by each class itself
    "from_local",
    "index_connection",
    "index_transaction",
    "inst_data",
    "ledger_place",
    "optimize_for_webserver",
    "path_for_shard",
    "register_instance",
    "run_connection",
    "watch",
    "writing_to",
}
EVENTS = {
    # Parts of storing and deleting an event, which is told as a whole.
    "delete_events_for_run",
    "store_asset_check_event",
    "store_asset_event",
    "store_asset_event_tags",
    # What can be made again from the events.
    "enable_secondary_index",
    "reindex_assets",
    "reindex_events",
    "update_asset_cached_status_data",
    "wipe_asset_cached_status",
    # The engine's own slots while steps run; a pool's limit is told.
    "add_pending_step",
    "assign_pending_steps",
    "claim_concurrency_slot",
    "free_concurrency_slot_for_step",
    "free_concurrency_slots_for_run",
    "initialize_concurrency_limit_to_default",
}
RUNS = {
    "handle_run_event",  # follows the event of the same change, which is told first
    # Descriptions of jobs and plans, stored by their digests.
    "add_execution_plan_snapshot",
    "add_job_snapshot",
    "add_snapshot",
    # The daemon's pulse, telemetry, indexes.
    "add_daemon_heartbeat",
    "wipe_daemon_heartbeats",
    "add_run_telemetry",
    "mark_index_built",
    "migrate",
    "optimize",
}
SWITCHES = {
    # Ticks change nothing by themselves; what they ask for is told.
    "create_tick",
    "update_tick",
    "purge_ticks",
    "add_auto_materialize_asset_evaluations",
    "purge_asset_evaluations",
    "execute",  # reads rows
    "mark_index_built",
    "migrate",
    "optimize",
}


@pytest.mark.parametrize(
    ("ours", "harmless", "kinds"),
    [
        (
            LedgerEventLog,
            EVENTS,
            [EventLogStorage, LedgerSqliteEventLogStorage, LedgerPostgresEventLogStorage],
        ),
        (LedgerRuns, RUNS, [RunStorage, LedgerSqliteRunStorage, LedgerPostgresRunStorage]),
        (
            LedgerSwitches,
            SWITCHES,
            [ScheduleStorage, LedgerSqliteScheduleStorage, LedgerPostgresScheduleStorage],
        ),
    ],
)
def test_every_method_is_overridden_or_known_to_change_nothing(
    ours: type, harmless: set[str], kinds: list[type]
) -> None:
    names = {name for kind in kinds for name in dir(kind) if not name.startswith("_")}
    overridden = {name for name in vars(ours) if not name.startswith("_")}
    unknown = {
        name for name in names - overridden - harmless - MACHINERY if not name.startswith(READS)
    }
    assert not unknown, "decide whether these are acts of the ledger"
    assert harmless <= names, "names that Dagster no longer has"
    assert not harmless & overridden


@pytest.mark.parametrize("name", ["store_event", "delete_run", "wipe", "update_instigator_state"])
def test_our_method_comes_before_the_databases(name: str) -> None:
    kinds: list[Any] = [
        LedgerSqliteEventLogStorage,
        LedgerSqliteRunStorage,
        LedgerSqliteScheduleStorage,
        LedgerPostgresEventLogStorage,
        LedgerPostgresRunStorage,
        LedgerPostgresScheduleStorage,
    ]
    having = [kind for kind in kinds if hasattr(kind, name)]
    assert having
    for kind in having:
        first = next(parent for parent in kind.__mro__ if name in vars(parent))
        assert first in (LedgerEventLog, LedgerRuns, LedgerSwitches)


@pytest.mark.parametrize(
    "kind",
    [
        LedgerSqliteEventLogStorage,
        LedgerSqliteRunStorage,
        LedgerSqliteScheduleStorage,
        LedgerSqliteStorage,
    ],
)
def test_what_dagster_makes_from_its_configuration_is_ours(kind: Any, tmp_path: Any) -> None:
    ledger = {"url": f"sqlite:///{tmp_path}/ledger.db", "keys": "keys", "folder": "ledger"}
    made = kind.from_config_value(None, {"base_dir": str(tmp_path), "ledger": ledger})
    assert type(made) is kind
    parts = (
        (made.run_storage, made.event_log_storage, made.schedule_storage)
        if kind is LedgerSqliteStorage
        else (made,)
    )
    assert {part.ledger_place.url for part in parts} == {ledger["url"]}


@pytest.mark.parametrize(
    "kind",
    [
        LedgerPostgresEventLogStorage,
        LedgerPostgresRunStorage,
        LedgerPostgresScheduleStorage,
        LedgerPostgresStorage,
    ],
)
def test_what_dagster_makes_for_postgresql_is_ours(kind: Any) -> None:
    config = {
        "postgres_url": "postgresql://somebody:secret@localhost:1/none",
        "should_autocreate_tables": False,
        "ledger": None,
    }
    made = kind.from_config_value(None, config)
    assert type(made) is kind
    assert made.postgres_url == "postgresql+psycopg2://somebody:secret@localhost:1/none"


def test_every_kind_of_event_is_an_act_or_known_to_be_none() -> None:
    assert set(ACTS) | NOT_ACTS == set(DagsterEventType), "decide about Dagster's new events"
    assert not set(ACTS) & NOT_ACTS
