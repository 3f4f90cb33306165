"""One timer for all streams: it wakes for the next picture due, and does all that are due by then.

A task for each stream would wake ten thousand times a second for two hundred cameras.
"""

import asyncio
import heapq

from serambi.sim.limits import WAKE_EVERY_S
from serambi.sim.stream import Stream


class Schedule:
    """The streams that somebody watches, by when their next picture leaves."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._due: list[tuple[float, int, Stream]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._count = 0

    def add(self, stream: Stream) -> None:
        """A stream that has begun; it leaves by itself when nobody watches any more."""
        self._push(stream, stream.due_in_s())
        self._arm(0.0)

    def close(self) -> None:
        """No picture leaves after this."""
        if self._timer is not None:
            self._timer.cancel()
        for _, _, stream in self._due:
            stream.on_air = False
        self._due = []

    def _push(self, stream: Stream, wait_s: float) -> None:
        # Clocks may be set: never believe in more than a second at once.
        self._count += 1
        due = self._loop.time() + min(wait_s, 1.0)
        heapq.heappush(self._due, (due, self._count, stream))

    def _arm(self, least_s: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._due:
            at = max(self._due[0][0], self._loop.time() + least_s)
            self._timer = self._loop.call_at(at, self._wake)

    def _wake(self) -> None:
        self._timer = None
        now = self._loop.time()
        due: list[Stream] = []
        while self._due and self._due[0][0] <= now:
            due.append(heapq.heappop(self._due)[2])
        for stream in due:
            wait_s = stream.advance()
            stream.on_air = bool(stream.players)
            if stream.on_air:
                self._push(stream, wait_s)
        self._arm(WAKE_EVERY_S)
