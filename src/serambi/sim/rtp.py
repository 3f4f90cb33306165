"""RTP and RTCP packets (RFC 3550), and pictures cut and framed once for everybody who watches.

What does not belong here: sockets and time.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from serambi.sim.limits import RUN_MAX_PACKETS
from serambi.sim.loop_file import Loop, Unit
from serambi.sim.packetize import CANARY_BYTES, CANARY_UUID, Shape, canary_sei, payloads, with_sei

CLOCK_HZ = 90_000
PAYLOAD_TYPE = 96
HEADER_BYTES = 12
FRAME_BYTES = 4
"""Of the frame around a packet inside the RTSP connection."""

_NTP_EPOCH_S = 2_208_988_800  # 1900-01-01 to 1970-01-01
_MARKER = 0x80
_ANY_CANARY = b"\xff" * CANARY_BYTES


@dataclass(frozen=True, slots=True)
class Template:
    """The packets of one picture, back to back, with everything in them that is the same for all
    cameras and clients. `heads` is where each RTP header begins, `cuts` where each packet begins
    with its frame, if it has one, and the end; `runs` are (begin, end, size) of neighbors of one
    size, the last of which may be shorter; `canary_at` where the camera's canary belongs."""

    packets: bytes
    heads: tuple[int, ...]
    cuts: tuple[int, ...]
    runs: tuple[tuple[int, int, int], ...]
    canary_at: int


def templates(loop: Loop, shape: Shape, *, framed: bool) -> list[Template]:
    """One for each unit of the loop, made once for each shape and kept with the loop; `framed`
    for travel inside the RTSP connection, on channel 0."""
    key = ("templates", shape, framed)
    found: list[Template] | None = loop.derived.get(key)
    if found is None:
        found = [_template(loop, unit, shape, framed) for unit in loop.units]
        loop.derived[key] = found
    return found


def _template(loop: Loop, unit: Unit, shape: Shape, framed: bool) -> Template:
    sei = canary_sei(_ANY_CANARY, loop.codec)
    parts = payloads(with_sei(unit.nals, sei, loop.codec), loop.codec, shape)
    packets = bytearray()
    heads, cuts = [], [0]
    for number, part in enumerate(parts):
        marker = number == len(parts) - 1 or (shape.marker_on_sei and CANARY_UUID in part)
        packet = rtp(part, 0, 0, 0, marker)
        packets += interleaved(0, packet) if framed else packet
        heads.append(len(packets) - len(packet))
        cuts.append(len(packets))
    canary_at = packets.index(CANARY_UUID + _ANY_CANARY) + len(CANARY_UUID)
    return Template(bytes(packets), tuple(heads), tuple(cuts), tuple(_runs(cuts)), canary_at)


def _runs(cuts: list[int]) -> Iterator[tuple[int, int, int]]:
    begin, size, count = 0, 0, 0
    for start, end in pairwise(cuts):
        if count and (
            end - start > size or start - begin < count * size or count == RUN_MAX_PACKETS
        ):
            yield begin, start, size
            begin, count = start, 0
        size = size if count else end - start
        count += 1
    yield begin, cuts[-1], size


def rtp(payload: bytes, sequence: int, timestamp: int, ssrc: int, marker: bool) -> bytes:
    """One RTP packet."""
    head = struct.pack(
        "!BBHII",
        0x80,
        marker << 7 | PAYLOAD_TYPE,
        sequence & 0xFFFF,
        timestamp & 0xFFFFFFFF,
        ssrc,
    )
    return head + payload


def sender_report(
    ssrc: int, wall_s: float, timestamp: int, packet_count: int, octet_count: int
) -> bytes:
    """RTCP sender report: the moment `wall_s` (unix) is `timestamp`; with the SDES it needs."""
    fraction = round(wall_s * 2**32) + (_NTP_EPOCH_S << 32)
    report = struct.pack(
        "!BBHIQIII",
        0x80,
        200,
        6,
        ssrc,
        fraction & 0xFFFFFFFFFFFFFFFF,
        timestamp & 0xFFFFFFFF,
        packet_count & 0xFFFFFFFF,
        octet_count & 0xFFFFFFFF,
    )
    name = b"serambi-sim"
    item = struct.pack("!IBB", ssrc, 1, len(name)) + name
    item += bytes(4 - len(item) % 4)
    return report + struct.pack("!BBH", 0x81, 202, len(item) // 4) + item


def interleaved(channel: int, packet: bytes) -> bytes:
    """A packet as it travels inside the RTSP connection."""
    return struct.pack("!BBH", 0x24, channel, len(packet)) + packet
