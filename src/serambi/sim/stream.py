"""A camera and its two streams: which picture is due when, and who receives it.

The loop is locked to the camera's clock, which is wall time unless a fault says otherwise: at time
t (after the camera's phase) the picture on air is number floor(t * fps) modulo the loop's length,
so every process that serves the same loop shows the same picture.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from serambi.base.clock import Clock
from serambi.base.errors import Kind, SerambiError
from serambi.sim.faults import NONE, Faults
from serambi.sim.limits import CATCH_UP_MAX_S
from serambi.sim.loop_file import Loop
from serambi.sim.packetize import canary_sei, check_canary
from serambi.sim.rtp import CLOCK_HZ, Template, templates


class Player(Protocol):
    """Who receives a stream."""

    def deliver(self, number: int) -> None:
        """One access unit; `number` counts from 1970 at the stream's rate."""
        ...

    def report_if_due(self) -> None:
        """No picture, but perhaps a sender report."""
        ...

    def lose_place(self) -> None:
        """Pictures were left out: wait for the next key picture."""
        ...

    def drop(self) -> None:
        """The camera hangs up."""
        ...


class DeviceClock:
    """A camera's own clock: wall time, `drift_ppm` faster from the moment that was set."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rate = 1.0
        self._wall_s = self._device_s = 0.0

    def drift(self, ppm: float) -> None:
        self._device_s, self._wall_s = self.now(), self._clock.now()
        self._rate = 1 + ppm / 1_000_000

    def now(self) -> float:
        """Unix time as the camera believes it."""
        if self._rate == 1.0:
            return self._clock.now() - self._wall_s + self._device_s
        return (self._clock.now() - self._wall_s) * self._rate + self._device_s


class Stream:
    """One loop on air. `changed` is what it shows after its parameter sets changed."""

    def __init__(
        self, camera: "Camera", name: str, loop: Loop, changed: Loop | None = None
    ) -> None:
        if changed is not None and (changed.fps, changed.codec) != (loop.fps, loop.codec):
            raise SerambiError(
                Kind.BAD_INPUT, "a changed loop needs the same rate and codec", where=camera.id
            )
        self.camera = camera
        self.name = name
        self.loop = loop
        self.players: set[Player] = set()
        self.frozen = False
        self.next_frame = 0
        self.on_air = False
        self.on_start: Callable[[Stream], None] = lambda stream: None
        self._usual, self._changed = loop, changed
        self._templates: dict[bool, list[Template]] = {}

    @property
    def sei(self) -> bytes:
        """The NAL unit with the camera's canary, that each picture carries."""
        return canary_sei(self.camera.canary, self.loop.codec)

    @property
    def ticks(self) -> int:
        """RTP clock ticks between two pictures."""
        return CLOCK_HZ // self.loop.fps

    def media_s(self) -> float:
        """Seconds of the stream's own time: picture k is taken when it says k / fps."""
        return self.camera.clock.now() - self.camera.phase_s

    def due_in_s(self) -> float:
        """How long until the next picture leaves; below zero when it is late."""
        return (self.next_frame + self.loop.lead) / self.loop.fps - self.media_s()

    def join(self, player: Player) -> None:
        """From the next picture on `player` receives the stream."""
        self.players.add(player)
        if not self.on_air:
            self.on_air = True
            self._rejoin()
            self.on_start(self)

    def _rejoin(self) -> None:
        self.next_frame = math.floor(self.media_s() * self.loop.fps) + 1 - self.loop.lead

    def is_key(self, number: int) -> bool:
        return self.loop.units[number % len(self.loop.units)].key

    def next_key(self) -> int:
        """Number of the next key picture that will go on air."""
        number = self.next_frame
        while not self.is_key(number):
            number += 1
        return number

    def template(self, number: int, *, framed: bool) -> Template:
        """The packets of a picture, canary and numbers still to be filled in."""
        found = self._templates.get(framed)
        if found is None:
            found = templates(self.loop, self.camera.faults.shape, framed=framed)
            self._templates[framed] = found
        return found[number % len(found)]

    def forget_templates(self) -> None:
        """The loop or the shape of its packets is another one now."""
        self._templates.clear()

    def shown(self, number: int) -> int:
        """Number of the picture that unit `number` shows: another one where there are B pictures,
        or where a fault repeats timestamps."""
        every = self.camera.faults.repeat_timestamp_every
        if every and number % every == 0:
            number -= 1
        return number + self.loop.units[number % len(self.loop.units)].shift

    @property
    def can_change(self) -> bool:
        return self._changed is not None

    def advance(self) -> float:
        """Put the next picture on air if it is due. -> seconds until the next one is. After a pause
        of the machine or a new date: join the present."""
        ahead_s = self.due_in_s()
        if abs(ahead_s) > CATCH_UP_MAX_S:
            self._rejoin()
            for player in self.players:
                player.lose_place()
            return self.due_in_s()
        if ahead_s > 0:
            return ahead_s
        self._turn()
        number = self.next_frame
        self.next_frame += 1
        for player in tuple(self.players):
            if self.frozen:
                player.lose_place()
            elif self.camera.faults.frozen:
                player.lose_place()
                player.report_if_due()
            else:
                player.deliver(number)
        return ahead_s + 1 / self.loop.fps

    def _turn(self) -> None:
        wanted = self._changed if self.camera.faults.changed and self._changed else self._usual
        if wanted is not self.loop and wanted.units[self.next_frame % len(wanted.units)].key:
            self.loop = wanted
            self.forget_templates()


@dataclass(slots=True)
class Counts:
    """RTP packets of a camera to all its clients: sent, left out by a fault, and those that a
    slow client or a full socket did not take."""

    sent: int = 0
    left_out: int = 0
    not_taken: int = 0


@dataclass(frozen=True, slots=True)
class Manner:
    """How a camera is set up. `auth`: see `digest.Challenge`; `audio` announces a G.711 track, on
    which nothing is ever said; `phase_s` is how much later than wall time its pictures leave;
    `hostile` names a way to misbehave of `hostile.py`."""

    auth: str = "digest"
    audio: bool = False
    phase_s: float = 0.0
    hostile: str = ""


class Camera:
    """A simulated camera with its login, streams and faults. `loops` by stream name; a name with
    `changed:` before it is what that stream shows under the fault `changed`."""

    def __init__(
        self,
        camera: str,
        user: str,
        password: str,
        canary: bytes,
        loops: dict[str, Loop],
        clock: Clock,
        faults: Faults = NONE,
        manner: Manner | None = None,
    ) -> None:
        self.id = camera
        self.user = user
        self.password = password
        self.canary = check_canary(canary)
        self.clock = DeviceClock(clock)
        self.manner = manner or Manner()
        self.phase_s = self.manner.phase_s
        self.faults = NONE
        self.counts = Counts()
        self.streams = {
            name: Stream(self, name, loop, loops.get(f"changed:{name}"))
            for name, loop in loops.items()
            if ":" not in name
        }
        self.refusing = False
        self.apply(faults)

    def apply(self, faults: Faults) -> None:
        """From now on these faults, in place of the ones before. Raises `SerambiError` for what
        this camera cannot do; nothing has changed then."""
        if faults.changed and not any(stream.can_change for stream in self.streams.values()):
            raise SerambiError(Kind.BAD_INPUT, "no changed loop is configured", where=self.id)
        if faults.drift_ppm != self.faults.drift_ppm:
            self.clock.drift(faults.drift_ppm)
        self.faults = faults
        for stream in self.streams.values():
            stream.forget_templates()

    def freeze(self, frozen: bool = True) -> None:
        """Keep connections, send nothing; `freeze(False)` goes on at the next key picture."""
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
