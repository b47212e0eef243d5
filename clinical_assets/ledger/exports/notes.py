"""The checkpoints of an export and those that its verifier holds: signatures first, then roots.

What belongs here: which checkpoints count, and how those that entries do not lead to are compared,
by a consistency proof. What does not: the entries.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.checkpoint import Checkpoint, PublicKey, verify
from clinical_assets.ledger.exports.manifest import CHECKPOINTS, Manifest
from clinical_assets.ledger.exports.proving import leads
from clinical_assets.ledger.verification import Problem


class Stated(NamedTuple):
    """A checkpoint whose signature was found good, its note, and where it is from."""

    note: str
    checkpoint: Checkpoint
    which: str


def divided(data: bytes) -> list[str]:
    """The notes of ``checkpoints.txt``, between which stands an empty line each.

    Raises:
        ClinicalError: it is not a list of notes.
    """
    try:
        pieces = data.decode().removesuffix("\n").split("\n\n")
    except UnicodeDecodeError:
        pieces = []
    notes = [f"{text}\n\n{lines}\n" for text, lines in zip(pieces[::2], pieces[1::2], strict=False)]
    if "\n".join(notes).encode() != data:
        raise ClinicalError(
            f"{CHECKPOINTS} is not a list of signed notes", repair="Take the export again"
        )
    return notes


def good(
    notes: Iterable[str],
    keys: Sequence[PublicKey],
    origin: str,
    which: str,
    problems: list[Problem],
) -> list[Stated]:
    """The checkpoints of this ledger that a trusted key signed; the others become problems."""
    found = []
    for note in notes:
        try:
            checkpoint = verify(note, keys)
        except ClinicalError as error:
            problems.append(Problem(None, f"a {which} checkpoint: {error.what}"))
            continue
        if checkpoint.origin == origin:
            found.append(Stated(note, checkpoint, which))
        else:
            problems.append(
                Problem(None, f"a {which} checkpoint is of ledger {checkpoint.origin!r}")
            )
    return found


def compare_outside(stated: Stated, tree: Checkpoint, manifest: Manifest) -> Problem | None:
    """What is wrong with a checkpoint that the export's entries do not lead to, if anything."""
    size, which = stated.checkpoint.size, stated.which
    if size > tree.size:
        holder = "a witness holds" if which == "witnessed" else "there is"
        return Problem(
            tree.size, f"is the first that is missing: {holder} a checkpoint of {size} entries"
        )
    proofs = {c.size: c.proof for c in manifest.consistency} | {tree.size: ()}
    if size and size not in proofs:
        return Problem(
            None,
            f"the {which} checkpoint of {size} entries cannot be compared with this export; "
            "ask for one that includes it",
        )
    if leads(size, stated.checkpoint.root, tree, proofs.get(size, ())):
        return None
    return Problem(
        0,
        f"or a later one up to {size - 1} is not what was there: the {which} checkpoint of "
        f"{size} entries has another root",
    )
