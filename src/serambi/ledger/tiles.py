"""Where the tree lies on disk: C2SP tlog-tiles names and contents. Opens no file itself.

A tile holds up to 256 neighboring hashes of one tree level, a bundle the entries under a tile of
level 0. The right edge is partial: `tile/0/001.p/7` has seven hashes.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from serambi.base.errors import Kind, SerambiError
from serambi.ledger.tree import HASH_BYTES, CompactRange, complete_root, leaf_hash

TILE_WIDTH = 256
TILE_HEIGHT = 8
BUNDLE_LEVEL = -1  # how a bundle is told from the tile of hashes above it
BUNDLE_MAX_BYTES = TILE_WIDTH * (2 + 0xFFFF)
LEVEL_MAX = 63

_PATH = re.compile(
    r"tile/(entries|0|[1-9][0-9]?)/((?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?\Z",
    re.ASCII,
)


@dataclass(frozen=True, slots=True, order=True)
class Tile:
    """One tile by place: `level` (-1 for a bundle), `index` from the left, `width` of 1 to 256."""

    level: int
    index: int
    width: int = TILE_WIDTH

    @property
    def path(self) -> str:
        """The name under the ledger's folder."""
        level = "entries" if self.level == BUNDLE_LEVEL else str(self.level)
        number = f"{self.index % 1000:03d}"
        rest = self.index // 1000
        while rest:
            number = f"x{rest % 1000:03d}/{number}"
            rest //= 1000
        partial = "" if self.width == TILE_WIDTH else f".p/{self.width}"
        return f"tile/{level}/{number}{partial}"


def parse_path(path: str) -> Tile | None:
    """The tile that a name under the ledger's folder stands for, None if it is no tile's name."""
    match = _PATH.match(path)
    if match is None:
        return None
    level = BUNDLE_LEVEL if match[1] == "entries" else int(match[1])
    width = int(match[3]) if match[3] else TILE_WIDTH
    tile = Tile(level, int(match[2].replace("x", "").replace("/", "")), width)
    # One tile has one name: no leading empty group, no partial of full width, no deeper level.
    return tile if tile.path == path and width <= TILE_WIDTH and level <= LEVEL_MAX else None


def width_at(level: int, index: int, size: int) -> int:
    """How many hashes (entries) a tile has in a tree of `size` leaves, from 0 to 256."""
    there = size >> (TILE_HEIGHT * max(level, 0))
    return max(0, min(TILE_WIDTH, there - index * TILE_WIDTH))


def tiles_of(size: int) -> Iterator[Tile]:
    """Every tile of a tree of `size` leaves: bundles first, then level by level."""
    levels = [BUNDLE_LEVEL]
    while size >> (TILE_HEIGHT * len(levels[1:])):
        levels.append(len(levels) - 1)
    for level in levels:
        there = size >> (TILE_HEIGHT * max(level, 0))
        for index in range(-(-there // TILE_WIDTH)):
            yield Tile(level, index, width_at(level, index, size))


def encode_bundle(entries: Sequence[bytes]) -> bytes:
    """Entries one after the other, each led by its length in two bytes, big end first."""
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def decode_bundle(raw: bytes, where: str) -> list[bytes]:
    """The entries of a bundle; `SerambiError(CORRUPT)` when the lengths do not add up."""
    entries: list[bytes] = []
    at = 0
    while at < len(raw):
        start = at + 2
        at = start + int.from_bytes(raw[at:start], "big")
        if start > len(raw) or at > len(raw):
            raise SerambiError(
                Kind.CORRUPT, f"the bundle ends inside its entry {len(entries)}", where=where
            )
        entries.append(raw[start:at])
    return entries


def decode_hashes(raw: bytes, where: str) -> list[bytes]:
    """The hashes of a tile; `SerambiError(CORRUPT)` when it ends inside one."""
    if len(raw) % HASH_BYTES:
        raise SerambiError(Kind.CORRUPT, "the tile ends inside a hash", where=where)
    return [raw[at : at + HASH_BYTES] for at in range(0, len(raw), HASH_BYTES)]


class Edge:
    """The right edge of a growing tree, tile by tile: what must be known to append to it."""

    def __init__(self) -> None:
        self.entries: list[bytes] = []
        self.levels: list[list[bytes]] = [[]]
        self._tree = CompactRange()

    @classmethod
    def restore(cls, size: int, entries: list[bytes], levels: list[list[bytes]]) -> "Edge":
        """The edge of a tree of `size` leaves from its partial tiles, the lowest level first."""
        edge = cls()
        edge.entries, edge.levels = entries, levels
        peaks: list[bytes] = []
        for hashes in reversed(levels):
            row = CompactRange()
            for found in hashes:
                row.append(found)
            peaks += row.peaks()
        edge._tree = CompactRange(size, peaks)
        return edge

    @property
    def size(self) -> int:
        """How many entries the tree has."""
        return self._tree.size

    def copy(self) -> "Edge":
        """An edge that can grow without changing this one."""
        twin = Edge()
        twin.entries = list(self.entries)
        twin.levels = [list(level) for level in self.levels]
        twin._tree = self._tree.copy()
        return twin

    def append(self, entry: bytes) -> list[tuple[Tile, bytes]]:
        """Add one entry; returns each tile that is full by it with its contents."""
        leaf = leaf_hash(entry)
        self.entries.append(entry)
        self.levels[0].append(leaf)
        self._tree.append(leaf)
        full: list[tuple[Tile, bytes]] = []
        if len(self.entries) == TILE_WIDTH:
            bundle = Tile(BUNDLE_LEVEL, self.size // TILE_WIDTH - 1)
            full.append((bundle, encode_bundle(self.entries)))
            self.entries = []
        level = 0
        while len(self.levels[level]) == TILE_WIDTH:
            hashes = self.levels[level]
            index = (self.size >> (TILE_HEIGHT * (level + 1))) - 1
            full.append((Tile(level, index), b"".join(hashes)))
            self.levels[level] = []
            if len(self.levels) == level + 1:
                self.levels.append([])
            self.levels[level + 1].append(complete_root(hashes))
            level += 1
        return full

    def partial(self) -> Iterator[tuple[Tile, bytes]]:
        """The tiles that are not full yet, with their contents."""
        if self.entries:
            bundle = Tile(BUNDLE_LEVEL, self.size // TILE_WIDTH, len(self.entries))
            yield bundle, encode_bundle(self.entries)
        for level, hashes in enumerate(self.levels):
            if hashes:
                index = self.size >> (TILE_HEIGHT * (level + 1))
                yield Tile(level, index, len(hashes)), b"".join(hashes)

    def root(self) -> bytes:
        """The root of the whole tree."""
        return self._tree.root()
