"""uvicorn as one task among others: no signals of its own, an actual port, a stop within a second.

What a WebSocket's endpoint may do with its connection stands in `connection.py`.
"""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import uvicorn

from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import (
    SOCKET_MESSAGE_MAX_BYTES,
    SOCKET_SEND_BUFFER_BYTES,
    SOCKET_UNSENT_BYTES,
    STOP_GRACE_S,
)
from serambi.web.connection import SocketProtocol, reset

# uvicorn writes addresses with their query strings at INFO; those may hold a sign-in code.
logging.getLogger("uvicorn.error").setLevel(logging.WARNING)

_TICK_S = 1.0


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.wanted_to_stop = asyncio.Event()
        self.ready = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def main_loop(self) -> None:
        await self.on_tick(0)
        self.ready.set()
        while not self.wanted_to_stop.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.wanted_to_stop.wait(), _TICK_S)
            await self.on_tick(0)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        hurry = asyncio.get_running_loop().call_later(STOP_GRACE_S, self.cut)
        try:
            await super().shutdown(sockets)
        finally:
            hurry.cancel()

    def cut(self) -> None:
        """End everything that is still open, now."""
        for server in getattr(self, "servers", ()):
            server.close()
        for connection in list(self.server_state.connections):
            transport = connection.transport
            if isinstance(transport, asyncio.Transport):
                reset(transport)
        for task in list(self.server_state.tasks):
            task.cancel()


class HttpServer:
    """Serves `app` on `host`:`port` (0: any free one) from `start` until `stop`."""

    def __init__(
        self, app: Any, host: str, port: int, *, tls: tuple[Path, Path] | None = None
    ) -> None:
        self._host = host
        self._wanted = port
        certificate, key = tls or (None, None)
        self._server = _Server(
            uvicorn.Config(
                app,
                http="httptools",
                ws=SocketProtocol,
                ws_per_message_deflate=False,
                ws_max_size=SOCKET_MESSAGE_MAX_BYTES,
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_graceful_shutdown=1,
                ssl_certfile=certificate,
                ssl_keyfile=key,
            )
        )
        self._task: asyncio.Task[None] | None = None
        self._socket: socket.socket | None = None

    @property
    def port(self) -> int:
        """The actual port, from `bind` or `start` on."""
        if self._socket is None:
            raise SerambiError(Kind.UNAVAILABLE, "the HTTP server has not been started")
        return int(self._socket.getsockname()[1])

    def bind(self) -> int:
        """Take the address, for whoever must know the port before `start`; close with `stop`.

        Raises `UNAVAILABLE` when the address cannot be had.
        """
        if self._socket is None:
            self._socket = _listen(self._host, self._wanted)
        return self.port

    async def start(self, group: asyncio.TaskGroup) -> None:
        """Bind unless done, and return when connections are answered. Raises like `bind`."""
        self.bind()
        if self._socket is not None:
            self._task = group.create_task(self._run(self._socket))
            await self._server.ready.wait()

    async def stop(self) -> None:
        """End: idle connections at once, the others after `STOP_GRACE_S` at the latest."""
        if self._task is None:
            self.release()
            return
        self._server.wanted_to_stop.set()
        await asyncio.wait({self._task})

    def release(self) -> None:
        """Give the address up if `start` never came; else this does nothing."""
        if self._socket is not None and self._task is None:
            self._socket.close()

    async def _run(self, listening: socket.socket) -> None:
        try:
            await self._server.serve(sockets=[listening])
        finally:
            self._server.cut()
            listening.close()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Connections inherit all three. The kernel keeps what is on its way, and little that is
        # not: so a stopped view has little left to send.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_SEND_BUFFER_BYTES)
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, SOCKET_UNSENT_BYTES)
        # asyncio sets it only where the protocol is named; without it a body waits 40 ms behind
        # its head for an acknowledgement.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listening.bind((host, port))
        listening.listen(512)
        listening.setblocking(False)
    except OSError as error:
        listening.close()
        raise SerambiError(
            Kind.UNAVAILABLE,
            f"cannot listen: {error.strerror or error}",
            where=f"{host}:{port}",
            hint="is another process using this port?",
        ) from error
    return listening
