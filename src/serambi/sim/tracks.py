"""Scripted movement over the ground: where an actor is in every frame of the loop."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FPS, FRAMES = 20, 480
STRIDE_M = 1.36
#: Slower than this an actor stands.
STANDING_M_S = 0.18
SMOOTHING_FRAMES = 13


@dataclass(frozen=True)
class Track:
    """Way points (second, x, y) of one actor; seconds may run past the loop's end and wrap.

    `facing_deg` is the heading while standing; tracks with the same `paint` share one look.
    """

    kind: str
    points: tuple[tuple[float, float, float], ...]
    facing_deg: float | None = None
    paint: str = ""
    lights: bool = True


@dataclass(frozen=True)
class Step:
    """One actor in one frame."""

    x: float
    y: float
    heading: float
    phase: float  # of the stride, 0..1
    moving: bool


def resolve(track: Track) -> dict[int, list[Step]]:
    """Frame of the loop -> steps; a track longer than the loop is in it several times at once."""
    seconds, xs, ys = (np.array(column, float) for column in zip(*track.points, strict=True))
    frames = np.arange(round(seconds[0] * FPS), round(seconds[-1] * FPS))
    x = _smooth(np.interp(frames / FPS, seconds, xs))
    y = _smooth(np.interp(frames / FPS, seconds, ys))
    dx, dy = np.gradient(x), np.gradient(y)
    speed = np.hypot(dx, dy) * FPS
    headings = _headings(dx, dy, speed, track.facing_deg)
    phase = np.cumsum(speed / FPS) / STRIDE_M % 1.0
    steps: dict[int, list[Step]] = {}
    for i, frame in enumerate(frames):
        step = Step(
            float(x[i]),
            float(y[i]),
            float(headings[i]),
            float(phase[i]),
            bool(speed[i] > STANDING_M_S),
        )
        steps.setdefault(int(frame) % FRAMES, []).append(step)
    return steps


def _smooth(values: NDArray[np.float64]) -> NDArray[np.float64]:
    if len(values) < 2 * SMOOTHING_FRAMES:
        return values
    half = SMOOTHING_FRAMES // 2
    # Edges continue in a straight line, so that an actor neither starts nor ends by braking.
    ramp = np.arange(1, half + 1)
    before = values[0] - (values[1] - values[0]) * ramp[::-1]
    after = values[-1] + (values[-1] - values[-2]) * ramp
    kernel = np.full(SMOOTHING_FRAMES, 1 / SMOOTHING_FRAMES)
    return np.convolve(np.concatenate([before, values, after]), kernel, "valid")


def _headings(
    dx: NDArray[np.float64],
    dy: NDArray[np.float64],
    speed: NDArray[np.float64],
    facing_deg: float | None,
) -> NDArray[np.float64]:
    headings = np.arctan2(dy, dx)
    moving = np.flatnonzero(speed > STANDING_M_S)
    if len(moving) == 0:
        return np.full(len(headings), math.radians(facing_deg or 0.0))
    standing = np.flatnonzero(speed <= STANDING_M_S)
    if facing_deg is not None:
        headings[standing] = math.radians(facing_deg)
    else:
        before = np.searchsorted(moving, standing, "right") - 1
        headings[standing] = headings[moving[np.clip(before, 0, None)]]
    return headings
