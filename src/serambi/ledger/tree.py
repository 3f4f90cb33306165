"""The Merkle tree of RFC 6962: hashes, roots, inclusion and consistency proofs.

Knows nothing of files: a prover is given a function that finds the hash of a complete subtree.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence

from serambi.base.errors import Kind, SerambiError

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()

# (level, index) -> root of the complete subtree over leaves [index << level, (index + 1) << level)
Subtree = Callable[[int, int], bytes]


def leaf_hash(entry: bytes) -> bytes:
    """The hash of one entry as a leaf."""
    return hashlib.sha256(b"\x00" + entry).digest()


def leaf_hashes(entries: Iterable[bytes]) -> list[bytes]:
    """The hash of each entry as a leaf."""
    return [hashlib.sha256(b"\x00" + entry).digest() for entry in entries]


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of two neighbors as their parent."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def complete_root(hashes: Sequence[bytes]) -> bytes:
    """The root over a power of two of neighboring hashes."""
    row = list(hashes)
    while len(row) > 1:
        row = [node_hash(row[at], row[at + 1]) for at in range(0, len(row), 2)]
    return row[0]


class Pyramid:
    """Neighboring hashes and the root of every complete subtree above them, each computed once."""

    def __init__(self) -> None:
        self._rows: list[list[bytes]] = [[]]

    @property
    def hashes(self) -> list[bytes]:
        """The hashes at the bottom. Belongs to the pyramid: not to be changed."""
        return self._rows[0]

    def copy(self) -> "Pyramid":
        """A pyramid that can grow without changing this one."""
        twin = Pyramid()
        twin._rows = [list(row) for row in self._rows]
        return twin

    def extend(self, hashes: Iterable[bytes]) -> None:
        """Add further hashes to the bottom."""
        below = self._rows[0]
        below += hashes
        height = 0
        while True:
            height += 1
            if height == len(self._rows):
                self._rows.append([])
            above = self._rows[height]
            fresh = below[2 * len(above) :]
            if len(fresh) < 2:
                return
            above += [
                hashlib.sha256(b"\x01" + left + right).digest()  # node_hash, without the call
                for left, right in zip(fresh[::2], fresh[1::2], strict=False)
            ]
            below = above

    def peaks(self) -> list[bytes]:
        """The roots of the complete subtrees that together hold all hashes, largest first."""
        return [row[-1] for row in reversed(self._rows) if len(row) & 1]

    def root(self) -> bytes:
        """The root over all hashes."""
        return fold(self.peaks())


def fold(peaks: Sequence[bytes]) -> bytes:
    """The root over complete subtrees given largest first; none gives the empty tree's root."""
    if not peaks:
        return EMPTY_ROOT
    root = peaks[-1]
    for peak in reversed(peaks[:-1]):
        root = node_hash(peak, root)
    return root


def tree_root(size: int, subtree: Subtree) -> bytes:
    """The root over the first `size` leaves."""
    return _range_root(0, size, subtree)


def inclusion_proof(index: int, size: int, subtree: Subtree) -> list[bytes]:
    """The hashes that lead from leaf `index` to the root over `size` leaves, leaf's end first."""
    if not 0 <= index < size:
        raise SerambiError(
            Kind.BAD_INPUT, f"there is no entry {index} in a ledger of {size} entries"
        )
    low, high, path = 0, size, []
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            path.append(_range_root(middle, high, subtree))
            high = middle
        else:
            path.append(_range_root(low, middle, subtree))
            low = middle
    return path[::-1]


def consistency_proof(old: int, new: int, subtree: Subtree) -> list[bytes]:
    """The hashes that show the tree of `new` leaves to begin with the tree of `old` leaves."""
    if not 0 <= old <= new:
        raise SerambiError(
            Kind.BAD_INPUT, f"a ledger of {new} entries cannot continue one of {old}"
        )
    if old in (0, new):
        return []
    low, high, path, from_start = 0, new, [], True
    while old != high:
        middle = low + _split(high - low)
        if old <= middle:
            path.append(_range_root(middle, high, subtree))
            high = middle
        else:
            path.append(_range_root(low, middle, subtree))
            low, from_start = middle, False
    if not from_start:
        path.append(_range_root(low, high, subtree))
    return path[::-1]


def verify_inclusion(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> bool:
    """Whether `proof` shows that the leaf hash stands at `index` under `root` (RFC 9162 2.1.3)."""
    if not 0 <= index < size or not _are_hashes(leaf, root, *proof):
        return False
    node, last, found = index, size - 1, leaf
    for step in proof:
        if last == 0:
            return False
        if node & 1 or node == last:
            found = node_hash(step, found)
            while not node & 1:  # a right edge without neighbor rises as it is
                node, last = node >> 1, last >> 1
        else:
            found = node_hash(found, step)
        node, last = node >> 1, last >> 1
    return last == 0 and found == root


def verify_consistency(
    old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes
) -> bool:
    """Whether `proof` shows that the tree of `new` leaves continues that of `old` (RFC 9162)."""
    if not 0 <= old <= new or not _are_hashes(old_root, new_root, *proof):
        return False
    if old == new:
        return not proof and old_root == new_root
    if old == 0:
        return not proof and old_root == EMPTY_ROOT
    steps = list(proof)
    if old & (old - 1) == 0:  # a complete old tree is its own first step
        steps.insert(0, old_root)
    if not steps:
        return False
    node, last = old - 1, new - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    was = found = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            was, found = node_hash(step, was), node_hash(step, found)
            while node and not node & 1:
                node, last = node >> 1, last >> 1
        else:
            found = node_hash(found, step)
        node, last = node >> 1, last >> 1
    return last == 0 and was == old_root and found == new_root


def _range_root(start: int, end: int, subtree: Subtree) -> bytes:
    """The root over leaves [start, end), where the range is one that RFC 6962 would cut."""
    peaks = []
    while start < end:
        level = (end - start).bit_length() - 1
        peaks.append(subtree(level, start >> level))
        start += 1 << level
    return fold(peaks)


def _split(count: int) -> int:
    """The largest power of two below `count`."""
    return 1 << ((count - 1).bit_length() - 1)


def _are_hashes(*values: bytes) -> bool:
    return all(len(value) == HASH_BYTES for value in values)
