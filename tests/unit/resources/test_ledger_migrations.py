"""A ledger of the first layout is opened, gets the register's tables, and verifies as before."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.checkpoint import PublicKey, SigningKey
from clinical_assets.ledger.verification import verify_ledger
from resources.ledger_database.migrations import LAYOUT
from resources.ledger_database.reader import LedgerReader
from resources.ledger_database.store import LedgerStore
from tests.unit.resources.register import FAST, Clock, Place

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "ledger-layout-1.sql"


class GoldenKeys:
    """The key that the golden ledger was written with; it protects nothing else."""

    name = "unnamed"

    def signing(self, name: str) -> SigningKey:
        self.name = name
        seed = sha256(b"the key of the golden ledger").digest()
        return SigningKey(name, Ed25519PrivateKey.from_private_bytes(seed))

    def withdrawn(self) -> tuple[PublicKey, ...]:
        return ()

    def trusted(self) -> tuple[PublicKey, ...]:
        return (self.signing(self.name).public,)


@pytest.fixture
def url(tmp_path: Path) -> str:
    with sqlite3.connect(tmp_path / "ledger.db") as database:
        database.executescript(GOLDEN.read_text())
    database.close()
    return f"sqlite:///{tmp_path / 'ledger.db'}"


def opened(url: str) -> LedgerStore:
    keys = GoldenKeys()
    store = LedgerStore(url, keys)
    keys.name = store.engine.place  # replaced below by the ledger's own name
    with store.engine.reading() as connection:
        keys.name = str(connection.exec_driver_sql("SELECT origin FROM ledger_layouts").scalar())
    return store


def layouts(store: LedgerStore) -> list[int]:
    with store.engine.reading() as connection:
        found = connection.exec_driver_sql("SELECT number FROM ledger_layouts ORDER BY number")
        return [row[0] for row in found]


def test_old_entries_and_checkpoints_verify(url: str) -> None:
    store = opened(url)
    reader = LedgerReader(store)
    with store.engine.reading() as connection:
        entries = connection.exec_driver_sql("SELECT body FROM ledger_entries ORDER BY seq")
        before = [row[0] for row in entries]
    origin = store.origin
    after = list(reader.rows())
    assert [row.body for row in after[: len(before)]] == before
    assert layouts(store) == [1, LAYOUT]
    migrated = reader.entry(len(before)).act
    assert (migrated.action, migrated.actor.id) == ("ledger.migrated", "ledger")
    assert (migrated.details.before, migrated.details.after) == ("1", str(LAYOUT))
    store.checkpoint()
    report = verify_ledger(origin, after, reader.notes(), store.keys.trusted())
    assert (report.problems, report.checkpoints, report.covered) == ((), 2, len(after))


def test_it_is_migrated_once_and_then_holds_people(url: str, tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        stores = list(pool.map(lambda _: opened(url), range(4)))
        list(pool.map(lambda store: store.origin, stores))
    assert layouts(stores[0]) == [1, LAYOUT]
    place = Place(stores[0], tmp_path / "keys", Clock()).administered()
    assert place.register.hashing is FAST
    assert len(place.entries("ledger.migrated")) == 1
    assert place.state("rita") == "active"


def test_a_later_layout_is_refused(url: str) -> None:
    store = opened(url)
    with store.engine.writing() as transaction:
        transaction.connection.exec_driver_sql(
            "INSERT INTO ledger_layouts SELECT 999, origin FROM ledger_layouts"
        )
    with pytest.raises(ClinicalError, match=f"layout 999, this software knows {LAYOUT}"):
        _ = store.origin


def test_a_tampered_old_ledger_is_not_migrated(url: str) -> None:
    store = opened(url)
    with store.engine.writing() as transaction:
        connection = transaction.connection
        connection.exec_driver_sql("DROP TRIGGER ledger_entries_no_delete")
        connection.exec_driver_sql("DELETE FROM ledger_entries WHERE seq = 6")
    with pytest.raises(ClinicalError):
        _ = store.origin
    assert layouts(store) == [1]


def test_a_new_ledger_has_the_newest_layout_alone(tmp_path: Path) -> None:
    from tests.unit.resources.register import on_sqlite

    place = on_sqlite(tmp_path)
    _ = place.store.origin
    assert layouts(place.store) == [LAYOUT]
    assert place.entries("ledger.migrated") == []


def test_writing_from_within_a_decision_is_an_error_and_no_deadlock(tmp_path: Path) -> None:
    from tests.unit.resources.register import on_sqlite

    store = on_sqlite(tmp_path).store
    with pytest.raises(RuntimeError, match="within a decision"):
        store.decide(lambda _: store.append([]))
    assert store.append([]) == ()
