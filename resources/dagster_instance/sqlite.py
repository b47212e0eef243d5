"""Dagster's storage on SQLite in which every act is in the ledger first: what dagster.yaml names.

What belongs here: the three ledger-writing storages as one, in the folders of Dagster's own SQLite
storage, so that a store made before keeps its history; and asking of an instance whether it is
such a one. PostgreSQL's is :mod:`.postgres`.
"""

from pathlib import Path
from typing import Any

from dagster import DagsterInstance
from dagster._core.storage.base_storage import DagsterStorage
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClassData

from clinical_assets.errors import ClinicalError
from resources.dagster_instance.event_log import LedgerSqliteEventLogStorage
from resources.dagster_instance.run_storage import LedgerSqliteRunStorage
from resources.dagster_instance.schedule_storage import LedgerSqliteScheduleStorage
from resources.dagster_instance.writing import (
    LedgerPlace,
    LedgerWriting,
    with_ledger,
    without_ledger,
)
from resources.ledger_database.engine import LedgerEngine


class LedgerSqliteStorage(DagsterSqliteStorage):
    """Runs, events and switches on SQLite below ``base_dir``, with the ledger before them."""

    def __init__(
        self,
        base_dir: str,
        inst_data: ConfigurableClassData | None = None,
        place: LedgerPlace | None = None,
    ) -> None:
        self.base_dir = base_dir
        folder = Path(base_dir)
        runs = LedgerSqliteRunStorage.from_local(str(folder / "history"))
        events = LedgerSqliteEventLogStorage(str(folder / "history/runs"))
        switches = LedgerSqliteScheduleStorage.from_local(str(folder / "schedules"))
        assert isinstance(switches, LedgerSqliteScheduleStorage)
        for part in (runs, events, switches):
            part.writing_to(place)
        self._run_storage = runs
        self._event_log_storage = events
        self._schedule_storage = switches
        self._inst_data = inst_data
        start: Any = DagsterStorage.__init__
        start(self)  # the stock class would open its own storages as well

    @classmethod
    def config_type(cls) -> Any:
        """The stock storage's, and where the ledger is."""
        return with_ledger(DagsterSqliteStorage.config_type())

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Any
    ) -> "LedgerSqliteStorage":
        """As Dagster makes it from ``dagster.yaml``."""
        plain = without_ledger(config_value)
        Path(plain["base_dir"]).mkdir(parents=True, exist_ok=True)
        return cls(inst_data=inst_data, place=LedgerPlace.of_config(config_value), **plain)


def require_ledger(instance: DagsterInstance, place: LedgerPlace) -> None:
    """Refuses an instance of which something would escape the ledger at ``place``.

    Raises:
        ClinicalError: its storages write no ledger, or another one.
    """
    storages = instance.event_log_storage, instance.run_storage, instance.schedule_storage
    parts: list[object] = [*storages]
    writing = [part for part in parts if isinstance(part, LedgerWriting)]
    if len(writing) < len(parts):
        raise ClinicalError(
            "This Dagster instance keeps its history without the ledger, so what is done in it"
            " could not be shown",
            where=f"{instance.root_directory}/dagster.yaml",
            repair="Name the storage that deploy/dagster.yaml names; for SQLite, take the file"
            " away: it is written anew",
        )
    wanted = LedgerEngine(place.url).place
    if any(LedgerEngine(part.ledger_place.url).place != wanted for part in writing):
        raise ClinicalError(
            "This Dagster instance writes another ledger than the settings name",
            where=f"{instance.root_directory}/dagster.yaml",
            repair="Leave `ledger` out of dagster.yaml, so that CLINICAL_LEDGER_URL decides, or"
            " name the same one",
        )
