"""What an export carries to show that its entries are in the tree that a checkpoint signs.

Entries without gaps: their leaf hashes, the roots of the complete subtrees before them, and a
consistency proof from the tree at their end. Selected entries: each with its inclusion proof.
Both: consistency proofs for the checkpoints that entries alone do not lead to. Every proof is
tried before it is handed out.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from clinical_assets.errors import ClinicalError
from clinical_assets.ledger import merkle
from clinical_assets.ledger.checkpoint import Checkpoint, PublicKey, set_aside, verify
from clinical_assets.ledger.entry import Entry, read_entry
from clinical_assets.ledger.exports.manifest import LEAVES, PROOFS, Consistency
from clinical_assets.ledger.exports.record import compact
from clinical_assets.ledger.verification import Row


@dataclass(frozen=True, slots=True)
class Range:
    """The entries from ``first`` to before ``end``; to the newest checkpoint's if it is None."""

    first: int = 0
    end: int | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """Entries that were picked, and by what, in words (``actor p-0001, since 2026-11-01``)."""

    by: str


class Source:
    """The ledger that an export is made from.

    Args:
        origin: the ledger's name.
        notes: signed checkpoints; the newest is the one that entries are shown to be under.
        keys: public keys that signed them, retired ones too.
        withdrawn: keys whose signatures count no longer; what only they signed is not exported.
        node: reads the tree; without it only a whole ledger can be exported.

    Raises:
        ClinicalError: there is no checkpoint, or one is not signed by a key or not of this ledger.
    """

    def __init__(
        self,
        origin: str,
        notes: Sequence[str],
        keys: Sequence[PublicKey],
        node: merkle.Node | None = None,
        *,
        withdrawn: Sequence[PublicKey] = (),
    ) -> None:
        self.origin, self.keys, self._node = origin, tuple(keys), node
        self.notes = tuple(set_aside(notes, keys, withdrawn)[0])
        self.checkpoints = [verify(note, keys) for note in self.notes]
        if any(checkpoint.origin != origin for checkpoint in self.checkpoints):
            raise refused("a checkpoint is of another ledger")
        if not self.checkpoints:
            raise refused("no checkpoint was signed")
        self.newest = max(self.checkpoints, key=lambda checkpoint: checkpoint.size)

    def node(self, level: int, index: int) -> bytes:
        """Hash of a complete subtree.

        Raises:
            ValueError: no reader of the tree was given.
        """
        if self._node is None:
            raise ValueError("only a whole ledger is exported without a reader of its tree")
        return self._node(level, index)

    def consistency(self, sizes: Iterable[int]) -> tuple[Consistency, ...]:
        """Proofs that the trees of these sizes are beginnings of the newest checkpoint's."""
        found = []
        for size in sorted(set(sizes)):
            proof = merkle.consistency_proof(size, self.newest.size, self.node) if size else []
            found.append(Consistency(size, tuple(step.hex() for step in proof)))
        return tuple(found)


def chosen(
    source: Source, rows: Iterable[Row], fits: Callable[[Entry], bool], first: int, end: int
) -> Iterator[Row]:
    """The rows that are asked for, of all from ``first`` to before ``end``; none can be missing.

    Every row is read and, at the end, shown to be in the newest checkpoint's tree: whoever signs
    the manifest vouches for the selection, whatever a database says of its rows.

    Raises:
        ClinicalError: a row is missing or was changed, or cannot be read.
    """
    run = RunOfEntries(source, Range(first, end))
    for row in rows:
        run.line(row, merkle.leaf_hash(row.body))
        if fits(read_entry(row.body)):
            yield row
    run.finished()


class RunOfEntries:
    """Shows entries without gaps to be in the tree."""

    file, form, media_type = LEAVES, "leaves/1", "text/plain; charset=utf-8"

    def __init__(self, source: Source, what: Range) -> None:
        newest = source.newest
        self.first = what.first
        self.end = newest.size if what.end is None else what.end
        if not 0 <= self.first <= self.end <= newest.size:
            raise refused(f"no checkpoint covers entries {self.first} to {self.end - 1}")
        self._source = source
        self._frontier = (
            merkle.frontier_of(self.first, source.node) if self.first else merkle.Frontier()
        )
        self.peaks = self._frontier.peaks

    def line(self, row: Row, leaf: bytes) -> str:
        """What stands beside the entry: its leaf hash."""
        if row.seq != self._frontier.size or row.seq >= self.end:
            raise refused(f"entry {row.seq} stands where {self._frontier.size} belongs")
        self._frontier.add(leaf)
        return leaf.hex() + "\n"

    def finished(self) -> tuple[Consistency, ...]:
        """The proofs for the end and for checkpoints outside, once all entries were taken."""
        newest = self._source.newest
        if self._frontier.size != self.end:
            raise refused(f"entry {self._frontier.size} is missing")
        sizes = [c.size for c in self._source.checkpoints if not self.first <= c.size <= self.end]
        proofs = self._source.consistency(
            [*(s for s in sizes if s < newest.size), *[self.end][: self.end < newest.size]]
        )
        steps = {p.size: p.proof for p in proofs}.get(self.end, ())
        if not leads(self.end, self._frontier.root(), newest, steps):
            raise refused("the entries do not lead to the root of the checkpoint")
        return proofs


class PickedEntries:
    """Shows each of some entries to be in the tree."""

    file, form, media_type = PROOFS, "proofs/1", "application/x-ndjson"
    first = 0
    peaks: tuple[bytes, ...] = ()

    def __init__(self, source: Source) -> None:
        self._source = source
        self._last = -1

    def line(self, row: Row, leaf: bytes) -> str:
        """What stands beside the entry: its leaf hash and inclusion proof."""
        newest = self._source.newest
        if not self._last < row.seq < newest.size:
            raise refused(f"entry {row.seq} is not covered, or follows {self._last}")
        self._last = row.seq
        proof = merkle.inclusion_proof(row.seq, newest.size, self._source.node)
        if not merkle.verify_inclusion(row.seq, newest.size, leaf, proof, newest.root):
            raise refused(f"entry {row.seq} does not lead to the root of the checkpoint")
        steps = [step.hex() for step in proof]
        return compact({"leaf": leaf.hex(), "proof": steps, "seq": row.seq}) + "\n"

    def finished(self) -> tuple[Consistency, ...]:
        """The proofs for older checkpoints."""
        newest = self._source.newest
        return self._source.consistency(
            c.size for c in self._source.checkpoints if c.size < newest.size
        )


def leads(size: int, root: bytes, to: Checkpoint, proof: Sequence[str]) -> bool:
    """Whether ``proof`` shows the tree of ``size`` to be the beginning of the checkpoint's."""
    steps = [bytes.fromhex(step) for step in proof]
    return merkle.verify_consistency(size, to.size, root, to.root, steps)


def refused(why: str) -> ClinicalError:
    """The refusal to export what would not verify."""
    return ClinicalError(
        f"The ledger was not exported: {why}",
        repair="Sign a checkpoint and export again; if that does not help, verify the ledger",
    )
