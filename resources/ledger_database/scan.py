"""Reading the whole ledger, so that what is not found is known not to be there.

What belongs here: a scan of all entries against the signed head. What does not: queries
(:mod:`.reader`). A query proves each entry that it finds, but it finds by columns that no
proof covers: whoever can write into the database can hide a legal hold from it by changing the
column ``action``. Where a decision rests on nothing having been written, all entries are read.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, select

from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.checkpoint import read
from clinical_assets.ledger.entry import Entry, read_entry
from clinical_assets.ledger.merkle import Frontier, leaf_hash
from resources.ledger_database.store import LedgerStore
from resources.ledger_database.tables import ENTRIES

_ROWS_AT_ONCE = 2000


@dataclass(frozen=True, slots=True)
class _Read:
    """What was read so far: the entries asked for, and the tree of all."""

    entries: tuple[Entry, ...]
    size: int
    peaks: tuple[bytes, ...]


class LedgerScan:
    """All entries of some actions, complete by the signed head's word. Threads may share it."""

    def __init__(self, store: LedgerStore, actions: Collection[str]) -> None:
        self._store = store
        self._marks = tuple(f'"action":"{action}"'.encode() for action in actions)
        self._actions = frozenset(actions)
        self._read = _Read((), 0, ())

    def refresh(self) -> tuple[Entry, ...]:
        """Reads what came since the last call, all of it at the first; the entries so far.

        Raises:
            ClinicalError: an entry is missing or was changed past the ledger.
        """
        with self._store.reading() as connection:
            read_now = self._after(self._read, connection)
        self._remember(read_now)
        return read_now.entries

    def within(self, connection: Connection) -> tuple[Entry, ...]:
        """The entries as a transaction sees them; what it may yet undo is not remembered.

        Call :meth:`refresh` before the transaction that writes, so that others wait for what came
        meanwhile only, and not for the whole ledger to be read.

        Raises:
            ClinicalError: as :meth:`refresh`.
        """
        read_now = self._after(self._read, connection)
        if self._store.is_committed(read_now.size, connection):
            self._remember(read_now)
        return read_now.entries

    def _remember(self, read_now: _Read) -> None:
        if read_now.size > self._read.size:  # else another thread has read further
            self._read = read_now

    def _after(self, known: _Read, connection: Connection) -> _Read:
        found: list[Entry] = []
        frontier = Frontier.resume(known.size, known.peaks)
        head = read(self._store.verified_head(connection).note)
        for body in bodies(connection, self._store.engine.place, frontier.size):
            frontier.add(leaf_hash(body))
            if any(mark in body for mark in self._marks):
                entry = read_entry(body)
                if entry.act.action in self._actions:
                    found.append(entry)
        if (frontier.size, frontier.root()) != (head.size, head.root):
            raise _changed("The entries", self._store.engine.place)
        return _Read((*known.entries, *found), frontier.size, frontier.peaks)


def bodies(connection: Connection, place: str, first: int = 0) -> Iterator[bytes]:
    """The bytes of all entries from number ``first`` on, in order and without a gap.

    Raises:
        ClinicalError: one is missing, or does not have the hash kept beside it.
    """
    wanted = select(ENTRIES.c.seq, ENTRIES.c.body, ENTRIES.c.leaf).order_by(ENTRIES.c.seq)
    seq = first
    while True:
        part = wanted.where(ENTRIES.c.seq >= seq).limit(_ROWS_AT_ONCE)
        found = connection.execute(part).all()
        for row in found:
            # SQLite hands out a text where somebody wrote one in the place of bytes.
            body = bytes(row.body) if isinstance(row.body, bytes | memoryview) else b""
            good = row.seq == seq and isinstance(row.leaf, bytes | memoryview)
            if not good or bytes(row.leaf) != leaf_hash(body) or b"\n" in body:
                raise _changed(f"Entry {seq}", place)
            yield body
            seq += 1
        if len(found) < _ROWS_AT_ONCE:
            return


def _changed(what: str, place: str) -> ClinicalError:
    return ClinicalError(
        f"{what} of the ledger cannot be what was written: missing or changed",
        where=place,
        repair="Nothing that rests on it is done: keep the database for the investigation, run"
        " `clinical ledger verify`, restore the last good backup",
    )
