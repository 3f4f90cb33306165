"""The connection below a WebSocket, over real sockets, plain and TLS: one message in the buffers,
and an end that takes back what has not left."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from starlette.websockets import WebSocket
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from serambi.base.errors import SerambiError
from serambi.web.app import new_app
from serambi.web.connection import Connection, SocketProtocol, connection_of, framed
from serambi.web.serve import HttpServer
from tests.fakes.browsers import KERNELS_BYTES, dialed, rest
from tests.fakes.running import eventually
from tests.simulation.fabric_town import Authority

MESSAGE = bytes(200_000)
TLS = pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])


@dataclass
class Served:
    """A server whose WebSockets are written to by the test; `/push` sends by itself."""

    port: int
    trust: Path | None
    connections: list[Connection] = field(default_factory=list)
    sent: int = 0

    async def connection(self) -> Connection:
        await eventually(lambda: self.connections)
        return self.connections[0]


@asynccontextmanager
async def served(folder: Path, *, tls: bool) -> AsyncIterator[Served]:
    files = Authority(folder).issue("center") if tls else None
    app = new_app("Test", "1")
    place = Served(0, files.ca if files else None)

    @app.websocket("/hold")
    async def hold(websocket: WebSocket) -> None:
        await websocket.accept()
        place.connections.append(connection_of(websocket.scope))
        while (await websocket.receive())["type"] != "websocket.disconnect":
            pass

    @app.websocket("/push")
    async def push(websocket: WebSocket) -> None:
        await websocket.accept()
        place.connections.append(connection_of(websocket.scope))
        for _ in range(40):
            await websocket.send_bytes(MESSAGE)
            place.sent += 1
        await place.connections[0].drained()
        place.connections[0].abort()

    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        pair = (files.cert, files.key) if files else None
        server = HttpServer(app, "127.0.0.1", 0, tls=pair)
        await server.start(group)
        place.port = server.port
        try:
            yield place
        finally:
            await server.stop()


def client(place: Served, path: str) -> connect:
    if place.trust is None:
        return connect(f"ws://127.0.0.1:{place.port}{path}", proxy=None)
    context = ssl.create_default_context(cafile=place.trust)
    return connect(f"wss://127.0.0.1:{place.port}{path}", ssl=context, proxy=None)


def fill(connection: Connection) -> int:
    """Write messages until no more are taken; how many."""
    count = 0
    while not connection.full:
        connection.write(framed(MESSAGE))
        count += 1
    return count


@TLS
async def test_frames_built_once_are_messages_of_every_size(tmp_path: Path, tls: bool) -> None:
    sizes = (0, 1, 125, 126, 65_535, 65_536, 300_000)
    messages: list[bytes | str] = [bytes(size) for size in sizes]
    async with served(tmp_path, tls=tls) as place, client(place, "/hold") as browser:
        connection = await place.connection()
        for message in [*messages, "kata", "ya" * 400]:
            await eventually(lambda: not connection.full)
            connection.write(framed(message))
            assert await browser.recv() == message


@TLS
async def test_a_reader_that_does_not_read_holds_up_one_message(tmp_path: Path, tls: bool) -> None:
    async with served(tmp_path, tls=tls) as place:
        browser = await dialed(place.port, "/hold", trust=place.trust)
        connection = await place.connection()
        room = asyncio.Event()
        connection.on_room(room.set)
        count = fill(connection)
        assert count * len(MESSAGE) <= KERNELS_BYTES + len(MESSAGE)
        # TLS adds a record's frame to each 16 KiB.
        assert 0 < connection.buffered_bytes() <= len(MESSAGE) * 1.01
        assert not room.is_set()
        reading = asyncio.ensure_future(asyncio.to_thread(rest, browser))
        await room.wait()
        assert not connection.full
        assert fill(connection) > 0
        connection.abort()
        await reading


@TLS
async def test_what_uvicorn_sends_keeps_to_the_same_bound(tmp_path: Path, tls: bool) -> None:
    async with served(tmp_path, tls=tls) as place:
        browser = await dialed(place.port, "/push", trust=place.trust)
        connection = await place.connection()
        await eventually(lambda: connection.full)
        assert connection.buffered_bytes() <= len(MESSAGE) * 1.01
        assert place.sent < 20
        count, _ = await asyncio.to_thread(rest, browser)
        assert count > 40 * len(MESSAGE)
        assert place.sent == 40


@TLS
async def test_an_end_in_the_middle_of_a_message_discards_the_rest(
    tmp_path: Path, tls: bool
) -> None:
    async with served(tmp_path, tls=tls) as place:
        browser = await dialed(place.port, "/hold", trust=place.trust)
        connection = await place.connection()
        written = fill(connection) * len(MESSAGE)
        assert connection.unsent_bytes() > 0
        connection.abort()
        assert connection.full
        count, was_reset = await asyncio.to_thread(rest, browser)
        assert was_reset
        # What a browser got is what its own small buffer had taken by then.
        assert count < written / 2


@TLS
async def test_what_has_left_needs_no_cutting_off(tmp_path: Path, tls: bool) -> None:
    async with served(tmp_path, tls=tls) as place, client(place, "/hold") as browser:
        connection = await place.connection()
        connection.write(framed(MESSAGE))
        assert await browser.recv() == MESSAGE
        await connection.drained()
        assert connection.unsent_bytes() == 0
        connection.abort()
        with pytest.raises(ConnectionClosed):
            await browser.recv()


async def test_a_peer_that_answers_no_ping_is_cut_off_even_with_a_full_buffer(
    tmp_path: Path,
) -> None:
    async with served(tmp_path, tls=False) as place:
        browser = await dialed(place.port, "/hold")
        connection = await place.connection()
        fill(connection)
        protocol = connection._transport.get_protocol()
        assert isinstance(protocol, SocketProtocol)
        protocol.keepalive_timeout()
        _, was_reset = await asyncio.to_thread(rest, browser)
        assert was_reset


def test_another_server_is_refused_in_words() -> None:
    with pytest.raises(SerambiError, match="cannot send pictures"):
        connection_of({"type": "websocket"})
