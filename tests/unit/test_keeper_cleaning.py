"""Deletion is an entry: one a camera and reason, named as agreements name it, lost by nothing."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from serambi.base.clock import ManualClock
from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import DELETIONS_TOLD_EVERY_S
from serambi.keeper.keeper import Keeper
from serambi.ledger.deleted import span_text
from serambi.ledger.entry import Entry
from serambi.recording.index import Deletion, Fragment, Index, Segment, Why
from tests.builders import NOW
from tests.fakes.keeper_site import INSIDE, PRIVATE, Site, fill_disk, ledger_of

DAY_S = 86_400
OLD_US = int((NOW - 90 * DAY_S) * 1e6)
MINUTE_US = 60_000_000


def grow(folder: Path, index: Index, camera: str, minutes: int, begin_us: int = OLD_US) -> None:
    """Segments of a minute, a byte each; the newest is being written and stays."""
    (folder / camera).mkdir(parents=True, exist_ok=True)
    for start_us in range(begin_us, begin_us + minutes * MINUTE_US, MINUTE_US):
        path = f"{camera}/{start_us}.mp4"
        (folder / path).touch()
        segment = Segment(0, camera, path, start_us, 0, 0, 0, "avc1", 64, 48)
        end_us = start_us + MINUTE_US
        index.add([(segment, Fragment(0, start_us, end_us, 0, 1, 1, True, bytes(32)))])


def told(keeper: Keeper) -> list[Entry]:
    return [entry for entry in ledger_of(keeper) if entry.kind == "deleted"]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
async def keeper(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Keeper]:
    """Not running: the test calls for each pass. The date has held for long enough."""
    site = Site(tmp_path / "keeper")
    site.put_documents()
    keeper = site.keeper(clock)
    clock.advance(2 * DAY_S)
    yield keeper
    keeper.close()


def grow_at(keeper: Keeper, camera: str, minutes: int, begin_us: int = OLD_US) -> None:
    grow(keeper.watch.recordings, keeper.watch.index, camera, minutes, begin_us)


async def test_what_was_deleted_becomes_an_entry_a_camera_and_reason(
    keeper: Keeper, clock: ManualClock
) -> None:
    grow_at(keeper, "cam-1", 61)
    await keeper.cleaning.make_room()
    assert len(keeper.watch.index.segments()) == 1
    (entry,) = told(keeper)
    assert (entry.camera, entry.agreement, entry.reason) == ("cam-1", "2026-03", "retention")
    begin_ms = OLD_US // 1000
    assert entry.detail == span_text(begin_ms, begin_ms + 3_600_000)
    assert keeper.watch.index.deletions() == []

    # All of the next day is one entry more, however often something goes.
    for begin in range(61, 121, 10):
        grow_at(keeper, "cam-1", 10, OLD_US + begin * MINUTE_US)
        clock.advance(DELETIONS_TOLD_EVERY_S / 10)
        await keeper.cleaning.make_room()
    assert len(told(keeper)) == 1
    clock.advance(DELETIONS_TOLD_EVERY_S / 2)
    await keeper.cleaning.make_room()
    assert told(keeper)[1].detail == span_text(begin_ms + 3_600_000, begin_ms + 7_200_000)


async def test_of_a_camera_without_an_agreement_only_a_commitment(keeper: Keeper) -> None:
    for camera in (INSIDE, PRIVATE):
        grow_at(keeper, camera, 3)
    await keeper.cleaning.make_room()
    hidden = {keeper.journal.commitment("deleted", camera) for camera in (INSIDE, PRIVATE)}
    assert {entry.camera for entry in told(keeper)} == hidden
    assert {entry.agreement for entry in told(keeper)} == {""}


async def test_a_full_disk_and_a_restart_lose_no_deletion(
    keeper: Keeper, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    grow_at(keeper, "cam-1", 3)
    fill_disk(keeper)
    await keeper.cleaning.make_room()
    assert "written down later" in caplog.text
    (waiting,) = keeper.watch.index.deletions()
    assert waiting == Deletion("cam-1", Why.RETENTION, OLD_US, OLD_US + 2 * MINUTE_US)
    assert keeper.journal.owed == 0, "it waits in the index, not in memory"
    again = Index(keeper.config.folder / "index.db")
    assert again.deletions() == [waiting]
    again.close()
    fill_disk(keeper, full=False)
    await keeper.cleaning.make_room()
    assert len(told(keeper)) == 1


async def test_a_ledger_that_took_it_and_an_index_that_did_not_tell_it_twice(
    keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise SerambiError(Kind.UNAVAILABLE, "the index cannot be used now")

    grow_at(keeper, "cam-1", 3)
    with monkeypatch.context() as patch:
        patch.setattr(keeper.watch.index, "told", refuse)
        await keeper.cleaning.make_room()
    await keeper.cleaning.make_room()
    first, second = told(keeper)
    assert (first.detail, first.camera) == (second.detail, second.camera)


async def test_names_that_cannot_be_erased_hold_up_nothing(
    keeper: Keeper, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse() -> None:
        raise SerambiError(Kind.UNAVAILABLE, "the disk is full")

    monkeypatch.setattr(keeper.journal.names, "make_room", refuse)
    grow_at(keeper, "cam-1", 3)
    await keeper.cleaning.make_room()
    assert "old names stay" in caplog.text
    assert len(told(keeper)) == 1
