"""PyAV behind one door: reading packets of an input, and decoding to brightness. No encoding.

PyAV's log is silenced here, because it may carry addresses with passwords.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import av
import av.logging
import numpy as np
from numpy.typing import NDArray

from serambi.base.clock import SystemClock
from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import CONNECT_TIMEOUT_S

av.logging.set_level(None)

#: Pixel formats whose first plane is 8-bit brightness.
_Y_FIRST = frozenset(
    (
        "gray",
        "nv12",
        "nv21",
        *tuple(f"yuv{j}{sub}p" for j in ("", "j") for sub in ("420", "422", "444")),
    )
)


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


class LumaDecoder:
    """Access units in, brightness out. Not thread-safe; forgiving: what cannot be decoded yields
    no picture, and the next key frame heals it."""

    def __init__(self, codec: str, extradata: bytes = b"") -> None:
        """`codec` as `VideoInput.codec` names it; `extradata` is the decoder's record or empty
        for Annex B. Raises `SerambiError` for a codec that is not built in."""
        try:
            context = av.CodecContext.create(codec, "r")
        except (av.FFmpegError, ValueError):
            raise SerambiError(Kind.BAD_INPUT, f"no decoder for {codec[:20]!r}") from None
        if not isinstance(context, av.VideoCodecContext):
            raise SerambiError(Kind.BAD_INPUT, f"{codec[:20]!r} is no video")
        self._context = context
        self._context.thread_count = 1  # many cameras share the cores already
        if extradata:
            self._context.extradata = extradata

    def decode(self, unit: bytes, pts: int) -> list[tuple[int, NDArray[np.uint8]]]:
        """Pictures that `unit` completes, as (pts, (height, width) brightness)."""
        packet = av.Packet(unit)
        packet.pts = packet.dts = pts
        try:
            frames = self._context.decode(packet)
        except av.FFmpegError:
            return []
        return [(int(f.pts or 0), _luma(f)) for f in frames if isinstance(f, av.VideoFrame)]


def luma_of_file(path: str, every_s: float) -> Iterator[tuple[float, NDArray[np.uint8]]]:
    """Brightness of a video file, (height, width) uint8, at most one picture every `every_s`
    seconds, with its time from the first picture. Raises `SerambiError` when the file cannot be
    opened; damaged pictures inside it are skipped."""
    try:
        container = av.open(path)
    except (OSError, av.FFmpegError) as error:
        said = getattr(error, "strerror", None) or type(error).__name__
        raise SerambiError(Kind.BAD_INPUT, f"no video: {said}", where=path) from None
    with container:
        if not container.streams.video:
            raise SerambiError(Kind.BAD_INPUT, "no video in this file", where=path)
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        first: float | None = None
        due = 0.0
        for packet in container.demux(stream):
            try:
                frames = packet.decode()
            except av.FFmpegError:
                continue
            for frame in frames:
                if not isinstance(frame, av.VideoFrame) or frame.time is None:
                    continue
                first = frame.time if first is None else first
                t_s = frame.time - first
                # Half a frame of grace: 12.5 pictures a second still give five.
                if t_s + 0.02 >= due:
                    due = max(due + every_s, t_s + every_s / 2)
                    yield t_s, _luma(frame)


def _luma(frame: av.VideoFrame) -> NDArray[np.uint8]:
    """The Y plane without its padding; a copy, because the decoder uses its buffer again."""
    if frame.format.name not in _Y_FIRST:
        return np.asarray(frame.to_ndarray(format="gray"), np.uint8)
    plane = frame.planes[0]
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
    return np.array(rows[: frame.height, : frame.width])


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
