"""A power cut takes whatever was not synced: the index then names nothing that is not there, and
no more is lost than is promised."""

import hashlib
import os
import random
import shutil
from pathlib import Path

import pytest

from serambi.base.limits import RECORDING_LOSS_MAX_S, RECORDING_SYNC_EVERY_S
from serambi.recording.disk import Disk
from serambi.recording.fsck import Repaired, check_recordings
from serambi.recording.index import Index
from serambi.recording.syncer import Syncer
from tests.clips import START_US, clip, decoded
from tests.fakes.recording_site import CAMERA, RecordingSite, later

GOP_S = 1.0


class ForgettingDisk(Disk):
    """A real disk that knows what of each file, and which names, would survive a power cut."""

    def __init__(self) -> None:
        self.open: dict[int, Path] = {}
        self.written: dict[Path, int] = {}
        self.synced: dict[Path, int] = {}
        self.named: set[Path] = set()

    def create(self, path: Path) -> int:
        descriptor = super().create(path)
        self.open[descriptor] = path
        self.written[path] = self.synced[path] = 0
        return descriptor

    def append(self, descriptor: int, parts: list[bytes]) -> None:
        super().append(descriptor, parts)
        self.written[self.open[descriptor]] += sum(len(part) for part in parts)

    def sync(self, descriptor: int) -> None:
        super().sync(descriptor)
        path = self.open[descriptor]
        self.synced[path] = self.written[path]

    def sync_names(self, folder: Path) -> None:
        super().sync_names(folder)
        self.named |= set(folder.iterdir())

    def survives(self, path: Path) -> bool:
        return path in self.named and path.parent in self.named

    def forget(self, folder: Path, chance: random.Random | None) -> None:
        """Make `folder`, a copy of the recordings, what a power cut may leave of them: all that
        was not synced gone, or (by chance) a part of it there, or zeros in its place."""
        for path, size in self.synced.items():
            left = folder / path.relative_to(self.root)
            if not self.survives(path) and (chance is None or chance.random() < 0.5):
                left.unlink()
                continue
            if chance is None:
                os.truncate(left, size)
            elif chance.random() < 0.5:
                os.truncate(left, chance.randint(size, self.written[path]))
            else:
                with left.open("r+b") as file:
                    file.seek(chance.randint(size, self.written[path]))
                    rest = self.written[path] - file.tell()
                    file.write(bytes(rest))

    root = Path()


class PowerCut:
    """Records for a while with a pass every so often, and keeps what the index was after each."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.live, self.left = folder / "live", folder / "left"
        self.live.mkdir()
        self.disk = ForgettingDisk()
        self.disk.root = self.live
        self.site = RecordingSite(self.live, self.disk)
        self.chance = random.Random(seed)
        self.recorded_us = 0

    def record(self, seconds: int) -> None:
        """A pass comes as late as the promise allows for: every two seconds."""
        made = clip(25)
        self.site.write(made.config)
        for second in range(seconds):
            if self.chance.random() < 0.1:
                self.site.write(None, made.config)
            self.site.write(*later(made, second))
            self.recorded_us = START_US + second * 1_000_000
            if second % RECORDING_SYNC_EVERY_S == 1:
                self.site.syncer.sync()
                self.check_order()

    def check_order(self) -> None:
        """Whatever a committed row names is on the disk, and so is the name of its file."""
        for segment in self.site.index.segments():
            path = self.live / segment.path
            assert self.disk.survives(path)
            assert segment.size_bytes <= self.disk.synced[path]

    def cut(self, *, everything: bool) -> None:
        shutil.copytree(self.live, self.left)
        self.disk.forget(self.left, None if everything else self.chance)
        self.site.close()


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("everything", [True, False], ids=["all lost", "some lost"])
def test_what_a_power_cut_leaves_is_consistent_and_within_the_promise(
    tmp_path: Path, seed: int, everything: bool
) -> None:
    power = PowerCut(tmp_path, seed)
    power.record(power.chance.randint(3, 20))
    power.cut(everything=everything)
    index = Index(power.left / "index.db")
    before = {
        (segment.path, one) for segment in index.segments() for one in index.fragments(segment.id)
    }
    repaired = check_recordings(power.left, index)
    assert (repaired.dropped, repaired.lost_files) == (0, 0), "a row named what was not durable"
    after = {
        (segment.path, one) for segment in index.segments() for one in index.fragments(segment.id)
    }
    assert before <= after
    for segment in index.segments():
        content = (power.left / segment.path).read_bytes()
        fragments = index.fragments(segment.id)
        for one in fragments:
            part = content[one.offset : one.offset + one.size_bytes]
            assert hashlib.sha256(part).digest() == one.sha256
        assert len(decoded(content)) == sum(one.units for one in fragments)
    lost_us = power.recorded_us - index.end_of(CAMERA)
    assert lost_us <= (RECORDING_LOSS_MAX_S + GOP_S) * 1e6
    assert check_recordings(power.left, index) == Repaired()
    index.close()


@pytest.mark.parametrize("seed", range(4))
def test_an_index_that_lost_its_newest_commits_is_completed_from_the_files(
    tmp_path: Path, seed: int
) -> None:
    """SQLite's log cut at any byte: what it no longer knows is found in the files."""
    power = PowerCut(tmp_path, seed)
    power.record(16)
    shutil.copytree(power.live, power.left)
    whole = [(s.path, s.size_bytes, s.end_us) for s in power.site.index.segments()]
    power.site.close()
    log = power.left / "index.db-wal"
    os.truncate(log, power.chance.randint(0, log.stat().st_size))
    index = Index(power.left / "index.db")
    check_recordings(power.left, index)
    found = [(s.path, s.size_bytes, s.end_us) for s in index.segments()]
    assert [one[0] for one in found] == [one[0] for one in whole]
    assert all(a[1] >= b[1] and a[2] >= b[2] for a, b in zip(found, whole, strict=True))
    index.close()


def test_the_thread_makes_durable_by_itself_and_ends_with_a_last_pass(tmp_path: Path) -> None:
    site = RecordingSite(tmp_path)
    site.write(*clip().items())
    site.syncer.start()
    site.recorder.close()
    site.syncer.close()
    index = Index(tmp_path / "index.db")
    assert index.end_of(CAMERA) == START_US + 2_000_000
    index.close()


def test_a_bad_pass_does_not_end_the_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    site = RecordingSite(tmp_path)
    passed: list[int] = []

    def bad(self: Syncer) -> None:
        passed.append(1)
        if len(passed) == 1:
            raise ZeroDivisionError
        site.syncer._closing = True
        site.syncer._hurry.set()

    monkeypatch.setattr("serambi.recording.syncer.RECORDING_SYNC_EVERY_S", 0.001)
    monkeypatch.setattr(Syncer, "sync", bad)
    site.syncer.start()
    site.syncer._thread.join(10)
    assert len(passed) == 2
    assert "crashed" in caplog.text
    site.close()
