"""Scenes with known truth, drawn from a seed: who walks where, what is left, and what only looks
like it. Every scene is judged by every rule.
"""

import itertools
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from benches._spoil import TAMPERINGS
from benches._stage import (
    HIGH,
    WIDE,
    Ground,
    Luma,
    Place,
    Plane,
    Thing,
    Walker,
    Weather,
    a_ground,
    a_thing,
    patch,
)
from benches._truths import CROWD, LEFT_AFTER_S, Truth, walkers_truths

FPS = 5
VISIBLE_LEVELS = 12.0  # what is to be found differs from its ground by at least this, as sent


@dataclass
class Scene:
    """One clip. `frames` yields (time, picture); it can be played once."""

    name: str
    background: Plane
    weather: Weather
    walkers: list[Walker] = field(default_factory=list)
    things: list[tuple[float, float, Thing, float, float]] = field(default_factory=list)
    truths: list[Truth] = field(default_factory=list)
    length_s: float = 45.0
    spoil: Callable[[Luma, float, int], Luma] | None = None

    def frames(self) -> Iterator[tuple[float, Luma]]:
        base = np.ascontiguousarray(self.background)
        for number in range(round(self.length_s * FPS)):
            t_s = number / FPS
            frame = base.copy()
            self.weather.sway(frame, t_s)
            order: list[tuple[float, Callable[[], None]]] = []
            for x, y, thing, begin, end in self.things:
                if begin <= t_s < end:
                    order.append((y, _drawing(thing, frame, x, y)))
            for walker in self.walkers:
                spot = walker.place(t_s)
                if spot is not None:
                    order.append((spot[1], _walking(walker, frame, t_s)))
            for _, draw in sorted(order, key=lambda item: item[0]):
                draw()
            luma = self.weather.sense(self.weather.shine(frame, t_s), number)
            yield t_s, self.spoil(luma, t_s, number) if self.spoil else luma


def _drawing(thing: Thing, frame: Plane, x: float, y: float) -> Callable[[], None]:
    return lambda: thing.draw(frame, x, y)


def _walking(walker: Walker, frame: Plane, t_s: float) -> Callable[[], None]:
    return lambda: walker.draw(frame, t_s)


class Director:
    """Makes scenes of one seed; the same seed makes the same scenes."""

    def __init__(self, seed: int, places: list[Place]) -> None:
        self._rng = random.Random(seed)
        self._places = places

    def scene(self, kind: str) -> Scene:
        """One of KINDS."""
        rng = self._rng
        place = rng.choice(self._places)
        weather = _weather(rng, place.light, calm=kind != "weather")
        scene = Scene(f"{kind}/{place.name}", place.picture, weather)
        stage = _Stage(rng, a_ground(rng), "inside" if place.light == "inside" else "day", scene)
        KINDS[kind](stage)
        crowd = kind == "crowd"
        scene.truths += walkers_truths(scene.walkers, scene.length_s, crowd=crowd)
        return scene


def _weather(rng: random.Random, light: str, *, calm: bool) -> Weather:
    weather = Weather(rng.getrandbits(30), noise=rng.uniform(1.0, 3.5))
    if rng.random() < 0.4:
        weather.jpeg = rng.randrange(45, 80)
    if rng.random() < 0.25:
        weather.pulse = rng.randrange(5, 20)
    if rng.random() < 0.3:
        weather.exposure = True
    if rng.random() < 0.3:
        weather.jitter_px = rng.uniform(0.1, 0.5)
    chance = 0.22 if calm else 0.5
    if light == "day":
        weather.clouds = rng.uniform(0.1, 0.45) if rng.random() < chance else 0.0
        weather.sun = rng.uniform(0.2, 0.45) if rng.random() < chance else 0.0
    if light == "dusk":
        weather.headlights = rng.random() < 1.5 * chance
    if light != "inside":
        weather.trees = rng.random() < chance
        weather.rain = rng.randrange(40, 220) if rng.random() < chance else 0
        weather.fog = rng.uniform(0.1, 0.45) if rng.random() < chance * 0.6 else 0.0
    if rng.random() < chance:
        begin = rng.uniform(3, 20)
        weather.dusk = (begin, begin + rng.uniform(5, 40), rng.uniform(0.55, 0.9))
    return weather


@dataclass
class _Stage:
    rng: random.Random
    ground: Ground
    light: str
    scene: Scene

    @property
    def apart(self) -> float:
        """Gray levels that a thing must differ by, so that enough are left in any weather."""
        return VISIBLE_LEVELS / self.scene.weather.dimmest(float(self.scene.background.mean()))

    def thing(self, x: float, y: float) -> Thing:
        """Something on the ground at (x, y)."""
        return a_thing(
            self.rng, self.ground.scale(y), patch(self.scene.background, x, y), self.apart
        )

    def spot(self) -> tuple[float, float]:
        return self.rng.uniform(0.15, 0.85) * WIDE, self.rng.uniform(0.5, 0.93) * HIGH

    def side(self) -> float:
        return self.rng.choice((-50.0, WIDE + 50.0))

    def walker(self, path: list[tuple[float, float, float]], kind: str = "") -> Walker:
        kind = kind or self.rng.choice(("man", "hijab", "man"))
        walker = Walker(kind, path, self.ground, random.Random(self.rng.getrandbits(32)),
                        self.light, apart=self.apart)  # fmt: skip
        self.scene.walkers.append(walker)
        return walker

    def walk(
        self, start_s: float, points: list[tuple[float, float]], pause_s: float = 0.0, at: int = 1
    ) -> tuple[list[tuple[float, float, float]], float]:
        """Way points with times at walking speed, a pause at point `at`; and when that begins."""
        t_s, path = start_s, [(start_s, *points[0])]
        paused_s = start_s
        for index, (a, b) in enumerate(itertools.pairwise(points), start=1):
            scale = self.ground.scale((a[1] + b[1]) / 2)
            meters = float(np.hypot(b[0] - a[0], 2.2 * (b[1] - a[1]))) / scale
            t_s += meters / self.rng.uniform(1.1, 1.6)
            path.append((t_s, *b))
            if index == at:
                paused_s = t_s
                if pause_s:
                    t_s += pause_s
                    path.append((t_s, *b))
        return path, paused_s


def _left(stage: _Stage) -> None:
    """Somebody brings a thing, puts it down and goes; others pass by."""
    rng, scene = stage.rng, stage.scene
    x, y = stage.spot()
    from_side = stage.side()
    path, put_s = stage.walk(
        rng.uniform(5, 9), [(from_side, y), (x, y), (stage.side(), y)], rng.uniform(0.6, 2.0)
    )
    scale = stage.ground.scale(y)
    put_s += 0.4
    at = (x + 0.38 * scale, y - 1.0)
    thing = stage.thing(*at)
    owner = stage.walker(path)
    owner.carries, owner.until_s = thing, put_s
    scene.things.append((*at, thing, put_s, 1e9))
    scene.length_s = path[-1][0] + LEFT_AFTER_S + 9
    # While the owner is still beside it, it is not left.
    gone_s = next(t for t in np.arange(put_s, 200, 0.2) if _away(owner, float(t), x, scale))
    box = (
        (at[0] - thing.wide / 2) / WIDE, (at[1] - thing.high) / HIGH,
        (at[0] + thing.wide / 2) / WIDE, at[1] / HIGH,
    )  # fmt: skip
    due = put_s + LEFT_AFTER_S
    late = max(due, float(gone_s) + 2) + 6
    scene.truths.append(Truth("left_object", due, due - 1.5, late, box))
    if rng.random() < 0.5:
        far_y = stage.spot()[1]
        stage.walker(stage.walk(put_s + rng.uniform(3, 9), [(-50, far_y), (WIDE + 50, far_y)])[0])


def _away(walker: Walker, t_s: float, x: float, scale: float) -> bool:
    spot = walker.place(t_s)
    return spot is None or abs(spot[0] - x) > 1.2 * scale


def _taken(stage: _Stage) -> None:
    """A thing that always stood there is carried away."""
    rng, scene = stage.rng, stage.scene
    x, y = stage.spot()
    scale = stage.ground.scale(y)
    at = (x + 0.38 * scale, y - 1.0)
    thing = stage.thing(*at)
    path, taken_s = stage.walk(
        rng.uniform(13, 17), [(stage.side(), y), (x, y), (stage.side(), y)], rng.uniform(0.6, 2.0)
    )
    taken_s += 0.4
    thief = stage.walker(path)
    scene.things.append((*at, thing, -1.0, taken_s))
    scene.length_s = path[-1][0] + LEFT_AFTER_S + 9
    gone_s = next(t for t in np.arange(taken_s, 200, 0.2) if _away(thief, float(t), x, scale))
    box = (
        (at[0] - thing.wide / 2) / WIDE, (at[1] - thing.high) / HIGH,
        (at[0] + thing.wide / 2) / WIDE, at[1] / HIGH,
    )  # fmt: skip
    due = taken_s + LEFT_AFTER_S
    scene.truths.append(
        Truth("removed_object", due, due - 1.5, max(due, float(gone_s) + 2) + 6, box)
    )


def _stand(stage: _Stage) -> None:
    """People come, stand still for some time and go: nothing is left."""
    rng = stage.rng
    for begin in (rng.uniform(4, 8), rng.uniform(9, 14))[: rng.choice((1, 2))]:
        x, y = stage.spot()
        pause = rng.choice((rng.uniform(3, 9), rng.uniform(24, 34)))
        path, _ = stage.walk(begin, [(stage.side(), y), (x, y), (stage.side(), y)], pause)
        stage.walker(path).sway = rng.random() < 0.7
        stage.scene.length_s = max(stage.scene.length_s, path[-1][0] + 6)


def _walk(stage: _Stage) -> None:
    """People walk through; some turn back before the line or the zone."""
    rng = stage.rng
    t_s = rng.uniform(4, 7)
    for _ in range(rng.choice((2, 3))):
        y = stage.spot()[1]
        if rng.random() < 0.6:
            ends = [(-50.0, y), (WIDE + 50.0, y)]
            points = ends if rng.random() < 0.5 else ends[::-1]
        else:
            left = rng.random() < 0.5
            start = -50.0 if left else WIDE + 50.0
            turn = rng.uniform(0.12, 0.3) * WIDE if left else rng.uniform(0.47, 0.53) * WIDE
            points = [(start, y), (turn, y), (start, y)]
        path, _ = stage.walk(t_s, points)
        stage.walker(path)
        t_s = path[-1][0] + rng.uniform(3, 6)
    stage.scene.length_s = t_s + 3


def _crowd(stage: _Stage) -> None:
    """Several gather for a while: enough of them, or too few."""
    rng, scene = stage.rng, stage.scene
    many = rng.random() < 0.65
    number = rng.randrange(7, 11) if many else rng.randrange(2, 4)
    x, y = rng.uniform(0.35, 0.65) * WIDE, rng.uniform(0.6, 0.85) * HIGH
    scale = stage.ground.scale(y)
    arrived, leaving = [], []
    for index in range(number):
        spread = 1.1 * number / 2 * scale
        at = (x + (index / max(1, number - 1) - 0.5) * 2 * spread * 0.8, y + rng.uniform(-14, 14))
        path, here_s = stage.walk(
            rng.uniform(4, 9), [(stage.side(), at[1]), at, (stage.side(), at[1])],
            rng.uniform(14, 18),
        )  # fmt: skip
        stage.walker(path)
        arrived.append(here_s)
        leaving.append(path[2][0])
        scene.length_s = max(scene.length_s, path[-1][0] + 4)
    if many:
        enough = sorted(arrived)[CROWD - 1]
        first_in = min(w.path[0][0] for w in scene.walkers)
        scene.truths.append(Truth("crowd", enough + 5, first_in + 5, max(leaving)))


def _empty(stage: _Stage) -> None:
    """Nobody; only weather."""
    stage.scene.length_s = 60.0


def _ghosts(stage: _Stage) -> None:
    """Somebody or a car is there from the start, and goes."""
    rng = stage.rng
    x, y = stage.spot()
    kind = rng.choice(("man", "car")) if stage.light == "day" else "man"
    path, _ = stage.walk(-1.0, [(x, y), (x, y), (stage.side(), y)], rng.uniform(6, 14))
    stage.walker(path, kind)
    stage.scene.length_s = path[-1][0] + 16


def _parking(stage: _Stage) -> None:
    """A car comes and stays; it is no left object."""
    rng = stage.rng
    x, y = stage.spot()
    path, _ = stage.walk(rng.uniform(4, 8), [(stage.side(), y), (x, y), (x, y)], 40.0)
    stage.walker(path, "car" if stage.light == "day" else "man")
    stage.scene.length_s = path[1][0] + 25


def _sitting(stage: _Stage) -> None:
    """Somebody comes, sits down for long and hardly stirs; some get up again."""
    rng = stage.rng
    x, y = stage.spot()
    stays = rng.uniform(22, 32)
    path, down_s = stage.walk(
        rng.uniform(4, 8), [(stage.side(), y), (x, y), (stage.side(), y)], stays
    )
    walker = stage.walker(path)
    walker.sits_s = (down_s + 0.5, down_s + stays - 1.5)
    stage.scene.length_s = path[-1][0] + 6 if rng.random() < 0.5 else down_s + stays - 2


def _tamper(stage: _Stage) -> None:
    """Somebody lays hands on the camera."""
    rng, scene = stage.rng, stage.scene
    begin = rng.uniform(12, 18)
    kind = rng.choice(list(TAMPERINGS))
    spoil = TAMPERINGS[kind](rng)
    scene.name += f"/{kind}"
    scene.length_s = begin + 16
    scene.spoil = lambda luma, t_s, number: spoil(luma, number) if t_s >= begin else luma
    scene.truths.append(Truth("tamper", begin, begin, begin + 13))
    scene.truths.append(Truth("motion", begin, begin, scene.length_s, may=True))


KINDS: dict[str, Callable[[_Stage], None]] = {
    "left": _left,
    "taken": _taken,
    "stand": _stand,
    "walk": _walk,
    "crowd": _crowd,
    "weather": _empty,
    "ghosts": _ghosts,
    "parking": _parking,
    "sitting": _sitting,
    "tamper": _tamper,
}
