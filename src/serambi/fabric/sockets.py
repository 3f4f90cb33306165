"""Unix sockets as keeper and courier need them: long paths, private files, known peers.

The named socket only introduces the two; the frames cross a pair of sockets that the keeper
makes for each courier. The keeper keeps a handle on both ends, so that it can take back what
lies unread in the courier's buffer: on a plain socket that would stay readable after a Stop.
"""

import asyncio
import contextlib
import fcntl
import os
import socket
import stat
import struct
import termios
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from serambi.base.errors import Kind, SerambiError
from serambi.fabric import frames
from serambi.fabric.blocking import within

_PATH_MAX_BYTES = 100
_PEER = struct.Struct("3i")
_GREETING = b"serambi-uplink 1\n"
_GREETING_LIMIT_S = 5.0
SEND_BUFFER_BYTES = 256 * 1024


@contextlib.contextmanager
def _address(path: Path) -> Iterator[str]:
    """A name for `path` that fits the kernel's 107 bytes, however deep the folder is."""
    if len(os.fsencode(path)) <= _PATH_MAX_BYTES:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def listen(path: Path) -> socket.socket:
    """A listening socket at `path`, for its owner only. Replaces the file of a dead keeper."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # Before bind: the file is then private from its first moment on.
        os.fchmod(listener.fileno(), 0o600)
        if path.exists() and stat.S_ISSOCK(path.stat().st_mode):
            path.unlink()
        with _address(path) as address:
            listener.bind(address)
        listener.listen(4)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise SerambiError(
            Kind.UNAVAILABLE,
            f"the socket for the courier cannot be made: {error.strerror}",
            where=str(path),
            hint="the folder must exist and belong to this user",
        ) from error
    return listener


def introduce(peer: socket.socket) -> tuple[socket.socket, socket.socket]:
    """Keeper's side: check who connected, hand over one end of a new pair.

    -> (own end, a handle on the courier's end). Raises DENIED for another user's process.
    """
    raw = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
    _, uid, _ = _PEER.unpack(raw)
    if uid not in (0, os.getuid()):
        raise SerambiError(
            Kind.DENIED,
            f"user {uid} may not be the courier",
            where="socket between keeper and courier",
            hint="run keeper and courier as the same user",
        )
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        ours.setblocking(False)
        theirs.setblocking(False)
        peer.setblocking(False)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        socket.send_fds(peer, [_GREETING], [theirs.fileno()])
    except OSError:
        ours.close()
        theirs.close()
        raise
    return ours, theirs


@dataclass(frozen=True, slots=True)
class Introduction:
    """The courier's two sockets: frames cross `pair`; closing `door` tells the keeper it left."""

    door: socket.socket
    pair: socket.socket

    def close(self) -> None:
        self.pair.close()
        self.door.close()


def connect(path: Path) -> Introduction:
    """Courier's side; blocks for at most 5 s. Raises UNAVAILABLE when no keeper answers."""
    door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        door.settimeout(_GREETING_LIMIT_S)
        with _address(path) as address:
            door.connect(address)
        greeting, handed, _, _ = socket.recv_fds(door, len(_GREETING), 1)
    except OSError as error:
        door.close()
        raise _no_keeper(path, error.strerror or str(error)) from error
    if greeting != _GREETING or len(handed) != 1:
        door.close()
        for number in handed:
            os.close(number)
        raise _no_keeper(path, "what answers is not a keeper of this version")
    pair = socket.socket(fileno=handed[0])
    pair.setblocking(False)
    return Introduction(door, pair)


async def reach(path: Path) -> Introduction:
    """`connect` without blocking the loop; what comes after a cancellation is closed."""
    return await within(
        2 * _GREETING_LIMIT_S,
        lambda: connect(path),
        "connecting to the keeper",
        late=Introduction.close,
    )


def _no_keeper(path: Path, why: str) -> SerambiError:
    return SerambiError(
        Kind.UNAVAILABLE,
        f"the keeper is not reached: {why}",
        where=str(path),
        hint="start the keeper; it is tried again",
    )


def unread_bytes(sock: socket.socket) -> int:
    """What was written to `sock` and not yet read at the other end, as the kernel counts it."""
    raw = fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, b"\0\0\0\0")
    return int.from_bytes(raw, "little", signed=True)


def take_back(ours: socket.socket, theirs: socket.socket) -> None:
    """Nothing more goes in or comes out: shut both ends, then empty the courier's buffer."""
    for end in (ours, theirs):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
    with contextlib.suppress(OSError):
        while theirs.recv(1 << 20, socket.MSG_DONTWAIT):
            pass


async def read_frame(sock: socket.socket) -> frames.Frame | None:
    """The next frame, None at a clean end. Raises BAD_INPUT for anything else."""
    head = await _read(sock, frames.HEAD_BYTES)
    if not head:
        return None
    if len(head) < frames.HEAD_BYTES:
        raise _half()
    kind, size = frames.read_head(head)
    body = await _read(sock, size)
    if len(body) < size:
        raise _half()
    return frames.decode(kind, body)


async def _read(sock: socket.socket, size: int) -> bytes:
    """`size` bytes, or fewer at the end of the stream."""
    loop = asyncio.get_running_loop()
    buffer = bytearray(size)
    view = memoryview(buffer)
    got = 0
    while got < size:
        count = await loop.sock_recv_into(sock, view[got:])
        if count == 0:
            break
        got += count
    return bytes(view[:got])


def _half() -> SerambiError:
    return SerambiError(
        Kind.BAD_INPUT,
        "the connection ended in the middle of a message",
        where="socket between keeper and courier",
    )
