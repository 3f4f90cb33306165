"""One browser's place at a stream: what waits for it, what it misses, and its end."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from serambi.base.limits import VIEWER_QUEUE_MESSAGES
from serambi.web.connection import framed


class Sink(Protocol):
    """The way to the browser, as `web/connection.py` offers it."""

    @property
    def full(self) -> bool:
        """Whether it takes nothing now."""
        ...

    def write(self, frame: bytes) -> None:
        """Send one frame; only while not `full`."""
        ...


@dataclass(frozen=True, slots=True)
class Piece:
    """One message, framed once for all viewers: `units` as it came (a configuration as JSON text),
    `fmp4` as the muxer made it, None without such viewers. `key` begins a GOP."""

    units: bytes
    fmp4: bytes | None
    key: bool = False
    config: bool = False

    def frame(self, *, fmp4: bool) -> bytes | None:
        return self.fmp4 if fmp4 else self.units


class Viewer:
    """One browser's queue. A slow one loses pictures up to the next key frame, never memory.

    What waits here is shared with the others and can be taken back; the sink holds one message.
    """

    def __init__(self, sink: Sink, *, fmp4: bool) -> None:
        self.fmp4 = fmp4
        self.dropped = 0
        self.reason = ""
        self.ended = asyncio.Event()
        self._sink = sink
        self._queue: deque[bytes] = deque()
        self._room = VIEWER_QUEUE_MESSAGES
        self._config: Piece | None = None
        self._needs_key = True

    def start(self, config: Piece | None, gop: Sequence[Piece]) -> None:
        """Take the current GOP, however long, at once: it is bounded by the feed."""
        self._room += len(gop) + 1
        for piece in (*((config,) if config else ()), *gop):
            self._put(piece)
        self.flush()

    def offer(self, piece: Piece) -> None:
        """Send one message, keep it until there is room, or drop it."""
        if not self.ended.is_set():
            self._put(piece)
            self.flush()

    def _put(self, piece: Piece) -> None:
        if piece.config:
            self._config = piece
            self._needs_key = True
            return
        if self._needs_key and piece.key and self._config is not None:
            # Repeated after a drop as well: a decoder starts afresh from it without harm.
            self._append(self._config)
            self._needs_key = False
        if self._needs_key:
            self.dropped += 1
            return
        if len(self._queue) >= self._room:
            self.dropped += len(self._queue) + 1
            self._queue.clear()
            self._needs_key = True
            return
        self._append(piece)

    def _append(self, piece: Piece) -> None:
        frame = piece.frame(fmp4=self.fmp4)
        if frame is not None:
            self._queue.append(frame)

    def tell(self, text: str) -> None:
        """Say something, unless the queue is full."""
        if not self.ended.is_set() and len(self._queue) < self._room:
            self._queue.append(framed(text))
            self.flush()

    def flush(self) -> None:
        """Send what waits, as far as the sink takes it; to be called when it has room again."""
        while self._queue and not self._sink.full:
            self._sink.write(self._queue.popleft())
            if len(self._queue) < VIEWER_QUEUE_MESSAGES:
                self._room = VIEWER_QUEUE_MESSAGES

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
