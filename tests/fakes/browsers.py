"""Browsers as bare sockets, so that a test decides when and how much of them is read."""

import asyncio
import base64
import select
import socket
import ssl
from pathlib import Path

from serambi.base.limits import SOCKET_SEND_BUFFER_BYTES

_KEY = base64.b64encode(b"0123456789abcdef").decode()
_HEAD_MAX_BYTES = 16_384


class Sink:
    """A connection that takes `room` frames, then none until somebody makes room."""

    def __init__(self, room: int = 0) -> None:
        self.room = room
        self.frames: list[bytes] = []

    @property
    def full(self) -> bool:
        return self.room == 0

    def write(self, frame: bytes) -> None:
        assert self.room > 0, "written to a connection that takes nothing"
        self.room -= 1
        self.frames.append(frame)


def dial(
    port: int,
    path: str,
    *,
    token: str = "",
    trust: Path | None = None,
    receive_buffer_bytes: int = 8192,
) -> socket.socket:
    """Upgrade to a WebSocket and read nothing after that; blocking. `trust`: over TLS."""
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
    raw.settimeout(15)
    try:
        raw.connect(("127.0.0.1", port))
        if trust is not None:
            context = ssl.create_default_context(cafile=trust)
            raw = context.wrap_socket(raw, server_hostname="127.0.0.1", suppress_ragged_eofs=False)
        authorization = f"Authorization: Bearer {token}\r\n" if token else ""
        raw.sendall(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {_KEY}\r\n"
            f"{authorization}\r\n".encode()
        )
        head = b""
        while not head.endswith(b"\r\n\r\n") and len(head) < _HEAD_MAX_BYTES:
            head += raw.recv(1)
        if not head.startswith(b"HTTP/1.1 101"):
            raise AssertionError(head.decode())
    except BaseException:
        raw.close()
        raise
    return raw


def is_cut_off(raw: socket.socket) -> bool:
    """Whether the server has ended the connection, without reading a byte."""
    poll = select.poll()
    poll.register(raw, 0)
    return bool(poll.poll(0))


def rest(raw: socket.socket) -> tuple[int, bool]:
    """Read to the end. -> (bytes that came, whether the connection was reset); closes it."""
    count = 0
    with raw:
        raw.settimeout(15)
        try:
            while chunk := raw.recv(65_536):
                count += len(chunk)
        except (ConnectionResetError, ssl.SSLEOFError):
            return count, True
    return count, False


async def dialed(port: int, path: str, **more: object) -> socket.socket:
    """`dial`, while the server runs in this very loop."""
    return await asyncio.to_thread(dial, port, path, **more)  # type: ignore[arg-type]


# A browser that does not read, and the server's kernel, hold no more than this.
KERNELS_BYTES = 2 * SOCKET_SEND_BUFFER_BYTES + 65_536
