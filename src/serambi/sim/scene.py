"""The demo town's scenes: a rendered background on which scripted actors move.

A scene is a 24 s loop that closes seamlessly. The same name, seed and frame number always
give the same picture. Nothing here writes text: clocks and counters are laid over later.
"""

from __future__ import annotations

import functools
import json
import math
import random
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from serambi.sim import paintbox, scripts
from serambi.sim.projection import HEIGHT, WIDTH, Projection, Spot
from serambi.sim.sprites import Actor, Tint, View, asset, exists, picture, sheet
from serambi.sim.tracks import FPS, FRAMES, Step, Track, resolve
from serambi.sim.wardrobe import tint_for

Image = NDArray[np.uint8]

#: Coding of the occluder depth, as written by scenes/finish.py.
NEAR_M, FAR_M = 1.0, 160.0
#: An occluder must be this much nearer than the actor's middle to hide it.
MARGIN_M = 0.35
NOISE_ROOM = 64
VEHICLES = {"car": (2.35, 1.15), "bike": (1.0, 0.34), "truck": (4.2, 1.45), "forklift": (1.4, 0.8)}
HEADLIGHTS = {"car": (2.15, 0.6, 0.76), "bike": (0.55, 0.0, 0.92), "truck": (3.8, 0.85, 0.95)}


def scene_names() -> tuple[str, ...]:
    """Every scene's name, in the order of the cameras' numbers."""
    return tuple(scripts.SCRIPTS)


def open_scene(name: str, seed: int) -> Scene:
    """Load a scene; `seed` varies clothes, paints and noise. ValueError for an unknown name."""
    if name not in scripts.SCRIPTS:
        raise ValueError(f"no scene {name!r}; choose one of: {', '.join(scripts.SCRIPTS)}")
    return Scene(name, seed)


@dataclass(frozen=True)
class _Player:
    actor: Actor
    track: Track
    steps: dict[int, list[Step]]


class Scene:
    """One camera's loop; see `render`."""

    width, height, fps, frames = WIDTH, HEIGHT, FPS, FRAMES

    def __init__(self, name: str, seed: int) -> None:
        self.name = name
        facts = json.loads(asset(f"{name}.json"))
        self.script = scripts.SCRIPTS[name]
        self._light: str = facts["light"]
        self._mono: bool = facts["mono"]
        self.camera = Projection(
            facts["matrix"][0][0],
            np.array(facts["rotation"]),
            np.array(facts["translation"]),
            facts["lens_k"],
        )
        self._empty = _Plate(
            picture(f"{name}.webp"), picture(f"{name}_depth.png", cv2.IMREAD_GRAYSCALE)
        )
        self.parcel: range | None = None
        self._with_parcel = self._empty
        if self.script.parcel is not None:
            self.parcel = range(*(round(t * FPS) for t in self.script.parcel))
            self._with_parcel = self._empty.patched(name)
        rng = random.Random(f"{name}/{seed}")
        self._players = self._cast(rng)
        self._noise, self._shifts = _noise(rng.getrandbits(32), self._mono)
        self._local = _local_light(self._empty.color)
        self._lamp_spots = [self.camera.spot(*lamp.at) for lamp in self.script.lamps]

    def _cast(self, rng: random.Random) -> list[_Player]:
        tints: dict[str, Tint] = {}
        players = []
        for index, track in enumerate(self.script.tracks):
            look = track.paint or f"{index}"
            if look not in tints:
                tints[look] = tint_for(track.kind, rng)
            actor = Actor(sheet(self._sheet_name(track.kind)), tints[look], self._mono)
            players.append(_Player(actor, track, resolve(track)))
        return players

    def _sheet_name(self, kind: str) -> str:
        """The sheet for an actor in this scene's light, or the nearest one that is shipped."""
        for name in (f"{kind}_{self._light}", f"{kind}_dusk", f"man_{self._light}", "man_dusk"):
            if exists(f"sprite_{name}.json"):
                return name
        raise ValueError(f"scene {self.name!r}: no sprite sheet for {kind!r}")

    def hides(self, x: float, y: float, z: float) -> bool:
        """Whether the background stands before a point, so that the camera does not see it."""
        spot = self.camera.spot(x, y, z)
        if spot is None or not (0 <= spot.x < WIDTH and 0 <= spot.y < HEIGHT):
            return True
        depth = self._empty.depth[int(spot.y), int(spot.x)]
        return bool(depth < _code(spot.depth_m - MARGIN_M))

    # -- one frame --------------------------------------------------------------------

    def render(self, n: int) -> Image:
        """Frame `n` as (720, 1280, 3) BGR; ValueError unless 0 <= n < frames."""
        if not 0 <= n < FRAMES:
            raise ValueError(f"frame {n} of scene {self.name!r}: must be 0..{FRAMES - 1}")
        plate = self._with_parcel if self.parcel and n in self.parcel else self._empty
        frame = plate.color.copy()
        acting = []
        for player in self._players:
            for step in player.steps.get(n, ()):
                spot = self.camera.spot(step.x, step.y)
                if spot is not None and _near_picture(spot):
                    acting.append((spot, step, player))
        acting.sort(key=lambda item: -item[0].depth_m)
        for _, step, player in acting:
            self._ground(frame, plate, step, player)
        for spot, step, player in acting:
            self._stand(frame, plate, spot, step, player)
        self._lamps(frame, plate, n)
        return self._sensor(frame, n)

    def _sensor(self, frame: Image, n: int) -> Image:
        """Noise that differs by frame, and the slight breathing of mains light."""
        x, y = self._shifts[n]
        grain = self._noise[y : y + HEIGHT, x : x + WIDTH]
        turn = 2 * math.pi * n / FRAMES
        gain = 1 + 0.008 * math.sin(turn * 37) + 0.006 * math.sin(turn * 5)
        return np.asarray(cv2.addWeighted(frame, gain, grain, 1.0, -_NOISE_MIDDLE), np.uint8)

    def _stand(self, frame: Image, plate: _Plate, spot: Spot, step: Step, player: _Player) -> None:
        """The actor itself, in the light of its place, behind what stands before it."""
        bearing, elevation = self.camera.bearing(step.x, step.y)
        phase = step.phase if step.moving else None
        view = player.actor.view(step.heading - bearing, elevation, phase, spot.scale)
        zoom = spot.scale / view.scale
        tall = 1.0
        if player.actor.sheet.phases > 1:
            tall = min(1.08, max(0.72, math.cos(elevation) / math.cos(view.elevation)))
        left, top = spot.x - view.origin[0] * zoom, spot.y - view.origin[1] * zoom * tall
        high, wide = view.pixels.shape[:2]
        box = paintbox.clip_box(
            left, top, left + wide * zoom, top + high * zoom * tall, frame.shape
        )
        if box is None:
            return
        matrix = np.array([[zoom, 0, left - box[0]], [0, zoom * tall, top - box[1]]], np.float32)
        sprite = cv2.warpAffine(view.pixels, matrix, (box[2] - box[0], box[3] - box[1]))
        gain = self._gain(spot)
        if abs(gain - 1) > 0.03:
            sprite[..., :3] = cv2.convertScaleAbs(sprite[..., :3], alpha=gain)
        mask = paintbox.visible(plate.depth, box, _code(spot.depth_m - MARGIN_M))
        paintbox.over(frame, np.asarray(sprite, np.uint8), box, mask)
        if self._light == "dusk" and player.track.lights:
            self._headlights(frame, plate, spot, view, player.track.kind)

    def _gain(self, spot: Spot) -> float:
        """How bright an actor is on this spot: lamps make pools of light."""
        low = self._local.shape
        x = min(max(int(spot.x / WIDTH * low[1]), 0), low[1] - 1)
        y = min(max(int(spot.y / HEIGHT * low[0]), 0), low[0] - 1)
        return float(self._local[y, x])

    def _ground(self, frame: Image, plate: _Plate, step: Step, player: _Player) -> None:
        """Shade under the actor, and what its headlights throw on the ground."""
        kind = player.track.kind
        cos, sin = math.cos(step.heading), math.sin(step.heading)
        strength = 0.62 if self._light == "day" else 0.55
        if kind in VEHICLES:
            long, wide = VEHICLES[kind]
            self._shade(
                frame, plate, _quad(step, cos, sin, -long, long, wide), strength, paintbox.PLATEAU
            )
        else:
            self._shade(
                frame, plate, _quad(step, cos, sin, -0.38, 0.42, 0.34), strength, paintbox.GAUSS
            )
        sun = self.script.shadow
        if sun is not None:
            self._cast_shadow(frame, plate, step, kind, sun)
        if self._light == "dusk" and player.track.lights and kind in HEADLIGHTS:
            reach = 9.0 if kind != "bike" else 6.5
            start = HEADLIGHTS[kind][0] + 0.2
            quad, nearest_m = self._project(
                _quad(step, cos, sin, start, start + reach, reach * 0.34)
            )
            pool = None if quad is None else paintbox.on_ground(paintbox.BEAM, quad, frame.shape)
            if pool is not None:
                mask = paintbox.visible(plate.depth, pool[1], _code(nearest_m - 0.1))
                power = 1.7 if kind != "bike" else 1.3
                paintbox.lighten(frame, *pool, mask, self._tone((0.70, 0.92, 1.0)), power)

    def _cast_shadow(
        self, frame: Image, plate: _Plate, step: Step, kind: str, sun: tuple[float, float]
    ) -> None:
        """The soft shadow that the sun throws: `sun` is its direction over the ground (m/m)."""
        tall = {"car": 1.2, "bike": 1.25, "truck": 2.6}.get(kind, 1.6)
        wide = {"car": 1.5, "bike": 0.5, "truck": 2.4}.get(kind, 0.32)
        length = math.hypot(*sun) * tall + wide
        turn = math.atan2(sun[1], sun[0])
        spot = self.camera.spot(step.x, step.y)
        sunny = min(max((self._gain(spot) - 0.7) * 4, 0.0), 1.0) if spot else 0.0
        if sunny:  # not in the shade of a house
            quad = _quad(step, math.cos(turn), math.sin(turn), -wide * 0.8, length, wide)
            self._shade(frame, plate, quad, 0.5 * sunny, paintbox.PLATEAU)

    def _shade(
        self,
        frame: Image,
        plate: _Plate,
        corners: list[tuple[float, float]],
        strength: float,
        stroke: Image,
    ) -> None:
        quad, nearest_m = self._project(corners)
        warped = None if quad is None else paintbox.on_ground(stroke, quad, frame.shape)
        if warped is not None:
            mask = paintbox.visible(plate.depth, warped[1], _code(nearest_m - 0.1))
            paintbox.shade(frame, *warped, mask, strength)

    def _project(
        self, corners: list[tuple[float, float]]
    ) -> tuple[NDArray[np.float32] | None, float]:
        """The corners in pixels (None if one is not well before the camera), nearest depth."""
        spots = [spot for corner in corners if (spot := self.camera.spot(*corner))]
        nearest_m = min((spot.depth_m for spot in spots), default=0.0)
        if len(spots) < len(corners) or nearest_m < 1.2:
            return None, nearest_m
        return np.array([(spot.x, spot.y) for spot in spots], np.float32), nearest_m

    def _headlights(self, frame: Image, plate: _Plate, spot: Spot, view: View, kind: str) -> None:
        """Glare of lamps that look at the camera, and their streaks on the wet ground."""
        if kind not in HEADLIGHTS:
            return
        ahead, side, up = HEADLIGHTS[kind]
        facing = math.cos(view.relative)
        if facing > 0.15:
            color, size, u = self._tone((0.75, 0.93, 1.0)), 0.55 + 0.8 * facing, ahead
        elif facing < -0.25:
            color, size, u = self._tone((0.10, 0.08, 0.75)), 0.34, -ahead * 0.98
        else:
            return
        code, radius = _code(spot.depth_m - MARGIN_M), size * spot.scale * 0.5
        streak = (0.16 * spot.scale, 0.85 * spot.scale)
        for v in sorted({side, -side}):
            for w, shape, power in ((up, (radius, radius), 0.75), (-0.9 * up, streak, 0.34)):
                right, down = view.offset(u, v, w)
                x, y = spot.x + right * spot.scale, spot.y + down * spot.scale
                light = _scaled(color, power * abs(facing))
                paintbox.halo(frame, x, y, shape, light, plate.depth, code)

    def _lamps(self, frame: Image, plate: _Plate, n: int) -> None:
        for lamp, spot in zip(self.script.lamps, self._lamp_spots, strict=True):
            level = lamp.level(n / FPS)
            if spot is None or level <= 0:
                continue
            color = self._tone(_scaled(lamp.color, level))
            radius = lamp.radius_m * spot.scale
            paintbox.halo(
                frame,
                spot.x,
                spot.y,
                (radius, radius),
                color,
                plate.depth,
                _code(spot.depth_m - MARGIN_M),
            )

    def _tone(self, color: tuple[float, float, float]) -> tuple[float, float, float]:
        if not self._mono:
            return color
        gray = 0.25 * color[0] + 0.5 * color[1] + 0.25 * color[2]
        return (gray, gray, gray)


@dataclass(frozen=True)
class _Plate:
    """A background and the depth code of what can hide actors (255: nothing)."""

    color: Image
    depth: Image

    def patched(self, name: str) -> _Plate:
        """The same place with its parcel, rendered into it with the parcel's own shadow."""
        facts = json.loads(asset(f"{name}_parcel.json"))
        x, y = facts["at"]
        color, depth = self.color.copy(), self.depth.copy()
        patch = picture(f"{name}_parcel.webp", cv2.IMREAD_UNCHANGED)
        high, wide = patch.shape[:2]
        alpha = patch[..., 3:].astype(np.float32) / 255
        ground = color[y : y + high, x : x + wide]
        mixed = ground * (1 - alpha) + patch[..., :3] * alpha
        color[y : y + high, x : x + wide] = mixed.astype(np.uint8)
        depth[y : y + high, x : x + wide] = picture(
            f"{name}_parcel_depth.png", cv2.IMREAD_GRAYSCALE
        )
        return _Plate(color, depth)


_NOISE_MIDDLE = 24


@functools.lru_cache(maxsize=2)
def _grain(mono: bool) -> Image:
    """Sensor noise around `_NOISE_MIDDLE`: fine grain and softer chroma blotches."""
    rng = np.random.default_rng(5)
    high, wide = HEIGHT + NOISE_ROOM, WIDTH + NOISE_ROOM
    fine = rng.normal(0, 1.7, (high, wide, 1)).astype(np.float32)
    coarse = rng.normal(0, 1.5, (high // 2, wide // 2, 1 if mono else 3)).astype(np.float32)
    blotches = np.asarray(cv2.resize(coarse, (wide, high), interpolation=cv2.INTER_LINEAR))
    grain = fine + blotches.reshape(high, wide, -1) + _NOISE_MIDDLE
    return np.asarray(np.clip(np.broadcast_to(grain, (high, wide, 3)), 0, 255), np.uint8)


def _noise(seed: int, mono: bool) -> tuple[Image, list[tuple[int, int]]]:
    rng = random.Random(seed)
    shifts = [(rng.randrange(NOISE_ROOM), rng.randrange(NOISE_ROOM)) for _ in range(FRAMES)]
    return _grain(mono), shifts


def _local_light(color: Image) -> NDArray[np.float32]:
    """Relative brightness around each place of a background, 1 on average."""
    gray = cv2.cvtColor(color, cv2.COLOR_BGR2GRAY)
    small = cv2.resize(gray, (WIDTH // 16, HEIGHT // 16), interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(small.astype(np.float32), (0, 0), 3.0)
    middle = float(np.median(soft[len(soft) // 3 :]))
    return np.asarray(np.clip(0.45 + 0.55 * soft / max(middle, 1.0), 0.6, 1.45), np.float32)


def _near_picture(spot: Spot) -> bool:
    """Whether an actor there, with shade and headlights, can touch the picture."""
    reach = 12 * spot.scale
    return -reach < spot.x < WIDTH + reach and -reach < spot.y < HEIGHT + reach


def _code(depth_m: float) -> int:
    place = math.log(min(max(depth_m, NEAR_M), FAR_M) / NEAR_M) / math.log(FAR_M / NEAR_M)
    return round(place * 254)


def _quad(
    step: Step, cos: float, sin: float, back: float, front: float, wide: float
) -> list[tuple[float, float]]:
    """Ground corners of a rectangle along a direction, in the strokes' order."""
    return [
        (step.x + u * cos - v * sin, step.y + u * sin + v * cos)
        for u, v in ((back, -wide), (front, -wide), (front, wide), (back, wide))
    ]


def _scaled(color: tuple[float, float, float], by: float) -> tuple[float, float, float]:
    return (color[0] * by, color[1] * by, color[2] * by)
