"""Ledger entries over real Zenoh: carried to the center and answered, for the own site only."""

import asyncio
from pathlib import Path

import pytest

from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import BATCH_MAX_BYTES, RECEIPT_MAX_BYTES
from serambi.courier import main
from serambi.fabric import keys
from serambi.fabric.uplink import UplinkServer
from tests.simulation.fabric_town import OTHER, SITE, Town, town
from tests.simulation.test_fabric_courier import echo, settings
from tests.simulation.test_fabric_profile import raw
from tests.unit.fabric_tasks import eventually, running


async def receipt(site: str, batch: bytes) -> bytes:
    return f"{site} sent {len(batch)}".encode()


@pytest.mark.parametrize("protocol", ["quic", "tls"])
async def test_a_batch_is_answered_by_the_center(tmp_path: Path, protocol: str) -> None:
    async with town(tmp_path) as place:
        place.center.on_batch(receipt)
        site = place.site(endpoints=(getattr(place, protocol),))
        async with place.connected(site):
            for size in (0, 1000, BATCH_MAX_BYTES):
                answer = await site.submit_batch(bytes(size), 5)
                assert answer == b"%s sent %d" % (SITE.encode(), size)
            with pytest.raises(SerambiError) as caught:
                await site.submit_batch(bytes(BATCH_MAX_BYTES + 1), 5)
            assert caught.value.kind is Kind.LIMIT


async def test_without_a_receipt_the_site_hears_why(tmp_path: Path) -> None:
    async def refuse(site: str, batch: bytes) -> bytes:
        if batch == b"long":
            return bytes(RECEIPT_MAX_BYTES + 1)
        raise SerambiError(Kind.UNAVAILABLE, "the disk is full")

    async with town(tmp_path) as place:
        site = place.site()
        with pytest.raises(SerambiError, match="the center is not reached"):
            await site.submit_batch(b"x", 1)
        async with place.connected(site):
            with pytest.raises(SerambiError, match="not taken"):
                await site.submit_batch(b"x", 5)
            place.center.on_batch(refuse)
            with pytest.raises(SerambiError, match="the disk is full"):
                await site.submit_batch(b"x", 5)
            with pytest.raises(SerambiError, match="too large"):
                await site.submit_batch(b"long", 5)


async def test_a_site_can_neither_submit_for_another_nor_take_what_another_submits(
    tmp_path: Path,
) -> None:
    async with town(tmp_path) as place, await raw(place, OTHER) as liar:
        heard: list[str] = []

        async def note(site: str, batch: bytes) -> bytes:
            heard.append(f"{site} {batch.decode()}")
            return b"kept"

        place.center.on_batch(note)

        def ask(site: str) -> list[object]:
            replies = liar.get(keys.ingest(site), payload=b"lie", timeout=0.5)
            return [reply.ok for reply in replies if reply.ok is not None]

        # Its own way is open, so that silence on the other one means something.
        assert len(await asyncio.to_thread(ask, OTHER)) == 1
        assert await asyncio.to_thread(ask, SITE) == []
        stolen: list[object] = []
        held = liar.declare_queryable(keys.ingest(SITE), stolen.append)
        async with place.connected(place.site()) as honest:
            assert await honest.submit_batch(b"truth", 5) == b"kept"
        assert heard == [f"{OTHER} lie", f"{SITE} truth"]
        assert stolen == []
        assert held


async def test_from_keeper_through_courier_to_center_and_back(tmp_path: Path) -> None:
    keeper = UplinkServer(tmp_path / "courier.sock", echo)
    async with town(tmp_path) as place:
        path = settings(place, tmp_path)
        async with running(keeper.run(), main.run(path)):
            await eventually(lambda: (SITE, True) in place.presence, "the courier is seen")
            await eventually(lambda: keeper.connected, "the courier reaches the keeper")
            with pytest.raises(SerambiError, match="not taken"):
                await keeper.submit(b"entries")
            place.center.on_batch(receipt)
            assert await keeper.submit(b"entries") == b"%s sent 7" % SITE.encode()


async def test_a_center_that_thinks_long_holds_up_neither_commands_nor_pictures(
    tmp_path: Path,
) -> None:
    entered, leave = asyncio.Event(), asyncio.Event()

    async def slow(site: str, batch: bytes) -> bytes:
        entered.set()
        await leave.wait()
        return b"kept"

    keeper = UplinkServer(tmp_path / "courier.sock", echo)
    async with town(tmp_path) as place:
        place.center.on_batch(slow)
        async with running(keeper.run(), main.run(settings(place, tmp_path))):
            await eventually(lambda: (SITE, True) in place.presence, "the courier is seen")
            await eventually(lambda: keeper.connected, "the courier reaches the keeper")
            waiting = asyncio.ensure_future(keeper.submit(b"entries", 10))
            await asyncio.wait_for(entered.wait(), 10)
            assert await place.center.command(SITE, b"open", 3) == b"keeper: open"
            watch = place.center.watch(SITE, "cam", "main")
            await _sees(place, keeper, watch)
            leave.set()
            assert await waiting == b"kept"


async def _sees(place: Town, keeper: UplinkServer, watch: object) -> None:
    async with asyncio.timeout(10):
        got = asyncio.ensure_future(anext(watch))  # type: ignore[call-overload]
        while not got.done():
            keeper.offer("cam", "main", b"\x02picture", key=True)
            await asyncio.wait([got], timeout=0.05)
        assert got.result() == b"\x02picture"
