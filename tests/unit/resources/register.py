"""A register of a test's own, on SQLite or PostgreSQL, with a clock that the test sets."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import func, select, update

from clinical_assets.ledger.checkpoint import PublicKey, SigningKey
from clinical_assets.ledger.entry import Actor, Entry, read_entry
from resources.actors import acting
from resources.ledger_database.reader import LedgerReader
from resources.ledger_database.store import LedgerStore
from resources.ledger_database.tables import ENTRIES
from resources.people.claims import Claim
from resources.people.identity import IdentityRegister
from resources.people.secret_hashing import SecretHashing

FAST = SecretHashing(kibibytes=64, passes=1, lanes=1)
GOOD = "horse staple battery"
OTHER = "another long secret 7"
RITA = Actor("person", "rita", "Rita Root", "session")
_SERVER = "postgresql+psycopg2://postgres@127.0.0.1:5432"


class Keys:
    """A ledger's key in memory."""

    def __init__(self) -> None:
        self.key = SigningKey.generate("test")

    def signing(self, name: str) -> SigningKey:
        self.key = SigningKey(name, self.key.private)
        return self.key

    def withdrawn(self) -> tuple[PublicKey, ...]:
        return ()

    def trusted(self) -> tuple[PublicKey, ...]:
        return (self.key.public,)


@dataclass
class Clock:
    """A clock that stands until it is set forward."""

    now: datetime = field(default_factory=lambda: datetime(2026, 11, 24, 12, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **time: float) -> None:
        self.now += timedelta(**time)


@dataclass
class Place:
    """A ledger with its register."""

    store: LedgerStore
    keys: Path
    clock: Clock

    @property
    def register(self) -> IdentityRegister:
        return IdentityRegister(self.store, self.keys, hashing=FAST)

    def entries(self, action: str = "") -> list[Entry]:
        found = [read_entry(row.body) for row in LedgerReader(self.store).rows()]
        return [entry for entry in found if entry.act.action.startswith(action)]

    def last(self) -> tuple[str, str, str, str]:
        """Actor, action, outcome and reason of the newest entry."""
        act = self.entries()[-1].act
        return act.actor.id, act.action, act.outcome, act.reason

    def administered(self) -> "Place":
        """With the administrator Rita."""
        self.register.bootstrap(
            "rita", "Rita Root", GOOD, verified_by="HR", method="passport", on=date(2026, 11, 2)
        )
        return self

    def enrolled(self, id: str, name: str, *roles: str, secret: str = GOOD) -> str:
        """Enrols a person and has an own secret set; the id."""
        with acting(RITA):
            issued = self.register.enrol(
                id, name, roles, verified_by="rita", method="passport", on=date(2026, 11, 2)
            )
        self.register.change_secret(Claim(id, issued), secret)
        return id

    def state(self, id: str) -> str:
        with self.store.engine.reading() as connection:
            return self.register.accounts.get(id, connection).person.state

    @contextmanager
    def intruder(self) -> Iterator:
        """A connection of somebody who owns the database and has dropped its triggers."""
        with self.store.engine.writing() as transaction:
            connection = transaction.connection
            for trigger in ("identity_accounts_no_delete", "identity_sessions_no_delete"):
                table = trigger.removesuffix("_no_delete")
                on = "" if self.store.engine.embedded else f" ON {table}"
                connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {trigger}{on}")
            yield connection


def on_sqlite(folder: Path) -> Place:
    clock = Clock()
    url = f"sqlite:///{folder / 'ledger.db'}"
    return Place(LedgerStore(url, Keys(), clock=clock), folder / "keys", clock)


def hide(place: Place, connection: Any, action: str) -> None:
    """Makes searches by subject miss the newest entry of an action."""
    if place.store.engine.embedded:
        connection.exec_driver_sql("DROP TRIGGER ledger_entries_no_update")
    else:
        connection.exec_driver_sql("DROP TRIGGER ledger_entries_no_change ON ledger_entries")
    newest = select(func.max(ENTRIES.c.seq)).where(ENTRIES.c.action == action).scalar_subquery()
    connection.execute(update(ENTRIES).where(ENTRIES.c.seq == newest).values(subject_id="x"))


def again(place: Place) -> Place:
    """As another process sees it."""
    url = place.store.engine.url.render_as_string(hide_password=False)
    return Place(LedgerStore(url, place.store.keys, clock=place.clock), place.keys, place.clock)


def on_postgresql(database: str, folder: Path) -> Place:
    """In a schema of its own of ``database``."""
    from sqlalchemy import create_engine

    schema = f"t{uuid4().hex}"
    engine = create_engine(database)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE SCHEMA {schema}")
    engine.dispose()
    clock = Clock()
    url = f"{database}?options=-csearch_path%3D{schema}"
    return Place(LedgerStore(url, Keys(), clock=clock), folder / "keys", clock)


@contextmanager
def postgresql_database() -> Iterator[str]:
    """A new database; skips the test where no server answers."""
    from sqlalchemy import create_engine
    from sqlalchemy.exc import OperationalError

    name = f"clinical_identity_{uuid4().hex[:12]}"
    engine = create_engine(f"{_SERVER}/postgres", isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
    except OperationalError:
        pytest.skip("no PostgreSQL answers at 127.0.0.1:5432 as user postgres")
    try:
        yield f"{_SERVER}/{name}"
    finally:
        with engine.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
        engine.dispose()
