"""Windows of an open playback, one after the other: how much is asked for at a time, again after a
failure, and as an MP4 for players that know nothing of Serambi. The site decides each of them.
"""

import asyncio
import logging
from collections.abc import AsyncIterator

from serambi.agreement.request import Step
from serambi.base.clock import Clock
from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import (
    GOP_CACHE_MAX_BYTES,
    PLAYBACK_RETRY_EVERY_S,
    PLAYBACK_WINDOW_BYTES,
)
from serambi.center.asking import Asker
from serambi.center.session import Session
from serambi.center.sessions import Sessions
from serambi.fabric.windows import decode_window
from serambi.media.access_unit import AccessUnit, VideoConfig
from serambi.media.fmp4 import NOMINAL_DURATION, fragment, init_segment
from serambi.media.wire import decode

log = logging.getLogger(__name__)

_SMALLEST_BYTES = 32 * 1024
# A window that takes longer holds up a Stop and a seek on a slow link: the next one is smaller.
_SLOW_S = 0.4
_QUICK_S = 0.2


class Puller:
    """One reader's windows. Pulling is the backpressure: nothing comes that was not asked for."""

    def __init__(self, asker: Asker, sessions: Sessions, session: Session, clock: Clock) -> None:
        self._asker = asker
        self._sessions = sessions
        self._session = session
        self._clock = clock
        self._size_bytes = PLAYBACK_WINDOW_BYTES

    async def window(self, at_us: int, step: Step) -> bytes:
        """The next window as the site sent it (fabric/windows.py). While the link is cut it is
        asked for again, from the same place. Raises NOT_FOUND when the playback is over."""
        while self._sessions.is_open(self._session):
            self._sessions.touch(self._session)
            began_s = self._clock.monotonic()
            try:
                raw = await self._asker.fetch(self._session, at_us, step, self._size_bytes)
            except SerambiError as error:
                if error.kind is not Kind.UNAVAILABLE:
                    raise
                log.info("a window of session %s is asked for again: %s", self._session.id, error)
                self._size_bytes = _SMALLEST_BYTES
                await asyncio.sleep(PLAYBACK_RETRY_EVERY_S)
                continue
            self._adapt(self._clock.monotonic() - began_s)
            if self._sessions.is_open(self._session):
                return raw
        raise SerambiError(
            Kind.NOT_FOUND, "this playback is over", where=f"session {self._session.id}"
        )

    def _adapt(self, took_s: float) -> None:
        if took_s > _SLOW_S:
            self._size_bytes = max(_SMALLEST_BYTES, self._size_bytes // 2)
        elif took_s < _QUICK_S:
            self._size_bytes = min(PLAYBACK_WINDOW_BYTES, self._size_bytes * 2)


async def clip(puller: Puller, from_ms: int, to_ms: int) -> AsyncIterator[bytes]:
    """A fragmented MP4 of the range, piece by piece: from the key frame at or before its begin. It
    ends early where the playback does, or where the camera's picture changes its format. During a
    gap the last picture stands."""
    packer = _Packer()
    at_us = from_ms * 1000
    step: Step = "seek"
    while at_us:
        try:
            at_us, messages = decode_window(await puller.window(at_us, step))
        except SerambiError as error:
            log.info("a clip ends early: %s", error)
            break
        step = "go"
        for message in messages:
            item = decode(message)
            if isinstance(item, AccessUnit) and item.wall_us >= to_ms * 1000:
                at_us = 0
                break
            for piece in packer.take(item):
                yield piece
            if packer.full:
                at_us = 0
                break
    for piece in packer.end():
        yield piece


class _Packer:
    """Units -> groups of pictures in an MP4 that begins at 0. At most one group waits."""

    def __init__(self) -> None:
        self._config: VideoConfig | None = None
        self._group: list[AccessUnit] = []
        self._group_bytes = 0
        self._base_dts: int | None = None
        self._sequence = 0
        self.full = False

    def take(self, item: VideoConfig | AccessUnit) -> list[bytes]:
        """The pieces that are complete with it."""
        if isinstance(item, VideoConfig):
            return self._begin(item)
        done = []
        if item.key or self._group_bytes > GOP_CACHE_MAX_BYTES:
            done = self._flush(item.dts)
        if self._base_dts is None:
            self._base_dts = item.dts
        self._group.append(item)
        self._group_bytes += len(item.data)
        return done

    def _begin(self, config: VideoConfig) -> list[bytes]:
        if self._config is None:
            self._config = config
            return [init_segment(config)]
        self.full = config != self._config
        return []

    def end(self) -> list[bytes]:
        """What still waits."""
        last = self._group[-1].dts if self._group else 0
        return self._flush(last + NOMINAL_DURATION)

    def _flush(self, next_dts: int) -> list[bytes]:
        group, self._group, self._group_bytes = self._group, [], 0
        if not group:
            return []
        self._sequence += 1
        return fragment(self._sequence, group, next_dts, base_dts=self._base_dts or 0)
