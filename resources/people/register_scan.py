"""What the ledger says last of each account and session, taken from all entries.

What belongs here: a scan of every entry against the signed head, which keeps the newest about each
account and session. What does not: holding a record against it (:mod:`.accounts`). A query would
find the newest entry by columns that no proof covers: whoever can write into the database could
hide a revocation by changing one, and put the account's row before it back.

A process reads what was written since it last did. What it has read is kept in the folder of keys,
so that the next process need not read all of it again: whoever can write there can sign what they
like anyway. A file that does not fit the ledger is passed over, and everything is read.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from weakref import WeakKeyDictionary

from sqlalchemy import Connection

from clinical_assets.canonical import canonical_json
from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.checkpoint import read
from clinical_assets.ledger.entry import Subject, read_entry
from clinical_assets.ledger.merkle import Frontier, leaf_hash
from resources.ledger_database.head import tampered
from resources.ledger_database.scan import bodies
from resources.ledger_database.store import LedgerStore
from resources.people.session_records import KIND as SESSION
from resources.private_files import read_private, replace_private

USER = "user"
FORMAT = "clinical-register-read/1"
FILE = "register-read.json"
_KEEP_EVERY = 1000  # entries; fewer are read again sooner than a file is written
_MOST_BYTES = 1 << 30
_MARKS = tuple(f'"kind":"{kind}"'.encode() for kind in (USER, SESSION))


class Newest(NamedTuple):
    """The newest entry about an account or session: number, action, and the record's digest."""

    seq: int
    action: str
    subject: Subject


NewestEntries = Mapping[tuple[str, str], Newest]
"""By kind and id of what they are about."""


def seq_of(newest: NewestEntries, kind: str, id: str) -> int:
    """Number of the newest entry about a subject, -1 without any."""
    found = newest.get((kind, id))
    return -1 if found is None else found.seq


@dataclass(frozen=True, slots=True)
class _Read:
    """What was read so far: the newest entries by kind and id, who was enrolled, the tree."""

    newest: NewestEntries
    enrolled: frozenset[str]
    size: int
    peaks: tuple[bytes, ...]


_NOTHING = _Read({}, frozenset(), 0, ())


class RegisterScan:
    """Newest entries of one ledger, complete by the signed head's word. Threads may share it."""

    def __init__(self, store: LedgerStore) -> None:
        self._store = store
        self._read = _NOTHING
        self._file: Path | None = None
        self._kept = 0  # how many entries the file covers

    def keep_in(self, keys: Path) -> "RegisterScan":
        """Begins with what another process has read, and keeps what this one reads, in ``keys``."""
        if self._file is None:
            self._file = keys / FILE
            kept = _kept(self._file, self._store.origin)
            if kept.size > self._read.size:
                self._read, self._kept = kept, kept.size
        return self

    def refresh(self, connection: Connection | None = None) -> NewestEntries:
        """Reads what came since the last call, all of it at the first, and remembers it; the newest
        entries.

        Args:
            connection: one that only reads, so that what it sees is never undone; else a new one.

        Raises:
            ClinicalError: an entry is missing or was changed past the ledger.
        """
        if connection is None:
            with self._store.reading() as opened:
                return self.refresh(opened)
        known = self._read
        read_now = self._after(known, connection)
        if self._read is known or read_now.size > self._read.size:  # no thread has read further
            self._read = read_now
            self._keep(read_now)
        return read_now.newest

    def _keep(self, read_now: _Read) -> None:
        if self._file is None or abs(read_now.size - self._kept) < _KEEP_EVERY:
            return
        self._kept = read_now.size
        with suppress(OSError, ClinicalError):  # then the next process reads all of it again
            replace_private(self._file, _bytes_of(read_now, self._store.origin))

    def within(self, connection: Connection) -> NewestEntries:
        """The newest entries as a transaction sees them; what it may yet undo is not remembered.

        Raises:
            ClinicalError: as :meth:`refresh`.
        """
        return self._after(self._read, connection).newest

    def enrolled(self, connection: Connection) -> frozenset[str]:
        """The ids of all accounts that were ever enrolled.

        Raises:
            ClinicalError: as :meth:`refresh`.
        """
        return self._after(self._read, connection).enrolled

    def _after(self, known: _Read, connection: Connection) -> _Read:
        try:
            return self._read_on(known, connection)
        except ClinicalError:
            if not known.size:
                raise
            # What was kept may be of another state of the ledger, as before one was restored.
            self._kept = 0
            return self._read_on(_NOTHING, connection)

    def _read_on(self, known: _Read, connection: Connection) -> _Read:
        head = self._store.verified_head(connection)
        if (head.size, head.peaks) == (known.size, known.peaks):
            return known
        frontier = Frontier.resume(known.size, known.peaks)
        found: dict[tuple[str, str], Newest] = {}
        enrolled: set[str] = set()
        for body in bodies(connection, self._store.engine.place, frontier.size):
            frontier.add(leaf_hash(body))
            for newest in _newest(body, frontier.size - 1):
                found[newest.subject.kind, newest.subject.id] = newest
                if newest.action == "user.enrolled":
                    enrolled.add(newest.subject.id)
        if (frontier.size, frontier.root()) != (head.size, read(head.note).root):
            raise tampered(
                "has entries that its signed head does not fit", self._store.engine.place
            )
        return _Read(
            {**known.newest, **found} if found else known.newest,
            known.enrolled | enrolled,
            frontier.size,
            frontier.peaks,
        )


def _newest(body: bytes, seq: int) -> Iterator[Newest]:
    """What an entry says of an account or session; nothing where it is about something else."""
    if any(mark in body for mark in _MARKS):
        act = read_entry(body).act
        if act.subject.kind in (USER, SESSION):
            yield Newest(seq, act.action, act.subject)


def _bytes_of(read_now: _Read, origin: str) -> bytes:
    newest = [
        [n.seq, n.action, n.subject.kind, n.subject.id, n.subject.version, n.subject.sha256]
        for n in read_now.newest.values()
    ]
    return canonical_json(
        {
            "format": FORMAT,
            "origin": origin,
            "size": read_now.size,
            "peaks": [peak.hex() for peak in read_now.peaks],
            "newest": newest,
            "enrolled": sorted(read_now.enrolled),
        }
    )


def _kept(file: Path, origin: str) -> _Read:
    """What a process before has read of this ledger; nothing where there is no such file."""
    try:
        plain = json.loads(read_private(file, _MOST_BYTES) or b"{}")
        if (plain.get("format"), plain.get("origin")) != (FORMAT, origin):
            return _NOTHING
        newest = [Newest(n[0], n[1], Subject(*n[2:])) for n in plain["newest"]]
        peaks = tuple(bytes.fromhex(peak) for peak in plain["peaks"])
        return _Read(
            {(n.subject.kind, n.subject.id): n for n in newest},
            frozenset(plain["enrolled"]),
            Frontier.resume(plain["size"], peaks).size,
            peaks,
        )
    except (ClinicalError, ValueError, TypeError, KeyError, IndexError, AttributeError):
        return _NOTHING


_scans: "WeakKeyDictionary[LedgerStore, RegisterScan]" = WeakKeyDictionary()


def register_scan(store: LedgerStore) -> RegisterScan:
    """The scan that everything in this process shares which opened ``store``."""
    return _scans.setdefault(store, RegisterScan(store))
