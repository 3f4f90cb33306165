"""Session descriptions (RFC 4566) as cameras write them: which video there is, and where.

Only what is needed is looked at, so that nonsense elsewhere does no harm: negative, oversized and
fractional origins, empty connection lines, attributes in the wrong section (mediamtx#2708, #5949,
#2555, #5033; go2rtc BugSDP1 to 3).
"""

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import PARAMETER_SET_MAX_BYTES, RTSP_BODY_MAX_BYTES, SDP_MEDIA_MAX

Codec = Literal["h264", "h265"]

_CODECS: dict[str, Codec] = {"h264": "h264", "h265": "h265", "hevc": "h265"}
_MEDIA = re.compile(r"(\w+) +\d+(?:/\d+)? +(\S+) +([\d ]+)")
_RTPMAP = re.compile(r"(\d{1,3}) +([\w.-]+)(?:/(\d{1,9}))?")
_FMTP = re.compile(r"(\d{1,3}) +(.*)")
_SETS_MAX = 16


@dataclass(frozen=True, slots=True)
class Video:
    """The video track to set up: RTP payload type, codec, RTP clock, `control` of the track and of
    the whole session as written, and the parameter sets that the description carries (none, when
    the camera sends them in-band)."""

    payload_type: int
    codec: Codec
    clock_hz: int
    control: str
    session_control: str
    parameter_sets: tuple[bytes, ...]


class _Section:
    """One `m=` section; the first is the session itself."""

    def __init__(self, kind: str, transport: str, payload_types: tuple[int, ...]) -> None:
        self.kind = kind
        self.transport = transport
        self.payload_types = payload_types
        self.control = ""
        self.names: dict[int, tuple[str, int]] = {}
        self.formats: dict[int, str] = {}


def parse(raw: bytes) -> Video:
    """The first video track that can be read. Raises `SerambiError` when there is none, naming
    what there is instead."""
    if len(raw) > RTSP_BODY_MAX_BYTES:
        raise _bad("is too long")
    sections = _sections(raw.decode("utf-8", "replace"))
    offered = set()
    for section in sections:
        if section.kind != "video" or not section.transport.upper().startswith("RTP/AVP"):
            continue
        for payload_type in section.payload_types:
            name, clock_hz = section.names.get(payload_type, ("", 0))
            codec = _CODECS.get(name.lower())
            if codec is None:
                offered.add(name or f"payload type {payload_type}")
                continue
            return _video(section, sections, payload_type, codec, clock_hz)
    if offered:
        raise _bad(f"offers {', '.join(sorted(offered))[:64]}, not H.264 or H.265")
    kinds = {section.kind for section in sections[1:] if section.kind}
    if kinds:
        raise _bad(f"offers {' and '.join(sorted(kinds))[:64]}, but no video to read")
    raise _bad("names no stream")


def control_url(control: str, base: str, requested: str) -> str:
    """Where to SETUP: `control` of a track, joined as live555 and FFmpeg do it, by appending (a
    query in the base stays before it, which Dahua expects). `base` is the Content-Base or
    Content-Location header, "" when there is none, `requested` the address that was described."""
    if "://" in control:
        return control
    if not _is_address(base):
        # Without a scheme it is no address: SV3C, phone apps (moonfire-nvr#356, retina#135).
        base = requested
    if control in ("", "*"):
        return base
    return base + control if base.endswith("/") else f"{base}/{control}"


def _is_address(url: str) -> bool:
    return url.lower().startswith(("rtsp://", "rtsps://"))


def _bad(what: str) -> SerambiError:
    return SerambiError(
        Kind.BAD_INPUT,
        f"the camera's description {what}",
        hint="set this stream to H.264 or H.265 in the camera, or check the stream's path",
    )


def _sections(text: str) -> list[_Section]:
    sections = [_Section("session", "", ())]
    for line in text.splitlines():
        kind, equals, value = line.strip().partition("=")
        value = value.strip()
        if not equals:
            continue
        if kind == "m":
            if len(sections) > SDP_MEDIA_MAX:
                raise _bad("has too many tracks")
            found = _MEDIA.match(value)
            types = tuple(int(number) for number in found[3].split()[:_SETS_MAX]) if found else ()
            sections.append(_Section(*(found[1], found[2]) if found else ("", ""), types))
        elif kind == "a":
            _attribute(sections[-1], value)
    return sections


def _attribute(section: _Section, value: str) -> None:
    name, _, rest = value.partition(":")
    if name == "control" and not section.control:
        section.control = rest.strip()
    elif name == "rtpmap" and (found := _RTPMAP.match(rest.strip())):
        section.names[int(found[1])] = (found[2], int(found[3] or 90_000))
    elif name == "fmtp" and (found := _FMTP.match(rest.strip())):
        section.formats[int(found[1])] = found[2]


def _video(
    section: _Section, sections: list[_Section], payload_type: int, codec: Codec, clock_hz: int
) -> Video:
    if not 1_000 <= clock_hz <= 1_000_000:
        raise _bad("has an impossible clock")
    # A format may stand in another track's section (go2rtc BugSDP2).
    formats = [section, *sections]
    text = next((s.formats[payload_type] for s in formats if payload_type in s.formats), "")
    parameters = dict(_parameters(text))
    if _number(parameters.get("sprop-max-don-diff", "0")) > 0:
        raise _bad("sends pictures out of order, which is not supported")
    if codec == "h264" and parameters.get("packetization-mode", "1").strip() == "2":
        raise _bad("sends pictures interleaved, which is not supported")
    names = ("sprop-parameter-sets",) if codec == "h264" else _H265_SETS
    sets = [nal for name in names for nal in _decoded(parameters.get(name, ""))]
    return Video(
        payload_type, codec, clock_hz, section.control, sections[0].control, tuple(sets[:_SETS_MAX])
    )


_H265_SETS = ("sprop-vps", "sprop-sps", "sprop-pps")


def _parameters(text: str) -> Iterator[tuple[str, str]]:
    for part in text.split(";"):
        name, equals, value = part.strip().partition("=")
        if equals:
            yield name.strip().lower(), value.strip()


def _number(text: str) -> int:
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else 0


def _decoded(text: str) -> Iterator[bytes]:
    """Comma-separated base64; what cannot be read is left out, it comes in-band too."""
    for part in text.split(","):
        try:
            nal = base64.b64decode(part.strip() + "=" * (-len(part.strip()) % 4))
        except (binascii.Error, ValueError):
            continue
        # Some write the start code into it.
        nal = nal.removeprefix(b"\0").removeprefix(b"\0\0\1")
        if 2 < len(nal) <= PARAMETER_SET_MAX_BYTES:
            yield nal
