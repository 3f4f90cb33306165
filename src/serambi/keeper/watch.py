"""The owner's cameras at work: one reader per stream, one recorder per camera, their health."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from serambi.base.clock import Clock
from serambi.camera.health import Health
from serambi.camera.reader import CameraReader
from serambi.camera.source import Source
from serambi.fabric.messages import StreamShape
from serambi.keeper.config import Camera, KeeperConfig
from serambi.keeper.hub import Hub
from serambi.media.access_unit import AccessUnit, VideoConfig
from serambi.recording.index import Index
from serambi.recording.recorder import Recorder

log = logging.getLogger(__name__)

STREAMS = ("main", "sub")
OpenSource = Callable[[Camera, str], Source]


@dataclass(frozen=True, slots=True)
class Watched:
    """What is known of one camera right now; times in unix seconds, 0 for never."""

    online: bool
    offline_since: float
    trouble: str
    main: StreamShape
    sub: StreamShape
    streams: dict[str, Health]
    recording: bool
