"""The machine's date steps, is wrong, or is far ahead: recordings stay in order, holes are marked,
and nothing is deleted for it."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serambi.base.clock import ManualClock
from serambi.base.limits import RETENTION_LEAP_S
from serambi.recording.index import GAP_MIN_US, Fragment, Index, Segment, Why
from serambi.recording.retention import Retention, vouched_us
from tests.clips import START_US, clip
from tests.fakes.recording_site import CAMERA, RecordingSite, later

DAY_S = 86_400
YEAR_S = 365 * DAY_S
HOUR_US = 3_600_000_000


@pytest.fixture
def site(tmp_path: Path) -> Iterator[RecordingSite]:
    made = RecordingSite(tmp_path)
    yield made
    made.close()


def record(site: RecordingSite, seconds: int, date_s: dict[int, float]) -> None:
    """A second at a time; from second n on the date is off by `date_s[n]`."""
    made = clip(25)
    site.write(made.config)
    off_s = 0.0
    for second in range(seconds):
        off_s = date_s.get(second, off_s)
        for unit in later(made, second, wall_s=second + off_s):
            site.write(unit)
            site.clock.advance(1 / 25)
    site.recorder.close()


def in_order(site: RecordingSite) -> None:
    fragments = site.fragments()
    assert all(one.start_us < one.end_us for one in fragments)
    assert all(a.end_us <= b.start_us for a, b in pairwise(fragments))
    holes = [
        (a.end_us, b.start_us)
        for a, b in pairwise(fragments)
        if b.start_us - a.end_us >= GAP_MIN_US
    ]
    assert [(gap.from_us, gap.to_us) for gap in site.gaps()] == holes


def test_a_date_set_back_goes_on_in_order_and_without_a_gap(site: RecordingSite) -> None:
    record(site, 20, {5: -3600})
    in_order(site)
    assert site.gaps() == []
    assert len(site.fragments()) == 20
    spans_s = [(one.end_us - one.start_us) / 1e6 for one in site.fragments()]
    assert spans_s[4:6] == [1.0, 0.9], "a little slower, until the date is met again"


def test_a_date_set_back_a_little_is_met_again(site: RecordingSite) -> None:
    record(site, 60, {5: -3})
    in_order(site)
    assert site.fragments()[-1].end_us == START_US + 57_000_000


def test_a_date_set_forward_is_a_gap_with_its_cause(site: RecordingSite) -> None:
    record(site, 10, {5: 3600})
    in_order(site)
    (gap,) = site.gaps()
    assert (gap.to_us - gap.from_us, gap.cause) == (3_600_000_000, "clock set forward")
    assert len(site.files()) == 2, "no segment has a hole inside it"


def test_a_camera_that_was_frozen_is_a_gap_with_its_cause(site: RecordingSite) -> None:
    """It says itself that no time has passed."""
    made = clip(25)
    site.write(made.config, *made.units, *later(made, 1)[:2])
    site.clock.advance(30)
    site.write(*later(made, 1, wall_s=30)[2:], *later(made, 2, wall_s=31))
    site.recorder.close()
    in_order(site)
    assert [gap.cause for gap in site.gaps()] == ["no pictures"]


@pytest.mark.parametrize(("back_s", "cause"), [(3600.0, []), (-5.0, ["restart"])])
def test_a_restart_with_another_date(tmp_path: Path, back_s: float, cause: list[str]) -> None:
    """A box without a battery begins in the past: its recordings go on from their end."""
    made = clip()
    first = RecordingSite(tmp_path)
    first.record(made.items())
    first.close()
    again = RecordingSite(tmp_path)
    again.record([made.config, *later(made, 2, wall_s=2 - back_s)])
    in_order(again)
    assert [gap.cause for gap in again.gaps()] == cause
    assert len(again.fragments()) == 4
    again.close()


@settings(max_examples=40, deadline=None)
@given(
    steps=st.dictionaries(
        st.integers(1, 11), st.floats(-1e6, 1e6) | st.floats(-3, 3), min_size=1, max_size=4
    )
)
def test_whatever_the_date_does_recordings_stay_in_order(
    tmp_path_factory: pytest.TempPathFactory, steps: dict[int, float]
) -> None:
    site = RecordingSite(tmp_path_factory.mktemp("steps"))
    record(site, 12, steps)
    in_order(site)
    assert sum(one.units for one in site.fragments()) == 12 * 25
    site.close()


class _Archive:
    """Rows and empty files, an hour each, of one camera; the clock stands after the last."""

    def __init__(self, folder: Path, days: float) -> None:
        self.folder = folder
        self.index = Index(folder / "index.db")
        self.clock = ManualClock(START_US / 1e6)
        (folder / CAMERA).mkdir()
        self.grow(days)

    def grow(self, days: float) -> None:
        for _ in range(int(days * 24)):
            self._segment(int(self.clock.now() * 1e6))
            self.clock.advance(3600)

    def _segment(self, start_us: int) -> None:
        path = f"{CAMERA}/{start_us}.mp4"
        (self.folder / path).touch()
        segment = Segment(0, CAMERA, path, start_us, 0, 0, 0, "avc1", 320, 180)
        end_us = start_us + 3_600_000_000
        fragment = Fragment(0, start_us, end_us, 0, 1000, 1, True, bytes(32))
        self.index.add([(segment, fragment)])

    def retention(self, *, days: float = 2, size_bytes: int = 10**9) -> Retention:
        return Retention(
            self.folder, self.index, self.clock, keep_s=days * DAY_S, keep_bytes=size_bytes
        )

    def hours(self) -> int:
        files = sorted(path.relative_to(self.folder) for path in self.folder.glob("*/*.mp4"))
        assert [path.as_posix() for path in files] == [s.path for s in self.index.segments()]
        return len(files)


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[_Archive]:
    made = _Archive(tmp_path, 3)
    yield made
    made.index.close()


def test_the_oldest_go_first_by_age_and_by_size(archive: _Archive) -> None:
    assert archive.retention().make_room() == 23
    assert archive.hours() == 49
    assert archive.retention(size_bytes=10_000).make_room() == 39
    assert archive.retention(days=0.0001, size_bytes=1).make_room() == 9
    assert archive.hours() == 1, "the newest is being written"
    begin_us = int(START_US)
    told = {one.why: (one.from_us, one.until_us) for one in archive.index.deletions()}
    assert told == {
        Why.RETENTION: (begin_us, begin_us + 71 * HOUR_US),
        Why.DISK_FULL: (begin_us + 23 * HOUR_US, begin_us + 62 * HOUR_US),
    }


def test_a_date_that_leaps_ahead_deletes_nothing_by_age(archive: _Archive) -> None:
    retention = archive.retention(days=3.5)
    archive.clock.step(archive.clock.now() + 9 * YEAR_S)
    assert retention.make_room() == 0
    archive.grow(0.5)  # what is recorded meanwhile does not vouch for the date yet
    assert retention.make_room() == 0
    archive.clock.step(archive.clock.now() - 9 * YEAR_S)
    assert retention.make_room() == 0
    assert archive.hours() == 72 + 12


def test_nor_does_a_process_that_starts_with_such_a_date(archive: _Archive) -> None:
    archive.clock.step(archive.clock.now() + 9 * YEAR_S)
    assert archive.retention().make_room() == 23, "counted from the newest recording"
    archive.grow(0.9)
    assert archive.retention().make_room() == 0


def test_a_leap_that_holds_for_a_day_is_believed(archive: _Archive) -> None:
    """A box that stood in a cupboard for a month."""
    archive.clock.step(archive.clock.now() + 30 * DAY_S)
    retention = archive.retention()
    archive.clock.advance(RETENTION_LEAP_S - 1)
    assert retention.make_room() == 23
    archive.clock.advance(1)
    assert retention.make_room() == 48
    assert archive.hours() == 1


def test_recordings_of_a_day_vouch_for_the_date(archive: _Archive) -> None:
    """A box that is switched off every night never runs for a day."""
    archive.clock.step(archive.clock.now() + 30 * DAY_S)
    archive.grow(1.1)
    assert archive.retention().make_room() == 72
    assert archive.hours() == 26


def test_a_date_in_the_past_deletes_nothing(archive: _Archive) -> None:
    archive.clock.step(0)
    assert archive.retention().make_room() == 0
    assert vouched_us(archive.index.segments(), 0) == 0


def test_a_folder_that_refuses_puts_retention_off(
    archive: _Archive, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refuse)
        assert archive.retention().make_room() == 0
    assert "put off" in caplog.text
    assert archive.hours() == 72
