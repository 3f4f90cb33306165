"""Scripted movement: smooth, at human speed, and nobody appears out of nothing."""

from __future__ import annotations

import itertools
import math

import pytest

from serambi.sim.projection import HEIGHT, WIDTH
from serambi.sim.scene import Scene, open_scene
from serambi.sim.script import Lamp
from serambi.sim.scripts import SCRIPTS
from serambi.sim.tracks import FPS, FRAMES, Track, resolve

WALKERS = ("man", "hijab", "porter")
FAR_M = 38.0
TRACKS = [
    pytest.param(name, track, id=f"{name}-{i}-{track.kind}")
    for name, script in SCRIPTS.items()
    for i, track in enumerate(script.tracks)
]


def test_a_track_is_there_only_in_its_seconds() -> None:
    steps = resolve(Track("man", ((2, 0, 0), (4, 3, 0))))
    assert sorted(steps) == list(range(40, 80))
    assert all(len(here) == 1 for here in steps.values())


def test_a_track_past_the_end_wraps_into_the_next_loop() -> None:
    steps = resolve(Track("man", ((23, 0, 0), (25, 3, 0))))
    assert sorted(steps) == [*range(20), *range(460, 480)]
    assert steps[0][0].x == pytest.approx(1.5, abs=0.1)


def test_a_track_longer_than_the_loop_walks_in_it_twice_at_once() -> None:
    steps = resolve(Track("man", ((0, 0, 0), (36, 36, 0))))
    assert len(steps[10]) == 2
    assert len(steps[300]) == 1
    assert steps[0][1].x - steps[FRAMES - 1][0].x == pytest.approx(1 / FPS, abs=0.02)


def test_headings_follow_the_way_and_stay_when_standing() -> None:
    steps = resolve(Track("man", ((0, 0, 0), (5, 0, 6), (8, 0, 6))))
    assert steps[40][0].heading == pytest.approx(math.pi / 2)
    assert steps[140][0].heading == pytest.approx(math.pi / 2, abs=0.01)
    assert steps[40][0].moving
    assert not steps[140][0].moving


def test_a_standing_actor_can_be_told_where_to_look() -> None:
    steps = resolve(Track("man", ((0, 1, 1), (24, 1, 1)), facing_deg=-60))
    assert {round(math.degrees(here[0].heading)) for here in steps.values()} == {-60}
    assert len(steps) == FRAMES


def test_the_stride_follows_the_distance() -> None:
    steps = resolve(Track("man", ((0, 0, 0), (10, 13.6, 0))))
    turns = [steps[n][0].phase for n in range(20, 180)]
    wraps = sum(b < a for a, b in itertools.pairwise(turns))
    assert wraps in (7, 8)


@pytest.mark.parametrize(("name", "track"), TRACKS)
def test_actors_move_at_the_speed_of_their_kind(name: str, track: Track) -> None:
    fastest = 2.0 if track.kind in WALKERS else 16.0
    for (t0, x0, y0), (t1, x1, y1) in itertools.pairwise(track.points):
        assert t1 > t0
        assert math.hypot(x1 - x0, y1 - y0) / (t1 - t0) <= fastest, (name, t0)


def hidden(scene: Scene, kind: str, x: float, y: float) -> bool:
    """Whether an actor at that place is off the picture, behind something, or far away."""
    low, high = scene.camera.spot(x, y), scene.camera.spot(x, y, 1.7)
    if low is None or high is None or low.depth_m > FAR_M:
        return True
    reach = (0.5 if kind in WALKERS else 2.6) * low.scale
    if low.x < -reach or low.x > WIDTH + reach or high.y > HEIGHT:
        return True
    return scene.hides(x, y, 0.9)


@pytest.mark.parametrize("name", SCRIPTS)
def test_nobody_appears_out_of_nothing(name: str) -> None:
    scene = open_scene(name, 1)
    tracks = SCRIPTS[name].tracks
    ends = [(t.paint, *t.points[-1]) for t in tracks] + [(t.paint, *t.points[0]) for t in tracks]
    wrong = []
    for track in tracks:
        for place in (track.points[0], track.points[-1]):
            second, x, y = place
            if hidden(scene, track.kind, x, y):
                continue
            joined = sum(
                paint == track.paint
                and abs(math.remainder(t - second, 24)) < 0.06
                and math.hypot(ox - x, oy - y) < 0.3
                for paint, t, ox, oy in ends
            )
            if joined < 2:
                wrong.append((track.kind, place))
    assert not wrong


def test_a_lamp_is_dark_outside_its_seconds_and_never_negative() -> None:
    lamp = Lamp((0, 0, 0), (1, 1, 1), 1.0, on=((2.0, 4.0),), flicker=0.6)
    assert lamp.level(1.9) == 0
    assert lamp.level(4.0) == 0
    assert all(0 <= lamp.level(2 + k / 50) <= 1 for k in range(100))
