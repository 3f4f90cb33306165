"""Which engine reads a stream: the own reader, all streams on a few threads; PyAV, on a thread of
its own, for a stream that the own reader cannot serve. Which one, and why, stands in its health.
"""

import logging
import threading
from typing import Protocol

from serambi.base.clock import Clock
from serambi.base.errors import SerambiError
from serambi.base.limits import (
    OWN_READER_AGAIN_FIRST_S,
    OWN_READER_AGAIN_MAX_S,
    SHARD_STREAMS_MAX,
)
from serambi.camera.health import Health, HealthMeter
from serambi.camera.pyav_source import PyAVSource
from serambi.camera.reader import CameraReader, OnItem
from serambi.camera.rtsp.shard import Shard
from serambi.camera.rtsp.stream import Stream
from serambi.camera.rtsp.target import Transport, parse_target
from serambi.camera.source import OpenSource

log = logging.getLogger(__name__)

_JOIN_S = 1.0


class Reader(Protocol):
    """One stream being read. Calls `on_item` from a thread that is not the caller's."""

    def start(self) -> None: ...

    def stop(self) -> None:
        """Ask for the end; nothing is passed on from now on but the end. `join` waits for it."""
        ...

    def join(self, timeout_s: float = ...) -> bool:
        """Whether the reading has ended within `timeout_s`."""
        ...

    def health(self) -> Health: ...


class Engines:
    """Makes readers. With `open_source` each stream is read from such a source, in a thread of its
    own; without, by the own reader with PyAV behind it. `close` after every reader has stopped."""

    def __init__(
        self,
        clock: Clock,
        open_source: OpenSource | None = None,
        *,
        fallback: OpenSource = PyAVSource,
    ) -> None:
        self.clock = clock
        self._open_source = open_source
        self._fallback = fallback
        self._shards: list[Shard] = []
        self._hurried = True
        self._streams = 0

    def reader(
        self,
        url: str,
        user: str,
        password: str,
        *,
        name: str,
        on_item: OnItem,
        transport: Transport = "tcp",
    ) -> Reader:
        """A reader, not yet started. `name` (camera/stream) is what log lines say."""
        if self._open_source is not None:
            source = self._open_source(url, user, password)
            return CameraReader(source, name=name, on_item=on_item, clock=self.clock)
        self._streams += 1
        if self._streams > SHARD_STREAMS_MAX * len(self._shards):
            shard = Shard(self.clock, f"cameras {len(self._shards) + 1}")
            shard.hurry(self._hurried)
            self._shards.append(shard)
        return SharedReader(
            self._shards[-1],
            self._fallback,
            (url, user, password),
            transport,
            name=name,
            on_item=on_item,
        )

    def hurry(self, wanted: bool) -> None:
        """Whether delay counts, because somebody watches; else streams are read seldom, which is
        cheaper. May be called from any thread."""
        self._hurried = wanted
        for shard in self._shards:
            shard.hurry(wanted)

    def close(self, timeout_s: float = _JOIN_S) -> None:
        """End the threads that were shared."""
        for shard in self._shards:
            shard.stop()
        for shard in self._shards:
            shard.join(timeout_s)


class SharedReader:
    """A stream read on a shard, or by PyAV while the own reader cannot serve it.

    A working PyAV connection is never cut; but when one ends, and the last try of the own reader
    lies far enough back (longer each time), the own reader has its turn again.
    """

    def __init__(
        self,
        shard: Shard,
        fallback: OpenSource,
        address: tuple[str, str, str],
        transport: Transport,
        *,
        name: str,
        on_item: OnItem,
    ) -> None:
        self._shard = shard
        self._fallback = fallback
        self._address = address
        self._transport = transport
        self._name = name
        self._on_item = on_item
        self._meter = HealthMeter(shard.clock, "own")
        self._turn = threading.Lock()
        self._stopped = False
        self._ended = threading.Event()
        self._stream: Stream | None = None
        self._thread: CameraReader | None = None
        self._again_s = OWN_READER_AGAIN_FIRST_S
        self._again_at_s = 0.0

    def start(self) -> None:
        self._shard.start()
        with self._turn:
            self._read_ourselves()

    def stop(self) -> None:
        """Ask for the end; `join` waits for it."""
        with self._turn:
            if self._stopped:
                return
            self._stopped = True
            if self._stream is not None:
                self._shard.remove(self._stream, self._ended.set)
            else:
                self._ended.set()
            if self._thread is not None:
                self._thread.stop()

    def join(self, timeout_s: float = _JOIN_S) -> bool:
        """Whether the reading has ended within `timeout_s`."""
        if self._stopped and self._thread is not None:
            return self._thread.join(timeout_s)
        return self._ended.wait(timeout_s)

    def health(self) -> Health:
        return self._meter.snapshot()

    def _read_ourselves(self) -> None:
        try:
            target = parse_target(*self._address, self._transport)
        except SerambiError as error:
            self._hand_over(error.what)
            return
        self._meter.read_by("own")
        self._thread = None
        self._stream = Stream(
            target,
            name=self._name,
            on_item=self._on_item,
            meter=self._meter,
            on_unfit=self._on_unfit,
        )
        self._shard.add(self._stream)

    def _on_unfit(self, reason: str) -> None:
        """In the shard's thread: the own reader cannot serve this camera."""
        with self._turn:
            if not self._stopped:
                self._hand_over(reason)

    def _hand_over(self, reason: str) -> None:
        source = self._fallback(*self._address)
        log.warning("%s: read by %s, because %s", self._name, source.engine, reason)
        thread = CameraReader(
            source,
            name=self._name,
            on_item=self._on_item,
            clock=self._shard.clock,
            meter=self._meter,
            give_up=self._take_back,
        )
        self._again_at_s = self._shard.clock.monotonic() + self._again_s
        self._meter.read_by(source.engine, reason)
        try:
            thread.start()
        except RuntimeError:  # there is no thread to be had: all stays as it was
            self._meter.read_by("own")
            raise
        self._again_s = min(self._again_s * 2, OWN_READER_AGAIN_MAX_S)
        self._stream, self._thread = None, thread

    def _take_back(self) -> bool:
        """In PyAV's thread, between two connections: whether the own reader takes over."""
        if self._shard.clock.monotonic() < self._again_at_s:
            return False
        with self._turn:
            if not self._stopped:
                self._read_ourselves()
        return True
