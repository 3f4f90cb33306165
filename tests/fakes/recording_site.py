"""One camera's recordings without a keeper: the recorder, its syncer and index, and clips."""

from collections.abc import Iterable
from pathlib import Path

from msgspec.structs import replace

from serambi.base.clock import ManualClock
from serambi.base.errors import SerambiError
from serambi.media.access_unit import AccessUnit, VideoConfig
from serambi.recording.disk import Disk
from serambi.recording.index import Fragment, Gap, Index
from serambi.recording.recorder import Recorder
from serambi.recording.syncer import Syncer
from tests.clips import START_US, Clip

CAMERA = "cam-1"


def later(made: Clip, duration_s: float, *, wall_s: float | None = None) -> list[AccessUnit]:
    """The clip again, as if it came that much later; by the date, `wall_s` later."""
    wall_s = duration_s if wall_s is None else wall_s
    return [
        replace(
            unit,
            pts=unit.pts + round(duration_s * 90_000),
            dts=unit.dts + round(duration_s * 90_000),
            wall_us=unit.wall_us + round(wall_s * 1e6),
        )
        for unit in made.units
    ]


class RecordingSite:
    """Without a thread: `sync` is one pass."""

    def __init__(self, folder: Path, disk: Disk | None = None) -> None:
        self.folder = folder
        self.clock = ManualClock(START_US / 1e6)
        self.index = Index(folder / "index.db")
        self.syncer = Syncer(folder, self.index, self.clock, disk)
        self.syncer.prepare()
        self.recorder = self.another(CAMERA)

    def another(self, camera: str) -> Recorder:
        return Recorder(self.folder, camera, self.syncer, self.clock)

    def write(self, *items: VideoConfig | AccessUnit | None) -> list[str]:
        """-> what the recorder complained of."""
        complaints = []
        for item in items:
            try:
                self.recorder.write(item)
            except SerambiError as error:
                complaints.append(str(error))
        return complaints

    def record(self, items: Iterable[VideoConfig | AccessUnit | None]) -> None:
        """To the end, durable."""
        assert self.write(*items) == []
        self.recorder.close()
        self.syncer.sync()

    def files(self) -> list[Path]:
        self.syncer.sync()
        return [self.folder / segment.path for segment in self.index.segments(CAMERA)]

    def fragments(self) -> list[Fragment]:
        self.syncer.sync()
        return [
            fragment
            for segment in self.index.segments(CAMERA)
            for fragment in self.index.fragments(segment.id)
        ]

    def gaps(self) -> list[Gap]:
        self.syncer.sync()
        return self.index.gaps(CAMERA)

    def close(self) -> None:
        self.recorder.close()
        self.syncer.close()
