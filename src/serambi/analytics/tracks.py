"""Things followed from picture to picture by where they are; class-agnostic, without a model.

When two things meet, their blobs merge: each track then keeps its own size and speed inside the
common blob until they part. What does not belong here: what a track means (zones.py).
"""

from collections import deque
from dataclasses import dataclass, field

from serambi.analytics.blobs import Blob, Box, area, overlap

TRACKS_MAX = 64
PATH_MAX = 1024  # places remembered of one track
PAST_MAX = 128  # ended tracks remembered

_LOST_S = 2.0  # a track survives this long without a blob
_YOUNG_S = 0.5  # until this age it may be noise


@dataclass(slots=True)
class Track:
    """One thing. `path` holds (time, box), oldest first."""

    number: int
    born_s: float
    box: Box
    area_px: float
    seen_s: float
    speed: tuple[float, float] = (0.0, 0.0)  # pixels a second
    shared: bool = False  # its blob is also another's
    parent: int | None = None  # the track beside which it appeared
    from_rim: bool = False  # it came in over the picture's rim
    path: deque[tuple[float, Box]] = field(default_factory=lambda: deque(maxlen=PATH_MAX))
    farthest_px: float = 0.0  # from where it began, as zones.py measures it

    @property
    def foot(self) -> tuple[float, float]:
        return (self.box[0] + self.box[2]) / 2, float(self.box[3])

    def age_s(self, now_s: float) -> float:
        return now_s - self.born_s

    def real(self) -> bool:
        """Old enough to be more than noise."""
        return self.seen_s - self.born_s >= _YOUNG_S

    def at(self, t_s: float) -> Box | None:
        """Its box at about that time; None when it was not there."""
        if not self.path or t_s < self.path[0][0] - 0.5 or t_s > self.path[-1][0] + 0.5:
            return None
        return min(self.path, key=lambda p: abs(p[0] - t_s))[1]

    def predicted(self, now_s: float) -> Box:
        """Where it should be by now."""
        step = min(now_s - self.seen_s, 1.0)
        dx, dy = round(self.speed[0] * step), round(self.speed[1] * step)
        return self.box[0] + dx, self.box[1] + dy, self.box[2] + dx, self.box[3] + dy


class Tracker:
    """`update` with each picture's blobs; read `tracks` (alive) and `past` (ended)."""

    def __init__(self, size: tuple[int, int]) -> None:
        """`size`: width and height of the picture."""
        self._size = size
        self.tracks: list[Track] = []
        self.past: deque[Track] = deque(maxlen=PAST_MAX)
        self._next = 1

    def update(self, blobs: list[Blob], now_s: float) -> None:
        """Give every blob to the tracks that it continues, and start tracks for the rest."""
        claims = self._claims(blobs, now_s)
        owners: dict[int, list[Track]] = {}
        for track in self.tracks:
            if (chosen := claims.get(track.number)) is not None:
                owners.setdefault(chosen, []).append(track)
        for index, owned in owners.items():
            if len(owned) == 1:
                _follow(owned[0], blobs[index].box, blobs[index].area_px, now_s)
            else:
                self._share(owned, blobs[index], now_s)
        self._end(now_s)
        for index, blob in enumerate(blobs):
            if index not in owners and len(self.tracks) < TRACKS_MAX:
                self._start(blob, now_s)

    def forget(self) -> None:
        """The picture has become another one."""
        self.past.extend(self.tracks)
        self.tracks = []

    def _claims(self, blobs: list[Blob], now_s: float) -> dict[int, int]:
        """Track number -> index of its blob: best pairs first, then what overlaps a taken one."""
        pairs = []
        for track in self.tracks:
            box = track.predicted(now_s)
            for index, blob in enumerate(blobs):
                common = overlap(box, blob.box)
                if common > 0.1 or _near(box, blob.box):
                    alike = min(area(box), area(blob.box)) / max(area(box), area(blob.box))
                    # What lies inside the box but is much smaller is rather a thing put down.
                    pairs.append((common * alike + alike, track.number, index))
        real = {t.number for t in self.tracks if t.real()}
        pairs.sort(key=lambda pair: (pair[1] in real, pair[0]), reverse=True)
        claims: dict[int, int] = {}
        taken: set[int] = set()
        for _, number, index in pairs:
            if number not in claims and index not in taken:
                claims[number] = index
                taken.add(index)
        for track in self.tracks:
            if track.number in claims or not track.real():
                continue
            box = track.predicted(now_s)
            best = max(range(len(blobs)), key=lambda i: overlap(box, blobs[i].box), default=None)
            if best is not None and overlap(box, blobs[best].box) > 0.5:
                claims[track.number] = best
        return claims

    def _share(self, tracks: list[Track], blob: Blob, now_s: float) -> None:
        """One blob, several things: each keeps its size, moves on, and stays inside the blob."""
        for track in tracks:
            left, top, right, bottom = track.predicted(now_s)
            wide = min(right - left, blob.box[2] - blob.box[0])
            high = min(bottom - top, blob.box[3] - blob.box[1])
            left = min(max(left, blob.box[0]), blob.box[2] - wide)
            top = min(max(top, blob.box[1]), blob.box[3] - high)
            track.shared = True
            _move(track, (left, top, left + wide, top + high), now_s, trust=0.1)

    def _start(self, blob: Blob, now_s: float) -> None:
        track = Track(self._next, now_s, blob.box, float(blob.area_px), now_s)
        track.path.append((now_s, blob.box))
        track.parent = next(
            (t.number for t in self.tracks if t.real() and beside(blob.box, t.box)), None
        )
        track.from_rim = at_rim(blob.box, self._size)
        self._next += 1
        self.tracks.append(track)

    def _end(self, now_s: float) -> None:
        alive = []
        for track in self.tracks:
            if now_s - track.seen_s <= (_LOST_S if track.real() else _YOUNG_S):
                alive.append(track)
            elif track.real():
                self.past.append(track)
        self.tracks = alive


def _follow(track: Track, box: Box, area_px: float, now_s: float) -> None:
    track.shared = False
    track.area_px += 0.3 * (area_px - track.area_px)
    _move(track, box, now_s, trust=0.4)


def _move(track: Track, box: Box, now_s: float, *, trust: float) -> None:
    step = max(now_s - track.seen_s, 1e-3)
    dx = (box[0] + box[2] - track.box[0] - track.box[2]) / 2
    dy = (box[1] + box[3] - track.box[1] - track.box[3]) / 2
    vx, vy = track.speed
    track.speed = (vx + trust * (dx / step - vx), vy + trust * (dy / step - vy))
    track.box, track.seen_s = box, now_s
    track.path.append((now_s, box))


def beside(a: Box, b: Box) -> bool:
    """They touch, or would if the second were twice as large."""
    wide, high = (b[2] - b[0]) / 2, (b[3] - b[1]) / 2
    return a[0] < b[2] + wide and a[2] > b[0] - wide and a[1] < b[3] + high and a[3] > b[1] - high


def at_rim(box: Box, size: tuple[int, int]) -> bool:
    """It touches the picture's rim."""
    return box[0] <= 3 or box[1] <= 3 or box[2] >= size[0] - 3 or box[3] >= size[1] - 3


def _near(a: Box, b: Box) -> bool:
    """Small things may move by more than their size between two pictures."""
    reach = 0.6 * max(a[2] - a[0], a[3] - a[1], 8)
    dx = abs(a[0] + a[2] - b[0] - b[2]) / 2
    dy = abs(a[1] + a[3] - b[1] - b[3]) / 2
    return dx < reach and dy < reach
