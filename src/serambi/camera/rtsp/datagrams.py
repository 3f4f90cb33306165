"""Many datagrams with one system call: `recvmmsg`, and the kernel's receive offload where it has
put those of one burst together already (UDP_GRO, udp(7)). A picture comes as ten datagrams or more,
and asking for each by itself costs as much as all that is done with them afterwards.
"""

import array
import ctypes
import errno
import os
import socket
from collections.abc import Callable, Iterator
from typing import Final

from serambi.base.limits import UDP_BATCH_DATAGRAMS, UDP_BATCHES_AT_ONCE

_UDP_GRO: Final = 104  # linux/udp.h
_SLOT_BYTES: Final = 65_536
_CONTROL_BYTES: Final = 32  # one message with an int in it takes 24
_WORD: Final = 4


class _Piece(ctypes.Structure):
    """struct iovec"""

    _fields_ = (("base", ctypes.c_void_p), ("size", ctypes.c_size_t))


class _Header(ctypes.Structure):
    """struct msghdr"""

    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_size", ctypes.c_uint32),
        ("pieces", ctypes.c_void_p),
        ("pieces_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_size", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _Message(ctypes.Structure):
    """struct mmsghdr"""

    _fields_ = (("header", _Header), ("size", ctypes.c_uint32))


def _receiver() -> Callable[[int, int, int, int, None], int]:
    function = ctypes.CDLL(None, use_errno=True).recvmmsg
    function.argtypes = (
        ctypes.c_int,
        ctypes.c_void_p,
        ctypes.c_uint,
        ctypes.c_int,
        ctypes.c_void_p,
    )
    function.restype = ctypes.c_int
    return function


def gather(sock: socket.socket) -> None:
    """Let the kernel put together what comes in one burst, if it can."""
    try:
        sock.setsockopt(socket.IPPROTO_UDP, _UDP_GRO, 1)
    except OSError:
        return  # older than Linux 5.0: they come one by one, then


class Datagrams:
    """Buffers for the datagrams of all sockets of one thread. Memory is touched as far as it was
    ever needed at once."""

    def __init__(self, count: int = UDP_BATCH_DATAGRAMS) -> None:
        self._count = count
        self._receive = _receiver()
        self._bytes = bytearray(count * _SLOT_BYTES)
        self._view = memoryview(self._bytes)
        self._control = bytearray(count * _CONTROL_BYTES)
        self._pieces = (_Piece * count)()
        self._messages = (_Message * count)()
        room = ctypes.addressof(ctypes.c_char.from_buffer(self._bytes))
        control = ctypes.addressof(ctypes.c_char.from_buffer(self._control))
        for number, (piece, message) in enumerate(zip(self._pieces, self._messages, strict=True)):
            piece.base, piece.size = room + number * _SLOT_BYTES, _SLOT_BYTES
            header = message.header
            header.pieces, header.pieces_count = ctypes.addressof(piece), 1
            header.control = control + number * _CONTROL_BYTES
        self._address = ctypes.addressof(self._messages)
        # Read by column: through the structures each figure would be an object of its own.
        words = memoryview(self._messages).cast("B").cast("I")
        step = ctypes.sizeof(_Message) // _WORD
        self._sizes = words[_Message.size.offset // _WORD :: step]
        self._control_sizes = words[_Header.control_size.offset // _WORD :: step]
        # The kernel says there how much it used, and must be told anew each time how much there is.
        self._control_room = memoryview(array.array("I", [_CONTROL_BYTES] * count))
        self._control_sizes[:] = self._control_room
        # struct cmsghdr: length, level and type before the figure.
        self._segments = memoryview(self._control).cast("I")[4 :: _CONTROL_BYTES // _WORD]

    def receive(self, sock: socket.socket) -> Iterator[tuple[bytes | memoryview, int]]:
        """What has come, in order: datagrams one behind the other and the size of each; only the
        last one may be shorter. Copy what you keep: the next turn overwrites it. Raises `OSError`
        when the kernel reports an ICMP message about an earlier packet of ours."""
        for _ in range(UDP_BATCHES_AT_ONCE):
            count = self._receive(
                sock.fileno(), self._address, self._count, socket.MSG_DONTWAIT, None
            )
            if count < 0:
                code = ctypes.get_errno()
                if code in (errno.EAGAIN, errno.EINTR):
                    return
                raise OSError(code, os.strerror(code))
            yield from self._runs(count)
            if count < self._count:
                return

    def _runs(self, count: int) -> Iterator[tuple[bytes | memoryview, int]]:
        """Those of one size are taken together: most of a picture's are, by the kernel already
        where it can."""
        told = self._control_sizes[:count].tolist()
        self._control_sizes[:count] = self._control_room[:count]
        run, alike, at = list[memoryview](), 0, 0
        for number, size in enumerate(self._sizes[:count].tolist()):
            each = self._segments[number] if told[number] else size
            if run and (each != alike or len(run[-1]) % alike):
                yield b"".join(run) if len(run) > 1 else run[0], alike
                run = []
            if size and each:
                run.append(self._view[at : at + size])
                alike = each
            at += _SLOT_BYTES
        if run:
            yield b"".join(run) if len(run) > 1 else run[0], alike
