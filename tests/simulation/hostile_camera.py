"""Cameras that talk nonsense: a raw RTSP server, one camera for each path, and what it says."""

import asyncio
import contextlib
import itertools
import struct
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from serambi.media.nal import split_length_prefixed
from tests.clips import clip

_HEAD_MAX_BYTES = 65_536
_PERIOD_S = 0.02
_CONTENT = "Content-Type: application/sdp\r\nContent-Base: rtsp://127.0.0.1/{path}/\r\n"


def description(*lines: str) -> bytes:
    """A session description with these lines behind the usual ones."""
    usual = ("v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=Media", "t=0 0")
    return "".join(f"{line}\r\n" for line in (*usual, *lines)).encode()


H264 = description("m=video 0 RTP/AVP 96", "a=rtpmap:96 H264/90000", "a=control:trackID=0")


@dataclass(frozen=True)
class Odd:
    """One camera: what it answers to DESCRIBE, and what it sends again and again after PLAY;
    with nothing to send it is silent."""

    body: bytes = H264
    noise: Callable[[int], bytes] | bytes = b""


def interleaved(packet: bytes, channel: int = 0) -> bytes:
    return struct.pack(">BBH", 0x24, channel, len(packet)) + packet


def rtp(payload: bytes, sequence: int, timestamp: int = 0, *, marker: bool = True) -> bytes:
    return struct.pack(">BBHII", 0x80, marker << 7 | 96, sequence, timestamp, 7) + payload


def pictures(turn: int) -> bytes:
    """A second of good video, the `turn`-th one, as one run of packets."""
    film = clip(10, width=64, height=48, gop=5)
    record = film.config.record
    sps_end = 8 + int.from_bytes(record[6:8], "big")
    pps_end = sps_end + 3 + int.from_bytes(record[sps_end + 1 : sps_end + 3], "big")
    nals = [(0, record[8:sps_end], False), (0, record[sps_end + 3 : pps_end], False)]
    for unit in film.units:
        *others, last = split_length_prefixed(unit.data)
        nals += [(unit.pts, nal, False) for nal in others]
        nals.append((unit.pts, last, True))
    length = film.units[-1].pts + 3600
    return b"".join(
        interleaved(rtp(nal, (turn * len(nals) + at) % 0x10000, turn * length + pts, marker=marker))
        for at, (pts, nal, marker) in enumerate(nals)
    )


class Cameras:
    """Serves `odd` cameras by the first part of the path."""

    def __init__(self, odd: Mapping[str, Odd]) -> None:
        self._odd = odd
        self._talking: dict[asyncio.StreamWriter, asyncio.Event] = {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        over = self._talking[writer] = asyncio.Event()
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await self._talk(reader, writer)
        finally:
            writer.close()
            over.set()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            method, url = head.split(" ", 2)[:2]
            path = url.split("/", 3)[3].rstrip("/")
            cseq = next((n for n in head.split("\r\n") if n.lower().startswith("cseq")), "CSeq: 0")
            odd = self._odd[path.split("/")[0]]
            body = odd.body if method == "DESCRIBE" else b""
            more = _CONTENT.format(path=path) if body else ""
            if method == "SETUP":
                more = "Session: 1\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n"
            length = f"Content-Length: {len(body)}\r\n" if body else ""
            writer.write(f"RTSP/1.0 200 OK\r\n{cseq}\r\n{more}{length}\r\n".encode() + body)
            await writer.drain()
            if method == "PLAY" and odd.noise:
                await self._send(odd, writer)

    async def _send(self, odd: Odd, writer: asyncio.StreamWriter) -> None:
        for turn in itertools.count():
            noise = odd.noise if isinstance(odd.noise, bytes) else odd.noise(turn)
            writer.write(noise)
            await writer.drain()
            await asyncio.sleep(_PERIOD_S)

    async def end(self) -> None:
        for writer in self._talking:
            writer.transport.abort()
        for over in self._talking.values():
            await over.wait()


@asynccontextmanager
async def serving(odd: Mapping[str, Odd]) -> AsyncIterator[int]:
    """The port they are served at."""
    cameras = Cameras(odd)
    server = await asyncio.start_server(cameras.serve, "127.0.0.1", 0, limit=_HEAD_MAX_BYTES)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        await cameras.end()
        await server.wait_closed()
