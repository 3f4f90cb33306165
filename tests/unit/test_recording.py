"""What is recorded plays, is indexed, and survives what disks and cameras do."""

import contextlib
import errno
import hashlib
import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import RECORDING_LOSS_MAX_S
from serambi.recording import syncer
from serambi.recording.index import Gap, Index, Row
from tests.clips import START_US, clip, decoded
from tests.fakes.recording_site import CAMERA, RecordingSite, later


@pytest.fixture
def site(tmp_path: Path) -> Iterator[RecordingSite]:
    made = RecordingSite(tmp_path)
    yield made
    made.close()


def test_a_recording_plays_and_is_indexed(site: RecordingSite) -> None:
    made = clip()
    site.record(made.items())
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


def test_a_group_is_on_the_disk_as_soon_as_the_next_begins(site: RecordingSite) -> None:
    made = clip()
    site.write(*made.items()[:27])
    assert len(decoded(site.files()[0].read_bytes())) == 25


def test_nothing_is_recorded_before_a_key_frame(site: RecordingSite) -> None:
    made = clip()
    site.record(made.items()[:1] + made.items()[2:26])
    assert site.files() == []


def test_a_new_segment_begins_every_minute_and_at_a_new_configuration(site: RecordingSite) -> None:
    made = clip()
    site.write(made.config, *(unit for at in range(0, 64, 2) for unit in later(made, at)))
    other = clip(width=160, height=96)
    site.record([other.config, *later(other, 64)])
    assert [s.width for s in site.index.segments(CAMERA)] == [320, 320, 160]
    assert site.index.gaps(CAMERA) == []
    for path in site.files():
        assert decoded(path.read_bytes())[0][0] == 0.0


def test_a_lost_camera_leaves_a_gap_with_its_cause(site: RecordingSite) -> None:
    made = clip()
    site.record([made.config, *made.units, None, made.config, *later(made, 30)])
    assert site.index.gaps(CAMERA) == [
        Gap(CAMERA, START_US + 2_000_000, START_US + 30_000_000, "camera not connected")
    ]
    assert len(site.files()) == 2


def test_a_restart_leaves_a_gap_with_its_cause(tmp_path: Path) -> None:
    made = clip()
    for at in (0, 10):
        again = RecordingSite(tmp_path)
        again.record([made.config, *later(made, at)])
        gaps = again.gaps()
        again.close()
    assert [(gap.to_us - gap.from_us, gap.cause) for gap in gaps] == [(8_000_000, "restart")]


def test_a_full_disk_is_said_and_the_next_group_tries_again(
    site: RecordingSite, monkeypatch: pytest.MonkeyPatch
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
    failures = site.write(*made.items())
    site.recorder.close()
    assert len(failures) == 1
    assert "No space left" in failures[0]
    assert "free space" in failures[0]
    assert [len(decoded(path.read_bytes())) for path in site.files()] == [25, 50]
    assert [gap.cause for gap in site.gaps()] == ["disk"]
    assert site.recorder.trouble == ""


def test_a_partial_write_is_continued(site: RecordingSite, monkeypatch: pytest.MonkeyPatch) -> None:
    made = clip()
    monkeypatch.setattr(os, "writev", lambda fd, parts: os.write(fd, b"".join(parts)[:777]))
    site.record(made.items())
    assert len(decoded(site.files()[0].read_bytes())) == 50


def test_an_index_that_cannot_be_written_is_said_and_costs_no_picture(
    site: RecordingSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(rows: list[Row]) -> None:
        raise SerambiError(Kind.UNAVAILABLE, "the index cannot be used: disk is full")

    made = clip(75)
    site.write(*made.items()[:30])
    with monkeypatch.context() as patch:
        patch.setattr(site.index, "add", full)
        site.syncer.sync()
        assert "disk is full" in site.syncer.trouble
        assert site.index.segments() == []
    site.record(made.units[29:])
    assert site.syncer.trouble == ""
    assert len(site.fragments()) == 3


@pytest.mark.parametrize(
    ("number", "words"), [(errno.EIO, "Input/output error"), (errno.EROFS, "Read-only")]
)
def test_one_camera_whose_file_fails_is_said_and_the_others_go_on(
    site: RecordingSite, monkeypatch: pytest.MonkeyPatch, number: int, words: str
) -> None:
    """The sync fails for one file: what it held is not in the index, and is marked as missing."""
    made = clip(100)
    other = site.another("cam-2")
    for item in made.items()[:60]:
        site.recorder.write(item)
        other.write(item)
    sync, file = os.fdatasync, site.recorder._file
    assert file is not None

    def failing(descriptor: int) -> None:
        if descriptor == file.descriptor:
            raise OSError(number, os.strerror(number))
        sync(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", failing)
        site.syncer.sync()
    complaints = site.write(*made.units[59:])
    assert [words in complaint for complaint in complaints] == [True]
    for unit in made.units[59:]:
        other.write(unit)
    assert other.trouble == ""
    other.close()
    site.recorder.close()
    assert [one.start_us - START_US for one in site.fragments()] == [3_000_000]
    assert site.gaps() == [Gap(CAMERA, START_US, START_US + 3_000_000, "disk")]
    (segment,) = site.index.segments("cam-2")
    assert len(site.index.fragments(segment.id)) == 4


def test_a_sync_that_fails_is_a_gap_from_what_was_durable(
    site: RecordingSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = clip(125)
    site.write(*made.items()[:30])
    site.syncer.sync()
    site.write(*made.units[29:60])
    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", lambda _: (_ for _ in ()).throw(OSError(errno.EIO, "EIO")))
        site.syncer.sync()
    assert len(site.write(*made.units[59:])) == 1
    site.recorder.close()
    assert site.gaps() == [Gap(CAMERA, START_US + 1_000_000, START_US + 3_000_000, "disk")]
    assert [one.start_us - START_US for one in site.fragments()] == [0, 3_000_000, 4_000_000]


def test_a_folder_that_is_removed_is_made_again(site: RecordingSite) -> None:
    made = clip(100)
    site.write(*made.items()[:30])
    shutil.rmtree(site.folder / CAMERA)
    site.syncer.sync()
    (complaint,) = site.write(*made.units[29:])
    assert "removed while it was being written" in complaint
    site.recorder.close()
    assert len(decoded(site.files()[-1].read_bytes())) == 50


def test_nothing_waits_without_bound_for_a_disk_that_hangs(
    site: RecordingSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(syncer, "RECORDING_ROWS_WAITING", 2)
    made = clip(100)
    (complaint,) = site.write(*made.items())
    assert "does not keep up" in complaint
    site.syncer.sync()
    assert [len(decoded(path.read_bytes())) for path in site.files()] == [50]


def test_a_pass_that_takes_too_long_is_said(site: RecordingSite) -> None:
    site.clock.advance(RECORDING_LOSS_MAX_S + 2)
    assert "a power cut now would cost 7 s" in site.syncer.trouble
    site.syncer.sync()
    assert site.syncer.trouble == ""


def test_an_index_on_a_full_disk_is_opened_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object, **more: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(sqlite3, "connect", refuse)
        site = RecordingSite(tmp_path)
        assert not site.syncer.ready
        assert "disk is full" in site.syncer.trouble
        (complaint, *_) = site.write(*clip().items())
        assert "disk is full" in complaint
    assert site.syncer.prepare()
    site.record(clip().items())
    assert len(site.fragments()) == 3, "the group that was being gathered, and two more"
    site.close()


def test_an_index_of_a_newer_format_is_refused(tmp_path: Path) -> None:
    index = Index(tmp_path / "index.db")
    index.close()
    with contextlib.closing(sqlite3.connect(tmp_path / "index.db")) as changed:
        changed.execute("UPDATE meta SET format = 2")
        changed.commit()
    with pytest.raises(SerambiError, match="format 2"):
        Index(tmp_path / "index.db")


def test_an_index_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "index.db").write_bytes(b"not a database" * 100)
    with pytest.raises(SerambiError, match="built again from the recordings"):
        Index(tmp_path / "index.db")
