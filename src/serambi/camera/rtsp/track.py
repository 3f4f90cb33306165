"""The video track of one connection: RTP and RTCP packets in, access units out. No I/O, no clock.

Nothing a camera sends raises here, but for the end it announces: what is damaged or not ours is
counted and left out.
"""

from typing import Final

from serambi.base.errors import Kind, SerambiError
from serambi.camera.pictures import BY_CODEC
from serambi.camera.rtsp.h264 import H264Depacketizer
from serambi.camera.rtsp.h265 import H265Depacketizer
from serambi.camera.rtsp.message import Buffer
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


class Track:
    """`window` packets may overtake each other (`Order`); 0 over TCP."""

    def __init__(self, video: Video, emit: Emit, window: int = 0) -> None:
        self.strays = 0
        self.clock_offset_s: float | None = None
        self._pictures = BY_CODEC[video.codec](emit, video.parameter_sets)
        self._depacketizer = _DEPACKETIZERS[video.codec]()
        self._order = Order(window)
        self._payload_type = video.payload_type
        self._clock_hz = video.clock_hz
        self._ssrc = -1
        self._stray_ssrc = -1
        self._strays_in_row = 0
        self._timestamp = -1
        self._time = 0
        self._wall_us = 0
        self._refused = 0
        self._malformed = 0

    @property
    def lost(self) -> int:
        """Packets that never came, or came damaged, and pictures that could not be put together
        though nothing was missing."""
        return self._order.lost + self._malformed + self._refused + self._depacketizer.damaged

    @property
    def waiting(self) -> bool:
        """Whether packets wait for others that they overtook."""
        return self._order.waiting

    def expect(self, ssrc: int) -> None:
        """The camera has announced its source."""
        self._ssrc = ssrc

    def packet(self, raw: Buffer, wall_us: int) -> None:
        """One RTP packet. What it points into may be used again after `hold`."""
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
        if second & 0x7F != self._payload_type:
            return
        self._wall_us = wall_us
        order = self._order
        if sequence == order.expected and not order.waiting:
            order.expected = (sequence + 1) & 0xFFFF
            done = self._depacketizer.push(raw[begin:size], timestamp, second >= 0x80)
            if done:
                for picture in done:
                    self._place(picture)
        else:
            order.put(sequence, timestamp, second >= 0x80, raw[begin:size])
            self._release()

    def report(self, raw: Buffer, wall_s: float) -> None:
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

    def hold(self) -> None:
        """Copy what was borrowed from the caller's buffer."""
        self._depacketizer.hold()

    def flush(self) -> None:
        """Wait no longer for packets that were overtaken."""
        self._release(all_=True)

    def _release(self, *, all_: bool = False) -> None:
        for missing, timestamp, marker, payload in self._order.take(all_=all_):
            if missing:
                self._depacketizer.lost()
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
        if self._timestamp >= 0:
            self._time += later(self._timestamp, picture.timestamp, 32)
        self._timestamp = picture.timestamp
        at = self._time
        if self._clock_hz != TIMESCALE:
            at = at * TIMESCALE // self._clock_hz
        pts, dts = self._pictures.timeline.place(at, None)
        try:
            self._pictures.take(pts, dts, self._wall_us, picture.data, picture.kinds)
        except SerambiError as error:
            if error.kind is not Kind.BAD_INPUT:
                raise
            self._refused += 1
