"""A loop like a street camera's, for benchmarks: 1080p at 25 pictures a second and 3 Mbps."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np

from serambi.base.errors import SerambiError
from serambi.sim import counter, loop_file
from serambi.sim.counter import Picture
from serambi.sim.encode import default_cache
from serambi.sim.encoder import Settings, StreamEncoder

SETTINGS = Settings(1920, 1080, 25, 3_000_000, "high", "ultrafast", buffer_s=0.4)
FRAMES = 100
_PICTURES_VERSION = 1


def bench_loop(
    codec: str = "h264",
    *,
    cache: Path | None = None,
    b_frames: int = 0,
    settings: Settings = SETTINGS,
) -> Path:
    """A loop file of FRAMES pictures in groups of two seconds, at about the settings' rate, made
    once and kept in `cache` (the demo's, if None). Each picture carries the counter with tag 0.

    Raises `SerambiError` when the codec is unknown. It takes some seconds to make.
    """
    wanted = replace(settings, codec=codec, b_frames=b_frames)
    version = av.library_versions.get("libavcodec")
    key = json.dumps([_PICTURES_VERSION, repr(wanted), version])
    digest = hashlib.sha256(key.encode()).hexdigest()[:32]
    path = (cache or default_cache()) / f"{digest}-bench.sim"
    try:
        loop_file.read(path)
    except SerambiError:
        encoder = StreamEncoder(wanted)
        for number, picture in enumerate(_pictures(wanted.width, wanted.height)):
            counter.draw(picture, 0, number)
            encoder.push(picture)
        loop_file.write(path, encoder.finish())
    return path


def _pictures(width: int, height: int) -> Iterator[Picture]:
    """A rough ground, the noise of a sensor, and a dozen boxes that drive across."""
    random = np.random.default_rng(1)
    rough = random.integers(70, 150, (height // 8, width // 8, 3), np.uint8)
    ground = cv2.resize(rough, (width, height), interpolation=cv2.INTER_CUBIC)
    grain = [random.integers(0, 5, (height, width, 1), np.uint8) for _ in range(4)]
    lanes = random.integers(0, height - height // 10, 12)
    for number in range(FRAMES):
        picture = np.asarray(ground + grain[number % 4], np.uint8)
        for lane, top in enumerate(lanes):
            side = height // 10
            left = (lane * width // 12 + number * (lane + 2) * 3) % (width - side)
            color = (40 + 15 * lane, 200 - 12 * lane, 90 + 10 * lane)
            picture[top : top + side, left : left + side] = color
        yield picture
