"""Time as an argument. Nothing else in the project reads the machine's clock directly."""

import time
from typing import Protocol


class Clock(Protocol):
    """Two readings: the date, which may be stepped, and a count that never runs back."""

    def now(self) -> float:
        """Unix time in seconds, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds since an arbitrary start; for durations and timeouts."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()


class ManualClock:
    """A clock that stands still until told to move: for tests and simulation."""

    def __init__(self, now: float) -> None:
        self._now = now
        self._monotonic = 0.0

    def now(self) -> float:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, duration_s: float) -> None:
        """Let time pass: both readings move."""
        self._now += duration_s
        self._monotonic += duration_s

    def step(self, now: float) -> None:
        """Set the date, as a broken clock or an administrator would: only the date moves."""
        self._now = now


def unix_ms(now: float) -> int:
    """Unix seconds -> whole milliseconds, the unit of every machine message."""
    return int(now * 1000)
