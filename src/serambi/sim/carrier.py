"""How RTP packets travel to one client: inside the RTSP connection, or as datagrams.

What does not belong here: what is in them.
"""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable, Sequence
from typing import Protocol

from serambi.base.errors import Kind, SerambiError
from serambi.sim.limits import PORT_PAIR_TRIES, UDP_SEND_BUFFER_BYTES, WRITE_BUFFER_MAX_BYTES
from serambi.sim.rtp import Template, interleaved

_UDP_SEGMENT = 103  # linux/udp.h: one system call, many datagrams of one size
_DATAGRAM_MAX_BYTES = 2048


class Carrier(Protocol):
    """`framed`: packets carry the frame that they need inside the RTSP connection. The senders
    return how many packets were taken."""

    framed: bool

    def clogged(self) -> bool:
        """Whether the client does not keep up."""
        ...

    def send(self, packets: bytearray, template: Template) -> int: ...

    def send_each(self, packets: Sequence[bytes]) -> int: ...

    def report(self, packet: bytes) -> None:
        """RTCP, without frame."""
        ...

    def close(self) -> None: ...


class Interleaved:
    """Inside the RTSP connection: one write for each picture, never out of order."""

    framed = True

    def __init__(self, transport: asyncio.Transport, channels: tuple[int, int]) -> None:
        self._transport = transport
        self._channels = channels

    def clogged(self) -> bool:
        return self._transport.get_write_buffer_size() > WRITE_BUFFER_MAX_BYTES

    def send(self, packets: bytearray, template: Template) -> int:
        if self._transport.is_closing():
            return 0
        if self._channels[0]:
            for cut in template.cuts[:-1]:
                packets[cut + 1] = self._channels[0]
        self._transport.write(packets)
        return len(template.heads)

    def send_each(self, packets: Sequence[bytes]) -> int:
        if self._transport.is_closing() or not packets:
            return 0
        channel = bytes((self._channels[0],))
        self._transport.write(b"".join(p[:1] + channel + p[2:] for p in packets))
        return len(packets)

    def report(self, packet: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(interleaved(self._channels[1], packet))

    def close(self) -> None:
        """The connection is not the carrier's."""


class Datagrams:
    """UDP from a pair of ports of its own. `heard` is called for whatever the client sends back;
    it keeps the session alive."""

    framed = False

    def __init__(
        self, host: str, client: str, ports: tuple[int, int], heard: Callable[[], None]
    ) -> None:
        """Raises `SerambiError` when no pair of ports is free or the client cannot be reached."""
        self._rtp, self._rtcp = _port_pair(host)
        self._heard = heard
        self._loop = asyncio.get_running_loop()
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
        return False

    def send(self, packets: bytearray, template: Template) -> int:
        view, taken = memoryview(packets), 0
        for begin, end, size in template.runs:
            count = -(-(end - begin) // size)
            if count > 1 and self._together:
                segment = [(socket.IPPROTO_UDP, _UDP_SEGMENT, struct.pack("H", size))]
                try:
                    self._rtp.sendmsg([view[begin:end]], segment)
                    taken += count
                    continue
                except (BlockingIOError, ConnectionError):
                    continue  # lost, as datagrams are
                except OSError:
                    self._together = False  # a kernel or a network that cannot
            cuts = range(begin, end, size)
            taken += self.send_each([view[at : min(at + size, end)] for at in cuts])
        return taken

    def send_each(self, packets: Sequence[bytes | memoryview]) -> int:
        taken = 0
        for packet in packets:
            # Nobody listens there (yet), or the buffer is full: a datagram is lost, as they are.
            with contextlib.suppress(OSError):
                self._rtp.send(packet)
                taken += 1
        return taken

    def report(self, packet: bytes) -> None:
        with contextlib.suppress(OSError):
            self._rtcp.send(packet)

    def close(self) -> None:
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
