"""How a scene's happenings are written down: tracks of actors, lamps, a parcel. What happens in
which scene stands in `scripts.py` and `scripts_inside.py`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from serambi.sim.tracks import Track

Color = tuple[float, float, float]


@dataclass(frozen=True)
class Lamp:
    """A light laid over the picture (BGR, 0..255 per full stroke scaled to 0..1)."""

    at: tuple[float, float, float]
    color: Color
    radius_m: float
    on: tuple[tuple[float, float], ...] = ((0.0, 24.0),)
    flicker: float = 0.0

    def level(self, t: float) -> float:
        """Brightness at second `t` of the loop."""
        if not any(start <= t < end for start, end in self.on):
            return 0.0
        turn = 2 * math.pi * t / 24
        wave = math.sin(turn * 61) * math.sin(turn * 23) + 0.6 * math.sin(turn * 97)
        return 1.0 - self.flicker * max(0.0, wave)


@dataclass(frozen=True)
class Script:
    tracks: tuple[Track, ...]
    lamps: tuple[Lamp, ...] = ()
    parcel: tuple[float, float] | None = None  # seconds during which the parcel lies there
    shadow: tuple[float, float] | None = None  # the sun's shadow over the ground, m per m


def drive(kind: str, *points: tuple[float, float, float], lights: bool = True) -> Track:
    return Track(kind, points, lights=lights)


def walk(
    kind: str, *points: tuple[float, float, float], facing: float | None = None, paint: str = ""
) -> Track:
    return Track(kind, points, facing, paint)
