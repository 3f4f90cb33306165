"""Session descriptions and challenges to log in, as cameras write them."""

import base64
from collections.abc import Iterator

from fuzz._target import Target, require, shared
from serambi.base.limits import PARAMETER_SET_MAX_BYTES
from serambi.camera.rtsp.auth import Authenticator, parse_challenges
from serambi.camera.rtsp.sdp import control_url, parse

_DESCRIPTION = b"""v=0\r
o=- 1 1 IN IP4 192.0.2.7\r
s=Media\r
c=IN IP4 0.0.0.0\r
t=0 0\r
a=control:*\r
m=video 0 RTP/AVP 96 97\r
a=rtpmap:96 H264/90000\r
a=fmtp:96 packetization-mode=1;sprop-parameter-sets=Z2QAH6zZQFAFuwFq,aOvssiw=\r
a=rtpmap:97 H265/90000\r
a=fmtp:97 sprop-vps=QAEMAf//;sprop-sps=QgEBAWAAAAMAAA==;sprop-pps=RAHA8vA8kA==\r
a=control:trackID=1\r
m=audio 0 RTP/AVP 8\r
a=control:trackID=2\r
"""
_CHALLENGES = (
    b'Digest realm="IP Camera(C1234)", nonce="4f2a", algorithm=SHA-256, qop="auth,auth-int"',
    b'Basic realm="a \\"quoted\\" name", Digest realm="x", nonce="1", stale=TRUE, opaque="o"',
    b"Digest realm=x nonce=2 algorithm=MD5-sess",
    b"Digest" + b" " * 4000 + b"x",
)
_BASES = ("", "rtsp://192.0.2.7/live/", "rtsp://192.0.2.7/live?a=b", "192.0.2.7/live")
_REQUESTED = "rtsp://192.0.2.7:554/live"
_PASSWORD = "rahasia-kamera"


def seeds() -> Iterator[bytes]:
    yield b"\0" + _DESCRIPTION
    for old, new in ((b"o=- 1", b"o=- -1"), (b"H264/90000", b"JPEG/90000"), (b"96 97", b"26")):
        yield b"\0" + _DESCRIPTION.replace(old, new)
    for header in _CHALLENGES:
        yield b"\1" + header
    yield b"\1" + b"\n".join(_CHALLENGES)
    for raw in shared("rtsp/go2rtc/*.sdp"):
        yield b"\0" + raw
    for raw in shared("rtsp/retina/*_describe*.txt"):
        yield b"\0" + raw.partition(b"\r\n\r\n")[2]


def check(raw: bytes) -> None:
    if raw[:1] == b"\1":
        _challenges(raw[1:])
    elif raw:
        _description(raw[1:])


def _description(body: bytes) -> None:
    video = parse(body)
    require(video.codec in ("h264", "h265"), "another codec")
    require(1000 <= video.clock_hz <= 1_000_000, "an impossible clock")
    require(len(video.parameter_sets) <= 16, "parameter sets without bounds")
    for nal in video.parameter_sets:
        require(2 < len(nal) <= PARAMETER_SET_MAX_BYTES, "a parameter set without bounds")
    for base in _BASES:
        url = control_url(video.control, base, _REQUESTED)
        require("\r" not in url and "\n" not in url, "a line break stands in an address")


def _challenges(body: bytes) -> None:
    """Every login that these headers ask for is one line, and only Basic carries the password."""
    headers = body.decode("utf-8", "replace").replace("\r", "").split("\n")
    for challenge in parse_challenges(headers):
        require(challenge.scheme == "basic" or bool(challenge.nonce), "a digest without a nonce")
    login = Authenticator("operator", _PASSWORD)
    for _ in range(8):
        if not login.challenged(headers):
            return
        header = login.header("DESCRIBE", _REQUESTED)
        require(_PASSWORD not in header, "the password stands in a header")
        basic = f"Basic {base64.b64encode(b'operator:' + _PASSWORD.encode()).decode()}"
        require(header == basic or header.startswith("Digest "), "another way in")
        require(len(header) < 8192, "a header without bounds")
    require(False, "it tries to log in for ever")


TARGET = Target(
    ("serambi.camera.rtsp.sdp", "serambi.camera.rtsp.auth"), seeds, check, max_bytes=16_384
)
