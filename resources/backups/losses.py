"""What was lost, found from checkpoints that others hold, and written into the ledger.

What belongs here: comparing a ledger, or the copy in a backup, with witnessed checkpoints, and
recording what is gone. What does not: what a recorded loss means for verification
(:mod:`clinical_assets.ledger.losses`).
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress

from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.actions import Lost
from clinical_assets.ledger.checkpoint import Checkpoint, PublicKey, set_aside, verify
from clinical_assets.ledger.entry import Subject, read_entry
from clinical_assets.ledger.losses import (
    ACTION,
    checkpoint_name,
    loss_of,
    losses_in,
    unexplained,
)
from clinical_assets.ledger.merkle import Frontier
from resources.ledger import Ledger
from resources.ledger_database.copy import LedgerCopy
from resources.ledger_database.reader import Wanted
from resources.retention import demand_reason


def acknowledge_loss(
    ledger: Ledger, witnessed: Sequence[str], keys: Sequence[PublicKey], *, reason: str
) -> Lost:
    """Records a loss that came to light after the restore: checkpoints that no loss lists yet.

    Checkpoints that only a withdrawn key signed are passed over.

    Raises:
        ClinicalError: there is none, or the checkpoints show a rewritten history, not a lost one.
    """
    demand_reason(reason)
    reader, size = ledger.reader, ledger.store.head().size
    losses = losses_in(reader.proven(Wanted(action=ACTION)), reader.root)
    agreeing: list[Checkpoint] = []
    contradicting: list[Checkpoint] = []
    withdrawn = ledger.store.keys.withdrawn()
    counting = [key for key in keys if key not in withdrawn]
    notes, _ = set_aside(unexplained(witnessed, losses), counting, withdrawn)
    for note in notes:
        checkpoint = verify(note, counting)
        if checkpoint.origin == ledger.store.origin:
            same = checkpoint.size <= size and reader.root(checkpoint.size) == checkpoint.root
            (agreeing if same else contradicting).append(checkpoint)
    if not contradicting:
        raise ClinicalError(
            "No checkpoint contradicts the ledger, so there is no loss to answer for",
            where=ledger.store.engine.place,
            repair="Nothing needs to be done",
        )
    least = min(checkpoint.size for checkpoint in contradicting)
    restores = [e.act.details.size for e in reader.proven(Wanted(action="backup.restored"))]
    # Put back as files: all that is here now is what is left, as long as it is less than was lost.
    kept = [n for n in (*restores, *(c.size for c in agreeing), size) if 0 < n < least]
    if not kept:
        raise _rewritten(least)
    lost = loss_of(max(kept), reader.root(max(kept)), contradicting)
    ledger.record(ACTION, Subject("ledger", ledger.store.origin), lost, reason=reason)
    if ledger.seen is not None:
        ledger.seen.begin_anew(ledger.store.head().note)
    return lost


def loss_by_restore(
    copy: LedgerCopy, notes: Iterable[str], keys: Sequence[PublicKey]
) -> Lost | None:
    """What this restore loses; None if no later checkpoint is known.

    Raises:
        ClinicalError: a checkpoint contradicts entries that are in the backup.
    """
    mark = f'"action":"{ACTION}"'.encode()
    entries = [read_entry(row.body) for row in copy.rows() if mark in row.body]
    sizes = {e.act.details.kept for e in entries if e.act.action == ACTION}
    stated = [c for c in (verify(note, keys) for note in notes) if c.origin == copy.origin]
    roots = _roots(copy, sizes | {c.size for c in stated})
    losses = losses_in(entries, lambda size: roots.get(size, b""))
    explained = {name for loss in losses for name in loss.details.checkpoints}
    later = []
    for checkpoint in stated:
        if checkpoint_name(checkpoint) in explained:
            continue
        if checkpoint.size > copy.size:
            later.append(checkpoint)
        elif roots[checkpoint.size] != checkpoint.root:
            raise _rewritten(checkpoint.size)
    return loss_of(copy.size, roots[copy.size], later) if later else None


def signed_notes(notes: Iterable[str], keys: Sequence[PublicKey]) -> list[str]:
    """Those that one of the keys signed."""
    good = []
    for note in notes:
        with suppress(ClinicalError):
            verify(note, keys)
            good.append(note)
    return good


def _roots(copy: LedgerCopy, sizes: set[int]) -> dict[int, bytes]:
    """Merkle roots at these sizes and at the end."""
    frontier = Frontier()
    found = {0: frontier.root()}
    for row in copy.rows():
        frontier.add(row.leaf)
        if frontier.size in sizes:
            found[frontier.size] = frontier.root()
    return {**found, frontier.size: frontier.root()}


def _rewritten(size: int) -> ClinicalError:
    return ClinicalError(
        f"A witnessed checkpoint of {size} entries contradicts entries that are still here: the"
        " history was rewritten, not cut, and no loss explains that",
        where=f"checkpoint of {size} entries",
        repair="Keep both for the investigation; use a backup that agrees with the witness",
    )
