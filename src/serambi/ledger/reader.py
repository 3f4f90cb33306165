"""Reading a ledger's folder, live or copied, without its lock and without believing it.

`verify.py` decides what to believe. Every failure is a `SerambiError`: CORRUPT when a part is
missing or misshapen, UNAVAILABLE when the disk does not answer.
"""

import base64
import os
from collections.abc import Iterator
from pathlib import Path

from serambi.base.errors import Kind, SerambiError
from serambi.ledger.checkpoint import Checkpoint, parse_checkpoint
from serambi.ledger.disk import TEMPORARY
from serambi.ledger.entry import Entry, decode_entry
from serambi.ledger.note import NOTE_MAX_BYTES, SIGNATURES_MAX, Note
from serambi.ledger.pending import FILE_MAX_BYTES, PENDING_FILE, Record, continuing
from serambi.ledger.quorum import split_notes
from serambi.ledger.tiles import (
    BUNDLE_LEVEL,
    BUNDLE_MAX_BYTES,
    TILE_HEIGHT,
    TILE_WIDTH,
    Edge,
    Tile,
    decode_bundle,
    decode_hashes,
    parse_path,
    width_at,
)
from serambi.ledger.tree import HASH_BYTES, complete_root, inclusion_proof, leaf_hash, leaf_hashes

FORMAT = 1
FORMAT_FILE = "format"
CHECKPOINT_FILE = "checkpoint"
COSIGNED_FILE = "cosigned"
LOCK_FILE = "lock"
TEMPORARY_FILES = frozenset(
    name + TEMPORARY for name in (CHECKPOINT_FILE, COSIGNED_FILE, FORMAT_FILE, PENDING_FILE)
)
READ_MAX_ENTRIES = 4096
_CACHE_TILES = 64


def read_file(folder: Path, name: str, max_bytes: int) -> bytes:
    """A whole file of at most `max_bytes`."""
    try:
        with open(folder / name, "rb") as file:
            raw = file.read(max_bytes + 1)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        raise SerambiError(Kind.CORRUPT, f"{name} is missing", where=str(folder)) from error
    except OSError as error:
        raise SerambiError(
            Kind.UNAVAILABLE, f"{name} cannot be read: {error.strerror}", where=str(folder)
        ) from error
    if len(raw) > max_bytes:
        raise SerambiError(
            Kind.CORRUPT, f"{name} is longer than the {max_bytes} bytes possible", where=str(folder)
        )
    return raw


def check_format(folder: Path) -> None:
    """Raise unless the folder is a ledger of the format that this program knows."""
    raw = read_file(folder, FORMAT_FILE, 64)
    if raw == b"%d\n" % FORMAT:
        return
    text = raw.decode("ascii", "replace").strip()
    if text.isdigit() and int(text) > FORMAT:
        raise SerambiError(
            Kind.CONFLICT,
            f"the ledger is of format {text}, this program knows {FORMAT}",
            where=str(folder),
            hint="use the newer program",
        )
    raise SerambiError(Kind.CORRUPT, "the format file does not say a format", where=str(folder))


def read_checkpoint(folder: Path) -> tuple[Checkpoint, Note]:
    """The checkpoint of a folder and the note around it; its signature is not verified."""
    raw = read_file(folder, CHECKPOINT_FILE, NOTE_MAX_BYTES)
    try:
        return parse_checkpoint(raw)
    except SerambiError as error:
        raise SerambiError(
            Kind.CORRUPT,
            f"the checkpoint cannot be read: {error}",
            where=str(folder),
            hint="restore the ledger from a mirror or a backup",
        ) from error


def read_pending(folder: Path, size: int) -> list[Record]:
    """The records that continue `size` entries in tiles; none in a folder without such a file.
    Their signatures are not verified."""
    if not (folder / PENDING_FILE).is_file():
        return []
    return continuing(read_file(folder, PENDING_FILE, FILE_MAX_BYTES), size)


def read_cosigned_notes(folder: Path) -> list[bytes]:
    """The checkpoints that parties have cosigned, each as it is signed; none in a folder without
    such a file. Nothing is verified."""
    if not (folder / COSIGNED_FILE).is_file():
        return []
    return split_notes(read_file(folder, COSIGNED_FILE, SIGNATURES_MAX * NOTE_MAX_BYTES))


def newest_entries(folder: Path, count: int) -> tuple[Checkpoint, int, list[Entry]]:
    """The newest `count` entries, in tiles or not yet: -> newest checkpoint, index of the first
    entry, entries. Nothing is verified."""
    checkpoint, _ = read_checkpoint(folder)
    pending = read_pending(folder, checkpoint.size)
    late = [leaf for record in pending for leaf in record.leaves][-count:]
    start = max(0, checkpoint.size - (count - len(late)))
    entries = TileReader(folder, checkpoint.size).entries(start, checkpoint.size)
    entries += [decode_entry(leaf, PENDING_FILE) for leaf in late]
    if pending:
        checkpoint = parse_checkpoint(pending[-1].checkpoint)[0]
    return checkpoint, checkpoint.size - len(entries), entries


def files_below(folder: Path, under: str = "") -> Iterator[str]:
    """The names of everything that is no folder, relative, with slashes; links are not followed."""
    try:
        with os.scandir(folder / under) as found:
            inside = sorted(found, key=lambda item: item.name)
    except OSError as error:
        raise SerambiError(
            Kind.UNAVAILABLE, f"the folder cannot be read: {error.strerror}", where=str(folder)
        ) from error
    for item in inside:
        name = under + item.name
        if item.is_dir(follow_symlinks=False):
            yield from files_below(folder, name + "/")
        else:
            yield name


def check_range(start: int, end: int, size: int) -> None:
    """Raise unless [start, end) are at most 4096 of `size` entries."""
    if not 0 <= start <= end <= size:
        raise SerambiError(
            Kind.BAD_INPUT, f"there are no entries {start} to {end} in a ledger of {size} entries"
        )
    if end - start > READ_MAX_ENTRIES:
        raise SerambiError(
            Kind.LIMIT,
            f"{end - start} entries at once are more than the {READ_MAX_ENTRIES} allowed",
        )


class TileReader:
    """The entries and hashes of the first `size` entries of a folder."""

    def __init__(self, folder: Path, size: int) -> None:
        self._folder = folder
        self.size = size
        self._hashes: dict[Tile, list[bytes]] = {}

    def bundle(self, index: int) -> list[bytes]:
        """The raw entries of a bundle, no more than `size` covers."""
        width = width_at(BUNDLE_LEVEL, index, self.size)
        tile, raw = self._read(Tile(BUNDLE_LEVEL, index, width), BUNDLE_MAX_BYTES)
        entries = decode_bundle(raw, str(self._folder / tile.path))
        return self._cut(tile, width, entries)

    def hashes(self, level: int, index: int) -> list[bytes]:
        """The hashes of a tile, no more than `size` covers."""
        width = width_at(level, index, self.size)
        wanted = Tile(level, index, width)
        if wanted not in self._hashes:
            tile, raw = self._read(wanted, TILE_WIDTH * HASH_BYTES)
            hashes = decode_hashes(raw, str(self._folder / tile.path))
            if len(self._hashes) >= _CACHE_TILES:
                self._hashes.clear()
            self._hashes[wanted] = self._cut(tile, width, hashes)
        return self._hashes[wanted]

    def subtree(self, level: int, index: int) -> bytes:
        """The root of a complete subtree: the prover's source of hashes (`tree.Subtree`)."""
        height = level % TILE_HEIGHT
        first = index << height
        hashes = self.hashes(level // TILE_HEIGHT, first // TILE_WIDTH)
        start = first % TILE_WIDTH
        return complete_root(hashes[start : start + (1 << height)])

    def raw_entries(self, start: int, end: int) -> Iterator[bytes]:
        """The leaves [start, end)."""
        index = start // TILE_WIDTH
        while start < end:
            bundle = self.bundle(index)
            base = index * TILE_WIDTH
            yield from bundle[start - base : end - base]
            index += 1
            start = index * TILE_WIDTH

    def entries(self, start: int, end: int) -> list[Entry]:
        """The entries [start, end), at most 4096 at once."""
        check_range(start, end, self.size)
        return [decode_entry(raw, at) for at, raw in enumerate(self.raw_entries(start, end), start)]

    def _read(self, wanted: Tile, max_bytes: int, attempts: int = 5) -> tuple[Tile, bytes]:
        """The file that holds a tile; looked for again when a live ledger just replaced it."""
        tile = self._find(wanted)
        try:
            return tile, read_file(self._folder, tile.path, max_bytes)
        except SerambiError:
            if attempts == 1:
                raise
            return self._read(wanted, max_bytes, attempts - 1)

    def _find(self, tile: Tile) -> Tile:
        """The tile itself or, in a folder that grew on, the narrowest wider one in its place.

        A narrower tile goes only after a wider one is complete: the narrowest left is whole.
        """
        if tile.width == TILE_WIDTH or (self._folder / tile.path).is_file():
            return tile
        full = Tile(tile.level, tile.index)
        try:
            found = [parse_path(name) for name in files_below(self._folder, full.path + ".p/")]
        except SerambiError:
            found = []
        wider = [other for other in found if other is not None and other > tile]
        if (self._folder / full.path).is_file():
            wider.append(full)
        return min(wider, default=tile)

    def _cut(self, tile: Tile, width: int, items: list[bytes]) -> list[bytes]:
        if len(items) != tile.width:
            raise SerambiError(
                Kind.CORRUPT,
                f"{tile.path} holds {len(items)} instead of {tile.width}",
                where=str(self._folder),
            )
        return items[:width]


def read_edge(folder: Path, size: int) -> Edge:
    """What must be known of a folder to append to its first `size` entries."""
    tiles = TileReader(folder, size)
    levels: list[list[bytes]] = []
    while not levels or size >> (TILE_HEIGHT * len(levels)):
        level = len(levels)
        index = size >> (TILE_HEIGHT * (level + 1))
        partial = width_at(level, index, size)
        levels.append(list(tiles.hashes(level, index)) if partial else [])
    entries = tiles.bundle(size // TILE_WIDTH) if levels[0] else []
    if leaf_hashes(entries) != levels[0]:
        raise SerambiError(
            Kind.CORRUPT, "the newest entries do not match their tile", where=str(folder)
        )
    return Edge.restore(size, entries, levels)


def prove(folder: Path, index: int) -> dict[str, object]:
    """What shows, without the rest of the ledger, that an entry is in it: plain JSON values.

    Entry, leaf hash, inclusion proof (base64) and the signed checkpoint that it leads to. Proves
    nothing until the checkpoint's signature is verified.
    """
    checkpoint, note = read_checkpoint(folder)
    tiles = TileReader(folder, checkpoint.size)
    proof = inclusion_proof(index, checkpoint.size, tiles.subtree)
    raw = next(tiles.raw_entries(index, index + 1))
    return {
        "origin": checkpoint.origin,
        "size": checkpoint.size,
        "index": index,
        "entry": base64.b64encode(raw).decode(),
        "leaf_hash": base64.b64encode(leaf_hash(raw)).decode(),
        "proof": [base64.b64encode(step).decode() for step in proof],
        "root": base64.b64encode(checkpoint.root).decode(),
        "checkpoint": note.emit().decode(),
    }
