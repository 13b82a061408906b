"""The tree of RFC 6962: its published roots, and every proof of every size up to 70, right and forged."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rung.audit.merkle import EMPTY, Tree, extends, includes, leaf_hash, node_hash

# The entries and roots that the reference implementation of RFC 6962 is tested with.
ENTRIES = [
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
ROOTS = (
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
MOST = 70
TREE = Tree(b"%d" % n for n in range(MOST))
SIZES = st.tuples(st.integers(0, MOST), st.integers(0, MOST)).map(sorted)


@pytest.mark.parametrize("size", range(len(ROOTS)))
def test_published_roots(size: int) -> None:
    assert Tree(ENTRIES[:size]).root().hex() == ROOTS[size]
    assert Tree(ENTRIES).root(size).hex() == ROOTS[size]


def test_published_proofs() -> None:
    tree = Tree(ENTRIES)
    assert [part.hex() for part in tree.inclusion(0, 8)] == [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ]
    assert [part.hex() for part in tree.consistency(6, 8)] == [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]


def test_every_proof_of_every_size() -> None:
    for size in range(1, MOST + 1):
        for index in range(size):
            proof = TREE.inclusion(index, size)
            leaf = leaf_hash(b"%d" % index)
            assert includes(TREE.root(size), size, index=index, leaf=leaf, proof=proof)
            assert not includes(TREE.root(size), size, index=index, leaf=leaf_hash(b"forged"), proof=proof)
        for old in range(size + 1):
            proof = TREE.consistency(old, size)
            assert extends(TREE.root(old), old, root=TREE.root(size), size=size, proof=proof)
            if old > 0:
                assert not extends(TREE.root(old - 1), old, root=TREE.root(size), size=size, proof=proof)


@settings(max_examples=300, deadline=None)
@given(SIZES, st.randoms(use_true_random=False))
def test_a_forged_proof_shows_nothing(sizes: list[int], rng: random.Random) -> None:
    old, size = sizes
    proof = TREE.consistency(old, size)
    root = TREE.root(size)
    forgeries = [[*proof, EMPTY], [EMPTY, *proof], proof[1:], proof[:-1], proof[::-1]]
    if proof:
        place = rng.randrange(len(proof))
        changed = bytearray(proof[place])
        changed[rng.randrange(32)] ^= 1 << rng.randrange(8)
        forgeries += [[*proof[:place], bytes(changed), *proof[place + 1 :]], [proof[place][:31], *proof[1:]]]
    for forged in forgeries:
        assert forged == proof or not extends(TREE.root(old), old, root=root, size=size, proof=forged)
    if old:
        assert not extends(EMPTY, old, root=root, size=size, proof=proof)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(max_size=3), max_size=MOST), st.lists(st.binary(max_size=3), max_size=MOST))
def test_only_a_continuation_can_be_proved(before: list[bytes], after: list[bytes]) -> None:
    old, new = Tree(before), Tree(after)
    really = after[: len(before)] == before
    shown = len(before) <= len(after) and extends(
        old.root(), len(old), root=new.root(), size=len(new), proof=new.consistency(len(old))
    )
    assert shown == really


def test_the_tree_grows_as_if_it_were_made_at_once() -> None:
    grown = Tree()
    for n in range(MOST):
        grown.append(b"%d" % n)
        assert grown.root() == Tree(b"%d" % k for k in range(n + 1)).root() == TREE.root(n + 1)


def test_leaves_and_nodes_cannot_be_mistaken() -> None:
    left, right = leaf_hash(b"a"), leaf_hash(b"b")
    assert leaf_hash(left + right) != node_hash(left, right)


def test_a_later_size_proves_nothing_about_an_earlier_one() -> None:
    assert not extends(TREE.root(9), 9, root=TREE.root(5), size=5, proof=[])
    assert not extends(TREE.root(9), 9, root=TREE.root(8), size=9, proof=[])
    for wrong in (lambda: TREE.root(MOST + 1), lambda: TREE.inclusion(5, 5), lambda: TREE.consistency(6, 5)):
        with pytest.raises(ValueError, match="entr"):
            wrong()
