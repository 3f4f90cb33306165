"""One RTSP conversation (RFC 2326): OPTIONS, DESCRIBE, SETUP, PLAY, then pictures, kept alive.

Bytes in, bytes out; sockets and their moments belong to connection.py. Only the video is ever set
up: audio stays in the camera.
"""

import re
from collections.abc import Callable
from typing import Literal

from serambi import __version__
from serambi.base.limits import (
    CAMERA_SILENT_S,
    CONNECT_TIMEOUT_S,
    FIRST_PICTURE_S,
    REORDER_PACKETS_MAX,
    REORDER_S,
    RTSP_KEEPALIVE_MAX_S,
    RTSP_KEEPALIVE_MIN_S,
    RTSP_OUT_MAX_BYTES,
)
from serambi.camera.rtsp import failures, sdp
from serambi.camera.rtsp.auth import Authenticator
from serambi.camera.rtsp.message import Parser, Request, Response, answer, request
from serambi.camera.rtsp.rtp import receiver_report
from serambi.camera.rtsp.target import Target, Transport
from serambi.camera.rtsp.track import Track
from serambi.camera.source import Emit

Ports = tuple[int, int]
Step = Literal["OPTIONS", "DESCRIBE", "SETUP", "PLAY", "PLAYING", "OVER"]

_AGENT = ("User-Agent", f"Serambi/{__version__}")
_OTHER: dict[Transport, Transport] = {"tcp": "udp", "udp": "tcp"}
_PAIR = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?")
_HEX = re.compile(r"\s*(?:0x)?([0-9a-fA-F]{1,8})\b")
_TIMEOUT = re.compile(r"timeout\s*=\s*(\d{1,6})", re.IGNORECASE)
_SSRC = re.compile(r"ssrc=([0-9a-fA-F]{1,8})\b", re.IGNORECASE)
_CHALLENGES_MAX = 8


class Session:
    """`open_ports` opens two UDP ports (RTP, RTCP) when pictures are to come that way. Times given
    to the methods are monotonic seconds, `wall_us` is unix microseconds. Every method that takes
    something from the camera raises `SerambiError` when the conversation cannot go on."""

    def __init__(
        self, target: Target, emit: Emit, open_ports: Callable[[], Ports], now_s: float
    ) -> None:
        self.track: Track | None = None
        self.peer_ports: Ports | None = None
        self._target = target
        self._emit = emit
        self._open_ports = open_ports
        self._login = Authenticator(target.user, target.password)
        self._parser = Parser()
        self._out = bytearray()
        self._step: Step = "OPTIONS"
        self._cseq = 0
        self._awaited = 0
        self._deadline_s = 0.0
        self._challenges = 0
        self._base = self._control = target.url
        self._video: sdp.Video | None = None
        self._transport = target.transport
        self._switched = False
        self._channels: Ports = (0, 1)
        self._session = ""
        self._keepalive_s = RTSP_KEEPALIVE_MAX_S
        self._keepalive_at_s = 0.0
        self._knows_get_parameter = False
        self._heard_s = self._playing_s = now_s
        self._waiting_s = 0.0
        self._say("OPTIONS", target.url, now_s)

    @property
    def playing(self) -> bool:
        """Whether pictures may come."""
        return self._step == "PLAYING"

    @property
    def over_udp(self) -> bool:
        """Whether pictures come beside the connection."""
        return self._transport == "udp"

    def outgoing(self) -> bytes:
        """What is to be sent; asked for once, it is yours to send."""
        if not self._out:
            return b""
        out, self._out = bytes(self._out), bytearray()
        return out

    # -- from the camera ----------------------------------------------------------------

    def receive(self, data: bytes, now_s: float, wall_us: int) -> None:
        """Bytes of the connection."""
        track = self.track
        if track is not None:
            track.wall_us = wall_us
        for message in self._parser.feed(data, self._packets):
            if type(message) is tuple:
                self._on_packet(*message, wall_us)
            elif isinstance(message, Response):
                self._on_response(message, now_s)
            elif isinstance(message, Request):
                self._on_request(message)
        if track is not None and track.heard:
            track.heard = False
            self._heard_s = now_s

    def _packets(self, data: bytes, at: int) -> int:
        track = self.track
        return at if track is None or self.over_udp else track.interleaved(data, at)

    def _on_packet(self, channel: int, packet: bytes, wall_us: int) -> None:
        track = self.track
        if track is None or self.over_udp:
            return  # of an earlier session, even before login (moonfire-nvr#114)
        if channel == self._channels[0]:
            track.packet(packet)
        elif channel == self._channels[1]:
            track.report(packet, wall_us / 1e6)

    def datagrams(self, data: bytes | memoryview, size: int, now_s: float, wall_us: int) -> None:
        """RTP packets of `size` bytes each, the last one of what is left, that came beside the
        connection."""
        track = self.track
        if track is not None and self.over_udp:
            self._heard_s = now_s
            track.wall_us = wall_us
            track.datagrams(data, size)

    def report(self, raw: bytes, wall_us: int) -> None:
        """An RTCP packet that came beside the connection."""
        if self.track is not None and self.over_udp:
            self.track.report(raw, wall_us / 1e6)

    def _on_response(self, response: Response, now_s: float) -> None:
        if not self._answers(response):
            return
        self._awaited = 0
        step = self._step
        if response.status == 401:
            self._on_challenge(response, now_s)
            return
        if step == "PLAYING":
            if response.status >= 400:
                self._knows_get_parameter = False  # the other way to keep alive, then
            return
        if step == "OPTIONS":
            self._on_options(response, now_s)
            return
        if response.status == 461 and step == "SETUP" and not self._switched:
            self._switched, self._transport = True, _OTHER[self._transport]
            self._setup(now_s)
            return
        if not 200 <= response.status < 300:
            raise failures.of_status(step, response.status)
        self._login.accepted()
        self._challenges = 0
        if session := response.header("session"):
            # Some change it between answers, so the newest counts (retina's changelog).
            self._session = session.partition(";")[0].strip()
            if found := _TIMEOUT.search(session):
                wanted_s = int(found[1]) / 2
                self._keepalive_s = min(max(wanted_s, RTSP_KEEPALIVE_MIN_S), RTSP_KEEPALIVE_MAX_S)
        if step == "DESCRIBE":
            self._on_description(response, now_s)
        elif step == "SETUP":
            self._on_setup(response, now_s)
        elif step == "PLAY":
            self._on_play(response, now_s)

    def _answers(self, response: Response) -> bool:
        """Whether it answers what we asked. Some cameras count CSeq wrongly or not at all, some
        complain in mid-session of what nobody asked (Tapo: moonfire-nvr#342)."""
        given = response.header("cseq")
        number = int(given) if re.fullmatch(r"[0-9]{1,9}", given) else 0
        if not self._awaited:
            return False
        return number == self._awaited or not 0 < number < self._awaited

    def _on_challenge(self, response: Response, now_s: float) -> None:
        self._challenges += 1
        tried = self._challenges > _CHALLENGES_MAX
        if tried or not self._login.challenged(response.all("www-authenticate")):
            if self._step == "PLAYING":
                return  # pictures come all the same
            raise failures.of_status(self._step, 401)
        if self._step == "PLAYING":
            self._keep_alive(now_s)
        elif self._step == "SETUP":
            self._setup(now_s)
        elif self._step == "OPTIONS":
            self._say("OPTIONS", self._target.url, now_s)
        else:
            self._ask(self._step, now_s)

    def _on_options(self, response: Response, now_s: float) -> None:
        methods = response.header("public").upper()
        self._knows_get_parameter = "GET_PARAMETER" in methods
        # Whatever the answer, what counts is whether it describes itself.
        self._step = "DESCRIBE"
        self._ask("DESCRIBE", now_s)

    def _on_description(self, response: Response, now_s: float) -> None:
        self._video = sdp.parse(response.body)
        base = response.header("content-base") or response.header("content-location")
        self._control = sdp.control_url(self._video.control, base, self._target.url)
        self._base = sdp.control_url(self._video.session_control, base, self._target.url)
        self._step = "SETUP"
        self._setup(now_s)

    def _on_setup(self, response: Response, now_s: float) -> None:
        if self._video is None:
            return
        given = dict(_transport_parameters(response.header("transport")))
        if self.over_udp:
            self.peer_ports = _ports(given.get("server_port", ""))
        else:
            self._channels = _ports(given.get("interleaved", "")) or self._channels
        window = REORDER_PACKETS_MAX // 2 if self.over_udp else 0
        self.track = Track(self._video, self._emit, window=window, channel=self._channels[0])
        if found := _HEX.match(given.get("ssrc", "")):
            self.track.expect(int(found[1], 16))
        self._step = "PLAY"
        self._ask("PLAY", now_s)

    def _on_play(self, response: Response, now_s: float) -> None:
        announced = _SSRC.search(response.header("rtp-info").partition(",")[0])
        if announced and self.track is not None:
            self.track.expect(int(announced[1], 16))
        self._step = "PLAYING"
        self._heard_s = self._playing_s = now_s
        self._keepalive_at_s = now_s + self._keepalive_s

    def _on_request(self, message: Request) -> None:
        if message.method == "TEARDOWN":
            raise failures.ended()
        known = message.method in ("OPTIONS", "ANNOUNCE", "GET_PARAMETER", "SET_PARAMETER")
        status, reason = (200, "OK") if known else (501, "Not Implemented")
        self._out += answer(status, reason, message.header("cseq"))
        if len(self._out) > RTSP_OUT_MAX_BYTES:
            raise failures.endless()

    # -- to the camera ------------------------------------------------------------------

    def tick(self, now_s: float) -> bytes | None:
        """Let time pass: keep the session alive, give up on a camera that is silent. Returns a
        report to send to the camera's RTCP port when one is due."""
        if self._step != "PLAYING":
            if now_s >= self._deadline_s:
                raise failures.silent()
            return None
        if now_s - self._heard_s >= CAMERA_SILENT_S:
            raise failures.silent()
        waited_s = now_s - self._playing_s
        if waited_s >= FIRST_PICTURE_S and not (self.track and self.track.started):
            raise failures.unusable()
        self._wait_no_longer(now_s)
        if now_s < self._keepalive_at_s:
            return None
        self._keep_alive(now_s)
        return receiver_report(0) if self.over_udp else None

    def _wait_no_longer(self, now_s: float) -> None:
        if self.track is None or not self.track.waiting:
            self._waiting_s = 0.0
        elif not self._waiting_s:
            self._waiting_s = now_s
        elif now_s - self._waiting_s >= REORDER_S:
            self._waiting_s = 0.0
            self.track.flush()

    def end(self) -> None:
        """Say goodbye, if there is a session to end."""
        if self._session and self._step != "OVER":
            self._say("TEARDOWN", self._base, 0.0)
        self._step = "OVER"

    def _keep_alive(self, now_s: float) -> None:
        self._keepalive_at_s = now_s + self._keepalive_s
        method = "GET_PARAMETER" if self._knows_get_parameter else "OPTIONS"
        self._say(method, self._base, now_s)

    def _setup(self, now_s: float) -> None:
        if self.over_udp:
            first, second = self._open_ports()
            wanted = f"RTP/AVP;unicast;client_port={first}-{second}"
        else:
            wanted = "RTP/AVP/TCP;unicast;interleaved=0-1"
        self._say("SETUP", self._control, now_s, ("Transport", wanted))

    def _ask(self, step: Step, now_s: float) -> None:
        if step == "DESCRIBE":
            self._say(step, self._target.url, now_s, ("Accept", "application/sdp"))
        else:
            self._say(step, self._base, now_s, ("Range", "npt=0.000-"))

    def _say(self, method: str, url: str, now_s: float, *more: tuple[str, str]) -> None:
        self._cseq += 1
        self._awaited = self._cseq
        self._deadline_s = now_s + CONNECT_TIMEOUT_S
        headers = [_AGENT, *more]
        if authorization := self._login.header(method, url):
            headers.insert(0, ("Authorization", authorization))
        if self._session:
            headers.append(("Session", self._session))
        self._out += request(method, url, self._cseq, headers)


def _transport_parameters(header: str) -> list[tuple[str, str]]:
    parts = (part.partition("=") for part in header.partition(",")[0].split(";"))
    return [(name.strip().lower(), value.strip()) for name, _, value in parts]


def _ports(text: str) -> Ports | None:
    found = _PAIR.match(text)
    if not found:
        return None
    first = int(found[1])
    second = int(found[2]) if found[2] else first + 1
    return (first, second) if max(first, second) <= 0xFFFF else None
