"""One transaction of the ledger: SQLAlchemy's connection, and a short way beside it.

What belongs here: sending statements that were compiled once, several in one journey where the
database is elsewhere. What does not: when transactions begin (:mod:`.engine`) and which
statements there are (:mod:`.rows`). SQLAlchemy takes some 100 microseconds a statement,
which is more than the insert itself; an append has half a dozen. PostgreSQL keeps each statement
prepared for as long as the connection lives, since it takes longer to plan one than to do it.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from sqlalchemy import Connection

Values = Mapping[str, Any]
_IN_TRANSACTION = 2  # PQTRANS_INTRANS of libpq: begun, idle, and not failed


class Transaction:
    """A transaction that has been begun.

    Args:
        connection: in autocommit, not yet in a transaction.
        begin: statements that begin it.
        first: a query to go with them; its first row becomes :attr:`first`.

    Attributes:
        connection: for statements of SQLAlchemy; whoever has it must not commit or roll back.
        committing: whether the commit was sent, so that it may have happened.
        after: a statement that waits for the disk; it goes with the commit, in one journey.
    """

    def __init__(self, connection: Connection, begin: str, first: str) -> None:
        self.connection = connection
        self.committing = False
        self.after = ""
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
            self._cursor.execute(f"{begin}; {self._prepared(first)}" if first else begin)
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
            self._cursor.execute(b"; ".join(self._with_values(later)))

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
        if self._driver.info.transaction_status != _IN_TRANSACTION:  # a commit would not say so
            raise self._driver.InternalError("the transaction was rolled back")
        parts = [*self._with_values(self._later), b"COMMIT"]
        if self.after:
            parts.append(self._prepared(self.after).encode())
        self.committing = True
        self._cursor.execute(b"; ".join(parts))

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

    def _with_values(self, later: Sequence[tuple[str, Sequence[Values]]]) -> list[bytes]:
        """Calls of the statements, values within."""
        templates = [(self._prepared(statement), rows) for statement, rows in later]
        return [self._cursor.mogrify(call, row) for call, rows in templates for row in rows]

    def _prepared(self, statement: str) -> str:
        """What calls ``statement``, with the places of its values; it is prepared if it is not."""
        calls: dict[str, str] = self.connection.info.setdefault("prepared", {})
        if statement not in calls:
            name, places = f"ledger_{len(calls)}", _Places()
            self._cursor.execute(f"PREPARE {name} AS {statement % places}")
            values = ", ".join(f"%({place})s" for place in places)
            calls[statement] = f"EXECUTE {name}({values})" if places else f"EXECUTE {name}"
        return calls[statement]


class _Places(dict[str, str]):
    """Names of values to places in a prepared statement, in the order in which they are met."""

    def __missing__(self, name: str) -> str:
        self[name] = place = f"${len(self) + 1}"
        return place
