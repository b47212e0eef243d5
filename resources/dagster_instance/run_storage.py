"""Dagster's runs and backfills, with every request, deletion and wipe in the ledger before it.

What belongs here: the methods through which a process changes the register of runs. How a run goes
on is told by its events (:mod:`.event_log`); what a run was asked to do, by
:mod:`.acts`.
"""

from collections.abc import Mapping
from contextlib import ExitStack
from datetime import datetime
from typing import Any

from dagster import DagsterRun
from dagster._core.execution.backfill import PartitionBackfill
from dagster._core.remote_origin import RemoteJobOrigin
from dagster._core.storage.defs_state.base import DEFS_STATE_INFO_CURSOR_KEY
from dagster._core.storage.runs.sql_run_storage import SqlRunStorage
from dagster._core.storage.runs.sqlite import SqliteRunStorage
from dagster._core.storage.tags import HIDDEN_TAG_PREFIX, SYSTEM_TAG_PREFIX
from dagster._serdes import ConfigurableClassData

from clinical_assets.canonical import sha256
from clinical_assets.ledger.actions import Change, Counted, Nothing
from clinical_assets.ledger.entry import Subject
from resources.dagster_instance.acts import launch_of_backfill, launch_of_run
from resources.dagster_instance.writing import (
    LedgerPlace,
    LedgerWriting,
    with_ledger,
    without_ledger,
)

# Dagster keeps this one switch among the daemon's cursors.
_PAUSED = "ASSET_DAEMON_PAUSED"


class LedgerRuns(LedgerWriting, SqlRunStorage):
    """The acts of a register of runs, over any of Dagster's SQL storages."""

    def add_run(self, dagster_run: DagsterRun) -> DagsterRun:
        """Adds a run, from whatever path it was asked for.

        Raises:
            ClinicalError: the ledger refuses; then there is no run.
        """
        run, launch = dagster_run.run_id, launch_of_run(dagster_run)
        with self._doing("run.requested", Subject("run", run), launch, run=run):
            return super().add_run(dagster_run)

    def add_historical_run(
        self, dagster_run: DagsterRun, run_creation_time: datetime
    ) -> DagsterRun:
        """Adds a run that was made elsewhere."""
        run, launch = dagster_run.run_id, launch_of_run(dagster_run)
        with self._doing("run.requested", Subject("run", run), launch, run=run):
            return super().add_historical_run(dagster_run, run_creation_time)

    def add_run_tags(self, run_id: str, new_tags: Mapping[str, str]) -> None:
        """Adds or changes tags; those that Dagster sets for itself are not acts."""
        count = sum(not _is_dagsters(tag) for tag in new_tags)
        if not count:
            super().add_run_tags(run_id, new_tags)
            return
        with self._doing("run.tagged", Subject("run", run_id), Counted(count), run=run_id):
            super().add_run_tags(run_id, new_tags)

    def delete_run(self, run_id: str) -> None:
        """Deletes a run."""
        with self._doing("run.deleted", Subject("run", run_id), Nothing(), run=run_id):
            super().delete_run(run_id)

    def wipe(self) -> None:
        """Deletes every run and backfill."""
        count = Counted(self.get_runs_count())
        with self._doing("history.wiped", Subject("dagster", "runs"), count):
            super().wipe()

    def upgrade(self) -> None:
        """Brings the tables to the layout of this version of Dagster."""
        with self._doing("history.migrated", Subject("dagster", "runs"), Nothing()):
            super().upgrade()  # type: ignore[safe-super]  # the database's own

    def add_backfill(self, partition_backfill: PartitionBackfill) -> None:
        """Adds a backfill."""
        subject = Subject("backfill", partition_backfill.backfill_id)
        with self._doing("backfill.requested", subject, launch_of_backfill(partition_backfill)):
            super().add_backfill(partition_backfill)

    def update_backfill(self, partition_backfill: PartitionBackfill) -> None:
        """Stores a backfill's progress; a change of its status is an act."""
        before = self.get_backfill(partition_backfill.backfill_id)
        if before is None or before.status == partition_backfill.status:
            super().update_backfill(partition_backfill)
            return
        subject = Subject("backfill", partition_backfill.backfill_id)
        change = Change("status", before.status.value, partition_backfill.status.value)
        with self._doing("backfill.changed", subject, change):
            super().update_backfill(partition_backfill)

    def replace_job_origin(self, run: DagsterRun, job_origin: RemoteJobOrigin) -> None:
        """Says of a run that it is of another job's history."""
        subject = Subject("run", run.run_id)
        with self._doing("history.rewritten", subject, Nothing(), run=run.run_id):
            super().replace_job_origin(run, job_origin)

    def set_cursor_values(self, pairs: Mapping[str, str]) -> None:
        """Stores what the daemons remember; two switches among it are acts."""
        before = self.get_cursor_values({_PAUSED, DEFS_STATE_INFO_CURSOR_KEY})
        with ExitStack() as doing:
            if _PAUSED in pairs and pairs[_PAUSED] != before.get(_PAUSED):
                change = Change("paused", before.get(_PAUSED, ""), pairs[_PAUSED])
                subject = Subject("automation", "asset daemon")
                doing.enter_context(self._doing("automation.switched", subject, change))
            was, now = (_digest(found.get(DEFS_STATE_INFO_CURSOR_KEY)) for found in (before, pairs))
            if now not in ("", was):
                change = Change("sha256", was, now)
                subject = Subject("dagster", "state of definitions")
                doing.enter_context(self._doing("settings.changed", subject, change))
            super().set_cursor_values(pairs)


def _digest(value: str | None) -> str:
    return "" if value is None else sha256(value.encode())


def _is_dagsters(tag: str) -> bool:
    return tag.startswith((SYSTEM_TAG_PREFIX, HIDDEN_TAG_PREFIX))


class LedgerSqliteRunStorage(LedgerRuns, SqliteRunStorage):
    """Dagster's runs on SQLite, with the ledger before them."""

    @classmethod
    def config_type(cls) -> Any:
        """The stock storage's, and where the ledger is."""
        return with_ledger(SqliteRunStorage.config_type())

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Any
    ) -> "LedgerSqliteRunStorage":
        """As Dagster makes it from ``dagster.yaml``."""
        made = cls.from_local(inst_data=inst_data, **without_ledger(config_value))
        made.writing_to(LedgerPlace.of_config(config_value))
        return made
