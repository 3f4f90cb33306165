"""How much may be on its way to the center, and how much has arrived: bounded in time.

Zenoh and QUIC take megabytes from a sender and tell nobody; on a slow link that is many seconds of
pictures which no Stop can take back. So the courier asks for an echo behind its pictures, and
sends on only while little is without an echo. Nothing here knows Zenoh.
"""

import asyncio
import contextlib
from collections.abc import Callable

_MIN_BYTES = 64 * 1024
_FIRST_BYTES = 256 * 1024
_MAX_BYTES = 8 * 1024 * 1024
# An echo that comes sooner than this allows more on the way, one that comes later less.
_QUICK_S = 0.2
_SLOW_S = 0.4
_ASK_EVERY_S = 0.1
_RETRY_S = 0.05
# With no echo for so long, what was sent before has arrived or was lost.
_GIVE_UP_S = 3.0


class Flow:
    """One session's bytes, counted from its start. Lives on the event loop; `ask` sends an echo
    question behind everything sent so far and comes back as `echoed` with its number."""

    def __init__(self, now: Callable[[], float], ask: Callable[[int], None]) -> None:
        self._now = now
        self._ask = ask
        self._moved = asyncio.Event()
        self._number = 0
        self._open = False
        self._mark = 0
        self._since: float | None = None
        self._next_at = 0.0
        self._limited = False
        self._given_up_bytes = 0
        self.limit_bytes = _FIRST_BYTES
        self.sent_bytes = 0
        self.arrived_bytes = 0

    @property
    def on_the_way_bytes(self) -> int:
        return self.sent_bytes - max(self.arrived_bytes, self._given_up_bytes)

    async def room(self) -> None:
        """Return when another message may be sent, however large it is."""
        while self.on_the_way_bytes >= self.limit_bytes:
            self._limited = True
            await self._move()

    def sent(self, size_bytes: int) -> None:
        """A message is on its way."""
        self.sent_bytes += size_bytes
        half = self.on_the_way_bytes >= self.limit_bytes // 2
        if self._now() >= self._next_at or (half and self._since is None):
            self._question()

    async def arrived(self, mark_bytes: int) -> None:
        """Return when the first `mark_bytes` have arrived. Give it a timeout."""
        while self.arrived_bytes < mark_bytes:
            await self._move()

    def _question(self) -> None:
        """One at a time; one that found no room itself is asked again, a little later."""
        now = self._now()
        if self._open or self.arrived_bytes >= self.sent_bytes:
            return
        self._open = True
        self._number += 1
        self._mark = self.sent_bytes
        self._next_at = now + _ASK_EVERY_S
        if self._since is None:
            self._since = now
        self._ask(self._number)

    def echoed(self, number: int, *, came: bool) -> None:
        """The echo is here, or, with `came` False, will never be."""
        if number != self._number or not self._open or self._since is None:
            return
        self._open = False
        now = self._now()
        if came:
            self.arrived_bytes = self._mark
            self._adapt(now - self._since)
            self._since = None
        elif now - self._since >= _GIVE_UP_S:
            self._given_up_bytes = self._mark
            self._since = None
            self.limit_bytes = _MIN_BYTES
        else:
            self._next_at = now + _RETRY_S
            return
        self._moved.set()

    def _adapt(self, took_s: float) -> None:
        if took_s > _SLOW_S:
            self.limit_bytes = max(_MIN_BYTES, self.limit_bytes // 2)
        elif took_s < _QUICK_S and self._limited:
            self.limit_bytes = min(_MAX_BYTES, self.limit_bytes * 2)
        self._limited = False

    async def _move(self) -> None:
        self._question()
        self._moved.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_RETRY_S):
                await self._moved.wait()
