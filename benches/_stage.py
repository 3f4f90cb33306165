"""A stage for evaluating the analysis: backgrounds, people, things, weather, a camera.

Brightness only, 640x360, drawn anew for every seed. The picture is built in the order in which
light builds it: place, things and people, light on the scene, rain, lens, exposure, sensor noise,
compression.
"""

import functools
import json
import math
import random
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from serambi.media.pyav import luma_of_file
from serambi.sim.scene import scene_names
from serambi.sim.sprites import Actor, View, asset, picture, sheet
from serambi.sim.wardrobe import tint_for

Plane = NDArray[np.float32]
Luma = NDArray[np.uint8]
WIDE, HIGH = 640, 360


@dataclass(frozen=True)
class Place:
    """An empty scene; `light` is day, dusk or inside."""

    name: str
    light: str
    picture: Plane


def places(videos: Path | None) -> list[Place]:
    """Every rendered place, and the empty first seconds of every real clip that is present."""
    found = []
    for name in scene_names():
        light = str(json.loads(asset(f"{name}.json"))["light"])
        gray = cv2.cvtColor(picture(f"{name}.webp"), cv2.COLOR_BGR2GRAY)
        small = cv2.resize(gray, (WIDE, HIGH), interpolation=cv2.INTER_AREA)
        found.append(Place(name, light, np.asarray(small, np.float32)))
    for path in sorted(videos.glob("*.mp4")) if videos else ():
        frames = [luma for t, luma in luma_of_file(str(path), 0.4) if t < 4]
        middle = np.median(np.stack(frames), axis=0).astype(np.float32)
        light = "inside" if "person" in path.stem else "day"
        small = cv2.resize(middle, (WIDE, HIGH), interpolation=cv2.INTER_AREA)
        found.append(Place(path.stem, light, np.asarray(small, np.float32)))
    return found


@dataclass(frozen=True)
class Ground:
    """How large one meter is at each height of the picture."""

    top: float  # height where people are smallest, pixels
    far: float  # pixels a meter there
    near: float  # and at the lower side

    def scale(self, y: float) -> float:
        share = (y - self.top) / (HIGH - self.top)
        return self.far + (self.near - self.far) * max(0.0, min(1.2, share))


def a_ground(rng: random.Random) -> Ground:
    far = rng.uniform(17, 24)
    return Ground(rng.uniform(0.32, 0.42) * HIGH, far, far * rng.uniform(2.2, 3.4))


def _gray(view: View) -> tuple[Plane, Plane]:
    pixels = view.pixels.astype(np.float32)
    gray = pixels[..., 0] * 0.114 + pixels[..., 1] * 0.587 + pixels[..., 2] * 0.299
    return np.asarray(gray, np.float32), np.asarray(pixels[..., 3] / 255, np.float32)


@dataclass
class Walker:
    """A person or a vehicle on a path of (second, x, y); stands where two points are one."""

    kind: str
    path: list[tuple[float, float, float]]
    ground: Ground
    rng: random.Random
    light: str = "day"
    sway: bool = True
    carries: "Thing | None" = None
    until_s: float = 1e9  # when it puts down what it carries
    apart: float = 12.0  # gray levels between it and the ground where it is seen first
    sits_s: tuple[float, float] = (1e9, 1e9)  # it sits from, until
    _actor: Actor | None = None
    _phase: float = 0.0
    _last: tuple[float, float] | None = None
    _angle: float = 0.0
    _wander: float = 0.0
    _bright: float = 0.0  # what makes it visible on its ground; 0: not known yet
    _looks: dict[int, tuple[Plane, Plane]] = field(default_factory=dict)  # of views, by id

    def __post_init__(self) -> None:
        kind = self.kind if self.kind in ("man", "hijab", "car", "bike") else "man"
        self._actor = Actor(sheet(f"{kind}_{self.light}"), tint_for(kind, self.rng))

    def place(self, t_s: float) -> tuple[float, float] | None:
        """Its foot in pixels; None while it is not in the scene."""
        if not self.path[0][0] <= t_s <= self.path[-1][0]:
            return None
        times, xs, ys = zip(*self.path, strict=True)
        return float(np.interp(t_s, times, xs)), float(np.interp(t_s, times, ys))

    def _tall(self, t_s: float) -> float:
        """How much of its height is left; it sits down within a second."""
        down, up = self.sits_s
        return 1 - 0.34 * min(1.0, max(0.0, t_s - down)) * min(1.0, max(0.0, up + 1 - t_s))

    def box(self, t_s: float) -> tuple[float, float, float, float] | None:
        spot = self.place(t_s)
        if spot is None:
            return None
        scale = self.ground.scale(spot[1])
        tall, half = (1.72, 0.35) if self.kind in ("man", "hijab") else (1.5, 2.0)
        return spot[0] - half * scale, spot[1] - tall * scale, spot[0] + half * scale, spot[1]

    def draw(self, frame: Plane, t_s: float) -> None:
        spot = self.place(t_s)
        if spot is None or self._actor is None:
            return
        x, y = spot
        scale = self.ground.scale(y)
        moved = math.dist(spot, self._last) if self._last else 0.0
        standing = moved < 0.02 * scale
        if self._last and not standing:
            self._angle = math.atan2(-(y - self._last[1]) * 2.5, x - self._last[0]) + math.pi / 2
        self._last = spot
        self._phase += moved / scale / 1.36
        if standing and self.sway:  # who stands shifts his weight
            self._wander += -0.25 * self._wander + self.rng.gauss(0, 0.012)
            x += self._wander * scale
            if self.rng.random() < 0.06:
                self._angle += self.rng.choice((-0.3, 0.3))
        _shade(frame, x, y, scale)
        view = self._actor.view(self._angle, 0.3, None if standing else self._phase % 1, scale)
        if id(view) not in self._looks:  # the actor keeps its views
            self._looks[id(view)] = _gray(view)
        gray, alpha = self._looks[id(view)]
        if not self._bright:
            self._bright = _visible_gain(frame, gray, alpha, (x, y - 0.8 * scale), self.apart)
        _lay(frame, view, (gray * self._bright, alpha), (x, y), scale, self._tall(t_s))
        if self.carries and t_s < self.until_s:
            self.carries.draw(frame, x + 0.38 * scale, y - 0.35 * scale)


@dataclass
class Thing:
    """A bag, box or bundle of its own brightness; drawn with its lower middle at a place."""

    wide: int
    high: int
    face: Plane
    alpha: Plane

    def draw(self, frame: Plane, x: float, y: float) -> None:
        left, top = round(x - self.wide / 2), round(y - self.high)
        x0, y0 = max(0, left), max(0, top)
        x1, y1 = min(WIDE, left + self.wide), min(HIGH, top + self.high)
        if x1 <= x0 or y1 <= y0:
            return
        part = (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
        alpha = self.alpha[part]
        ground = frame[y0:y1, x0:x1]
        frame[y0:y1, x0:x1] = ground * (1 - alpha) + self.face[part] * alpha


def patch(picture: Plane, x: float, y: float) -> Plane:
    """The ground where a small thing stands at (x, y)."""
    left, low = int(min(max(x, 8), WIDE - 9)), int(min(max(y, 12), HIGH))
    return picture[low - 12 : low, left - 8 : left + 8]


def a_thing(rng: random.Random, scale: float, ground: Plane, apart: float) -> Thing:
    """Something one can carry, 0.35 to 0.8 m and at least 13 pixels, that differs from most of
    the `ground` by `apart` gray levels at least, where that is possible."""
    wide = max(13, round(rng.uniform(0.38, 0.8) * scale))
    high = max(13, round(rng.uniform(0.35, 0.75) * scale))
    draws = [rng.uniform(15, 235) for _ in range(40)]
    seen = [float(np.percentile(np.abs(ground - level), 30)) for level in draws]
    # The first that is visible, not the one that is best visible.
    level = next((d for d, s in zip(draws, seen, strict=True) if s >= apart),
                 draws[int(np.argmax(seen))])  # fmt: skip
    face = np.full((high, wide), level, np.float32)
    face[: max(2, high // 4)] *= rng.uniform(1.05, 1.25)
    face[:, : max(1, wide // 5)] *= rng.uniform(0.75, 0.95)
    if rng.random() < 0.5:
        at = rng.randrange(2, max(3, wide - 3))
        face[:, at : at + 2] *= 0.7
    face += np.random.default_rng(rng.getrandbits(32)).normal(0, 3, face.shape).astype(np.float32)
    alpha = np.zeros((high, wide), np.uint8)
    if rng.random() < 0.5:
        cv2.rectangle(alpha, (0, 1), (wide - 1, high - 1), 255, -1)
    else:
        cv2.ellipse(alpha, (wide // 2, high // 2), (wide // 2, high // 2), 0.0, 0.0, 360.0, 255, -1)
        alpha[high // 2 :, 1:-1] = 255
    soft = cv2.GaussianBlur(alpha, (3, 3), 0).astype(np.float32) / 255
    return Thing(wide, high, np.clip(face, 4, 250), np.asarray(soft, np.float32))


def _shade(frame: Plane, x: float, y: float, scale: float) -> None:
    half, flat = max(3, round(0.4 * scale)), max(2, round(0.13 * scale))
    left, top = round(x) - half, round(y) - flat
    x0, y0, x1, y1 = (
        max(0, left),
        max(0, top),
        min(WIDE, left + 2 * half),
        min(HIGH, top + 2 * flat),
    )
    if x1 <= x0 or y1 <= y0:
        return
    blob = _blob(2 * half, 2 * flat)[y0 - top : y1 - top, x0 - left : x1 - left]
    frame[y0:y1, x0:x1] *= 1 - 0.45 * blob


@functools.lru_cache(maxsize=512)
def _blob(wide: int, high: int) -> Plane:
    xs = np.linspace(-1, 1, wide, dtype=np.float32)[None, :]
    ys = np.linspace(-1, 1, high, dtype=np.float32)[:, None]
    return np.asarray(np.clip(1 - (xs * xs + ys * ys), 0, 1), np.float32)


def _visible_gain(
    frame: Plane, gray: Plane, alpha: Plane, at: tuple[float, float], apart: float
) -> float:
    """Nobody can see a gray coat on a gray wall, and no figure should count that."""
    x, y = at
    if not (12 <= x < WIDE - 12 and 12 <= y < HIGH - 12):
        return 0.0
    ground = float(np.median(frame[int(y) - 12 : int(y) + 12, int(x) - 12 : int(x) + 12]))
    own = float(gray[alpha > 0.9].mean()) if (alpha > 0.9).any() else 100.0
    if abs(own - ground) >= apart:
        return 1.0
    darker = (ground - apart) / max(own, 1.0)
    brighter = (ground + apart) / max(own, 1.0)
    return darker if own < ground and ground > 2 * apart else brighter


def _lay(
    frame: Plane, view: View, look: tuple[Plane, Plane], at: tuple[float, float], scale: float,
    tall: float,
) -> None:  # fmt: skip
    gray, alpha = look
    zoom = scale / view.scale
    zoom_y = zoom * tall
    left, top = at[0] - view.origin[0] * zoom, at[1] - view.origin[1] * zoom_y
    high, wide = gray.shape
    x0, y0 = max(0, math.floor(left)), max(0, math.floor(top))
    x1 = min(WIDE, math.ceil(left + wide * zoom) + 1)
    y1 = min(HIGH, math.ceil(top + high * zoom_y) + 1)
    if x1 - x0 < 2 or y1 - y0 < 2:
        return
    matrix = np.array([[zoom, 0, left - x0], [0, zoom_y, top - y0]], np.float32)
    size = (x1 - x0, y1 - y0)
    ground = frame[y0:y1, x0:x1]
    cover = cv2.warpAffine(alpha, matrix, size)
    frame[y0:y1, x0:x1] = ground * (1 - cover) + cv2.warpAffine(gray, matrix, size)


@dataclass
class Weather:
    """What changes the picture without anything happening. All off by default."""

    seed: int
    noise: float = 2.0  # standard deviation, gray levels
    jpeg: int = 0  # quality; 0: none
    pulse: int = 0  # every so many pictures a coarse one, as a key frame is
    dusk: tuple[float, float, float] | None = None  # from, until (s), last brightness
    clouds: float = 0.0  # depth of cloud shadows, 0..1
    sun: float = 0.0  # depth of a hard shadow that comes and goes with the clouds
    trees: bool = False
    rain: int = 0  # streaks in a picture
    fog: float = 0.0
    headlights: bool = False
    jitter_px: float = 0.0
    exposure: bool = False  # automatic: follows the mean of the picture
    _gain: float = 1.0
    _rng: np.random.Generator = field(default_factory=np.random.default_rng)

    def __post_init__(self) -> None:
        self._rng = np.random.default_rng(self.seed)
        make = self._rng
        self._grain = make.normal(0, 1, (HIGH + 64, WIDE + 64)).astype(np.float32)
        # A cloud's shadow is as large as a square, and its border some meters wide.
        coarse = make.normal(0, 1, (3, 13)).astype(np.float32)
        self._sky = np.asarray(cv2.resize(coarse, (WIDE * 4, HIGH), interpolation=cv2.INTER_CUBIC))
        self._wind = float(make.uniform(9, 60))  # pixels a second
        corners = make.uniform(0, 1, (4, 2)) * (WIDE, HIGH)
        hull = cv2.convexHull(corners.astype(np.float32)).astype(np.int32)
        mask = np.zeros((HIGH, WIDE), np.uint8)
        cv2.fillConvexPoly(mask, hull, 255)
        self._cast = cv2.GaussianBlur(mask, (0, 0), 3.5).astype(np.float32) / 255
        self._crowns = [
            (int(make.uniform(0, WIDE - 120)), int(make.uniform(0, HIGH * 0.4)),
             int(make.uniform(60, 110)), int(make.uniform(50, 90)), float(make.uniform(0, 6)))
            for _ in range(3)
        ]  # fmt: skip
        self._beams = [
            (float(make.uniform(2, 60)), float(make.uniform(0.5, 0.9) * HIGH),
             float(make.choice((-1, 1)) * make.uniform(120, 260)))
            for _ in range(5)
        ]  # fmt: skip

    def dimmest(self, brightness: float) -> float:
        """The share of a difference in a scene of this mean brightness that is left when the
        light is worst."""
        share = (1 - 0.8 * self.clouds) * (1 - self.sun) * (1 - self.fog)
        share *= min(1.0, self.dusk[2]) if self.dusk else 1.0
        if self.exposure:
            share *= min(1.0, max(0.5, 112 / max(1.0, brightness)))
        return share

    def sway(self, frame: Plane, t_s: float) -> None:
        """Leaves move before anybody walks in front of them."""
        if not self.trees:
            return
        for x, y, wide, high, phase in self._crowns:
            gust = 1.2 + 1.4 * math.sin(0.35 * t_s + phase)
            ys, xs = np.mgrid[0:high, 0:wide].astype(np.float32)
            xs += gust * np.sin(2.1 * t_s + phase + ys * 0.09 + xs * 0.05)
            ys += 0.6 * gust * np.sin(2.9 * t_s + phase + xs * 0.11)
            patch = frame[y : y + high, x : x + wide].copy()
            moved = cv2.remap(patch, xs, ys, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
            frame[y : y + high, x : x + wide] = moved

    def shine(self, frame: Plane, t_s: float) -> Plane:
        """Light, rain, lens, exposure and sensor on a drawn scene."""
        if self.clouds:
            at = int(t_s * self._wind) % (WIDE * 3)
            frame *= 1 - self.clouds * np.clip(self._sky[:, at : at + WIDE] * 0.5 + 0.3, 0, 1)
        if self.sun:
            strength = 0.5 + 0.5 * math.tanh(4 * math.sin(t_s / 7.3 + self.seed))
            frame *= 1 - self.sun * strength * self._cast
        if self.dusk:
            begin, end, last = self.dusk
            share = min(1.0, max(0.0, (t_s - begin) / (end - begin)))
            frame *= 1 + (last - 1) * share
        if self.headlights:
            self._beam(frame, t_s)
        if self.fog:
            frame[:] = frame * (1 - self.fog) + 175 * self.fog
        if self.rain:
            self._streaks(frame)
        if self.exposure:
            self._gain += 0.15 * (float(np.clip(112 / max(frame.mean(), 1), 0.5, 2)) - self._gain)
            frame *= self._gain
        return frame

    def sense(self, frame: Plane, number: int) -> Luma:
        """What the camera sends."""
        if self.jitter_px:
            dx, dy = self._rng.normal(0, self.jitter_px, 2)
            matrix = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
            frame = np.asarray(
                cv2.warpAffine(frame, matrix, (WIDE, HIGH), borderMode=cv2.BORDER_REPLICATE)
            )
        x, y = self._rng.integers(0, 64, 2)
        noisy = frame + self.noise * self._grain[y : y + HIGH, x : x + WIDE]
        luma = np.clip(noisy, 0, 255).astype(np.uint8)
        quality = self.jpeg
        if self.pulse and number % self.pulse == 0:
            quality = 22
        if quality:
            _, coded = cv2.imencode(".jpg", luma, [cv2.IMWRITE_JPEG_QUALITY, quality])
            luma = np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE), np.uint8)
        return luma

    def _beam(self, frame: Plane, t_s: float) -> None:
        for start, y, speed in self._beams:
            x = (t_s - start) * abs(speed)
            x = x if speed > 0 else WIDE - x
            if not -150 < x < WIDE + 150:
                continue
            left, top, wide, high = round(x - 110), round(y - 35), 220, 70
            x0, y0 = max(0, left), max(0, top)
            x1, y1 = min(WIDE, left + wide), min(HIGH, top + high)
            if x1 > x0 and y1 > y0:
                pool = _blob(wide, high)[y0 - top : y1 - top, x0 - left : x1 - left]
                frame[y0:y1, x0:x1] *= 1 + 0.9 * pool * pool

    def _streaks(self, frame: Plane) -> None:
        for x, y, long in zip(
            self._rng.integers(0, WIDE, self.rain),
            self._rng.integers(0, HIGH, self.rain),
            self._rng.integers(8, 26, self.rain),
            strict=True,
        ):
            end = (int(x) + int(long) // 6, int(y) + int(long))
            cv2.line(frame, (int(x), int(y)), end, float(self._rng.uniform(150, 215)), 1)
