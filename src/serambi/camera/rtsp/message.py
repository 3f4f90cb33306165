"""RTSP 1.0 on the wire (RFC 2326): requests out, responses and interleaved packets in. No I/O.

Lenient where real cameras are known to differ, each place names its source; everything else that
is not RTSP raises `SerambiError`.
"""

import re
import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import RTSP_BODY_MAX_BYTES, RTSP_HEAD_MAX_BYTES, RTSP_HEADERS_MAX

Interleaved = tuple[int, bytes]
"""(channel, packet)"""

TakePackets = Callable[[bytes, int], int]
"""(data, where an interleaved packet begins) -> where the packets that it has taken end."""

_DOLLAR = 0x24
_INTERLEAVED = struct.Struct(">BBH")
_INTERLEAVED_BYTES = 4
# A bare line feed is taken for the end of a line: cheap cameras write both (gortsplib).
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
_STATUS_LINE = re.compile(r"RTSP/\d\.\d +(\d{3})(?: (.*))?$")
_REQUEST_LINE = re.compile(r"([A-Z_]{1,32}) (\S+) RTSP/\d\.\d$")
_LENGTH = re.compile(r"\d{1,9}")


@dataclass(frozen=True, slots=True)
class Response:
    """`headers` in the order they came, names in lower case, values without outer blanks."""

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str:
        """The first header of this (lower case) name, "" when there is none."""
        return next(self.all(name), "")

    def all(self, name: str) -> Iterator[str]:
        """Every header of this (lower case) name."""
        return (value for key, value in self.headers if key == name)


@dataclass(frozen=True, slots=True)
class Request:
    """What a camera asks of us, which happens; same fields as `Response`."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str:
        """The first header of this (lower case) name, "" when there is none."""
        return next((value for key, value in self.headers if key == name), "")


Message = Response | Request | Interleaved


def request(method: str, url: str, cseq: int, headers: Iterable[tuple[str, str]]) -> bytes:
    """One request. CSeq comes first and the rest in the given order: some cameras count on the
    order of headers (mediamtx#2887)."""
    lines = [f"{method} {url} RTSP/1.0", f"CSeq: {cseq}"]
    lines += [f"{name}: {value}" for name, value in headers]
    if any("\r" in line or "\n" in line for line in lines):
        raise SerambiError(Kind.BAD_INPUT, "a line break stands in a request's header")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def answer(status: int, reason: str, cseq: str) -> bytes:
    """An answer to a camera's own request."""
    number = cseq if _LENGTH.fullmatch(cseq) else "0"
    return f"RTSP/1.0 {status} {reason}\r\nCSeq: {number}\r\n\r\n".encode()


class Parser:
    """Bytes of one connection, in pieces of any size -> messages."""

    def __init__(self) -> None:
        self._rest = b""

    @property
    def pending_bytes(self) -> int:
        """How much of a message not yet complete is kept; bounded by the limits of one message."""
        return len(self._rest)

    def feed(self, data: bytes, packets: TakePackets | None = None) -> Iterator[Message]:
        """The messages that `data` completes. Use the iterator up before feeding more. `packets`
        may take interleaved packets by itself, before they become messages.

        Raises `SerambiError` for what is not RTSP; the parser is then of no more use.
        """
        if self._rest:
            data = self._rest + data
            self._rest = b""
        at, end = 0, len(data)
        while at < end:
            if data[at] in b"\r\n":
                at += 1  # blank lines between messages mean nothing (RFC 2326, 4)
                continue
            if data[at] != _DOLLAR:
                message, at = _text(data, at)
                if message is None:
                    break
                yield message
                continue
            if packets is not None and (stop := packets(data, at)) > at:
                at = stop
                continue
            if end - at < _INTERLEAVED_BYTES:
                break
            _, channel, size = _INTERLEAVED.unpack_from(data, at)
            begin = at + _INTERLEAVED_BYTES
            if begin + size > end:
                break
            at = begin + size
            yield channel, data[begin:at]
        self._rest = data[at:]


def _bad(what: str) -> SerambiError:
    return SerambiError(
        Kind.BAD_INPUT,
        f"the camera does not speak RTSP as it should: {what}",
        hint="update its firmware, or try its other stream",
    )


def _text(data: bytes, at: int) -> tuple[Response | Request | None, int]:
    """The response or request at `at` and where it ends, or None and `at` while it is not whole."""
    head = data[at : at + RTSP_HEAD_MAX_BYTES]
    found = _END_OF_HEAD.search(head)
    if found is None:
        if len(head) >= RTSP_HEAD_MAX_BYTES:
            raise _bad("a message's head has no end")
        if not _may_begin(head):
            raise _bad("neither a message nor a packet")
        return None, at
    first, *lines = (
        head[: found.start()].decode("utf-8", "replace").replace("\r\n", "\n").split("\n")
    )
    headers = _headers(lines)
    begin = at + found.end()
    size = _body_bytes(headers)
    if begin + size > len(data):
        return None, at
    return _message(first, headers, data[begin : begin + size]), begin + size


def _may_begin(head: bytes) -> bool:
    """Whether a message could begin like this: garbage is refused before its end is looked for."""
    return all(0x20 <= byte < 0x7F for byte in head[:8].rstrip(b"\r\n"))


def _headers(lines: list[str]) -> tuple[tuple[str, str], ...]:
    if len(lines) > RTSP_HEADERS_MAX:
        raise _bad("a message has too many headers")
    headers = []
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise _bad("a header has no name or no colon")
        headers.append((name.strip().lower(), value.strip()))
    return tuple(headers)


def _body_bytes(headers: tuple[tuple[str, str], ...]) -> int:
    given = next((value for name, value in headers if name == "content-length"), "0")
    if not _LENGTH.fullmatch(given):
        raise _bad("a message's length is no number")
    if int(given) > RTSP_BODY_MAX_BYTES:
        raise _bad("a message is too long")
    return int(given)


def _message(first: str, headers: tuple[tuple[str, str], ...], body: bytes) -> Response | Request:
    if status := _STATUS_LINE.match(first):
        number = int(status[1])
        if not 100 <= number < 600:
            raise _bad("a status that does not exist")
        return Response(number, (status[2] or "").strip(), headers, body)
    if asked := _REQUEST_LINE.match(first):
        return Request(asked[1], asked[2], headers, body)
    raise _bad("neither a response nor a request")
