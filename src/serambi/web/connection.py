"""The connection below a WebSocket: messages framed once for everybody, one at a time in the
buffers, and an end that takes back what has not left.

uvicorn's protocol is extended here; the server itself is `serve.py`. Who gets which message, and
what a slow reader misses, does not belong here (center/viewer.py).
"""

import asyncio
import contextlib
import fcntl
import socket
import struct
from collections.abc import Callable
from typing import Any

from starlette.types import Scope
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame, Opcode

from serambi.base.errors import Kind, SerambiError

_EXTENSION = "serambi.connection"
_DRAIN_POLL_S = 0.005
# linux/sockios.h: bytes that the kernel has taken and not yet sent a first time.
_SIOCOUTQNSD = 0x894B


def framed(message: bytes | str) -> bytes:
    """One WebSocket message as a server sends it: to be built once and written to many."""
    if isinstance(message, str):
        return Frame(Opcode.TEXT, message.encode()).serialize(mask=False)
    return Frame(Opcode.BINARY, message).serialize(mask=False)


class Connection:
    """One WebSocket's way out. Lives on the event loop."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        # Over TLS there is a second transport below, with a buffer of its own; asyncio hides it.
        below = getattr(getattr(transport, "_ssl_protocol", None), "_transport", None)
        self._below: asyncio.Transport | None = below
        self._on_room: Callable[[], None] | None = None
        # Not a byte more than the one message: what waits here can no longer be taken back.
        for each in (transport, below):
            if each is not None:
                each.set_write_buffer_limits(high=0)

    def on_room(self, call: Callable[[], None] | None) -> None:
        """`call` whenever the buffers have become empty; None for nobody."""
        self._on_room = call

    def room(self) -> None:
        """For the protocol: the buffers are empty now."""
        if self._on_room is not None:
            self._on_room()

    @property
    def full(self) -> bool:
        """Whether a message is still being written, or the connection is ending."""
        return self._transport.is_closing() or self.buffered_bytes() > 0

    def write(self, frame: bytes) -> None:
        """Send what `framed` made. Only after the upgrade, and only while not `full`."""
        self._transport.write(frame)

    def buffered_bytes(self) -> int:
        """Bytes that wait in this process."""
        count = self._transport.get_write_buffer_size()
        return count if self._below is None else count + self._below.get_write_buffer_size()

    def unsent_bytes(self) -> int:
        """Bytes that have not left this machine yet: ours and the kernel's."""
        count = self.buffered_bytes()
        sock = _socket_of(self._transport)
        if sock is not None:
            with contextlib.suppress(OSError):
                raw = fcntl.ioctl(sock.fileno(), _SIOCOUTQNSD, b"\0\0\0\0")
                count += int(struct.unpack("i", raw)[0])
        return count

    async def drained(self) -> None:
        """Return when everything written so far has left. Give it a timeout."""
        while self.unsent_bytes() > 0:  # noqa: ASYNC110 (the kernel gives no event for this)
            await asyncio.sleep(_DRAIN_POLL_S)

    def abort(self) -> None:
        """End it now; what is still in the buffers, the kernel's too, is never sent."""
        reset(self._transport)


def reset(transport: asyncio.Transport) -> None:
    """End a connection and throw away what waits in it, in this process and in the kernel."""
    sock = _socket_of(transport)
    if sock is not None:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def _socket_of(transport: asyncio.Transport) -> socket.socket | None:
    sock: socket.socket | None = transport.get_extra_info("socket")
    return sock if sock is not None and sock.fileno() >= 0 else None


def connection_of(scope: Scope) -> Connection:
    """The connection of a WebSocket. Raises UNAVAILABLE under a server that is not `HttpServer`."""
    found = scope.get("extensions", {}).get(_EXTENSION)
    if not isinstance(found, Connection):
        raise SerambiError(
            Kind.UNAVAILABLE,
            "this server cannot send pictures",
            hint="serve the center with `serambi center`",
        )
    return found


class SocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket, with buffers of one message and a `Connection` in its scope."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.connection = Connection(self.transport)

    async def run_asgi(self) -> None:
        extensions: dict[str, Any] = dict(self.scope.get("extensions") or {})
        extensions[_EXTENSION] = self.connection
        self.scope["extensions"] = extensions
        await super().run_asgi()

    def pause_writing(self) -> None:
        self._look()

    def resume_writing(self) -> None:
        self._look()

    def _look(self) -> None:
        # Over TLS with limits of zero asyncio calls the two in turn, whatever the buffers hold:
        # so both only mean that something may have changed.
        if self.connection.buffered_bytes() > 0:
            super().pause_writing()
        else:
            super().resume_writing()
            self.connection.room()

    def keepalive_timeout(self) -> None:
        # uvicorn would go on writing to a peer that neither reads nor answers.
        super().keepalive_timeout()
        self.connection.abort()
