"""Writes one camera to the disk: a group of pictures at a time, with one `writev`. A kill loses at
most the group that was not complete; what a power cut may cost is the syncer's promise.

Times never run back, whatever the machine's date does: a segment has no hole inside it, and what
lies between two segments is marked with its cause. Deciding who may see a recording does not
belong here, nor does making durable (syncer.py) or cleaning up (retention.py).
"""

import hashlib
import logging
from pathlib import Path

from serambi.base.clock import Clock
from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import GOP_CACHE_MAX_BYTES, GOP_CACHE_MAX_UNITS, SEGMENT_S
from serambi.media.access_unit import AccessUnit, VideoConfig
from serambi.media.fmp4 import NOMINAL_DURATION, TIMESCALE, fragment, init_segment
from serambi.recording.index import GAP_MIN_US, Fragment, Gap, Segment
from serambi.recording.syncer import OpenFile, Syncer

log = logging.getLogger(__name__)

_STALL_US = 10_000_000
"""A group of pictures may arrive that much more slowly than it was taken."""

_CLOCK_BACK = "clock set back"


class Recorder:
    """One camera's recordings under `folder`/<camera>. Call `write` from one thread only."""

    def __init__(self, folder: Path, camera: str, syncer: Syncer, clock: Clock) -> None:
        self._root = folder
        self._camera = camera
        self._syncer = syncer
        self._clock = clock
        self._config: VideoConfig | None = None
        self._file: OpenFile | None = None
        self._group: list[AccessUnit] = []
        self._group_bytes = 0
        self._run_begins = True
        self._gap_cause = "restart"
        self._step = NOMINAL_DURATION
        self._end_us = -1  # of what is recorded; not looked up yet
        self._missed_from_us = 0  # earlier than the end when the disk lost what was written
        self._date_offset_s = self._group_offset_s = 0.0
        self.trouble = ""

    def write(self, item: VideoConfig | AccessUnit | None) -> None:
        """Take what the camera sent; None ends a run. Raises `SerambiError` when the disk refuses:
        the group is lost and marked, the next key frame tries again."""
        if isinstance(item, AccessUnit):
            self._take(item)
            return
        self._flush(None)
        self._close_file()
        if item is None:
            self._run_begins = True
            self._gap_cause = "camera not connected"
        else:
            self._config = item

    def close(self) -> None:
        """Write what is there and close the file."""
        try:
            self._flush(None)
        finally:
            self._close_file()

    def _take(self, unit: AccessUnit) -> None:
        full = (
            len(self._group) >= GOP_CACHE_MAX_UNITS
            or self._group_bytes + len(unit.data) > GOP_CACHE_MAX_BYTES
        )
        try:
            if unit.key or full:
                self._flush(unit)
        finally:
            # A disk that refused the group before must not cost this one too.
            self._begin_with(unit)

    def _begin_with(self, unit: AccessUnit) -> None:
        if unit.key and self._is_long_enough(unit):
            self._close_file()
        if self._config is not None and (unit.key or self._group or self._file):
            if not self._group:
                self._group_offset_s = unit.wall_us / 1e6 - self._clock.monotonic()
            self._group.append(unit)
            self._group_bytes += len(unit.data)

    def _is_long_enough(self, unit: AccessUnit) -> bool:
        # By the camera's time, which only rises: the machine's date may be set back.
        file = self._file
        return file is not None and unit.dts - file.base_dts >= SEGMENT_S * TIMESCALE

    def _flush(self, following: AccessUnit | None) -> None:
        """Write the group; `following` is the unit after it, for the last one's duration."""
        group, self._group, self._group_bytes = self._group, [], 0
        offset_s = self._group_offset_s
        if not group:
            return
        last = group[-1]
        if len(group) > 1:
            self._step = max(1, last.dts - group[-2].dts)
        end_dts = last.dts + self._step
        if following is not None and last.dts < following.dts < last.dts + 10 * TIMESCALE:
            end_dts = following.dts
        try:
            self._check_ready()
            self._write(group, end_dts, offset_s)
        except (OSError, SerambiError) as error:
            self._abandon(len(group))
            what = error.what if isinstance(error, SerambiError) else error.strerror or str(error)
            self.trouble = f"cannot record: {what}"
            raise SerambiError(
                Kind.UNAVAILABLE,
                self.trouble,
                where=str(self._root / self._camera),
                hint="look at the disk: free space, or keep recordings for fewer days",
            ) from error
        self.trouble = ""

    def _check_ready(self) -> None:
        if not self._syncer.ready:
            raise SerambiError(
                Kind.UNAVAILABLE, self._syncer.trouble or "recordings are still being checked"
            )
        if self._file is not None and self._file.trouble:
            raise SerambiError(Kind.UNAVAILABLE, self._file.trouble)
        if self._end_us < 0:
            self._end_us = self._missed_from_us = self._syncer.index.end_of(self._camera)

    def _write(self, group: list[AccessUnit], end_dts: int, offset_s: float) -> None:
        start_us, end_us = self._place(group, end_dts)
        if start_us - self._end_us >= GAP_MIN_US or self._run_begins:
            self._close_file()
        file = self._file or self._open_file(group[0], start_us, offset_s)
        parts = fragment(file.fragments + 1, group, end_dts, base_dts=file.base_dts)
        sha256 = hashlib.sha256()
        for part in parts:
            sha256.update(part)
        size_bytes = sum(len(part) for part in parts)
        self._syncer.disk.append(file.descriptor, parts)
        row = Fragment(
            number=file.fragments,
            start_us=start_us,
            end_us=end_us,
            offset=file.size_bytes,
            size_bytes=size_bytes,
            units=len(group),
            key=group[0].key,
            sha256=sha256.digest(),
        )
        self._syncer.wrote(file, row)
        file.size_bytes += size_bytes
        file.fragments += 1
        self._end_us = self._missed_from_us = end_us
        self._date_offset_s = offset_s

    def _place(self, group: list[AccessUnit], end_dts: int) -> tuple[int, int]:
        """When the group begins and ends: by the date at its arrival, but never before the end of
        the one before it. While the date is behind, time goes on by the camera's clock, a little
        slower, so that both meet again."""
        duration_us = max(1, (end_dts - group[0].dts) * 1_000_000 // TIMESCALE)
        tail_us = (end_dts - group[-1].dts) * 1_000_000 // TIMESCALE
        start_us = max(group[0].wall_us, self._end_us)
        end_us = group[-1].wall_us + tail_us
        if end_us <= start_us:
            return start_us, start_us + max(1, duration_us * 9 // 10)
        if end_us - start_us > duration_us + _STALL_US:
            # The date was set forward in the middle of the group.
            return start_us, start_us + duration_us
        return start_us, end_us

    def _open_file(self, first: AccessUnit, start_us: int, offset_s: float) -> OpenFile:
        config = self._config
        if config is None:
            raise SerambiError(Kind.BAD_INPUT, "a picture came before its configuration")
        path = f"{self._camera}/{start_us}.mp4"
        init = init_segment(config)
        descriptor = self._syncer.disk.create(self._root / path)
        segment = Segment(
            0, self._camera, path, start_us, 0, len(init), 0, config.codec, config.width,
            config.height,
        )  # fmt: skip
        file = OpenFile(descriptor, segment, len(init), first.dts, self._missed_from_us or start_us)
        self._file = file
        self._syncer.disk.append(descriptor, [init])
        self._mark_gap(first.wall_us, start_us, offset_s)
        return file

    def _mark_gap(self, wall_us: int, start_us: int, offset_s: float) -> None:
        """What lies between a new segment and the last picture is a gap with a cause."""
        hole_us = start_us - self._missed_from_us
        if self._run_begins:
            cause = self._gap_cause if wall_us >= self._end_us else _CLOCK_BACK
        else:
            set_us = (offset_s - self._date_offset_s) * 1e6
            cause = "clock set forward" if set_us > hole_us / 2 else "no pictures"
        if self._end_us and hole_us >= GAP_MIN_US:
            self._syncer.missed(Gap(self._camera, self._missed_from_us, start_us, cause))
        elif self._end_us and cause is _CLOCK_BACK:
            log.warning("%s: the date is behind the recordings", self._camera)
        self._run_begins = False

    def _abandon(self, pictures: int) -> None:
        """The disk refused: cut the file back to whole fragments and mark what is missing."""
        file = self._file
        if file is not None:
            if file.trouble:
                self._missed_from_us = file.durable_us
            try:
                self._syncer.disk.cut(file.descriptor, file.size_bytes)
            except OSError as error:  # what is left over is cut off at the next start
                log.error("%s: %s", self._camera, error)
            self._close_file()
        if self._syncer.ready:
            self._gap_cause = "disk"
        self._run_begins = True
        if not self.trouble:
            log.error("%s: %d pictures could not be recorded", self._camera, pictures)

    def _close_file(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            self._syncer.ended(file)
