"""Writes one camera to the disk: a group of pictures at a time, with one `writev` and one index
row. A crash loses at most the group that was not complete.

Deciding who may see a recording does not belong here, nor does cleaning up (retention.py).
"""

import hashlib
import logging
import os
import sqlite3
from pathlib import Path

from serambi.base.clock import Clock
from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import GOP_CACHE_MAX_BYTES, GOP_CACHE_MAX_UNITS, SEGMENT_S
from serambi.media.access_unit import AccessUnit, VideoConfig
from serambi.media.fmp4 import NOMINAL_DURATION, TIMESCALE, fragment, init_segment
from serambi.recording.index import Fragment, Gap, Index, Segment

log = logging.getLogger(__name__)

GAP_MIN_US = 1_000_000
"""A shorter hole between two runs is within the usual distance of pictures."""


class _File:
    """The segment being written."""

    def __init__(self, descriptor: int, segment: int, size_bytes: int, first: AccessUnit) -> None:
        self.descriptor = descriptor
        self.segment = segment
        self.size_bytes = size_bytes
        self.base_dts = first.dts
        self.start_us = first.wall_us
        self.number = 0


class Recorder:
    """One camera's recordings under `folder`/<camera>. Call `write` from one thread only."""

    def __init__(self, folder: Path, camera: str, index: Index, clock: Clock) -> None:
        self._root = folder
        self._camera = camera
        self._index = index
        self._clock = clock
        self._config: VideoConfig | None = None
        self._file: _File | None = None
        self._group: list[AccessUnit] = []
        self._group_bytes = 0
        self._run_begins = True
        self._gap_cause = "restart"
        self._step = NOMINAL_DURATION
        self.trouble = ""
        (folder / camera).mkdir(parents=True, exist_ok=True)

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
            self._group.append(unit)
            self._group_bytes += len(unit.data)

    def _is_long_enough(self, unit: AccessUnit) -> bool:
        # By the camera's time, which only rises: the machine's date may be set back.
        file = self._file
        return file is not None and unit.dts - file.base_dts >= SEGMENT_S * TIMESCALE

    def _flush(self, following: AccessUnit | None) -> None:
        """Write the group; `following` is the unit after it, for the last one's duration."""
        group, self._group, self._group_bytes = self._group, [], 0
        if not group:
            return
        last = group[-1]
        if len(group) > 1:
            self._step = max(1, last.dts - group[-2].dts)
        end_dts = last.dts + self._step
        if following is not None and last.dts < following.dts < last.dts + 10 * TIMESCALE:
            end_dts = following.dts
        try:
            self._write(group, end_dts)
        except (OSError, sqlite3.Error) as error:
            self.trouble = f"cannot record: {getattr(error, 'strerror', None) or error}"
            self._abandon(group, end_dts)
            raise SerambiError(
                Kind.UNAVAILABLE,
                self.trouble,
                where=str(self._root / self._camera),
                hint="free space on the disk, or keep recordings for fewer days",
            ) from error
        self.trouble = ""

    def _write(self, group: list[AccessUnit], end_dts: int) -> None:
        file = self._file or self._open_file(group[0])
        parts = fragment(file.number + 1, group, end_dts, base_dts=file.base_dts)
        sha256 = hashlib.sha256()
        for part in parts:
            sha256.update(part)
        size_bytes = sum(len(part) for part in parts)
        _write_all(file.descriptor, parts)
        ticks = end_dts - group[-1].dts
        self._index.add_fragment(
            file.segment,
            Fragment(
                number=file.number,
                start_us=group[0].wall_us,
                end_us=group[-1].wall_us + ticks * 1_000_000 // TIMESCALE,
                offset=file.size_bytes,
                size_bytes=size_bytes,
                units=len(group),
                key=group[0].key,
                sha256=sha256.digest(),
            ),
        )
        file.size_bytes += size_bytes
        file.number += 1

    def _open_file(self, first: AccessUnit) -> _File:
        config = self._config
        if config is None:
            raise SerambiError(Kind.BAD_INPUT, "a picture came before its configuration")
        self._mark_gap(first)
        path = f"{self._camera}/{first.wall_us}.mp4"
        init = init_segment(config)
        descriptor = os.open(self._root / path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
        try:
            _write_all(descriptor, [init])
            segment = self._index.add_segment(
                Segment(
                    0,
                    self._camera,
                    path,
                    first.wall_us,
                    0,
                    len(init),
                    0,
                    config.codec,
                    config.width,
                    config.height,
                )
            )
        except BaseException:
            os.close(descriptor)
            (self._root / path).unlink(missing_ok=True)
            raise
        self._file = _File(descriptor, segment, len(init), first)
        return self._file

    def _mark_gap(self, first: AccessUnit) -> None:
        """A run begins: what lies between it and the last picture is a gap with a cause."""
        end_us = self._index.end_of(self._camera)
        if self._run_begins and end_us and first.wall_us - end_us >= GAP_MIN_US:
            self._index.add_gap(Gap(self._camera, end_us, first.wall_us, self._gap_cause))
        self._run_begins = False

    def _abandon(self, group: list[AccessUnit], end_dts: int) -> None:
        """The disk refused: cut the file back to whole fragments and mark what is missing."""
        file, self._file = self._file, None
        if file is not None:
            try:
                os.ftruncate(file.descriptor, file.size_bytes)
            except OSError as error:  # what is left over is cut off at the next start
                log.error("%s: %s", self._camera, error)
            finally:
                os.close(file.descriptor)
        self._run_begins = True
        self._gap_cause = "disk"
        log.error("%s: %d pictures could not be recorded", self._camera, len(group))

    def _close_file(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            os.close(file.descriptor)


def _write_all(descriptor: int, parts: list[bytes]) -> None:
    """One `writev`; the rest again if the kernel took only a part."""
    left = [part for part in parts if part]
    # The kernel takes at most 1,024 pieces at once.
    while left:
        written = os.writev(descriptor, left[:1024])
        while left and written >= len(left[0]):
            written -= len(left.pop(0))
        if written:
            left[0] = left[0][written:]
