"""A small painted stand-in for scenes, a small camera, and a plain RTSP client for the tests."""

import asyncio
import base64
import re
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from serambi.base.clock import Clock, SystemClock
from serambi.sim.counter import Picture
from serambi.sim.digest import response_hash
from serambi.sim.encode import encode
from serambi.sim.encoder import Settings
from serambi.sim.faults import NONE, Faults
from serambi.sim.loop_file import Loop
from serambi.sim.packetize import new_canary
from serambi.sim.stream import Camera, Manner

TAG = 0x5A
DEADLINE_S = 15.0


class Painted:
    """320x180, 20 a second, two seconds; a box that moves and a noisy ground."""

    width, height, fps, frames = 320, 180, 20, 40

    def __init__(self, seed: int = 1) -> None:
        ground = np.random.default_rng(seed).integers(60, 120, (18, 32, 3), np.uint8)
        self._ground: Picture = ground.repeat(10, 0).repeat(10, 1)

    def render(self, n: int) -> Picture:
        picture = self._ground.copy()
        picture[60:90, (n * 5) % 280 : (n * 5) % 280 + 40] = (40, 200, 240)
        return picture


def open_painted(name: str, seed: int) -> Painted:
    return Painted(seed)


@dataclass(frozen=True, slots=True)
class HalfSecond(Settings):
    """A key picture each half second, so that tests need not wait for one."""

    @property
    def gop(self) -> int:
        return self.fps // 2


def small_loops(
    codec: str = "h264", *, b_frames: int = 0, seed: int = 1, profile: str = "high"
) -> dict[str, Loop]:
    scene = Painted(seed)
    main = HalfSecond(320, 180, 20, 900_000, profile, "superfast", codec, b_frames)
    sub = HalfSecond(320, 180, 10, 200_000, "main", "superfast")
    loops = encode((scene.render(n) for n in range(scene.frames)), main, sub, TAG, "Gerbang")
    return dict(zip(("main", "sub"), loops, strict=True))


def camera(
    loops: dict[str, Loop],
    name: str = "gate-1",
    clock: Clock | None = None,
    faults: Faults = NONE,
    **manner: Any,
) -> Camera:
    canary, clock = new_canary(), clock or SystemClock()
    return Camera(
        name, "viewer", "p:ss word", canary, loops, clock, faults=faults, manner=Manner(**manner)
    )


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Picked:
    """One access unit as it came over the wire."""

    timestamp: int
    parts: list[bytes] = field(default_factory=list)

    def nals(self) -> list[bytes]:
        """H.264's NAL units."""
        return joined_h264(self.parts)

    def annex_b(self) -> bytes:
        return b"".join(b"\0\0\0\1" + nal for nal in self.nals())


def joined_h264(parts: list[bytes]) -> list[bytes]:
    """NAL units, put together again from packets (RFC 6184, 5.7 and 5.8)."""
    found: list[bytearray] = []
    for part in parts:
        kind = part[0] & 0x1F
        if kind == 24:
            found += map(bytearray, split_sizes(part[1:]))
        elif kind != 28:
            found.append(bytearray(part))
        elif part[1] & 0x80:
            found.append(bytearray((part[0] & 0xE0 | part[1] & 0x1F,)) + part[2:])
        else:
            found[-1] += part[2:]
    return [bytes(nal) for nal in found]


def joined_h265(parts: list[bytes]) -> list[bytes]:
    """NAL units, put together again from packets (RFC 7798, 4.4)."""
    found: list[bytearray] = []
    for part in parts:
        kind = part[0] >> 1 & 0x3F
        if kind == 48:
            found += map(bytearray, split_sizes(part[2:]))
        elif kind != 49:
            found.append(bytearray(part))
        elif part[2] & 0x80:
            first = part[0] & 0x81 | (part[2] & 0x3F) << 1
            found.append(bytearray((first, part[1])) + part[3:])
        else:
            found[-1] += part[3:]
    return [bytes(nal) for nal in found]


def split_sizes(body: bytes) -> list[bytes]:
    """NAL units of an aggregation packet, each behind two bytes of length."""
    found = []
    while body:
        end = 2 + int.from_bytes(body[:2])
        found.append(body[2:end])
        body = body[end:]
    return found


class Client:
    """As little RTSP as a test needs, written apart from the server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, url: str):
        self.reader, self.writer, self.url = reader, writer, url
        self.cseq = 0
        self.nonce = self.realm = self.session = ""
        self.password = "p:ss word"
        self.port = int(url.split(":")[2].partition("/")[0])
        self.reports: list[bytes] = []
        self.datagrams: list[socket.socket] = []
        self.sequences: list[int] = []
        self.rtp_info = self.transport = ""

    async def packet(self) -> tuple[int, bytes]:
        if self.datagrams:
            return 0, await asyncio.get_running_loop().sock_recv(self.datagrams[0], 2048)
        head = await self.reader.readexactly(4)
        assert head[0] == 0x24, head
        return head[1], await self.reader.readexactly(int.from_bytes(head[2:], "big"))

    async def reply(self) -> Reply:
        first = await self.reader.readexactly(1)
        while first == b"$":
            size = int.from_bytes((await self.reader.readexactly(3))[1:], "big")
            await self.reader.readexactly(size)
            first = await self.reader.readexactly(1)
        raw = first + await self.reader.readuntil(b"\r\n\r\n")
        lines = raw.decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines[1:] if line)
        body = await self.reader.readexactly(int(headers.get("Content-Length", "0")))
        return Reply(int(lines[0].split()[1]), headers, body)

    def send(self, method: str, url: str = "", **headers: str) -> None:
        url = url or self.url
        self.cseq += 1
        if self.nonce:
            proof = response_hash("viewer", self.password, self.realm, self.nonce, method, url)
            headers["Authorization"] = (
                f'Digest username="viewer", realm="{self.realm}", nonce="{self.nonce}", '
                f'uri="{url}", response="{proof}"'
            )
        if self.session:
            headers.setdefault("Session", self.session)
        text = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self.writer.write(f"{method} {url} RTSP/1.0\r\nCSeq: {self.cseq}\r\n{text}\r\n".encode())

    async def ask(self, method: str, url: str = "", **headers: str) -> Reply:
        self.send(method, url, **headers)
        return await self.reply()

    async def login(self) -> Reply:
        """DESCRIBE, refused once, then with the answer to the challenge."""
        refused = await self.ask("DESCRIBE")
        assert refused.status == 401
        challenge = refused.headers["WWW-Authenticate"]
        self.realm, self.nonce = re.findall(r'(?:realm|nonce)="([^"]+)"', challenge)
        return await self.ask("DESCRIBE")

    def open_ports(self) -> str:
        """Two neighboring UDP ports; what a Transport header says of them."""
        while True:
            pair = [socket.socket(type=socket.SOCK_DGRAM) for _ in range(2)]
            self.datagrams = pair
            try:
                pair[0].bind(("127.0.0.1", 0))
                port = pair[0].getsockname()[1]
                pair[1].bind(("127.0.0.1", port + 1))
            except OSError:
                self.close_ports()
                continue
            for sock in pair:
                sock.setblocking(False)
            return f"RTP/AVP;unicast;client_port={port}-{port + 1}"

    def close_ports(self) -> None:
        for sock in self.datagrams:
            sock.close()
        self.datagrams = []

    async def play(self, transport: str = "RTP/AVP/TCP;unicast;interleaved=0-1") -> Reply:
        described = await self.login()
        assert described.status == 200
        control = described.headers["Content-Base"] + "trackID=0"
        setup = await self.ask("SETUP", control, Transport=transport)
        assert setup.status == 200
        self.transport = setup.headers["Transport"]
        self.session = setup.headers["Session"].split(";")[0]
        played = await self.ask("PLAY")
        self.rtp_info = played.headers.get("RTP-Info", "")
        return played

    async def watch(self) -> None:
        """Take pictures until the connection ends: raises then."""
        while True:
            await self.picture()

    async def picture(self) -> Picked:
        """The next whole access unit."""
        picked: Picked | None = None
        while True:
            channel, packet = await self.packet()
            if channel == 1:
                self.reports.append(packet)
                continue
            _, second, sequence, timestamp, _ = struct.unpack("!BBHII", packet[:12])
            self.sequences.append(sequence)
            picked = picked or Picked(timestamp)
            assert timestamp == picked.timestamp
            picked.parts.append(packet[12:])
            if second & 0x80:
                return picked


@asynccontextmanager
async def connected(port: int, path: str = "gate-1/main") -> AsyncIterator[Client]:
    async with asyncio.timeout(DEADLINE_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        client = Client(reader, writer, f"rtsp://127.0.0.1:{port}/{path}")
        try:
            yield client
        finally:
            client.close_ports()
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()


def sprop(sdp: bytes) -> list[bytes]:
    found = re.search(rb"sprop-parameter-sets=([^\r;]+)", sdp)
    assert found
    return [base64.b64decode(part) for part in found[1].split(b",")]
