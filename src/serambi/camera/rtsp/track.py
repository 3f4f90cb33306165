"""The video track of one connection: RTP and RTCP packets in, access units out. No I/O, no clock.

Nothing a camera sends raises here, but for the end it announces: what is damaged or not ours is
counted and left out.
"""

import struct
from functools import lru_cache
from typing import Final

from serambi.base.errors import Kind, SerambiError
from serambi.camera.pictures import BY_CODEC
from serambi.camera.rtsp.h264 import H264Depacketizer
from serambi.camera.rtsp.h265 import H265Depacketizer
from serambi.camera.rtsp.nals import Depacketizer, Picture
from serambi.camera.rtsp.rtp import (
    HEADER,
    Goodbye,
    Order,
    SenderReport,
    bounds,
    later,
    parse_reports,
)
from serambi.camera.rtsp.sdp import Video
from serambi.camera.source import Emit
from serambi.camera.timeline import TIMESCALE

_DEPACKETIZERS: dict[str, type[Depacketizer]] = {"h264": H264Depacketizer, "h265": H265Depacketizer}
_PLAIN: Final = 0x80  # version 2, no padding, no extension, no further sources
_HEAD: Final = HEADER.size
_STRAYS_MAX = 32
_HALF: Final = 1 << 31
_FRAME: Final = struct.Struct(">BBH")
_STAMP: Final = struct.Struct(">II")
_FRAMING: Final = 4
_DOLLAR: Final = 0x24


@lru_cache(256)
def _layout(framing: int, fragment_bytes: int, content_bytes: int) -> struct.Struct:
    """Framing and first bytes, number, the rest of the header and the fragment's, content."""
    return struct.Struct(f">{framing + 2}sH{8 + fragment_bytes}s{content_bytes}s")


class Track:
    """`window` packets may overtake each other (`Order`); 0 over TCP. `channel` is where its
    packets are interleaved. Set `wall_us`, unix microseconds, before packets are handed over."""

    def __init__(self, video: Video, emit: Emit, *, window: int = 0, channel: int = 0) -> None:
        self.wall_us = 0
        self.channel = channel
        self.strays = 0
        self.heard = False
        self.clock_offset_s: float | None = None
        self._pictures = BY_CODEC[video.codec](emit, video.parameter_sets)
        self._depacketizer = _DEPACKETIZERS[video.codec]()
        self._order = Order(window)
        self._payload_type = video.payload_type
        self._plain = bytes((_PLAIN, video.payload_type))
        self._clock_hz = video.clock_hz
        self._ssrc = -1
        self._stray_ssrc = -1
        self._strays_in_row = 0
        self._timestamp = -1
        self._time = 0
        self._refused = 0
        self._malformed = 0

    @property
    def lost(self) -> int:
        """Packets that never came, or came damaged, and pictures that could not be put together
        though nothing was missing."""
        return self._order.lost + self._malformed + self._refused + self._depacketizer.damaged

    @property
    def started(self) -> bool:
        """Whether a picture to begin with has come."""
        return self._pictures.started

    @property
    def waiting(self) -> bool:
        """Whether packets wait for others that they overtook."""
        return self._order.waiting

    def expect(self, ssrc: int) -> None:
        """The camera has announced its source."""
        self._ssrc = ssrc

    def interleaved(self, data: bytes, at: int) -> int:
        """Take packets that are interleaved on `channel` in `data` from `at` on, until something
        else comes. Returns where it stopped."""
        end = len(data)
        while at + _FRAMING <= end:
            dollar, channel, size = _FRAME.unpack_from(data, at)
            stop = at + _FRAMING + size
            if stop > end or channel != self.channel or dollar != _DOLLAR:
                break
            self.packet(data[at + _FRAMING : stop])
            at = self._same(data, at, stop, _FRAMING)
        return at

    def datagrams(self, data: bytes | memoryview, size: int) -> None:
        """Take datagrams of `size` bytes each, the last one of what is left. `data` is not kept."""
        at, end = 0, len(data)
        while at < end:
            stop = min(at + size, end)
            self.packet(bytes(data[at:stop]))
            at = self._same(data, at, stop, 0)

    def _same(self, data: bytes | memoryview, before: int, at: int, framing: int) -> int:
        """Behind the packet from `before` to `at`: take those that differ from it by nothing but
        number and content, fragments in the middle of a unit. It is what comes mostly, and where
        most of the time goes. Returns where it stopped."""
        order, depacketizer = self._order, self._depacketizer
        append, fragment = depacketizer.middle, depacketizer.middle_head
        size = at - before
        content_bytes = size - framing - _HEAD - len(fragment)
        if append is None or order.waiting or content_bytes < 1:
            return at
        layout = _layout(framing, len(fragment), content_bytes)
        head = bytes(data[before : before + framing]) + self._plain
        tail = _STAMP.pack(depacketizer.timestamp, self._ssrc) + fragment
        expected, count = order.expected, 0
        whole = at + (len(data) - at) // size * size
        for packet_head, number, packet_tail, content in layout.iter_unpack(
            memoryview(data)[at:whole]
        ):
            if number != expected or packet_tail != tail or packet_head != head:
                break
            append(content)
            expected = (expected + 1) & 0xFFFF
            count += 1
        if count:
            order.expected = expected
            depacketizer.grew(count * content_bytes)
        return at + count * size

    def packet(self, raw: bytes) -> None:
        """One RTP packet."""
        size = len(raw)
        if size < _HEAD:
            self._malformed += 1
            return
        first, second, sequence, timestamp, ssrc = HEADER.unpack_from(raw)
        begin = _HEAD
        if first != _PLAIN:
            try:
                begin, size = bounds(raw, first)
            except SerambiError:
                self._malformed += 1
                return
        if ssrc != self._ssrc and not self._is_ours(ssrc):
            return
        self._strays_in_row = 0
        self.heard = True
        if second & 0x7F != self._payload_type:
            return
        order = self._order
        if sequence == order.expected and not order.waiting:
            order.expected = (sequence + 1) & 0xFFFF
            self._push(raw[begin:size], timestamp, second >= 0x80)
        else:
            order.put(sequence, timestamp, second >= 0x80, raw[begin:size])
            self._release()

    def report(self, raw: bytes, wall_s: float) -> None:
        """One RTCP packet, at `wall_s` by our clock. Raises UNAVAILABLE at a goodbye."""
        try:
            reports = parse_reports(raw)
        except SerambiError:
            return  # it carries no picture
        for report in reports:
            if isinstance(report, SenderReport) and self._ssrc in (-1, report.ssrc):
                self.clock_offset_s = report.unix_s - wall_s
            elif isinstance(report, Goodbye) and self._ssrc in report.sources:
                raise SerambiError(Kind.UNAVAILABLE, "the camera ended the stream")

    def flush(self) -> None:
        """Wait no longer for packets that were overtaken."""
        self._release(all_=True)

    def _release(self, *, all_: bool = False) -> None:
        for missing, timestamp, marker, payload in self._order.take(all_=all_):
            if missing:
                self._depacketizer.lost()
            self._push(payload, timestamp, marker)

    def _push(self, payload: bytes, timestamp: int, marker: bool) -> None:
        for picture in self._depacketizer.push(payload, timestamp, marker):
            self._place(picture)

    def _is_ours(self, ssrc: int) -> bool:
        """Packets of another source are left out: Reolink sends those of an earlier session too
        (moonfire-nvr#114). One that alone goes on is a camera that began anew."""
        self.strays += 1
        self._strays_in_row = self._strays_in_row + 1 if ssrc == self._stray_ssrc else 1
        self._stray_ssrc = ssrc
        if self._ssrc >= 0 and self._strays_in_row < _STRAYS_MAX:
            return False
        self._ssrc = ssrc
        self._order.restart()
        return True

    def _place(self, picture: Picture) -> None:
        step = picture.timestamp - self._timestamp
        if self._timestamp >= 0:
            self._time += (
                step if 0 <= step < _HALF else later(self._timestamp, picture.timestamp, 32)
            )
        self._timestamp = picture.timestamp
        at = self._time
        if self._clock_hz != TIMESCALE:
            at = at * TIMESCALE // self._clock_hz
        pts, dts = self._pictures.timeline.place(at, None)
        try:
            self._pictures.take(pts, dts, self.wall_us, picture.data, picture.kinds)
        except SerambiError as error:
            if error.kind is not Kind.BAD_INPUT:
                raise
            self._refused += 1
