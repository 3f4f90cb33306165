"""Hands on the camera, and what only looks like it."""

import cv2
import numpy as np
import pytest

from serambi.analytics.engine import Engine
from serambi.analytics.rules import Rules, RuleSetting

from .analytics_scenes import Luma, Plane, frames, person

RULES = Rules(rules=(RuleSetting(rule="tamper"),))


def scene(kind: str, luma: Luma, number: int, kept: list[Luma]) -> Luma:
    noise = np.random.default_rng(number).normal(0, 1.2, luma.shape)
    if kind == "cover":
        luma = luma.copy()
        luma[:, :40] = 60
    elif kind == "cover all":
        luma = np.full_like(luma, 40)
    elif kind == "defocus":
        luma = np.asarray(cv2.GaussianBlur(luma, (0, 0), 2.5), np.uint8)
    elif kind == "blind":
        luma = np.full_like(luma, 255)
    elif kind == "freeze":
        kept.append(luma)
        return kept[0]
    elif kind == "pan":
        luma = np.roll(luma, 32, axis=1)
    elif kind in ("zoom", "roll"):
        turn, by = (0, 1.2) if kind == "zoom" else (6, 1.0)
        matrix = cv2.getRotationMatrix2D((160, 90), turn, by)
        warped = cv2.warpAffine(luma, matrix, (320, 180), borderMode=cv2.BORDER_REFLECT)
        luma = np.asarray(warped, np.uint8)
    return np.clip(luma + noise, 0, 255).astype(np.uint8)


KINDS = {
    "cover": "covered",
    "cover all": "covered",
    "defocus": "defocused",
    "blind": "blinded",
    "freeze": "frozen",
    "pan": "moved",
    "zoom": "moved",
    "roll": "moved",
}


def big(t_s: float, luma: Luma) -> Luma:
    """The scene at a substream's size, with figures on the wall to hold on to."""
    picture = np.asarray(cv2.resize(luma, (320, 180)), np.uint8)
    rng = np.random.default_rng(3)
    for _ in range(60):
        x, y, r = (int(v) for v in rng.integers((4, 4, 2), (316, 176, 9)))
        cv2.rectangle(picture, (x, y), (x + 2 * r, y + r), int(rng.integers(20, 230)), -1)
    return picture


def nobody(frame: Plane, t_s: float) -> None:
    pass


def told(kind: str, after_s: float = 12) -> list[tuple[str, float]]:
    engine = Engine(RULES)
    kept: list[Luma] = []
    events: list[tuple[str, float]] = []
    for number, (t_s, luma) in enumerate(frames(after_s + 12, nobody)):
        luma = big(t_s, luma)
        if t_s >= after_s:
            luma = scene(kind, luma, number, kept)
        events += [(e.kind, e.start_s) for e in engine.update(luma, t_s) if e.end_s is None]
    return events


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_told_within_ten_seconds(kind: str) -> None:
    events = told(kind)
    assert events
    assert KINDS[kind] in {name for name, _ in events}
    assert 12 <= events[0][1] <= 22


def test_an_untouched_camera_says_nothing_in_dusk_rain_or_when_somebody_comes_near() -> None:
    engine = Engine(RULES)
    rng = np.random.default_rng(2)

    def draw(frame: Plane, t_s: float) -> None:
        if t_s > 9:
            person(frame, t_s, min(160, (t_s - 9) * 30), 150)

    for t_s, luma in frames(30, draw):
        picture = big(t_s, luma).astype(np.float32)
        picture *= 1 - 0.5 * min(1, max(0, t_s - 12) / 8)
        for x, y in rng.integers(0, (310, 160), (25, 2)):
            picture[y : y + 9, x] += 50
        assert engine.update(np.clip(picture, 0, 255).astype(np.uint8), t_s) == []


def test_it_is_over_when_the_cover_is_gone() -> None:
    engine = Engine(RULES)
    seen = []
    for number, (t_s, luma) in enumerate(frames(34, nobody)):
        luma = big(t_s, luma)
        if 12 <= t_s < 20:
            luma = scene("cover", luma, number, [])
        seen += engine.update(luma, t_s)
    assert {e.kind for e in seen} == {"covered"}
    assert seen[0].end_s == pytest.approx(22, abs=5)
