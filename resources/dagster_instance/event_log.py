"""Dagster's event log, with every act in the ledger before it is in the log (P11-05).

What belongs here: the methods through which a process changes the log, whatever path it came by
(UI, CLI, sensor, backfill, subprocess), and the SQLite storage; PostgreSQL's is in
:mod:`.postgres`. What does not: which events are acts (:mod:`.acts`).

An event tells of something that has happened, so it has one entry, written before the event is
stored: what Dagster shows stands in the ledger, and where storing fails the ledger knows more than
Dagster. What changes or deletes history has two entries, before and after. If the ledger cannot be
written, the event is not stored and the caller gets the error: a run whose end cannot be recorded
stays open in Dagster until it is marked as failed, and never counts as succeeded.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from dagster import AssetKey, DagsterEventType, EventLogEntry
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from dagster._core.storage.event_log.sqlite import SqliteEventLogStorage
from dagster._serdes import ConfigurableClassData

from clinical_assets.ledger.actions import Change, Counted, Nothing
from clinical_assets.ledger.entry import Subject
from resources.dagster_instance.acts import Told, Unmade, told_by
from resources.dagster_instance.writing import (
    LedgerPlace,
    LedgerWriting,
    with_ledger,
    without_ledger,
)
from resources.ledger_database.faults import database_faults

_OF_STEPS = {
    DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
    DagsterEventType.ASSET_MATERIALIZATION,
    DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED,
    DagsterEventType.ASSET_CHECK_EVALUATION,
}


class LedgerEventLog(LedgerWriting, SqlEventLogStorage):
    """The acts of an event log, over any of Dagster's SQL storages."""

    def __init__(self, *args: Any, **more: Any) -> None:
        self._batch = threading.local()
        super().__init__(*args, **more)  # type: ignore[no-untyped-call]

    def store_event(self, event: EventLogEntry) -> None:
        """Tells the ledger, then stores.

        Raises:
            ClinicalError: the ledger refuses; then the event is not stored.
        """
        if not getattr(self._batch, "told", False):
            self._tell(told_by(event, self._unmade))
        with database_faults("Dagster's storage", "Dagster's event log"):
            super().store_event(event)

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Tells the ledger of all in one append, then stores."""
        told: list[Told] = []
        for event in events:
            told += told_by(event, self._unmade)
        self._tell(told)
        with self._told(), database_faults("Dagster's storage", "Dagster's event log"):
            super().store_event_batch(events)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Within, this thread's events are in the ledger already: batches are stored one by one."""
        self._batch.told = True
        try:
            yield
        finally:
            self._batch.told = False

    def _unmade(self, run_id: str, step: str) -> Sequence[Unmade]:
        records = self.get_records_for_run(run_id, of_type=_OF_STEPS).records
        planned: dict[tuple[str, str], Unmade] = {}
        for record in records:
            event = record.event_log_entry.dagster_event
            if event is None or event.step_key != step:
                continue
            kind = event.event_type
            if kind == DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED:
                check = event.asset_check_planned_data
                asset, gate = check.asset_key.to_user_string(), check.check_name
                planned[asset, gate] = Unmade(asset, gate)
            elif kind == DagsterEventType.ASSET_CHECK_EVALUATION:
                made = event.asset_check_evaluation_data
                planned.pop((made.asset_key.to_user_string(), made.check_name), None)
            elif event.asset_key is not None:
                name = event.asset_key.to_user_string()
                if kind == DagsterEventType.ASSET_MATERIALIZATION:
                    planned.pop((name, ""), None)
                else:
                    planned[name, ""] = Unmade(name, partition=str(event.partition or ""))
        return list(planned.values())

    def delete_events(self, run_id: str) -> None:
        """Deletes a run's events."""
        with self._doing("run.events_deleted", Subject("run", run_id), Nothing(), run=run_id):
            super().delete_events(run_id)

    def update_event_log_record(self, record_id: int, event: EventLogEntry) -> None:
        """Replaces a stored event; Dagster does so in migrations only."""
        subject = Subject("run", event.run_id, version=str(record_id))
        with self._doing("history.rewritten", subject, Nothing(), run=event.run_id):
            super().update_event_log_record(record_id, event)

    def wipe(self) -> None:
        """Deletes every event."""
        count = Counted(len(self.get_asset_keys()))
        with self._doing("history.wiped", Subject("dagster", "events"), count):
            super().wipe()

    def wipe_asset(self, asset_key: AssetKey) -> None:
        """Forgets an asset's materializations and checks."""
        name = asset_key.to_user_string()
        with self._doing("asset.wiped", Subject("asset", name), Nothing(), asset=name):
            super().wipe_asset(asset_key)

    def wipe_asset_partitions(self, asset_key: AssetKey, partition_keys: Sequence[str]) -> None:
        """Forgets partitions; open-source Dagster refuses, and the attempt is kept."""
        name, count = asset_key.to_user_string(), Counted(len(partition_keys))
        with self._doing("asset.partitions_wiped", Subject("asset", name), count, asset=name):
            super().wipe_asset_partitions(asset_key, partition_keys)

    def upgrade(self) -> None:
        """Brings the tables to the layout of this version of Dagster."""
        with self._doing("history.migrated", Subject("dagster", "events"), Nothing()):
            super().upgrade()  # type: ignore[safe-super]  # the database's own

    def add_dynamic_partitions(
        self, partitions_def_name: str, partition_keys: Sequence[str]
    ) -> None:
        """Adds those partitions that are not there yet."""
        there = self.get_existing_dynamic_partitions(partitions_def_name, partition_keys)
        new = set(partition_keys) - set(there)
        if new:
            subject = Subject("partitions", partitions_def_name)
            with self._doing("partitions.added", subject, Counted(len(new))):
                super().add_dynamic_partitions(partitions_def_name, partition_keys)

    def delete_dynamic_partition(self, partitions_def_name: str, partition_key: str) -> None:
        """Deletes a partition from its set."""
        subject = Subject("partitions", partitions_def_name)
        with self._doing("partitions.deleted", subject, Counted(1)):
            super().delete_dynamic_partition(partitions_def_name, partition_key)

    def set_concurrency_slots(self, concurrency_key: str, num: int) -> None:
        """Sets how many steps of a pool may run at once."""
        with self._limiting(concurrency_key, str(num)):
            super().set_concurrency_slots(concurrency_key, num)

    def delete_concurrency_limit(self, concurrency_key: str) -> None:
        """Lifts the limit of a pool."""
        with self._limiting(concurrency_key, ""):
            super().delete_concurrency_limit(concurrency_key)

    @contextmanager
    def _limiting(self, pool: str, after: str) -> Iterator[None]:
        limits = {limit.name: str(limit.limit) for limit in self.get_pool_limits()}
        change = Change("limit", limits.get(pool, ""), after)
        with self._doing("pool.changed", Subject("pool", pool), change):
            yield


class LedgerSqliteEventLogStorage(LedgerEventLog, SqliteEventLogStorage):
    """Dagster's event log on SQLite, a file a run and one of all, with the ledger before it."""

    @classmethod
    def config_type(cls) -> Any:
        """The stock storage's, and where the ledger is."""
        return with_ledger(SqliteEventLogStorage.config_type())

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Any
    ) -> "LedgerSqliteEventLogStorage":
        """As Dagster makes it from ``dagster.yaml``."""
        made = cls(inst_data=inst_data, **without_ledger(config_value))
        made.writing_to(LedgerPlace.of_config(config_value))
        return made
