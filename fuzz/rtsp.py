"""Whole conversations with a hostile camera: everything it says, from greeting to pictures.

The first byte says transport and in what pieces the bytes arrive. What comes out are pictures that
the rest of Serambi can carry, and requests that never show the password.
"""

import contextlib
import re
import struct
from collections.abc import Iterator
from random import Random

from fuzz._target import Target, go_corpus, require, shared
from fuzz.rtp import _H264_PAYLOADS, _packet
from fuzz.sdp import _DESCRIPTION
from serambi.base.errors import SerambiError
from serambi.base.limits import RTSP_OUT_MAX_BYTES
from serambi.camera.rtsp.session import Session
from serambi.camera.rtsp.target import parse_target
from serambi.media import wire
from serambi.media.access_unit import AccessUnit, VideoConfig
from serambi.media.nal import split_length_prefixed

_UDP, _DATAGRAMS = 0x80, 0x40
_NOW_US = 1_790_000_000_000_000
_PIECES = (1, 7, 100, 1460, 1 << 20)
_PASSWORD = "rahasia-kamera"
_REQUEST_MAX_BYTES = 40_000
_MESSAGE = re.compile(rb"(?=RTSP/1\.0 )|(?=\$[\0\1][\0-\5])|(?=OPTIONS |TEARDOWN |ANNOUNCE )")
_LENGTH = re.compile(rb"(?i)(content-length: *)\d+")


def _answer(body: bytes = b"", *headers: bytes, status: bytes = b"200 OK") -> bytes:
    lines = [b"RTSP/1.0 " + status, *headers]
    if body:
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


_LOGIN = _answer(
    b"", b'WWW-Authenticate: Digest realm="IP Camera", nonce="4f2a"', status=b"401 Unauthorized"
)
_GREETING = (
    _answer(b"", b"Public: OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER"),
    _answer(
        _DESCRIPTION, b"Content-Base: rtsp://192.0.2.7/live/", b"Content-Type: application/sdp"
    ),
    _answer(
        b"",
        b"Session: 1234;timeout=60",
        b"Transport: RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=00000007",
    ),
    _answer(b"", b"RTP-Info: url=rtsp://192.0.2.7/live/trackID=1;seq=0;rtptime=0"),
)


def _interleaved(channel: int, packet: bytes) -> bytes:
    return struct.pack(">BBH", 0x24, channel, len(packet)) + packet


def _pictures() -> bytes:
    packets = [
        _packet(number, payload, timestamp=3600 * (number // 4))
        for number, payload in enumerate(_H264_PAYLOADS * 2)
    ]
    return b"".join(_interleaved(0, packet) for packet in packets)


def seeds() -> Iterator[bytes]:
    greeting = b"".join(_GREETING)
    for mode in range(len(_PIECES)):
        yield bytes([mode]) + greeting + _pictures()
    yield bytes([4]) + _LOGIN + greeting + _LOGIN + _pictures()
    report = struct.pack(
        ">BBHIIIIIIBBHI", 0x80, 200, 6, 7, 3_900_000_000, 0, 0, 1, 1, 0x81, 203, 1, 7
    )
    asked = b"OPTIONS * RTSP/1.0\r\nCSeq: 9\r\n\r\n"
    yield bytes([4]) + greeting + asked + _pictures() + _interleaved(1, report)
    udp = b"".join(_GREETING[:2]) + _answer(b"", b"Transport: RTP/AVP;server_port=5000-5001")
    yield bytes([4 | _UDP]) + udp + _answer() + _pictures()
    yield bytes([2 | _UDP | _DATAGRAMS]) + udp + _answer() + _packet(0, _H264_PAYLOADS[0])
    for refusal in (b"461 Unsupported Transport", b"404 Not Found", b"500 Internal Server Error"):
        yield bytes([3]) + b"".join(_GREETING[:2]) + _answer(status=refusal) + _pictures()
    for length, body in go_corpus("rtsp/gortsplib/base/FuzzBodyUnmarshal/*"):
        yield bytes([4]) + b"RTSP/1.0 200 OK\r\nContent-Length: " + length + b"\r\n\r\n" + body
    for found in go_corpus("rtsp/gortsplib/base/Fuzz[RI]*/*"):
        yield bytes([4]) + b"".join(found)
    for (found_header,) in go_corpus("rtsp/gortsplib/base/FuzzHeader*/*"):
        yield bytes([4]) + b"RTSP/1.0 200 OK\r\n" + found_header
    for raw in shared("rtsp/retina/*.txt"):
        yield bytes([3]) + raw
    for raw in shared("rtsp/retina/bunny.rtsp"):
        yield bytes([3]) + greeting + raw[:6000]


class _Came:
    """What the reader emitted, checked as it comes; `pictures` without their time of arrival."""

    def __init__(self) -> None:
        self.pictures: list[tuple[int, int, bool, bytes]] = []
        self._config: VideoConfig | None = None

    def emit(self, item: VideoConfig | AccessUnit) -> None:
        if isinstance(item, VideoConfig):
            self._config = item
            require(wire.decode(wire.encode_config(item)) == item, "no message carries this")
            return
        require(self._config is not None, "a picture before its configuration")
        require(bool(self.pictures) or item.key, "the first picture is no key frame")
        require(not self.pictures or item.dts > self.pictures[-1][1], "time runs back")
        require(all(split_length_prefixed(item.data)), "a NAL unit is empty")
        require(wire.decode(wire.encode_unit(item, 1)) == item, "no message carries this")
        self.pictures.append((item.pts, item.dts, item.key, item.data))


def check(raw: bytes) -> None:
    if not raw:
        return
    mode, body = raw[0], raw[1:]
    piece = _PIECES[mode % len(_PIECES)]
    came = _conversation(mode, body, piece)
    size = sum(len(data) for *_, data in came.pictures)
    require(size <= 2 * len(body) + 64, "more came out than went in")
    if not mode & _UDP:
        # Whole runs of packets are read another way than single ones: both must see the same.
        whole = _conversation(mode, body, len(body))
        require(whole.pictures == came.pictures, "pictures depend on how their bytes arrived")


def _conversation(mode: int, body: bytes, piece: int) -> _Came:
    """Until the bytes end, or the reader gives the camera up."""
    target = parse_target(
        "rtsp://192.0.2.7/live", "operator", _PASSWORD, "udp" if mode & _UDP else "tcp"
    )
    came = _Came()
    session = Session(target, came.emit, lambda: (40_000, 40_001), 0.0)
    with contextlib.suppress(SerambiError):
        _say(session)
        for at in range(0, len(body), max(piece, 1)):
            part = body[at : at + piece]
            session.receive(part, 0.0, _NOW_US + at)
            if session.over_udp and mode & _DATAGRAMS:
                session.datagrams(part, len(part), 0.0, _NOW_US)
                session.report(part, _NOW_US)
            _say(session)
            session.tick(0.0)
        session.end()
        _say(session)
        session.tick(20.0)
    return came


def _say(session: Session) -> None:
    out = session.outgoing()
    require(_PASSWORD.encode() not in out, "the password is sent")
    require(len(out) <= RTSP_OUT_MAX_BYTES + _REQUEST_MAX_BYTES, "what is sent has no bounds")


def mutate(raw: bytes, rng: Random) -> bytes | None:
    """Messages and packets left out, doubled, exchanged; lengths that fit again."""
    mode, parts = raw[:1], [part for part in _MESSAGE.split(raw[1:]) if part]
    if not parts:
        return None
    at = rng.randrange(len(parts))
    act = rng.randrange(5)
    if act == 0:
        del parts[at]
    elif act == 1:
        parts.insert(at, rng.choice([*parts, *_GREETING, _LOGIN]))
    elif act == 2:
        other = rng.randrange(len(parts))
        parts[at], parts[other] = parts[other], parts[at]
    elif act == 3:
        lines = parts[at].split(b"\r\n")
        rng.shuffle(lines)
        parts[at] = b"\r\n".join(lines)
    else:
        head, end, rest = parts[at].partition(b"\r\n\r\n")
        cut = rest[: rng.randrange(len(rest) + 1)]
        parts[at] = _LENGTH.sub(rb"\g<1>%d" % len(cut), head) + end + cut
    return mode + b"".join(parts)


TARGET = Target(
    (
        "serambi.camera.rtsp.session",
        "serambi.camera.rtsp.message",
        "serambi.camera.rtsp.track",
        "serambi.camera.rtsp.target",
        "serambi.camera.pictures",
        "serambi.camera.timeline",
    ),
    seeds,
    check,
    max_bytes=16_384,
    mutate=mutate,
)
