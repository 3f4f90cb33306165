"""Keeper's socket, courier and center together: what goes through, and what must not."""

import asyncio
from pathlib import Path

import pytest

from serambi.base.errors import SerambiError
from serambi.courier import main
from serambi.fabric.uplink import UplinkServer
from tests.simulation.fabric_town import SITE, Town, town
from tests.unit.fabric_tasks import eventually, running


def settings(place: Town, folder: Path, address: str = "") -> Path:
    tls = place.authority.issue(SITE)
    path = folder / "courier.toml"
    path.write_text(
        f'site = "{SITE}"\nsocket = "courier.sock"\ncenter = ["{address or place.quic}"]\n'
        f'[tls]\nca = "{tls.ca}"\ncert = "{tls.cert}"\nkey = "{tls.key}"\n'
    )
    return path


async def echo(raw: bytes) -> bytes:
    return b"keeper: " + raw


async def knows_state(place: Town) -> bool:
    try:
        await place.center.newest_state(SITE, 1)
    except SerambiError:
        return False
    return True


async def test_states_pictures_and_commands_go_through(tmp_path: Path) -> None:
    keeper = UplinkServer(tmp_path / "courier.sock", echo)
    async with (
        town(tmp_path) as place,
        running(keeper.run(), main.run(settings(place, tmp_path))),
    ):
        await eventually(lambda: (SITE, True) in place.presence, "the courier is seen")
        await eventually(lambda: keeper.connected, "the courier reaches the keeper")
        keeper.send_state(b"state")
        await eventually(lambda: (SITE, b"state") in place.states, "the state arrives")
        watch = place.center.watch(SITE, "cam", "main")
        assert await place.center.command(SITE, b"open", 3) == b"keeper: open"
        # The order of a view: watched first, opened then, and the first message counts.
        messages = [b"\x01config", b"\x02key" + bytes(100_000), b"\x02next"]
        for message in messages:
            keeper.offer("cam", "main", message, key=message != messages[-1])
        async with asyncio.timeout(10):
            assert [await anext(watch) for _ in messages] == messages
        keeper.offer("cam", "main", b"\x02last", key=False)
        assert await keeper.stop_stream("cam") < 5
        assert keeper.connected


@pytest.mark.parametrize("carrier", ["quic", "tls"])
async def test_the_first_message_of_every_stream_arrives(tmp_path: Path, carrier: str) -> None:
    """It is the configuration: without it nothing that follows can be shown."""
    keeper = UplinkServer(tmp_path / "courier.sock", echo)
    async with town(tmp_path) as place:
        path = settings(place, tmp_path, getattr(place, carrier))
        async with running(keeper.run(), main.run(path)):
            await eventually(lambda: (SITE, True) in place.presence, "the courier is seen")
            await eventually(lambda: keeper.connected, "the courier reaches the keeper")
            for number in range(20):
                watch = place.center.watch(SITE, f"cam-{number}", "sub")
                assert await place.center.command(SITE, b"open", 3) == b"keeper: open"
                first = b"\x01config %d" % number
                keeper.offer(f"cam-{number}", "sub", first, key=True)
                keeper.offer(f"cam-{number}", "sub", b"\x02key" + bytes(9000), key=True)
                async with asyncio.timeout(10):
                    assert await anext(watch) == first
                watch.close()


async def test_without_its_keeper_the_courier_is_silent(tmp_path: Path) -> None:
    async with town(tmp_path) as place, running(main.run(settings(place, tmp_path))):
        await eventually(lambda: (SITE, True) in place.presence, "the courier is seen")
        keeper = UplinkServer(tmp_path / "courier.sock", echo)
        keeper.send_state(b"first")
        async with running(keeper.run()):
            await eventually(lambda: (SITE, b"first") in place.states, "the state arrives")
            assert await place.center.newest_state(SITE, 3) == b"first"

        async with asyncio.timeout(10):
            while await knows_state(place):
                pass
        with pytest.raises(SerambiError, match="keeper"):
            await place.center.command(SITE, b"open", 3)
        assert place.states == [(SITE, b"first")]
        keeper = UplinkServer(tmp_path / "courier.sock", echo)
        keeper.send_state(b"second")
        async with running(keeper.run()):
            await eventually(lambda: (SITE, b"second") in place.states, "the new keeper is heard")
            assert await place.center.command(SITE, b"open", 3) == b"keeper: open"
