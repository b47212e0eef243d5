"""What witnesses hold, against the ledger at hand: is it a later or another one than theirs?

What belongs here: the question that is asked at every start, before anything is appended or
signed, from a few notes and roots. What does not: reading the whole ledger
(:func:`.verification.verify_ledger`), and fetching notes, which the resources do.

A ledger restored from a backup, cut, or replaced is consistent in itself. Only somebody who saw a
later state can tell (Crosby and Wallach 2009, "Efficient Data Structures for Tamper-Evident
Logging"; RFC 9162, section 8.3). To sign on top of it would make two histories under one name.
"""

from collections.abc import Callable, Sequence

from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.checkpoint import Checkpoint, PublicKey, verify
from clinical_assets.ledger.verification import Problem


def contradictions(
    notes: Sequence[str],
    origin: str,
    keys: Sequence[PublicKey],
    size: int,
    root_at: Callable[[int], bytes],
    *,
    withdrawn: Sequence[PublicKey] = (),
) -> tuple[Problem, ...]:
    """Where the witnesses' checkpoints and the ledger cannot both be true; empty if they agree.

    Fetch the notes first and read ``size`` after it: another process may append, sign and publish
    in between, and a ledger that is larger than its checkpoints is no contradiction.

    Args:
        notes: signed checkpoints of this ledger that witnesses hold.
        origin: the ledger's name.
        keys: public keys whose signatures count, retired ones too.
        size: how many entries the ledger holds.
        root_at: Merkle root over the first so many entries, 32 bytes; asked for 0 < n <= size.
        withdrawn: keys whose signatures count no longer; notes that only they signed are passed
            over, because whoever stole such a key can make them.

    Returns:
        At most three kinds: the first entry that is missing, by the largest witnessed checkpoint;
        the first entries that are not what they were, by the smallest one with another root;
        and, without a number, each note that no known key signed. The last kind alone does not
        show that the ledger was changed: the note or the trusted keys may have been.
    """
    problems, seen = _read(notes, origin, keys, withdrawn)
    agreed = {0}
    for checkpoint in sorted(seen, key=lambda c: c.size):
        if not 0 < checkpoint.size <= size:
            continue
        if root_at(checkpoint.size) != checkpoint.root:
            problems.append(
                Problem(
                    max(s for s in agreed if s < checkpoint.size),
                    f"or a later one up to {checkpoint.size - 1} is not what was there: the "
                    f"witnessed checkpoint of {checkpoint.size} entries has another root",
                )
            )
            break
        agreed.add(checkpoint.size)
    largest = max((c.size for c in seen), default=0)
    if largest > size:
        problems.append(
            Problem(
                size,
                f"is the first that is missing: a witness holds a checkpoint of {largest} entries",
            )
        )
    return tuple(sorted(problems, key=lambda p: -1 if p.seq is None else p.seq))


def _read(
    notes: Sequence[str],
    origin: str,
    keys: Sequence[PublicKey],
    withdrawn: Sequence[PublicKey],
) -> tuple[list[Problem], list[Checkpoint]]:
    """The notes that count, and what is wrong with the others."""
    problems: list[Problem] = []
    seen: list[Checkpoint] = []
    for note in notes:
        try:
            checkpoint = verify(note, keys)
        except ClinicalError as error:
            if not _signed(note, withdrawn):
                problems.append(Problem(None, f"a witnessed checkpoint: {error.what}"))
            continue
        if checkpoint.origin == origin:
            seen.append(checkpoint)
        else:
            problems.append(
                Problem(None, f"a witnessed checkpoint is of ledger {checkpoint.origin!r}")
            )
    return problems, seen


def _signed(note: str, keys: Sequence[PublicKey]) -> bool:
    try:
        verify(note, keys)
    except ClinicalError:
        return False
    return True
