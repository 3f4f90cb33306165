"""RTP and RTCP packets (RFC 3550), and the order of packets. No I/O, no clock.

Strict: a malformed packet raises `SerambiError`; whoever reads a stream counts it and goes on.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import REORDER_PACKETS_MAX

HEADER = struct.Struct(">BBHII")
"""First byte, marker and payload type, sequence number, timestamp, SSRC."""

_VERSION_2 = 0x80
_NTP_EPOCH_S = 2_208_988_800
_SENDER_REPORT, _RECEIVER_REPORT, _DESCRIPTION, _BYE = 200, 201, 202, 203
_TRANSPORT_FEEDBACK, _PAYLOAD_FEEDBACK = 205, 206
_REPORT_BLOCK_BYTES = 24
_DROPOUT_MAX = 3000  # RFC 3550, A.1: a larger jump is a new beginning


class Packet(NamedTuple):
    """Header and payload of one packet."""

    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class SenderReport:
    """At `unix_s` by the camera's clock its RTP clock stood at `timestamp`."""

    ssrc: int
    unix_s: float
    timestamp: int


@dataclass(frozen=True, slots=True)
class Goodbye:
    """These sources have ended."""

    sources: tuple[int, ...]


def _bad(what: str) -> SerambiError:
    return SerambiError(Kind.BAD_INPUT, what, where="RTP")


def parse(raw: bytes) -> Packet:
    """One RTP packet, whatever stands between its header and payload left out."""
    if len(raw) < HEADER.size:
        raise _bad("a packet is too short")
    first, second, sequence, timestamp, ssrc = HEADER.unpack_from(raw)
    begin, end = bounds(raw, first)
    payload = raw[begin:end]
    return Packet(second & 0x7F, second >= 0x80, sequence, timestamp, ssrc, payload)


def bounds(raw: bytes, first: int) -> tuple[int, int]:
    """Where the payload of a packet with this first byte begins and ends."""
    if first >> 6 != 2:
        raise _bad("a packet is not of version 2")
    begin, end = HEADER.size + 4 * (first & 0x0F), len(raw)
    if first & 0x10:
        if begin + 4 > end:
            raise _bad("a packet's extension is cut off")
        begin += 4 + 4 * int.from_bytes(raw[begin + 2 : begin + 4])
    if first & 0x20 and begin < end:
        padding = raw[end - 1]
        if not padding:
            raise _bad("a packet is padded by nothing")
        end -= padding
    if begin > end:
        raise _bad("a packet's header does not fit it")
    return begin, end


def parse_reports(raw: bytes) -> list[SenderReport | Goodbye]:
    """What matters of one compound RTCP packet; every part of it must be well-formed."""
    found: list[SenderReport | Goodbye] = []
    at = 0
    while at < len(raw):
        if at + 4 > len(raw):
            raise _bad("a report is cut off")
        first, kind, words = struct.unpack_from(">BBH", raw, at)
        end = at + 4 + 4 * words
        if first >> 6 != 2 or end > len(raw):
            raise _bad("a report's length or version is wrong")
        body = raw[at + 4 : end]
        if first & 0x20:
            if not body or not 0 < body[-1] <= len(body):
                raise _bad("a report's padding is wrong")
            body = body[: -body[-1]]
        found += _report(kind, first & 0x1F, body)
        at = end
    return found


def _report(kind: int, count: int, body: bytes) -> Iterable[SenderReport | Goodbye]:
    if kind == _SENDER_REPORT:
        if len(body) < 24 + _REPORT_BLOCK_BYTES * count:
            raise _bad("a sender report is cut off")
        ssrc, seconds, fraction, timestamp = struct.unpack_from(">IIII", body)
        if seconds:  # zero: the camera has no clock
            yield SenderReport(ssrc, seconds - _NTP_EPOCH_S + fraction / 2**32, timestamp)
    elif kind == _RECEIVER_REPORT:
        if len(body) < 4 + _REPORT_BLOCK_BYTES * count:
            raise _bad("a receiver report is cut off")
    elif kind == _DESCRIPTION:
        _check_description(count, body)
    elif kind == _BYE:
        if len(body) < 4 * count or (
            len(body) > 4 * count and len(body) < 4 * count + 1 + body[4 * count]
        ):
            raise _bad("a goodbye is cut off")
        yield Goodbye(struct.unpack_from(f">{count}I", body))
    elif kind in (_TRANSPORT_FEEDBACK, _PAYLOAD_FEEDBACK) and len(body) < 8:
        raise _bad("a feedback is cut off")


def _check_description(count: int, body: bytes) -> None:
    at = 0
    for _ in range(count):
        at += 4
        while True:
            if at >= len(body):
                raise _bad("a source description is cut off")
            if not body[at]:
                at += 4 - at % 4
                break
            if at + 1 >= len(body):
                raise _bad("a source description is cut off")
            at += 2 + body[at + 1]


def receiver_report(ssrc: int) -> bytes:
    """A report with nothing to tell: it keeps cameras and firewalls awake (RFC 3550, 6.4.2)."""
    return struct.pack(">BBHI", _VERSION_2, _RECEIVER_REPORT, 1, ssrc)


def later(first: int, second: int, bits: int) -> int:
    """How far `second` lies behind `first` in a counter that wraps; negative when before it."""
    half = 1 << (bits - 1)
    return ((second - first + half) & ((1 << bits) - 1)) - half


class Order:
    """The order of one source's packets, by their 16-bit sequence numbers.

    With `window` packets that overtook others wait for these, at most so many; without, as over
    TCP, nothing waits. `lost` counts packets that never came.
    """

    def __init__(self, window: int = 0) -> None:
        self.lost = 0
        self.late = 0
        self.expected = -1
        self._window = min(window, REORDER_PACKETS_MAX)
        self._held: dict[int, tuple[int, int, bool, bytes]] = {}

    @property
    def waiting(self) -> bool:
        """Whether packets are held back."""
        return bool(self._held)

    def restart(self) -> None:
        """The source counts anew: what comes next is what is expected."""
        self.expected = -1
        self._held = {}

    def put(self, sequence: int, timestamp: int, marker: bool, payload: bytes) -> None:
        """Take a packet that is not the `expected` one, or that comes while others wait. Then
        `take` what is due."""
        if self.expected < 0:
            self.expected = sequence
        distance = later(self.expected, sequence, 16)
        if abs(distance) > _DROPOUT_MAX:
            # The camera counts anew: what waits of before comes first.
            self.lost += 1
            self._held = {}
            self.expected = sequence
        elif distance < 0:
            self.late += 1  # twice the same, or too late
            return
        self._held[sequence] = (sequence, timestamp, marker, payload)

    def take(self, *, all_: bool = False) -> Iterable[tuple[bool, int, bool, bytes]]:
        """(packets are missing before it, timestamp, marker, payload) of each packet that is due:
        in order, or out of patience, or `all_` of them."""
        while self._held:
            missing = self.expected not in self._held
            if missing:
                if not all_ and len(self._held) <= self._window:
                    return
                nearest = min(self._held, key=lambda seq: later(self.expected, seq, 16))
                self.lost += later(self.expected, nearest, 16)
                self.expected = nearest
            _, timestamp, marker, payload = self._held.pop(self.expected)
            self.expected = (self.expected + 1) & 0xFFFF
            yield missing, timestamp, marker, payload
