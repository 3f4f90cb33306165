"""What the analysis says of small drawn scenes, rule by rule."""

import numpy as np
import pytest

from serambi.analytics.blobs import Blob
from serambi.analytics.engine import Engine
from serambi.analytics.rules import Rules, parse_rules
from serambi.analytics.zones import Book, Picture, watchers

from .analytics_scenes import Plane, analyzed, box, frames, names, person, walk

LEFT = (
    b'{"rules": [{"rule": "left_object", "after_s": 5}, {"rule": "removed_object", "after_s": 5}]}'
)
LOITERING = b'{"rules": [{"rule": "loitering", "after_s": 14}]}'


def bring(frame: Plane, t_s: float) -> None:
    """A bag is put down at 12 s by somebody who walks on."""
    walk(frame, t_s, 5, 150)
    if t_s >= 12:
        box(frame, 160, 150, 14, 13, 210)


def test_what_is_put_down_and_left_is_reported_in_time_and_place() -> None:
    events = analyzed(LEFT, 30, bring)
    assert names(events) == ["left_object"]
    event = events[0]
    assert 16.5 <= event.start_s <= 12 + 5 + 6
    assert event.since_s == pytest.approx(12, abs=2.5)
    left, top, right, bottom = event.box
    assert left * 320 == pytest.approx(153, abs=4)
    assert right * 320 == pytest.approx(167, abs=4)
    assert top * 180 == pytest.approx(137, abs=4)
    assert bottom * 180 == pytest.approx(150, abs=4)
    assert 0.5 < event.confidence <= 1


def test_when_it_is_taken_again_the_event_ends() -> None:
    def draw(frame: Plane, t_s: float) -> None:
        if t_s < 24:
            bring(frame, t_s)

    events = analyzed(LEFT, 32, draw)
    assert names(events) == ["left_object"]
    assert events[0].end_s == pytest.approx(24, abs=4.5)


def test_what_always_stood_there_and_is_gone_is_reported_as_removed() -> None:
    def draw(frame: Plane, t_s: float) -> None:
        x = walk(frame, t_s, 12, 150)
        if x < 160:
            box(frame, 160, 150, 14, 13, 210)

    events = analyzed(LEFT, 36, draw)
    assert names(events) == ["removed_object"]


def test_who_comes_and_stands_still_is_no_left_object() -> None:
    def draw(frame: Plane, t_s: float) -> None:
        if t_s >= 5:
            person(frame, t_s, min(160, (t_s - 5) * 22), 150)

    assert names(analyzed(LEFT, 32, draw)) == []


def test_who_stands_as_still_as_a_statue_is_no_left_object() -> None:
    def draw(frame: Plane, t_s: float) -> None:
        if t_s >= 5:
            box(frame, min(160, (t_s - 5) * 22), 150, 14, 46, 25)

    assert names(analyzed(LEFT, 32, draw)) == []


def test_shade_that_falls_and_stays_is_nothing() -> None:
    def draw(frame: Plane, t_s: float) -> None:
        shade = 1 - 0.4 * min(1.0, max(0.0, (t_s - 8) / 3))
        frame[70:150, 90:200] *= shade

    assert names(analyzed(Rules(), 30, draw)) == []


def test_dusk_and_automatic_exposure_are_nothing() -> None:
    def draw(frame: Plane, t_s: float) -> None:
        frame *= 1 - 0.55 * min(1.0, max(0.0, (t_s - 8) / 6))

    assert names(analyzed(Rules(), 30, draw)) == []


def test_loitering_counts_a_visit_once_and_only_when_long_enough() -> None:
    def draw(frame: Plane, t_s: float) -> None:
        for begin, stay in ((5.0, 14.0), (32.0, 2.0)):
            if begin <= t_s < begin + 5 + stay:
                person(frame, t_s, min(110, (t_s - begin) * 22), 150)
            elif begin + 5 + stay <= t_s:
                x = 110 - (t_s - begin - 5 - stay) * 30
                if x > -10:
                    person(frame, t_s, x, 150)

    events = analyzed(LOITERING, 48, draw)
    assert names(events) == ["loitering"]
    assert events[0].start_s == pytest.approx(19.2, abs=1.5)


def test_a_line_is_crossed_once_in_the_direction_walked() -> None:
    rules = b'{"lines": [{"name": "kerb", "from": [0.5, 0.2], "to": [0.5, 1]}]}'
    events = [e for e in analyzed(rules, 26, lambda f, t: _walk(f, t)) if e.rule == "line"]
    assert [(e.place, e.kind) for e in events] == [("kerb", "backward")]
    assert events[0].start_s == pytest.approx(5 + 170 / 22, abs=1.5)


def _walk(frame: Plane, t_s: float) -> None:
    walk(frame, t_s, 5, 150)


def test_a_zone_is_entered_once() -> None:
    rules = (
        b'{"zones": [{"name": "gate", "polygon": [[0.5, 0.5], [0.8, 0.5], [0.8, 1], [0.5, 1]]}],'
        b' "rules": [{"rule": "zone", "zone": "gate"}]}'
    )
    events = analyzed(rules, 26, _walk)
    assert [(e.rule, e.place) for e in events] == [("zone", "gate")]
    assert events[0].since_s == pytest.approx(5 + 170 / 22, abs=1.5)
    assert events[0].end_s == pytest.approx(5 + 266 / 22, abs=2.0)


def test_a_crowd_is_many_and_not_few() -> None:
    rules = b'{"rules": [{"rule": "crowd", "count": 4, "after_s": 3}]}'

    def draw(number: int) -> list[str]:
        def many(frame: Plane, t_s: float) -> None:
            for i in range(number):
                side = -1 if i % 2 else 1
                at = 60 + 40 * i
                far = (at + 10) if side > 0 else (330 - at)
                here = at - side * max(0.0, far - max(0.0, t_s - 5) * 30)
                if -12 < here < 332:
                    person(frame, t_s, here, 150 + 3 * (i % 3))

        return names(analyzed(rules, 26, many))

    assert draw(6) == ["crowd"]
    assert draw(2) == []


def test_hours_decide_whether_a_rule_speaks() -> None:
    rules = b'{"rules": [{"rule": "motion", "hours": ["22:00", "05:00"]}]}'
    for minute, expected in ((23 * 60, 1), (12 * 60, 0)):
        engine = Engine(parse_rules(rules))
        found = [e for t, luma in frames(14, _walk) for e in engine.update(luma, t, minute)]
        assert len(found) == expected


def test_motion_lasts_from_coming_to_going_and_the_grid_shows_where() -> None:
    engine = Engine(Rules())
    events = [e for t, luma in frames(26, _walk) for e in engine.update(luma, t)]
    # Told when it begins and when it ends, as one and the same event.
    motion = list({id(e): e for e in events if e.rule == "motion"}.values())
    assert len(events) == 2 * len(motion)
    assert len(motion) == 1
    assert motion[0].start_s == pytest.approx(5.4, abs=1.0)
    assert motion[0].end_s == pytest.approx(5 + 330 / 22, abs=1.5)
    seconds = {s.second: s for s in engine.take_seconds()}
    assert seconds[12].moved_in((0.35, 0.5, 0.55, 0.9))
    assert not seconds[12].moved_in((0.7, 0.5, 0.9, 0.9))
    assert not seconds[2].moved_in((0, 0, 1, 1))
    assert engine.take_seconds() == []


def test_a_picture_of_another_size_begins_anew() -> None:
    engine = Engine(Rules())
    engine.update(np.zeros((180, 320), np.uint8), 0.0)
    assert engine.update(np.full((240, 320), 90, np.uint8), 0.2) == []


def test_a_crowd_that_comes_as_one_heap_is_counted_by_its_room_without_any_track() -> None:
    (watcher,) = watchers(parse_rules(b'{"rules": [{"rule": "crowd", "count": 3, "after_s": 0}]}'))
    watcher.singles.extend([(150.0, 400.0)] * 5)  # type: ignore[attr-defined]
    heap = Blob((50, 100, 150, 150), 4000, np.full((50, 100), 255, np.uint8))
    book = Book()
    watcher(Picture(1.0, (320, 180), [heap], [], []), book)
    (event,) = book.take()
    assert (event.kind, event.box) == ("8", (50 / 320, 100 / 180, 150 / 320, 150 / 180))
