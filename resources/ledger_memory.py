"""What this machine remembers of a ledger, outside of its database, and what contradicts it.

What belongs here: the checkpoint up to which the ledger was verified last, with its tree, and the
question whether the ledger at hand is the one that was seen. What does not: verifying
(:mod:`.ledger_verifying`), keeping the newest head (:mod:`.newest_seen`), what witnesses hold
(:mod:`.witnessing`).

An older copy of the database that is put back holds together, is signed, and undoes whatever came
after it: a quarantine, a revocation, a session that was ended. So a process that opens the ledger
asks this first, and nothing is appended to such a copy until somebody answers for the loss. What is
remembered is signed: whoever alters it makes it useless, and it then contradicts nothing.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from sqlalchemy import Connection

from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.checkpoint import Checkpoint, PublicKey, read, set_aside, verify
from clinical_assets.ledger.losses import losses_in, unexplained
from clinical_assets.ledger.merkle import Frontier
from clinical_assets.ledger.verification import Report
from resources.ledger_database.head import Head
from resources.ledger_database.reader import LedgerReader, Wanted
from resources.ledger_database.store import LedgerStore
from resources.newest_seen import Mark, NewestSeen

FILE = "verified.json"


class Opened(Protocol):
    """What this module needs of a ledger."""

    store: LedgerStore
    reader: LedgerReader
    folder: Path
    seen: NewestSeen | None


@dataclass
class OpenedStore:
    """A ledger of which nothing but its store is open."""

    store: LedgerStore
    reader: LedgerReader
    folder: Path
    seen: NewestSeen | None


class Remembered(NamedTuple):
    """The signed checkpoint up to which the ledger was verified last, and its tree."""

    note: str
    frontier: Frontier


def remembered(ledger: Opened) -> Remembered | None:
    """What was verified last; None where that cannot be relied upon."""
    try:
        found = json.loads((ledger.folder / FILE).read_text())
        checkpoint = verify(found["note"], ledger.store.keys.trusted())
        frontier = Frontier.resume(checkpoint.size, [bytes.fromhex(p) for p in found["peaks"]])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ClinicalError):
        return None
    fits = checkpoint.origin == ledger.store.origin and frontier.root() == checkpoint.root
    return Remembered(str(found["note"]), frontier) if fits else None


def remember(notes: Sequence[str], ledger: Opened, report: Report) -> None:
    """Keeps the newest checkpoint that agreed; what others wrote meanwhile is for the next time."""
    if not report.peaks:
        return
    root = Frontier.resume(report.covered, report.peaks).root()
    stated = Checkpoint(ledger.store.origin, report.covered, root)
    keys = ledger.store.keys.trusted()
    note = next((n for n in notes if _states(n, keys, stated)), None)
    if note is None:
        return
    memory = ledger.folder / FILE
    draft = memory.with_suffix(".draft")
    with suppress(OSError):  # a full disk keeps nobody from the verdict; it is read again next time
        memory.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(json.dumps({"note": note, "peaks": [peak.hex() for peak in report.peaks]}))
        draft.replace(memory)


def seen_here(ledger: Opened) -> tuple[str, ...]:
    """The signed checkpoints that this machine has seen of the ledger: the one up to which it was
    verified last, and the newest head that was kept (:mod:`.newest_seen`).

    Raises:
        ClinicalError: that head cannot be read, or no known key signed it.
    """
    verified = remembered(ledger)
    notes = [] if verified is None else [verified.note]
    newest = None if ledger.seen is None else ledger.seen.note(ledger.store.origin)
    if newest is not None and not _is_withdrawn(newest, ledger):
        notes.append(_signed(newest, ledger))
    return tuple(notes)


def kept_notes(folder: Path, keys: Path, origin: str) -> list[str]:
    """What is remembered here of ledger ``origin``, whoever signed it; for a restore, to which the
    ledger is gone.

    Args:
        folder: what the ledger keeps on this machine.
        keys: folder of keys.
    """
    found = []
    with suppress(ClinicalError):  # what cannot be relied upon shows no loss
        newest = NewestSeen(keys).note(origin)
        found += [] if newest is None else [newest]
    with suppress(OSError, ValueError, KeyError, TypeError):
        found.append(str(json.loads((folder / FILE).read_text())["note"]))
    return found


def contradicts_seen(ledger: Opened, connection: Connection | None = None) -> str:
    """How the ledger contradicts what this machine has seen of it: an older copy in its place
    undoes a quarantine or a revocation. Empty where it does not, or a recorded loss says why.

    Costs a root for each checkpoint, so that whatever is decided from the ledger can ask it.

    Raises:
        ClinicalError: what this machine has seen cannot be relied upon, or the ledger not be read.
    """
    if connection is None:
        with ledger.store.reading() as opened:
            return contradicts_seen(ledger, opened)
    against = _against(ledger, seen_here(ledger), connection)
    if not against:
        return ""
    return (
        f"it is not the ledger of {max(read(note).size for note in against)} entries that this"
        " machine has seen: an older copy was put back, it was rewritten, or a copy of this store"
        " was used with the same keys"
    )


def _against(ledger: Opened, notes: Sequence[str], connection: Connection) -> list[str]:
    """The notes that contradict the ledger and that no recorded loss explains."""
    reader, size = ledger.reader, ledger.store.verified_head(connection).size
    found = []
    for note in notes:
        stated = read(note)
        if stated.size > size or reader.root(stated.size, connection) != stated.root:
            found.append(note)
    if not found:
        return []
    lost = reader.proven(Wanted(action="ledger.lost"), connection)
    return unexplained(found, losses_in(lost, lambda n: reader.root(n, connection)))


class LedgerMemory:
    """Holds one ledger against what this machine has seen of it: once it is opened, and at each
    append, as the guard of its store (:class:`.ledger_database.store.Guard`)."""

    def __init__(self, ledger: Opened) -> None:
        self._ledger = ledger
        self._recognised = False
        self._answering = False
        self._was_held = False
        self._held: Mark | None = None  # of the note that the ledger was held against, on disk
        self._asked: Mark | None = None  # the same, before the append is on disk
        self._void = ""  # a note whose loss is on record
        self._known = True  # whether the ledger is the one that was seen
        self._behind = False  # whether a head could not be kept

    def recognise(self) -> None:
        """Refuses a ledger that contradicts what was seen; keeps the head of one that does not.

        Raises:
            ClinicalError: as :func:`contradicts_seen` says.
        """
        if self._recognised:
            return
        with self._ledger.store.reading() as connection:
            if problem := contradicts_seen(self._ledger, connection):
                raise self._refused(problem)
            self._note_void(connection)
        self._recognised = True
        try:
            note = self._ledger.store.head().note
        except ClinicalError:  # it can be read, but not written: nothing will be appended either
            return
        self._keep(note)

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Within the block entries are appended to an older copy, too: to answer for the loss.
        The heads of such a copy are not kept."""
        self._answering = True
        try:
            yield
        finally:
            self._answering = False

    def demand(self, head: Head, connection: Connection) -> None:
        """Refuses to append to an older copy, whoever opened it, and when.

        Raises:
            ClinicalError: as :func:`contradicts_seen` says.
        """
        del head
        seen = self._ledger.seen
        mark = None if seen is None else seen.mark(self._ledger.store.origin)
        if self._was_held and mark == self._held:
            return
        problem = contradicts_seen(self._ledger, connection)
        if problem and not self._answering:
            raise self._refused(problem)
        self._known = not problem
        self._note_void(connection)
        self._asked = mark

    def wrote(self, head: Head, *, decisive: bool) -> None:
        """Keeps the head after a decisive act, and whichever comes after one that was not kept."""
        if not self._known:
            return
        self._held, self._was_held = self._asked, True
        if decisive or self._behind:
            self._keep(head.note)

    def _keep(self, note: str) -> None:
        seen, origin = self._ledger.seen, self._ledger.store.origin
        if seen is None:
            return
        self._behind = not seen.keep(note, instead_of=self._void)
        mark = seen.mark(origin)
        with suppress(ClinicalError):  # then the next append finds out
            if seen.note(origin) == note and seen.mark(origin) == mark:
                self._held = mark  # ours, and not replaced meanwhile: nothing to hold against it

    def _note_void(self, connection: Connection) -> None:
        """Remembers which kept note is of a loss that is on record, so that it may be replaced."""
        seen, origin = self._ledger.seen, self._ledger.store.origin
        note = None if seen is None else seen.note(origin)
        stated = None if note is None else read(note)
        self._void = ""
        if note is not None and stated is not None:
            size = self._ledger.store.verified_head(connection).size
            root = self._ledger.reader.root
            if stated.size > size or root(stated.size, connection) != stated.root:
                self._void = note

    def _refused(self, problem: str) -> ClinicalError:
        return ClinicalError(
            f"Nothing is done upon this ledger: {problem}",
            where=self._ledger.store.engine.place,
            repair="Stop what still runs, keep the database for the investigation, and run"
            " `clinical ledger verify`. If it was put back on purpose, an administrator answers for"
            " what was lost (`clinical backup acknowledge --id ID --reason …`), or puts a backup in"
            " its place (`clinical backup restore --replace`)",
        )


def _states(note: str, keys: Sequence[PublicKey], stated: Checkpoint) -> bool:
    try:
        return verify(note, keys) == stated
    except ClinicalError:
        return False


def _is_withdrawn(note: str, ledger: Opened) -> bool:
    """Whether only a key signed it whose signatures count no longer: it is evidence of nothing."""
    counting, aside = set_aside([note], ledger.store.keys.trusted(), ledger.store.keys.withdrawn())
    return bool(aside) and not counting


def _signed(note: str, ledger: Opened) -> str:
    try:
        verify(note, ledger.store.keys.trusted())
    except ClinicalError as error:
        raise ClinicalError(
            f"What this machine remembers of the ledger was damaged or replaced: {error.what}",
            where="ledger-seen-….note in the folder of keys",
            repair="Put that file back from where the keys are backed up, or the public key that"
            " signed it into ledger-trusted. Else keep a copy of it for the investigation, move it"
            " away, and run `clinical ledger verify` before all else, with the checkpoints that"
            " you hold from witnesses (--against): only they tell then whether an older copy of the"
            " ledger was put back",
        ) from error
    return note
