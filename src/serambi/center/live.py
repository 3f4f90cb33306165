"""One stream from the fabric, many viewers: feeds with the current GOP, and viewers' queues.

Everything runs in the event loop: the GOP is copied and the viewer added without an await
between, so that no message is missed or sent twice. Each message is built once for all viewers.
"""

import asyncio
import logging
from collections import deque
from dataclasses import dataclass, replace

from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import (
    GOP_CACHE_MAX_BYTES,
    GOP_CACHE_MAX_UNITS,
    LIVE_MESSAGE_MAX_BYTES,
    VIEWER_QUEUE_MESSAGES,
)
from serambi.base.tasks import keep_running
from serambi.fabric.port import CenterLink, Watch
from serambi.media.access_unit import AccessUnit, VideoConfig
from serambi.media.fmp4 import Muxer
from serambi.media.wire import decode, sequence_of

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Piece:
    """One message: `text` for a configuration (JSON), else None; `key` begins a GOP.

    `wire` is the message as it came, `fmp4` what the muxer made of it: None without such viewers.
    """

    wire: bytes
    text: str | None
    key: bool
    fmp4: bytes | None


class Viewer:
    """One browser's queue. A slow one loses pictures up to the next key frame, never memory."""

    def __init__(self, *, fmp4: bool) -> None:
        self.fmp4 = fmp4
        self.dropped = 0
        self.reason = ""
        self.ended = asyncio.Event()
        self._queue: deque[Piece | str] = deque()
        self._room = VIEWER_QUEUE_MESSAGES
        self._config: Piece | None = None
        self._needs_key = True
        self._wake = asyncio.Event()

    def start(self, config: Piece | None, gop: list[Piece]) -> None:
        """Take the current GOP, however long, at once: it is bounded by the feed."""
        self._room += len(gop) + 1
        for piece in ([config] if config else []) + gop:
            self.offer(piece)

    def offer(self, piece: Piece) -> None:
        """Put one message in, or drop it."""
        if self.ended.is_set():
            return
        if piece.text is not None:
            self._config = piece
            self._needs_key = True
            return
        if self._needs_key and piece.key and self._config is not None:
            # Repeated after a drop as well: a decoder starts afresh from it without harm.
            self._queue.append(self._config)
            self._needs_key = False
        if self._needs_key:
            self.dropped += 1
            return
        if len(self._queue) >= self._room:
            self.dropped += len(self._queue) + 1
            self._queue.clear()
            self._needs_key = True
            return
        self._queue.append(piece)
        self._wake.set()

    def tell(self, text: str) -> None:
        """Put a text in, unless the queue is full."""
        if not self.ended.is_set() and len(self._queue) < self._room:
            self._queue.append(text)
            self._wake.set()

    def end(self, reason: str) -> None:
        """Nothing that still waits is sent, only the reason."""
        if not self.ended.is_set():
            self._queue.clear()
            self.reason = reason
            self.ended.set()

    def waiting(self) -> int:
        """How many messages wait."""
        return len(self._queue)

    async def until_ended(self) -> None:
        await self.ended.wait()

    async def next(self) -> Piece | str:
        """The next message, waiting for it. Nothing comes after the end: watch `ended` as well."""
        while not self._queue:
            self._wake.clear()
            await self._wake.wait()
        if len(self._queue) <= VIEWER_QUEUE_MESSAGES:
            self._room = VIEWER_QUEUE_MESSAGES
        return self._queue.popleft()


class Feed:
    """One stream that open sessions ask for: its task, its current GOP, its viewers."""

    def __init__(self, link: CenterLink, site: str, camera: str, stream: str) -> None:
        self.key = (site, camera, stream)
        self.users = 0
        self._link = link
        # At once, not when the task gets its turn: the site sends as soon as it says yes.
        self._watch: Watch | None = link.watch(site, camera, stream)
        self._viewers: set[Viewer] = set()
        self._config: Piece | None = None
        self._gop: list[Piece] = []
        self._gop_bytes = 0
        self._muxer: Muxer | None = None
        self._bad = 0
        self._last_dts = -1
        self._expected: int | None = None
        self.lost = 0

    async def run(self) -> None:
        """Read the stream until cancelled; a failing watch is opened again."""
        await keep_running("live " + "/".join(self.key), self._read)

    def leave(self) -> None:
        """Give up the watch if `run` never came to it."""
        if self._watch is not None:
            self._watch.close()
            self._watch = None

    async def _read(self) -> None:
        watch, self._watch = self._watch or self._link.watch(*self.key), None
        try:
            async for message in watch:
                self.push(message)
                # A burst must not fill the queues before their senders had a turn.
                await asyncio.sleep(0)
        finally:
            watch.close()

    def push(self, message: bytes) -> None:
        """Take in one wire message; what cannot be read is dropped, and so is a configuration
        that is known: sites repeat it before key pictures, in case it was lost."""
        if self._config is not None and message == self._config.wire:
            return
        try:
            piece = self._piece(message)
        except SerambiError as error:
            self._bad += 1
            if self._bad == 1:
                log.warning("%s: unreadable live messages are dropped: %s", self.key[1], error)
            return
        if self._is_broken(piece):
            self.lost += 1
            return
        self._keep(piece)
        for viewer in self._viewers:
            viewer.offer(piece)

    def _piece(self, message: bytes) -> Piece:
        if len(message) > LIVE_MESSAGE_MAX_BYTES:
            raise SerambiError(Kind.LIMIT, f"a live message has {len(message)} bytes")
        item = decode(message)
        if isinstance(item, AccessUnit):
            if item.key and item.dts <= self._last_dts:
                self._begin_again()
            self._last_dts = item.dts
        fmp4 = self._muxer.feed(message) if self._muxer is not None else None
        if isinstance(item, VideoConfig):
            return Piece(message, bytes(message[1:]).decode(), False, fmp4)
        return Piece(message, None, item.key, fmp4)

    def _begin_again(self) -> None:
        """The camera was connected anew, its time with it: a decoder needs the configuration."""
        config, self._config = self._config, None
        if config is not None:
            self.push(config.wire)

    def _is_broken(self, piece: Piece) -> bool:
        """Whether a picture before this one was lost on the way, with no key frame since."""
        sequence = sequence_of(piece.wire)
        if sequence is None:
            return False
        if piece.key or self._expected is None or sequence == self._expected:
            self._expected = (sequence + 1) & 0xFFFFFFFF
            return False
        # Not moved on: everything up to the next key frame is missing its reference.
        return True

    def _keep(self, piece: Piece) -> None:
        if piece.text is not None:
            self._config = piece
            self._forget()
            return
        if piece.key:
            self._forget()
        elif not self._gop:
            return
        self._gop_bytes += len(piece.wire)
        if len(self._gop) >= GOP_CACHE_MAX_UNITS or self._gop_bytes > GOP_CACHE_MAX_BYTES:
            self._forget()
            return
        self._gop.append(piece)

    def _forget(self) -> None:
        self._gop = []
        self._gop_bytes = 0

    def add(self, viewer: Viewer) -> None:
        """From here on `viewer` gets everything, beginning with the current GOP."""
        if viewer.fmp4 and self._muxer is None:
            self._start_muxer(Muxer())
        viewer.start(self._config, self._gop)
        self._viewers.add(viewer)

    def remove(self, viewer: Viewer) -> None:
        self._viewers.discard(viewer)

    def _start_muxer(self, muxer: Muxer) -> None:
        self._muxer = muxer
        if self._config is None:
            return
        try:
            self._config = replace(self._config, fmp4=muxer.feed(self._config.wire))
            self._gop = [replace(piece, fmp4=muxer.feed(piece.wire)) for piece in self._gop]
        except SerambiError as error:
            log.warning("%s: the current pictures cannot be packed: %s", self.key[1], error)
            self._forget()


class Hub:
    """All feeds. A stream is watched from the first session that wants it to the last."""

    def __init__(self, link: CenterLink, group: asyncio.TaskGroup) -> None:
        self._link = link
        self._group = group
        self._feeds: dict[tuple[str, str, str], tuple[Feed, asyncio.Task[None]]] = {}

    def acquire(self, site: str, camera: str, stream: str) -> Feed:
        """The stream's feed, begun when nobody had it. Give it back with `release`."""
        key = (site, camera, stream)
        if key not in self._feeds:
            feed = Feed(self._link, *key)
            self._feeds[key] = (feed, self._group.create_task(feed.run()))
        feed = self._feeds[key][0]
        feed.users += 1
        return feed

    def release(self, feed: Feed) -> None:
        """One user fewer; the last one ends the watch."""
        feed.users -= 1
        if feed.users <= 0:
            _, task = self._feeds.pop(feed.key)
            task.cancel()
            feed.leave()

    def watched(self) -> int:
        """How many streams are being watched."""
        return len(self._feeds)
