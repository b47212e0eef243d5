"""Verification of a ledger from its rows, its checkpoints and keys; nothing stored is trusted.

What belongs here: what has to hold of a ledger, and the first place where it does not. What does
not: where rows come from; a database, an export and a backup are verified by the same function.

What each check finds (P11-01): a changed byte, by the leaf hash and the root of the next
checkpoint; a deleted, inserted or swapped row, by the numbers; a cut tail, by a checkpoint of more
entries; a history rewritten with all hashes, by a signed checkpoint, or, if the signing key was
stolen too, by a checkpoint that a witness holds.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.checkpoint import Checkpoint, PublicKey, set_aside, verify
from clinical_assets.ledger.entry import read_entry, time_text
from clinical_assets.ledger.merkle import Frontier, leaf_hash, verify_consistency
from clinical_assets.ledger.shape import Seen, recognised

Proofs = Callable[[Collection[int]], Mapping[int, Sequence[bytes]]]
_BySize = Mapping[int, Sequence[Checkpoint]]


@dataclass(frozen=True, slots=True)
class Row:
    """An entry as it is stored: its number, its bytes, and the leaf hash kept beside them."""

    seq: int
    body: bytes
    leaf: bytes


@dataclass(frozen=True, slots=True)
class Problem:
    """What does not hold; ``seq`` is the first entry concerned, None if it is about none."""

    seq: int | None
    what: str

    def __str__(self) -> str:
        return self.what if self.seq is None else f"entry {self.seq}: {self.what}"


@dataclass(frozen=True, slots=True)
class Report:
    """What a verification found.

    Attributes:
        first, size: the entries from ``first`` on were read; the ledger holds ``size``.
        root: Merkle root over all entries, hexadecimal.
        checkpoints: how many signed checkpoints agreed.
        covered: entries under the newest agreeing checkpoint; later ones are not signed for yet.
        problems: empty if all holds; the first entry concerned comes first.
        open_acts: numbers of entries whose act was intended and has no outcome.
        set_aside: checkpoints that only a withdrawn key signed, and that count for nothing.
        peaks: of the tree over the ``covered`` entries, to go on from; empty where these entries
            were not read and are not the start either.
    """

    first: int
    size: int
    root: str
    checkpoints: int
    covered: int
    problems: tuple[Problem, ...]
    open_acts: tuple[int, ...]
    set_aside: int = 0
    peaks: tuple[bytes, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether everything holds."""
        return not self.problems


@dataclass
class _Findings:
    problems: list[Problem] = field(default_factory=list)
    open_acts: dict[str, int] = field(default_factory=dict)
    agreed: set[int] = field(default_factory=set)
    peaks: tuple[bytes, ...] = ()
    count: int = 0
    last_at: str = ""


def verify_ledger(
    origin: str,
    rows: Iterable[Row],
    notes: Sequence[str],
    keys: Sequence[PublicKey],
    *,
    witnessed: Sequence[str] = (),
    remembered: Sequence[str] = (),
    withdrawn: Sequence[PublicKey] = (),
    start: Frontier | None = None,
    start_at: datetime | None = None,
    earlier: Proofs | None = None,
    most_problems: int = 20,
) -> Report:
    """Reads every row and holds it against numbers, hashes and checkpoints.

    Args:
        origin: the ledger's name, which every checkpoint must state.
        rows: in the order of their numbers, from ``start`` on.
        notes: signed checkpoints kept with the ledger.
        keys: public keys whose signatures count, retired ones too.
        witnessed: signed checkpoints from elsewhere, by whose word a rewrite is found.
        remembered: signed checkpoints that whoever verifies has seen before; a rewrite is found by
            them as by those from elsewhere.
        withdrawn: keys whose signatures count no longer; what only they signed is passed over.
        start: a tree whose root was verified before, to read later rows only.
        start_at: time of the last entry of that tree; the first row is not to be before it.
        earlier: consistency proofs from the trees of such sizes to ``start``; without them no
            checkpoint of fewer entries than ``start`` is compared.
        most_problems: reading stops at so many.
    """
    frontier = start or Frontier()
    first = frontier.size
    found = _Findings(last_at=time_text(start_at) if start_at else "")
    stated: dict[str, _BySize] = {}
    aside = 0
    for which, given in (("kept", notes), ("remembered", remembered), ("witnessed", witnessed)):
        counting, others = set_aside(given, keys, withdrawn)
        stated[which] = _stated(origin, counting, keys, which, found)
        aside += others
    sizes = {size for checkpoints in stated.values() for size in checkpoints}
    if earlier is not None:
        _compare_earlier(frontier, stated, earlier, found)
    _compare(frontier, stated, found)
    for row in rows:
        if len(found.problems) >= most_problems:
            break
        if row.seq != frontier.size:
            found.problems.append(Problem(frontier.size, _gap(row.seq, frontier.size)))
            break
        leaf = leaf_hash(row.body)
        _entry(row, leaf, found)
        frontier.add(leaf)
        if frontier.size in sizes:
            _compare(frontier, stated, found)
    else:
        _cut_tail(frontier.size, stated, found)
    found.problems.sort(key=lambda p: -1 if p.seq is None else p.seq)
    return Report(
        first=first,
        size=frontier.size,
        root=frontier.root().hex(),
        checkpoints=found.count,
        covered=max(found.agreed, default=0),
        problems=tuple(found.problems),
        open_acts=tuple(found.open_acts.values()),
        set_aside=aside,
        peaks=found.peaks,
    )


_WHERE = {
    "kept": "there is",
    "remembered": "this machine has seen",
    "witnessed": "a witness holds",
}


def _cut_tail(size: int, stated: Mapping[str, _BySize], found: _Findings) -> None:
    """A checkpoint of more entries than there are: the first missing one, by the smallest such."""
    beyond = [(s, which) for which, sizes in stated.items() for s in sizes if s > size]
    if beyond:
        least = min(s for s, _ in beyond)
        which = [which for s, which in beyond if s == least][-1]
        what = f"is the first that is missing: {_WHERE[which]} a checkpoint of {least} entries"
        found.problems.append(Problem(size, what))


def _stated(
    origin: str, notes: Sequence[str], keys: Sequence[PublicKey], which: str, found: _Findings
) -> dict[int, list[Checkpoint]]:
    stated: dict[int, list[Checkpoint]] = {}
    for note in notes:
        try:
            checkpoint = verify(note, keys)
        except ClinicalError as error:
            found.problems.append(Problem(None, f"a {which} checkpoint: {error.what}"))
            continue
        if checkpoint.origin != origin:
            found.problems.append(
                Problem(None, f"a {which} checkpoint is of ledger {checkpoint.origin!r}")
            )
            continue
        stated.setdefault(checkpoint.size, []).append(checkpoint)
    return stated


def _compare(frontier: Frontier, stated: Mapping[str, _BySize], found: _Findings) -> None:
    size = frontier.size
    if not any(size in checkpoints for checkpoints in stated.values()):
        return
    root = frontier.root()
    for which, checkpoints in stated.items():
        for checkpoint in checkpoints.get(size, ()):
            found.count += 1
            if checkpoint.root == root:
                found.agreed.add(size)
                found.peaks = frontier.peaks
                continue
            last = max((s for s in found.agreed if s < size), default=0)
            if any(p.seq is not None and last <= p.seq < size for p in found.problems):
                continue  # an entry that was found to be changed explains it, and is named
            found.problems.append(_another(last, which, size))


def _compare_earlier(
    start: Frontier,
    stated: Mapping[str, _BySize],
    proofs: Proofs,
    found: _Findings,
) -> None:
    """Checkpoints of fewer entries than are read from: shown to be the beginning of that tree.

    The tree itself was verified before, so that proofs from a store that lies do not lead to it.
    """
    every = {size for checkpoints in stated.values() for size in checkpoints}
    sizes = sorted(size for size in every if size < start.size)
    root, last = start.root(), 0
    try:
        steps = proofs(sizes) if sizes else {}
    except ClinicalError as error:
        found.problems.append(Problem(None, error.what))
        return
    for size in sizes:
        for which, checkpoints in stated.items():
            for checkpoint in checkpoints.get(size, ()):
                found.count += 1
                proof = steps.get(size, ())
                if not verify_consistency(size, start.size, checkpoint.root, root, proof):
                    found.problems.append(_another(last, which, size))
                    return
        found.agreed.add(size)
        last = size


def _another(last: int, which: str, size: int) -> Problem:
    return Problem(
        last,
        f"or a later one up to {size - 1} is not what was there: the {which} "
        f"checkpoint of {size} entries has another root",
    )


def _entry(row: Row, leaf: bytes, found: _Findings) -> None:
    if row.leaf != leaf:
        found.problems.append(Problem(row.seq, "its bytes do not have the hash kept beside them"))
    seen = recognised(row.body)
    if seen is None:
        try:
            seen = _read(row.body)
        except ClinicalError as error:
            found.problems.append(Problem(row.seq, error.what))
            return
    if seen.seq != row.seq:
        found.problems.append(Problem(row.seq, f"it says of itself that it is entry {seen.seq}"))
    if seen.at < found.last_at:  # as texts: all of one length, in UTC
        found.problems.append(
            Problem(row.seq, f"its time {seen.at} is before that of the entry before it")
        )
    found.last_at = seen.at
    if seen.outcome == "intended":
        found.open_acts[seen.act] = row.seq
    else:
        found.open_acts.pop(seen.act, None)


def _read(body: bytes) -> Seen:
    entry = read_entry(body)
    return Seen(entry.seq, time_text(entry.at), entry.act.act, entry.act.outcome)


def _gap(seen: int, expected: int) -> str:
    if seen < expected:
        return f"stands where entry {seen} was found again"
    return f"is missing; entry {seen} follows"
