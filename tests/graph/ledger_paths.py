"""Dagster instances that write a ledger, on SQLite and PostgreSQL, and looking into that ledger."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml
from dagster import DagsterInstance, ExecuteInProcessResult
from sqlalchemy import create_engine, text

from clinical_assets.ledger.entry import Act, Actor, Entry, read_entry
from clinical_assets.ledger.verification import verify_ledger
from resources.actors import acting
from resources.dagster_instance.home import (
    dagster_instance,
    embedded_configuration,
    ledger_configuration,
)
from resources.ledger import Ledger, open_ledger
from resources.people.identity import IdentityRegister
from resources.people.service_credentials import credential_file
from resources.private_files import create_private
from resources.settings import Settings
from tests.graph.ledger_graph import defs

POSTGRES = os.environ.get("CLINICAL_TEST_POSTGRES", "postgresql+psycopg2://postgres@127.0.0.1:5432")
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass
class Site:
    """One installation: an instance and its ledger.

    Attributes:
        first: entries before this number are of another test.
    """

    settings: Settings
    instance: DagsterInstance
    first: int = 0

    @property
    def ledger(self) -> Ledger:
        """The ledger that the settings name."""
        return open_ledger(self.settings)

    def entries(self) -> list[Entry]:
        """Every entry of this test."""
        return [read_entry(row.body) for row in self.ledger.reader.rows(self.first)]

    def acts(self, prefix: str = "") -> list[Act]:
        """Acts whose action begins so, without those that only intend."""
        found = [entry.act for entry in self.entries()]
        return [act for act in found if act.action.startswith(prefix) and act.outcome != "intended"]

    def actions(self, prefix: str = "") -> list[str]:
        """The actions of :meth:`acts`."""
        return [act.action for act in self.acts(prefix)]

    def size(self) -> int:
        """How many entries there are."""
        return self.ledger.store.head().size

    def bodies(self) -> bytes:
        """Everything that the ledger stores of its entries."""
        return b"\n".join(row.body for row in self.ledger.reader.rows())

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Within, the ledger's database (SQLite) refuses every entry."""
        trigger = "BEFORE INSERT ON ledger_entries BEGIN SELECT RAISE(ABORT, 'disk is full'); END"
        with self.ledger.store.engine.writing() as transaction:
            connection = transaction.connection
            connection.execute(text(f"CREATE TRIGGER full {trigger}"))
        try:
            yield
        finally:
            with self.ledger.store.engine.writing() as transaction:
                connection = transaction.connection
                connection.execute(text("DROP TRIGGER full"))

    def run(self, job: str = "", **more: Any) -> ExecuteInProcessResult:
        """A run in this process."""
        found = defs.resolve_job_def(job) if job else defs.resolve_implicit_global_asset_job_def()
        return found.execute_in_process(
            instance=self.instance, raise_on_error=False, **{"run_config": QUIET, **more}
        )

    def verify(self) -> None:
        """The ledger's own verification finds nothing."""
        reader, store = self.ledger.reader, self.ledger.store
        head = store.head()
        notes = [*reader.notes(), head.note]
        report = verify_ledger(store.origin, reader.rows(), notes, store.keys.trusted())
        assert not report.problems, report.problems


@contextmanager
def sqlite_site(folder: Path, **settings: Any) -> Iterator[Site]:
    """The embedded installation, as every command makes it."""
    made = Settings.load(store=folder / "store", models=(), **settings)
    with dagster_instance(made) as instance:
        yield Site(made, instance)


def enrol_worker(settings: Settings) -> None:
    """The service that this process is; on PostgreSQL none is enrolled by itself."""
    settings.prepare()
    store, day = open_ledger(settings).store, date(2026, 11, 2)
    register = IdentityRegister(store, settings.keys)
    secret = "seven green turtles walking 9"
    register.bootstrap("rita", "Rita Root", secret, verified_by="HR", method="passport", on=day)
    with acting(Actor("person", "rita", "Rita Root", "session")):
        credential = register.enrol_service("worker", "Worker")
    create_private(credential_file(settings.keys, "worker"), credential.encode())


@contextmanager
def postgres_site(folder: Path) -> Iterator[Site]:
    """Runs, events, switches and the ledger in a PostgreSQL database of its own.

    The test is skipped where no server answers.
    """
    server = create_engine(POSTGRES, isolation_level="AUTOCOMMIT")
    name = f"eventlog_{uuid4().hex}"
    try:
        with server.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
    except Exception as error:
        pytest.skip(f"no PostgreSQL to test with: {type(error).__name__}")
    try:
        url = f"{POSTGRES}/{name}"
        made = Settings.load(store=folder / "store", models=(), ledger_url=url)
        made.dagster_home.mkdir(parents=True)
        configuration = embedded_configuration(made.dagster_home)
        configuration["storage"]["custom"] = {
            "module": "resources.dagster_instance.postgres",
            "class": "LedgerPostgresStorage",
            "config": {"postgres_url": url, "ledger": ledger_configuration(made)},
        }
        (made.dagster_home / "dagster.yaml").write_text(yaml.safe_dump(configuration))
        enrol_worker(made)
        with dagster_instance(made) as instance:
            yield Site(made, instance)
        open_ledger(made).store.engine.close()
    finally:
        with server.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        server.dispose()


def of(acts: Sequence[Act]) -> list[tuple[str, str]]:
    """Action and subject of each."""
    return [(act.action, act.subject.id) for act in acts]
