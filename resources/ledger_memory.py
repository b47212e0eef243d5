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
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Protocol

from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.checkpoint import Checkpoint, PublicKey, read, verify
from clinical_assets.ledger.losses import losses_in, unexplained
from clinical_assets.ledger.merkle import Frontier
from clinical_assets.ledger.verification import Report
from resources.ledger_database.reader import LedgerReader, Wanted
from resources.ledger_database.store import LedgerStore
from resources.newest_seen import NewestSeen

FILE = "verified.json"


class Opened(Protocol):
    """What this module needs of a ledger."""

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
    verified last, and the head after the newest decisive act (:mod:`.newest_seen`)."""
    verified = remembered(ledger)
    notes = [] if verified is None else [verified.note]
    newest = None if ledger.seen is None else ledger.seen.note(ledger.store.origin)
    if newest is not None and _is_signed(newest, ledger):
        notes.append(newest)
    return tuple(notes)


def kept_notes(folder: Path, keys: Path, origin: str) -> list[str]:
    """What is remembered here of ledger ``origin``, whoever signed it; for a restore, to which the
    ledger is gone.

    Args:
        folder: what the ledger keeps on this machine.
        keys: folder of keys.
    """
    newest = NewestSeen(keys).note(origin)
    found = [] if newest is None else [newest]
    with suppress(OSError, ValueError, KeyError, TypeError):
        found.append(str(json.loads((folder / FILE).read_text())["note"]))
    return found


def contradicts_seen(ledger: Opened) -> str:
    """How the ledger contradicts what this machine has seen of it: an older copy in its place
    undoes a quarantine or a revocation. Empty where it does not, or a recorded loss says why.

    Costs a root for each checkpoint, so that whatever is decided from the ledger can ask it.
    """
    notes, reader = seen_here(ledger), ledger.reader
    size = ledger.store.head().size
    stated = {note: read(note) for note in notes}
    against = [n for n, c in stated.items() if c.size > size or reader.root(c.size) != c.root]
    if not against:
        return ""
    against = unexplained(
        against, losses_in(reader.proven(Wanted(action="ledger.lost")), reader.root)
    )
    if not against:
        return ""
    return (
        f"it is not the ledger of {max(stated[n].size for n in against)} entries that this machine"
        " has seen: an older copy was put back, or it was rewritten"
    )


def demand_not_put_back(ledger: Opened) -> None:
    """Refuses to go on upon an older copy of the ledger than this machine has seen.

    Raises:
        ClinicalError: as :func:`contradicts_seen` says.
    """
    if problem := contradicts_seen(ledger):
        raise ClinicalError(
            f"Nothing is done upon this ledger: {problem}",
            where=ledger.store.engine.place,
            repair="Keep the database for the investigation and run `clinical ledger verify`. If it"
            " was restored on purpose, `clinical backup acknowledge` answers for what was lost",
        )


def _states(note: str, keys: Sequence[PublicKey], stated: Checkpoint) -> bool:
    try:
        return verify(note, keys) == stated
    except ClinicalError:
        return False


def _is_signed(note: str, ledger: Opened) -> bool:
    try:
        return verify(note, ledger.store.keys.trusted()).origin == ledger.store.origin
    except ClinicalError:
        return False
