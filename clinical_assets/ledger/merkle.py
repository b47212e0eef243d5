"""The Merkle tree over the ledger's entries: hashes, roots, inclusion and consistency proofs.

What belongs here: arithmetic on hashes, after RFC 6962 section 2.1 and the verification algorithms
of RFC 9162 section 2.1. What does not: entries, keys and storage. A tree is read through a
function that gives the hash of a complete subtree, ``node(level, index)``: the subtree over the
2**level leaves from ``index * 2**level`` on. Stores keep just these nodes, because they never
change once they are complete; so appending adds rows only, and any root or proof of any size reads
O(log n) of them.
"""

from collections.abc import Callable, Sequence
from hashlib import sha256

Node = Callable[[int, int], bytes]
HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    """SHA-256 of 0x00 and an entry's bytes (RFC 6962, section 2.1)."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256 of 0x01 and the hashes of both children (RFC 6962, section 2.1)."""
    return sha256(b"\x01" + left + right).digest()


def root_of(size: int, node: Node) -> bytes:
    """Root of the tree over the first ``size`` leaves; of none, the SHA-256 of nothing."""
    return _subtree(0, size, node) if size else EMPTY_ROOT


def frontier_of(size: int, node: Node) -> "Frontier":
    """The tree of the first ``size`` leaves, read from its complete subtrees."""
    peaks, begin = [], 0
    for level in range(size.bit_length() - 1, -1, -1):
        if size >> level & 1:
            peaks.append(node(level, begin >> level))
            begin += 1 << level
    return Frontier.resume(size, peaks)


def inclusion_proof(index: int, size: int, node: Node) -> list[bytes]:
    """Hashes that lead from leaf ``index`` to the root of ``size`` leaves, lowest first.

    Raises:
        ValueError: there is no such leaf in a tree of this size.
    """
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    begin, end = 0, size
    path: list[bytes] = []
    while end - begin > 1:
        middle = begin + _split(end - begin)
        if index < middle:
            path.append(_subtree(middle, end, node))
            end = middle
        else:
            path.append(_subtree(begin, middle, node))
            begin = middle
    return path[::-1]


def consistency_proof(old: int, new: int, node: Node) -> list[bytes]:
    """Hashes that show the tree of ``old`` leaves to be the beginning of the one of ``new``.

    Raises:
        ValueError: not 0 < old <= new.
    """
    if not 0 < old <= new:
        raise ValueError(f"no consistency proof leads from size {old} to size {new}")
    return _consistency(old, 0, new, True, node)


def verify_inclusion(
    index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes
) -> bool:
    """Whether ``proof`` leads from ``leaf`` to ``root`` (RFC 9162, section 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    place, last, found = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if place % 2 or place == last:
            found = node_hash(sibling, found)
            while place % 2 == 0 and place:
                place, last = place // 2, last // 2
        else:
            found = node_hash(found, sibling)
        place, last = place // 2, last // 2
    return last == 0 and found == root


def verify_consistency(
    old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]
) -> bool:
    """Whether ``proof`` shows the old tree to be the new one's beginning (RFC 9162, 2.1.4.2)."""
    if not 0 <= old <= new:
        return False
    if old == new:
        return not proof and old_root == new_root
    if old == 0:
        return not proof and old_root == EMPTY_ROOT
    steps = list(proof)
    if old & (old - 1) == 0:  # a power of two: the old root is itself the first hash
        steps.insert(0, old_root)
    if not steps:
        return False
    place, last = old - 1, new - 1
    while place % 2:
        place, last = place // 2, last // 2
    first = second = steps[0]
    for sibling in steps[1:]:
        if last == 0:
            return False
        if place % 2 or place == last:
            first, second = node_hash(sibling, first), node_hash(sibling, second)
            while place % 2 == 0 and place:
                place, last = place // 2, last // 2
        else:
            second = node_hash(second, sibling)
        place, last = place // 2, last // 2
    return last == 0 and first == old_root and second == new_root


class Frontier:
    """The root of a growing tree, from its leaves alone and in O(log n) memory.

    For verifiers, who trust no stored node.
    """

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []  # of the complete subtrees, the largest first

    @classmethod
    def resume(cls, size: int, peaks: Sequence[bytes]) -> "Frontier":
        """A tree of ``size`` leaves from its :attr:`peaks`; its root is what has to be checked.

        Raises:
            ValueError: a tree of this size has another number of peaks.
        """
        if size < 0 or len(peaks) != size.bit_count():
            raise ValueError(f"a tree of {size} leaves has no {len(peaks)} peaks")
        resumed = cls()
        resumed.size, resumed._peaks = size, list(peaks)
        return resumed

    @property
    def peaks(self) -> tuple[bytes, ...]:
        """Hashes of the complete subtrees that the leaves make up, the largest first."""
        return tuple(self._peaks)

    def add(self, leaf: bytes) -> list[bytes]:
        """Takes the next leaf hash; the nodes above it that it completes, the lowest first."""
        found, place = leaf, self.size
        completed = []
        while place % 2:
            found = node_hash(self._peaks.pop(), found)
            completed.append(found)
            place //= 2
        self._peaks.append(found)
        self.size += 1
        return completed

    def root(self) -> bytes:
        """Root over the leaves taken so far."""
        if not self._peaks:
            return EMPTY_ROOT
        found = self._peaks[-1]
        for peak in self._peaks[-2::-1]:
            found = node_hash(peak, found)
        return found


def _split(size: int) -> int:
    """The largest power of two below ``size`` (at least 2)."""
    return 1 << ((size - 1).bit_length() - 1)


def _subtree(begin: int, end: int, node: Node) -> bytes:
    """Root over the leaves from ``begin`` to before ``end``, as RFC 6962 divides them."""
    size = end - begin
    if size & (size - 1) == 0:
        return node(size.bit_length() - 1, begin // size)
    middle = begin + _split(size)
    return node_hash(_subtree(begin, middle, node), _subtree(middle, end, node))


def _consistency(old: int, begin: int, end: int, whole: bool, node: Node) -> list[bytes]:
    """SUBPROOF of RFC 6962, section 2.1.2; ``old`` counts from ``begin``."""
    size = end - begin
    if old == size:
        return [] if whole else [_subtree(begin, end, node)]
    middle = begin + _split(size)
    if old <= middle - begin:
        right = _subtree(middle, end, node)
        return [*_consistency(old, begin, middle, whole, node), right]
    left = _subtree(begin, middle, node)
    return [*_consistency(old - (middle - begin), middle, end, False, node), left]
