"""The one door through which pictures leave this site.

Every byte of video on its way to the courier passes `Release.offer`, recorded ones `hand_out`, and
both let pass only what a session holds open at that very moment. Deciding does not belong here
(agreement/decide), nor does remembering who watches (sessions.py).
"""

from collections.abc import Iterable
from typing import Protocol

from serambi.base.clock import Clock


class Outlet(Protocol):
    """The socket to the courier, as `fabric/uplink.py` offers it."""

    def offer(self, camera: str, stream: str, message: bytes, *, key: bool) -> None:
        """Queue one message, bounded; never blocks."""
        ...

    async def stop_stream(self, camera: str, stream: str | None = None) -> float:
        """Purge what is queued and return once nothing of it can leave any more (seconds)."""
        ...


class Answering(Protocol):
    """Where the answer to one question for recorded pictures goes (fabric/uplink.py)."""

    def part(self, camera: str, session: str, raw: bytes) -> None:
        """Queue a window, behind live pictures; a purge of the session takes it back."""
        ...

    def refuse(self, reason: str) -> None:
        """Say that there is none."""
        ...


class Release:
    """Which streams are open, and until when (unix seconds)."""

    def __init__(self, outlet: Outlet, clock: Clock) -> None:
        self._outlet = outlet
        self._clock = clock
        self._until: dict[tuple[str, str], float] = {}
        # Closing names a camera to the courier; one that never went out must not be named.
        self._opened: set[str] = set()

    def open(self, camera: str, stream: str, until: float, prelude: Iterable[bytes]) -> None:
        """Let `stream` of `camera` out until `until`, beginning with `prelude` (configuration,
        then the pictures since the last key frame)."""
        self._until[camera, stream] = until
        self._opened.add(camera)
        for number, message in enumerate(prelude):
            self.offer(camera, stream, message, key=number < 2)

    def set_until(self, camera: str, stream: str, until: float) -> None:
        """Move the end of an open stream; a closed one stays closed."""
        if (camera, stream) in self._until:
            self._until[camera, stream] = until

    def offer(self, camera: str, stream: str, message: bytes, *, key: bool) -> None:
        """Pass one message on if, and only if, its stream is open now; else it goes nowhere."""
        until = self._until.get((camera, stream))
        if until is not None and self._clock.now() < until:
            self._outlet.offer(camera, stream, message, key=key)

    def hand_out(self, camera: str, session: str, window: bytes, answer: Answering) -> None:
        """Pass one window of recorded pictures on if, and only if, its playback is open now."""
        if self.is_open(camera, session):
            answer.part(camera, session, window)
        else:
            answer.refuse("closed")

    def is_open(self, camera: str, stream: str) -> bool:
        until = self._until.get((camera, stream))
        return until is not None and self._clock.now() < until

    async def close(self, camera: str, stream: str | None = None) -> float:
        """Shut one stream, or all streams of a camera: from the first instruction on nothing
        more is queued; returns when the last byte is out, with the seconds that took. Of a camera
        that was never open the courier hears nothing, not even its name."""
        for key in [k for k in self._until if k[0] == camera and stream in (None, k[1])]:
            del self._until[key]
        if camera not in self._opened:
            return 0.0
        return await self._outlet.stop_stream(camera, stream)
