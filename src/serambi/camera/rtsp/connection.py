"""The sockets of one session: none of them ever blocks. When to read is the shard's business."""

import contextlib
import errno
import selectors
import socket
from collections.abc import Callable

from serambi.base.clock import Clock
from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import (
    CONNECT_TIMEOUT_S,
    RTSP_BUFFERS_AT_ONCE,
    RTSP_OUT_MAX_BYTES,
    UDP_RECEIVE_BYTES,
    UDP_ROOMY_BYTES,
)
from serambi.camera.rtsp import failures
from serambi.camera.rtsp.datagrams import Datagrams, gather
from serambi.camera.rtsp.resolver import Address
from serambi.camera.rtsp.rtp import receiver_report
from serambi.camera.rtsp.session import Ports, Session
from serambi.camera.rtsp.target import Target
from serambi.camera.source import Emit

Watch = Callable[[socket.socket, int, Callable[[int], None]], None]
"""Call back when the socket is ready for these `selectors` events; 0 to stop watching."""

_DATAGRAM_MAX_BYTES = 65_536
_PORT_TRIES = 32
_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


class Connection:
    """One connection to one camera, from the first SYN to the last byte. All of it belongs to the
    shard's thread. Methods that touch the camera raise `SerambiError` when it is over; then
    `close`."""

    def __init__(
        self,
        target: Target,
        address: Address,
        emit: Emit,
        watch: Watch,
        clock: Clock,
        buffer: memoryview,
        inbox: Datagrams,
    ) -> None:
        self.session: Session | None = None
        self.roomy = True
        """Whether what the camera sends finds room for some tenths of a second."""
        self._target = target
        self._emit = emit
        self._watch = watch
        self._clock = clock
        self._buffer = buffer
        self._inbox = inbox
        self._unsent = b""
        self._closed = False
        self._datagrams: tuple[socket.socket, ...] = ()
        self._family, place = address
        self._deadline_s = clock.monotonic() + CONNECT_TIMEOUT_S
        self._socket = socket.socket(self._family, socket.SOCK_STREAM)
        self._socket.setblocking(False)
        try:
            code = self._socket.connect_ex(place)
            if code not in (0, errno.EINPROGRESS):
                raise OSError(code, errno.errorcode.get(code, "cannot connect"))
            watch(self._socket, _WRITE, self._on_connected)
        except OSError as error:
            self._socket.close()
            raise failures.of_socket(error) from None

    def tick(self, now_s: float) -> None:
        """Let time pass."""
        if self.session is None:
            if now_s >= self._deadline_s:
                raise failures.silent()
            return
        report = self.session.tick(now_s)
        if report and self._datagrams:
            _send_quietly(self._datagrams[1], report)
        self._send()

    def close(self) -> None:
        """Say goodbye and close every socket. Never raises; may be called twice."""
        if self._closed:
            return
        self._closed = True
        if self.session is not None:
            self.session.end()
            # Best effort: a camera that does not read would not miss it.
            _send_quietly(self._socket, self._unsent + self.session.outgoing())
        for each in (self._socket, *self._datagrams):
            self._watch(each, 0, self._on_readable)
            each.close()

    # -- the shard calls ----------------------------------------------------------------

    def _on_connected(self, events: int) -> None:
        if self._closed:
            return
        code = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise failures.of_socket(OSError(code, errno.errorcode.get(code, "cannot connect")))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        now_s = self._clock.monotonic()
        self.session = Session(self._target, self._emit, self._open_ports, now_s)
        self._watch(self._socket, _READ, self._on_readable)
        self._send()

    def _on_readable(self, events: int) -> None:
        session = self.session
        if self._closed or session is None:
            return
        if events & _READ:
            # Until it is empty: the thread may rest for longer than a full buffer lasts.
            for _ in range(RTSP_BUFFERS_AT_ONCE):
                if self._read(session) < len(self._buffer) or self._closed:
                    break
        self._send()

    def _read(self, session: Session) -> int:
        """Take what is there, at most a buffer full -> how many bytes it was."""
        try:
            size = self._socket.recv_into(self._buffer)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise failures.of_socket(error) from None
        if not size:
            raise failures.ended()
        wall_us = int(self._clock.now() * 1e6)
        session.receive(bytes(self._buffer[:size]), self._clock.monotonic(), wall_us)
        if session.peer_ports and self._datagrams:
            self._aim(session.peer_ports)
            session.peer_ports = None
        return size

    def _on_pictures(self, events: int) -> None:
        session = self.session
        if self._closed or session is None:
            return
        now_s, wall_us = self._clock.monotonic(), int(self._clock.now() * 1e6)
        with contextlib.suppress(OSError):
            for packets, size in self._inbox.receive(self._datagrams[0]):
                session.datagrams(packets, size, now_s, wall_us)

    def _on_reports(self, events: int) -> None:
        if self._closed or self.session is None:
            return
        try:
            packet = self._datagrams[1].recv(_DATAGRAM_MAX_BYTES)
        except OSError:
            return
        self.session.report(packet, int(self._clock.now() * 1e6))

    # -- sending ------------------------------------------------------------------------

    def _send(self) -> None:
        if self.session is None:
            return
        waiting = bool(self._unsent)
        out = self._unsent + self.session.outgoing()
        if not out:
            return
        try:
            sent = self._socket.send(out)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            raise failures.of_socket(error) from None
        self._unsent = out[sent:]
        if len(self._unsent) > RTSP_OUT_MAX_BYTES:
            raise failures.endless()
        if bool(self._unsent) != waiting:
            self._watch(self._socket, _READ | _WRITE if self._unsent else _READ, self._on_readable)

    # -- pictures beside the connection -------------------------------------------------

    def _open_ports(self) -> Ports:
        """Two neighboring ports, the first one even, as RTP wants them."""
        here = self._socket.getsockname()[0]
        for _ in range(_PORT_TRIES):
            first, second = (socket.socket(self._family, socket.SOCK_DGRAM) for _ in range(2))
            try:
                first.bind((here, 0))
                port: int = first.getsockname()[1]
                if port % 2 == 0:
                    second.bind((here, port + 1))
                    return self._listen(first, second, port)
            except OSError:
                pass  # the neighbor is taken: try another pair
            first.close()
            second.close()
        raise SerambiError(
            Kind.UNAVAILABLE,
            "no two neighboring UDP ports are free",
            hint="set transport to tcp for this camera",
        )

    def _listen(self, first: socket.socket, second: socket.socket, port: int) -> Ports:
        for each in self._datagrams:
            self._watch(each, 0, self._on_reports)
            each.close()
        self._datagrams = (first, second)
        for each, handler in ((first, self._on_pictures), (second, self._on_reports)):
            each.setblocking(False)
            self._watch(each, _READ, handler)
        gather(first)
        # The kernel gives what it may: net.core.rmem_max.
        first.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, UDP_RECEIVE_BYTES)
        self.roomy = first.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) >= UDP_ROOMY_BYTES
        return port, port + 1

    def _aim(self, ports: Ports) -> None:
        """Take packets from the camera's own ports only, and open the firewalls on the way."""
        there = self._socket.getpeername()[0]
        for each, port in zip(self._datagrams, ports, strict=True):
            try:
                each.connect((there, port))
            except OSError as error:
                raise failures.of_socket(error) from None
            _send_quietly(each, receiver_report(0))


def _send_quietly(to: socket.socket, message: bytes) -> None:
    try:
        if message:
            to.send(message)
    except OSError:
        return
