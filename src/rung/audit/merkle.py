"""The Merkle tree of RFC 6962 over a growing list, its proofs, and how those are checked by who has no tree."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final

EMPTY: Final = hashlib.sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    """Returns the hash of an entry."""
    return hashlib.sha256(b"\0" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Returns the hash of what stands above two subtrees."""
    return hashlib.sha256(b"\1" + left + right).digest()


class Tree:
    """A tree that only grows: O(1) on average to append, O(log n) for the root, or a proof, of any size it ever had."""

    def __init__(self, entries: Iterable[bytes] = ()) -> None:
        # At height k: the hashes of all complete subtrees of 2**k entries, from the left.
        self._heights: list[list[bytes]] = [[]]
        for data in entries:
            self.append(data)

    def __len__(self) -> int:
        """Returns the number of entries."""
        return len(self._heights[0])

    def append(self, data: bytes) -> None:
        """Adds an entry at the end."""
        height, made = 0, leaf_hash(data)
        self._heights[0].append(made)
        while len(self._heights[height]) % 2 == 0:
            made = node_hash(self._heights[height][-2], made)
            height += 1
            if height == len(self._heights):
                self._heights.append([])
            self._heights[height].append(made)

    def root(self, size: int | None = None) -> bytes:
        """Returns the root over the first `size` entries, over all of them by default."""
        size = self._checked(len(self) if size is None else size)
        return self._range(0, size) if size else EMPTY

    def inclusion(self, index: int, size: int | None = None) -> list[bytes]:
        """Returns the proof that entry `index`, counted from 0, is among the first `size`."""
        low, high = 0, self._checked(len(self) if size is None else size)
        if not 0 <= index < high:
            raise ValueError(f"there is no entry {index} among {high}")
        proof = []
        while high - low > 1:
            middle = low + split(high - low)
            if index < middle:
                proof.append(self._range(middle, high))
                high = middle
            else:
                proof.append(self._range(low, middle))
                low = middle
        return proof[::-1]

    def consistency(self, old: int, size: int | None = None) -> list[bytes]:
        """Returns the proof that the first `old` entries are the beginning of the first `size`."""
        low, high = 0, self._checked(len(self) if size is None else size)
        if not 0 <= old <= high:
            raise ValueError(f"{old} entries are not the beginning of {high}")
        if old in {0, high}:
            return []
        proof, whole = [], True
        while old < high:
            middle = low + split(high - low)
            if old <= middle:
                proof.append(self._range(middle, high))
                high = middle
            else:
                proof.append(self._range(low, middle))
                low, whole = middle, False
        return proof[::-1] if whole else [self._range(low, high), *proof[::-1]]

    def _checked(self, size: int) -> int:
        if not 0 <= size <= len(self):
            raise ValueError(f"the tree has {len(self)} entries, not {size}")
        return size

    def _range(self, low: int, high: int) -> bytes:
        count = high - low
        if count & (count - 1) == 0:
            height = count.bit_length() - 1
            return self._heights[height][low >> height]
        middle = low + split(count)
        return node_hash(self._range(low, middle), self._range(middle, high))


def split(count: int) -> int:
    """Returns the largest power of two below a number above 1."""
    return 1 << ((count - 1).bit_length() - 1)


def includes(root: bytes, size: int, *, index: int, leaf: bytes, proof: Sequence[bytes]) -> bool:
    """Returns whether the proof shows that the entry of hash `leaf` stands at `index` of the tree."""
    left = list(proof)

    def rebuilt(index: int, size: int) -> bytes:
        if size == 1:
            return leaf
        middle, sibling = split(size), left.pop()
        if index < middle:
            return node_hash(rebuilt(index, middle), sibling)
        return node_hash(sibling, rebuilt(index - middle, size - middle))

    if not 0 <= index < size or not _plausible(proof, size):
        return False
    try:
        return rebuilt(index, size) == root and not left
    except IndexError:  # the proof is too short
        return False


def extends(old_root: bytes, old: int, *, root: bytes, size: int, proof: Sequence[bytes]) -> bool:
    """Returns whether the proof shows that the tree of `size` entries begins with the old one."""
    left = list(proof)

    def rebuilt(old: int, size: int, *, whole: bool) -> tuple[bytes, bytes]:
        if old == size:
            same = old_root if whole else left.pop()
            return same, same
        middle, sibling = split(size), left.pop()
        if old <= middle:
            before, after = rebuilt(old, middle, whole=whole)
            return before, node_hash(after, sibling)
        before, after = rebuilt(old - middle, size - middle, whole=False)
        return node_hash(sibling, before), node_hash(sibling, after)

    if not 0 <= old <= size or not _plausible(proof, size):
        return False
    if old == 0:
        return old_root == EMPTY and not proof and (size > 0 or root == EMPTY)
    try:
        return rebuilt(old, size, whole=True) == (old_root, root) and not left
    except IndexError:  # the proof is too short
        return False


def _plausible(proof: Sequence[bytes], size: int) -> bool:
    return size < 1 << 63 and len(proof) <= 64 and all(len(part) == 32 for part in proof)
