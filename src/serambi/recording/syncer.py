"""Makes recordings durable: one thread for all cameras, a pass every few seconds.

A pass syncs every file that was written to, then the folders of new files, and only then commits
the rows that name those bytes, all in one transaction. So an index that survives a power cut names
nothing that is not there; bytes without a row are found by `fsck`. Recorders never wait for it.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from serambi.base.clock import Clock
from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import (
    RECORDING_LOSS_MAX_S,
    RECORDING_ROWS_WAITING,
    RECORDING_SYNC_EVERY_S,
)
from serambi.recording.disk import Disk
from serambi.recording.fsck import check_recordings
from serambi.recording.index import Fragment, Gap, Index, Row, Segment

log = logging.getLogger(__name__)

_T = TypeVar("_T")
_JOIN_S = 5.0


@dataclass(slots=True, eq=False)
class OpenFile:
    """A segment being written. The recorder writes it; only the syncer closes it."""

    descriptor: int
    segment: Segment
    size_bytes: int
    base_dts: int
    durable_us: int
    """When the last fragment ends that a power cut leaves; before one is, where the file begins
    to be missed from."""
    fragments: int = 0
    trouble: str = field(default="", init=False)
    """Why its last bytes may never reach the disk: nothing more must be written to it."""
    named: bool = field(default=False, init=False)


_Item = tuple[OpenFile, Fragment | None] | Gap


class Syncer:
    """The recordings of one site under `folder`. `start` it, give it what is written, `close` it.

    Any thread may call `wrote`, `ended` and `missed`; none of them waits for the disk.
    """

    def __init__(self, folder: Path, index: Index, clock: Clock, disk: Disk | None = None) -> None:
        self.folder = folder
        self.index = index
        self.disk = disk or Disk()
        self.ready = False
        """Whether index and files agree: nothing may be recorded before."""
        self._clock = clock
        self._trouble = ""
        self._items: deque[_Item] = deque()
        self._rows: list[Row] = []
        self._turn = threading.Lock()
        self._closing = False
        self._hurry = threading.Event()
        self._synced = clock.monotonic()
        # A thread that hangs in a dead disk must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="recordings", daemon=True)

    @property
    def trouble(self) -> str:
        """What all cameras' recordings suffer from now; empty when nothing."""
        late_s = self._clock.monotonic() - self._synced
        if self.ready and not self._trouble and late_s > RECORDING_LOSS_MAX_S:
            return f"the disk is slow: a power cut now would cost {late_s:.0f} s"
        return self._trouble

    def start(self) -> None:
        """Check what is there, in the background, then begin to make durable."""
        self._thread.start()

    def prepare(self) -> bool:
        """Make index and files agree after an abrupt end; whether recording may begin."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            check_recordings(self.folder, self.index)
        except (OSError, SerambiError) as error:
            self._say(f"recordings cannot be checked: {_why(error)}")
            return False
        self._say("")
        self._synced = self._clock.monotonic()
        self.ready = True
        return True

    def wrote(self, file: OpenFile, fragment: Fragment) -> None:
        """A fragment has been written to a file. Raises LIMIT when the disk is so far behind
        that no more may wait for it."""
        if len(self._items) + len(self._rows) >= RECORDING_ROWS_WAITING:
            raise SerambiError(Kind.LIMIT, "the disk does not keep up")
        self._items.append((file, fragment))

    def ended(self, file: OpenFile) -> None:
        """Nothing more will be written to a file: it is closed after its last sync."""
        self._items.append((file, None))

    def missed(self, gap: Gap) -> None:
        """Nothing was recorded for a while. Made durable at once: a kill would lose the cause,
        which nothing on the disk could tell."""
        self._items.append(gap)
        self._hurry.set()

    def sync(self) -> None:
        """One pass: what was given until now is durable on return, but for what `trouble`, or
        that of a file, tells of."""
        with self._turn:
            begun = self._clock.monotonic()
            items = [self._items.popleft() for _ in range(len(self._items))]
            written = [item[0] for item in items if isinstance(item, tuple)]
            for file in dict.fromkeys(written):
                self._try(file, self.disk.sync, file.descriptor)
            self._sync_names([file for file in dict.fromkeys(written) if not file.named])
            for item in items:
                if isinstance(item, Gap):
                    self._rows.append(item)
                elif item[1] is None:
                    self.disk.close(item[0].descriptor)
                elif not item[0].trouble:
                    item[0].durable_us = item[1].end_us
                    self._rows.append((item[0].segment, item[1]))
            self._commit(begun)

    def _try(self, file: OpenFile, step: Callable[[_T], None], what: _T) -> None:
        """One camera's file that the disk refuses must not cost the others theirs."""
        try:
            if not file.trouble:
                step(what)
        except OSError as error:
            file.trouble = error.strerror or str(error)
            log.error("%s cannot be made durable: %s", file.segment.path, file.trouble)

    def _sync_names(self, new: list[OpenFile]) -> None:
        """A file is durable when its name is: in the camera's folder, and that folder's name in
        the folder of all."""
        for file in new:
            self._try(file, self.disk.sync_names, (self.folder / file.segment.path).parent)
            file.named = True
        if new:
            self._try(new[0], self.disk.sync_names, self.folder)

    def _commit(self, begun: float) -> None:
        try:
            if self._rows:
                self.index.add(self._rows)
        except SerambiError as error:
            self._say(error.what)  # they wait for the next pass
            return
        self._rows = []
        self._synced = begun
        self._say("")

    def _say(self, trouble: str) -> None:
        if trouble and trouble != self._trouble:
            log.error("%s", trouble)
        self._trouble = trouble

    def _run(self) -> None:
        while not self._closing:
            try:
                if self.ready or self.prepare():
                    self.sync()
            except Exception:  # a supervised thread: recording must not end with one bad pass
                log.exception("a pass over the recordings crashed")
            self._hurry.wait(RECORDING_SYNC_EVERY_S)
            self._hurry.clear()

    def close(self) -> None:
        """A last pass, after which the index is closed. Call it after the recorders have ended;
        a disk that hangs is waited for a few seconds."""
        self._closing = True
        self._hurry.set()
        if self._thread.ident is not None:
            self._thread.join(_JOIN_S)
        if self._thread.is_alive():
            log.error("the disk hangs: the newest recordings are found at the next start")
            return
        self.sync()
        self.index.close()


def _why(error: OSError | SerambiError) -> str:
    return error.what if isinstance(error, SerambiError) else error.strerror or str(error)
