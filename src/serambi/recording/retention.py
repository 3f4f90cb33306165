"""Old recordings make room: by age and by size, the oldest first, whole segments.

A date that suddenly lies far ahead is not believed for deleting: a battery or a server with a
wrong year must not empty the archive. It is believed when it has held for a day, or when the
recordings themselves have reached a day beyond the leap.

What is gone stands in the index (`Index.deletions`) until the ledger has been told.
"""

import logging
from collections.abc import Sequence
from pathlib import Path

from serambi.base.clock import Clock
from serambi.base.errors import SerambiError
from serambi.base.limits import RETENTION_LEAP_S
from serambi.recording.index import Index, Segment, Why

log = logging.getLogger(__name__)


class Retention:
    """Keeps the recordings of one site within `keep_s` seconds and `keep_bytes` together."""

    def __init__(
        self, folder: Path, index: Index, clock: Clock, *, keep_s: float, keep_bytes: int
    ) -> None:
        self._folder = folder
        self._index = index
        self._clock = clock
        self._keep_s = keep_s
        self._keep_bytes = keep_bytes
        self._offset = clock.now() - clock.monotonic()
        self._steady_since = clock.monotonic()

    def make_room(self) -> int:
        """Delete segments that are too old, and the oldest while all together are too large. The
        newest segment of a camera is being written and stays. -> number deleted."""
        try:
            segments = self._index.segments()
            return self._remove(segments, self._believed_us(segments))
        except (OSError, SerambiError) as error:
            log.error("retention is put off: %s", error)
            return 0

    def _believed_us(self, segments: Sequence[Segment]) -> float:
        """The date that ages are counted from, unix microseconds."""
        now, passed_s = self._clock.now(), self._clock.monotonic()
        if abs(now - passed_s - self._offset) > RETENTION_LEAP_S:
            self._offset, self._steady_since = now - passed_s, passed_s
        if passed_s - self._steady_since >= RETENTION_LEAP_S:
            return now * 1e6
        believed_us = vouched_us(segments, now * 1e6)
        if believed_us < now * 1e6:
            log.warning("the date is far ahead of the recordings: nothing is deleted by it yet")
        return believed_us

    def _remove(self, segments: Sequence[Segment], now_us: float) -> int:
        newest = {segment.camera: segment.id for segment in segments}
        total = sum(segment.size_bytes for segment in segments)
        gone: dict[Why, list[Segment]] = {Why.RETENTION: [], Why.DISK_FULL: []}
        for segment in segments:
            old = max(segment.end_us, segment.start_us) < now_us - self._keep_s * 1e6
            if segment.id == newest[segment.camera] or not (old or total > self._keep_bytes):
                continue
            # The file goes first: a row without a file is repaired at the next start; a file
            # without a row would come back.
            (self._folder / segment.path).unlink(missing_ok=True)
            total -= segment.size_bytes
            gone[Why.RETENTION if old else Why.DISK_FULL].append(segment)
        for why, deleted in gone.items():
            if deleted:
                self._index.delete_segments(deleted, why)
                log.info("%s: %d segments deleted", why, len(deleted))
        return sum(map(len, gone.values()))


def vouched_us(segments: Sequence[Segment], now_us: float) -> float:
    """The latest date, at most `now_us`, that the recordings (in the order of time) lead to
    without a leap; after a leap they vouch for it when they reach a day beyond it."""
    leap_us = RETENTION_LEAP_S * 1e6
    blocks: list[tuple[int, int]] = []  # what lies together: begin and end
    for segment in segments:
        end_us = max(segment.start_us, segment.end_us)
        if blocks and segment.start_us - blocks[-1][1] <= leap_us:
            blocks[-1] = blocks[-1][0], max(blocks[-1][1], end_us)
        else:
            blocks.append((segment.start_us, end_us))
    while len(blocks) > 1 and blocks[-1][1] - blocks[-1][0] < leap_us:
        blocks.pop()
    if not blocks or now_us - blocks[-1][1] <= leap_us:
        return now_us
    return blocks[-1][1]
