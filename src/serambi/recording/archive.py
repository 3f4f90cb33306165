"""Reads recorded pictures back, a bounded window at a time, unchanged but for their times.

Who may see them is decided elsewhere; `spans` says what, and nothing outside of them is given.
"""

import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import (
    GOP_CACHE_MAX_UNITS,
    PLAYBACK_FRAGMENTS_AT_ONCE,
    PLAYBACK_LISTED_MAX,
)
from serambi.media.access_unit import AccessUnit, VideoConfig
from serambi.media.wire import encode_config, encode_unit
from serambi.recording.boxes import Sample, read_record, read_samples
from serambi.recording.index import GAP_MIN_US, Fragment, Gap, Index, Segment

log = logging.getLogger(__name__)

Span = tuple[int, int]
"""From, until (not included), unix microseconds."""

_BEYOND = 8
"""A seek brings so many pictures after the moment: the first says that none is missing before it,
and a decoder with threads gives a picture away when it has got others."""
_LENGTH_BYTES = 4
_HEADS_BYTES = 30 + _LENGTH_BYTES  # before each picture in a window
_MOOF_MAX_BYTES = 256 + 16 * (GOP_CACHE_MAX_UNITS + 1)


@dataclass(slots=True)
class Read:
    """Live messages (media/wire.py), the configuration first, and where to go on (unix
    microseconds): 0 when nothing is left."""

    next_us: int = 0
    messages: list[bytes] = field(default_factory=list)
    size_bytes: int = 0
    config: bytes = b""
    beyond: int = 0

    def add(self, config: bytes, unit: bytes) -> None:
        """A picture, behind its configuration where that is another one."""
        added = (unit,) if config == self.config else (config, unit)
        self.config = config
        self.messages += added
        self.size_bytes += sum(len(message) + _LENGTH_BYTES for message in added)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A window: the pictures of `spans` (in order) from `at_us` on, `size_bytes` of them but at
    least one. `seek` begins with the key frame of the picture that stands at `at_us` and ends soon
    after that one, `go` begins with the first picture not before `at_us`, `keys` gives the first
    picture of each group only."""

    spans: Sequence[Span]
    at_us: int
    step: Literal["", "seek", "go", "keys"]
    size_bytes: int


class Archive:
    """One site's recordings, for reading. Its methods block; call them in a thread."""

    def __init__(self, folder: Path, index: Index) -> None:
        self._folder = folder
        self._index = index

    def listed(self, camera: str, span: Span) -> tuple[list[Span], list[Gap]]:
        """When there are pictures in `span`, and the gaps with their causes, cut to it; no more
        than PLAYBACK_LISTED_MAX of each."""
        begin, end = span
        there = [
            (max(start, begin), min(stop, end))
            for start, stop in self._index.spans(camera, begin, end, PLAYBACK_LISTED_MAX)
        ]
        gaps = [
            Gap(camera, max(gap.from_us, begin), min(gap.to_us, end), gap.cause)
            for gap in self._index.gaps(camera)
            if gap.from_us < end and gap.to_us > begin
        ]
        return there, gaps[-PLAYBACK_LISTED_MAX:]

    def window(self, camera: str, wanted: Wanted) -> Read:
        """The next pictures. Decoding times count 90 kHz from the first span's begin. What has been
        deleted meanwhile is passed over."""
        read = Read()
        for span in wanted.spans:
            at_us = max(wanted.at_us, span[0])
            if wanted.step == "seek" and at_us == wanted.at_us < span[1]:
                at_us = self._stands(camera, at_us)
            while at_us < span[1]:
                found = self._index.within(camera, at_us, span[1], PLAYBACK_FRAGMENTS_AT_ONCE)
                for segment, fragment in found:
                    # What begins before the span needs pictures that are not ours to give.
                    whole = fragment.key and fragment.start_us >= span[0]
                    if whole and self._take(read, wanted, span, segment, fragment):
                        return read
                if len(found) < PLAYBACK_FRAGMENTS_AT_ONCE:
                    break
                at_us = found[-1][1].end_us
        return read

    def _stands(self, camera: str, at_us: int) -> int:
        """Where the group begins whose picture is on the screen at `at_us`: a hole of less than
        GAP_MIN_US is none, and a key frame may be shown later than it came."""
        near = at_us - GAP_MIN_US, at_us + 1
        found = self._index.within(camera, *near, PLAYBACK_FRAGMENTS_AT_ONCE)
        for segment, fragment in reversed(found):
            if fragment.start_us + self._delay_us(segment, fragment) <= at_us:
                return fragment.start_us
        return at_us

    def _delay_us(self, segment: Segment, fragment: Fragment) -> int:
        """How much later than it came the group's first picture is shown; 0 if that is unknown."""
        try:
            descriptor = os.open(self._folder / segment.path, os.O_RDONLY)
        except OSError:
            return 0
        try:
            first, _ = next(_pictures(descriptor, fragment))
            return first.shift * 100 // 9
        except (OSError, SerambiError):
            return 0
        finally:
            os.close(descriptor)

    def _take(
        self, read: Read, wanted: Wanted, span: Span, segment: Segment, fragment: Fragment
    ) -> bool:
        """Add one group's pictures; True when the window is full, and then `next_us` is the first
        that is missing."""
        seeking = wanted.step == "seek"
        begin_us = fragment.start_us if seeking and not read.messages else wanted.at_us
        try:
            descriptor = os.open(self._folder / segment.path, os.O_RDONLY)
        except FileNotFoundError:
            return False
        try:
            config = _config(descriptor, segment)
            for sample, wall_us in _pictures(descriptor, fragment):
                if wall_us < begin_us:
                    continue
                if wall_us >= span[1] or (wanted.step == "keys" and sample.ticks):
                    return False
                adds = sample.size_bytes + _HEADS_BYTES
                read.beyond += seeking and wall_us > wanted.at_us
                full = read.size_bytes + adds > wanted.size_bytes or read.beyond > _BEYOND
                if read.messages and full:
                    read.next_us = wall_us
                    return True
                data = os.pread(descriptor, sample.size_bytes, fragment.offset + sample.at)
                dts = (wall_us - wanted.spans[0][0]) * 9 // 100
                unit = AccessUnit(dts + sample.shift, dts, sample.key, wall_us, data)
                read.add(config, encode_unit(unit, 0))
        except (OSError, SerambiError) as error:
            log.warning("%s: a recorded group cannot be read: %s", segment.path, error)
        finally:
            os.close(descriptor)
        return False


def _config(descriptor: int, segment: Segment) -> bytes:
    record = read_record(os.pread(descriptor, segment.init_bytes, 0))
    if record is None:
        raise SerambiError(Kind.CORRUPT, "the file's beginning is not one of ours")
    return encode_config(VideoConfig(segment.codec, record, segment.width, segment.height))


def _pictures(descriptor: int, fragment: Fragment) -> Iterator[tuple[Sample, int]]:
    """The pictures of a group and when each came."""
    size = int.from_bytes(os.pread(descriptor, 4, fragment.offset), "big")
    samples = None
    if 16 <= size <= min(_MOOF_MAX_BYTES, fragment.size_bytes):
        samples = read_samples(os.pread(descriptor, size, fragment.offset))
    if samples is None or samples[-1].at + samples[-1].size_bytes != fragment.size_bytes:
        raise SerambiError(Kind.CORRUPT, "a group of pictures is not as it was written")
    return zip(samples, _walls(samples, fragment), strict=True)


def _walls(samples: Sequence[Sample], fragment: Fragment) -> list[int]:
    """When each picture came: the index knows of the first and of the end, the camera's clock of
    what lies between. Always rising, so that a time names one picture."""
    ticks = samples[-1].ticks + samples[-1].duration or 1
    lasts_us = fragment.end_us - fragment.start_us
    walls: list[int] = []
    for sample in samples:
        wall = fragment.start_us + sample.ticks * lasts_us // ticks
        walls.append(max(wall, walls[-1] + 1) if walls else wall)
    return walls
