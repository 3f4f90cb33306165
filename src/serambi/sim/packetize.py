"""Access units -> RTP payloads (RFC 6184 for H.264, RFC 7798 for H.265), and the canary.

What does not belong here: packet headers, sockets and time.
"""

import secrets
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from serambi.base.errors import Kind, SerambiError
from serambi.sim.codec import H264, Codec
from serambi.sim.limits import RTP_PAYLOAD_MAX_BYTES

CANARY_BYTES = 16
CANARY_UUID = bytes.fromhex("5e7a3b1d9c42465fa18e7730d2b6c94d")
_STAP_A, _FU_A = 24, 28  # H.264
_AP, _FU = 48, 49  # H.265


@dataclass(frozen=True, slots=True)
class Shape:
    """How a camera cuts its pictures. `aggregate`: small NAL units share a packet. Faults:
    `wrong_fragment_type`: later fragments name another NAL unit type; `marker_on_sei`: the packet
    with the canary claims to end the picture."""

    payload_max_bytes: int = RTP_PAYLOAD_MAX_BYTES
    aggregate: bool = False
    wrong_fragment_type: bool = False
    marker_on_sei: bool = False


def new_canary() -> bytes:
    """16 random bytes, none zero: they pass through H.264 without a byte stuffed in."""
    return bytes(secrets.randbelow(255) + 1 for _ in range(CANARY_BYTES))


def check_canary(canary: bytes) -> bytes:
    """The canary itself, or `SerambiError(BAD_INPUT)` when it would not travel raw."""
    if len(canary) != CANARY_BYTES or 0 in canary:
        raise SerambiError(Kind.BAD_INPUT, "a canary is 16 bytes, none of them zero")
    return canary


def canary_sei(canary: bytes, codec: Codec = H264) -> bytes:
    """SEI NAL unit (user_data_unregistered) that carries the canary."""
    body = CANARY_UUID + check_canary(canary)
    return codec.sei_header + bytes((5, len(body))) + body + b"\x80"


def with_sei(nals: Sequence[bytes], sei: bytes, codec: Codec = H264) -> list[bytes]:
    """The access unit's NAL units with `sei` before the first slice."""
    first = next(i for i, nal in enumerate(nals) if codec.is_slice(nal))
    return [*nals[:first], sei, *nals[first:]]


def payloads(nals: Sequence[bytes], codec: Codec = H264, shape: Shape | None = None) -> list[bytes]:
    """RTP payloads of one access unit: NAL units alone, together (STAP-A, AP) if the shape wants
    it, and in fragments (FU-A, FU) when they are too long."""
    shape = shape or Shape()
    parts: list[bytes] = []
    for group in _groups(nals, shape):
        if len(group) > 1:
            parts.append(_aggregate(group, codec))
        elif len(group[0]) <= shape.payload_max_bytes:
            parts.append(group[0])
        else:
            parts += _fragments(group[0], codec, shape)
    return parts


def _groups(nals: Sequence[bytes], shape: Shape) -> Iterator[list[bytes]]:
    """Neighbors that fit into one packet."""
    group: list[bytes] = []
    size_bytes = 0
    for nal in nals:
        more = 2 + len(nal)
        if group and not (shape.aggregate and 2 + size_bytes + more <= shape.payload_max_bytes):
            yield group
            group, size_bytes = [], 0
        group.append(nal)
        size_bytes += more
    yield group


def _aggregate(nals: Sequence[bytes], codec: Codec) -> bytes:
    body = b"".join(struct.pack("!H", len(nal)) + nal for nal in nals)
    if codec is H264:
        importance = max(nal[0] & 0x60 for nal in nals)
        return bytes((importance | _STAP_A,)) + body
    return bytes((_AP << 1, 1)) + body


def _fragments(nal: bytes, codec: Codec, shape: Shape) -> Iterator[bytes]:
    kind, begin = codec.kind(nal), codec.header_bytes
    if codec is H264:
        header = bytes((nal[0] & 0xE0 | _FU_A,))
    else:
        header = bytes((nal[0] & 0x81 | _FU << 1, nal[1]))
    step = shape.payload_max_bytes - len(header) - 1
    for at in range(begin, len(nal), step):
        first, last = at == begin, at + step >= len(nal)
        named = kind ^ 1 if shape.wrong_fragment_type and not first else kind
        yield header + bytes((first << 7 | last << 6 | named,)) + nal[at : at + step]
