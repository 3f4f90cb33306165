"""One stream from the fabric, many viewers: feeds with the current GOP.

Everything runs in the event loop: the GOP is copied and the viewer added without an await
between, so that no message is missed or sent twice. Each message is built and framed once for
all viewers; what one of them misses is viewer.py's affair.
"""

import asyncio
import logging

from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import (
    GOP_CACHE_MAX_BYTES,
    GOP_CACHE_MAX_UNITS,
    LIVE_MESSAGE_MAX_BYTES,
)
from serambi.base.tasks import keep_running
from serambi.center.tally import Tally
from serambi.center.viewer import Piece, Viewer
from serambi.fabric.port import CenterLink, Watch
from serambi.media.access_unit import VideoConfig
from serambi.media.fmp4 import Muxer
from serambi.media.wire import decode, is_again, sequence_of
from serambi.web.connection import framed

log = logging.getLogger(__name__)


class Feed:
    """One stream that open sessions ask for: its task, its current GOP, its viewers."""

    def __init__(self, link: CenterLink, site: str, camera: str, stream: str) -> None:
        self.key = (site, camera, stream)
        self.users = 0
        self.tally = Tally()
        self._link = link
        # At once, not when the task gets its turn: the site sends as soon as it says yes.
        self._watch: Watch | None = link.watch(site, camera, stream)
        self._viewers: set[Viewer] = set()
        self._config_message: bytes | None = None
        self._config: Piece | None = None
        self._gop: list[tuple[bytes, Piece]] = []
        self._gop_bytes = 0
        self._muxer: Muxer | None = None
        self._bad = 0
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
        """Take in one wire message; what cannot be read is dropped."""
        self.tally.note(message)
        if is_again(message, self._config_message):
            return  # repeated by the site for those who missed it
        try:
            piece = self._piece(message)
        except SerambiError as error:
            self._bad += 1
            if self._bad == 1:
                log.warning("%s: unreadable live messages are dropped: %s", self.key[1], error)
            return
        if self._is_broken(message, piece.key):
            self.lost += 1
            return
        self._keep(message, piece)
        for viewer in self._viewers:
            viewer.offer(piece)

    def _piece(self, message: bytes) -> Piece:
        if len(message) > LIVE_MESSAGE_MAX_BYTES:
            raise SerambiError(Kind.LIMIT, f"a live message has {len(message)} bytes")
        item = decode(message)
        packed = self._muxer.feed(message) if self._muxer is not None else None
        fmp4 = framed(packed) if packed is not None else None
        if isinstance(item, VideoConfig):
            text = framed(message[1:].decode())
            return Piece(text, text + fmp4 if fmp4 else None, config=True)
        return Piece(framed(message), fmp4, key=item.key)

    def _is_broken(self, message: bytes, key: bool) -> bool:
        """Whether a picture before this one was lost on the way, with no key frame since."""
        sequence = sequence_of(message)
        if sequence is None:
            return False
        if key or self._expected is None or sequence == self._expected:
            self._expected = (sequence + 1) & 0xFFFFFFFF
            return False
        # Not moved on: everything up to the next key frame is missing its reference.
        return True

    def _keep(self, message: bytes, piece: Piece) -> None:
        if piece.config:
            self._config_message, self._config = message, piece
            self._forget()
            return
        if piece.key:
            self._forget()
        elif not self._gop:
            return
        self._gop_bytes += len(message)
        if len(self._gop) >= GOP_CACHE_MAX_UNITS or self._gop_bytes > GOP_CACHE_MAX_BYTES:
            self._forget()
            return
        self._gop.append((message, piece))

    def _forget(self) -> None:
        self._gop = []
        self._gop_bytes = 0

    def add(self, viewer: Viewer) -> None:
        """From here on `viewer` gets everything, beginning with the current GOP."""
        if viewer.fmp4 and self._muxer is None:
            self._start_muxer(Muxer())
        viewer.start(self._config, [piece for _, piece in self._gop])
        self._viewers.add(viewer)

    def remove(self, viewer: Viewer) -> None:
        self._viewers.discard(viewer)

    def _start_muxer(self, muxer: Muxer) -> None:
        self._muxer = muxer
        if self._config_message is None:
            return
        try:
            self._config = self._piece(self._config_message)
            self._gop = [(message, self._piece(message)) for message, _ in self._gop]
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

    def feeds(self) -> list[Feed]:
        """All that are being watched."""
        return [feed for feed, _ in self._feeds.values()]

    def watched(self) -> int:
        """How many streams are being watched."""
        return len(self._feeds)
