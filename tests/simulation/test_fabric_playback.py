"""Windows of recordings over the real fabric: they arrive whole, and a Stop leaves none waiting."""

import asyncio
import os
from pathlib import Path

import pytest

from serambi.base.errors import SerambiError
from serambi.courier import main
from serambi.fabric.uplink import FetchAnswer, UplinkServer
from tests.simulation.fabric_town import SITE, Town, town
from tests.simulation.test_fabric_courier import echo, settings
from tests.unit.fabric_tasks import eventually, running

SESSION = "0" * 32


class Keeper:
    """Gives windows of a size, or none until it is stopped."""

    def __init__(self, folder: Path) -> None:
        self.window = os.urandom(200_000)
        self.silent = False
        self.asked: list[bytes] = []
        self.server = UplinkServer(folder / "courier.sock", echo, on_fetch=self.fetch)

    async def fetch(self, raw: bytes, answer: FetchAnswer) -> None:
        self.asked.append(raw)
        if raw == b"closed":
            answer.refuse("the playback is over")
        elif not self.silent:
            answer.part("cam", SESSION, self.window)


async def ready(place: Town, keeper: Keeper) -> None:
    await eventually(lambda: (SITE, True) in place.presence, "the courier is seen")
    await eventually(lambda: keeper.server.connected, "the courier reaches the keeper")


@pytest.mark.parametrize("carrier", ["quic", "tls"])
async def test_windows_arrive_and_refusals_have_a_reason(tmp_path: Path, carrier: str) -> None:
    keeper = Keeper(tmp_path)
    async with town(tmp_path) as place:
        courier = main.run(settings(place, tmp_path, getattr(place, carrier)))
        async with running(keeper.server.run(), courier):
            await ready(place, keeper)
            for number in range(5):
                raw = b"window %d" % number
                assert await place.center.fetch(SITE, "cam", SESSION, raw) == keeper.window
                assert keeper.asked[-1] == raw
            with pytest.raises(SerambiError, match="the playback is over"):
                await place.center.fetch(SITE, "cam", SESSION, b"closed")


async def test_a_stop_answers_who_waits_and_the_link_stays(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path)
    async with (
        town(tmp_path) as place,
        running(keeper.server.run(), main.run(settings(place, tmp_path))),
    ):
        await ready(place, keeper)
        assert await place.center.fetch(SITE, "cam", SESSION, b"first") == keeper.window
        keeper.silent = True
        waiting = asyncio.create_task(place.center.fetch(SITE, "cam", SESSION, b"second"))
        await eventually(lambda: keeper.asked[-1] == b"second", "the keeper is asked")
        assert await keeper.server.stop_stream("cam", SESSION) < 5
        with pytest.raises(SerambiError, match="did not answer"):
            await asyncio.wait_for(waiting, 5)
        keeper.silent = False
        assert await place.center.fetch(SITE, "cam", SESSION, b"third") == keeper.window
        assert keeper.server.connected
