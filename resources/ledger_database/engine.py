"""What differs between SQLite and PostgreSQL for the ledger: connecting, one writer, durability.

What belongs here: how to have the database to oneself for a transaction, when a commit is on disk,
and whose clock is asked. What does not: what is written (:mod:`.store`), and how faults are
worded (:mod:`.faults`).

SQLite: WAL with ``synchronous=FULL``; writers of all processes queue on a file lock, because
SQLite's own waiting is neither fair nor quick. PostgreSQL: writers queue on an advisory lock that
is held while the rows are written but not while the disk is waited for: the commit is asynchronous,
and an append is acknowledged after a second transaction that waits for the log. So many processes
share one wait, and nothing acknowledged is lost, since the log is flushed in order.

Connections are in autocommit, and transactions are begun and ended here in plain SQL: so beginning,
locking and reading the head are one journey to PostgreSQL, and writing, committing and waiting for
the log another. Statements stay prepared in a connection, so a pooler in between must give each
connection a server process of its own for as long as it lives ("session" mode).
"""

import fcntl
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Dialect, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from clinical_assets.errors import ClinicalError
from resources.forks import renewed_after_fork
from resources.ledger_database.faults import database_faults
from resources.ledger_database.transaction import Transaction

_ADVISORY = 0x636C6C67  # "cllg": the ledger's lock in its database
# An empty transaction waits for nothing: this one writes a message into the log. A server whose
# commits are asynchronous by default would not wait for it either.
_POSTGRESQL_FLUSH = (
    "SELECT pg_logical_emit_message(true, 'clinical-ledger', ''), "
    "set_config('synchronous_commit', coalesce("
    "nullif(current_setting('synchronous_commit'), 'off'), 'on'), true)"
)
_POSTGRESQL_WRITING = (
    "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; "
    "SET LOCAL synchronous_commit TO off; SET LOCAL lock_timeout TO '60s'; "
    f"SELECT pg_advisory_xact_lock({_ADVISORY})",
    _POSTGRESQL_FLUSH,
)
_POSTGRESQL_READING = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_inherited: list[Engine] = []  # of a parent process, kept so that nothing closes them here


class LedgerEngine:
    """A database that holds a ledger.

    Args:
        url: ``sqlite:///…`` or ``postgresql://…`` (SQLAlchemy).

    Attributes:
        place: where the ledger is, without a password, for messages.

    Raises:
        ClinicalError: the address is not one of these.
    """

    def __init__(self, url: str) -> None:
        self.url = _parsed(url)
        self.embedded = self.url.get_backend_name() == "sqlite"
        self._mutex = threading.Lock()
        self._made: Engine | None = None
        if self.embedded:
            self._file = Path(str(self.url.database)).absolute()
            self.url = self.url.set(database=str(self._file))
        self.place = (
            str(self._file) if self.embedded else self.url.render_as_string(hide_password=True)
        )
        renewed_after_fork(self)

    def after_fork(self) -> None:
        """In a child: connections do not survive a fork, and closing them closes the parent's."""
        self._mutex = threading.Lock()
        if self._made is not None:
            _inherited.append(self._made)
            self._made = None

    @property
    def dialect(self) -> Dialect:
        """SQLAlchemy's word for the kind of database."""
        return self._engine.dialect

    def close(self) -> None:
        """Gives the connections back."""
        with self._mutex:
            if self._made is not None:
                self._made.dispose()
                self._made = None

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one state and cannot write.

        Raises:
            ClinicalError: the database does not answer.
        """
        begin = "BEGIN" if self.embedded else _POSTGRESQL_READING
        with database_faults(self.place), self._transaction(begin, "") as transaction:
            yield transaction.connection

    @contextmanager
    def writing(self, first: str = "") -> Iterator[Transaction]:
        """A transaction that no other writer overlaps; when the block is left, it is on disk.

        Args:
            first: a query whose first row the transaction has as ``first``.

        Raises:
            ClinicalError: the database does not answer, or refuses. Then nothing was written, or
                it is not known whether it was; never is a part written.
        """
        begin, after = ("BEGIN IMMEDIATE", "") if self.embedded else _POSTGRESQL_WRITING
        _ = self._engine  # before the queue, which it needs itself when it is made
        with (
            database_faults(self.place),
            self._queue() if self.embedded else nullcontext(),
            self._transaction(begin, first, after) as transaction,
        ):
            yield transaction

    def flush(self) -> None:
        """Waits until everything that can be read is on disk."""
        if not self.embedded:
            with database_faults(self.place), self._transaction(_POSTGRESQL_READING, "") as opened:
                opened.after = _POSTGRESQL_FLUSH

    def now(self, connection: Connection) -> datetime:
        """The time of the server that holds the ledger (P11-05: not the client's clock)."""
        if self.embedded:
            return datetime.now(UTC)
        found: datetime = connection.exec_driver_sql("SELECT clock_timestamp()").scalar_one()
        return found.astimezone(UTC)

    @property
    def _engine(self) -> Engine:
        with self._mutex:
            if self._made is None:
                self._made = self._connectable()
            return self._made

    @contextmanager
    def _transaction(self, begin: str, first: str, after: str = "") -> Iterator[Transaction]:
        with ExitStack() as stack:
            transaction = self._begun(begin, first)
            stack.callback(transaction.close)
            transaction.after = after
            try:
                yield transaction
                transaction.commit()
            except BaseException:
                transaction.abandon()
                raise

    def _begun(self, begin: str, first: str) -> Transaction:
        """Begins; once more where the server had closed a connection that was at rest."""
        for last in (False, True):
            engine = self._engine
            connection = engine.connect()
            try:
                if self.embedded:
                    self._demand_same_file(connection)
                return Transaction(connection, begin, first)
            except BaseException as error:
                lost = not self.embedded and _is_lost(engine.dialect, error, connection)
                connection.invalidate()
                connection.close()
                if last or not lost:
                    raise
                engine.dispose()  # the others at rest are no better
        raise AssertionError("unreachable")

    def _demand_same_file(self, connection: Connection) -> None:
        """SQLite goes on writing into a file that was deleted or replaced; that would be lost."""
        try:
            there = _identity(self._file)
        except FileNotFoundError:
            there = None
        if connection.info["file"] != there:
            raise ClinicalError(
                "The ledger's file was deleted or replaced while it was open",
                where=self.place,
                repair="Nothing is appended: put the file back or restore the ledger from a backup,"
                " then start the software again",
            )

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
            return create_engine(
                self.url, isolation_level="AUTOCOMMIT", pool_size=8, max_overflow=24
            )
        with database_faults(self.place):
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not self._file.exists():
                with suppress(FileExistsError):
                    os.close(os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
            # Alone, because SQLite does not wait for others when it changes the kind of journal.
            with self._queue(), closing(sqlite3.connect(self._file, timeout=60.0)) as connection:
                connection.execute("PRAGMA journal_mode=WAL")
        engine = create_engine(
            self.url,
            isolation_level="AUTOCOMMIT",
            paramstyle="named",
            connect_args={"timeout": 60.0},
        )

        def prepare(connection: Any, record: Any) -> None:
            # Each append touches a page of every index. Copied into the file four times as rarely
            # as by default, most of these copies fall together.
            for pragma in ("synchronous=FULL", "wal_autocheckpoint=4000"):
                connection.execute(f"PRAGMA {pragma}")
            record.info["file"] = _identity(self._file)

        event.listen(engine, "connect", prepare)
        return engine


def _identity(file: Path) -> tuple[int, int]:
    found = file.stat()
    return found.st_dev, found.st_ino


def _is_lost(dialect: Dialect, error: BaseException, connection: Connection) -> bool:
    raw: Any = dialect.loaded_dbapi
    if not isinstance(error, raw.Error):
        return False
    return dialect.is_disconnect(error, connection.connection.driver_connection, None)


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
    if found.get_backend_name() == "postgresql":
        return found.set(drivername="postgresql+psycopg2")
    if not found.database or found.database.startswith((":", "file:")):
        raise ClinicalError(
            "A ledger in memory would be lost",
            where="CLINICAL_LEDGER_URL",
            repair="Name a file: sqlite:///path",
        )
    return found.set(drivername="sqlite+pysqlite", query={})
