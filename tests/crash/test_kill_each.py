"""Each process of a running town is killed in turn: it comes back, views can be opened again, and
recordings and ledgers tell of it without loss.

What becomes of a view that was open: it goes on by itself when the cameras or the courier were
killed; it has to be opened again when the keeper (reason `closed`) or the center was.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import select

from serambi.center.database import open_database, site_entries
from serambi.fabric.messages import epoch_of
from serambi.ledger.entry import encode_entry
from serambi.ledger.verify import verify
from serambi.recording.index import Index, Segment
from serambi.recording.recorder import GAP_MIN_US
from tests.clips import decoded
from tests.crash.killing import COURIER, KEEPER, MARGIN_S, Aftermath, entries_of
from tests.crash.small_town import GOP_S, SHUT, TALL


@pytest.mark.parametrize(
    ("process", "view"),
    [("cameras", "went on"), (COURIER, "went on"), (KEEPER, "closed"), ("center", "cut off")],
)
def test_a_killed_process_comes_back_and_so_do_the_pictures(
    aftermath: Aftermath, process: str, view: str
) -> None:
    assert aftermath.incidents[process].view == view
    assert aftermath.town.children[process].starts == 2
    assert aftermath.town.children[f"{SHUT}-courier"].starts == 1


def test_a_keeper_whose_cameras_hang_ends_when_told(aftermath: Aftermath) -> None:
    assert aftermath.hanging_end == 0


@pytest.fixture
def index(aftermath: Aftermath) -> Iterator[Index]:
    opened = Index(aftermath.keeper / "index.db")
    try:
        yield opened
    finally:
        opened.close()


def _recorded(aftermath: Aftermath, index: Index) -> Iterator[tuple[str, list[Segment]]]:
    cameras = [c.id for s in aftermath.town.layout.town.site if s.id == TALL for c in s.camera]
    for camera in cameras:
        yield camera, index.segments(camera)


def test_every_recorded_file_decodes_whole_and_in_order(aftermath: Aftermath, index: Index) -> None:
    folder = aftermath.keeper / "recordings"
    for camera, segments in _recorded(aftermath, index):
        assert len(segments) >= 3, camera
        for segment in segments:
            raw = (folder / segment.path).read_bytes()
            fragments = index.fragments(segment.id)
            assert len(raw) == segment.size_bytes
            for one in fragments:
                part = raw[one.offset : one.offset + one.size_bytes]
                assert hashlib.sha256(part).digest() == one.sha256
            times = [at for at, _ in decoded(raw)]
            assert len(times) == sum(one.units for one in fragments)
            assert all(a < b for a, b in pairwise(times))
            assert all(a.start_us < a.end_us for a in fragments)
            assert all(a.start_us < b.start_us for a, b in pairwise(fragments))
        assert all(a.end_us <= b.start_us for a, b in pairwise(segments))
    on_disk = {path.relative_to(folder).as_posix() for path in folder.glob("*/*")}
    assert on_disk == {segment.path for segment in index.segments()}


def test_every_hole_is_a_gap_with_its_cause_and_no_longer_than_the_outage(
    aftermath: Aftermath, index: Index
) -> None:
    for camera, segments in _recorded(aftermath, index):
        gaps = index.gaps(camera)
        holes = [(a.end_us, b.start_us) for a, b in pairwise(segments)]
        long = [(a, b) for a, b in holes if b - a >= GAP_MIN_US]
        assert [(gap.from_us, gap.to_us) for gap in gaps] == long
        for process, cause in (("cameras", "camera not connected"), (KEEPER, "restart")):
            incident = aftermath.incidents[process]
            (gap,) = [
                g for g in gaps if g.from_us < (incident.killed + MARGIN_S) * 1e6 < g.to_us
            ] or [g for g in gaps if g.cause == cause]
            assert gap.cause == cause
            outage_s = incident.recording_again - incident.killed
            assert (gap.to_us - gap.from_us) / 1e6 <= outage_s + GOP_S + MARGIN_S
        # Nobody else's death costs a recording.
        assert len(gaps) == 2


def test_the_ledgers_are_whole_and_name_each_view_once(aftermath: Aftermath) -> None:
    layout = aftermath.town.layout
    for folder in (aftermath.keeper, layout.center):
        report = verify(folder / "ledger", layout.roster)
        assert report.ok, report.why
        entries = entries_of(folder / "ledger")
        assert sum(entry.kind == "started" for entry in entries) == 2
        opened = Counter(e.session for e in entries if e.kind == "session_opened")
        closed = Counter(e.session for e in entries if e.kind == "session_closed")
        assert set(opened.values()) == {1}
        assert set(closed.values()) == {1}
        assert opened.keys() >= set(aftermath.sessions)
        assert closed.keys() <= opened.keys()


def test_the_center_holds_the_keepers_ledger_entry_by_entry_once(aftermath: Aftermath) -> None:
    engine = open_database(aftermath.town.layout.center / "center.db")
    try:
        with engine.connect() as connection:
            rows = connection.execute(select(site_entries).order_by(site_entries.c.id)).all()
    finally:
        engine.dispose()
    entries = entries_of(aftermath.keeper / "ledger")
    assert len(rows) >= sum(entry.kind == "session_closed" for entry in entries)
    assert {(row.site, row.epoch) for row in rows} == {(TALL, epoch_of(entries[0]))}
    kept = [(row.seq, row.leaf) for row in rows]
    assert kept == [(seq, encode_entry(e)) for seq, e in enumerate(entries)][: len(rows)]


def test_no_entry_that_was_written_before_a_kill_is_lost(aftermath: Aftermath) -> None:
    now = entries_of(aftermath.keeper / "ledger")
    for incident in aftermath.incidents.values():
        assert now[: len(incident.entries)] == incident.entries


def test_views_that_a_death_left_open_are_closed_as_restarted(aftermath: Aftermath) -> None:
    def why(folder: Path, process: str) -> list[str]:
        session = aftermath.incidents[process].session
        return [
            e.reason
            for e in entries_of(folder / "ledger")
            if e.kind == "session_closed" and e.session == session
        ]

    assert why(aftermath.keeper, KEEPER) == ["restarted"]
    assert why(aftermath.town.layout.center, "center") == ["center_restarted"]
