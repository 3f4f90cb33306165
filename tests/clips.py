"""Small H.264 and H.265 clips made on the spot, as access units; nothing is shipped."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import av
import numpy as np

from serambi.media import h264, h265, nal
from serambi.media.access_unit import AccessUnit, VideoConfig

START_US = 1_790_000_000_000_000


@dataclass(frozen=True)
class Clip:
    """A configuration and its units; 90 kHz, `fps` pictures a second."""

    config: VideoConfig
    units: tuple[AccessUnit, ...]
    fps: int

    def items(self) -> list[VideoConfig | AccessUnit]:
        """The configuration, then the units."""
        return [self.config, *self.units]


@lru_cache
def clip(
    frames: int = 50,
    *,
    width: int = 320,
    height: int = 180,
    fps: int = 25,
    gop: int = 25,
    b_frames: int = 0,
    codec: str = "h264",
) -> Clip:
    """A moving bar on grey; `codec` is h264 or hevc."""
    out = io.BytesIO()
    container = av.open(out, "w", format=codec)
    stream: Any = container.add_stream({"h264": "libx264", "hevc": "libx265"}[codec], rate=fps)
    stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
    params = f"keyint={gop}:min-keyint={gop}:scenecut=0:bframes={b_frames}"
    own = {
        "h264": {"x264-params": params},
        "hevc": {"x265-params": f"{params}:open-gop=0:log-level=error:pools=none:frame-threads=1"},
    }
    stream.codec_context.options = {"preset": "ultrafast", **own[codec]}
    packets: list[Any] = []
    for number in range(frames):
        picture = np.full((height, width, 3), 90, np.uint8)
        at = number * 7 % width
        picture[:, at : at + 20] = (30, 200, 240)
        frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
        frame.pts = number
        packets += stream.encode(frame)
    packets += stream.encode(None)
    units = tuple(_units(packets, fps))
    config = (_config if codec == "h264" else _config_h265)(bytes(packets[0]))
    container.close()
    return Clip(config, units, fps)


def _config(first: bytes) -> VideoConfig:
    nals = list(nal.split_annex_b(first))
    sps = next(nal for nal in nals if h264.nal_type(nal) == h264.NAL_SPS)
    return h264.make_config(sps, [n for n in nals if h264.nal_type(n) == h264.NAL_PPS])


def _config_h265(first: bytes) -> VideoConfig:
    sets: dict[int, list[bytes]] = {}
    for found in nal.split_annex_b(first):
        sets.setdefault(h265.nal_type(found), []).append(found)
    (vps,), (sps,) = sets[h265.NAL_VPS], sets[h265.NAL_SPS]
    return h265.make_config(vps, sps, sets[h265.NAL_PPS])


def _units(packets: list[Any], fps: int) -> Iterator[AccessUnit]:
    tick = 90_000 // fps
    first = min(packet.dts or 0 for packet in packets)
    for packet in packets:
        nals = nal.split_annex_b(bytes(packet))
        dts = ((packet.dts or 0) - first) * tick
        yield AccessUnit(
            pts=((packet.pts or 0) - first) * tick,
            dts=dts,
            key=packet.is_keyframe,
            wall_us=START_US + dts * 1_000_000 // 90_000,
            data=nal.to_length_prefixed(nals),
        )


def decoded(content: bytes) -> list[tuple[float, np.ndarray]]:
    """Play a file with another player (FFmpeg): (time in seconds, picture) of each frame."""
    with av.open(io.BytesIO(content), "r") as container:
        return [
            (float(frame.time or 0), frame.to_ndarray(format="bgr24"))
            for frame in container.decode(video=0)
        ]
