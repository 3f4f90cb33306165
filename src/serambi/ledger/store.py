"""The one writer of a ledger: an entry is durable when `append` returns.

An append is one record in `pending`, with the signed checkpoint over it: one write, one sync.
`publish` puts what waits there into tiles: those are written and synced first, the checkpoint of
the folder replaces the old one last. Whatever lies beyond it is in `pending` or was never in the
ledger, and is swept away.
"""

import contextlib
import fcntl
import logging
import os
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType

from serambi.base.clock import Clock, unix_ms
from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import CLOCK_SKEW_MAX_S
from serambi.identity.keys import SigningKey, VerifyKey
from serambi.ledger.checkpoint import Signer
from serambi.ledger.disk import (
    TEMPORARY,
    Batch,
    rename_into_place,
    replace_file,
    sync_folder,
    unwritable,
)
from serambi.ledger.entry import Entry, decode_entry, encode_entries
from serambi.ledger.note import NOTE_MAX_BYTES, Verifier
from serambi.ledger.pending import PENDING_FILE, Pending, Record
from serambi.ledger.reader import (
    CHECKPOINT_FILE,
    FORMAT,
    FORMAT_FILE,
    LOCK_FILE,
    TEMPORARY_FILES,
    TileReader,
    check_format,
    check_range,
    files_below,
    read_checkpoint,
    read_edge,
    read_file,
)
from serambi.ledger.tiles import TILE_WIDTH, Edge, Tile, parse_path, tiles_of, width_at
from serambi.ledger.tree import EMPTY_ROOT, HASH_BYTES, tree_root

APPEND_MAX_ENTRIES = 1024
_KEEP_HINT = "keep the folder as it is and run: serambi ledger verify"
BACKWARD_MAX_MS = int(CLOCK_SKEW_MAX_S * 1000)

log = logging.getLogger(__name__)


class LedgerStore:
    """An open ledger. Any thread may use it; only one process can have it open."""

    def __init__(self, folder: Path, origin: str, key: SigningKey, clock: Clock) -> None:
        self._signers = [Verifier(origin, key.public)]
        self._folder = folder
        self._origin = origin
        self._signer = Signer(origin, key)
        self._clock = clock
        self._mutex = threading.RLock()
        self._lock_file: int | None = None
        self._stale = True  # memory may differ from the folder: load before anything else
        self._edge = Edge()  # behind all that is durable; behind anything while stale
        self._published = Edge()
        self._waiting: list[Record] = []
        self._full: list[tuple[Tile, bytes]] = []
        self._pending: Pending | None = None
        # What is known without asking the disk, for whoever must not wait for it.
        self._size = 0
        self._checkpoint = b""
        self._last_ms = 0

    @classmethod
    def open(
        cls, folder: Path, origin: str, key: SigningKey, clock: Clock, old: Sequence[VerifyKey] = ()
    ) -> "LedgerStore":
        """Open the ledger of `folder`, or begin one if the folder is empty or not there.

        `origin` is `<party>/<site>/keeper` or `<party>/center`; `key` signs for it; what was
        published under an `old` one is taken up. Raises `SerambiError`: CONFLICT when another
        process has it open or the format is newer, CORRUPT when checkpoint and tiles disagree or
        another key or origin signed, UNAVAILABLE when the disk fails.
        """
        store = cls(folder, origin, key, clock)
        store._signers += [Verifier(origin, each) for each in old]
        try:
            store._lock()
            store._begin()
            store._load()
            sync_folder(folder)
        except OSError as error:
            store.close()
            raise unwritable(folder, error) from error
        except SerambiError:
            store.close()
            raise
        return store

    @property
    def size(self) -> int:
        """How many entries are durable."""
        with self._mutex:
            self._catch_up(to_write=False)
            return self._size

    @property
    def known_size(self) -> int:
        """`size` as far as it is known: after a failed append there may be more. Never waits for
        the disk."""
        self._check_open()
        return self._size

    @property
    def checkpoint(self) -> bytes:
        """The signed checkpoint over all durable entries."""
        with self._mutex:
            self._catch_up(to_write=False)
            return self._checkpoint

    @property
    def signed(self) -> bytes:
        """The newest signed checkpoint as it was at some moment just now: never waits for a write
        in progress."""
        return self._checkpoint

    def root_at(self, size: int) -> bytes:
        """The root over the first `size` entries; `SerambiError` when there are fewer."""
        with self._mutex:
            self._catch_up(to_write=False)
            check_range(size, size, self._size)
            there = self._published.size
            if size <= there:
                return tree_root(size, TileReader(self._folder, there).subtree)
            edge = self._published.copy()
            for record in self._waiting:
                edge.extend(record.leaves[: max(size - record.start, 0)])
            return edge.root()

    def stamp(self) -> int:
        """The time for the next entry, unix ms: now, but never before the newest entry.

        After a clock was set back, entries can so still be written until it has caught up. Never
        waits for the disk.
        """
        self._check_open()
        return max(unix_ms(self._clock.now()), self._last_ms)

    def entries(self, start: int, end: int) -> list[Entry]:
        """The durable entries [start, end), at most 4096 at once; else `SerambiError`."""
        with self._mutex:
            self._catch_up(to_write=False)
            check_range(start, end, self._size)
            there = self._published.size
            tiles = TileReader(self._folder, there)
            found = tiles.entries(min(start, there), min(end, there))
            for record in self._waiting:
                wanted = record.leaves[max(start - record.start, 0) : max(end - record.start, 0)]
                found += [decode_entry(raw) for raw in wanted]
            return found

    def append(self, entries: Sequence[Entry]) -> range:
        """Add entries, all or none, in one commit; returns their indexes when they are durable.

        At most 1024 at once; none may be more than a second older than the one before it (see
        `stamp`). Raises `SerambiError`: BAD_INPUT or LIMIT for entries that cannot be written,
        UNAVAILABLE when the disk fails or is full. The entries are then not in the ledger, unless
        the disk failed at the very last step and again while looking: what holds is known when
        the next call succeeds.
        """
        if len(entries) > APPEND_MAX_ENTRIES:
            raise SerambiError(
                Kind.LIMIT,
                f"{len(entries)} entries at once are more than the {APPEND_MAX_ENTRIES} allowed",
            )
        leaves = encode_entries(list(entries))
        with self._mutex:
            self._catch_up()
            start = self._size
            indexes = range(start, start + len(leaves))
            if not leaves:
                return indexes
            self._check_order(entries)
            try:
                if self._file.is_full:
                    self._publish()
                self._commit(leaves)
            except OSError as error:
                if self._size_after_failure() != indexes.stop:
                    raise unwritable(self._folder, error) from error
            self._last_ms = entries[-1].at_ms
            return indexes

    def publish(self) -> None:
        """Put what waits into tiles, for whoever reads the folder. Durability does not depend on
        it. Raises `SerambiError(UNAVAILABLE)` when the disk refuses: nothing is lost by that."""
        with self._mutex:
            self._catch_up()
            try:
                self._publish()
            except OSError as error:
                raise unwritable(self._folder, error) from error

    def close(self) -> None:
        """Publish, if the disk lets us, and let go of the folder; further calls raise
        `SerambiError(UNAVAILABLE)`."""
        with self._mutex:
            if self._lock_file is not None:
                if not self._stale:
                    with contextlib.suppress(OSError):
                        self._publish()
                if self._pending is not None:
                    self._pending.close()
                    self._pending = None
                os.close(self._lock_file)
                self._lock_file = None

    def __enter__(self) -> "LedgerStore":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _catch_up(self, *, to_write: bool = True) -> None:
        """Be open and in step with the folder. While the disk takes nothing, what was durable
        before can still be read."""
        self._check_open()
        if self._stale:
            try:
                self._recover()
            except OSError as error:
                if to_write:
                    raise unwritable(self._folder, error) from error

    def _check_open(self) -> None:
        if self._lock_file is None:
            raise SerambiError(Kind.UNAVAILABLE, "the ledger is closed", where=str(self._folder))

    def _lock(self) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(self._folder / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._lock_file = lock
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise SerambiError(
                Kind.CONFLICT,
                "another process has the ledger open",
                where=str(self._folder),
                hint="a ledger has one writer; stop the other one",
            ) from error

    def _begin(self) -> None:
        """Give an empty folder its format and the signed checkpoint of an empty log."""
        has_checkpoint = (self._folder / CHECKPOINT_FILE).exists()
        if has_checkpoint or (self._folder / "tile").exists():
            return
        if not (self._folder / FORMAT_FILE).exists():
            replace_file(self._folder, FORMAT_FILE, b"%d\n" % FORMAT)
            sync_folder(self._folder.parent)
        check_format(self._folder)
        replace_file(self._folder, CHECKPOINT_FILE, self._signer.sign(0, EMPTY_ROOT))

    def _load(self) -> None:
        """Take the folder's word for what is durable, after checking the right edge."""
        check_format(self._folder)
        checkpoint, note = read_checkpoint(self._folder)
        if checkpoint.origin != self._origin:
            raise self._corrupt(f"the checkpoint is of {checkpoint.origin}, not {self._origin}")
        if not note.signed_by(self._signers):
            raise self._corrupt("the checkpoint is not signed by this ledger's key")
        published, last_ms = self._read_edge(checkpoint.size)
        if published.root() != checkpoint.root:
            raise self._corrupt("the tiles do not lead to the checkpoint's root")
        self._sweep(checkpoint.size)
        records = self._file.read(published.size)
        edge = published.copy()
        full = self._follow(edge, records)
        # A sync that failed may have lost what can be read now: write it again.
        self._file.rewrite(records)
        # Only now: whatever fails before leaves in memory what was durable.
        self._published, self._edge = published, edge
        self._checkpoint = records[-1].checkpoint if records else note.emit()
        self._waiting, self._full = records, full
        self._last_ms = decode_entry(records[-1].leaves[-1]).at_ms if records else last_ms
        self._size = edge.size
        self._stale = False

    @property
    def _file(self) -> Pending:
        if self._pending is None:
            self._pending = Pending(self._folder)
        return self._pending

    def _follow(self, edge: Edge, records: Iterable[Record]) -> list[tuple[Tile, bytes]]:
        """Let the edge grow by what was appended and not published; the tiles that it filled."""
        full = []
        for record in records:
            full += edge.extend(record.leaves)
            if record.checkpoint != self._signer.sign(edge.size, edge.root()):
                raise self._corrupt(f"{PENDING_FILE} does not lead to its signed checkpoint")
        return full

    def _read_edge(self, size: int) -> tuple[Edge, int]:
        try:
            edge = read_edge(self._folder, size)
        except SerambiError as error:
            error.hint = error.hint or _KEEP_HINT
            raise
        newest = TileReader(self._folder, size).entries(max(size - 1, 0), size)
        return edge, newest[0].at_ms if newest else 0

    def _sweep(self, size: int) -> None:
        """Remove what a crash left: tiles beyond the checkpoint, narrower ones, temporary files."""
        current, beyond = 0, 0
        leftovers = []
        for name in files_below(self._folder):
            tile = parse_path(name)
            if tile is None:
                if name in TEMPORARY_FILES:
                    leftovers.append(name)
                continue
            width = width_at(tile.level, tile.index, size)
            if tile.width != width:
                leftovers.append(name)
                beyond += tile.width > width
                continue
            current += 1
            length = os.stat(self._folder / name).st_size
            if tile.level >= 0 and length != width * HASH_BYTES:
                raise self._corrupt(f"{name} is cut short or too long")
        expected = list(tiles_of(size))
        if current != len(expected):
            missing = [t.path for t in expected if not (self._folder / t.path).is_file()]
            raise self._corrupt(f"{len(missing)} tiles are missing, first {missing[0]}")
        for name in leftovers:
            os.unlink(self._folder / name)
        if beyond:
            log.warning("%s: %d tiles beyond the checkpoint removed", self._folder, beyond)

    def _check_order(self, entries: Sequence[Entry]) -> None:
        last_ms = self._last_ms
        for entry in entries:
            if entry.at_ms < last_ms - BACKWARD_MAX_MS:
                raise SerambiError(
                    Kind.BAD_INPUT,
                    f"the entry is {last_ms - entry.at_ms} ms older than the one before it",
                    where=str(self._folder),
                    hint="the clock ran back; take the time from LedgerStore.stamp",
                )
            last_ms = entry.at_ms

    def _commit(self, leaves: Sequence[bytes]) -> None:
        """One durable record."""
        self._stale = True
        full = self._edge.extend(leaves)
        checkpoint = self._signer.sign(self._edge.size, self._edge.root())
        record = Record(self._size, tuple(leaves), checkpoint)
        self._file.add(record)
        self._checkpoint = checkpoint
        self._waiting.append(record)
        self._full += full
        self._size = record.stop
        self._stale = False

    def _publish(self) -> None:
        """Tiles and checkpoint of all that waits."""
        if not self._waiting:
            return
        before = {tile for tile, _ in self._published.partial()}
        partial = dict(self._edge.partial())
        files = self._full + [item for item in partial.items() if item[0] not in before]
        try:
            with Batch(self._folder) as batch:
                for tile, content in files:
                    batch.put(tile.path, content)
                batch.put(CHECKPOINT_FILE + TEMPORARY, self._checkpoint)
                batch.sync()
        except OSError:
            self._take_away([tile for tile, _ in files])
            raise
        self._stale = True
        rename_into_place(self._folder, CHECKPOINT_FILE)
        self._published, self._waiting, self._full = self._edge.copy(), [], []
        self._file.rewind()
        self._stale = False
        self._remove(before - partial.keys())

    def _take_away(self, tiles: Sequence[Tile]) -> None:
        """Remove what a failed publishing left; if that fails too, the next call sweeps."""
        for tile in tiles:
            try:
                (self._folder / tile.path).unlink(missing_ok=True)
            except OSError:
                self._stale = True

    def _remove(self, narrower: set[Tile]) -> None:
        """Remove partial tiles that wider ones replaced; what stays is swept when next opened."""
        for tile in narrower:
            path = self._folder / tile.path
            with contextlib.suppress(OSError):
                os.unlink(path)
                if width_at(tile.level, tile.index, self._published.size) == TILE_WIDTH:
                    os.rmdir(path.parent)

    def _size_after_failure(self) -> int:
        """Look what the folder holds after a failed commit, -1 when that fails too."""
        try:
            self._recover()
        except (OSError, SerambiError) as error:
            log.warning("%s: not recovered yet: %s", self._folder, error)
            return -1
        return self._size

    def _recover(self) -> None:
        self._load()
        self._stale = True
        # The failed sync may have been the folder's own: write the commit point anew.
        published = read_file(self._folder, CHECKPOINT_FILE, NOTE_MAX_BYTES)
        replace_file(self._folder, CHECKPOINT_FILE, published)
        self._stale = False

    def _corrupt(self, what: str) -> SerambiError:
        return SerambiError(
            Kind.CORRUPT,
            what,
            where=str(self._folder),
            hint=_KEEP_HINT,
        )
