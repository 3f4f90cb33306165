"""A party's own copy of one ledger: the same folder format, grown only by what continues it.

What is in the copy stays. A state that lacks or changes any of it is refused, with both states
named. Where entries come from makes no difference: they must lead to the signed root.
"""

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path

from serambi.base.errors import Kind, SerambiError
from serambi.identity.keys import VerifyKey
from serambi.ledger.checkpoint import Checkpoint, parse_checkpoint
from serambi.ledger.disk import TEMPORARY, Batch, rename_into_place, replace_file
from serambi.ledger.entry import Entry
from serambi.ledger.note import Note, Verifier
from serambi.ledger.reader import (
    CHECKPOINT_FILE,
    COSIGNED_FILE,
    FORMAT,
    FORMAT_FILE,
    TileReader,
    check_format,
    read_checkpoint,
    read_edge,
)
from serambi.ledger.tiles import BUNDLE_LEVEL, TILE_WIDTH, Edge, Tile, width_at
from serambi.ledger.tree import EMPTY_ROOT, tree_root

_BUNDLES_AT_ONCE = 64

Fetch = Callable[[Tile], list[bytes]]
"""Gets the leaves of one bundle, as many as the tile is wide, or raises `SerambiError`."""


class Mirror:
    """The copy of the log `origin` in `folder`; one process has it. Methods may raise `OSError`."""

    def __init__(self, folder: Path, origin: str, keys: Sequence[VerifyKey]) -> None:
        """Open the copy, or begin an empty one. Raises `SerambiError(CORRUPT)` when it is not
        sound, or not signed by one of `keys`."""
        self.folder = folder
        self.origin = origin
        self._verifiers = [Verifier(origin, key) for key in keys]
        self._edge = Edge()
        self.note: Note | None = None
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not (folder / CHECKPOINT_FILE).exists():
            replace_file(folder, FORMAT_FILE, b"%d\n" % FORMAT)
            return
        check_format(folder)
        checkpoint, note = read_checkpoint(folder)
        self._check_signed(checkpoint, note)
        self._edge = read_edge(folder, checkpoint.size)
        if self._edge.root() != checkpoint.root:
            raise SerambiError(
                Kind.CORRUPT, "this copy does not lead to its checkpoint", where=str(folder)
            )
        self.note = note

    @property
    def size(self) -> int:
        """How many entries the copy has."""
        return self._edge.size

    def root_at(self, size: int) -> bytes:
        """The root over the first `size` entries of the copy."""
        if size > self.size:
            raise SerambiError(Kind.BAD_INPUT, f"the copy has only {self.size} entries")
        if size == 0:
            return EMPTY_ROOT
        return tree_root(size, TileReader(self.folder, self.size).subtree)

    def entries(self, start: int, end: int) -> list[Entry]:
        """The entries [start, end) of the copy, at most 4,096 at once."""
        return TileReader(self.folder, self.size).entries(start, end)

    def parse(self, raw: bytes) -> tuple[Checkpoint, Note]:
        """A checkpoint of this log, its signature verified; else `SerambiError`."""
        checkpoint, note = parse_checkpoint(raw)
        self._check_signed(checkpoint, note)
        return checkpoint, note

    def contradicts(self, checkpoint: Checkpoint) -> str:
        """In words, how a signed state differs from the copy; empty when it does not, or when it
        is longer and cannot be compared yet."""
        if checkpoint.size > self.size:
            return ""
        root = self.root_at(checkpoint.size)
        if root == checkpoint.root:
            return ""
        return (
            f"{self.origin} has signed two pasts: {checkpoint.size} entries with the root "
            f"{checkpoint.root.hex()}, and the same number with the root {root.hex()}, as the "
            f"first of the {self.size} in this copy"
        )

    def extend(self, checkpoint: Checkpoint, note: Note, fetch: Fetch) -> None:
        """Grow the copy to a longer signed state, durable on return. Raises `SerambiError`:
        CONFLICT when the entries do not lead there, naming both states, or what `fetch` raises;
        the copy is then as it was."""
        edge = self._edge.copy()
        before = {tile for tile, _ in edge.partial()}
        last = (checkpoint.size - 1) // TILE_WIDTH
        first = edge.size // TILE_WIDTH
        for start in range(first, last + 1, _BUNDLES_AT_ONCE):
            with Batch(self.folder) as batch:
                for index in range(start, min(start + _BUNDLES_AT_ONCE, last + 1)):
                    width = width_at(BUNDLE_LEVEL, index, checkpoint.size)
                    leaves = fetch(Tile(BUNDLE_LEVEL, index, width))
                    for tile, content in edge.extend(leaves[edge.size - index * TILE_WIDTH :]):
                        batch.put(tile.path, content)
                batch.sync()
        if (edge.size, edge.root()) != (checkpoint.size, checkpoint.root):
            raise SerambiError(
                Kind.CONFLICT,
                f"{self.origin}: what was delivered does not lead from the {self.size} entries in "
                f"this copy, root {self._edge.root().hex()}, to the {checkpoint.size} that are "
                f"signed, root {checkpoint.root.hex()}",
                hint="another past was signed, or somebody on the way changed it: tell the others",
            )
        partial = dict(edge.partial())
        with Batch(self.folder) as batch:
            for tile, content in partial.items():
                batch.put(tile.path, content)
            own = tuple(line for line in note.signatures if line.name == self.origin)
            batch.put(CHECKPOINT_FILE + TEMPORARY, Note(note.text, own).emit())
            batch.sync()
        rename_into_place(self.folder, CHECKPOINT_FILE)
        self._edge, self.note = edge, Note(note.text, own)
        self._remove(before - partial.keys())

    def keep_words(self, notes: bytes) -> None:
        """Keep what parties have said of the ledger, for whoever checks the copy."""
        replace_file(self.folder, COSIGNED_FILE, notes)

    def _check_signed(self, checkpoint: Checkpoint, note: Note) -> None:
        if checkpoint.origin != self.origin or not note.signed_by(self._verifiers):
            raise SerambiError(
                Kind.UNAUTHENTICATED,
                f"the checkpoint is not signed by a key that the roster has for {self.origin}",
            )

    def _remove(self, narrower: set[Tile]) -> None:
        for tile in narrower:
            path = self.folder / tile.path
            with contextlib.suppress(OSError):
                path.unlink()
                path.parent.rmdir()
