"""Ledgers in databases of their own, on SQLite and on PostgreSQL, for the tests of the store."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import OperationalError

from clinical_assets.ledger.actions import Nothing
from clinical_assets.ledger.checkpoint import PublicKey, SigningKey
from clinical_assets.ledger.entry import Act, Actor, Subject
from clinical_assets.ledger.verification import Report, verify_ledger
from resources.ledger import Ledger
from resources.ledger_database.reader import LedgerReader
from resources.ledger_database.store import LedgerStore
from resources.ledger_database.writers import Writers
from resources.newest_seen import NewestSeen

SERVER = os.environ.get("CLINICAL_TEST_POSTGRESQL", "postgresql://postgres@127.0.0.1:5432")
WORKER = Actor("service", "s-1", "Worker", "service-credential")
ANNA = Actor("person", "p-1", "Anna Example", "session")


class FixedKeys:
    """One key, handed in: the keys' own storage is tested elsewhere."""

    def __init__(self, pem: bytes = b"") -> None:
        self.pem = pem or SigningKey.generate("any").pem
        self.name = "any"

    def signing(self, name: str) -> SigningKey:
        self.name = name
        return SigningKey.from_pem(name, self.pem)

    def withdrawn(self) -> tuple[PublicKey, ...]:
        return ()

    def trusted(self) -> tuple[PublicKey, ...]:
        return (SigningKey.from_pem(self.name, self.pem).public,)


class LedgerInUse:
    """A ledger of a test: its address, its key, and an intruder's way into its database."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.folder = folder
        self.keys = FixedKeys()
        self.postgresql = url.startswith("postgresql")

    def store(self, **more: Any) -> LedgerStore:
        """A store as another process would open it."""
        return LedgerStore(self.url, self.keys, software="0.1.0 abc", **more)

    def ledger(self, store: LedgerStore | None = None, writers: Writers | None = None) -> Ledger:
        writers = writers or Writers(self.folder / "writers")
        seen = NewestSeen(self.folder / "seen")
        found = store or self.store(writer=writers.name)
        return Ledger(found, lambda _: WORKER, writers, self.folder, seen=seen)

    def verify(self) -> Report:
        """By a verifier that trusts no stored hash."""
        store = self.store()
        reader = LedgerReader(store)
        note = store.head().note
        report = verify_ledger(
            store.origin,
            reader.rows(),
            [*reader.notes(), note],
            [self.keys.signing(store.origin).public],
        )
        store.engine.close()
        return report

    @contextmanager
    def intruder(self, *, owner: bool = False) -> Iterator[Connection]:
        """Someone with the application's rights; an ``owner`` has switched the triggers off."""
        engine = create_engine(driven(self.url))
        with engine.begin() as connection:
            if owner:
                _drop_triggers(connection)
            yield connection
        engine.dispose()


def _drop_triggers(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        query = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        for (name,) in connection.exec_driver_sql(query).all():
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
        return
    for table in ("layouts", "entries", "nodes", "checkpoints"):
        connection.exec_driver_sql(f"ALTER TABLE ledger_{table} DISABLE TRIGGER USER")


def driven(url: str) -> str:
    """The address with the driver that the software uses."""
    return url.replace("postgresql:", "postgresql+psycopg2:")


@contextmanager
def postgresql_database() -> Iterator[str]:
    """A database of its own; the test is skipped where no server answers."""
    name = f"clinical_test_{uuid4().hex[:12]}"
    server = create_engine(
        driven(f"{SERVER}/postgres"),
        isolation_level="AUTOCOMMIT",
        connect_args={"connect_timeout": 3},
    )
    try:
        with server.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
    except OperationalError:
        pytest.skip("no PostgreSQL answers at 127.0.0.1:5432: not tried on PostgreSQL")
    try:
        yield f"{SERVER}/{name}"
    finally:
        with server.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
        server.dispose()


def empty(url: str) -> None:
    """Takes the ledger out of a PostgreSQL database that several tests use one after another."""
    engine = create_engine(driven(url), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    engine.dispose()


def act(name: str = "", subject: str = "r-1", **more: Any) -> Act:
    """A small act, of a new name unless one is given."""
    return Act(
        name or uuid4().hex,
        more.pop("actor", WORKER),
        more.pop("action", "run.started"),
        Subject("run", subject),
        more.pop("details", Nothing()),
        **more,
    )


def numbers(store: LedgerStore) -> list[int]:
    """Numbers of all rows."""
    return [row.seq for row in LedgerReader(store).rows()]


class Clock:
    """A clock that shows what it is told to."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now
