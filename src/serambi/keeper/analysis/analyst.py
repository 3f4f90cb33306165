"""The keeper's end of the analyst: its process, what it is given to look at, what it answers.

When it falls behind, a camera's pictures are left out up to the next key picture, each camera by
its own queue. What follows from the answers does not belong here (`sights.py`, the keeper).
"""

import asyncio
import contextlib
import logging
import socket
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from serambi.base.clock import Clock
from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import ANALYST_QUEUE_UNITS
from serambi.keeper.analysis.messages import (
    Config,
    FromAnalyst,
    Load,
    ToAnalyst,
    Unit,
    Watch,
    frame,
    from_analyst,
    length_of,
)
from serambi.media.access_unit import AccessUnit, VideoConfig

log = logging.getLogger(__name__)

_END_S = 2.0
_HEAD_BYTES = 4


@dataclass(frozen=True, slots=True)
class Strain:
    """How the analysis does: whether it runs, what it uses of a core, how often it looks at each
    camera, and how many pictures were left out because it was behind."""

    running: bool
    cores: float
    every_s: float
    left_out: int


class _Queue:
    """One camera's pictures that wait; `whole` with rules, else key pictures only."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self.units: deque[ToAnalyst] = deque()
        self.skipping = True

    @property
    def whole(self) -> bool:
        return bool(self.watch.rules)


class Analyst:
    """`push` may be called from any thread, the rest in the event loop it was made in. `answered`
    is called there with every answer about a camera that is looked at."""

    def __init__(
        self,
        watches: Mapping[str, Watch],
        cores: float,
        clock: Clock,
        answered: Callable[[FromAnalyst], None],
    ) -> None:
        self._cores = cores
        self._clock = clock
        self._answered = answered
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._queues = {camera: _Queue(watch) for camera, watch in watches.items()}
        # Said once for a connection, maybe before there is anything to look for.
        self._configs: dict[str, Config] = {}
        self._wake = asyncio.Event()
        self._woken = False
        self._running = False
        self._load = Load(0.0, 0.0, 0)
        self._left_out = 0

    @property
    def strain(self) -> Strain:
        return Strain(self._running, self._load.cores, self._load.every_s, self._left_out)

    def watch(self, watch: Watch) -> None:
        """Look at a camera by other pictures or rules, afresh."""
        with self._lock:
            queue = self._queues[watch.camera] = _Queue(watch)
            self._brief(queue)
        self._wake.set()

    def push(self, camera: str, item: VideoConfig | AccessUnit | None) -> None:
        """What the camera's substream sent. Never blocks."""
        if item is None:
            return
        with self._lock:
            if isinstance(item, VideoConfig):
                self._configs[camera] = Config(camera, item.codec, item.record)
            queue = self._queues.get(camera)
            if queue is None or not self._running or not self._takes(queue, item):
                return
            queue.units.append(self._message(camera, item))
            if self._woken:
                return
            self._woken = True
        with contextlib.suppress(RuntimeError):  # the loop has ended: we are on the way out
            self._loop.call_soon_threadsafe(self._wake.set)

    def _message(self, camera: str, item: VideoConfig | AccessUnit) -> Config | Unit:
        if isinstance(item, VideoConfig):
            return self._configs[camera]
        return Unit(camera, item.key, self._clock.monotonic(), item.wall_us, item.data)

    def _takes(self, queue: _Queue, item: VideoConfig | AccessUnit) -> bool:
        full = len(queue.units) >= ANALYST_QUEUE_UNITS
        if isinstance(item, VideoConfig):
            if full:  # pictures of a shape that is over
                self._left_out += sum(isinstance(each, Unit) for each in queue.units)
                queue.units = deque(each for each in queue.units if isinstance(each, Watch))
            return True
        if not (item.key or queue.whole):
            return False
        if full:
            queue.skipping = True
        if queue.skipping and (full or not item.key):
            self._left_out += 1
            return False
        queue.skipping = False
        return True

    async def run(self) -> None:
        """One life of the process: until it ends, which raises, or until cancelled."""
        ours, theirs = socket.socketpair()
        command = (sys.executable, "-m", "serambi.keeper.analysis.child", str(theirs.fileno()))
        with ours, theirs:
            process = await asyncio.create_subprocess_exec(
                *command, str(self._cores), pass_fds=(theirs.fileno(),)
            )
            theirs.close()
            try:
                await self._serve(ours)
            finally:
                self._stop()
                ours.close()
                await _ended(process)

    async def _serve(self, channel: socket.socket) -> None:
        channel.setblocking(False)
        reader, writer = await asyncio.open_unix_connection(sock=channel)
        self._begin()
        gone = False
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._feed(writer))
                await self._listen(reader)
        except* (ConnectionError, asyncio.IncompleteReadError):
            gone = True
        finally:
            # Not `close`: that would wait for pictures to leave which nobody will read.
            writer.transport.abort()
        if gone:
            what = "the analysis ended"
            raise SerambiError(Kind.UNAVAILABLE, what, hint="it is started again")

    def _begin(self) -> None:
        """A process that knows nothing yet: all cameras, and what they sent last to decode by."""
        with self._lock:
            for queue in self._queues.values():
                queue.units.clear()
                self._brief(queue)
                queue.skipping = True
            self._running = True
        self._wake.set()

    def _brief(self, queue: _Queue) -> None:
        """First what to look for, and what the camera's next pictures are decoded with."""
        queue.units.append(queue.watch)
        if config := self._configs.get(queue.watch.camera):
            queue.units.append(config)

    def _stop(self) -> None:
        with self._lock:
            self._running = False
            for queue in self._queues.values():
                queue.units.clear()

    async def _feed(self, writer: asyncio.StreamWriter) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            for message in self._taken():
                writer.write(frame(message))
                await writer.drain()

    def _taken(self) -> list[ToAnalyst]:
        with self._lock:
            self._woken = False
            taken = [message for queue in self._queues.values() for message in queue.units]
            for queue in self._queues.values():
                queue.units.clear()
        return taken

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        while True:
            length = length_of(await reader.readexactly(_HEAD_BYTES))
            answer = from_analyst(await reader.readexactly(length))
            if isinstance(answer, Load):
                self._load = answer
            elif answer.camera in self._queues:
                self._answered(answer)


async def _ended(process: asyncio.subprocess.Process) -> None:
    """It ends by itself when the socket is gone; one that does not is killed."""
    try:
        async with asyncio.timeout(_END_S):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
