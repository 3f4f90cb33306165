"""Small scenes drawn here for the analysis: a textured yard, people as upright boxes, light."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from serambi.analytics.engine import Engine
from serambi.analytics.events import Event
from serambi.analytics.rules import Rules, parse_rules

Luma = NDArray[np.uint8]
Plane = NDArray[np.float32]
Draw = Callable[[Plane, float], None]
WIDE, HIGH, STEP_S = 320, 180, 0.2


def yard(seed: int = 1) -> Plane:
    """Stones of different brightness and a smooth wall above them."""
    rng = np.random.default_rng(seed)
    stones = np.kron(rng.uniform(80, 170, (9, 16)), np.ones((20, 20)))
    stones[:60] = np.linspace(120, 150, WIDE)[None, :]
    stones[50:60] -= 40
    return stones.astype(np.float32)


def frames(seconds: float, draw: Draw, seed: int = 1) -> Iterator[tuple[float, Luma]]:
    """The yard with what `draw` does to it, and the sensor's noise."""
    rng = np.random.default_rng(seed)
    empty = yard()
    for number in range(round(seconds / STEP_S)):
        frame = empty.copy()
        draw(frame, number * STEP_S)
        noisy = frame + rng.normal(0, 1.5, frame.shape)
        yield number * STEP_S, np.clip(noisy, 0, 255).astype(np.uint8)


def box(frame: Plane, x: float, y: float, wide: int, high: int, level: float) -> None:
    """A thing whose lower middle stands at (x, y), with a lighter upper rim."""
    left, top = round(x - wide / 2), round(y - high)
    x0, x1 = max(0, left), min(WIDE, left + wide)
    if x1 > x0:
        frame[max(0, top) : round(y), x0:x1] = level
        frame[max(0, top) : max(0, top) + max(2, high // 5), x0:x1] = min(250, level * 1.3 + 15)


def person(frame: Plane, t_s: float, x: float, y: float, level: float = 25) -> None:
    """Somebody of 14 x 46 pixels whose legs are never quite still."""
    box(frame, x, y, 14, 46, level)
    box(frame, x + (3 if int(t_s * 5) % 2 else -3), y, 6, 18, level * 0.7)


def walk(frame: Plane, t_s: float, start_s: float, y: float, speed: float = 22) -> float:
    """Somebody who crosses from the left, 22 pixels a second; where he is."""
    x = (t_s - start_s) * speed - 10
    if t_s >= start_s and x < WIDE + 10:
        person(frame, t_s, x, y)
    return x


def analyzed(rules: Rules | bytes, seconds: float, draw: Draw, seed: int = 1) -> list[Event]:
    """Every event of the scene, each once, in the order of their beginnings."""
    engine = Engine(parse_rules(rules) if isinstance(rules, bytes) else rules)
    events: list[Event] = []
    for t_s, luma in frames(seconds, draw, seed):
        events += [e for e in engine.update(luma, t_s) if e not in events]
    events += [e for e in engine.finish() if e not in events]
    return sorted(events, key=lambda e: e.start_s)


def names(events: list[Event]) -> list[str]:
    return [event.rule for event in events]
