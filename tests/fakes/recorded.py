"""Recordings that a keeper finds when it starts, and a courier that asks for them."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from serambi.base.clock import Clock, ManualClock
from serambi.base.ids import new_id
from serambi.fabric.messages import Reply
from serambi.fabric.windows import decode_window
from serambi.media.access_unit import AccessUnit, VideoConfig
from serambi.media.wire import decode
from serambi.recording.index import Index
from serambi.recording.recorder import Recorder
from serambi.recording.syncer import Syncer
from tests.builders import Town, make_request
from tests.clips import START_US, clip
from tests.fakes.keeper_courier import Courier
from tests.fakes.keeper_site import canary_of, marked

FPS = 10
GOP = 10


def mark_of(camera: str, minute: int) -> bytes:
    """16 bytes in every picture of that minute of the hour and nowhere else."""
    return canary_of(camera, f"minute {minute}")


def record(folder: Path, camera: str, begin_s: float, runs: Iterable[tuple[float, float]]) -> None:
    """Pictures in a keeper's folder: `runs` are (from, until) in seconds after `begin_s` (unix);
    ten a second, a key frame each second, every picture marked with its minute."""
    recordings = folder / "recordings"
    recordings.mkdir(exist_ok=True)
    clock = ManualClock(begin_s)
    index = Index(folder / "index.db")
    syncer = Syncer(recordings, index, clock)
    syncer.prepare()
    recorder = Recorder(recordings, camera, syncer, clock)
    film = clip(GOP, width=64, height=48, fps=FPS, gop=GOP)
    for start, stop in runs:
        recorder.write(film.config)
        for second in range(int(start), int(stop)):
            for unit in film.units:
                recorder.write(_at(unit, camera, begin_s, second))
        recorder.write(None)
    recorder.close()
    syncer.sync()
    syncer.close()


def _at(unit: AccessUnit, camera: str, begin_s: float, second: int) -> AccessUnit:
    wall_us = unit.wall_us - START_US + round(begin_s * 1e6) + second * 1_000_000
    moved = replace(
        unit, pts=unit.pts + second * 90_000, dts=unit.dts + second * 90_000, wall_us=wall_us
    )
    return marked(moved, mark_of(camera, second // 60))


class Player:
    """The center's side of a playback, at the keeper's socket."""

    def __init__(self, courier: Courier, town: Town, clock: Clock, camera: str = "cam-1") -> None:
        self._courier = courier
        self._town = town
        self._clock = clock
        self._camera = camera
        self.session = new_id()
        self.range = (0, 0)

    def request(self, kind: str, **changes: object) -> bytes:
        fields: dict[str, Any] = {
            "kind": kind,
            "session": self.session,
            "action": "playback",
            "stream": "main",
            "from_ms": self.range[0],
            "to_ms": self.range[1],
            **changes,
        }
        return make_request(self._town, self._camera, now=self._clock.now(), **fields)

    async def ask(self, kind: str, begin_s: float, end_s: float, **changes: object) -> Reply:
        self.range = (round(begin_s * 1000), round(end_s * 1000))
        return await self._courier.command(self.request(kind, **changes))

    async def fetch(self, at_us: int, step: str = "go", **changes: object) -> bytes:
        raw = self.request("fetch", at_us=at_us, step=step, **changes)
        window = await self._courier.client.fetch(self._camera, self.session, raw)
        self._courier.seen += window
        return window

    async def all(self, step: str = "go") -> list[AccessUnit]:
        """Every picture of the range, window after window."""
        at_us = self.range[0] * 1000
        found = []
        while at_us:
            at_us, messages = decode_window(await self.fetch(at_us, step, size_bytes=20_000))
            items = [decode(message) for message in messages]
            assert not items or isinstance(items[0], VideoConfig)
            found += [item for item in items if isinstance(item, AccessUnit)]
        return found
