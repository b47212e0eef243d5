"""Roots and proofs against RFC 6962's own vectors and against a tree that is obviously right."""

from collections.abc import Sequence
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinical_assets.ledger import merkle

# The inputs and roots that Certificate Transparency's reference implementation tests with.
INPUTS = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def naive_root(leaves: Sequence[bytes]) -> bytes:
    """MTH of RFC 6962, written as the RFC defines it."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha256(b"\x01" + naive_root(leaves[:k]) + naive_root(leaves[k:])).digest()


class Tree:
    """Complete nodes in a dictionary, as a store keeps them."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self.leaves = leaves
        self.nodes: dict[tuple[int, int], bytes] = {}
        frontier = merkle.Frontier()
        for index, leaf in enumerate(leaves):
            for level, found in enumerate([leaf, *frontier.add(leaf)]):
                self.nodes[level, index >> level] = found

    def node(self, level: int, place: int) -> bytes:
        return self.nodes[level, place]


def leaves(count: int) -> list[bytes]:
    return [merkle.leaf_hash(str(i).encode()) for i in range(count)]


@pytest.mark.parametrize("size", range(1, 9))
def test_the_roots_of_the_reference_implementation(size: int) -> None:
    tree = Tree([merkle.leaf_hash(data) for data in INPUTS[:size]])
    assert merkle.root_of(size, tree.node).hex() == ROOTS[size - 1]


def test_an_empty_tree_has_the_hash_of_nothing() -> None:
    assert merkle.root_of(0, Tree([]).node) == sha256(b"").digest() == merkle.Frontier().root()


@pytest.mark.parametrize("size", range(1, 70))
def test_store_frontier_and_definition_agree_at_every_size(size: int) -> None:
    tree = Tree(leaves(70))
    frontier = merkle.Frontier()
    for leaf in tree.leaves[:size]:
        frontier.add(leaf)
    assert merkle.root_of(size, tree.node) == naive_root(tree.leaves[:size]) == frontier.root()


def test_every_inclusion_proof_up_to_40_leaves_holds_and_no_other_place_or_leaf() -> None:
    tree = Tree(leaves(40))
    for size in range(1, 41):
        root = merkle.root_of(size, tree.node)
        for index in range(size):
            proof = merkle.inclusion_proof(index, size, tree.node)
            assert merkle.verify_inclusion(index, size, tree.leaves[index], proof, root)
            other = tree.leaves[(index + 1) % 40]
            assert not merkle.verify_inclusion(index, size, other, proof, root)
            assert not merkle.verify_inclusion(index + 1, size, tree.leaves[index], proof, root)
            assert not merkle.verify_inclusion(
                index, size, tree.leaves[index], [*proof, root], root
            )


def test_every_consistency_proof_up_to_40_leaves_holds_and_no_other_root() -> None:
    tree = Tree(leaves(40))
    roots = [merkle.root_of(size, tree.node) for size in range(41)]
    for new in range(1, 41):
        for old in range(1, new + 1):
            proof = merkle.consistency_proof(old, new, tree.node)
            assert merkle.verify_consistency(old, new, roots[old], roots[new], proof)
            assert not merkle.verify_consistency(old, new, roots[old - 1], roots[new], proof)
            assert not merkle.verify_consistency(old, new, roots[old], roots[new - 1], proof)
            for place in range(len(proof)):
                broken = [*proof[:place], bytes(32), *proof[place + 1 :]]
                assert not merkle.verify_consistency(old, new, roots[old], roots[new], broken)


@given(st.integers(1, 300), st.data())
def test_a_rewritten_leaf_breaks_consistency(size: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, size))
    changed = data.draw(st.integers(0, old - 1))
    honest = Tree(leaves(size))
    forged_leaves = leaves(size)
    forged_leaves[changed] = merkle.leaf_hash(b"forged")
    forged = Tree(forged_leaves)
    proof = merkle.consistency_proof(old, size, forged.node)
    old_root = merkle.root_of(old, honest.node)
    assert not merkle.verify_consistency(
        old, size, old_root, merkle.root_of(size, forged.node), proof
    )


@pytest.mark.parametrize(("index", "size"), [(0, 0), (3, 3), (-1, 3)])
def test_there_is_no_proof_for_a_leaf_that_is_not_there(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="no leaf"):
        merkle.inclusion_proof(index, size, Tree(leaves(3)).node)
    assert not merkle.verify_inclusion(index, size, leaves(1)[0], [], leaves(1)[0])


@pytest.mark.parametrize(("old", "new"), [(0, 3), (4, 3), (-1, 3)])
def test_there_is_no_consistency_proof_from_nothing_or_backwards(old: int, new: int) -> None:
    with pytest.raises(ValueError, match="no consistency proof"):
        merkle.consistency_proof(old, new, Tree(leaves(4)).node)


@pytest.mark.parametrize("size", range(40))
def test_a_frontier_goes_on_from_its_peaks_and_a_store_gives_the_same(size: int) -> None:
    tree = Tree(leaves(40))
    grown = merkle.Frontier()
    for leaf in tree.leaves[:size]:
        grown.add(leaf)
    taken_up = merkle.Frontier.resume(size, grown.peaks)
    assert merkle.frontier_of(size, tree.node).peaks == grown.peaks
    for leaf in tree.leaves[size:]:
        taken_up.add(leaf)
    assert taken_up.root() == naive_root(tree.leaves)
    with pytest.raises(ValueError, match="peaks"):
        merkle.Frontier.resume(size, [*grown.peaks, bytes(32)])
