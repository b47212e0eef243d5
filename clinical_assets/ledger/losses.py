"""Entries that were lost for good, and that somebody answers for: what verification makes of them.

What belongs here: which checkpoints of a witness a recorded loss explains. What does not: finding
contradictions (:mod:`.verification`) and restoring backups.

After a restore from a backup of N entries the ledger goes on under its own name, and a witness
holds checkpoints of more entries, or of the same number with another root. Nothing can make these
true again. So the loss is written into the ledger, by name: entries N to M-1 are lost, and these
are the checkpoints that speak of them. From then on just these checkpoints are set aside, and the
loss is reported at every verification for ever. A checkpoint that is not listed contradicts as
before: otherwise a range of numbers would hide a later rewrite of what was written after the
restore. Whoever has the key can invent a loss, but not silently: it stands in the ledger, and says
of itself how much is gone.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.actions import Lost
from clinical_assets.ledger.checkpoint import Checkpoint, read
from clinical_assets.ledger.entry import Entry

ACTION = "ledger.lost"


@dataclass(frozen=True, slots=True)
class Loss:
    """A loss that the ledger records.

    Attributes:
        seq: number of the entry that records it.
        by, reason: who answers for it, and why it came about.
        details: what was kept, what was lost, which checkpoints speak of it.
    """

    seq: int
    by: str
    reason: str
    details: Lost

    def __str__(self) -> str:
        lost = self.details
        return (
            f"entry {self.seq} records a loss: entries {lost.kept} to {lost.until - 1} of an"
            f" earlier state are gone ({self.by}: {self.reason})"
        )


def checkpoint_name(checkpoint: Checkpoint) -> str:
    """How a loss lists a checkpoint: its size and the root in hexadecimal."""
    return f"{checkpoint.size} {checkpoint.root.hex()}"


def loss_of(kept: int, root: bytes, contradicting: Iterable[Checkpoint]) -> Lost:
    """What is to be recorded where ``kept`` entries with this root are left.

    Raises:
        ValueError: a checkpoint is of no more entries than were kept: then the history was
            rewritten, not lost, and no loss explains it; or there is no checkpoint at all.
    """
    listed = {checkpoint_name(c): c.size for c in contradicting}
    if not listed or min(listed.values()) <= kept:
        raise ValueError("a loss is shown by checkpoints of more entries than were kept")
    names = sorted(listed, key=lambda name: (listed[name], name))
    return Lost(kept, root.hex(), max(listed.values()), tuple(names))


def losses_in(entries: Iterable[Entry], root_at: Callable[[int], bytes]) -> tuple[Loss, ...]:
    """The losses that the entries record and that fit the ledger.

    Args:
        entries: proven entries; those of other actions are passed over.
        root_at: Merkle root over the first so many entries.
    """
    found = []
    for entry in entries:
        lost = entry.act.details
        if entry.act.action != ACTION or not isinstance(lost, Lost) or entry.act.outcome != "done":
            continue
        fits = 0 < lost.kept <= entry.seq and root_at(lost.kept).hex() == lost.root
        if fits and all(_size(name) > lost.kept for name in lost.checkpoints):
            found.append(Loss(entry.seq, entry.act.actor.name, entry.act.reason, lost))
    return tuple(found)


def unexplained(witnessed: Sequence[str], losses: Sequence[Loss]) -> list[str]:
    """The witnesses' notes without those that a recorded loss lists; what is no note stays in.

    What is left is what :func:`~.verification.verify_ledger` and the check at a start are given.
    """
    listed = {name for loss in losses for name in loss.details.checkpoints}
    return [note for note in witnessed if _name(note) not in listed]


def _name(note: str) -> str:
    try:
        return checkpoint_name(read(note))
    except ClinicalError:
        return ""


def _size(name: str) -> int:
    digits = name.partition(" ")[0]
    return int(digits) if digits.isascii() and digits.isdigit() else 0
