"""The owner's cameras at work: their streams read, one recorder per camera, their health."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from serambi.base.clock import Clock
from serambi.base.errors import SerambiError
from serambi.camera.engines import Engines
from serambi.camera.health import Health
from serambi.camera.source import OpenSource
from serambi.fabric.messages import StreamShape
from serambi.keeper.config import Camera, KeeperConfig
from serambi.keeper.hub import Hub
from serambi.media.access_unit import AccessUnit, VideoConfig
from serambi.recording.index import Index
from serambi.recording.recorder import Recorder
from serambi.recording.retention import Retention
from serambi.recording.syncer import Syncer

log = logging.getLogger(__name__)

_CLOSE_S = 1.0

Look = Callable[[str, str, VideoConfig | AccessUnit | None], None]


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
    recording_trouble: str


class _Station:
    """One camera: its two readers and its recorder."""

    def __init__(
        self, camera: Camera, recorder: Recorder, hub: Hub, engines: Engines, look: Look
    ) -> None:
        self._look = look
        self._camera = camera
        self._recorder = recorder
        self._hub = hub
        self.readers = {
            stream: engines.reader(
                url,
                camera.user,
                camera.password,
                name=f"{camera.id}/{stream}",
                on_item=self._taker(stream),
                transport=camera.transport,
            )
            for stream, url in (("main", camera.main), ("sub", camera.sub))
        }

    def _taker(self, stream: str) -> Callable[[VideoConfig | AccessUnit | None], None]:
        def take(item: VideoConfig | AccessUnit | None) -> None:
            if stream == "main":
                self._record(item)
            self._look(self._camera.id, stream, item)
            if item is None:
                self._hub.forget(self._camera.id, stream)
            else:
                self._hub.push(self._camera.id, stream, item)

        return take

    def _record(self, item: VideoConfig | AccessUnit | None) -> None:
        try:
            self._recorder.write(item)
        except SerambiError as error:
            # A full disk must not end the live view; the recorder's health says it.
            log.error("camera %s: %s", self._camera.number, error)

    @property
    def recording_trouble(self) -> str:
        """Why the disk takes no pictures now; empty while it does."""
        return self._recorder.trouble

    def stop(self) -> None:
        for reader in self.readers.values():
            reader.stop()

    def close(self, deadline: float) -> None:
        """Wait for the readers until `deadline` (monotonic), no longer: one that hangs in a dead
        camera gives nothing more to the recorder, which writes what it has."""
        for reader in self.readers.values():
            reader.join(max(0.0, deadline - time.monotonic()))
        self._recorder.close()


class CameraWatch:
    """All cameras of the site. `open_source` takes the place of the engines, in tests; `look` is
    given every item of every stream, in the cameras' threads."""

    def __init__(
        self,
        config: KeeperConfig,
        hub: Hub,
        clock: Clock,
        open_source: OpenSource | None = None,
        look: Look = lambda camera, stream, item: None,
    ) -> None:
        self._hub = hub
        self._engines = Engines(clock, open_source)
        self._engines.hurry(False)
        hub.on_watched = self._engines.hurry
        self.recordings: Path = config.folder / "recordings"
        self.index = Index(config.folder / "index.db")
        self._syncer = Syncer(self.recordings, self.index, clock)
        self._retention = Retention(
            self.recordings, self.index, clock, keep_s=config.keep_s, keep_bytes=config.keep_bytes
        )
        self._stations = {
            camera.id: _Station(
                camera,
                Recorder(self.recordings, camera.id, self._syncer, clock),
                hub,
                self._engines,
                look,
            )
            for camera in config.cameras
        }

    def start(self) -> None:
        """Read all cameras, and record as soon as the recordings there are have been checked."""
        self._syncer.start()
        for station in self._stations.values():
            for reader in station.readers.values():
                reader.start()

    def close(self) -> None:
        """Stop all readers, write what is buffered, close the files; in about a second, however
        many cameras hang."""
        for station in self._stations.values():
            station.stop()
        deadline = time.monotonic() + _CLOSE_S
        for station in self._stations.values():
            station.close(deadline)
        self._engines.close()
        self._syncer.close()

    @property
    def recording_begun(self) -> bool:
        """Whether the recordings that were there have been checked and new ones are written."""
        return self._syncer.ready

    def make_room(self) -> None:
        """Old recordings go, as the settings say."""
        self._retention.make_room()

    def watched(self, camera: str) -> Watched:
        station = self._stations[camera]
        healths = {stream: reader.health() for stream, reader in station.readers.items()}
        refused = station.recording_trouble or self._syncer.trouble
        down = [health for health in healths.values() if health.state != "live"]
        return Watched(
            online=not down,
            offline_since=min((health.since for health in down), default=0.0),
            trouble=next((health.last_error for health in down if health.last_error), ""),
            main=self._shape(camera, "main", healths["main"]),
            sub=self._shape(camera, "sub", healths["sub"]),
            streams=healths,
            recording=healths["main"].state == "live" and not refused,
            recording_trouble=refused,
        )

    def _shape(self, camera: str, stream: str, health: Health) -> StreamShape:
        config = self._hub.config(camera, stream)
        if config is None:
            return StreamShape(width=0, height=0, fps=0)
        return StreamShape(width=config.width, height=config.height, fps=round(health.fps))

    def cameras(self) -> tuple[str, ...]:
        return tuple(self._stations)
