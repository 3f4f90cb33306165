"""The demo town's scenes: every one opens, moves, closes its loop and tells its story."""

from __future__ import annotations

import functools
from importlib import resources

import numpy as np
import pytest
from numpy.typing import NDArray

from serambi.sim.scene import Scene, open_scene, scene_names

Image = NDArray[np.uint8]
NAMES = (
    "gate",
    "yard",
    "dock",
    "wall",
    "crossing",
    "street",
    "lane",
    "square",
    "kpu_front",
    "bawaslu_front",
    "store",
    "hall",
    "meeting",
    "desk",
)
SHIPPED_MAX_BYTES = 5_000_000


@functools.lru_cache(maxsize=16)
def scene(name: str, seed: int = 1) -> Scene:
    return open_scene(name, seed)


def difference(a: Image, b: Image) -> float:
    return float(np.abs(a.astype(np.int16) - b.astype(np.int16)).mean())


def changed(a: Image, b: Image) -> int:
    """Pixels that differ by more than sensor noise and flicker can explain."""
    return int((np.abs(a.astype(np.int16) - b.astype(np.int16)).max(2) > 24).sum())


def test_the_town_has_its_fourteen_scenes() -> None:
    assert sorted(scene_names()) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_frame_is_a_bgr_picture_of_the_promised_shape(name: str) -> None:
    it = scene(name)
    assert (it.name, it.width, it.height, it.fps, it.frames) == (name, 1280, 720, 20, 480)
    frame = it.render(0)
    assert frame.shape == (720, 1280, 3)
    assert frame.dtype == np.uint8
    assert 15 < frame.mean() < 220
    assert frame.std() > 15


@pytest.mark.parametrize("name", NAMES)
def test_the_same_name_seed_and_number_give_the_same_picture(name: str) -> None:
    first = scene(name).render(137)
    scene(name).render(400)
    assert np.array_equal(first, scene(name).render(137))
    assert np.array_equal(first, open_scene(name, 1).render(137))


@pytest.mark.parametrize("name", NAMES)
def test_another_seed_dresses_the_actors_differently(name: str) -> None:
    pairs = [(scene(name, 1).render(n), scene(name, 2).render(n)) for n in range(20, 480, 60)]
    assert max(changed(a, b) for a, b in pairs) > 100


@pytest.mark.parametrize("name", NAMES)
def test_pictures_one_second_apart_differ_clearly(name: str) -> None:
    frames = [scene(name).render(n) for n in range(0, 480, 20)]
    moved = [changed(a, b) for a, b in zip(frames, frames[1:] + frames[:1], strict=True)]
    assert min(moved) > 60, moved


@pytest.mark.parametrize("name", NAMES)
def test_the_loop_closes_without_a_jump(name: str) -> None:
    frames = {n: scene(name).render(n) for n in (*range(0, 480, 24), *range(1, 480, 24), 479)}
    neighbors = [difference(frames[n], frames[n + 1]) for n in range(0, 480, 24)]
    seam = difference(frames[479], frames[0])
    assert seam < 1.3 * max(neighbors)
    jump = changed(frames[479], frames[0])
    assert jump < 3000 + 2 * max(changed(frames[n], frames[n + 1]) for n in range(0, 480, 24))


@pytest.mark.parametrize("name", NAMES)
def test_the_sensor_never_repeats_its_noise_from_one_frame_to_the_next(name: str) -> None:
    corner_a, corner_b = (scene(name).render(n)[:40, :40] for n in (10, 11))
    assert not np.array_equal(corner_a, corner_b)
    assert difference(corner_a, corner_b) < 8


def parcel_color(frame: Image) -> int:
    """Pixels of cardboard brown where the parcel lies, at the gate's right pillar."""
    b, g, r = (frame[500:575, 775:865, i].astype(int) for i in range(3))
    return int(((r - b > 45) & (r > g) & (g > b)).sum())


def test_the_parcel_lies_at_the_gate_exactly_while_the_script_says_so() -> None:
    it = scene("gate")
    assert it.parcel is not None
    assert 150 < it.parcel.start < it.parcel.stop < it.frames
    lying = [parcel_color(it.render(n)) for n in range(it.parcel.start + 40, 400, 20)]
    bare = [parcel_color(it.render(n)) for n in (20, 60, 100, 150)]
    assert min(lying) > 300 > 3 * max(bare), (lying, bare)


def test_a_parcel_is_left_at_the_gate_only() -> None:
    assert [name for name in NAMES if scene(name).parcel is not None] == ["gate"]


def test_the_dock_camera_sees_in_gray() -> None:
    frame = scene("dock").render(77).astype(int)
    assert int(np.abs(frame - frame.mean(2, keepdims=True)).max()) <= 1


@pytest.mark.parametrize("wrong", ["", "gates", "../gate", "GATE"])
def test_an_unknown_name_is_refused_with_the_known_ones(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"crossing.*square"):
        open_scene(wrong, 1)


@pytest.mark.parametrize("n", [-1, 480, 100_000])
def test_a_frame_number_outside_the_loop_is_refused(n: int) -> None:
    with pytest.raises(ValueError, match=r"0\.\.479"):
        scene("hall").render(n)


def test_what_ships_stays_small() -> None:
    files = [f for f in (resources.files("serambi.sim") / "scenes").iterdir() if f.is_file()]
    sizes = {f.name: len(f.read_bytes()) for f in files}
    assert sum(sizes.values()) <= SHIPPED_MAX_BYTES, sizes
    assert {f"{name}.webp" for name in NAMES} <= set(sizes)
