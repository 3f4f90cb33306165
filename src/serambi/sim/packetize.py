"""Access units -> RTP payloads (RFC 6184), RTP and RTCP packets (RFC 3550), the canary.

What does not belong here: sockets and time.
"""

import secrets
import struct
from collections.abc import Sequence

from serambi.base.errors import Kind, SerambiError
from serambi.sim.limits import RTP_PAYLOAD_MAX_BYTES

CLOCK_HZ = 90_000
PAYLOAD_TYPE = 96
CANARY_BYTES = 16
CANARY_UUID = bytes.fromhex("5e7a3b1d9c42465fa18e7730d2b6c94d")
_NTP_EPOCH_S = 2_208_988_800  # 1900-01-01 to 1970-01-01
_FU_A = 28


def new_canary() -> bytes:
    """16 random bytes, none zero: they pass through H.264 without a byte stuffed in."""
    return bytes(secrets.randbelow(255) + 1 for _ in range(CANARY_BYTES))


def check_canary(canary: bytes) -> bytes:
    """The canary itself, or `SerambiError(BAD_INPUT)` when it would not travel raw."""
    if len(canary) != CANARY_BYTES or 0 in canary:
        raise SerambiError(Kind.BAD_INPUT, "a canary is 16 bytes, none of them zero")
    return canary


def canary_sei(canary: bytes) -> bytes:
    """SEI NAL unit (user_data_unregistered) that carries the canary."""
    body = CANARY_UUID + check_canary(canary)
    return bytes((6, 5, len(body))) + body + b"\x80"


def with_sei(nals: Sequence[bytes], sei: bytes) -> list[bytes]:
    """The access unit's NAL units with `sei` before the first slice."""
    first = next(i for i, nal in enumerate(nals) if 1 <= nal[0] & 0x1F <= 5)
    return [*nals[:first], sei, *nals[first:]]


def payloads(nals: Sequence[bytes]) -> list[bytes]:
    """RTP payloads of one access unit: single NAL units, and FU-A for what is longer."""
    parts: list[bytes] = []
    for nal in nals:
        if len(nal) <= RTP_PAYLOAD_MAX_BYTES:
            parts.append(nal)
            continue
        indicator, kind = nal[0] & 0xE0 | _FU_A, nal[0] & 0x1F
        step = RTP_PAYLOAD_MAX_BYTES - 2
        for at in range(1, len(nal), step):
            begin, end = at == 1, at + step >= len(nal)
            header = bytes((indicator, begin << 7 | end << 6 | kind))
            parts.append(header + nal[at : at + step])
    return parts


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
