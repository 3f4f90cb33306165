"""One RTSP connection: requests in, answers out, and the RTP session that belongs to it.

No task of its own: the event loop's callbacks and the schedule drive it, so a closed connection
leaves nothing behind. A session ends with its connection, also where RTP travels as datagrams.
"""

import asyncio
import contextlib
import secrets
import socket
import struct
from collections.abc import Callable, Mapping, MutableSet

from serambi.base.clock import Clock
from serambi.base.errors import SerambiError
from serambi.sim.carrier import Carrier, Datagrams, Interleaved
from serambi.sim.digest import Challenge
from serambi.sim.hostile import hostile
from serambi.sim.limits import CONNECTIONS_MAX, FAILED_LOGINS_MAX, WRITE_BUFFER_MAX_BYTES
from serambi.sim.protocol import Interleaved as Frame
from serambi.sim.protocol import Parser, Request, offered, response
from serambi.sim.sdp import describe
from serambi.sim.sender import Sender
from serambi.sim.stream import Camera, Counts, Stream

_METHODS = "OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, GET_PARAMETER, SET_PARAMETER, TEARDOWN"
_AUDIO = "trackID=1"


class Connection(asyncio.Protocol):
    """A client."""

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
        self._challenges: dict[str, Challenge] = {}
        self._failed_logins = 0
        self._transport: asyncio.Transport | None = None
        self._watchdog: asyncio.TimerHandle | None = None
        self._noise: asyncio.TimerHandle | None = None
        self._heard_at = clock.monotonic()
        self._stream: Stream | None = None
        self._sender: Sender | None = None
        self._carriers: list[Carrier] = []
        self._session = ""

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
        if self._stream is not None and self._sender is not None:
            self._stream.players.discard(self._sender)
        if self._noise is not None:
            self._noise.cancel()
        for carrier in self._carriers:
            carrier.close()
        self._carriers = []
        self._stream = self._sender = self._noise = None
        self._session = ""

    def _heard(self) -> None:
        self._heard_at = self._clock.monotonic()

    # Requests

    def data_received(self, data: bytes) -> None:
        self._parser.feed(data)
        try:
            while self._transport is not None and not self._transport.is_closing():
                message = self._parser.next()
                if message is None:
                    return
                self._heard()
                if isinstance(message, Frame):
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
        headers: Mapping[str, str | list[str]] | None = None,
        body: bytes = b"",
    ) -> None:
        if self._transport is None:
            return
        camera = self._cameras.get(request.parts[0]) if request.parts else None
        manner = hostile(camera.manner.hostile if camera else "")
        answer = manner.twist(request.method, response(status, request.cseq, headers, body))
        if answer:
            self._transport.write(answer)
        if status == 200 and request.method == manner.close_after:
            self._leave()
            self._transport.close()

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
        if self._known(request, camera):
            handler(request, stream)

    def _known(self, request: Request, camera: Camera) -> bool:
        """Whether the request carries this camera's login; asks for it when it does not."""
        challenge = self._challenge(camera)
        proof = request.headers.get("authorization", "")
        if challenge.accepts(proof, camera.user, camera.password, request.method, request.url):
            self._failed_logins = 0
            return True
        self._reply(request, 401, {"WWW-Authenticate": challenge.headers})
        self._failed_logins += 1
        if self._failed_logins >= FAILED_LOGINS_MAX and self._transport is not None:
            self._transport.close()
        return False

    def _challenge(self, camera: Camera) -> Challenge:
        manner = camera.manner.auth
        if manner not in self._challenges:
            self._challenges[manner] = Challenge(manner)
        return self._challenges[manner]

    def _in_session(self, request: Request, stream: Stream) -> bool:
        """Whether the request names this connection's session; replies when it does not."""
        named = request.headers.get("session", "").partition(";")[0].strip()
        if self._stream is not stream:
            self._reply(request, 455 if self._stream is None else 454)
        elif named != self._session and not hostile(stream.camera.manner.hostile).any_session:
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
        camera = stream.camera
        body = describe(
            stream.loop, host, audio=camera.manner.audio, bare=camera.faults.bare_description
        )
        self._reply(request, 200, headers, body)

    def _setup(self, request: Request, stream: Stream) -> None:
        audio = stream.camera.manner.audio and request.parts[-1] == _AUDIO
        if (self._stream is not stream) if audio else (self._stream is not None):
            self._reply(request, 455)
            return
        found = offered(request.headers.get("transport", ""))
        carrier = None
        if found is not None and found[0] != stream.camera.faults.refuse_transport:
            carrier = self._carrier(*found, stream.camera.counts)
        if found is None or carrier is None:
            self._reply(request, 461)
            return
        self._carriers.append(carrier)
        if not audio:
            self._stream = stream
            self._sender = Sender(stream, carrier, self._clock, self.drop)
            self._session = secrets.token_hex(8)
        transport = _transport_header(found[1], carrier)
        if self._sender is not None and not audio:
            transport += f";ssrc={self._sender.ssrc:08X}"
        session = f"{self._session};timeout={round(self._timeout_s)}"
        self._reply(request, 200, {"Transport": transport, "Session": session})

    def _carrier(self, kind: str, pair: tuple[int, int], counts: Counts) -> Carrier | None:
        if self._transport is None:
            return None
        if kind == "tcp":
            return Interleaved(self._transport, pair, counts)
        here = self._transport.get_extra_info("sockname")[0]
        there = self._transport.get_extra_info("peername")[0]
        try:
            return Datagrams(here, there, pair, counts, self._heard)
        except SerambiError:
            return None

    def _play(self, request: Request, stream: Stream) -> None:
        sender = self._sender
        if not self._in_session(request, stream) or sender is None:
            return
        headers = {"Session": self._session, "Range": "npt=now-"}
        begins = sender not in stream.players
        if begins:
            stream.join(sender)
            url = request.url.rstrip("/")
            url = url if url.endswith("/trackID=0") else url + "/trackID=0"
            rtptime = sender.timestamp(stream.next_key())
            headers["RTP-Info"] = f"url={url};seq={sender.sequence};rtptime={rtptime}"
        self._reply(request, 200, headers)
        if begins:
            sender.report()
            self._be_noisy(stream)

    def _be_noisy(self, stream: Stream) -> None:
        manner = hostile(stream.camera.manner.hostile)
        if not manner.noise or self._transport is None:
            return

        def act() -> None:
            if self._transport is not None and not self._transport.is_closing():
                if self._transport.get_write_buffer_size() <= WRITE_BUFFER_MAX_BYTES:
                    self._transport.write(manner.noise)
                self._noise = asyncio.get_running_loop().call_later(manner.every_s, act)

        act()

    def _acknowledge(self, request: Request, stream: Stream) -> None:
        self._reply(request, 200, {"Session": self._session} if self._session else None)

    def _teardown(self, request: Request, stream: Stream) -> None:
        if not self._in_session(request, stream):
            return
        self._leave()
        self._reply(request, 200)
        if self._transport is not None:
            self._transport.close()


def _transport_header(pair: tuple[int, int], carrier: Carrier) -> str:
    if isinstance(carrier, Datagrams):
        ours = "-".join(map(str, carrier.ports))
        return f"RTP/AVP;unicast;client_port={pair[0]}-{pair[1]};server_port={ours}"
    return f"RTP/AVP/TCP;unicast;interleaved={pair[0]}-{pair[1]}"
