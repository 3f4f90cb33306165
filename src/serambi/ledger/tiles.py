"""Where the tree lies on disk: C2SP tlog-tiles names and contents. Opens no file itself.

A tile holds up to 256 neighboring hashes of one tree level, a bundle the entries under a tile of
level 0. The right edge is partial: `tile/0/001.p/7` has seven hashes.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from serambi.base.errors import Kind, SerambiError
from serambi.ledger.tree import HASH_BYTES, Pyramid, fold, leaf_hashes

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
        self.size = 0
        """How many entries the tree has."""
        self._entries: list[bytes] = []
        self._levels = [Pyramid()]

    @classmethod
    def restore(cls, size: int, entries: list[bytes], levels: list[list[bytes]]) -> "Edge":
        """The edge of a tree of `size` leaves from its partial tiles, the lowest level first."""
        edge = cls()
        edge.size, edge._entries = size, list(entries)
        edge._levels = [Pyramid() for _ in levels]
        for pyramid, hashes in zip(edge._levels, levels, strict=True):
            pyramid.extend(hashes)
        return edge

    def copy(self) -> "Edge":
        """An edge that can grow without changing this one."""
        twin = Edge()
        twin.size, twin._entries = self.size, list(self._entries)
        twin._levels = [pyramid.copy() for pyramid in self._levels]
        return twin

    def extend(self, entries: Sequence[bytes]) -> list[tuple[Tile, bytes]]:
        """Add entries; returns each tile that is full by them with its contents."""
        full: list[tuple[Tile, bytes]] = []
        at = 0
        while at < len(entries):
            fitting = entries[at : at + TILE_WIDTH - len(self._entries)]
            at += len(fitting)
            self.size += len(fitting)
            self._entries += fitting
            self._levels[0].extend(leaf_hashes(fitting))
            if len(self._entries) == TILE_WIDTH:
                full += self._fill()
        return full

    def _fill(self) -> Iterator[tuple[Tile, bytes]]:
        """Let go of the bundle and of every tile that is full; the root of each goes up."""
        yield Tile(BUNDLE_LEVEL, self.size // TILE_WIDTH - 1), encode_bundle(self._entries)
        self._entries = []
        level = 0
        while len(self._levels[level].hashes) == TILE_WIDTH:
            done = self._levels[level]
            self._levels[level] = Pyramid()
            index = (self.size >> (TILE_HEIGHT * (level + 1))) - 1
            yield Tile(level, index), b"".join(done.hashes)
            level += 1
            if level == len(self._levels):
                self._levels.append(Pyramid())
            self._levels[level].extend([done.root()])

    def partial(self) -> Iterator[tuple[Tile, bytes]]:
        """The tiles that are not full yet, with their contents."""
        if self._entries:
            bundle = Tile(BUNDLE_LEVEL, self.size // TILE_WIDTH, len(self._entries))
            yield bundle, encode_bundle(self._entries)
        for level, pyramid in enumerate(self._levels):
            if pyramid.hashes:
                index = self.size >> (TILE_HEIGHT * (level + 1))
                yield Tile(level, index, len(pyramid.hashes)), b"".join(pyramid.hashes)

    def root(self) -> bytes:
        """The root of the whole tree."""
        return fold([peak for pyramid in reversed(self._levels) for peak in pyramid.peaks()])
