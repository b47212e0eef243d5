"""The ledger in a database: appending acts and keeping checkpoints.

What belongs here: one transaction for everything that one append changes, the signed head, the
clock. What does not: who acts (:mod:`resources.ledger`), reading (:mod:`.reader`), who writes for
whom (:mod:`.commit_queue`) and what differs between databases (:mod:`.engine`).
Clauses: P11-05, P11-01.

Every append signs the new head with the ledger's key and, before that, verifies the head that it
finds. Fails closed: an append that cannot be made raises, and the act must not happen.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from uuid import uuid4
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, insert, inspect, select

from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.actions import Change, Nothing
from clinical_assets.ledger.entry import Act, Actor, Entry, Subject, time_text
from clinical_assets.ledger.merkle import Frontier
from resources.forks import renewed_after_fork
from resources.ledger_database.commit_queue import CommitQueue, InterruptedCommitError, Ticket
from resources.ledger_database.engine import LedgerEngine
from resources.ledger_database.faults import is_database_fault, refused, unknown
from resources.ledger_database.head import Head, Keys, head_from, verify_head
from resources.ledger_database.migrations import LAYOUT, migrate
from resources.ledger_database.rows import Batch, Statements, head_query
from resources.ledger_database.tables import CHECKPOINTS, ENTRIES, HEAD, LAYOUTS, create_tables
from resources.ledger_database.transaction import Transaction
from resources.newest_seen import DECISIVE

Decide = Callable[[Connection], Sequence[Act]]
LedgerTicket = Ticket[Decide | tuple[Act, ...], tuple[Entry, ...]]
_SET_BACK = timedelta(seconds=1)
LEDGER = Actor("service", "ledger", "The ledger itself", "in-process")


class Guard(Protocol):
    """Knows what this machine has seen of the ledger: see :mod:`resources.ledger_memory`."""

    def demand(self, head: Head, connection: Connection) -> None:
        """Raises where nothing may be appended to this state of the ledger."""

    def wrote(self, head: Head, *, decisive: bool) -> None:
        """Is told the state after an append, once it is on disk, and whether an act of it is one
        of :data:`resources.newest_seen.DECISIVE`."""


class LedgerStore:
    """A ledger in one database. Threads and processes may append at once.

    Args:
        url: ``sqlite:///…`` or ``postgresql://…``.
        keys: signing key and trusted keys.
        software: version and commit, for entries that the ledger writes itself.
        writer: name of this process among those that append; see :mod:`.writers`.
        naming: given a new name, the one under which a ledger is begun where there is none; raises
            where none may be begun.
        accept: is told the name of the ledger that is opened; raises where it is another one.
        clock: replaces the server's clock, for tests of clocks that go wrong.
    """

    def __init__(
        self,
        url: str,
        keys: Keys,
        *,
        software: str = "",
        writer: Callable[[], str] = str,
        naming: Callable[[str], str] = str,
        accept: Callable[[str], object] = str,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        self.engine = LedgerEngine(url)
        self.keys = keys
        self.software = software
        self.writer = writer
        self._naming = naming
        self._accept = accept
        self.guard: Guard | None = None
        self._clock = clock
        self._queue = CommitQueue[Decide | tuple[Act, ...], tuple[Entry, ...]](
            self._write, lambda: unknown(self.engine.place)
        )
        self._known: Head | None = None  # written by this process, and on disk
        self._began: WeakKeyDictionary[Connection, Head | None] = WeakKeyDictionary()
        self._writes: WeakKeyDictionary[Connection, int] = WeakKeyDictionary()
        self._origin = ""
        self.after_fork()
        renewed_after_fork(self)

    def after_fork(self) -> None:
        """Nobody is opening."""
        self._opening = threading.Lock()

    @property
    def origin(self) -> str:
        """The ledger's name, made with it."""
        if not self._origin:
            with self._opening:
                if not self._origin:
                    self._origin, self._statements = self._open()
        return self._origin

    def append(self, acts: Sequence[Act]) -> tuple[Entry, ...]:
        """Writes an entry for each act, or none; they are on disk when this returns.

        Raises:
            ClinicalError: nothing was written (or it cannot be known): the acts must not happen.
            ValueError: an act holds what cannot be written, as a lone surrogate.
        """
        _ = self.origin
        return self._queue.fulfil(tuple(acts)) or ()

    def decide(self, decide: Decide) -> tuple[Entry, ...]:
        """Writes the acts that ``decide`` returns, which sees the ledger with nobody else writing.

        What ``decide`` writes through its connection into other tables of the database commits
        with the entries or not at all. It may be called for several callers in one transaction,
        and what one of them raises undoes its own part only. It must not commit or roll back, and
        may be called again where the thread that wrote for it was interrupted.

        Raises:
            ClinicalError: as :meth:`append`; else what ``decide`` raised.
        """
        _ = self.origin
        return self._queue.fulfil(decide) or ()

    def checkpoint(self) -> str:
        """The signed note of the newest state, kept from now on; only of what is on disk."""
        _ = self.origin
        with self.engine.writing() as transaction:
            connection = transaction.connection
            head = self.verified_head(connection)
            kept = select(CHECKPOINTS.c.note).where(CHECKPOINTS.c.size == head.size)
            if connection.execute(kept).scalar() is None:
                connection.execute(insert(CHECKPOINTS).values(size=head.size, note=head.note))
        return head.note

    def head(self) -> Head:
        """The newest state, its signature verified; on disk, so that no crash takes it back."""
        with self.reading() as connection:
            head = self.verified_head(connection)
        self.engine.flush()
        return head

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one state of the ledger, which is made where there is none.

        Raises:
            ClinicalError: the database does not answer.
        """
        _ = self.origin
        known = self._known  # what others write while this state is read is no step back
        with self.engine.reading() as connection:
            self._began[connection] = known
            yield connection

    def verified_head(self, connection: Connection) -> Head:
        """The head as ``connection`` sees it.

        Raises:
            ClinicalError: its signature does not fit, or rows stand behind it or are missing.
        """
        row = connection.execute(head_query(connection.dialect.name)).first()
        return self._verified(row, self.origin, self._began.get(connection, self._known))

    def is_committed(self, size: int, connection: Connection) -> bool:
        """Whether the first ``size`` entries, as ``connection`` sees them, stay what they are: one
        that writes sees what it may yet undo."""
        return size <= self._writes.get(connection, size)

    def _verified(self, row: Sequence[Any] | None, origin: str, known: Head | None = None) -> Head:
        place = self.engine.place
        head = head_from(row, place)
        if head == self._known:
            return head
        newest = (row or ())[6]
        verify_head(head, known, newest, origin=origin, keys=self.keys, place=place)
        return head

    def _open(self) -> tuple[str, Statements]:
        """Makes the ledger where there may be a new one, and refuses one of a later software."""
        with self.engine.reading() as connection:
            there = inspect(connection).has_table(LAYOUTS.name)
            found = self._layout(connection) if there else None
        if found is None:
            with self.engine.writing() as transaction:
                create_tables(transaction.connection)
                found = self._layout(transaction.connection)  # another may have been quicker
                if found is None:
                    found = self._begin(transaction)
        number, origin = found
        self._accept(origin)
        if number < LAYOUT:
            with self.engine.writing() as transaction:
                self._migrate(transaction, origin)
        elif number > LAYOUT:
            raise ClinicalError(
                f"The ledger's tables are of layout {number}, this software knows {LAYOUT}",
                where=self.engine.place,
                repair="Use the version of the software that wrote it, or a later one",
            )
        return origin, Statements(self.engine.dialect)

    def _layout(self, connection: Connection) -> tuple[int, str] | None:
        newest = select(LAYOUTS.c.number, LAYOUTS.c.origin).order_by(LAYOUTS.c.number.desc())
        found = connection.execute(newest.limit(1)).first()
        return None if found is None else (int(found[0]), str(found[1]))

    def _begin(self, transaction: Transaction) -> tuple[int, str]:
        connection = transaction.connection
        origin = self._naming(f"clinical-ledger/{uuid4()}")
        migrate(connection, 1)
        connection.execute(insert(LAYOUTS).values(number=LAYOUT, origin=origin))
        batch = Batch(time_text(self.now(connection)), Frontier())
        vkey = str(self.keys.signing(origin).public)
        key = Change("ledger-signing key", "", vkey)
        created = self._own_act("ledger.created", Subject("ledger", origin), Nothing())
        batch.keep(
            batch.encoded([created, self._own_act("key.created", Subject("key", vkey), key)])
        )
        batch.write(transaction, Statements(self.engine.dialect), self.writer)
        head = Head.signed(batch.frontier, batch.path, batch.at, origin, self.keys)
        connection.execute(insert(HEAD).values(one=1, **head.row()))
        return LAYOUT, origin

    def _migrate(self, transaction: Transaction, origin: str) -> None:
        """Brings the tables up to date; no entry is touched, so old checkpoints verify."""
        connection = transaction.connection
        found = self._layout(connection)
        if found is None or found[0] >= LAYOUT:  # another process was quicker
            return
        migrate(connection, found[0])
        connection.execute(insert(LAYOUTS).values(number=LAYOUT, origin=origin))
        row = connection.execute(head_query(connection.dialect.name)).first()
        head = self._verified(row, origin)
        at = max(time_text(self.now(connection)), head.at)
        batch = Batch(at, Frontier.resume(head.size, head.peaks))
        change = Change("layout", str(found[0]), str(LAYOUT))
        acts = [self._own_act("ledger.migrated", Subject("ledger", origin), change)]
        batch.keep(batch.encoded(acts))
        statements = Statements(self.engine.dialect)
        batch.write(transaction, statements, self.writer)
        new = Head.signed(batch.frontier, batch.path, batch.at, origin, self.keys)
        transaction.later(statements.new_head, [new.row("new_")])
        transaction.settle()

    def _write(self, take: Callable[[], Sequence[LedgerTicket]]) -> None:
        transaction: Transaction | None = None
        try:
            with self.engine.writing(self._statements.head) as transaction:
                head, decisive = self._append(transaction, take)
            self._known = head
            if self.guard is not None:
                self.guard.wrote(head, decisive=decisive)
        except Exception:
            raise
        except BaseException as interrupt:
            if transaction is not None and transaction.committing:
                raise InterruptedCommitError from interrupt
            raise

    def _append(
        self, transaction: Transaction, take: Callable[[], Sequence[LedgerTicket]]
    ) -> tuple[Head, bool]:
        """The new head, and whether an act under it is one of :data:`.newest_seen.DECISIVE`."""
        decisive = False
        head = self._verified(transaction.first, self._origin, self._known)
        if self.guard is not None:
            self.guard.demand(head, transaction.connection)
        self._writes[transaction.connection] = head.size
        batch = self._batch(head, transaction)
        for ticket in take():
            if not isinstance(ticket.wish, tuple) and batch.added:
                head = self._settle(batch, transaction)  # so that the decision sees it
            try:
                ticket.answer = self._fulfilled(ticket, batch, transaction.connection)
                decisive |= any(e.act.action.startswith(DECISIVE) for e in ticket.answer)
            except Exception as error:
                worded = is_database_fault(error)  # a driver's own words may quote values
                ticket.error = refused(error, self.engine.place) if worded else error
            if not transaction.lives:
                raise ticket.error or RuntimeError("a decision ended the ledger's transaction")
        if batch.added:
            head = self._settle(batch, transaction, at_once=False)
        return head, decisive

    def _fulfilled(
        self, ticket: LedgerTicket, batch: Batch, connection: Connection
    ) -> tuple[Entry, ...]:
        """Puts the ticket's acts into the batch; what fails leaves no trace."""
        if isinstance(ticket.wish, tuple):
            entries = batch.encoded(ticket.wish)
        else:
            with connection.begin_nested():
                entries = batch.encoded(tuple(ticket.context.run(ticket.wish, connection)))
        return batch.keep(entries)

    def _settle(self, batch: Batch, transaction: Transaction, *, at_once: bool = True) -> Head:
        """Writes the batch under a new signed head; if not at once, then with the commit."""
        batch.write(transaction, self._statements, self.writer)
        new = Head.signed(batch.frontier, batch.path, batch.at, self._origin, self.keys)
        transaction.later(self._statements.new_head, [new.row("new_")])
        if at_once:
            transaction.settle()
        return new

    def _batch(self, head: Head, transaction: Transaction) -> Batch:
        """An empty batch whose time is not before the newest entry's."""
        clock = (transaction.first or ())[7]
        now = self._clock() if self._clock else (clock or datetime.now(UTC)).astimezone(UTC)
        batch = Batch(max(time_text(now), head.at), Frontier.resume(head.size, head.peaks))
        if time_text(now + _SET_BACK) < head.at and not self._flagged(transaction, head.at):
            change = Change("clock", head.at, time_text(now))
            subject = Subject("ledger", self._origin)
            batch.keep(batch.encoded([self._own_act("ledger.clock_set_back", subject, change)]))
        return batch

    def _flagged(self, transaction: Transaction, at: str) -> bool:
        """Whether it was written down already that the clock is behind ``at``."""
        newest = select(ENTRIES.c.at).where(ENTRIES.c.action == "ledger.clock_set_back")
        ordered = newest.order_by(ENTRIES.c.seq.desc()).limit(1)
        return bool(transaction.connection.execute(ordered).scalar() == at)

    def now(self, connection: Connection) -> datetime:
        """The time of the server that holds the ledger."""
        return self._clock() if self._clock is not None else self.engine.now(connection)

    def _own_act(self, action: str, subject: Subject, details: Any) -> Act:
        return Act(uuid4().hex, LEDGER, action, subject, details, software=self.software)
