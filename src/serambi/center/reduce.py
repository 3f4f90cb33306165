"""A link that cannot carry the main stream: viewers are moved to the camera's substream, told so,
and brought back when the link has been calm.

Both ways are ordinary signed requests; the site decides and writes down each of them. DROP is
silent, so what is counted here is what did not arrive.
"""

import asyncio
import json
import logging
from collections import deque
from dataclasses import dataclass, field
from itertools import pairwise

from serambi.base.clock import Clock
from serambi.base.errors import SerambiError
from serambi.base.limits import (
    REDUCE_ATTEMPTS,
    REDUCE_CALM_FIRST_S,
    REDUCE_CALM_MAX_S,
    REDUCE_LOSS_SHARE,
    REDUCE_LOST_SECONDS,
    REDUCE_PROVEN_S,
    REDUCE_TRIES_MAX,
    REDUCE_WINDOW_S,
)
from serambi.center.live import Feed, Hub
from serambi.center.session import Session
from serambi.center.sessions import Sessions
from serambi.fabric.messages import Stream

log = logging.getLogger(__name__)

REDUCED = json.dumps({"reduced": "sub", "why": "link"})
RESTORED = json.dumps({"reduced": ""})
_SAMPLE_EVERY_S = 1.0
_Camera = tuple[str, str]


@dataclass(slots=True)
class _Meter:
    """One feed's counts, a second apart, over the window."""

    feed: Feed
    samples: deque[tuple[int, int]] = field(default_factory=deque)

    def sample(self) -> None:
        tally = self.feed.tally
        self.samples.append((tally.got, tally.missing))
        if len(self.samples) > REDUCE_WINDOW_S / _SAMPLE_EVERY_S + 1:
            self.samples.popleft()

    def lost_now(self) -> bool:
        """Whether something was lost since the sample before the last."""
        return len(self.samples) > 1 and self.samples[-1][1] > self.samples[-2][1]

    def saturated(self) -> bool:
        """A good share lost over the window, and not in a single moment: one burst is no trend."""
        seen = list(self.samples)
        lost_seconds = sum(b[1] > a[1] for a, b in pairwise(seen))
        if lost_seconds < REDUCE_LOST_SECONDS:
            return False
        got, missing = (seen[-1][at] - seen[0][at] for at in (0, 1))
        return missing >= REDUCE_LOSS_SHARE * (got + missing)


@dataclass(slots=True)
class _Course:
    """Where a camera's viewers belong, since when without loss, and how much calm it takes to
    try the main stream again."""

    stream: Stream = "main"
    calm_since_s: float = 0.0
    wait_s: float = REDUCE_CALM_FIRST_S
    tries: int = 0
    attempts: dict[str, int] = field(default_factory=dict)
    moving: bool = False


class Reducer:
    """Call `tick` often; it looks once a second. Lives on the event loop."""

    def __init__(
        self, hub: Hub, sessions: Sessions, clock: Clock, group: asyncio.TaskGroup
    ) -> None:
        self._hub = hub
        self._sessions = sessions
        self._clock = clock
        self._group = group
        self._meters: dict[tuple[str, str, str], _Meter] = {}
        self._courses: dict[_Camera, _Course] = {}
        self._next_s = 0.0

    def tick(self) -> None:
        now_s = self._clock.monotonic()
        if now_s < self._next_s:
            return
        self._next_s = now_s + _SAMPLE_EVERY_S
        wanting = self._wanting_main()
        self._courses = {at: c for at, c in self._courses.items() if at in wanting or c.moving}
        self._sample()
        for camera, sessions in wanting.items():
            course = self._courses.setdefault(camera, _Course())
            if not course.moving:
                self._steer(camera, course, sessions, now_s)

    def _wanting_main(self) -> dict[_Camera, list[Session]]:
        wanting: dict[_Camera, list[Session]] = {}
        for session in self._sessions.all():
            if session.wanted == "main":
                wanting.setdefault((session.site, session.camera), []).append(session)
        return wanting

    def _sample(self) -> None:
        feeds = {feed.key: feed for feed in self._hub.feeds()}
        for key, feed in feeds.items():
            meter = self._meters.get(key)
            if meter is None or meter.feed is not feed:
                meter = self._meters[key] = _Meter(feed)
            meter.sample()
        self._meters = {key: meter for key, meter in self._meters.items() if key in feeds}

    def _steer(
        self, camera: _Camera, course: _Course, sessions: list[Session], now_s: float
    ) -> None:
        astray = [s for s in sessions if s.stream != course.stream and self._may_try(course, s)]
        if astray:
            # Came while the camera was reduced, or could not be moved with the others.
            self._send(course, astray)
            return
        main, sub = (self._meters.get((*camera, stream)) for stream in ("main", "sub"))
        if course.stream == "sub":
            if sub is not None and sub.lost_now():
                course.calm_since_s = now_s
            calm_s = now_s - course.calm_since_s
            if calm_s >= course.wait_s and course.tries < REDUCE_TRIES_MAX:
                course.tries += 1
                self._turn(camera, course, sessions, "main", now_s)
        elif main is not None and main.saturated():
            if course.tries:
                course.wait_s = min(course.wait_s * 2, REDUCE_CALM_MAX_S)
            self._turn(camera, course, sessions, "sub", now_s)
        elif course.tries and now_s - course.calm_since_s >= REDUCE_PROVEN_S:
            course.tries = 0
            course.wait_s = REDUCE_CALM_FIRST_S

    @staticmethod
    def _may_try(course: _Course, session: Session) -> bool:
        return course.attempts.get(session.id, 0) < REDUCE_ATTEMPTS

    def _turn(
        self,
        camera: _Camera,
        course: _Course,
        sessions: list[Session],
        stream: Stream,
        now_s: float,
    ) -> None:
        log.info("camera %s: views move to the %s stream", camera[1], stream)
        course.stream = stream
        course.calm_since_s = now_s
        course.attempts.clear()
        for meter in (self._meters.get((*camera, name)) for name in ("main", "sub")):
            if meter is not None:
                meter.samples.clear()
        self._send(course, sessions)

    def _send(self, course: _Course, sessions: list[Session]) -> None:
        course.moving = True
        for session in sessions:
            course.attempts[session.id] = course.attempts.get(session.id, 0) + 1
        self._group.create_task(self._move_all(course, sessions))

    async def _move_all(self, course: _Course, sessions: list[Session]) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for session in sessions:
                    group.create_task(self._move_one(session, course.stream))
        finally:
            course.moving = False

    async def _move_one(self, session: Session, stream: Stream) -> None:
        told = RESTORED if stream == "main" else REDUCED
        try:
            await self._sessions.switch(session, stream, told)
        except SerambiError as error:
            # The view goes on as it is; REDUCE_ATTEMPTS times it is tried again.
            log.info("session %s stays on %s: %s", session.id, session.stream, error)
