"""What is recorded plays, is indexed, and survives what disks and cameras do."""

import errno
import hashlib
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from serambi.base.clock import ManualClock
from serambi.base.errors import SerambiError
from serambi.media.access_unit import AccessUnit
from serambi.recording.fsck import Repaired, check_recordings
from serambi.recording.index import Fragment, Gap, Index
from serambi.recording.recorder import Recorder
from serambi.recording.retention import make_room
from tests.clips import START_US, Clip, clip, decoded

CAMERA = "cam-1"


def later(made: Clip, duration_s: float) -> list[AccessUnit]:
    """The clip again, as if it came that much later."""
    return [
        AccessUnit(
            unit.pts + round(duration_s * 90_000),
            unit.dts + round(duration_s * 90_000),
            unit.key,
            unit.wall_us + round(duration_s * 1e6),
            unit.data,
        )
        for unit in made.units
    ]


class _Site:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.index = Index(folder / "index.db")
        self.recorder = Recorder(folder, CAMERA, self.index, ManualClock(0.0))

    def files(self) -> list[Path]:
        return [self.folder / segment.path for segment in self.index.segments(CAMERA)]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[_Site]:
    made = _Site(tmp_path)
    yield made
    made.recorder.close()
    made.index.close()


def test_a_recording_plays_and_is_indexed(site: _Site) -> None:
    made = clip()
    for item in made.items():
        site.recorder.write(item)
    site.recorder.close()
    (path,) = site.files()
    content = path.read_bytes()
    assert [round(at * 25) for at, _ in decoded(content)] == list(range(50))
    (segment,) = site.index.segments(CAMERA)
    first, second = site.index.fragments(segment.id)
    assert (first.units, first.key, first.start_us) == (25, True, START_US)
    assert first.end_us == second.start_us == START_US + 1_000_000
    for fragment in (first, second):
        raw = content[fragment.offset : fragment.offset + fragment.size_bytes]
        assert hashlib.sha256(raw).digest() == fragment.sha256
    assert segment.size_bytes == len(content)
    assert site.index.end_of(CAMERA) == START_US + 2_000_000


def test_a_group_is_on_the_disk_as_soon_as_the_next_begins(site: _Site) -> None:
    made = clip()
    for item in made.items()[:27]:
        site.recorder.write(item)
    assert len(decoded(site.files()[0].read_bytes())) == 25


def test_nothing_is_recorded_before_a_key_frame(site: _Site) -> None:
    made = clip()
    for item in made.items()[:1] + made.items()[2:26]:
        site.recorder.write(item)
    site.recorder.close()
    assert site.files() == []


def test_a_new_segment_begins_every_minute_and_at_a_new_configuration(site: _Site) -> None:
    made = clip()
    site.recorder.write(made.config)
    for at in (0, 30, 62):
        for unit in later(made, at):
            site.recorder.write(unit)
    site.recorder.write(clip(width=160, height=96).config)
    for unit in later(clip(width=160, height=96), 70):
        site.recorder.write(unit)
    site.recorder.close()
    assert [s.width for s in site.index.segments(CAMERA)] == [320, 320, 160]
    assert site.index.gaps(CAMERA) == []
    for path in site.files():
        assert decoded(path.read_bytes())[0][0] == 0.0


def test_a_lost_camera_leaves_a_gap_with_its_cause(site: _Site) -> None:
    made = clip()
    for item in (made.config, *made.units, None, made.config, *later(made, 30)):
        site.recorder.write(item)
    site.recorder.close()
    assert site.index.gaps(CAMERA) == [
        Gap(CAMERA, START_US + 2_000_000, START_US + 30_000_000, "camera not connected")
    ]
    assert len(site.files()) == 2


def test_a_restart_leaves_a_gap_with_its_cause(tmp_path: Path) -> None:
    made = clip()
    for at in (0, 10):
        again = _Site(tmp_path)
        again.recorder.write(made.config)
        for item in later(made, at):
            again.recorder.write(item)
        again.recorder.close()
        gaps = again.index.gaps(CAMERA)
        again.index.close()
    assert [(gap.to_us - gap.from_us, gap.cause) for gap in gaps] == [(8_000_000, "restart")]


def test_a_full_disk_is_said_and_the_next_group_tries_again(
    site: _Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = clip(100)
    write = os.writev
    room = [2]

    def small(descriptor: int, parts: list[bytes]) -> int:
        room[0] -= 1
        if room[0] == -1:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, parts)

    monkeypatch.setattr(os, "writev", small)
    failures = []
    for item in made.items():
        try:
            site.recorder.write(item)
        except SerambiError as error:
            failures.append(str(error))
    site.recorder.close()
    assert len(failures) == 1
    assert "No space left" in failures[0]
    assert "free space" in failures[0]
    assert [len(decoded(path.read_bytes())) for path in site.files()] == [25, 50]
    assert [gap.cause for gap in site.index.gaps(CAMERA)] == ["disk"]
    assert site.recorder.trouble == ""


def test_a_partial_write_is_continued(site: _Site, monkeypatch: pytest.MonkeyPatch) -> None:
    made = clip()
    monkeypatch.setattr(os, "writev", lambda fd, parts: os.write(fd, b"".join(parts)[:777]))
    for item in made.items():
        site.recorder.write(item)
    site.recorder.close()
    assert len(decoded(site.files()[0].read_bytes())) == 50


def _record(site: _Site) -> Path:
    made = clip()
    for item in made.items():
        site.recorder.write(item)
    site.recorder.close()
    return site.files()[0]


def test_fsck_leaves_a_whole_recording_alone(site: _Site) -> None:
    content = _record(site).read_bytes()
    assert check_recordings(site.folder, site.index) == Repaired()
    assert site.files()[0].read_bytes() == content


@pytest.mark.parametrize("keep", [1, 7, 100, 900])
def test_fsck_cuts_a_half_written_fragment(site: _Site, keep: int) -> None:
    path = _record(site)
    (segment,) = site.index.segments()
    first, second = site.index.fragments(segment.id)
    os.truncate(path, second.offset + keep)
    repaired = check_recordings(site.folder, site.index)
    assert (repaired.dropped, repaired.cut_bytes) == (1, keep)
    assert len(decoded(path.read_bytes())) == 25
    assert site.index.fragments(segment.id) == [first]


def test_fsck_adds_a_whole_fragment_that_the_index_lacks(site: _Site) -> None:
    _record(site)
    (segment,) = site.index.segments()
    whole = site.index.fragments(segment.id)
    site.index.remove_fragments(segment.id, 1)
    assert check_recordings(site.folder, site.index).added == 1
    assert site.index.fragments(segment.id) == whole


def test_fsck_puts_files_without_a_row_back_into_the_index(site: _Site) -> None:
    path = _record(site)
    (segment,) = site.index.segments()
    fragments = site.index.fragments(segment.id)
    site.index.remove_segments([segment.id])
    stranger = path.with_name("1234.mp4")
    stranger.write_bytes(b"no recording of ours")
    repaired = check_recordings(site.folder, site.index)
    assert (repaired.found_files, repaired.added) == (1, 2)
    (again,) = site.index.segments()
    assert again == replace(segment, id=again.id)
    assert site.index.fragments(again.id) == fragments
    assert stranger.exists()
    assert check_recordings(site.folder, site.index) == Repaired()


def test_fsck_knows_h265_recordings_and_leaves_strange_records_alone(site: _Site) -> None:
    made = clip(20, gop=10, codec="hevc")
    for item in made.items():
        site.recorder.write(item)
    site.recorder.close()
    (segment,) = site.index.segments()
    path = site.folder / segment.path
    site.index.remove_segments([segment.id])
    whole = path.read_bytes()
    at = whole.index(b"hvcC") + 4
    path.write_bytes(whole[:at] + b"\7" + whole[at + 1 :])
    assert check_recordings(site.folder, site.index) == Repaired()
    path.write_bytes(whole)
    assert check_recordings(site.folder, site.index).found_files == 1
    (again,) = site.index.segments()
    assert again == replace(segment, id=again.id)
    assert (again.codec, again.width) == (made.config.codec, 320)
    assert len(decoded(path.read_bytes())) == 20


def test_an_index_that_cannot_be_written_is_a_disk_that_refuses(
    site: _Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = clip(75)

    def full(segment: int, fragment: Fragment) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    site.recorder.write(made.config)
    for unit in made.units[:25]:
        site.recorder.write(unit)
    with monkeypatch.context() as patch:
        patch.setattr(site.index, "add_fragment", full)
        with pytest.raises(SerambiError, match="disk is full"):
            site.recorder.write(made.units[25])
        assert site.recorder.trouble
    for unit in made.units[26:]:
        site.recorder.write(unit)
    site.recorder.close()
    assert site.recorder.trouble == ""
    (path,) = [f for f in site.files() if f.stat().st_size > 2000]
    assert len(decoded(path.read_bytes())) == 50


def test_a_date_set_back_does_not_make_an_endless_segment(site: _Site) -> None:
    made = clip()
    site.recorder.write(made.config)
    for at in (0, 30, 62):
        for unit in later(made, at):
            site.recorder.write(replace(unit, wall_us=unit.wall_us - at * 3_600_000_000))
    site.recorder.close()
    assert len(site.files()) == 2


def test_fsck_drops_what_is_gone_and_what_never_began(site: _Site) -> None:
    path = _record(site)
    (segment,) = site.index.segments()
    os.truncate(path, segment.init_bytes)
    check_recordings(site.folder, site.index)
    assert site.files() == []
    assert not path.exists()
    (site.folder / "other").mkdir()
    other = _Site(site.folder / "other")
    _record(other).unlink()
    assert check_recordings(other.folder, other.index).lost_files == 1
    assert other.files() == []
    other.index.close()


def test_retention_removes_the_oldest_first_and_spares_what_is_being_written(site: _Site) -> None:
    made = clip()
    site.recorder.write(made.config)
    for at in range(0, 301, 61):
        for unit in later(made, at):
            site.recorder.write(unit)
    site.recorder.close()
    assert len(site.files()) == 5
    now = START_US / 1e6 + 302
    assert make_room(site.folder, site.index, now=now, keep_s=200, keep_bytes=10**9) == 2
    sizes = [segment.size_bytes for segment in site.index.segments()]
    assert make_room(site.folder, site.index, now=now, keep_s=200, keep_bytes=sizes[0] + 1) == 2
    assert len(site.files()) == 1
    assert make_room(site.folder, site.index, now=now + 10**6, keep_s=1, keep_bytes=0) == 0


def test_an_index_of_a_newer_format_is_refused(tmp_path: Path) -> None:
    index = Index(tmp_path / "index.db")
    index._db.execute("UPDATE meta SET format = 2")
    index.close()
    with pytest.raises(SerambiError, match="format 2"):
        Index(tmp_path / "index.db")


def test_an_index_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "index.db").write_bytes(b"not a database" * 100)
    with pytest.raises(SerambiError, match="built again from the recordings"):
        Index(tmp_path / "index.db")
