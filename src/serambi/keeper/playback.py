"""Recorded pictures for an open playback: which of them, how far, how many at once.

Whether is decided in agreement/decide; sessions.py asks it before every window. This module only
ever takes away: what was recorded before the agreement began, out of its hours, while the owner
had stopped the camera or while its view was suspended is not played either.
"""

import asyncio
import re
from dataclasses import dataclass

from serambi.agreement.decide import Reason, State
from serambi.agreement.recorded import covered, without
from serambi.agreement.request import Request
from serambi.base.limits import (
    CLOCK_SKEW_MAX_S,
    PLAYBACK_LIST_MAX_S,
    PLAYBACK_LISTED_MAX,
    PLAYBACK_RANGE_MAX_S,
    PLAYBACK_WINDOW_BYTES,
)
from serambi.fabric.messages import RecordedGap, RecordedSpan
from serambi.fabric.windows import encode_window
from serambi.keeper.journal import Journal
from serambi.recording.archive import Archive, Span, Wanted

_SESSION = re.compile(r"[0-9a-f]{32}")
_MARGIN_S = 1.0
"""A stop is written a moment after it was made."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What there is in a range; times in unix milliseconds."""

    spans: tuple[RecordedSpan, ...]
    gaps: tuple[RecordedGap, ...]


NOTHING = Recorded((), ())


class Playback:
    """The recordings of one site, as requests may ask for them."""

    def __init__(self, archive: Archive, journal: Journal) -> None:
        self._archive = archive
        self._journal = journal

    @staticmethod
    def check(request: Request, now: float) -> Reason:
        """Whether the range is one that can be asked for: of the past, and not too long."""
        begin, end = request.from_ms / 1000, request.to_ms / 1000
        # The session's id names what is let out: it must never be the name of a live stream.
        named = _SESSION.fullmatch(request.session) is not None
        if not named or request.stream != "main" or not 0 < begin < end <= now + CLOCK_SKEW_MAX_S:
            return Reason.BAD_REQUEST
        longest_s = PLAYBACK_LIST_MAX_S if request.kind == "list" else PLAYBACK_RANGE_MAX_S
        return Reason.ALLOWED if end - begin <= longest_s else Reason.LIMIT

    async def permitted(self, state: State, request: Request, number: str) -> tuple[Span, ...]:
        """What of the range may be played under this agreement. Raises when it cannot be told."""
        asked = request.from_ms / 1000, request.to_ms / 1000
        agreement = next(a for a in state.agreements if a.agreement.number == number)
        spans = covered(agreement, state.site, request.camera, asked)
        held = await asyncio.to_thread(self._journal.shut_spans, request.camera, asked[0])
        shut = [(begin - _MARGIN_S, end) for begin, end in held]
        return tuple((round(begin * 1e6), round(end * 1e6)) for begin, end in without(spans, shut))

    async def recorded(self, camera: str, spans: tuple[Span, ...]) -> Recorded:
        """When there are pictures, and why there are none."""
        there: list[RecordedSpan] = []
        missing: list[RecordedGap] = []
        for span in spans:
            found, gaps = await asyncio.to_thread(self._archive.listed, camera, span)
            there += (RecordedSpan(a // 1000, -(-b // 1000)) for a, b in found)
            missing += (RecordedGap(g.from_us // 1000, -(-g.to_us // 1000), g.cause) for g in gaps)
        return Recorded(tuple(there[:PLAYBACK_LISTED_MAX]), tuple(missing[:PLAYBACK_LISTED_MAX]))

    async def window(self, request: Request, spans: tuple[Span, ...]) -> bytes:
        """The next window of an open playback, encoded."""
        size_bytes = min(request.size_bytes or PLAYBACK_WINDOW_BYTES, PLAYBACK_WINDOW_BYTES)
        wanted = Wanted(spans, request.at_us, request.step, size_bytes)
        read = await asyncio.to_thread(self._archive.window, request.camera, wanted)
        return encode_window(read.next_us, read.messages)
