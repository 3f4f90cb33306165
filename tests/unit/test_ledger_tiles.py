"""Tile names, widths and contents."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serambi.base.errors import Kind, SerambiError
from serambi.ledger.tiles import (
    BUNDLE_LEVEL,
    Edge,
    Tile,
    decode_bundle,
    decode_hashes,
    encode_bundle,
    parse_path,
    tiles_of,
    width_at,
)
from serambi.ledger.tree import Pyramid, leaf_hash


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 0), "tile/0/000"),
        (Tile(0, 67, 8), "tile/0/067.p/8"),
        (Tile(3, 1067), "tile/3/x001/067"),
        (Tile(0, 1234067, 255), "tile/0/x001/x234/067.p/255"),
        (Tile(BUNDLE_LEVEL, 1000), "tile/entries/x001/000"),
        (Tile(63, 999, 1), "tile/63/999.p/1"),
    ],
)
def test_names(tile: Tile, path: str) -> None:
    assert tile.path == path
    assert parse_path(path) == tile


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/00", "tile/0/0000", "tile/0/x000/067", "tile/00/000", "tile/64/000", "tile/0/000.p",
        "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/08", "tile/0/x001", "tile/0/001/067",
        "tile/data/000", "tile/0/000\n", "tile/0/٠٠٠", "/tile/0/000", "tile/0/../000", "checkpoint",
        "tile/0/000.p/999",
    ],
)  # fmt: skip
def test_no_tile_names(path: str) -> None:
    assert parse_path(path) is None


@given(st.integers(-1, 63), st.integers(0, 10**20), st.integers(1, 256))
def test_every_name_reads_back(level: int, index: int, width: int) -> None:
    assert parse_path(Tile(level, index, width).path) == Tile(level, index, width)


def test_widths() -> None:
    assert [width_at(0, index, 300) for index in range(3)] == [256, 44, 0]
    assert width_at(BUNDLE_LEVEL, 1, 300) == 44
    assert [width_at(1, 0, size) for size in (255, 256, 70_000)] == [0, 1, 256]
    assert [width_at(2, 0, size) for size in (65_535, 65_536)] == [0, 1]


def test_the_tiles_of_a_tree() -> None:
    assert list(tiles_of(0)) == []
    assert [tile.path for tile in tiles_of(256)] == [
        "tile/entries/000",
        "tile/0/000",
        "tile/1/000.p/1",
    ]
    paths = [tile.path for tile in tiles_of(65_536 + 257)]
    assert len(paths) == 2 * 258 + 2 + 1
    assert paths[-3:] == ["tile/1/000", "tile/1/001.p/1", "tile/2/000.p/1"]


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_a_bundle_reads_back(entries: list[bytes]) -> None:
    assert decode_bundle(encode_bundle(entries), "here") == entries


@given(st.binary(max_size=300))
def test_what_is_read_as_a_bundle_writes_back(raw: bytes) -> None:
    try:
        entries = decode_bundle(raw, "here")
    except SerambiError:
        return
    assert encode_bundle(entries) == raw


@pytest.mark.parametrize("raw", [b"\x00", b"\x00\x01", b"\x00\x00\x00", b"\x00\x02a"])
def test_a_bundle_that_ends_early(raw: bytes) -> None:
    with pytest.raises(SerambiError, match="here: the bundle ends inside its entry") as caught:
        decode_bundle(raw, "here")
    assert caught.value.kind is Kind.CORRUPT


def test_a_tile_that_ends_early() -> None:
    assert decode_hashes(bytes(64), "here") == [bytes(32)] * 2
    with pytest.raises(SerambiError, match="here: the tile ends inside a hash"):
        decode_hashes(bytes(63), "here")


def test_an_edge_without_partial_tiles() -> None:
    edge = Edge()
    assert list(edge.partial()) == []
    edge.extend([b""] * 256)
    assert [tile.path for tile, _ in edge.partial()] == ["tile/1/000.p/1"]


@given(st.lists(st.integers(0, 600), max_size=5))
def test_the_edge_does_not_depend_on_the_steps(steps: list[int]) -> None:
    leaves = [number.to_bytes(2, "big") for number in range(sum(steps))]
    one, many = Edge(), Edge()
    at, full = 0, []
    for step in steps:
        full += many.extend(leaves[at : at + step])
        at += step
    assert full == one.extend(leaves)
    assert list(many.partial()) == list(one.partial())
    assert (many.size, many.root()) == (one.size, one.root())
    assert {tile for tile, _ in [*full, *one.partial()]} == set(tiles_of(one.size))


def test_the_edge_of_a_large_tree() -> None:
    """Up to three levels: every tile that `tiles_of` names is given, the root is the tree's."""
    size = 65_536 + 300
    edge, whole = Edge(), Pyramid()
    given_tiles: set[Tile] = set()
    for number in range(size):
        entry = number.to_bytes(3, "big")
        whole.extend([leaf_hash(entry)])
        given_tiles |= {tile for tile, _ in edge.extend([entry])}
    before = edge.copy()
    assert before.root() == edge.root() == whole.root()
    assert given_tiles | {tile for tile, _ in edge.partial()} == set(tiles_of(size))
    edge.extend([b"one more"])
    assert before.root() == whole.root() != edge.root()
    assert (before.size, edge.size) == (size, size + 1)
    for tile, content in edge.partial():
        if tile.level >= 0:
            assert len(content) == 32 * tile.width
