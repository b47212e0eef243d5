"""What differs between SQLite and PostgreSQL for the ledger: connecting, one writer, durability.

What belongs here: how to have the database to oneself for a transaction, when a commit is on disk,
and whose clock is asked. What does not: what is written (:mod:`.ledger_store`).

SQLite: WAL with ``synchronous=FULL``; writers of all processes queue on a file lock, because
SQLite's own waiting is neither fair nor quick. PostgreSQL: writers queue on an advisory lock that
is held while the rows are written but not while the disk is waited for: the commit is asynchronous,
and an append is acknowledged after a second transaction that waits for the log. So many processes
share one wait, and nothing acknowledged is lost, since the log is flushed in order.
"""

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from clinical_assets.errors import ClinicalError

_ADVISORY = 0x636C6C67  # "cllg": the ledger's lock in its database


class LedgerEngine:
    """A database that holds a ledger.

    Args:
        url: ``sqlite:///…`` or ``postgresql://…`` (SQLAlchemy).

    Raises:
        ClinicalError: the address is not one of these.
    """

    def __init__(self, url: str) -> None:
        self.url = _parsed(url)
        self.embedded = self.url.get_backend_name() == "sqlite"
        self._mutex = threading.Lock()
        self._made: tuple[int, Engine] | None = None
        if self.embedded:
            self._file = Path(str(self.url.database)).absolute()

    @property
    def place(self) -> str:
        """Where the ledger is, without a password, for messages."""
        return str(self._file) if self.embedded else self.url.render_as_string(hide_password=True)

    @property
    def _engine(self) -> Engine:
        pid = os.getpid()
        with self._mutex:
            if self._made is None or self._made[0] != pid:  # connections do not survive a fork
                self._made = (pid, self._connectable())
            return self._made[1]

    def close(self) -> None:
        """Gives the connections back."""
        with self._mutex:
            if self._made is not None and self._made[0] == os.getpid():
                self._made[1].dispose()
            self._made = None

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one state.

        Raises:
            ClinicalError: the database does not answer.
        """
        with database_faults(self.place), self._engine.connect() as connection:
            if not self.embedded:
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that no other writer overlaps; when the block is left, it is on disk.

        Raises:
            ClinicalError: the database does not answer, or refuses. Then nothing was written, or
                it is not known whether it was; never is a part written.
        """
        with database_faults(self.place):
            if self.embedded:
                with self._queue(), self._engine.connect() as connection:
                    connection = connection.execution_options(immediate=True)
                    with connection.begin():
                        yield connection
            else:
                with self._engine.connect() as connection:
                    with connection.begin():
                        connection.execute(text("SET LOCAL synchronous_commit TO off"))
                        connection.execute(text(f"SELECT pg_advisory_xact_lock({_ADVISORY})"))
                        yield connection
                    self._flush(connection)

    def flush(self) -> None:
        """Waits until everything that can be read is on disk."""
        if not self.embedded:
            with database_faults(self.place), self._engine.connect() as connection:
                self._flush(connection)

    def now(self, connection: Connection) -> datetime:
        """The time of the server that holds the ledger (P11-05: not the client's clock)."""
        if self.embedded:
            return datetime.now(UTC)
        found: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
        return found.astimezone(UTC)

    def _flush(self, connection: Connection) -> None:
        # An empty transaction waits for nothing: this one writes a message into the log.
        with connection.begin():
            connection.execute(text("SELECT pg_logical_emit_message(true, 'clinical-ledger', '')"))

    @contextmanager
    def _queue(self) -> Iterator[None]:
        lock = os.open(
            self._file.with_name(self._file.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600
        )
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _connectable(self) -> Engine:
        if not self.embedded:
            return create_engine(self.url, pool_pre_ping=True, pool_size=8, max_overflow=24)
        with database_faults(self.place):
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not self._file.exists():
                with suppress(FileExistsError):
                    os.close(os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        engine = create_engine(self.url, connect_args={"timeout": 60.0})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions are begun below, not by the driver
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    immediate = connection.get_execution_options().get("immediate", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


@contextmanager
def database_faults(place: str) -> Iterator[None]:
    """Words what a database or its disk raises; the driver's own words may quote values."""
    try:
        yield
    except DBAPIError as error:
        reason = type(error.orig).__name__ if error.orig is not None else type(error).__name__
        words = str(error.orig) if _is_plain(error.orig) else reason
        raise _refused(words, place) from error
    except SQLAlchemyError as error:
        raise _refused(type(error).__name__, place) from error
    except OSError as error:
        raise _refused(error.strerror or type(error).__name__, place) from error


def _is_plain(error: object) -> bool:
    """SQLite's messages name tables and conditions, never values."""
    import sqlite3

    return isinstance(error, sqlite3.Error)


def _refused(words: str, place: str) -> ClinicalError:
    return ClinicalError(
        f"The ledger cannot be written or read ({' '.join(words.split())}), so nothing may happen",
        where=place,
        repair="Check that the disk has free space and that the database answers, then try again",
    )


def _parsed(url: str) -> URL:
    try:
        found = make_url(url)
    except ArgumentError:
        found = None
    if found is None or found.get_backend_name() not in ("sqlite", "postgresql"):
        raise ClinicalError(
            "The ledger needs a database of SQLite or PostgreSQL",
            where="CLINICAL_LEDGER_URL",
            repair="Write sqlite:///path or postgresql://host/database",
        )
    if found.drivername == "postgresql":
        found = found.set(drivername="postgresql+psycopg2")
    if found.get_backend_name() == "sqlite" and not found.database:
        raise ClinicalError(
            "A ledger in memory would be lost",
            where="CLINICAL_LEDGER_URL",
            repair="Name a file: sqlite:///path",
        )
    return found
