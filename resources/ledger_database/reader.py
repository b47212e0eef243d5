"""Reading the ledger: rows, entries by what they are about, proofs.

What belongs here: queries. What does not: appending (:mod:`.store`). A row is handed on as
it is stored; :func:`~clinical_assets.ledger.verification.verify_ledger` finds what does not hold.
Entries that decide about something (signatures, stages, rights) are read with :meth:`proven`,
which proves each to be in the tree of the signed head.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import TypeVar

from sqlalchemy import ColumnElement, Connection, func, or_, select

from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.checkpoint import read
from clinical_assets.ledger.entry import Entry, read_entry, time_text
from clinical_assets.ledger.merkle import (
    Node,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root_of,
    verify_inclusion,
)
from clinical_assets.ledger.verification import Row
from resources.ledger_database.rows import LONGEST_KIND, search_columns, searchable
from resources.ledger_database.store import LedgerStore
from resources.ledger_database.tables import CHECKPOINTS, ENTRIES, NODES, OPEN_ACTS

_CHUNK = 5000
_NODES_AT_ONCE = 400
_LEVEL = itemgetter(0)
Computed = TypeVar("Computed")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries to show; an empty field asks for nothing.

    Attributes:
        action: one, or a kind of actions: ``signature.``; ``actions``: any of several.
        first: the lowest number.
        since, until: times as the ledger writes them, ``2026-11-24T12:00:00.000000Z``; the first
            is included, the second is not.
    """

    subject_kind: str = ""
    subject_id: str = ""
    actor: str = ""
    action: str = ""
    outcome: str = ""
    act: str = ""
    run: str = ""
    since: str = ""
    until: str = ""
    actions: tuple[str, ...] = ()
    first: int = 0

    def conditions(self, connection: Connection) -> list[ColumnElement[bool]]:
        """As conditions on the table of entries."""
        found = [
            ENTRIES.c[name] == searchable(value)
            for name in ("subject_id", "actor", "outcome", "act", "run")
            if (value := getattr(self, name))
        ]
        if self.subject_kind:
            found.append(ENTRIES.c.subject_kind == searchable(self.subject_kind, LONGEST_KIND))
        if self.action:  # "signature." asks for every action of that kind
            exact = not self.action.endswith(".")
            column = ENTRIES.c.action
            found.append(
                column == self.action if exact else column.startswith(self.action, autoescape=True)
            )
        if self.actions:
            found.append(ENTRIES.c.action.in_(self.actions))
        if self.first:
            found.append(ENTRIES.c.seq >= self.first)
        # Times never go down from entry to entry, so they are bounds of numbers.
        if self.since:
            found.append(ENTRIES.c.seq >= _first_from(self.since, connection))
        if self.until:
            found.append(ENTRIES.c.seq < _first_from(self.until, connection))
        return found

    def fits(self, entry: Entry) -> bool:
        """Whether the entry itself is asked for: columns are shortened, and may be edited."""
        act, at = entry.act, time_text(entry.at)
        said = {
            "subject_kind": act.subject.kind,
            "subject_id": act.subject.id,
            "actor": act.actor.id,
            "outcome": act.outcome,
            "act": act.act,
            "run": act.origin.run,
        }
        return (
            all(said[name] == value for name in said if (value := getattr(self, name)))
            and (
                act.action.startswith(self.action)
                if self.action.endswith(".")
                else self.action in ("", act.action)
            )
            and act.action in (self.actions or (act.action,))
            and entry.seq >= self.first
            and (not self.since or at >= self.since)
            and (not self.until or at < self.until)
        )


@dataclass(frozen=True, slots=True)
class OpenAct:
    """An act that was intended and has no outcome yet, and which process intended it."""

    act: str
    seq: int
    writer: str


class LedgerReader:
    """Reads what a :class:`~resources.ledger_database.store.LedgerStore` holds."""

    def __init__(self, store: LedgerStore) -> None:
        self.store = store

    def rows(self, first: int = 0, end: int | None = None) -> Iterator[Row]:
        """Stored rows from number ``first`` to before ``end``, in order, some at a time."""
        columns = select(ENTRIES.c.seq, ENTRIES.c.body, ENTRIES.c.leaf).order_by(ENTRIES.c.seq)
        after = first - 1
        while True:
            wanted = columns.where(ENTRIES.c.seq > after).limit(_CHUNK)
            if end is not None:
                wanted = wanted.where(ENTRIES.c.seq < end)
            with self.store.reading() as connection:
                found = connection.execute(wanted).all()
            for row in found:
                yield Row(int(row.seq), _bytes(row.body), _bytes(row.leaf))
            if len(found) < _CHUNK:
                return
            after = int(found[-1].seq)

    def notes(self) -> list[str]:
        """Every checkpoint that was kept, the smallest first."""
        with self.store.reading() as connection:
            notes = select(CHECKPOINTS.c.note).order_by(CHECKPOINTS.c.size)
            return [str(note) for note in connection.execute(notes).scalars()]

    def find(self, wanted: Wanted, *, newest: int | None = None) -> list[Row]:
        """The entries asked for, in order; only the ``newest`` so many."""
        columns = select(ENTRIES.c.seq, ENTRIES.c.body, ENTRIES.c.leaf)
        with self.store.reading() as connection:
            wished = columns.where(*wanted.conditions(connection))
            ordered = wished.order_by(ENTRIES.c.seq.desc())
            found = connection.execute(ordered.limit(newest) if newest else ordered).all()
        return [Row(int(r.seq), _bytes(r.body), _bytes(r.leaf)) for r in reversed(found)]

    def entry(self, seq: int) -> Entry:
        """Entry number ``seq``.

        Raises:
            ClinicalError: there is none, or it cannot be read.
        """
        for row in self.rows(seq, seq + 1):
            return read_entry(row.body)
        raise ClinicalError(
            f"The ledger has no entry {seq}",
            where=self.store.engine.place,
            repair="`clinical ledger tail` shows the newest",
        )

    def proven(
        self,
        wanted: Wanted,
        connection: Connection | None = None,
        *,
        newest: int | None = None,
    ) -> list[Entry]:
        """The entries asked for, each proven to be in the tree of the signed head.

        Args:
            connection: where the caller has the ledger to itself; else a state is read.
            newest: only the newest so many.

        Raises:
            ClinicalError: an entry was changed past the ledger.
        """
        if connection is None:
            with self.store.reading() as opened:
                return self.proven(wanted, opened, newest=newest)
        head = self.store.verified_head(connection)
        root = read(head.note).root
        asked = select(ENTRIES).where(*wanted.conditions(connection))
        ordered = asked.order_by(ENTRIES.c.seq.desc()).limit(newest)
        rows = connection.execute(ordered).mappings().all()[::-1]
        numbers = [int(row["seq"]) for row in rows]
        if numbers and not 0 <= min(numbers) <= max(numbers) < head.size:
            raise _changed(min(numbers), self.store.engine.place)
        nodes = _nodes(connection, lambda n: [inclusion_proof(s, head.size, n) for s in numbers])
        entries = []
        for seq, row in zip(numbers, rows, strict=True):
            body = _bytes(row["body"])
            proof = inclusion_proof(seq, head.size, nodes)
            if not verify_inclusion(seq, head.size, leaf_hash(body), proof, root):
                raise _changed(seq, self.store.engine.place)
            entry = read_entry(body)
            columns = {"seq": entry.seq, "at": time_text(entry.at), **search_columns(entry.act)}
            if any(row[name] != value for name, value in columns.items()):
                raise _changed(seq, self.store.engine.place)
            if wanted.fits(entry):
                entries.append(entry)
            elif newest is not None:  # a shortened column let another entry take its place
                return self.proven(wanted, connection)[-newest:]
        return entries

    def node(self, level: int, place: int) -> bytes:
        """Hash of the complete subtree over the leaves from ``place * 2**level`` on.

        Raises:
            ClinicalError: it is not there.
        """
        with self.store.reading() as connection:
            return _read(connection, lambda node: node(level, place))

    def inclusion(self, seq: int, size: int) -> list[bytes]:
        """Proof that entry ``seq`` is among the first ``size``."""
        with self.store.reading() as connection:
            return _read(connection, lambda node: inclusion_proof(seq, size, node))

    def consistency(self, old: int, new: int) -> list[bytes]:
        """Proof that the first ``old`` entries are the beginning of the first ``new``."""
        with self.store.reading() as connection:
            return _read(connection, lambda node: consistency_proof(old, new, node))

    def consistencies(self, sizes: Collection[int], new: int) -> dict[int, list[bytes]]:
        """Proofs that the first so many entries are the beginning of the first ``new``, each.

        Raises:
            ClinicalError: the tree lacks a node.
        """

        def proofs(node: Node) -> dict[int, list[bytes]]:
            return {size: consistency_proof(size, new, node) if size else [] for size in sizes}

        with self.store.reading() as connection:
            return _read(connection, proofs)

    def root(self, size: int, connection: Connection | None = None) -> bytes:
        """Root of the first ``size`` entries, from the stored nodes."""
        if connection is None:
            with self.store.reading() as opened:
                return self.root(size, opened)
        return _read(connection, lambda node: root_of(size, node))

    def open_acts(self) -> list[OpenAct]:
        """Acts without an outcome, the oldest first: under way, or interrupted."""
        with self.store.reading() as connection:
            found = connection.execute(select(OPEN_ACTS).order_by(OPEN_ACTS.c.seq)).all()
        return [OpenAct(str(r.act), int(r.seq), str(r.writer)) for r in found]


def _first_from(at: str, connection: Connection) -> int:
    """Number of the first entry whose time is not before ``at``."""
    newest = connection.execute(select(func.max(ENTRIES.c.seq))).scalar()
    low, high = 0, 0 if newest is None else int(newest) + 1
    while low < high:
        middle = (low + high) // 2
        found = connection.execute(select(ENTRIES.c.at).where(ENTRIES.c.seq == middle)).scalar()
        if found is not None and found < at:
            low = middle + 1
        else:
            high = middle
    return low


def _read(connection: Connection, compute: Callable[[Node], Computed]) -> Computed:
    """What ``compute`` makes of the tree's nodes."""
    return compute(_nodes(connection, compute))


def _nodes(connection: Connection, compute: Callable[[Node], object]) -> Node:
    """The nodes that ``compute`` will ask for, fetched some hundred at a time.

    It is called once with hashes that are none, to see which it asks for: that depends on sizes
    and numbers only.
    """
    wanted: set[tuple[int, int]] = set()

    def seen(level: int, place: int) -> bytes:
        wanted.add((level, place))
        return b""

    compute(seen)
    found: dict[tuple[int, int], bytes] = {}
    for some in _divided(sorted(wanted), _NODES_AT_ONCE):
        levels = {level: [place for _, place in each] for level, each in groupby(some, _LEVEL)}
        if leaves := levels.pop(0, None):
            asked = select(ENTRIES.c.seq, ENTRIES.c.leaf).where(ENTRIES.c.seq.in_(leaves))
            found |= {(0, int(seq)): _bytes(leaf) for seq, leaf in connection.execute(asked)}
        if levels:  # not as pairs: SQLite would read the whole table for them
            at = [(NODES.c.level == x) & NODES.c.place.in_(places) for x, places in levels.items()]
            stored = select(NODES).where(or_(*at))
            found |= {(int(x), int(y)): _bytes(node) for x, y, node in connection.execute(stored)}

    def node(level: int, place: int) -> bytes:
        if (level, place) not in found:
            raise ClinicalError(
                f"The ledger lacks a node of its tree (level {level}, place {place})",
                where="ledger_nodes" if level else "ledger_entries",
                repair="Run `clinical ledger verify`; restore the ledger from a backup",
            )
        return found[level, place]

    return node


def _divided(keys: list[tuple[int, int]], size: int) -> Iterator[list[tuple[int, int]]]:
    for start in range(0, len(keys), size):
        yield keys[start : start + size]


def _bytes(value: object) -> bytes:
    """What a column of bytes holds; SQLite lets an intruder put anything there."""
    return bytes(value) if isinstance(value, (bytes, memoryview)) else b""


def _changed(seq: int, place: str) -> ClinicalError:
    return ClinicalError(
        f"Entry {seq} of the ledger is not the one that was written",
        where=place,
        repair="Nothing that rests on it may happen: keep the database for the investigation, run"
        " `clinical ledger verify`, restore the ledger from a backup",
    )
