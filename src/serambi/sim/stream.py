"""A camera and its two streams: which picture is due when, and who receives it.

The loop is locked to wall time: at unix time t the picture on air is number floor(t * fps)
modulo the loop's length, so every process that serves the same loop shows the same picture.
"""

import asyncio
import base64
import logging
import math
from collections.abc import Callable
from typing import Protocol

from serambi.base.clock import Clock
from serambi.sim.limits import CATCH_UP_MAX_S
from serambi.sim.loop_file import Loop
from serambi.sim.packetize import CLOCK_HZ, canary_sei, payloads, with_sei

log = logging.getLogger(__name__)


class Player(Protocol):
    """Who receives a stream."""

    def deliver(self, frame_number: int, key: bool, parts: list[bytes]) -> None:
        """One access unit; `frame_number` counts from 1970 at the stream's rate."""
        ...

    def lose_place(self) -> None:
        """Pictures were left out: wait for the next key picture."""
        ...

    def drop(self) -> None:
        """The camera hangs up."""
        ...


class Stream:
    """One loop on air."""

    def __init__(self, loop: Loop, canary: bytes, clock: Clock) -> None:
        self.loop = loop
        self.players: set[Player] = set()
        self.frozen = False
        self._sei = canary_sei(canary)
        self._clock = clock
        self.next_frame = 0

    @property
    def ticks(self) -> int:
        """RTP clock ticks between two pictures."""
        return CLOCK_HZ // self.loop.fps

    def next_key(self) -> int:
        """Number of the next key picture that will go on air."""
        number = max(self.next_frame, math.floor(self._clock.now() * self.loop.fps))
        while not self.loop.units[number % len(self.loop.units)].key:
            number += 1
        return number

    def parts(self, frame_number: int) -> list[bytes]:
        """RTP payloads of a picture, canary included."""
        unit = self.loop.units[frame_number % len(self.loop.units)]
        return payloads(with_sei(unit.nals, self._sei))

    async def run(self) -> None:
        """Put every picture on air at its time, until cancelled."""
        fps = self.loop.fps
        self.next_frame = math.floor(self._clock.now() * fps) + 1
        while True:
            ahead_s = self.next_frame / fps - self._clock.now()
            if ahead_s > 0:
                await asyncio.sleep(min(ahead_s, 1.0))
            if abs(self.next_frame / fps - self._clock.now()) > CATCH_UP_MAX_S:
                # The machine slept or its date was set: join the present.
                self.next_frame = math.floor(self._clock.now() * fps) + 1
                self._each(lambda player: player.lose_place())
            elif self.next_frame / fps <= self._clock.now():
                self._send(self.next_frame)
                self.next_frame += 1

    def _send(self, number: int) -> None:
        if not self.players:
            return
        if self.frozen:
            self._each(lambda player: player.lose_place())
            return
        key = self.loop.units[number % len(self.loop.units)].key
        parts = self.parts(number)
        self._each(lambda player: player.deliver(number, key, parts))

    def _each(self, act: Callable[[Player], None]) -> None:
        for player in tuple(self.players):
            act(player)

    def sdp(self, host: str) -> bytes:
        """Session description."""
        sps, pps = self.loop.sps, self.loop.pps
        sets = ",".join(base64.b64encode(nal).decode() for nal in (sps, pps))
        lines = (
            "v=0",
            f"o=- 1 1 IN IP4 {host}",
            "s=Serambi simulator",
            "c=IN IP4 0.0.0.0",
            "t=0 0",
            "a=control:*",
            "a=range:npt=now-",
            "m=video 0 RTP/AVP 96",
            "a=rtpmap:96 H264/90000",
            f"a=fmtp:96 packetization-mode=1;profile-level-id={sps[1:4].hex().upper()};"
            f"sprop-parameter-sets={sets}",
            f"a=framerate:{self.loop.fps}",
            "a=control:trackID=0",
        )
        return ("\r\n".join(lines) + "\r\n").encode()


class Camera:
    """A simulated camera with its login, streams and faults."""

    def __init__(
        self,
        camera: str,
        user: str,
        password: str,
        canary: bytes,
        loops: dict[str, Loop],
        clock: Clock,
    ) -> None:
        self.id = camera
        self.user = user
        self.password = password
        self.streams = {name: Stream(loop, canary, clock) for name, loop in loops.items()}
        self.refusing = False

    def freeze(self, frozen: bool = True) -> None:
        """Keep connections, send no pictures; `freeze(False)` goes on at the next key picture."""
        for stream in self.streams.values():
            stream.frozen = frozen

    def drop(self) -> None:
        """Hang up on everybody who watches."""
        for stream in self.streams.values():
            for player in tuple(stream.players):
                player.drop()

    def refuse(self, refusing: bool = True) -> None:
        """Reset every connection as soon as it asks for this camera."""
        self.refusing = refusing
        if refusing:
            self.drop()
