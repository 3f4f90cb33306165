"""After an abrupt end, index and files agree again, and nothing that is whole is lost."""

import contextlib
import os
import sqlite3
import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from serambi.recording.fsck import Repaired, check_recordings
from serambi.recording.index import Index, Why
from tests.clips import clip, decoded
from tests.fakes.recording_site import RecordingSite


@pytest.fixture
def site(tmp_path: Path) -> Iterator[RecordingSite]:
    made = RecordingSite(tmp_path)
    yield made
    made.close()


def _record(site: RecordingSite) -> Path:
    site.record(clip().items())
    return site.files()[0]


def test_a_whole_recording_is_left_alone(site: RecordingSite) -> None:
    content = _record(site).read_bytes()
    assert check_recordings(site.folder, site.index) == Repaired()
    assert site.files()[0].read_bytes() == content


@pytest.mark.parametrize("keep", [1, 7, 100, 900])
def test_a_half_written_fragment_is_cut(site: RecordingSite, keep: int) -> None:
    path = _record(site)
    (segment,) = site.index.segments()
    first, second = site.index.fragments(segment.id)
    os.truncate(path, second.offset + keep)
    repaired = check_recordings(site.folder, site.index)
    assert (repaired.dropped, repaired.cut_bytes) == (1, keep)
    assert len(decoded(path.read_bytes())) == 25
    assert site.index.fragments(segment.id) == [first]


@pytest.mark.parametrize("indexed", [True, False])
@pytest.mark.parametrize("at_fraction", [0.3, 0.99])
def test_a_fragment_whose_bytes_became_zeros_is_cut_though_its_size_is_right(
    site: RecordingSite, indexed: bool, at_fraction: float
) -> None:
    """Some file systems bring a file back in its full length, with zeros where bytes were lost:
    by its hash when the index has it, else by its NAL units."""
    path = _record(site)
    (segment,) = site.index.segments()
    first, second = site.index.fragments(segment.id)
    # From the last sample's length on: what lies inside one NAL unit only a hash can tell.
    content = bytearray(path.read_bytes())
    at = second.offset + int(second.size_bytes * at_fraction)
    if not indexed:
        site.index.remove_fragments(segment.id, 1)
        at = second.offset + content[second.offset :].index(b"mdat") + 4
    content[at:] = bytes(len(content) - at)
    path.write_bytes(content)
    check_recordings(site.folder, site.index)
    assert path.stat().st_size == second.offset
    assert site.index.fragments(segment.id) == [first]


def test_a_whole_fragment_that_the_index_lacks_is_added(site: RecordingSite) -> None:
    _record(site)
    (segment,) = site.index.segments()
    whole = site.index.fragments(segment.id)
    site.index.remove_fragments(segment.id, 1)
    assert check_recordings(site.folder, site.index).added == 1
    assert site.index.fragments(segment.id) == whole


def test_what_the_index_lacks_goes_on_from_its_rows(site: RecordingSite) -> None:
    """A date that was set back is caught up with slowly: the rows lag behind the file's times. By
    these alone there was a hole that nothing marked."""
    _record(site)
    (segment,) = site.index.segments()
    first, second = site.index.fragments(segment.id)
    behind = replace(first, end_us=first.end_us - 300_000)
    site.index.remove_fragments(segment.id, 0)
    site.index.add([(segment, behind)])
    check_recordings(site.folder, site.index)
    known, added = site.index.fragments(segment.id)
    assert (known, added.start_us) == (behind, second.start_us - 300_000)
    assert added.end_us - added.start_us == second.end_us - second.start_us


def test_a_fragment_is_never_put_before_the_one_it_follows(site: RecordingSite) -> None:
    """The known one ends later than its file's times say: pictures came late."""
    _record(site)
    (segment,) = site.index.segments()
    first, second = site.index.fragments(segment.id)
    late = replace(first, end_us=first.end_us + 700_000)
    site.index.remove_fragments(segment.id, 1)
    site.index.add([(segment, late)])
    check_recordings(site.folder, site.index)
    known, added = site.index.fragments(segment.id)
    assert (known, added.start_us) == (late, late.end_us)
    assert added.end_us - added.start_us == second.end_us - second.start_us


def test_files_without_a_row_are_put_back_into_the_index(site: RecordingSite) -> None:
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


def test_h265_recordings_are_known_and_strange_records_left_alone(site: RecordingSite) -> None:
    made = clip(20, gop=10, codec="hevc")
    site.record(made.items())
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


@pytest.mark.parametrize("left", [0, 4096, 2, 10, 40])
def test_what_a_power_cut_leaves_of_a_new_file_is_removed(site: RecordingSite, left: int) -> None:
    path = _record(site)
    begun = path.with_name("1234.mp4")
    begun.write_bytes(path.read_bytes()[:left] if left < 4096 else bytes(left))
    check_recordings(site.folder, site.index)
    assert not begun.exists()
    assert path.exists()


def test_what_is_gone_and_what_never_began_is_dropped(site: RecordingSite) -> None:
    path = _record(site)
    (segment,) = site.index.segments()
    os.truncate(path, segment.init_bytes)
    check_recordings(site.folder, site.index)
    assert site.files() == []
    assert not path.exists()
    other_folder = site.folder / "other"
    other_folder.mkdir()
    other = RecordingSite(other_folder)
    _record(other).unlink()
    assert check_recordings(other.folder, other.index).lost_files == 1
    assert other.files() == []
    assert [one.why for one in other.index.deletions()] == [Why.MISSING]
    assert site.index.deletions() == [], "what held no picture was none"
    other.close()


def test_an_index_of_before_there_were_deletions_is_read(site: RecordingSite) -> None:
    _record(site)
    site.close()
    with contextlib.closing(sqlite3.connect(site.folder / "index.db")) as before:
        before.execute("DROP TABLE deletions")
    index = Index(site.folder / "index.db")
    index.delete_segments(index.segments(), Why.RETENTION)
    assert [one.why for one in index.deletions()] == [Why.RETENTION]
    index.close()


@pytest.mark.parametrize("field", ["size", "type"])
def test_a_box_that_lies_about_itself_ends_the_file_there(site: RecordingSite, field: str) -> None:
    path = _record(site)
    (segment,) = site.index.segments()
    second = site.index.fragments(segment.id)[1]
    content = bytearray(path.read_bytes())
    if field == "size":
        content[second.offset : second.offset + 4] = struct.pack(">I", 2**31)
    else:
        content[second.offset + 4 : second.offset + 8] = b"free"
    path.write_bytes(content)
    assert check_recordings(site.folder, site.index).dropped == 1
    assert len(decoded(path.read_bytes())) == 25
