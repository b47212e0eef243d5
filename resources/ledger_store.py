"""The ledger in a database: appending acts, reading entries, keeping checkpoints.

What belongs here: one transaction for everything that one append changes, group commit, the signed
head, the clock. What does not: who acts (:mod:`.ledger`) and what differs between databases
(:mod:`.ledger_engine`). Clauses: P11-05, P11-01.

Every append signs the new head with the ledger's key and, before that, verifies the signature of
the head that it finds and that no row stands behind it. Whoever can write into the database but
has no key can therefore neither append an entry nor cut the newest ones without the next append
being refused. Fails closed: an append that cannot be made raises, and the act must not happen.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import uuid4

from sqlalchemy import Connection, Row, delete, func, insert, inspect, select, update

from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.actions import Change, Nothing
from clinical_assets.ledger.checkpoint import Checkpoint, PublicKey, SigningKey, sign, verify
from clinical_assets.ledger.entry import Act, Actor, Entry, Subject, time_text
from clinical_assets.ledger.merkle import HASH_BYTES, Frontier, leaf_hash
from resources.ledger_engine import LedgerEngine
from resources.ledger_migrations import LAYOUT, migrate
from resources.ledger_tables import (
    CHECKPOINTS,
    ENTRIES,
    HEAD,
    LAYOUTS,
    NODES,
    OPEN_ACTS,
    create_tables,
)

Decide = Callable[[Connection], Sequence[Act]]
_SET_BACK = timedelta(seconds=1)
_MOST_AT_ONCE = 500
LEDGER = Actor("service", "ledger", "The ledger itself", "in-process")


class Keys(Protocol):
    """Where the ledger's keys come from."""

    def signing(self, name: str) -> SigningKey:
        """The key that is in force."""

    def trusted(self) -> Sequence[PublicKey]:
        """Every key whose signature counts."""


@dataclass(frozen=True, slots=True)
class Head:
    """The signed state after the newest entry."""

    size: int
    note: str
    peaks: tuple[bytes, ...]
    at: str
    clock_behind: bool


@dataclass
class _Ticket:
    """What one caller wants appended, and what became of it."""

    decide: Decide
    done: bool = False
    entries: tuple[Entry, ...] = ()
    error: BaseException | None = None


@dataclass
class _Batch:
    """Rows of one transaction, as they come together."""

    now: datetime
    at: str
    frontier: Frontier
    entries: list[dict[str, Any]] = field(default_factory=list)
    nodes: list[dict[str, Any]] = field(default_factory=list)

    def copy(self) -> "_Batch":
        """The same, to come back to."""
        frontier = Frontier.resume(self.frontier.size, self.frontier.peaks)
        return _Batch(self.now, self.at, frontier, [*self.entries], [*self.nodes])


class LedgerStore:
    """A ledger in one database. Threads and processes may append at once.

    Args:
        url: ``sqlite:///…`` or ``postgresql://…``.
        keys: signing key and trusted keys.
        software: version and commit, for entries that the ledger writes itself.
        writer: name of this process among those that append; see :mod:`.ledger_writers`.
        clock: replaces the server's clock, for tests of clocks that go wrong.
    """

    def __init__(
        self,
        url: str,
        keys: Keys,
        *,
        software: str = "",
        writer: Callable[[], str] = str,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        self.engine = LedgerEngine(url)
        self.keys = keys
        self.software = software
        self.writer = writer
        self._clock = clock
        self._queue: list[_Ticket] = []
        self._queueing = threading.Lock()
        self._leading = threading.Lock()
        self._deciding = 0  # the thread that writes
        self._unwritten: Sequence[dict[str, Any]] = ()  # rows of its transaction so far
        self._known: Head | None = None  # verified or written by this process
        self._origin = ""

    @property
    def origin(self) -> str:
        """The ledger's name, made with it."""
        if not self._origin:
            self._open()
        return self._origin

    def append(self, acts: Sequence[Act]) -> tuple[Entry, ...]:
        """Writes an entry for each act; they are on disk when this returns.

        Raises:
            ClinicalError: nothing was written (or it cannot be known): the acts must not happen.
        """
        return self.decide(lambda _: acts)

    def decide(self, decide: Decide) -> tuple[Entry, ...]:
        """Writes the acts that ``decide`` returns, which sees the ledger with nobody else writing.

        What ``decide`` writes through its connection into other tables of the database commits
        with the entries or not at all. It may be called for several callers in one transaction,
        and what one of them raises undoes its own part only.

        Raises:
            ClinicalError: as :meth:`append`; else what ``decide`` raised.
            RuntimeError: called from within a ``decide`` of this thread, which would wait for
                itself.
        """
        if self._deciding == threading.get_ident():
            raise RuntimeError("the ledger is written from within a decision about the ledger")
        _ = self.origin
        ticket = _Ticket(decide)
        with self._queueing:
            self._queue.append(ticket)
        with self._leading:  # who comes in writes for all who wait
            if not ticket.done:
                with self._queueing:
                    batch, self._queue = self._queue[:_MOST_AT_ONCE], self._queue[_MOST_AT_ONCE:]
                self._write(batch)
        if ticket.error is not None:
            raise ticket.error
        return ticket.entries

    def checkpoint(self) -> str:
        """The signed note of the newest state, kept from now on; only of what is on disk."""
        with self.engine.writing() as connection:
            head = self.verified_head(connection)
            kept = select(CHECKPOINTS.c.note).where(CHECKPOINTS.c.size == head.size)
            if connection.execute(kept).scalar() is None:
                connection.execute(insert(CHECKPOINTS).values(size=head.size, note=head.note))
        return head.note

    def head(self) -> Head:
        """The newest state, its signature verified."""
        _ = self.origin
        with self.engine.reading() as connection:
            return self.verified_head(connection)

    def unwritten(self) -> Sequence[dict[str, Any]]:
        """To a ``decide``: the rows of its transaction so far, which no table holds yet.

        They are those of callers that are written together with this one, and before it.
        """
        return tuple(self._unwritten) if self._deciding == threading.get_ident() else ()

    def _open(self) -> None:
        """Makes the ledger where there is none, brings its tables up to date."""
        with self.engine.reading() as connection:
            there = inspect(connection).has_table(LAYOUTS.name)
            found = self._layout(connection) if there else None
        if found is None:
            with self.engine.writing() as connection:
                create_tables(connection)
                found = self._layout(connection)  # another process may have been quicker
                if found is None:
                    migrate(connection, 1)
                    found = self._begin(connection)
        number, self._origin = found
        if number < LAYOUT:
            with self.engine.writing() as connection:
                self._migrate(connection)
        elif number > LAYOUT:
            raise ClinicalError(
                f"The ledger's tables are of layout {number}, this software knows {LAYOUT}",
                where=self.engine.place,
                repair="Use the version of the software that wrote it, or a later one",
            )

    def _layout(self, connection: Connection) -> tuple[int, str] | None:
        newest = select(LAYOUTS.c.number, LAYOUTS.c.origin).order_by(LAYOUTS.c.number.desc())
        found = connection.execute(newest.limit(1)).first()
        return None if found is None else (int(found[0]), str(found[1]))

    def _begin(self, connection: Connection) -> tuple[int, str]:
        origin = f"clinical-ledger/{uuid4()}"
        self._origin = origin
        connection.execute(insert(LAYOUTS).values(number=LAYOUT, origin=origin))
        at = time_text(self.now(connection))
        empty = Head(0, self._signed(Frontier()), (), at, clock_behind=False)
        connection.execute(insert(HEAD).values(one=1, **_head_row(empty)))
        about = Subject("ledger", origin)
        created = Act(
            uuid4().hex, LEDGER, "ledger.created", about, Nothing(), software=self.software
        )
        vkey = str(self.keys.signing(origin).public)
        key = Act(
            uuid4().hex,
            LEDGER,
            "key.created",
            Subject("key", vkey),
            Change("ledger-signing key", "", vkey),
            software=self.software,
        )
        self._append(connection, [_Ticket(lambda _: (created, key))])
        return LAYOUT, origin

    def _migrate(self, connection: Connection) -> None:
        found = self._layout(connection)
        if found is None or found[0] >= LAYOUT:  # another process was quicker
            return
        migrate(connection, found[0])
        connection.execute(insert(LAYOUTS).values(number=LAYOUT, origin=self._origin))
        migrated = Act(
            uuid4().hex,
            LEDGER,
            "ledger.migrated",
            Subject("ledger", self._origin),
            Change("layout", str(found[0]), str(LAYOUT)),
            software=self.software,
        )
        ticket = _Ticket(lambda _: (migrated,))
        self._append(connection, [ticket])
        if ticket.error is not None:
            raise ticket.error

    def _write(self, tickets: list[_Ticket]) -> None:
        self._deciding = threading.get_ident()
        try:
            with self.engine.writing() as connection:
                head = self._append(connection, tickets)
            self._known = head
        except BaseException as error:
            for ticket in tickets:
                ticket.error = ticket.error or error
                ticket.entries = ()
        finally:
            self._deciding, self._unwritten = 0, ()
            for ticket in tickets:
                ticket.done = True

    def _append(self, connection: Connection, tickets: Sequence[_Ticket]) -> Head:
        head = self.verified_head(connection)
        now = self.now(connection)
        batch = _Batch(now, max(time_text(now), head.at), Frontier.resume(head.size, head.peaks))
        behind = time_text(now) < head.at and (
            head.clock_behind or time_text(now + _SET_BACK) < head.at
        )
        if behind and not head.clock_behind:
            self._add(batch, self._set_back(head.at, time_text(now)))
        opened: list[Entry] = []
        closed: list[str] = []
        for ticket in tickets:
            before = batch.copy()
            self._unwritten = batch.entries
            try:
                with connection.begin_nested():
                    added = tuple(self._add(batch, act) for act in ticket.decide(connection))
            except Exception as error:
                ticket.error, batch = error, before
                continue
            ticket.entries = added
            opened += [entry for entry in added if entry.act.outcome == "intended"]
            closed += [entry.act.act for entry in added if entry.act.outcome != "intended"]
        if not batch.entries:
            return head
        connection.execute(insert(ENTRIES), batch.entries)
        if batch.nodes:
            connection.execute(insert(NODES), batch.nodes)
        if opened:
            rows = [{"act": e.act.act, "seq": e.seq, "writer": self.writer()} for e in opened]
            connection.execute(insert(OPEN_ACTS), rows)
        if closed:
            connection.execute(delete(OPEN_ACTS).where(OPEN_ACTS.c.act.in_(closed)))
        frontier = batch.frontier
        new = Head(frontier.size, self._signed(frontier), frontier.peaks, batch.at, behind)
        connection.execute(update(HEAD).values(**_head_row(new)))
        return new

    def _add(self, batch: _Batch, act: Act) -> Entry:
        frontier = batch.frontier
        seq = frontier.size
        entry = Entry(seq, datetime.fromisoformat(batch.at), act)
        body = entry.to_bytes()
        leaf = leaf_hash(body)
        batch.entries.append(
            {
                "seq": seq,
                "leaf": leaf,
                "body": body,
                "at": batch.at,
                "act": act.act,
                "actor": _searchable(act.actor.id),
                "action": act.action,
                "outcome": act.outcome,
                "subject_kind": _searchable(act.subject.kind),
                "subject_id": _searchable(act.subject.id),
                "run": _searchable(act.origin.run),
            }
        )
        for level, node in enumerate(frontier.add(leaf), start=1):
            batch.nodes.append({"level": level, "place": seq >> level, "hash": node})
        return entry

    def verified_head(self, connection: Connection) -> Head:
        """The head as ``connection`` sees it.

        Raises:
            ClinicalError: its signature does not fit, or rows stand behind it or are missing.
        """
        row = connection.execute(select(HEAD)).first()
        newest = connection.execute(select(func.max(ENTRIES.c.seq))).scalar()
        count = 0 if newest is None else int(newest) + 1
        if row is None:
            raise _tampered("has no head", self.engine.place)
        head = _head_of(row)
        if count != head.size:
            raise _tampered(
                f"has {count} entries, but its signed head speaks of {head.size}",
                self.engine.place,
            )
        if self._known is not None and head.note == self._known.note:
            return replace(self._known, at=head.at, clock_behind=head.clock_behind)
        checkpoint = verify(head.note, self.keys.trusted())
        try:
            frontier = Frontier.resume(head.size, head.peaks)
        except ValueError:
            frontier = Frontier()
        stated = Checkpoint(self._origin, frontier.size, frontier.root())
        if checkpoint != stated or frontier.size != head.size:
            raise _tampered("has a head that its signature does not fit", self.engine.place)
        return head

    def _signed(self, frontier: Frontier) -> str:
        checkpoint = Checkpoint(self._origin, frontier.size, frontier.root())
        return sign(checkpoint, [self.keys.signing(self._origin)])

    def now(self, connection: Connection) -> datetime:
        """The time of the server that holds the ledger."""
        return self._clock() if self._clock is not None else self.engine.now(connection)

    def _set_back(self, before: str, now: str) -> Act:
        return Act(
            uuid4().hex,
            LEDGER,
            "ledger.clock_set_back",
            Subject("ledger", self._origin),
            Change("clock", before, now),
            software=self.software,
        )


def _head_row(head: Head) -> dict[str, Any]:
    return {
        "size": head.size,
        "note": head.note,
        "peaks": b"".join(head.peaks),
        "at": head.at,
        "clock_behind": head.clock_behind,
    }


def _head_of(row: Row[Any]) -> Head:
    peaks = bytes(row.peaks)
    parts = tuple(peaks[i : i + HASH_BYTES] for i in range(0, len(peaks), HASH_BYTES))
    return Head(int(row.size), str(row.note), parts, str(row.at), bool(row.clock_behind))


def _searchable(text: str) -> str:
    """PostgreSQL's texts hold no NUL."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")


def _tampered(what: str, place: str) -> ClinicalError:
    return ClinicalError(
        f"The ledger {what}: something other than this software wrote into it",
        where=place,
        repair="Nothing is appended until it is looked into: keep the database for the"
        " investigation, run `clinical ledger verify`, restore the ledger from a backup",
    )
