"""How a stream is doing, in figures and plain words."""

import threading
from collections import deque
from dataclasses import dataclass
from typing import Literal

from serambi.base.clock import Clock
from serambi.media.access_unit import AccessUnit

_WINDOW_S = 5.0
_SAMPLES_MAX = 1000

State = Literal["connecting", "live", "down"]


@dataclass(frozen=True, slots=True)
class Health:
    """`since` (unix seconds) is when `state` began; `lag_s` the age of the newest picture beyond
    the usual distance between two; `last_error` stays readable after recovery."""

    state: State
    since: float
    fps: float
    bitrate_bps: float
    lag_s: float
    lost_packets: int
    last_error: str
    engine: str
    connections: int


class HealthMeter:
    """Fed by the reader's thread, read by anyone."""

    def __init__(self, clock: Clock, engine: str) -> None:
        self._clock = clock
        self._engine = engine
        self._lock = threading.Lock()
        self._state: State = "connecting"
        self._since = clock.now()
        self._seen: deque[tuple[float, int]] = deque(maxlen=_SAMPLES_MAX)
        self._last_error = ""
        self._lost = 0
        self._connections = 0

    def saw(self, unit: AccessUnit, lost_packets: int) -> None:
        """A picture arrived."""
        with self._lock:
            if self._state != "live":
                self._state, self._since = "live", self._clock.now()
                self._connections += 1
            self._lost = lost_packets
            self._seen.append((self._clock.monotonic(), len(unit.data)))

    def failed(self, error: str) -> None:
        """The connection failed or ended."""
        with self._lock:
            if self._state != "down":
                self._state, self._since = "down", self._clock.now()
            self._last_error = error
            self._seen.clear()

    def snapshot(self) -> Health:
        now = self._clock.monotonic()
        with self._lock:
            recent = [(at, size) for at, size in self._seen if now - at <= _WINDOW_S]
            span = now - recent[0][0] if recent else 0.0
            fps = (len(recent) - 1) / span if len(recent) > 1 and span > 0 else 0.0
            bits = sum(size for _, size in recent[1:]) * 8
            age = now - self._seen[-1][0] if self._seen else 0.0
            return Health(
                state=self._state,
                since=self._since,
                fps=fps,
                bitrate_bps=bits / span if span > 0 else 0.0,
                lag_s=max(0.0, age - (1 / fps if fps else 0.0)),
                lost_packets=self._lost,
                last_error=self._last_error,
                engine=self._engine,
                connections=self._connections,
            )
