"""How a stream is doing, in figures and plain words."""

from dataclasses import dataclass
from typing import Literal

from serambi.base.clock import Clock
from serambi.media.access_unit import AccessUnit

_WINDOW_S = 5.0
_MARK_EVERY_S = 0.5

State = Literal["connecting", "live", "down"]


@dataclass(frozen=True, slots=True)
class Health:
    """`since` (unix seconds) is when `state` began; `lag_s` the age of the newest picture beyond
    the usual distance between two; `last_error` stays readable after recovery. `engine` is what
    reads the stream and `engine_reason` why it is not the own reader; `clock_offset_s` is how far
    the camera's clock is ahead of ours, None while it has not said."""

    state: State
    since: float
    fps: float
    bitrate_bps: float
    lag_s: float
    lost_packets: int
    last_error: str
    engine: str
    connections: int
    engine_reason: str = ""
    clock_offset_s: float | None = None


@dataclass(frozen=True, slots=True)
class _Mark:
    """How much had been seen when."""

    at: float
    pictures: int
    size_bytes: int


class HealthMeter:
    """Fed by one thread, read by any: nothing is locked, a reader sees the last whole mark."""

    def __init__(self, clock: Clock, engine: str) -> None:
        self.clock_offset_s: float | None = None
        self._clock = clock
        self._engine = (engine, "")
        self._state: tuple[State, float] = ("connecting", clock.now())
        self._pictures = 0
        self._size_bytes = 0
        self._newest = 0.0
        self._marks: tuple[_Mark, ...] = ()
        self._last_error = ""
        self._lost = 0
        self.connections = 0

    def saw(self, unit: AccessUnit, lost_packets: int) -> None:
        """A picture arrived."""
        now = self._clock.monotonic()
        if self._state[0] != "live":
            self._state = ("live", self._clock.now())
            self.connections += 1
        self._pictures += 1
        self._size_bytes += len(unit.data)
        self._lost = lost_packets
        self._newest = now
        marks = self._marks
        if not marks or now - marks[-1].at >= _MARK_EVERY_S:
            first = 0
            while first < len(marks) - 1 and now - marks[first + 1].at > _WINDOW_S:
                first += 1
            self._marks = (*marks[first:], _Mark(now, self._pictures, self._size_bytes))

    def failed(self, error: str) -> None:
        """The connection failed or ended."""
        if self._state[0] != "down":
            self._state = ("down", self._clock.now())
        self._last_error = error
        self._marks = ()

    def read_by(self, engine: str, reason: str = "") -> None:
        """From now on this engine reads the stream, and why if it is not the usual one."""
        self._engine = (engine, reason)
        self.clock_offset_s = None

    def snapshot(self) -> Health:
        now = self._clock.monotonic()
        marks = self._marks
        pictures, size_bytes, newest = self._pictures, self._size_bytes, self._newest
        recent = next((mark for mark in marks if now - mark.at <= _WINDOW_S), None)
        span = newest - recent.at if recent else 0.0
        fps = bps = 0.0
        if recent and span > 0:
            fps = (pictures - recent.pictures) / span
            bps = (size_bytes - recent.size_bytes) * 8 / span
        age = now - newest if marks else 0.0
        state, since = self._state
        engine, reason = self._engine
        return Health(
            state=state,
            since=since,
            fps=fps,
            bitrate_bps=bps,
            lag_s=max(0.0, age - (1 / fps if fps else 0.0)),
            lost_packets=self._lost,
            last_error=self._last_error,
            engine=engine,
            connections=self.connections,
            engine_reason=reason,
            clock_offset_s=self.clock_offset_s,
        )
