"""One stream on a shard: connects, passes on what comes, and tries again, patiently."""

import logging
import random
from collections.abc import Callable
from typing import Protocol

from serambi.base.clock import Clock
from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import (
    BACKOFF_FIRST_S,
    BACKOFF_MAX_S,
    MISREAD_MAX,
    MISREAD_WITHIN_S,
    READER_CRASHES_MAX,
)
from serambi.camera.health import HealthMeter
from serambi.camera.rtsp.connection import Connection, Watch
from serambi.camera.rtsp.datagrams import Datagrams
from serambi.camera.rtsp.resolver import Address, Answer, numeric
from serambi.camera.rtsp.target import Target
from serambi.media.access_unit import AccessUnit, VideoConfig

log = logging.getLogger(__name__)

OnItem = Callable[[VideoConfig | AccessUnit | None], None]


class Loop(Protocol):
    """What a stream needs of its shard."""

    clock: Clock
    buffer: memoryview
    inbox: Datagrams

    def watcher(self, stream: "Stream") -> Watch: ...

    def resolve(self, host: str, port: int, answer: Answer) -> None:
        """`answer` is called in the shard's thread."""
        ...


class Stream:
    """Everything but `stop` belongs to the shard's thread. `on_unfit` is told, once, why this
    reader cannot serve the camera; the stream then does nothing any more."""

    def __init__(
        self,
        target: Target,
        *,
        name: str,
        on_item: OnItem,
        meter: HealthMeter,
        on_unfit: Callable[[str], None],
    ) -> None:
        self.over = False
        self._target = target
        self._name = name
        self._on_item = on_item
        self._meter = meter
        self._on_unfit = on_unfit
        self._connection: Connection | None = None
        self._stopped = False
        self._asked = False
        self._found: Address | SerambiError | None = None
        self._next_s = 0.0
        self._wait_s = BACKOFF_FIRST_S
        self._began_s = 0.0
        self._pictures = 0
        self._misread = 0
        self._crashes = 0
        self._lost = 0
        self._lost_before = 0

    def stop(self) -> None:
        """From now on nothing is passed on; any thread."""
        self._stopped = True

    @property
    def settled(self) -> bool:
        """Whether it may be read seldom: pictures come, and wait where nothing is lost; or there
        is no connection."""
        connection = self._connection
        return connection is None or (self._pictures > 0 and connection.roomy)

    def tick(self, now_s: float, loop: Loop) -> None:
        """Let time pass. Raises `SerambiError` when the connection is over: then `failed`."""
        connection = self._connection
        if connection is None:
            if now_s >= self._next_s and not self._stopped:
                self._connect(loop)
            return
        connection.tick(now_s)
        self._look(connection)

    def failed(self, error: SerambiError, now_s: float) -> None:
        """The connection is over, because of `error`."""
        lived_s = now_s - self._began_s if self._connection else 0.0
        pictures = self._pictures
        self._close()
        if self._stopped:
            return
        log.warning("%s: %s", self._name, error)
        self._meter.failed(str(error))
        self._say_end()
        if lived_s > MISREAD_WITHIN_S:
            self._misread = 0
        if error.kind is Kind.BAD_INPUT:
            self._misread += 1
            if not pictures or self._misread >= MISREAD_MAX:
                self._leave(error.what)
                return
        if pictures:
            self._wait_s = BACKOFF_FIRST_S
        self._try_later(now_s)

    def broke(self, error: SerambiError, now_s: float) -> None:
        """Not even `failed` could be done: begin anew without what there was. A stream to which
        that happens again and again is read elsewhere, where it disturbs nobody."""
        self._connection = None
        self._meter.failed(str(error))
        self._crashes += 1
        self._try_later(now_s)
        if self._crashes >= READER_CRASHES_MAX and not self._stopped:
            self._leave(error.what)

    def _leave(self, why: str) -> None:
        self._on_unfit(why)
        self.over = True

    def _try_later(self, now_s: float) -> None:
        # Many cameras behind one switch come back together: spread their attempts.
        self._next_s = now_s + self._wait_s * random.uniform(0.8, 1.2)
        self._wait_s = min(self._wait_s * 2, BACKOFF_MAX_S)

    def end(self) -> None:
        """Close for good: the stream was stopped."""
        self.over = True
        self._close()
        self._say_end()

    def _connect(self, loop: Loop) -> None:
        found = numeric(self._target.host, self._target.port) or self._found
        if found is None:
            self._ask_for_address(loop)
            return
        self._found = None
        if isinstance(found, SerambiError):
            raise found
        self._began_s = loop.clock.monotonic()
        self._pictures = 0
        self._connection = Connection(
            self._target,
            found,
            self._take,
            loop.watcher(self),
            loop.clock,
            loop.buffer,
            loop.inbox,
        )

    def _ask_for_address(self, loop: Loop) -> None:
        def answer(found: Address | SerambiError) -> None:
            self._asked, self._found = False, found

        if not self._asked:
            self._asked = True
            loop.resolve(self._target.host, self._target.port, answer)

    def _take(self, item: VideoConfig | AccessUnit) -> None:
        if self._stopped:
            return  # whoever stopped the stream may have closed what items go to
        self._on_item(item)
        if type(item) is AccessUnit:
            self._pictures += 1
            self._meter.saw(item, self._lost)

    def _look(self, connection: Connection) -> None:
        track = connection.session.track if connection.session else None
        if track is not None:
            self._lost = self._lost_before + track.lost
            self._meter.clock_offset_s = track.clock_offset_s

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            self._look(connection)
            self._lost_before = self._lost
            connection.close()

    def _say_end(self) -> None:
        try:
            self._on_item(None)
        except SerambiError as error:
            self._meter.failed(str(error))
