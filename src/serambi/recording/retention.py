"""Old recordings make room: by age and by size, the oldest first, whole segments."""

import logging
from pathlib import Path

from serambi.recording.index import Index

log = logging.getLogger(__name__)


def make_room(folder: Path, index: Index, *, now: float, keep_s: float, keep_bytes: int) -> int:
    """Delete segments older than `keep_s` seconds, and the oldest ones while all together exceed
    `keep_bytes`. The newest segment of a camera is being written and stays. -> number deleted."""
    segments = index.segments()
    newest = {segment.camera: segment.id for segment in segments}
    total = sum(segment.size_bytes for segment in segments)
    gone: list[int] = []
    for segment in segments:
        old = max(segment.end_us, segment.start_us) < (now - keep_s) * 1e6
        if segment.id == newest[segment.camera] or not (old or total > keep_bytes):
            continue
        # The file goes first: a row without a file is repaired, a file without a row is not.
        (folder / segment.path).unlink(missing_ok=True)
        total -= segment.size_bytes
        gone.append(segment.id)
    index.remove_segments(gone)
    if gone:
        log.info("retention removed %d segments", len(gone))
    return len(gone)
