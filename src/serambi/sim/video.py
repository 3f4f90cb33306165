"""Pictures of a real video file, at a fixed size and rate, repeated for as long as asked."""

from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np

from serambi.base.errors import Kind, SerambiError
from serambi.sim.counter import Picture


def letterbox(picture: Picture, width: int, height: int) -> Picture:
    """Fit a BGR picture into width x height without distortion, black around it."""
    source_height, source_width = picture.shape[:2]
    scale = min(width / source_width, height / source_height)
    size = max(1, round(source_width * scale)), max(1, round(source_height * scale))
    fitted = np.zeros((height, width, 3), np.uint8)
    left, top = (width - size[0]) // 2, (height - size[1]) // 2
    fitted[top : top + size[1], left : left + size[0]] = cv2.resize(
        picture, size, interpolation=cv2.INTER_AREA
    )
    return fitted


def _once(path: Path, width: int, height: int, fps: int) -> Iterator[Picture]:
    """The file from begin to end: at each tick the newest picture that had begun."""
    tick = 0
    current: Picture | None = None
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise SerambiError(Kind.BAD_INPUT, "no video in this file", where=str(path))
            begin: float | None = None
            for frame in container.decode(video=0):
                begin = frame.time or 0.0 if begin is None else begin
                at_s = (frame.time or 0.0) - begin
                while current is not None and tick / fps < at_s:
                    yield current
                    tick += 1
                if tick / fps <= at_s + 1 / fps:
                    current = letterbox(
                        np.asarray(frame.to_ndarray(format="bgr24"), np.uint8), width, height
                    )
    except (av.FFmpegError, ValueError) as error:
        raise SerambiError(
            Kind.BAD_INPUT, f"cannot be decoded: {error}", where=str(path)
        ) from error
    if current is not None:
        yield current


def video_pictures(path: Path, width: int, height: int, fps: int, count: int) -> Iterator[Picture]:
    """Exactly `count` pictures; a shorter video starts over. Raises `SerambiError`."""
    given = 0
    while given < count:
        before = given
        for picture in _once(path, width, height, fps):
            yield picture
            given += 1
            if given == count:
                return
        if given == before:
            raise SerambiError(Kind.BAD_INPUT, "holds no picture", where=str(path))
