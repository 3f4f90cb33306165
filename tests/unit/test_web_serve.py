"""The HTTP server as one task: real sockets."""

import asyncio
import contextlib
import os
import socket
from collections.abc import Iterator

import httpx
import pytest
from fastapi import WebSocket
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from serambi.base.errors import Kind, SerambiError
from serambi.web.app import App, new_app
from serambi.web.serve import HttpServer


def talking_app() -> App:
    app = new_app("Test", "1")

    @app.get("/hello")
    async def hello() -> str:
        return "hello"

    @app.websocket("/talk")
    async def talk(websocket: WebSocket) -> None:
        await websocket.accept()
        while True:
            await websocket.send_text(await websocket.receive_text())

    return app


async def test_it_starts_answers_and_stops() -> None:
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        server = HttpServer(talking_app(), "127.0.0.1", 0)
        await server.start(group)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as client:
            answer = await client.get("/hello")
        assert answer.json() == "hello"
        assert "server" not in answer.headers
        port = server.port
        await server.stop()
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def accepted_at(port: int) -> Iterator[socket.socket]:
    """This process's own ends of the connections to `port`."""
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(int(name))) as found:
            if found.getsockname()[1:2] == (port,) and found.getpeername():
                yield found


async def test_no_answer_waits_for_an_acknowledgement() -> None:
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        server = HttpServer(talking_app(), "127.0.0.1", 0)
        await server.start(group)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as client:
            await client.get("/hello")
            no_delay = [
                end.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
                for end in accepted_at(server.port)
            ]
        await server.stop()
    assert no_delay == [1]


async def test_it_stops_with_open_sockets_and_a_stuck_request() -> None:
    entered = asyncio.Event()
    app = talking_app()

    @app.get("/stuck")
    async def stuck() -> None:
        entered.set()
        await asyncio.Event().wait()

    async def ask(url: str) -> str:
        async with httpx.AsyncClient(timeout=20) as client:
            try:
                return str((await client.get(url)).status_code)
            except httpx.TransportError:
                return "cut"

    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        server = HttpServer(app, "127.0.0.1", 0)
        await server.start(group)
        base = f"127.0.0.1:{server.port}"
        async with connect(f"ws://{base}/talk") as talk:
            await talk.send("a")
            assert await talk.recv() == "a"
            assert talk.protocol.extensions == []
            request = group.create_task(ask(f"http://{base}/stuck"))
            await entered.wait()
            await server.stop()
            with pytest.raises(ConnectionClosed):
                await talk.recv()
            assert await request in {"cut", "500"}


async def test_cancelling_the_group_frees_the_port() -> None:
    port = 0

    async def house() -> None:
        nonlocal port
        async with asyncio.TaskGroup() as group:
            server = HttpServer(talking_app(), "127.0.0.1", 0)
            await server.start(group)
            port = server.port
            raise RuntimeError("the house falls")

    with pytest.raises(ExceptionGroup):
        await house()
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


async def test_a_taken_port_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ExceptionGroup) as caught:
            async with asyncio.TaskGroup() as group:
                await HttpServer(talking_app(), "127.0.0.1", port).start(group)
    error = caught.value.exceptions[0]
    assert isinstance(error, SerambiError)
    assert error.kind is Kind.UNAVAILABLE
    assert str(port) in error.where


async def test_a_large_message_from_outside_ends_its_connection() -> None:
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        server = HttpServer(talking_app(), "127.0.0.1", 0)
        await server.start(group)
        async with connect(f"ws://127.0.0.1:{server.port}/talk") as talk:
            with contextlib.suppress(ConnectionClosed):
                await talk.send("x" * 1_000_000)
            with pytest.raises(ConnectionClosed):
                await talk.recv()
        await server.stop()
