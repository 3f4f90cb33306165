"""Pictures -> one encoded loop: H.264 or H.265 from the PyAV wheel, with closed groups of pictures.

What does not belong here: where pictures come from, where loops are kept.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
from av.video.codeccontext import VideoCodecContext

from serambi.base.errors import Kind, SerambiError
from serambi.sim import loop_file
from serambi.sim.codec import H264, codec_named
from serambi.sim.counter import Picture
from serambi.sim.loop_file import Loop, Unit


@dataclass(frozen=True, slots=True)
class Settings:
    """Encoder settings of one stream. `profile` holds for H.264 only; `b_frames` between two
    others, always as many; a key picture every `gop_s`; no picture is larger than `buffer_s` of the
    rate."""

    width: int
    height: int
    fps: int
    rate_bps: int
    profile: str
    preset: str = "superfast"
    codec: str = H264.name
    b_frames: int = 0
    buffer_s: float = 2.0
    gop_s: int = 2

    @property
    def gop(self) -> int:
        return self.fps * self.gop_s


class StreamEncoder:
    """Pictures in, access units out."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._kind = codec_named(settings.codec)
        self._units: list[Unit] = []
        self._pushed = 0
        codec = av.CodecContext.create(self._kind.encoder, "w")
        if not isinstance(codec, VideoCodecContext):
            raise SerambiError(Kind.UNAVAILABLE, f"this PyAV has no {self._kind.encoder} encoder")
        codec.width, codec.height, codec.pix_fmt = settings.width, settings.height, "yuv420p"
        codec.time_base, codec.framerate = Fraction(1, settings.fps), Fraction(settings.fps)
        codec.bit_rate, codec.gop_size = settings.rate_bps, settings.gop
        codec.max_b_frames = settings.b_frames
        codec.options = _options(settings)
        self._codec = codec

    def push(self, picture: Picture) -> None:
        height, width = picture.shape[:2]
        if (width, height) != (self._settings.width, self._settings.height):
            raise SerambiError(Kind.BAD_INPUT, f"scene painted {width}x{height} pixels")
        frame = av.VideoFrame.from_ndarray(picture, format="bgr24").reformat(format="yuv420p")
        frame.pts, frame.time_base = self._pushed, Fraction(1, self._settings.fps)
        self._pushed += 1
        self._take(self._codec.encode(frame))

    def finish(self) -> Loop:
        self._take(self._codec.encode(None))
        s = self._settings
        return Loop(s.width, s.height, s.fps, tuple(self._units), self._kind)

    def _take(self, packets: "Iterable[av.Packet[Any]]") -> None:
        for packet in packets:
            nals = loop_file.split_annex_b(bytes(packet))
            # Encoders sign their work in SEI; cameras do not, and the canary is to stand alone.
            nals = tuple(nal for nal in nals if self._kind.kind(nal) not in self._kind.noise)
            shift = (packet.pts or 0) - len(self._units)
            self._units.append(Unit(bool(packet.is_keyframe), nals, shift))


def _options(settings: Settings) -> dict[str, str]:
    kbps = settings.rate_bps // 1000
    buffer_kbit = round(settings.buffer_s * kbps)
    common = (
        f"keyint={settings.gop}:min-keyint={settings.gop}:scenecut=0"
        f":bframes={settings.b_frames}:b-adapt=0:open-gop=0"
        f":vbv-maxrate={kbps}:vbv-bufsize={buffer_kbit}:rc-lookahead=10"
        ":annexb=1:repeat-headers=1"
    )
    if settings.codec == H264.name:
        return {
            "preset": settings.preset,
            "profile": settings.profile,
            "x264-params": f"{common}:threads=1",
        }
    # One thread, and no pool of threads that would outlive the encoder.
    quiet = "info=0:log-level=error:pools=none:frame-threads=1"
    return {"preset": settings.preset, "x265-params": f"{common}:{quiet}"}
