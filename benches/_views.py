"""The view check against light that changes and views that were changed."""

import random
import time
from dataclasses import dataclass, field

import cv2
import numpy as np

from benches._spoil import pan, roll, zoom
from benches._stage import HIGH, WIDE, Ground, Luma, Place, Plane, Walker, Weather
from serambi.analytics.view import ReferenceViews, Sight

LIGHTS = ("same", "dusk", "night", "glare", "rain", "crowd", "contrast")
CHANGES = ("pan", "zoom", "roll", "swap")


@dataclass
class Checks:
    """What came out."""

    checks: int = 0
    false: int = 0
    undecidable: int = 0
    positives: int = 0
    caught: int = 0
    missed: list[str] = field(default_factory=list)
    delays_s: list[float] = field(default_factory=list)
    seconds: float = 0.0


def view_checks(seed: int, places: list[Place], checks: int) -> Checks:
    """`checks` comparisons under changed light, and a fifth as many of changed views. A changed
    view counts as caught when sharing would stop: the answer is not `match`."""
    rng = random.Random(seed)
    result = Checks()
    references = [ReferenceViews([_sensed(place.picture, rng)]) for place in places]
    for number in range(checks):
        index = number % len(places)
        luma = _sensed(_light(places[index].picture, rng.choice(LIGHTS), rng), rng)
        began = time.process_time()
        sight = references[index].check(luma).sight
        result.seconds += time.process_time() - began
        result.checks += 1
        result.false += sight is Sight.CHANGED
        result.undecidable += sight is Sight.UNDECIDABLE
        if number % 5 == 0:
            change = rng.choice(CHANGES)
            changed = _sensed(_changed(change, index, places, rng), rng)
            seen = references[index].check(changed)
            result.positives += 1
            result.caught += seen.sight is not Sight.MATCH
            if seen.sight is Sight.MATCH:
                result.missed.append(f"{places[index].name} {change}")
    return result


def _changed(change: str, index: int, places: list[Place], rng: random.Random) -> Plane:
    picture = _light(places[index].picture, rng.choice(("same", "dusk", "contrast")), rng)
    if change == "swap":
        other = rng.choice([p for i, p in enumerate(places) if i != index])
        return other.picture
    spoil = {"pan": pan(rng, 0.05), "zoom": zoom(rng, 1.1), "roll": roll(rng, 3)}[change]
    return np.asarray(spoil(np.clip(picture, 0, 255).astype(np.uint8), 0), np.float32)


def _light(picture: Plane, kind: str, rng: random.Random) -> Plane:
    frame = picture.copy()
    if kind == "dusk":
        frame *= rng.uniform(0.3, 0.8)
    elif kind == "night":
        frame *= rng.uniform(0.1, 0.25)
    elif kind == "contrast":
        frame = np.asarray(255 * (frame / 255) ** rng.uniform(0.6, 1.6), np.float32)
    elif kind == "glare":
        x, y, reach = rng.uniform(0, WIDE), rng.uniform(0, HIGH), rng.uniform(60, 160)
        ys, xs = np.mgrid[0:HIGH, 0:WIDE].astype(np.float32)
        far = (xs - x) ** 2 + (ys - y) ** 2
        frame += rng.uniform(120, 250) * np.exp(-far / (2 * reach**2)).astype(np.float32)
    elif kind == "rain":
        weather = Weather(rng.getrandbits(20), rain=rng.randrange(80, 300), fog=rng.uniform(0, 0.4))
        frame = weather.shine(frame, 1.0)
    elif kind == "crowd":
        ground = Ground(HIGH * 0.35, 20, 60)
        for _ in range(rng.randrange(8, 30)):
            x, y = rng.uniform(20, WIDE - 20), rng.uniform(0.5, 1) * HIGH
            path = [(0.0, x, y), (5.0, x, y)]
            who = rng.choice(("man", "hijab"))
            Walker(who, path, ground, random.Random(rng.getrandbits(30))).draw(frame, 1.0)
    return frame


def _sensed(picture: Plane, rng: random.Random) -> Luma:
    noise = np.random.default_rng(rng.getrandbits(30)).normal(0, 2.2, picture.shape)
    luma = np.clip(picture + noise, 0, 255).astype(np.uint8)
    _, coded = cv2.imencode(".jpg", luma, [cv2.IMWRITE_JPEG_QUALITY, rng.randrange(45, 90)])
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE), np.uint8)
