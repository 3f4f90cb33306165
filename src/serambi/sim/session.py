"""One RTSP connection: requests in, responses and interleaved packets out.

No task of its own: the event loop's callbacks and the stream's pump drive it, so a closed
connection leaves nothing behind.
"""

import asyncio
import contextlib
import secrets
import socket
import struct
from collections.abc import Callable, Mapping, MutableSet

from serambi.base.clock import Clock
from serambi.base.errors import SerambiError
from serambi.sim import packetize
from serambi.sim.digest import Challenge
from serambi.sim.limits import (
    CONNECTIONS_MAX,
    FAILED_LOGINS_MAX,
    REPORT_EVERY_S,
    STUCK_MAX_S,
    WRITE_BUFFER_MAX_BYTES,
)
from serambi.sim.protocol import Interleaved, Parser, Request, response, tcp_channels
from serambi.sim.stream import Camera, Stream

_METHODS = "OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, GET_PARAMETER, SET_PARAMETER, TEARDOWN"


class Connection(asyncio.Protocol):
    """A client; a `stream.Player` once it plays."""

    def __init__(
        self,
        cameras: Mapping[str, Camera],
        everybody: MutableSet["Connection"],
        clock: Clock,
        timeout_s: float,
    ) -> None:
        self._cameras = cameras
        self._everybody = everybody
        self._clock = clock
        self._timeout_s = timeout_s
        self._parser = Parser()
        self._challenge = Challenge()
        self._failed_logins = 0
        self._transport: asyncio.Transport | None = None
        self._watchdog: asyncio.TimerHandle | None = None
        self._heard_at = clock.monotonic()
        self._drained_at = clock.monotonic()
        self._stream: Stream | None = None
        self._session = ""
        self._channels = (0, 1)
        self._ssrc = secrets.randbits(32)
        self._sequence = secrets.randbits(16)
        self._offset = secrets.randbits(32)
        self._waiting_for_key = True
        self._packet_count = self._octet_count = 0
        self._report_at = 0.0

    # Connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if not isinstance(transport, asyncio.Transport):
            return
        self._transport = transport
        self._everybody.add(self)
        if len(self._everybody) > CONNECTIONS_MAX:
            self.drop()
            return
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._everybody.discard(self)
        self._leave()
        if self._watchdog is not None:
            self._watchdog.cancel()
        self._transport = None

    def _watch(self) -> None:
        quiet_s = self._clock.monotonic() - self._heard_at
        if quiet_s >= self._timeout_s:
            self.drop()
            return
        loop = asyncio.get_running_loop()
        self._watchdog = loop.call_later(self._timeout_s - quiet_s + 0.01, self._watch)

    def drop(self) -> None:
        """Hang up at once, unsent bytes and all."""
        self._leave()
        if self._transport is not None:
            self._transport.abort()

    def _reset(self) -> None:
        if self._transport is not None:
            found = self._transport.get_extra_info("socket")
            if found is not None:
                with contextlib.suppress(OSError):
                    found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.drop()

    def _leave(self) -> None:
        if self._stream is not None:
            self._stream.players.discard(self)
        self._stream = None
        self._session = ""

    # Requests

    def data_received(self, data: bytes) -> None:
        self._parser.feed(data)
        try:
            while self._transport is not None and not self._transport.is_closing():
                message = self._parser.next()
                if message is None:
                    return
                self._heard_at = self._clock.monotonic()
                if isinstance(message, Interleaved):
                    continue  # receiver reports: accepted, and of no consequence here
                # One who asks and never reads the answers gets no more of them.
                if self._transport.get_write_buffer_size() > 2 * WRITE_BUFFER_MAX_BYTES:
                    self.drop()
                    return
                self._answer(message)
        except SerambiError:
            self._leave()
            if self._transport is not None:
                self._transport.write(response(400, None))
                self._transport.close()

    def _reply(
        self,
        request: Request,
        status: int,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> None:
        if self._transport is not None:
            self._transport.write(response(status, request.cseq, headers, body))

    def _answer(self, request: Request) -> None:
        handlers: dict[str, Callable[[Request, Stream], None]] = {
            "DESCRIBE": self._describe,
            "SETUP": self._setup,
            "PLAY": self._play,
            "PAUSE": self._acknowledge,
            "GET_PARAMETER": self._acknowledge,
            "SET_PARAMETER": self._acknowledge,
            "TEARDOWN": self._teardown,
        }
        camera = self._cameras.get(request.parts[0]) if request.parts else None
        if camera is not None and camera.refusing:
            self._reset()
            return
        if request.method == "OPTIONS":
            self._reply(request, 200, {"Public": _METHODS})
            return
        handler = handlers.get(request.method)
        if handler is None:
            self._reply(request, 501)
            return
        stream = camera.streams.get(request.parts[1]) if camera and len(request.parts) > 1 else None
        if camera is None or stream is None:
            self._reply(request, 404)
            return
        if not self._challenge.accepts(
            request.headers.get("authorization", ""),
            camera.user,
            camera.password,
            request.method,
            request.url,
        ):
            self._reply(request, 401, {"WWW-Authenticate": self._challenge.header})
            self._failed_logins += 1
            if self._failed_logins >= FAILED_LOGINS_MAX and self._transport is not None:
                self._transport.close()
            return
        self._failed_logins = 0
        handler(request, stream)

    def _in_session(self, request: Request, stream: Stream) -> bool:
        """Whether the request names this connection's session; replies when it does not."""
        named = request.headers.get("session", "").partition(";")[0].strip()
        if self._stream is not stream:
            self._reply(request, 455 if self._stream is None else 454)
        elif named != self._session:
            self._reply(request, 454)
        else:
            return True
        return False

    def _describe(self, request: Request, stream: Stream) -> None:
        host = "127.0.0.1"
        if self._transport is not None:
            host = str((self._transport.get_extra_info("sockname") or (host,))[0])
        base = request.url.rstrip("/") + "/"
        headers = {"Content-Base": base, "Content-Type": "application/sdp"}
        self._reply(request, 200, headers, stream.sdp(host))

    def _setup(self, request: Request, stream: Stream) -> None:
        if self._stream is not None:
            self._reply(request, 455)
            return
        channels = tcp_channels(request.headers.get("transport", ""))
        if channels is None:
            self._reply(request, 461)
            return
        self._channels, self._stream = channels, stream
        self._session = secrets.token_hex(8)
        rtp, rtcp = channels
        transport = f"RTP/AVP/TCP;unicast;interleaved={rtp}-{rtcp};ssrc={self._ssrc:08X}"
        session = f"{self._session};timeout={round(self._timeout_s)}"
        self._reply(request, 200, {"Transport": transport, "Session": session})

    def _play(self, request: Request, stream: Stream) -> None:
        if not self._in_session(request, stream):
            return
        headers = {"Session": self._session, "Range": "npt=now-"}
        if self not in stream.players:
            self._waiting_for_key = True
            url = request.url.rstrip("/")
            url = url if url.endswith("/trackID=0") else url + "/trackID=0"
            rtptime = (self._offset + stream.next_key() * stream.ticks) & 0xFFFFFFFF
            headers["RTP-Info"] = f"url={url};seq={self._sequence};rtptime={rtptime}"
        self._reply(request, 200, headers)
        if self not in stream.players:
            self._report()
            stream.players.add(self)

    def _acknowledge(self, request: Request, stream: Stream) -> None:
        self._reply(request, 200, {"Session": self._session} if self._session else None)

    def _teardown(self, request: Request, stream: Stream) -> None:
        if not self._in_session(request, stream):
            return
        self._leave()
        self._reply(request, 200)
        if self._transport is not None:
            self._transport.close()

    # Pictures

    def lose_place(self) -> None:
        self._waiting_for_key = True

    def deliver(self, frame_number: int, key: bool, parts: list[bytes]) -> None:
        transport, stream = self._transport, self._stream
        if transport is None or stream is None or transport.is_closing():
            return
        now = self._clock.monotonic()
        if transport.get_write_buffer_size() > WRITE_BUFFER_MAX_BYTES:
            # Too slow: whole pictures are left out, the gap in the sequence tells of it.
            self._waiting_for_key = True
            if now - self._drained_at > STUCK_MAX_S:
                self.drop()
        else:
            self._drained_at = now
        if self._waiting_for_key and not (key and self._drained_at == now):
            if self._packet_count:
                self._sequence = (self._sequence + len(parts)) & 0xFFFF
            return
        self._waiting_for_key = False
        if now >= self._report_at:
            self._report()
        timestamp = self._offset + frame_number * stream.ticks
        packets = [
            packetize.interleaved(
                self._channels[0],
                packetize.rtp(part, self._sequence + i, timestamp, self._ssrc, i == len(parts) - 1),
            )
            for i, part in enumerate(parts)
        ]
        self._sequence = (self._sequence + len(parts)) & 0xFFFF
        self._packet_count += len(parts)
        self._octet_count += sum(map(len, parts))
        transport.write(b"".join(packets))

    def _report(self) -> None:
        if self._transport is None:
            return
        wall_s = self._clock.now()
        # Picture k left at k / fps and carries offset + k * ticks: the same line for any moment.
        timestamp = self._offset + round(wall_s * packetize.CLOCK_HZ)
        report = packetize.sender_report(
            self._ssrc, wall_s, timestamp, self._packet_count, self._octet_count
        )
        self._report_at = self._clock.monotonic() + REPORT_EVERY_S
        self._transport.write(packetize.interleaved(self._channels[1], report))
