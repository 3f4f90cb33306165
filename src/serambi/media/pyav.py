"""PyAV behind one door: opening an input and reading its packets. No decoding, no encoding.

PyAV's log is silenced here, because it may carry addresses with passwords.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import av
import av.logging

from serambi.base.clock import SystemClock
from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import CONNECT_TIMEOUT_S

av.logging.set_level(None)


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet of the first video stream; times in units of `time_base` seconds, None when the
    source does not say. `corrupt`: the demuxer knows that something is missing."""

    data: bytes
    pts: int | None
    dts: int | None
    key: bool
    corrupt: bool
    time_base: Fraction


class VideoInput:
    """An open input. Everything blocks; use it in a thread of its own."""

    def __init__(self, url: str) -> None:
        """Open `url`, RTSP over TCP, giving up after CONNECT_TIMEOUT_S at each step. Raises
        `SerambiError` in plain words that never repeat the address."""
        micros = str(int(CONNECT_TIMEOUT_S * 1_000_000))
        options = {"rtsp_transport": "tcp", "timeout": micros, "analyzeduration": "200000"}
        # Audio is never even asked for.
        options["allowed_media_types"] = "video"
        clock = SystemClock()
        began = clock.monotonic()
        try:
            self._container = av.open(url, options=options)
        except (OSError, av.FFmpegError) as error:
            # FFmpeg calls an answer that never came invalid; only the time it took tells.
            silent = clock.monotonic() - began >= CONNECT_TIMEOUT_S
            if silent and isinstance(error, av.InvalidDataError):
                raise _in_words(TimeoutError()) from None
            raise _in_words(error) from None
        video = self._container.streams.video
        if not video:
            self.close()
            raise SerambiError(
                Kind.BAD_INPUT, "the camera offers no video", hint="check the stream's path"
            )
        self._stream = video[0]

    @property
    def codec(self) -> str:
        """`h264`, `hevc`, ..."""
        return str(self._stream.codec_context.name)

    @property
    def extradata(self) -> bytes:
        """Parameter sets as the session description gave them; empty when it gave none."""
        return bytes(self._stream.codec_context.extradata or b"")

    def packets(self) -> Iterator[Packet]:
        """Until the source ends. Raises `SerambiError` when it fails or goes silent."""
        base = self._stream.time_base or Fraction(1, 90_000)
        try:
            for packet in self._container.demux(self._stream):
                if not packet.size:
                    return  # how a dead server shows
                yield Packet(
                    data=bytes(packet),
                    pts=packet.pts,
                    dts=packet.dts,
                    key=packet.is_keyframe,
                    corrupt=packet.is_corrupt,
                    time_base=packet.time_base or base,
                )
        except (OSError, av.FFmpegError) as error:
            raise _in_words(error) from None

    def close(self) -> None:
        self._container.close()


def _in_words(error: Exception) -> SerambiError:
    kinds: tuple[tuple[type[Exception], str, str], ...] = (
        (
            av.HTTPUnauthorizedError,
            "the camera refuses the user name or password",
            "check user and password of this camera",
        ),
        (
            av.HTTPForbiddenError,
            "the camera forbids this stream to this user",
            "give the user the right to watch live",
        ),
        (
            av.HTTPNotFoundError,
            "the camera has no stream at this path",
            "check the stream's path in the camera's manual",
        ),
        (
            ConnectionRefusedError,
            "nothing answers at the camera's port",
            "is the camera on, and its RTSP service?",
        ),
        (TimeoutError, "the camera does not answer", "check power and network of the camera"),
        (
            av.InvalidDataError,
            "what the camera sends cannot be understood",
            "update its firmware, or try its other stream",
        ),
        (av.EOFError, "the camera ended the stream", "it will be tried again"),
    )
    for kind, what, hint in kinds:
        if isinstance(error, kind):
            return SerambiError(Kind.UNAVAILABLE, what, hint=hint)
    number = getattr(error, "errno", None)
    if number in (101, 113):
        return SerambiError(
            Kind.UNAVAILABLE, "there is no way to the camera's address", hint="check the network"
        )
    said = getattr(error, "strerror", None) or type(error).__name__
    return SerambiError(Kind.UNAVAILABLE, f"the camera cannot be read: {said}")
