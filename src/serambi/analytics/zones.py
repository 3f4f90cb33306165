"""Rules at places: what a track or a resting thing means where a person drew a zone or a line.

Each watcher is asked once per picture and opens and closes its events in the `Book`.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from serambi.analytics.blobs import Blob, Box, area, overlap
from serambi.analytics.events import Event, Rule, Share
from serambi.analytics.rules import Point, Rules, RuleSetting, Zone
from serambi.analytics.settled import Nature, Resting
from serambi.analytics.tracks import Track

_MOVED_SHARE = 0.02  # of the picture's width: less is no movement
_LINE_SHARE = 0.012  # of the picture's width: this near a line is on it
_LINE_PICTURES = 3  # a box that flickers over it for less has not crossed
_AGAIN_S = 3.0


@dataclass(frozen=True, slots=True)
class Picture:
    """What is known about one picture; boxes in its pixels."""

    now_s: float
    size: tuple[int, int]  # wide, high
    blobs: list[Blob]
    tracks: list[Track]
    resting: list[Resting]
    minute: int | None = None

    def share(self, box: Box) -> Share:
        wide, high = self.size
        return box[0] / wide, box[1] / high, box[2] / wide, box[3] / high


class Book:
    """Open events and what has changed about them since `take` was last called."""

    def __init__(self) -> None:
        self.open: dict[tuple[object, ...], Event] = {}
        self._news: list[Event] = []

    def begin(self, key: tuple[object, ...], event: Event) -> None:
        if key not in self.open:
            self.open[key] = event
            self._news.append(event)

    def end(self, key: tuple[object, ...], now_s: float) -> None:
        event = self.open.pop(key, None)
        if event is not None:
            event.end_s = now_s
            self._news.append(event)

    def instant(self, event: Event) -> None:
        """Began and is over."""
        self._news.append(event)

    def take(self) -> list[Event]:
        """Events that began or ended; the same object comes twice."""
        news, self._news = self._news, []
        return news


Watcher = Callable[[Picture, Book], None]


def watchers(rules: Rules) -> list[Watcher]:
    """One for each rule that looks at tracks or resting things."""
    made: list[Watcher] = []
    for setting in rules.settings:
        zone = rules.zone(setting.zone) if setting.zone else None
        if setting.rule in ("left_object", "removed_object"):
            made.append(_RestWatch(setting, zone))
        elif setting.rule in ("loitering", "zone"):
            made.append(_PresenceWatch(setting, zone))
        elif setting.rule == "crowd":
            made.append(_CrowdWatch(setting, zone))
        elif setting.rule == "motion":
            made.append(_MotionWatch(setting, zone))
        elif setting.rule == "line":
            line = rules.line(setting.place)
            made.append(_LineWatch(setting, line.start, line.end))
    return made


def contains(zone: Zone | None, point: tuple[float, float], size: tuple[int, int]) -> bool:
    """Whether a point (pixels) lies in the zone; None is the whole picture. Even-odd rule."""
    if zone is None:
        return True
    x, y = point[0] / size[0], min(point[1] / size[1], 0.9999)
    inside = False
    corners = zone.polygon
    for (x1, y1), (x2, y2) in zip(corners, corners[1:] + corners[:1], strict=True):
        if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
            inside = not inside
    return inside


@dataclass
class _RestWatch:
    setting: RuleSetting
    zone: Zone | None

    def __call__(self, picture: Picture, book: Book) -> None:
        wanted = Nature.LEFT if self.setting.rule == "left_object" else Nature.REMOVED
        present = set()
        for thing in picture.resting:
            key = (id(self), id(thing))
            if key in book.open:
                present.add(key)
                continue
            ripe = thing.age_s(picture.now_s) >= self.setting.wait_s and thing.sure_s >= 2.0
            if (
                thing.nature is wanted
                and ripe
                and not thing.missing
                and contains(self.zone, thing.blob.foot, picture.size)
                and self.setting.holds_at(picture.minute)
            ):
                present.add(key)
                rule: Rule = self.setting.rule
                box = picture.share(thing.blob.box)
                book.begin(
                    key,
                    Event(
                        rule, picture.now_s, thing.since_s, box, thing.confidence,
                        self.setting.place,
                    ),
                )  # fmt: skip
        for gone in [k for k in book.open if k[0] == id(self) and k not in present]:
            book.end(gone, picture.now_s)


@dataclass
class _Stay:
    """How long a track has been in a zone."""

    since_s: float
    last_s: float
    raised: bool = False


@dataclass
class _PresenceWatch:
    """Loitering and entering: a track in the zone for `wait_s`."""

    setting: RuleSetting
    zone: Zone | None
    stays: dict[int, _Stay] = field(default_factory=dict)

    def __call__(self, picture: Picture, book: Book) -> None:
        for track in picture.tracks:
            seen_now = picture.now_s - track.seen_s < 0.05
            if not seen_now or not contains(self.zone, track.foot, picture.size):
                continue
            stay = self.stays.get(track.number)
            if stay is None:
                stay = self.stays[track.number] = self._begin(track, picture.now_s)
            stay.last_s = picture.now_s
            if not stay.raised and picture.now_s - stay.since_s >= self.setting.wait_s:
                self._raise(track, stay, picture, book)
        for number, stay in list(self.stays.items()):
            if picture.now_s - stay.last_s > _AGAIN_S:
                book.end((id(self), number), stay.last_s)
                del self.stays[number]

    def _begin(self, track: Track, now_s: float) -> _Stay:
        """What parts from somebody in the zone came in with him."""
        whole = self.stays.get(track.parent or 0)
        if whole is None or now_s - track.born_s > 1.5:
            return _Stay(now_s, now_s)
        return _Stay(whole.since_s, now_s, whole.raised)

    def _raise(self, track: Track, stay: _Stay, picture: Picture, book: Book) -> None:
        if (
            not track.real()
            or not _moved(track, picture)
            or not self.setting.holds_at(picture.minute)
        ):
            return
        stay.raised = True
        box = picture.share(track.box)
        mine = [e for k, e in book.open.items() if k[0] == id(self)]
        if self.setting.rule == "loitering" and any(_same_place(e.box, box) for e in mine):
            return  # a part of somebody who is reported already
        certain = round(min(0.95, 0.6 + 0.02 * track.age_s(picture.now_s)), 2)
        rule: Rule = self.setting.rule
        event = Event(rule, picture.now_s, stay.since_s, box, certain, self.setting.place)
        book.begin((id(self), track.number), event)


@dataclass
class _LineWatch:
    """The foot of a track passes from one side of a line to the other between its ends."""

    setting: RuleSetting
    start: Point
    end: Point
    sides: dict[int, tuple[int, float]] = field(default_factory=dict)  # track: side, last seen
    over: dict[int, int] = field(default_factory=dict)  # track: pictures on the other side

    def __call__(self, picture: Picture, book: Book) -> None:
        now = picture.now_s
        for track in picture.tracks:
            if not track.real() or not _moved(track, picture) or now - track.seen_s > 0.05:
                continue
            if track.number not in self.sides:
                first = track.path[0][1]
                born = self._side(((first[0] + first[2]) / 2, first[3]), picture.size)
                self.sides[track.number] = (born, now)
            before, _ = self.sides[track.number]
            side = self._side(track.foot, picture.size) or before
            self.over[track.number] = self.over.get(track.number, 0) + 1 if side != before else 0
            if before and side != before and self.over[track.number] < _LINE_PICTURES:
                self.sides[track.number] = (before, now)
                continue
            self.sides[track.number] = (side, now)
            if before and side != before:
                self._crossed(track, "forward" if side > 0 else "backward", picture, book)
        for number in [n for n, (_, seen) in self.sides.items() if now - seen > 30]:
            del self.sides[number]
            self.over.pop(number, None)

    def _side(self, point: tuple[float, float], size: tuple[int, int]) -> int:
        """1 or -1; 0 on the line or beyond its ends, where one cannot say."""
        wide, high = size
        ax, ay = self.start[0] * wide, self.start[1] * high
        dx, dy = self.end[0] * wide - ax, self.end[1] * high - ay
        length = max(1e-6, float(np.hypot(dx, dy)))
        px, py = point[0] - ax, point[1] - ay
        off, along = (dx * py - dy * px) / length, (px * dx + py * dy) / length
        if abs(off) < _LINE_SHARE * wide or not -2 <= along <= length + 2:
            return 0
        return 1 if off > 0 else -1

    def _crossed(self, track: Track, direction: str, picture: Picture, book: Book) -> None:
        if self.setting.direction in (None, direction) and self.setting.holds_at(picture.minute):
            now, box = picture.now_s, picture.share(track.box)
            book.instant(Event("line", now, now, box, 0.8, self.setting.place, direction, now))


@dataclass
class _CrowdWatch:
    """At least `count` tracks at once; in a common blob each still counts, and a blob counts for
    as many people as it has room for, once single people have shown how large they are here."""

    setting: RuleSetting
    zone: Zone | None
    singles: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=60))
    since_s: float | None = None
    quiet_s: float | None = None

    def __call__(self, picture: Picture, book: Book) -> None:
        inside = [
            t.box
            for t in picture.tracks
            if t.real()
            and picture.now_s - t.seen_s < 0.05
            and _moved(t, picture)
            and contains(self.zone, t.foot, picture.size)
        ]
        self._learn(picture)
        number = max(len(inside), self._by_area(picture))
        key = (id(self), "crowd")
        if number < self.setting.count:
            self.quiet_s = picture.now_s if self.quiet_s is None else self.quiet_s
            if picture.now_s - self.quiet_s > 1.0:
                self.since_s = None
            if picture.now_s - self.quiet_s > _AGAIN_S:
                book.end(key, picture.now_s)
            return
        self.quiet_s = None
        self.since_s = picture.now_s if self.since_s is None else self.since_s
        if picture.now_s - self.since_s >= self.setting.wait_s and self.setting.holds_at(
            picture.minute
        ):
            there = inside or [b.box for b in picture.blobs]
            box = picture.share(_around(there))
            event = Event(
                "crowd", picture.now_s, self.since_s, box, 0.7, self.setting.place, str(number)
            )
            book.begin(key, event)

    def _learn(self, picture: Picture) -> None:
        for track in picture.tracks:
            left, top, right, bottom = track.box
            upright = bottom - top > 1.3 * (right - left)
            if upright and track.real() and not track.shared and _moved(track, picture):
                self.singles.append((float(bottom), track.area_px))

    def _by_area(self, picture: Picture) -> int:
        number = 0
        for blob in picture.blobs:
            if not contains(self.zone, blob.foot, picture.size):
                continue
            near = [a for y, a in self.singles if abs(y - blob.box[3]) < 0.08 * picture.size[1]]
            one = float(np.median(near)) if len(near) >= 5 else float("inf")
            number += max(1, round(0.8 * blob.area_px / one))
        return number if number > 1 else 0


@dataclass
class _MotionWatch:
    """Something other than light, wind or rain is in the zone; one event until it is quiet."""

    setting: RuleSetting
    zone: Zone | None
    since_s: float | None = None
    last_s: float = -1e9

    def __call__(self, picture: Picture, book: Book) -> None:
        seen = [
            t.box
            for t in picture.tracks
            if picture.now_s - t.seen_s < 0.05
            and t.real()
            and (_moved(t, picture) or t.age_s(picture.now_s) > 1.0)
            and contains(self.zone, _middle(t.box), picture.size)
        ]
        key = (id(self), "motion")
        if seen:
            self.last_s = picture.now_s
            if key not in book.open and self.setting.holds_at(picture.minute):
                born = min(t.born_s for t in picture.tracks if t.box in seen)
                event = Event(
                    "motion", born, born, picture.share(_around(seen)), 0.8,
                    self.setting.place,
                )  # fmt: skip
                book.begin(key, event)
        elif picture.now_s - self.last_s > 1.0:
            book.end(key, self.last_s)


def _moved(track: Track, picture: Picture) -> bool:
    """It got somewhere: leaves and flags move a lot and arrive nowhere."""
    first, last = track.path[0][1], track.box
    (ax, ay), (bx, by) = _middle(first), _middle(last)
    far = max(abs(bx - ax), abs(by - ay), abs(last[3] - first[3]), abs(last[2] - first[2]))
    track.farthest_px = max(track.farthest_px, far)
    smaller = min(last[2] - last[0], last[3] - last[1])
    return track.farthest_px >= max(_MOVED_SHARE * picture.size[0], 0.5 * smaller)


def _same_place(a: Share, b: Share) -> bool:
    def pixels(box: Share) -> Box:
        return tuple(round(v * 1000) for v in box)  # type: ignore[return-value]

    return overlap(pixels(a), pixels(b)) > 0.3


def _around(boxes: list[Box]) -> Box:
    return (
        min(b[0] for b in boxes), min(b[1] for b in boxes),
        max(b[2] for b in boxes), max(b[3] for b in boxes),
    )  # fmt: skip


def _middle(box: Box) -> tuple[float, float]:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


__all__ = ["Book", "Picture", "Watcher", "area", "contains", "watchers"]
