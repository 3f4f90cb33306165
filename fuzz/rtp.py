"""RTP and RTCP packets of a hostile camera: parsed, ordered, put together to pictures.

The first byte says codec, transport and what the packets are; each packet follows two bytes of
length. Pictures never hold more than came, and are the same when buffers are borrowed as when
every packet is a copy.
"""

import struct
from collections.abc import Iterator

from fuzz._target import Target, go_corpus, require, shared
from serambi.base.errors import SerambiError
from serambi.base.limits import ACCESS_UNIT_MAX_BYTES, REORDER_PACKETS_MAX
from serambi.camera.rtsp.h264 import H264Depacketizer
from serambi.camera.rtsp.h265 import H265Depacketizer
from serambi.camera.rtsp.nals import Depacketizer, Picture
from serambi.camera.rtsp.rtp import Order, parse, parse_reports, receiver_report
from serambi.media.nal import split_length_prefixed

_H265, _UDP, _REPORTS, _PAYLOADS = 1, 2, 4, 8
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


def seeds() -> Iterator[bytes]:
    for mode, payloads in ((0, _H264_PAYLOADS), (_H265, _H265_PAYLOADS)):
        packets = [_packet(number, each) for number, each in enumerate(payloads)]
        yield bytes([mode]) + _framed(packets)
        yield bytes([mode | _UDP]) + _framed(packets[::2] + packets[1::2])
        yield bytes([mode | _PAYLOADS]) + _framed(list(payloads))
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
    owned = _pictures(mode, packets, borrowed=False)
    require(owned == _pictures(mode, packets, borrowed=True), "a borrowed buffer shows through")
    came = sum(len(packet) + _OVERHEAD_BYTES for packet in packets)
    require(sum(len(picture.data) for picture in owned) <= 2 * came, "more came out than went in")
    for picture in owned:
        _check_picture(picture, h265=bool(mode & _H265))


def _split(body: bytes) -> Iterator[bytes]:
    at = 0
    while at + 2 <= len(body):
        size = int.from_bytes(body[at : at + 2], "big")
        yield body[at + 2 : at + 2 + size]
        at += 2 + size


def _pictures(mode: int, packets: list[bytes], *, borrowed: bool) -> list[Picture]:
    """What comes out, with each packet in a buffer of its own or all in the same one."""
    depacketizer: Depacketizer = H265Depacketizer() if mode & _H265 else H264Depacketizer()
    order = Order(REORDER_PACKETS_MAX // 2 if mode & _UDP else 0)
    buffer = bytearray(0x10000)
    found: list[Picture] = []
    for packet in packets:
        buffer[: len(packet)] = packet
        given = memoryview(buffer)[: len(packet)] if borrowed else memoryview(packet)
        if mode & _PAYLOADS:
            found += depacketizer.push(given, 3600 * (len(found) % 3), len(packet) % 5 == 0)
        else:
            found += _through_order(order, depacketizer, given)
        depacketizer.hold()
        buffer[: len(packet)] = b"\xff" * len(packet)
    for missing, timestamp, marker, payload in order.take(all_=True):
        if missing:
            depacketizer.lost()
        found += depacketizer.push(payload, timestamp, marker)
    return found


def _through_order(order: Order, depacketizer: Depacketizer, raw: memoryview) -> list[Picture]:
    found: list[Picture] = []
    try:
        packet = parse(raw)
    except SerambiError:
        return found
    require(len(packet.payload) <= len(raw), "a payload longer than its packet")
    order.put(packet.sequence, packet.timestamp, packet.marker, packet.payload)
    for missing, timestamp, marker, payload in order.take():
        if missing:
            depacketizer.lost()
        found += depacketizer.push(payload, timestamp, marker)
    return found


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
        "serambi.camera.rtsp.nals",
        "serambi.camera.rtsp.h264",
        "serambi.camera.rtsp.h265",
    ),
    seeds,
    check,
    max_bytes=8192,
)
