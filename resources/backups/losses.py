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
    ledger: Ledger,
    witnessed: Sequence[str],
    keys: Sequence[PublicKey],
    *,
    reason: str,
    size: int | None = None,
    kept: int | None = None,
) -> Lost:
    """Records a loss that came to light after the restore: checkpoints that no loss lists yet.

    Checkpoints that only a withdrawn key signed are passed over.

    Args:
        size: how many entries there were before whoever answers proved who they are; as many as
            there are now where None.
        kept: how many of the first entries are those of the lost history, by the word of whoever
            answers; else it is taken from restores on record, from checkpoints that agree, or is
            all there is, where that is less than what was lost.

    Raises:
        ClinicalError: there is none; or it is not known how much is left, as where entries were
            written since.
    """
    demand_reason(reason)
    reader = ledger.reader
    size = ledger.store.head().size if size is None else size
    losses = losses_in(reader.proven(Wanted(action=ACTION)), reader.root)
    agreeing, contradicting = _divided(ledger, unexplained(witnessed, losses), keys, size)
    if not contradicting:
        raise ClinicalError(
            "No checkpoint contradicts the ledger, so there is no loss to answer for",
            where=ledger.store.engine.place,
            repair="Nothing needs to be done",
        )
    least = min(checkpoint.size for checkpoint in contradicting)
    if kept is None:
        restores = [e.act.details.size for e in reader.proven(Wanted(action="backup.restored"))]
        left = [n for n in (*restores, *(c.size for c in agreeing), size) if 0 < n < least]
        if not left:
            raise _not_told(least)
        kept = max(left)
    elif not 0 < kept <= min(size, least - 1):
        raise ClinicalError(
            f"{kept} entries cannot be what is left: there are {size}, and the lost history is"
            f" known from {least} on",
            where="--kept",
            repair=f"Give a number from 1 to {min(size, least - 1)}",
        )
    lost = loss_of(kept, reader.root(kept), contradicting)
    ledger.record(ACTION, Subject("ledger", ledger.store.origin), lost, reason=reason)
    return lost


def _divided(
    ledger: Ledger, notes: Sequence[str], keys: Sequence[PublicKey], size: int
) -> tuple[list[Checkpoint], list[Checkpoint]]:
    """Checkpoints that agree with the first ``size`` entries, and that contradict them."""
    withdrawn = ledger.store.keys.withdrawn()
    counting = [key for key in keys if key not in withdrawn]
    agreeing: list[Checkpoint] = []
    contradicting: list[Checkpoint] = []
    for note in set_aside(notes, counting, withdrawn)[0]:
        checkpoint = verify(note, counting)
        if checkpoint.origin == ledger.store.origin:
            same = checkpoint.size <= size and (
                ledger.reader.root(checkpoint.size) == checkpoint.root
            )
            (agreeing if same else contradicting).append(checkpoint)
    return agreeing, contradicting


def _not_told(least: int) -> ClinicalError:
    return ClinicalError(
        f"A checkpoint of {least} entries contradicts the ledger, and no restore on record or older"
        " checkpoint tells how many of its first entries are left: entries were written since, or"
        " the history was rewritten",
        where=f"checkpoint of {least} entries",
        repair="Keep the database for the investigation. If it was put back on purpose, say with"
        " --kept how many entries the copy held; if that is not known, a number that is surely not"
        " too high",
    )


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
