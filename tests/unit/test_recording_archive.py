"""Reading recordings back: windows that join, exact times, and nothing outside of the spans."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serambi.media.access_unit import AccessUnit, VideoConfig
from serambi.media.wire import decode
from serambi.recording.archive import Archive, Read, Span, Wanted
from tests.clips import START_US, clip
from tests.fakes.recording_site import CAMERA, RecordingSite, later

SECOND_US = 1_000_000


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RecordingSite]:
    """Two seconds of H.264 and, after a hole of ten, two of H.265, a key frame each second."""
    made = RecordingSite(tmp_path_factory.mktemp("site"))
    first, second = clip(50), clip(50, codec="hevc")
    made.record([first.config, *first.units, None])
    made.record([second.config, *later(second, 12), None])
    yield made
    made.close()


@pytest.fixture
def archive(site: RecordingSite) -> Archive:
    return Archive(site.folder, site.index)


def span(begin_s: float, end_s: float) -> Span:
    return START_US + round(begin_s * SECOND_US), START_US + round(end_s * SECOND_US)


def units_of(read: Read) -> list[AccessUnit]:
    items = [decode(message) for message in read.messages]
    return [item for item in items if isinstance(item, AccessUnit)]


def pulled(archive: Archive, spans: tuple[Span, ...], size_bytes: int) -> list[AccessUnit]:
    at_us, found = spans[0][0], []
    while at_us:
        read = archive.window(CAMERA, Wanted(spans, at_us, "go", size_bytes))
        # A single picture may be larger; a configuration comes on top.
        assert read.size_bytes <= size_bytes + 400 or len(units_of(read)) == 1
        assert read.next_us == 0 or read.next_us > at_us
        assert not read.messages or isinstance(decode(read.messages[0]), VideoConfig)
        found += units_of(read)
        at_us = read.next_us
    return found


def test_pictures_come_back_byte_for_byte_whatever_the_window(archive: Archive) -> None:
    wanted = [unit.data for unit in (*clip(50).units, *clip(50, codec="hevc").units)]
    for size_bytes in (1, 3_000, 1 << 20):
        found = pulled(archive, (span(0, 60),), size_bytes)
        assert [unit.data for unit in found] == wanted
        times = [unit.wall_us - START_US for unit in found]
        assert times == [*range(0, 2_000_000, 40_000), *range(12_000_000, 14_000_000, 40_000)]
        assert [unit.dts for unit in found] == [t * 9 // 100 for t in times]


def test_a_change_of_format_is_said_before_its_first_picture(archive: Archive) -> None:
    read = archive.window(CAMERA, Wanted((span(0, 60),), START_US, "go", 1 << 20))
    items = [decode(message) for message in read.messages]
    configs = [
        (at, item.codec[:4]) for at, item in enumerate(items) if isinstance(item, VideoConfig)
    ]
    assert configs == [(0, "avc1"), (51, "hvc1")]


def test_a_seek_begins_with_the_key_frame_before(archive: Archive) -> None:
    at_us = START_US + 1_520_000
    seek = units_of(archive.window(CAMERA, Wanted((span(0, 60),), at_us, "seek", 1 << 20)))
    assert (seek[0].key, seek[0].wall_us) == (True, START_US + SECOND_US)
    assert at_us in {unit.wall_us for unit in seek}
    keys = units_of(archive.window(CAMERA, Wanted((span(0, 60),), START_US, "keys", 1 << 20)))
    assert [unit.wall_us - START_US for unit in keys] == [0, 1_000_000, 12_000_000, 13_000_000]
    assert all(unit.key for unit in keys)
    hole = units_of(archive.window(CAMERA, Wanted((span(0, 60),), START_US + 5_000_000, "seek", 1)))
    assert [unit.wall_us - START_US for unit in hole] == [12_000_000]


def test_a_seek_ends_soon_after_its_moment(archive: Archive) -> None:
    for at_us in (START_US, START_US + 1_519_999, START_US + 1_900_000):
        read = archive.window(CAMERA, Wanted((span(0, 60),), at_us, "seek", 1 << 20))
        seek = units_of(read)
        beyond = [unit for unit in seek if unit.wall_us > at_us]
        # Also over the hole: a decoder with threads gives a picture away when it has got others.
        assert len(beyond) == 8
        on = archive.window(CAMERA, Wanted((span(0, 60),), read.next_us, "go", 1))
        assert units_of(on)[0].wall_us == read.next_us > seek[-1].wall_us


def test_in_a_short_hole_the_picture_before_it_stands(tmp_path: Path) -> None:
    site = RecordingSite(tmp_path)
    film = clip(50)
    site.record([film.config, *film.units, *later(film, 2.5), None])
    archive = Archive(site.folder, site.index)
    at_us = START_US + 2_300_000
    seek = units_of(archive.window(CAMERA, Wanted((span(0, 60),), at_us, "seek", 1 << 20)))
    assert seek[0].wall_us == START_US + SECOND_US
    # Not where the hole is the end of what may be seen.
    part = units_of(archive.window(CAMERA, Wanted((span(2.1, 60),), at_us, "seek", 1 << 20)))
    assert part[0].wall_us == START_US + 2_500_000
    site.close()


def test_a_key_frame_that_is_shown_later_brings_the_group_before_along(tmp_path: Path) -> None:
    site = RecordingSite(tmp_path)
    film = clip(50, b_frames=2)
    site.record([film.config, *film.units, None])
    archive = Archive(site.folder, site.index)
    key = next(unit for unit in film.units[1:] if unit.key)
    delay_us = (key.pts - key.dts) * 100 // 9
    assert delay_us > 0, "this film has no B pictures"
    for at_us, begins in ((key.wall_us + delay_us - 1, 0), (key.wall_us + delay_us, 1)):
        read = archive.window(CAMERA, Wanted((span(0, 60),), at_us, "seek", 1 << 20))
        assert units_of(read)[0].wall_us == START_US + begins * SECOND_US
    site.close()


@settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.integers(0, 150), min_size=2, max_size=6, unique=True), st.integers(500, 20_000))
def test_nothing_outside_of_the_spans_is_given(
    archive: Archive, ends: list[int], size_bytes: int
) -> None:
    ends.sort()
    pairs = list(zip(ends[::2], ends[1::2], strict=False))
    spans = tuple(span(a / 10, b / 10) for a, b in pairs)
    found = pulled(archive, spans, size_bytes)
    times = [unit.wall_us for unit in found]
    assert times == sorted(set(times))
    for at_us in times:
        inside = [one for one in spans if one[0] <= at_us < one[1]]
        assert inside, "outside of every span"
        # Its key frame is in the same span: nothing of before it is needed.
        second = (at_us - START_US) // SECOND_US * SECOND_US + START_US
        assert second >= inside[0][0]


def test_what_was_deleted_or_spoilt_is_passed_over(tmp_path: Path) -> None:
    site = RecordingSite(tmp_path)
    film = clip(50)
    site.record([film.config, *film.units, None])
    site.record([film.config, *later(film, 12), None])
    archive = Archive(site.folder, site.index)
    first, second = site.files()
    first.unlink()
    assert len(pulled(archive, (span(0, 60),), 1 << 20)) == 50
    whole = second.read_bytes()
    (_, fragment) = site.index.within(CAMERA, START_US + 12_000_000, START_US + 60_000_000, 1)[0]
    second.write_bytes(whole[: fragment.offset] + b"\0" * 8 + whole[fragment.offset + 8 :])
    assert len(pulled(archive, (span(0, 60),), 1 << 20)) == 25
    second.write_bytes(b"\0" * len(whole))
    assert pulled(archive, (span(0, 60),), 1 << 20) == []
    site.close()


def test_what_there_is_and_why_not(archive: Archive) -> None:
    there, gaps = archive.listed(CAMERA, span(0, 60))
    assert there == [span(0, 2), span(12, 14)]
    assert [(gap.from_us, gap.to_us, gap.cause) for gap in gaps] == [
        (*span(2, 12), "camera not connected")
    ]
    # From the first key frame on, and no further than was asked.
    assert archive.listed(CAMERA, span(0.5, 12.5))[0] == [span(1, 2), span(12, 12.5)]
    assert archive.listed("cam-2", span(0, 60)) == ([], [])
