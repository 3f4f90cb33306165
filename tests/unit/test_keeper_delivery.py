"""At least once on the road, exactly once in the center's database."""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serambi.base.canonical import decode, encode
from serambi.base.clock import ManualClock
from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import (
    BATCH_ENTRIES_MAX_BYTES,
    BATCH_MAX_BYTES,
    BATCH_MAX_ENTRIES,
)
from serambi.fabric.messages import BATCH_TYPE, RECEIPT_TYPE, Batch, Receipt
from serambi.identity import dsse
from serambi.identity.keys import SigningKey
from serambi.keeper.delivery import FILE
from serambi.ledger.entry import ENTRY_SIZE_MAX_BYTES, encode_entry
from tests.builders import NOW, SITE, Town, make_roster
from tests.fakes.history import CenterSide, KeeperSide, Road
from tests.unit.fabric_tasks import eventually, running

TOWN = make_roster()


class Place:
    """Both ends in one folder."""

    def __init__(self, folder: Path, town: Town = TOWN) -> None:
        self.clock = ManualClock(NOW)
        self.center = CenterSide(folder / "center", town, self.clock)
        self.road = Road(self.center)
        self.keeper = KeeperSide(folder / "keeper", town, self.clock, self.road)

    def close(self) -> None:
        self.keeper.store.close()
        self.center.close()

    def whole(self) -> bool:
        """Whether the center holds the ledger, each entry once and in order."""
        kept = self.center.kept()
        leaves = self.keeper.leaves()
        return [(seq, leaf) for _, seq, leaf in kept] == list(enumerate(leaves))


@asynccontextmanager
async def placed(folder: Path) -> AsyncIterator[Place]:
    made = Place(folder)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with placed(tmp_path) as made:
        yield made


def batch_of(sealed: bytes) -> Batch:
    envelope = dsse.load(sealed)
    assert envelope.payload_type == BATCH_TYPE
    return decode(Batch, envelope.payload, what="batch", max_bytes=BATCH_MAX_BYTES)


async def test_entries_arrive_as_they_stand_in_the_ledger(place: Place) -> None:
    place.keeper.happen(3)
    await place.keeper.deliver_all()
    assert place.whole()
    assert place.keeper.delivery.confirmed == 3
    place.keeper.happen(2)
    await place.keeper.deliver_all()
    assert place.whole()
    assert [batch_of(raw).first for raw in place.road.carried] == [0, 3]


async def test_batches_are_bounded_in_entries_and_bytes(place: Place) -> None:
    place.keeper.happen(BATCH_MAX_ENTRIES + 1)
    place.keeper.happen(3, detail="x" * (BATCH_ENTRIES_MAX_BYTES // 2))
    place.keeper.happen(1, detail="y" * (ENTRY_SIZE_MAX_BYTES - 1000))
    place.keeper.happen(1)
    await place.keeper.deliver_all()
    assert place.whole()
    sizes = [len(batch_of(raw).entries) for raw in place.road.carried]
    assert max(sizes) == BATCH_MAX_ENTRIES
    assert all(len(raw) <= BATCH_MAX_BYTES for raw in place.road.carried)
    for raw in place.road.carried:
        entries = batch_of(raw).entries
        whole = sum(len(encode_entry(entry)) for entry in entries)
        assert len(entries) == 1 or whole <= BATCH_ENTRIES_MAX_BYTES


@pytest.mark.parametrize("lost", ["batch", "receipt"])
async def test_what_the_road_loses_is_sent_again(place: Place, lost: str) -> None:
    place.keeper.happen(5)
    place.road.lose = [lost] * 3
    for _ in range(3):
        with pytest.raises(SerambiError, match=f"the {lost} is lost"):
            await place.keeper.deliver_all()
        assert place.keeper.delivery.confirmed == 0
    await place.keeper.deliver_all()
    assert place.whole()


async def test_a_keeper_killed_before_the_receipt_sends_again(place: Place) -> None:
    place.keeper.happen(5)
    place.road.lose = ["receipt"]
    with pytest.raises(SerambiError):
        await place.keeper.deliver_all()
    await place.keeper.crash()
    assert place.keeper.delivery.confirmed == 0
    place.keeper.happen()
    await place.keeper.deliver_all()
    assert place.whole()
    assert place.center.entries.alarms() == []


async def test_a_center_killed_before_it_commits_has_nothing_and_gets_it_again(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.keeper.happen(5)
    keep = place.center.ingest._keep

    def killed(connection: object, batch: Batch) -> object:
        keep(connection, batch)  # type: ignore[arg-type]
        raise SerambiError(Kind.UNAVAILABLE, "killed before the commit")

    with monkeypatch.context() as patched:
        patched.setattr(place.center.ingest, "_keep", killed)
        with pytest.raises(SerambiError, match="before the commit"):
            await place.keeper.deliver_all()
    assert place.center.kept() == []
    await place.keeper.deliver_all()
    assert place.whole()


async def test_duplicates_and_latecomers_change_nothing(place: Place) -> None:
    for _ in range(3):
        place.keeper.happen(2)
        await place.keeper.deliver_all()
    for raw in reversed(place.road.carried):
        await place.center.ingest.receive(SITE, raw)
    assert place.whole()
    assert place.center.entries.alarms() == []


async def test_a_center_that_lost_its_newest_entries_gets_them_again(
    place: Place, tmp_path: Path
) -> None:
    place.keeper.happen(70)
    await place.keeper.deliver_all()
    place.center.close()
    (tmp_path / "center" / "center.db").unlink()
    place.center.open()
    place.keeper.happen()
    await place.keeper.deliver_all()
    assert place.whole()


async def test_without_its_place_a_keeper_delivers_anew_and_nothing_is_kept_twice(
    place: Place,
) -> None:
    place.keeper.happen(70)
    await place.keeper.deliver_all()
    path = place.keeper.folder / FILE
    for spoil in (path.unlink, lambda: path.write_bytes(b"{}"), lambda: _move(path, 10_000)):
        spoil()
        await place.keeper.crash()
        assert place.keeper.delivery.confirmed == 0
        place.keeper.happen()
        await place.keeper.deliver_all()
        assert place.whole()
    assert place.center.entries.alarms() == []


def _move(path: Path, place: int) -> None:
    path.write_bytes(path.read_bytes().replace(b'"next":', b'"next":%d' % place))


async def test_a_restored_backup_begins_an_epoch_and_raises_one_alarm(place: Place) -> None:
    place.keeper.happen(5)
    await place.keeper.deliver_all()
    place.keeper.back_up()
    place.keeper.happen(4)
    await place.keeper.deliver_all()
    lived = place.keeper.leaves()
    before = place.center.kept()
    await place.keeper.restore()
    place.keeper.happen(6)
    await place.keeper.deliver_all()
    kept = place.center.kept()
    assert kept[:9] == before
    (old,) = {epoch for epoch, _, _ in before}
    (new,) = {epoch for epoch, _, _ in kept[9:]}
    assert old != new
    # What was delivered of the life that was lost stays; the new life stands beside it.
    assert [leaf for _, _, leaf in kept[:9]] == lived
    assert [(seq, leaf) for _, seq, leaf in kept[9:]] == list(enumerate(place.keeper.leaves()))[5:]
    (alarm,) = place.center.entries.alarms()
    assert (alarm.site, alarm.epoch, alarm.seq) == (SITE, old, 5)
    (entry,) = place.center.ledger.entries(0, place.center.ledger.size)
    assert (entry.kind, entry.site, entry.detail) == ("history_differs", SITE, f"{old} 5")
    for _ in range(2):  # even when it forgets where it was, there is no second alarm
        place.keeper.forget_place()
        await place.keeper.crash()
        await place.keeper.deliver_all()
        assert place.center.kept() == kept
    assert place.center.ledger.size == 1


def _of_another_site(receipt: Receipt) -> Receipt:
    return msgspec.structs.replace(receipt, site="elsewhere")


def _of_another_batch(receipt: Receipt) -> Receipt:
    return msgspec.structs.replace(receipt, batch="0" * 64)


def _of_nothing(receipt: Receipt) -> Receipt:
    return msgspec.structs.replace(receipt, next=0)


def _of_an_entry_not_asked(receipt: Receipt) -> Receipt:
    return msgspec.structs.replace(receipt, differs=99)


def _of_the_epoch_s_own_beginning(receipt: Receipt) -> Receipt:
    return msgspec.structs.replace(receipt, differs=0)


@pytest.mark.parametrize(
    "change",
    [
        _of_another_site,
        _of_another_batch,
        _of_nothing,
        _of_an_entry_not_asked,
        _of_the_epoch_s_own_beginning,
    ],
)
async def test_a_receipt_that_is_not_for_this_batch_moves_nothing(
    place: Place, change: Callable[[Receipt], Receipt]
) -> None:
    place.keeper.happen(3)
    await refuses(place, lambda raw: _changed(raw, change, TOWN.center))


async def test_a_receipt_that_the_center_did_not_sign_moves_nothing(place: Place) -> None:
    """The courier carries it, and could write one."""
    place.keeper.happen(3)
    for forger in (TOWN.gateways[SITE], TOWN.keys["polres"]):
        await refuses(place, partial(_changed, change=lambda receipt: receipt, key=forger))
    for junk in (b"", b"{}", b"x" * 100_000):
        await refuses(place, partial(_instead, junk))
    await place.keeper.deliver_all()
    assert place.whole()


def _instead(junk: bytes, raw: bytes) -> bytes:
    return junk


def _changed(raw: bytes, change: Callable[[Receipt], Receipt], key: SigningKey) -> bytes:
    receipt = decode(Receipt, dsse.load(raw).payload, what="receipt", max_bytes=4096)
    return dsse.dump(dsse.sign(RECEIPT_TYPE, encode(change(receipt)), [key]))


async def refuses(place: Place, forge: Callable[[bytes], bytes]) -> None:
    before = place.keeper.delivery.confirmed

    async def lying(raw: bytes) -> bytes:
        return forge(await place.road.send(raw))

    place.keeper.delivery._send = lying
    with pytest.raises(SerambiError) as caught:
        await place.keeper.delivery.deliver()
    assert caught.value.kind in (Kind.BAD_INPUT, Kind.DENIED)
    assert place.keeper.delivery.confirmed == before
    place.keeper.delivery._send = place.road.send


async def test_an_old_receipt_does_not_stand_in_for_a_new_one(place: Place) -> None:
    place.keeper.happen(2)
    await place.keeper.deliver_all()
    place.keeper.happen(2)
    await refuses(place, lambda raw: place.road.receipts[0])


async def test_it_runs_by_itself_once_something_is_shared(place: Place) -> None:
    shared = False
    place.keeper.delivery._shares = lambda: shared
    place.keeper.happen(3)
    async with running(place.keeper.delivery.run()):
        await asyncio.sleep(0)
        shared = True
        place.keeper.delivery.wake()
        place.road.lose = ["batch", "receipt"]
        await eventually(place.whole, "all is delivered")
        await eventually(lambda: place.keeper.delivery.confirmed == 3, "and confirmed")
        place.keeper.happen()
        await eventually(place.whole, "what happens later too")
    assert len(place.road.carried) >= 3


async def test_nothing_is_sent_while_nothing_is_shared(place: Place) -> None:
    looked = asyncio.Event()

    def shares() -> bool:
        looked.set()
        return False

    place.keeper.delivery._shares = shares
    place.keeper.happen(3)
    async with running(place.keeper.delivery.run()):
        for _ in range(3):
            looked.clear()
            place.keeper.delivery.wake()
            await asyncio.wait_for(looked.wait(), 10)
    assert place.road.carried == []


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("happen"), st.integers(1, 70)),
        st.tuples(st.just("deliver"), st.sampled_from(["", "batch", "receipt"])),
        st.tuples(st.just("crash"), st.booleans()),
        st.tuples(st.just("replay"), st.integers(0, 50)),
        st.tuples(st.just("center restarts"), st.just(0)),
    ),
    max_size=8,
)


@settings(max_examples=20, deadline=None)
@given(STEPS)
def test_whatever_happens_on_the_way_each_entry_is_kept_once(
    steps: list[tuple[str, int | str | bool]],
) -> None:
    async def story(folder: Path) -> None:
        async with placed(folder) as place:
            for step, how in steps:
                await _take(place, step, how)
            place.road.lose.clear()
            await place.keeper.deliver_all()
            assert place.whole()
            assert place.center.entries.alarms() == []

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(story(Path(folder)))


async def _take(place: Place, step: str, how: int | str | bool) -> None:
    match step:
        case "happen":
            place.keeper.happen(int(how))
        case "deliver":
            place.road.lose = [str(how)]
            with contextlib.suppress(SerambiError):
                await place.keeper.delivery.deliver()
            place.road.lose.clear()
        case "crash":
            if how:
                place.keeper.forget_place()
            await place.keeper.crash()
        case "replay" if place.road.carried:
            again = place.road.carried[int(how) % len(place.road.carried)]
            await place.center.ingest.receive(SITE, again)
        case "center restarts":
            place.center.close()
            place.center.open()
