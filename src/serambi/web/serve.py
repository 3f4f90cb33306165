"""uvicorn as one task among others: no signals of its own, an actual port, a stop within a second.

A WebSocket's endpoint finds its `Connection` in the scope, to end a reader that does not read.
"""

import asyncio
import contextlib
import fcntl
import logging
import socket
import struct
import termios
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from starlette.types import Scope
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import (
    SOCKET_MESSAGE_MAX_BYTES,
    SOCKET_SEND_BUFFER_BYTES,
    STOP_GRACE_S,
)

# uvicorn writes addresses with their query strings at INFO; those may hold a sign-in code.
logging.getLogger("uvicorn.error").setLevel(logging.WARNING)

_TICK_S = 1.0
_DRAIN_POLL_S = 0.005
_EXTENSION = "serambi.connection"


@dataclass(frozen=True, slots=True)
class Connection:
    """The connection below a WebSocket."""

    transport: asyncio.Transport

    def pending_bytes(self) -> int:
        """Bytes that the other side has not confirmed: ours and the kernel's."""
        pending = self.transport.get_write_buffer_size()
        sock = self.transport.get_extra_info("socket")
        if sock is None or sock.fileno() < 0:
            return pending
        with contextlib.suppress(OSError):
            raw = fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, b"\0\0\0\0")
            pending += int(struct.unpack("i", raw)[0])
        return pending

    async def drained(self) -> None:
        """Return when everything sent so far has been confirmed. Give it a timeout."""
        while self.pending_bytes() > 0:  # noqa: ASYNC110 (the kernel gives no event for this)
            await asyncio.sleep(_DRAIN_POLL_S)

    def abort(self) -> None:
        """End it now; what is still in the buffers, the kernel's too, is never sent."""
        sock = self.transport.get_extra_info("socket")
        if sock is not None and sock.fileno() >= 0:
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()


def connection_of(scope: Scope) -> Connection | None:
    """The connection of a WebSocket served by `HttpServer`, None under another server."""
    found = scope.get("extensions", {}).get(_EXTENSION)
    return found if isinstance(found, Connection) else None


class _SocketProtocol(WebSocketsSansIOProtocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        # One message deep: what waits here can no longer be taken back when a session ends.
        self.transport.set_write_buffer_limits(high=0)

    async def run_asgi(self) -> None:
        extensions: dict[str, Any] = dict(self.scope.get("extensions") or {})
        extensions[_EXTENSION] = Connection(self.transport)
        self.scope["extensions"] = extensions
        await super().run_asgi()


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
                Connection(transport).abort()
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
                ws=_SocketProtocol,
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
        # Connections inherit it. Small, so that a stopped view has little left on its way.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_SEND_BUFFER_BYTES)
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
