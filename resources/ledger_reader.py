"""Reading the ledger: rows, entries by what they are about, proofs.

What belongs here: queries. What does not: appending (:mod:`.ledger_store`). A row is handed on as
it is stored; :func:`~clinical_assets.ledger.verification.verify_ledger` finds what does not hold.
Entries that decide about something (signatures, stages, rights) are read with :meth:`proven`,
which proves each to be in the tree of the signed head.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, select

from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.checkpoint import read
from clinical_assets.ledger.entry import Entry, read_entry
from clinical_assets.ledger.merkle import (
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root_of,
    verify_inclusion,
)
from clinical_assets.ledger.verification import Row
from resources.ledger_store import LedgerStore
from resources.ledger_tables import CHECKPOINTS, ENTRIES, NODES, OPEN_ACTS

_CHUNK = 5000


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries to show; an empty field asks for nothing.

    Attributes:
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

    def conditions(self) -> list[ColumnElement[bool]]:
        """As conditions on the table of entries."""
        found = [
            ENTRIES.c[name] == value
            for name in ("subject_kind", "subject_id", "actor", "outcome", "act", "run")
            if (value := getattr(self, name))
        ]
        if self.action:  # "signature." asks for every action of that kind
            exact = not self.action.endswith(".")
            column = ENTRIES.c.action
            found.append(
                column == self.action if exact else column.startswith(self.action, autoescape=True)
            )
        if self.since:
            found.append(ENTRIES.c.at >= self.since)
        if self.until:
            found.append(ENTRIES.c.at < self.until)
        return found

    def fits(self, row: Mapping[str, Any]) -> bool:
        """Whether a row with the columns of the table of entries is asked for."""
        names = ("subject_kind", "subject_id", "actor", "outcome", "act", "run")
        if any((value := getattr(self, name)) and row[name] != value for name in names):
            return False
        if self.action.endswith(".") and not row["action"].startswith(self.action):
            return False
        if self.action and not self.action.endswith(".") and row["action"] != self.action:
            return False
        return self.since <= row["at"] and (not self.until or row["at"] < self.until)


@dataclass(frozen=True, slots=True)
class OpenAct:
    """An act that was intended and has no outcome yet, and which process intended it."""

    act: str
    seq: int
    writer: str


class LedgerReader:
    """Reads what a :class:`~resources.ledger_store.LedgerStore` holds."""

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
            with self.store.engine.reading() as connection:
                found = connection.execute(wanted).all()
            for row in found:
                yield Row(int(row.seq), bytes(row.body), bytes(row.leaf))
            if len(found) < _CHUNK:
                return
            after = int(found[-1].seq)

    def notes(self) -> list[str]:
        """Every checkpoint that was kept, the smallest first."""
        with self.store.engine.reading() as connection:
            notes = select(CHECKPOINTS.c.note).order_by(CHECKPOINTS.c.size)
            return [str(note) for note in connection.execute(notes).scalars()]

    def find(self, wanted: Wanted, *, newest: int | None = None) -> list[Row]:
        """The entries asked for, in order; only the ``newest`` so many."""
        columns = select(ENTRIES.c.seq, ENTRIES.c.body, ENTRIES.c.leaf).where(*wanted.conditions())
        with self.store.engine.reading() as connection:
            ordered = columns.order_by(ENTRIES.c.seq.desc())
            found = connection.execute(ordered.limit(newest) if newest else ordered).all()
        return [Row(int(r.seq), bytes(r.body), bytes(r.leaf)) for r in reversed(found)]

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
        """The entries asked for, in order, each proven to be in the tree of the signed head.

        Within a ``decide`` of the store they are followed by those of its own transaction.

        Args:
            connection: where the caller has the ledger to itself; else a state is read.
            newest: only so many, the newest.

        Raises:
            ClinicalError: an entry was changed past the ledger.
        """
        if connection is None:
            with self.store.engine.reading() as opened:
                return self.proven(wanted, opened, newest=newest)
        head = self.store.verified_head(connection)
        root = read(head.note).root
        columns = select(ENTRIES.c.seq, ENTRIES.c.body).where(*wanted.conditions())
        columns = columns.order_by(ENTRIES.c.seq.desc()).limit(newest)
        entries = []
        for row in reversed(connection.execute(columns).all()):
            seq, body = int(row.seq), bytes(row.body)
            proof = inclusion_proof(seq, head.size, lambda *at: _node(connection, *at))
            if not verify_inclusion(seq, head.size, leaf_hash(body), proof, root):
                raise _changed(seq, self.store.engine.place)
            entry = read_entry(body)
            if entry.seq != seq:
                raise _changed(seq, self.store.engine.place)
            entries.append(entry)
        entries += [read_entry(r["body"]) for r in self.store.unwritten() if wanted.fits(r)]
        return entries[-newest:] if newest else entries

    def inclusion(self, seq: int, size: int) -> list[bytes]:
        """Proof that entry ``seq`` is among the first ``size``."""
        with self.store.engine.reading() as connection:
            return inclusion_proof(seq, size, lambda *at: _node(connection, *at))

    def consistency(self, old: int, new: int) -> list[bytes]:
        """Proof that the first ``old`` entries are the beginning of the first ``new``."""
        with self.store.engine.reading() as connection:
            return consistency_proof(old, new, lambda *at: _node(connection, *at))

    def root(self, size: int) -> bytes:
        """Root of the first ``size`` entries, from the stored nodes."""
        with self.store.engine.reading() as connection:
            return root_of(size, lambda *at: _node(connection, *at))

    def open_acts(self) -> list[OpenAct]:
        """Acts without an outcome, the oldest first: under way, or interrupted."""
        with self.store.engine.reading() as connection:
            found = connection.execute(select(OPEN_ACTS).order_by(OPEN_ACTS.c.seq)).all()
        return [OpenAct(str(r.act), int(r.seq), str(r.writer)) for r in found]


def _node(connection: Connection, level: int, place: int) -> bytes:
    if level == 0:
        wanted = select(ENTRIES.c.leaf).where(ENTRIES.c.seq == place)
    else:
        wanted = select(NODES.c.hash).where(NODES.c.level == level, NODES.c.place == place)
    found = connection.execute(wanted).scalar()
    if found is None:
        raise ClinicalError(
            f"The ledger lacks a node of its tree (level {level}, place {place})",
            where="ledger_entries" if level == 0 else "ledger_nodes",
            repair="Run `clinical ledger verify`; restore the ledger from a backup",
        )
    return bytes(found)


def _changed(seq: int, place: str) -> ClinicalError:
    return ClinicalError(
        f"Entry {seq} of the ledger is not the one that was written",
        where=place,
        repair="Nothing that rests on it may happen: keep the database for the investigation, run"
        " `clinical ledger verify`, restore the ledger from a backup",
    )
