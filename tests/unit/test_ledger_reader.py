"""Reading a folder that may be live, copied or misshapen."""

import base64
import shutil
from pathlib import Path

import pytest

from serambi.base.clock import ManualClock
from serambi.base.errors import Kind, SerambiError
from serambi.identity.keys import SigningKey
from serambi.ledger.entry import Entry
from serambi.ledger.reader import (
    TileReader,
    files_below,
    newest_entries,
    prove,
    read_checkpoint,
    read_file,
)
from serambi.ledger.store import LedgerStore
from serambi.ledger.tree import leaf_hash, verify_inclusion

ORIGIN = "dishub/simpang-lima/keeper"
SIZE = 256 * 66 + 9


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("large")
    entry = Entry(kind="refused", at_ms=1)
    with LedgerStore.open(folder, ORIGIN, SigningKey.generate(), ManualClock(0)) as store:
        while store.size < SIZE:
            store.append([entry] * min(1024, SIZE - store.size))
    return folder


def test_proofs_over_many_tiles(large: Path) -> None:
    checkpoint, _ = read_checkpoint(large)
    for index in (0, 255, 256, 9999, SIZE - 10, SIZE - 1):
        proof = prove(large, index)
        steps = [base64.b64decode(step) for step in as_list(proof["proof"])]
        leaf = leaf_hash(base64.b64decode(str(proof["entry"])))
        assert verify_inclusion(leaf, index, SIZE, steps, checkpoint.root)


def as_list(value: object) -> list[str]:
    assert isinstance(value, list)
    return value


def test_the_cache_stays_small(large: Path) -> None:
    tiles = TileReader(large, SIZE)
    first = tiles.hashes(0, 0)
    for index in range(66):
        tiles.hashes(0, index)
    assert tiles.hashes(0, 0) == first


def test_a_wider_tile_stands_in_for_a_narrower_one(large: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(large, tmp_path / "copy"))
    assert len(TileReader(folder, 100).entries(0, 100)) == 100
    assert len(TileReader(folder, SIZE - 4).hashes(0, 66)) == 5
    (folder / "tile/0/066.p/strange").write_bytes(b"")
    assert len(TileReader(folder, SIZE - 4).hashes(0, 66)) == 5
    for size in (SIZE + 1, SIZE + 256):
        with pytest.raises(SerambiError, match="is missing") as caught:
            TileReader(folder, size).hashes(0, (size - 1) // 256)
        assert caught.value.kind is Kind.CORRUPT


@pytest.mark.parametrize(("count", "first"), [(1, 6), (2, 5), (5, 2), (100, 0)])
def test_the_newest_entries_are_found_in_tiles_or_not_yet(
    tmp_path: Path, count: int, first: int
) -> None:
    """Four in tiles, since the ledger was closed in between; three still pending."""
    key, clock = SigningKey.generate(), ManualClock(1_790_000_000)
    for part in (4, 3):
        store = LedgerStore.open(tmp_path, "kpu/gudang-kpu/keeper", key, clock)
        start = store.size
        for number in range(start, start + part):
            store.append([Entry(kind="started", at_ms=number)])
        if part == 4:
            store.close()
    try:
        checkpoint, at, entries = newest_entries(tmp_path, count)
        assert (checkpoint.size, at) == (7, first)
        assert [entry.at_ms for entry in entries] == list(range(first, 7))
    finally:
        store.close()
    assert newest_entries(tmp_path, count)[1:] == (at, entries)


def test_files_are_listed_without_following_links(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/b").write_bytes(b"")
    (tmp_path / "loop").symlink_to(tmp_path)
    assert list(files_below(tmp_path)) == ["a/b", "loop"]
    with pytest.raises(SerambiError, match="the folder cannot be read") as caught:
        list(files_below(tmp_path / "nowhere"))
    assert caught.value.kind is Kind.UNAVAILABLE


def test_only_so_much_of_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    assert read_file(tmp_path, "a", 5) == b"12345"
    with pytest.raises(SerambiError, match="longer than the 4"):
        read_file(tmp_path, "a", 4)
    with pytest.raises(SerambiError, match="is missing"):
        read_file(tmp_path, "a/b", 4)
    (tmp_path / "c").mkdir()
    with pytest.raises(SerambiError, match="is missing"):
        read_file(tmp_path, "c", 4)
