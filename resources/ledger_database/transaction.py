"""One transaction of the ledger: SQLAlchemy's connection, and a short way beside it.

What belongs here: sending statements that were compiled once, several in one journey where the
database is elsewhere. What does not: when transactions begin (:mod:`.engine`) and which
statements there are (:mod:`.rows`). SQLAlchemy takes some 100 microseconds a statement,
which is more than the insert itself; an append has half a dozen.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from sqlalchemy import Connection

Values = Mapping[str, Any]


class Transaction:
    """A transaction that has been begun.

    Args:
        connection: in autocommit, not yet in a transaction.
        begin: statements that begin it.
        first: a query to go with them; its first row becomes :attr:`first`.

    Attributes:
        connection: for statements of SQLAlchemy; whoever has it must not commit or roll back.
        committing: whether the commit was sent, so that it may have happened.
        committed: called once it is committed, while the disk is still waited for; not where
            the commit itself waits for it.
        after: statements that wait for the disk.
    """

    def __init__(self, connection: Connection, begin: str, first: str) -> None:
        self.connection = connection
        self.committing = False
        self.after = ""
        self.committed: Callable[[], None] = lambda: None
        driver: Any = connection.connection.driver_connection
        self._driver = driver
        self._cursor = self._driver.cursor()
        self._embedded = connection.dialect.name == "sqlite"
        self._later: list[tuple[str, Sequence[Values]]] = []
        if self._embedded:
            self._cursor.execute(begin)
            if first:
                self._cursor.execute(first)
        else:
            self._cursor.execute(f"{begin}; {first}" if first else begin)
        self.first: tuple[Any, ...] | None = self._cursor.fetchone() if first else None

    def later(self, statement: str, rows: Sequence[Values]) -> None:
        """Executes ``statement`` for each of ``rows``, together with the commit."""
        if rows:
            self._later.append((statement, rows))

    def settle(self) -> None:
        """Executes now what was put off."""
        later, self._later = self._later, []
        if self._embedded:
            for statement, rows in later:
                self._cursor.executemany(statement, rows)
        elif later:
            self._cursor.execute(b"; ".join(self._with_values(*each) for each in later))

    @property
    def lives(self) -> bool:
        """Whether it is still open: SQLite ends one by itself when its disk is full."""
        return not self._embedded or bool(self._driver.in_transaction)

    def commit(self) -> None:
        """Writes what was put off, commits, and does what is due afterwards."""
        if self._embedded:
            self.settle()
            self.committing = True
            self._cursor.execute("COMMIT")
            return
        parts = [self._with_values(*each) for each in self._later]
        self.committing = True
        self._cursor.execute(b"; ".join([*parts, b"COMMIT"]))
        if self._cursor.statusmessage != "COMMIT":  # so a failed transaction is answered
            raise self._driver.InternalError("the transaction was rolled back")
        if self.after:
            self.committed()
            self._cursor.execute(self.after)

    def abandon(self) -> None:
        """Undoes everything; a connection that cannot is not used again."""
        try:
            self._cursor.execute("ROLLBACK")
        except Exception:
            with suppress(Exception):
                self._cursor.close()
                self.connection.invalidate()

    def close(self) -> None:
        """Gives the connection back. Its cursor first: SQLite keeps a file open for it."""
        with suppress(Exception):
            self._cursor.close()
        self.connection.close()

    def _with_values(self, statement: str, rows: Sequence[Values]) -> bytes:
        """As one statement, values within; many rows of an insert as one list."""
        head, found, template = statement.partition(" VALUES ")
        if not found:
            return b"; ".join(self._cursor.mogrify(statement, row) for row in rows)
        return (head + found).encode() + b", ".join(
            self._cursor.mogrify(template, row) for row in rows
        )
