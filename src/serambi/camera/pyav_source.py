"""RTSP through PyAV: the first engine, and the fallback for what the own reader cannot serve."""

import threading
import time
from collections.abc import Callable
from urllib.parse import quote, urlsplit, urlunsplit

from serambi.base.errors import Kind, SerambiError
from serambi.camera.source import Emit
from serambi.camera.timeline import Timeline
from serambi.media import h264
from serambi.media.access_unit import AccessUnit, VideoConfig
from serambi.media.pyav import Packet, VideoInput


def with_credentials(url: str, user: str, password: str) -> str:
    """The address FFmpeg wants. It must never be logged or shown."""
    if not user:
        return url
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    login = f"{quote(user, safe='')}:{quote(password, safe='')}@"
    return urlunsplit(parts._replace(netloc=login + place))


def redact(url: str) -> str:
    """The address without user, password and query: fit for a log line."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "an address that cannot be read"
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment=""))


class PyAVSource:
    """One RTSP stream over TCP, H.264."""

    engine = "pyav"

    def __init__(
        self,
        url: str,
        user: str,
        password: str,
        *,
        wall_us: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        self._address = with_credentials(url, user, password)
        self._wall_us = wall_us
        self._lost = 0

    @property
    def lost_packets(self) -> int:
        return self._lost

    def run(self, emit: Emit, stop: threading.Event) -> None:
        source = VideoInput(self._address)
        try:
            if source.codec != "h264":
                raise SerambiError(
                    Kind.BAD_INPUT,
                    f"the camera sends {source.codec}, which is not supported yet",
                    hint="set this stream to H.264 in the camera",
                )
            stream = _Stream(emit, source.extradata)
            for packet in source.packets():
                if stop.is_set():
                    return
                self._lost += packet.corrupt
                try:
                    stream.take(packet, self._wall_us())
                except SerambiError as error:
                    if error.kind is not Kind.BAD_INPUT:
                        raise
                    self._lost += 1  # one damaged picture is no reason to connect again
        finally:
            source.close()
        raise SerambiError(Kind.UNAVAILABLE, "the camera ended the stream")


class _Stream:
    """Packets of one connection -> configuration and units."""

    def __init__(self, emit: Emit, extradata: bytes) -> None:
        self._emit = emit
        self._timeline = Timeline()
        self._sps: bytes | None = None
        self._pps: dict[int, bytes] = {}
        self._config: VideoConfig | None = None
        self._started = False
        if extradata[:3] == b"\0\0\1" or extradata[:4] == b"\0\0\0\1":
            self._note(list(h264.split_annex_b(extradata)))

    def take(self, packet: Packet, wall_us: int) -> None:
        nals = list(h264.split_annex_b(packet.data))
        self._note(nals)
        key = any(h264.nal_type(nal) == h264.NAL_IDR for nal in nals)
        pts, dts = self._timeline.place(packet.pts, packet.dts, packet.time_base)
        if key:
            self._configure()
        self._started = self._started or (key and self._config is not None)
        if self._started:
            data = h264.to_length_prefixed(nals)
            self._emit(AccessUnit(pts, dts, key, wall_us, data))

    def _note(self, nals: list[bytes]) -> None:
        for nal in nals:
            kind = h264.nal_type(nal)
            if kind == h264.NAL_SPS and nal != self._sps:
                self._sps = nal
                self._pps = {}
            elif kind == h264.NAL_PPS:
                self._pps[h264.pps_id(nal)] = nal

    def _configure(self) -> None:
        """At a key frame: say the parameter sets if they are new."""
        if self._sps is None or not self._pps:
            return
        config = h264.make_config(self._sps, list(self._pps.values()))
        if config != self._config:
            self._config = config
            self._emit(config)
