"""RTP and RTCP packets of a hostile camera: parsed, ordered, put together to pictures.

The first byte says codec, transport and what the packets are; each packet follows two bytes of
length. Pictures never hold more than came, and say rightly what is in them.
"""

import itertools
import struct
from collections.abc import Iterator

from fuzz._target import Target, go_corpus, require, shared
from serambi.base.errors import SerambiError
from serambi.base.limits import ACCESS_UNIT_MAX_BYTES, REORDER_PACKETS_MAX
from serambi.camera.rtsp.h264 import H264Depacketizer
from serambi.camera.rtsp.h265 import H265Depacketizer
from serambi.camera.rtsp.nals import Depacketizer, Picture
from serambi.camera.rtsp.rtp import Order, parse, parse_reports, receiver_report
from serambi.camera.rtsp.sdp import Codec, Video
from serambi.camera.rtsp.track import Track
from serambi.media.access_unit import AccessUnit, VideoConfig
from serambi.media.nal import split_length_prefixed

_H265, _UDP, _REPORTS, _PAYLOADS, _RUNS = 1, 2, 4, 8, 16
_OVERHEAD_BYTES = 16


def _packet(sequence: int, payload: bytes, *, marker: bool = True, timestamp: int = 3600) -> bytes:
    return struct.pack(">BBHII", 0x80, 96 | marker << 7, sequence, timestamp, 7) + payload


def _framed(packets: list[bytes]) -> bytes:
    return b"".join(struct.pack(">H", len(packet)) + packet for packet in packets)


_H264_PAYLOADS = (
    b"\x67\x64\x00\x1f\xac", b"\x68\xeb\xec", b"\x78\0\3\x67\1\2\0\2\x68\3", b"\x65\x88\x84",
    b"\x7c\x85\x88", b"\x7c\x05\x99", b"\x7c\x45\xaa", b"\x41\x9a\0", b"\x06\5\1\0\0\1\x67\1\2",
)  # fmt: skip
_H265_PAYLOADS = (
    b"\x40\1\x0c", b"\x42\1\1", b"\x44\1\xc0", b"\x60\1\0\3\x40\1\2\0\3\x42\1\3", b"\x26\1\xaf",
    b"\x62\1\x93\xaf", b"\x62\1\x13\1", b"\x62\1\x53\2", b"\x02\1\xd0",
)  # fmt: skip


def _long_unit(mode: int) -> list[bytes]:
    """One key picture in fragments of one size, as most of a stream is."""
    begin, middle, end = (
        (b"\x62\1\x93", b"\x62\1\x13", b"\x62\1\x53")
        if mode & _H265
        else (b"\x7c\x85", b"\x7c\5", b"\x7c\x45")
    )
    heads = (begin, middle, middle, middle, end)
    return [
        _packet(20 + at, head + b"\x88" * 9, marker=head == end, timestamp=9000)
        for at, head in enumerate(heads)
    ]


def seeds() -> Iterator[bytes]:
    for mode, payloads in ((0, _H264_PAYLOADS), (_H265, _H265_PAYLOADS)):
        packets = [_packet(number, each) for number, each in enumerate(payloads)]
        yield bytes([mode]) + _framed(packets)
        yield bytes([mode | _UDP]) + _framed(packets[::2] + packets[1::2])
        yield bytes([mode | _PAYLOADS]) + _framed(list(payloads))
        for transport in (0, _UDP):
            yield bytes([mode | _RUNS | transport]) + _framed(packets + _long_unit(mode))
    sender = struct.pack(">BBHIIIIII", 0x80, 200, 6, 7, 3_900_000_000, 0, 3600, 1, 1)
    goodbye = struct.pack(">BBHI", 0x81, 203, 1, 7)
    yield bytes([_REPORTS]) + _framed([sender + goodbye, receiver_report(7)])
    for raw in shared("rtp/aiortc/*.bin"):
        yield bytes([_REPORTS]) + _framed([raw])
        yield b"\0" + _framed([raw])
        yield bytes([_PAYLOADS]) + _framed([raw])
    for (raw,) in go_corpus("rtsp/gortsplib/format/rtph264/FuzzDecoder/*"):
        yield bytes([_PAYLOADS]) + _framed([raw])


def check(raw: bytes) -> None:
    if not raw:
        return
    mode, packets = raw[0], list(_split(raw[1:]))
    if mode & _REPORTS:
        for packet in packets:
            _check_reports(packet)
        return
    if mode & _RUNS:
        _check_runs(mode, [packet for packet in packets if packet])
        return
    found = _pictures(mode, packets)
    came = sum(len(packet) + _OVERHEAD_BYTES for packet in packets)
    require(sum(len(picture.data) for picture in found) <= 2 * came, "more came out than went in")
    for picture in found:
        _check_picture(picture, h265=bool(mode & _H265))


def _split(body: bytes) -> Iterator[bytes]:
    at = 0
    while at + 2 <= len(body):
        size = int.from_bytes(body[at : at + 2], "big")
        yield body[at + 2 : at + 2 + size]
        at += 2 + size


def _pictures(mode: int, packets: list[bytes]) -> list[Picture]:
    """What comes out."""
    depacketizer: Depacketizer = H265Depacketizer() if mode & _H265 else H264Depacketizer()
    order = Order(REORDER_PACKETS_MAX // 2 if mode & _UDP else 0)
    found: list[Picture] = []
    for packet in packets:
        if mode & _PAYLOADS:
            found += depacketizer.push(packet, 3600 * (len(found) % 3), len(packet) % 5 == 0)
        else:
            _put(order, packet)
            found += _take(order, depacketizer, all_=False)
    found += _take(order, depacketizer, all_=True)
    return found


def _check_runs(mode: int, packets: list[bytes]) -> None:
    """Packets that came together, in the connection or beside it, give the same as one by one."""
    window = REORDER_PACKETS_MAX // 2 if mode & _UDP else 0
    one_by_one = _track(mode, window)
    for packet in packets:
        one_by_one.track.packet(packet)
    connection = _track(mode, window)
    framed = b"".join(struct.pack(">BBH", 0x24, 0, len(packet)) + packet for packet in packets)
    at = 0
    while at < len(framed):
        at = connection.track.interleaved(framed, at)
    beside = _track(mode, window)
    for size, run in itertools.groupby(packets, len):
        if size:
            beside.track.datagrams(b"".join(run), size)
    for other in (connection, beside):
        require(other.units == one_by_one.units, "pictures depend on how packets came together")
    require(connection.track.lost == one_by_one.track.lost, "losses depend on it")


class _Tracked:
    def __init__(self, video: Video, window: int) -> None:
        self.units: list[tuple[int, int, bool, bytes]] = []
        self.track = Track(video, self._emit, window=window)

    def _emit(self, item: VideoConfig | AccessUnit) -> None:
        if isinstance(item, AccessUnit):
            self.units.append((item.pts, item.dts, item.key, item.data))


def _track(mode: int, window: int) -> _Tracked:
    codec: Codec = "h265" if mode & _H265 else "h264"
    video = Video(
        payload_type=96,
        codec=codec,
        clock_hz=90_000,
        control="",
        session_control="",
        parameter_sets=(),
    )
    return _Tracked(video, window)


def _put(order: Order, raw: bytes) -> None:
    try:
        packet = parse(raw)
    except SerambiError:
        return
    require(len(packet.payload) <= len(raw), "a payload longer than its packet")
    order.put(packet.sequence, packet.timestamp, packet.marker, packet.payload)


def _take(order: Order, depacketizer: Depacketizer, *, all_: bool) -> Iterator[Picture]:
    for missing, timestamp, marker, payload in order.take(all_=all_):
        if missing:
            depacketizer.lost()
        yield from depacketizer.push(payload, timestamp, marker)


def _check_picture(picture: Picture, *, h265: bool) -> None:
    require(0 < len(picture.data) <= ACCESS_UNIT_MAX_BYTES + 0x10000, "a picture without bounds")
    kinds = 0
    for nal in split_length_prefixed(picture.data):
        kinds |= 1 << (nal[0] >> 1 & 0x3F if h265 else nal[0] & 0x1F)
    require(kinds == picture.kinds, "the types of the NAL units are others than it says")


def _check_reports(packet: bytes) -> None:
    try:
        reports = parse_reports(packet)
    except SerambiError:
        return
    require(len(reports) <= len(packet) // 4, "more reports than there is room for")


TARGET = Target(
    (
        "serambi.camera.rtsp.rtp",
        "serambi.camera.rtsp.track",
        "serambi.camera.rtsp.nals",
        "serambi.camera.rtsp.h264",
        "serambi.camera.rtsp.h265",
    ),
    seeds,
    check,
    max_bytes=8192,
)
