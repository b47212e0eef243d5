"""Dagster's storage on PostgreSQL in which every act is in the ledger first.

What belongs here: Dagster's own PostgreSQL storages with the acts of :mod:`.event_log`,
:mod:`.run_storage` and :mod:`.schedule_storage` before them, and the three as one,
which ``deploy/dagster.yaml`` names. Dagster's tables and the ledger's may lie in one database or
in two; the roles that write them should differ.
"""

from typing import Any

from dagster._core.storage.base_storage import DagsterStorage
from dagster._core.storage.config import pg_config
from dagster._serdes import ConfigurableClassData
from dagster_postgres import DagsterPostgresStorage
from dagster_postgres.event_log import PostgresEventLogStorage
from dagster_postgres.run_storage import PostgresRunStorage
from dagster_postgres.schedule_storage import PostgresScheduleStorage
from dagster_postgres.utils import get_token_provider_from_config, pg_url_from_config
from sqlalchemy.engine import make_url

from resources.dagster_instance.event_log import LedgerEventLog
from resources.dagster_instance.run_storage import LedgerRuns
from resources.dagster_instance.schedule_storage import LedgerSwitches
from resources.dagster_instance.writing import (
    LedgerPlace,
    LedgerWriting,
    with_ledger,
    without_ledger,
)


class _OfPostgres(LedgerWriting):
    """How each of the three is made from ``dagster.yaml``; the stock ones make stock ones."""

    @classmethod
    def config_type(cls) -> Any:
        """The stock storage's, and where the ledger is."""
        return with_ledger(pg_config())

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> Any:
        """As Dagster makes it from ``dagster.yaml``."""
        made: Any = cls(inst_data=inst_data, **_connecting(config_value))  # type: ignore[call-arg]
        made.writing_to(LedgerPlace.of_config(config_value))
        return made


class LedgerPostgresEventLogStorage(_OfPostgres, LedgerEventLog, PostgresEventLogStorage):
    """Dagster's event log on PostgreSQL, with the ledger before it."""


class LedgerPostgresRunStorage(_OfPostgres, LedgerRuns, PostgresRunStorage):
    """Dagster's runs on PostgreSQL, with the ledger before them."""


class LedgerPostgresScheduleStorage(_OfPostgres, LedgerSwitches, PostgresScheduleStorage):
    """Dagster's schedules and sensors on PostgreSQL, with the ledger before them."""


class LedgerPostgresStorage(DagsterPostgresStorage):
    """Runs, events and switches on PostgreSQL, with the ledger before them."""

    def __init__(
        self,
        postgres_url: str,
        should_autocreate_tables: bool = True,
        inst_data: ConfigurableClassData | None = None,
        token_provider: Any = None,
        place: LedgerPlace | None = None,
    ) -> None:
        self.postgres_url = postgres_url
        self.should_autocreate_tables = should_autocreate_tables
        self._inst_data = inst_data
        connecting: dict[str, Any] = {
            "postgres_url": postgres_url,
            "should_autocreate_tables": should_autocreate_tables,
            "token_provider": token_provider,
        }
        runs = LedgerPostgresRunStorage(**connecting)
        events = LedgerPostgresEventLogStorage(**connecting)
        switches = LedgerPostgresScheduleStorage(**connecting)
        for part in (runs, events, switches):
            part.writing_to(place)
        self._run_storage = runs
        self._event_log_storage = events
        self._schedule_storage = switches
        start: Any = DagsterStorage.__init__
        start(self)  # the stock class would open its own storages as well

    @classmethod
    def config_type(cls) -> Any:
        """The stock storage's, and where the ledger is."""
        return with_ledger(pg_config())

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Any
    ) -> "LedgerPostgresStorage":
        """As Dagster makes it from ``dagster.yaml``."""
        place = LedgerPlace.of_config(config_value)
        return cls(inst_data=inst_data, place=place, **_connecting(config_value))


def _connecting(config: Any) -> dict[str, Any]:
    plain = without_ledger(config)
    url = make_url(pg_url_from_config(plain))
    if url.drivername == "postgresql":  # SQLAlchemy 2.1 takes psycopg for it, Dagster psycopg2
        url = url.set(drivername="postgresql+psycopg2")
    return {
        "postgres_url": url.render_as_string(hide_password=False),
        "should_autocreate_tables": plain.get("should_autocreate_tables", True),
        "token_provider": get_token_provider_from_config(plain),
    }
