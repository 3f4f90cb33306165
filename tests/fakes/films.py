"""Short films of the demo's places, as a camera's substream sends them: key pictures only."""

from functools import lru_cache

import cv2
import numpy as np

from serambi.media import h264
from serambi.media.access_unit import AccessUnit, VideoConfig
from serambi.sim.encoder import Settings, StreamEncoder
from serambi.sim.sprites import asset, picture

WIDE, HIGH = 640, 360
FPS = 5


def approved(scene: str) -> bytes:
    """The picture of a place as it is attested: a WebP file."""
    return asset(f"{scene}.webp")


@lru_cache(8)
def film(scene: str, *, dark: bool = False) -> tuple[VideoConfig, tuple[AccessUnit, ...]]:
    """One second of a place, the first picture a key picture; `dark`: the lamp is out."""
    encoder = StreamEncoder(Settings(WIDE, HIGH, FPS, 400_000, "main", gop_s=1))
    small = cv2.resize(picture(f"{scene}.webp"), (WIDE, HIGH), interpolation=cv2.INTER_AREA)
    shown = np.asarray(small[..., :3] * (0.02 if dark else 1.0), np.uint8)
    for _ in range(FPS):
        encoder.push(np.ascontiguousarray(shown))
    units = encoder.finish().units
    sets = {nal[0] & 0x1F: nal for nal in units[0].nals if nal[0] & 0x1F in (7, 8)}
    config = h264.make_config(sets[7], [sets[8]])
    step = 90_000 // FPS
    made = tuple(
        AccessUnit(n * step, n * step, unit.key, n * 1_000_000 // FPS, _prefixed(unit.nals))
        for n, unit in enumerate(units)
    )
    return config, made


def _prefixed(nals: tuple[bytes, ...]) -> bytes:
    return b"".join(len(nal).to_bytes(4) + nal for nal in nals)
