"""RTSP 1.0 on the wire: bytes -> requests, responses -> bytes. Strict and bounded."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from serambi.base.errors import Kind, SerambiError
from serambi.sim.limits import BODY_MAX_BYTES, HEADER_LINES_MAX, HEADER_MAX_BYTES

_REQUEST_LINE = re.compile(r"([A-Z_]{1,24}) (\S{1,1024}) RTSP/1\.0\Z")
_HEADER = re.compile(r"([A-Za-z0-9-]{1,64}):[ \t]*([^\r\n\0]*)\Z")
_TRANSPORTS = {"RTP/AVP/TCP": "tcp", "RTP/AVP": "udp", "RTP/AVP/UDP": "udp"}
_PAIRS = {"tcp": ("interleaved", "0-1", 255), "udp": ("client_port", "", 65_535)}
_REASONS = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    405: "Method Not Allowed",
    454: "Session Not Found",
    455: "Method Not Valid In This State",
    461: "Unsupported Transport",
    501: "Not Implemented",
}


@dataclass(frozen=True, slots=True)
class Request:
    """One request; header names in lower case. `parts` is the path of the URL, split."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    cseq: int

    @property
    def parts(self) -> tuple[str, ...]:
        return tuple(part for part in urlsplit(self.url).path.split("/") if part)


@dataclass(frozen=True, slots=True)
class Interleaved:
    """A packet the client sent inside the connection (RTCP)."""

    channel: int
    packet: bytes


def bad(why: str) -> SerambiError:
    return SerambiError(Kind.BAD_INPUT, f"not RTSP: {why}")


class Parser:
    """Feed it bytes as they come; it never holds more than one request's bounds."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, received: bytes) -> None:
        self._buffer += received

    def next(self) -> Request | Interleaved | None:
        """The next whole message, None when more bytes are needed; `SerambiError` on garbage."""
        if self._buffer[:1] == b"$":
            return self._interleaved()
        end = self._buffer.find(b"\r\n\r\n", 0, HEADER_MAX_BYTES + 4)
        if end < 0:
            if len(self._buffer) > HEADER_MAX_BYTES:
                raise bad("header too long")
            if self._buffer and not 0x41 <= self._buffer[0] <= 0x5A:
                raise bad("no method")
            return None
        return self._request(end)

    def _interleaved(self) -> Interleaved | None:
        if len(self._buffer) < 4:
            return None
        end = 4 + int.from_bytes(self._buffer[2:4], "big")
        if len(self._buffer) < end:
            return None
        message = Interleaved(self._buffer[1], bytes(self._buffer[4:end]))
        del self._buffer[:end]
        return message

    def _request(self, end: int) -> Request | None:
        try:
            lines = self._buffer[:end].decode("utf-8").split("\r\n")
        except UnicodeDecodeError as error:
            raise bad("header is not text") from error
        first = _REQUEST_LINE.match(lines[0])
        if first is None or len(lines) > HEADER_LINES_MAX:
            raise bad("request line or number of headers")
        headers: dict[str, str] = {}
        for line in lines[1:]:
            found = _HEADER.match(line)
            if found is None:
                raise bad("header line")
            headers.setdefault(found[1].lower(), found[2].strip())
        cseq, length = headers.get("cseq", ""), headers.get("content-length", "0")
        if not re.fullmatch(r"[0-9]{1,9}", cseq):
            raise bad("CSeq missing or not a number")
        if not re.fullmatch(r"[0-9]{1,6}", length) or int(length) > BODY_MAX_BYTES:
            raise bad("Content-Length")
        body_end = end + 4 + int(length)
        if len(self._buffer) < body_end:
            return None
        body = bytes(self._buffer[end + 4 : body_end])
        del self._buffer[:body_end]
        try:
            urlsplit(first[2])
        except ValueError as error:
            raise bad("URL") from error
        return Request(first[1], first[2], headers, body, int(cseq))


def response(
    status: int,
    cseq: int | None,
    headers: Mapping[str, str | list[str]] | None = None,
    body: bytes = b"",
) -> bytes:
    """One response; a header with a list of values is said once for each."""
    lines = [f"RTSP/1.0 {status} {_REASONS[status]}"]
    if cseq is not None:
        lines.append(f"CSeq: {cseq}")
    lines.append("Server: Serambi simulator")
    for name, values in (headers or {}).items():
        lines += [f"{name}: {v}" for v in ([values] if isinstance(values, str) else values)]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def offered(transport: str) -> tuple[str, tuple[int, int]] | None:
    """The first offer of a Transport header that can be served: `tcp` with the channels for RTP
    and RTCP, or `udp` with the client's two ports. None without one."""
    for offer in transport.split(","):
        fields = [field.strip() for field in offer.split(";")]
        kind = _TRANSPORTS.get(fields[0].upper())
        if kind is None or "multicast" in fields:
            continue
        name, usual, most = _PAIRS[kind]
        wanted = next((f for f in fields if f.startswith(f"{name}=")), f"{name}={usual}")
        found = re.fullmatch(rf"{name}=([0-9]{{1,5}})-([0-9]{{1,5}})", wanted)
        if found and int(found[1]) != int(found[2]) and max(int(found[1]), int(found[2])) <= most:
            return kind, (int(found[1]), int(found[2]))
    return None
