"""RTSP through PyAV: for what the own reader cannot serve, and to check it against."""

import threading
import time
from collections.abc import Callable
from urllib.parse import quote, urlsplit, urlunsplit

from serambi.base.errors import Kind, SerambiError
from serambi.camera.pictures import BY_CODEC, Pictures
from serambi.camera.source import Emit
from serambi.media.nal import split_annex_b, to_length_prefixed
from serambi.media.pyav import Packet, VideoInput

_CODECS = {"h264": "h264", "hevc": "h265"}


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
    """One RTSP stream over TCP, H.264 or H.265."""

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
            codec = _CODECS.get(source.codec)
            if codec is None:
                raise SerambiError(
                    Kind.BAD_INPUT,
                    f"the camera sends {source.codec}, which is not supported",
                    hint="set this stream to H.264 or H.265 in the camera",
                )
            pictures = BY_CODEC[codec](emit, _parameter_sets(source.extradata))
            for packet in source.packets():
                if stop.is_set():
                    return
                self._lost += packet.corrupt
                try:
                    _take(pictures, packet, self._wall_us())
                except SerambiError as error:
                    if error.kind is not Kind.BAD_INPUT:
                        raise
                    self._lost += 1  # one damaged picture is no reason to connect again
        finally:
            source.close()
        raise SerambiError(Kind.UNAVAILABLE, "the camera ended the stream")


def _parameter_sets(extradata: bytes) -> list[bytes]:
    if extradata[:3] == b"\0\0\1" or extradata[:4] == b"\0\0\0\1":
        return list(split_annex_b(extradata))
    return []


def _take(pictures: Pictures, packet: Packet, wall_us: int) -> None:
    nals = list(split_annex_b(packet.data))
    kinds = 0
    for nal in nals:
        kinds |= 1 << pictures.type_of(nal)
    pts, dts = pictures.timeline.place(packet.pts, packet.dts, packet.time_base)
    pictures.take(pts, dts, wall_us, to_length_prefixed(nals), kinds)
