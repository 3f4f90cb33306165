"""The courier between its two ends: it reads all the time, and forgets when it is told to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from serambi.base.errors import Kind, SerambiError
from serambi.courier.main import Courier
from serambi.fabric.uplink import UplinkServer
from serambi.fabric.uplink_client import UplinkClient
from tests.unit.fabric_tasks import eventually, running

KEY, NEXT = b"\x02\x01key", b"\x02\x00next"


class SlowLink:
    """A `SiteLink` that takes a picture only when the test opens the way."""

    def __init__(self) -> None:
        self.way = asyncio.Event()
        self.states: list[bytes] = []
        self.live: list[tuple[str, str, bytes]] = []
        self.trying: list[str] = []
        self.purged: list[tuple[str, str | None]] = []
        self.forgotten = 0
        self.refuses = False
        self.connected = True

    async def run(self) -> None:
        await asyncio.Event().wait()

    async def publish_state(self, raw: bytes) -> None:
        self.states.append(raw)

    async def publish_live(self, camera: str, stream: str, message: bytes) -> None:
        self.trying.append(camera)
        await self.way.wait()
        if self.refuses:
            raise SerambiError(Kind.LIMIT, "too large")
        self.live.append((camera, stream, message))

    def purge(self, camera: str, stream: str | None) -> None:
        self.purged.append((camera, stream))

    async def submit_batch(self, raw: bytes, timeout_s: float) -> bytes:
        return b"kept " + raw

    def forget_state(self) -> None:
        self.forgotten += 1


@asynccontextmanager
async def at_work(folder: Path) -> AsyncIterator[tuple[UplinkServer, SlowLink, Courier]]:
    async def nothing(raw: bytes) -> bytes:
        return raw

    server = UplinkServer(folder / "s", nothing)
    link = SlowLink()
    courier = Courier(link, UplinkClient(folder / "s"))
    async with running(server.run(), courier.run()):
        await eventually(lambda: server.connected, "the courier connects")
        yield server, link, courier


async def test_a_state_overtakes_pictures_that_wait(tmp_path: Path) -> None:
    async with at_work(tmp_path) as (keeper, link, _):
        for message in (KEY, NEXT, NEXT):
            keeper.offer("cam", "main", message, key=message == KEY)
        await eventually(lambda: link.trying, "the first picture is held up")
        keeper.send_state(b"stopped")
        await eventually(lambda: link.states == [b"stopped"], "the state passes")
        assert link.live == []


async def test_what_the_keeper_takes_back_is_not_sent(tmp_path: Path) -> None:
    async with at_work(tmp_path) as (keeper, link, courier):
        keeper.offer("a", "main", KEY, key=True)
        await eventually(lambda: link.trying, "the first picture is held up")
        for camera in ("cam", "other"):
            for message in (KEY, NEXT, NEXT):
                keeper.offer(camera, "main", message, key=message == KEY)
        await keeper.stop_stream("cam")
        assert keeper.connected, "a courier that waits for its link reads all the same"
        keeper.send_state(b"stopped")
        await eventually(lambda: link.states, "all before it was read")
        assert link.purged == [("cam", None)]
        link.way.set()
        await eventually(lambda: len(link.live) == 4, "the rest goes out")
        assert {camera for camera, _, _ in link.live} == {"a", "other"}
        assert courier.carried.dropped == 0


async def test_a_link_that_is_behind_loses_pictures_to_the_next_key_frame(tmp_path: Path) -> None:
    async with at_work(tmp_path) as (keeper, link, courier):
        keeper.offer("cam", "main", KEY, key=True)
        await eventually(lambda: link.trying, "the first picture is held up")
        for number in range(300):
            keeper.offer("cam", "main", b"\x02\x00%d" % number, key=False)
            await asyncio.sleep(0)
        keeper.offer("cam", "main", KEY, key=True)
        keeper.offer("cam", "main", NEXT, key=False)
        await eventually(lambda: courier.carried.dropped > 0, "pictures are dropped")
        keeper.send_state(b"after")
        await eventually(lambda: link.states, "all before it was read")
        link.way.set()
        await eventually(lambda: link.live[-2:] == [("cam", "main", m) for m in (KEY, NEXT)], "it")


async def test_without_a_keeper_nothing_that_waits_goes_out(tmp_path: Path) -> None:
    async with at_work(tmp_path) as (keeper, link, _):
        for message in (KEY, NEXT, NEXT):
            keeper.offer("cam", "main", message, key=message == KEY)
        await eventually(lambda: link.trying, "the first picture is held up")
        connection = keeper._connection
        assert connection is not None
        await eventually(connection.drained, "all is read")
        connection.end()
        await eventually(lambda: link.forgotten, "the courier knows")
        link.way.set()
        await eventually(lambda: link.live, "the one that was being sent")
        await eventually(lambda: keeper.connected, "it comes back")
        keeper.offer("new", "main", KEY, key=True)
        await eventually(lambda: len(link.live) > 1, "it works again")
        assert [camera for camera, _, _ in link.live] == ["cam", "new"]


async def test_what_the_link_refuses_is_counted_and_the_rest_goes_on(tmp_path: Path) -> None:
    async with at_work(tmp_path) as (keeper, link, courier):
        link.way.set()
        link.refuses = True
        keeper.offer("cam", "main", KEY, key=True)
        await eventually(lambda: courier.carried.refused == 1, "it is counted")
        link.refuses = False
        keeper.offer("cam", "main", KEY, key=True)
        await eventually(lambda: link.live, "the next one passes")
