"""How RTP packets travel to one client: inside the RTSP connection, or as datagrams.

What does not belong here: what is in them.
"""

import asyncio
import contextlib
import socket
import struct
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from serambi.base.errors import Kind, SerambiError
from serambi.sim.limits import (
    PACE_S,
    PORT_PAIR_TRIES,
    RUN_MAX_PACKETS,
    RUNS_WAITING_MAX,
    UDP_SEND_BUFFER_BYTES,
    WRITE_BUFFER_MAX_BYTES,
)
from serambi.sim.rtp import Template, interleaved
from serambi.sim.stream import Counts

_UDP_SEGMENT = 103  # linux/udp.h: one system call, many datagrams of one size
_DATAGRAM_MAX_BYTES = 2048


class Carrier(Protocol):
    """`framed`: packets carry the frame that they need inside the RTSP connection. What was sent
    and what was not taken is counted."""

    framed: bool

    def clogged(self) -> bool:
        """Whether the client does not keep up."""
        ...

    def send(self, packets: bytearray, template: Template) -> None:
        """A picture, filled in from its template."""
        ...

    def send_each(self, packets: Sequence[bytes]) -> None:
        """What is left of a picture."""
        ...

    def report(self, packet: bytes) -> None:
        """RTCP, without frame."""
        ...

    def close(self) -> None: ...


class Interleaved:
    """Inside the RTSP connection: one write for each picture, never out of order."""

    framed = True

    def __init__(
        self, transport: asyncio.Transport, channels: tuple[int, int], counts: Counts
    ) -> None:
        self._transport = transport
        self._channels = channels
        self._counts = counts

    def clogged(self) -> bool:
        return self._transport.get_write_buffer_size() > WRITE_BUFFER_MAX_BYTES

    def send(self, packets: bytearray, template: Template) -> None:
        if self._channels[0]:
            for cut in template.cuts[:-1]:
                packets[cut + 1] = self._channels[0]
        self._write(packets, len(template.heads))

    def send_each(self, packets: Sequence[bytes]) -> None:
        channel = bytes((self._channels[0],))
        self._write(b"".join(p[:1] + channel + p[2:] for p in packets), len(packets))

    def _write(self, raw: bytes | bytearray, count: int) -> None:
        if self._transport.is_closing():
            self._counts.not_taken += count
            return
        if raw:
            self._transport.write(raw)
        self._counts.sent += count

    def report(self, packet: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(interleaved(self._channels[1], packet))

    def close(self) -> None:
        """The connection is not the carrier's."""


class Datagrams:
    """UDP from a pair of ports of its own. A large picture leaves in runs with a little time
    between them, as from a camera's own wire, so that it does not drown the client's socket.
    `heard` is called for whatever the client sends back; it keeps the session alive."""

    framed = False

    def __init__(
        self,
        host: str,
        client: str,
        ports: tuple[int, int],
        counts: Counts,
        heard: Callable[[], None],
    ) -> None:
        """Raises `SerambiError` when no pair of ports is free or the client cannot be reached."""
        self._rtp, self._rtcp = _port_pair(host)
        self._counts = counts
        self._heard = heard
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[tuple[memoryview, int]] = deque()
        self._pace: asyncio.TimerHandle | None = None
        self._together = True
        try:
            for sock, port in ((self._rtp, ports[0]), (self._rtcp, ports[1])):
                sock.connect((client, port))
                self._loop.add_reader(sock, self._read, sock)
            self._rtp.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, UDP_SEND_BUFFER_BYTES)
        except OSError as error:
            self.close()
            raise SerambiError(
                Kind.UNAVAILABLE, f"no datagrams to the client: {error.strerror}"
            ) from error

    @property
    def ports(self) -> tuple[int, int]:
        return self._rtp.getsockname()[1], self._rtcp.getsockname()[1]

    def _read(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError):
            sock.recv(_DATAGRAM_MAX_BYTES)
            self._heard()

    def clogged(self) -> bool:
        return len(self._waiting) > RUNS_WAITING_MAX

    def send(self, packets: bytearray, template: Template) -> None:
        view = memoryview(packets)
        self._waiting.extend((view[begin:end], size) for begin, end, size in template.runs)
        if self._pace is None:
            self._send_burst()

    def _send_burst(self) -> None:
        """Some runs now, the rest a little later."""
        self._pace, count = None, 0
        while self._waiting and count < RUN_MAX_PACKETS:
            run, size = self._waiting.popleft()
            count += self._send_run(run, size)
        if self._waiting:
            self._pace = self._loop.call_later(PACE_S, self._send_burst)

    def _send_run(self, run: memoryview, size: int) -> int:
        """-> how many datagrams that was."""
        count = -(-len(run) // size)
        if count > 1 and self._together:
            segment = [(socket.IPPROTO_UDP, _UDP_SEGMENT, struct.pack("H", size))]
            try:
                self._rtp.sendmsg([run], segment)
                self._counts.sent += count
                return count
            except (BlockingIOError, ConnectionError):
                self._counts.not_taken += count  # lost, as datagrams are
                return count
            except OSError:
                self._together = False  # a kernel or a network that cannot
        self.send_each([run[at : at + size] for at in range(0, len(run), size)])
        return count

    def send_each(self, packets: Sequence[bytes | memoryview]) -> None:
        for packet in packets:
            try:
                self._rtp.send(packet)
                self._counts.sent += 1
            except OSError:  # nobody listens there (yet), or the buffer is full
                self._counts.not_taken += 1

    def report(self, packet: bytes) -> None:
        with contextlib.suppress(OSError):
            self._rtcp.send(packet)

    def close(self) -> None:
        if self._pace is not None:
            self._pace.cancel()
        self._waiting.clear()
        for sock in (self._rtp, self._rtcp):
            self._loop.remove_reader(sock)
            sock.close()


def _port_pair(host: str) -> tuple[socket.socket, socket.socket]:
    """An even port for RTP and the next one for RTCP (RFC 3550, 11)."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for _ in range(PORT_PAIR_TRIES):
        pair = socket.socket(family, socket.SOCK_DGRAM), socket.socket(family, socket.SOCK_DGRAM)
        try:
            pair[0].bind((host, 0))
            port = pair[0].getsockname()[1]
            if port % 2 == 0:
                pair[1].bind((host, port + 1))
                for sock in pair:
                    sock.setblocking(False)
                return pair
        except OSError:
            pass
        for sock in pair:
            sock.close()
    raise SerambiError(Kind.UNAVAILABLE, f"no pair of free ports on {host}")
