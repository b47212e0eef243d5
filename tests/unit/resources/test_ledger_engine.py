"""Connecting, being alone, and what faults are called."""

import os
import shutil
import stat
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.entry import Act
from resources.ledger_database.engine import LedgerEngine
from resources.ledger_database.reader import LedgerReader
from tests.unit.resources.ledgers import LedgerInUse, act, numbers


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "SQLite or PostgreSQL"),
        ("mysql://host/db", "SQLite or PostgreSQL"),
        ("no address", "SQLite or PostgreSQL"),
        ("sqlite://", "in memory would be lost"),
        ("sqlite:///:memory:", "in memory would be lost"),
        ("sqlite:///file:x?mode=memory&uri=true", "in memory would be lost"),
    ],
)
def test_addresses_that_cannot_hold_a_ledger_are_refused(url: str, words: str) -> None:
    with pytest.raises(ClinicalError, match=words):
        LedgerEngine(url)


def test_no_password_is_shown() -> None:
    engine = LedgerEngine("postgresql://anna:hidden@127.0.0.1:1/db?connect_timeout=1")
    assert "hidden" not in engine.place
    refused = pytest.raises(ClinicalError, match="cannot be written or read")
    with refused as caught, engine.reading():
        pass
    assert "hidden" not in str(caught.value)


def test_a_relative_path_stays_what_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    in_use = LedgerInUse("sqlite:///kept.db", tmp_path)
    store = in_use.store()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    store.append([act()])
    assert (tmp_path / "kept.db").exists()
    assert list(Path().iterdir()) == []


def test_only_the_owner_reads_the_file(tmp_path: Path) -> None:
    store = LedgerInUse(f"sqlite:///{tmp_path}/new/ledger.db", tmp_path).store()
    store.append([act()])
    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in (tmp_path / "new").iterdir()}
    assert len(modes) == 4
    assert set(modes.values()) == {0o600}


def test_a_reading_transaction_sees_one_state_and_cannot_write(in_use: LedgerInUse) -> None:
    store = in_use.store()
    store.append([act()])
    count = text("SELECT count(*) FROM ledger_entries")
    with store.reading() as connection:
        before = connection.execute(count).scalar()
        in_use.store().append([act()])
        assert connection.execute(count).scalar() == before
    if in_use.postgresql:
        with pytest.raises(ClinicalError, match="read-only"), store.reading() as connection:
            connection.execute(text("DELETE FROM ledger_open_acts"))


def test_what_a_database_says_quotes_no_value(in_use: LedgerInUse) -> None:
    store = in_use.store()
    with pytest.raises(ClinicalError, match="cannot be written or read") as caught:
        store.decide(lambda c: c.execute(text("INSERT INTO nowhere VALUES ('Mrs Example')")))  # type: ignore[arg-type,return-value]
    assert "Example" not in str(caught.value)
    store.append([act()])


def test_a_decision_that_ends_the_transaction_is_refused(tmp_path: Path) -> None:
    store = LedgerInUse(f"sqlite:///{tmp_path}/l.db", tmp_path).store()
    store.append([act()])

    def commits(connection: Connection) -> list[Act]:
        driver: Any = connection.connection.driver_connection
        driver.execute("COMMIT")
        return [act()]

    with pytest.raises((ClinicalError, RuntimeError)):
        store.decide(commits)
    store.append([act()])
    assert numbers(store) == [0, 1, 2, 3]


@pytest.mark.parametrize("change", ["deleted", "replaced"])
def test_a_file_that_goes_away_while_open_is_noticed(tmp_path: Path, change: str) -> None:
    in_use = LedgerInUse(f"sqlite:///{tmp_path}/l.db", tmp_path)
    store = in_use.store()
    store.append([act()])
    shutil.copy(tmp_path / "l.db", tmp_path / "copy.db")
    for path in tmp_path.glob("l.db*"):
        path.unlink()
    if change == "replaced":
        (tmp_path / "copy.db").rename(tmp_path / "l.db")
    with pytest.raises(ClinicalError, match="deleted or replaced while it was open"):
        store.append([act()])
    with pytest.raises(ClinicalError):
        LedgerReader(store).entry(0)


def test_connections_that_the_server_closed_are_made_anew(in_use: LedgerInUse) -> None:
    if not in_use.postgresql:
        pytest.skip("SQLite has no server")
    store = in_use.store()
    store.append([act()])
    cut = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    for _ in range(3):
        with in_use.intruder() as connection:
            assert connection.exec_driver_sql(cut).all()
        store.append([act()])
        with in_use.intruder() as connection:
            connection.exec_driver_sql(cut)
        assert store.head().size == len(numbers(store))
    assert in_use.verify().passed


def test_a_connection_cut_within_a_decision_fails_closed(in_use: LedgerInUse) -> None:
    if not in_use.postgresql:
        pytest.skip("SQLite has no server")
    store = in_use.store()
    store.append([act()])

    def cut(connection: Connection) -> list[Act]:
        pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
        with in_use.intruder() as other:
            other.exec_driver_sql(f"SELECT pg_terminate_backend({pid}, 5000)")
        return [act()]

    with pytest.raises(ClinicalError, match="cannot be written"):
        store.decide(cut)
    store.append([act()])
    assert in_use.verify().size == 4


def test_a_server_that_commits_in_its_own_time_is_waited_for_all_the_same(
    in_use: LedgerInUse,
) -> None:
    """What was acknowledged is in the log that is on disk, by the server's own word."""
    if not in_use.postgresql:
        pytest.skip("SQLite waits in the commit")
    name = in_use.url.rpartition("/")[2]
    with in_use.intruder() as connection:
        connection.exec_driver_sql(f"ALTER DATABASE {name} SET synchronous_commit TO off")
    store = in_use.store()
    for turn in range(20):
        places: list[str] = []

        def decide(connection: Connection, places: list[str] = places) -> list[Act]:
            query = "SELECT pg_current_wal_insert_lsn()::text"
            places.append(connection.exec_driver_sql(query).scalar_one())
            return [act()]

        store.decide(decide)
        query = "SELECT pg_current_wal_flush_lsn() > %s::pg_lsn + 500"
        with in_use.intruder() as connection:  # an entry takes more than 500 bytes of the log
            assert connection.exec_driver_sql(query, (places[0],)).scalar_one(), turn


def test_an_append_is_two_journeys_to_the_server(
    in_use: LedgerInUse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Statements are prepared once a connection; writing, commit and the disk's wait are one."""
    if not in_use.postgresql:
        pytest.skip("SQLite has no server")
    import psycopg2
    import psycopg2.extensions

    sent: list[str] = []

    class Noting(psycopg2.extensions.cursor):
        def execute(self, query: Any, values: Any = None) -> None:
            sent.append(query if isinstance(query, str) else query.decode())
            super().execute(query, values)

    monkeypatch.setattr(psycopg2, "connect", partial(psycopg2.connect, cursor_factory=Noting))
    store = in_use.store()
    for _ in range(3):  # nodes of the tree are not written by each append
        store.append([act(), act(outcome="intended")])
    sent.clear()
    store.append([act()])
    store.append([act(), act(outcome="intended")])
    begun, written, _, again = sent
    assert begun.startswith("BEGIN")
    assert all("COMMIT; EXECUTE" in each for each in (written, again))
    assert "PREPARE" not in "".join(sent)


def test_a_transaction_that_failed_is_not_taken_for_committed(in_use: LedgerInUse) -> None:
    """PostgreSQL answers a commit of it with a rollback, which is no error to it."""
    if not in_use.postgresql:
        pytest.skip("a failed statement of SQLite fails alone")
    store = in_use.store()
    store.append([act()])
    with (
        pytest.raises(ClinicalError, match="nothing may happen"),
        store.engine.writing() as transaction,
        suppress(DBAPIError),
    ):
        transaction.connection.exec_driver_sql("SELECT 1 / 0")
    store.append([act()])
    assert numbers(store) == [0, 1, 2, 3]


def test_a_head_whose_commit_failed_is_not_taken_for_known(in_use: LedgerInUse) -> None:
    """Commit and the wait for the disk are sent together: the second must not hide the first."""
    if not in_use.postgresql:
        pytest.skip("SQLite puts nothing off to the commit")
    store = in_use.store()
    store.append([act()])
    made = (
        "CREATE FUNCTION refuse_late() RETURNS trigger LANGUAGE plpgsql AS"
        " $$BEGIN RAISE EXCEPTION 'late'; END$$;"
        "CREATE CONSTRAINT TRIGGER late AFTER INSERT ON ledger_entries"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_late()"
    )
    with in_use.intruder() as connection:
        connection.exec_driver_sql(made)
    for _ in range(2):
        with pytest.raises(ClinicalError, match="nothing may happen"):
            store.append([act()])
    with in_use.intruder() as connection:
        connection.exec_driver_sql("DROP TRIGGER late ON ledger_entries")
    store.append([act()])
    assert numbers(store) == [0, 1, 2, 3]
    assert in_use.verify().passed


def test_the_servers_clock_is_asked(in_use: LedgerInUse) -> None:
    store = in_use.store()
    with store.reading() as connection:
        assert abs(store.engine.now(connection) - datetime.now(UTC)) < timedelta(minutes=1)


def test_a_child_uses_no_connection_of_its_parent(in_use: LedgerInUse) -> None:
    store = in_use.store()
    store.append([act()])
    child = os.fork()
    if child == 0:
        store.append([act(subject="child")])
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    store.append([act()])
    assert numbers(store) == [0, 1, 2, 3, 4]
    assert in_use.verify().passed
