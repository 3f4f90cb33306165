"""Cameras that misbehave on purpose do exactly that, and the rest of the server lives."""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from serambi.base.clock import SystemClock
from serambi.base.errors import SerambiError
from serambi.sim.hostile import HOSTILE, hostile
from serambi.sim.limits import HOSTILE_MAX_BYTES
from serambi.sim.loop_file import Loop
from serambi.sim.rtsp import listen
from tests.simulation.sim_town import Client, camera, connected, small_loops

LETS_PLAY = {
    "schemeless-base",
    "changing-session",
    "early-rtp",
    "foreign-rtp",
    "foreign-rtp-before-login",
    "interleaved-garbage",
    "unknown-channel",
    "garbage-between",
    "400-in-session",
}


@pytest.fixture(scope="module")
def loops() -> dict[str, Loop]:
    return small_loops()


@asynccontextmanager
async def meeting(name: str, loops: dict[str, Loop]) -> AsyncIterator[Client]:
    """A client of a camera that misbehaves so; a good camera must still serve afterwards."""
    cameras = [camera(loops, hostile=name), camera(loops, "good")]
    async with listen(cameras, SystemClock()) as server:
        async with connected(server.port) as client:
            yield client
        async with connected(server.port, "good/sub") as client:
            assert (await client.login()).status == 200


async def play(client: Client, *, answered: bool = True) -> None:
    """Play, whatever session the answers name."""
    await client.login()
    asked = await client.ask("SETUP", client.url + "/trackID=0", Transport="RTP/AVP/TCP;unicast")
    assert asked.status == 200
    client.session = asked.headers["Session"].split(";")[0]
    client.send("PLAY")
    if answered:
        assert (await client.reply()).status == 200


async def received(client: Client, size: int) -> bytes:
    return await client.reader.readexactly(size)


@pytest.mark.parametrize("name", sorted(LETS_PLAY))
async def test_it_plays_all_the_same(name: str, loops: dict[str, Loop]) -> None:
    async with meeting(name, loops) as client:
        await play(client)
        seen = b""
        while loops["main"].parameter_sets[0] not in seen:
            seen += await client.reader.read(65_536)


async def test_no_answer_is_no_answer(loops: dict[str, Loop]) -> None:
    async with meeting("never-answers", loops) as client:
        client.send("DESCRIBE")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.reader.readexactly(1), 0.2)


async def test_pictures_where_the_answer_should_be(loops: dict[str, Loop]) -> None:
    async with meeting("never-plays", loops) as client:
        await play(client, answered=False)
        await client.picture()


@pytest.mark.parametrize("name", ["garbage-answers", "not-rtsp"])
async def test_nonsense_instead_of_answers(name: str, loops: dict[str, Loop]) -> None:
    async with meeting(name, loops) as client:
        client.send("DESCRIBE")
        assert not (await received(client, 30)).startswith(b"RTSP/1.0")


@pytest.mark.parametrize(
    ("name", "least"), [("endless-headers", HOSTILE_MAX_BYTES - 1100), ("endless-line", 2**22)]
)
async def test_answers_without_an_end_are_bounded(
    name: str, least: int, loops: dict[str, Loop]
) -> None:
    async with meeting(name, loops) as client:
        client.send("DESCRIBE")
        raw = await received(client, least)
        assert b"\r\n\r\n" not in raw


@pytest.mark.parametrize(
    ("name", "wrong"),
    [("length-too-long", 100_000), ("length-too-short", -60), ("length-absurd", 10**12)],
)
async def test_lengths_that_lie(name: str, wrong: int, loops: dict[str, Loop]) -> None:
    async with meeting(name, loops) as client:
        refused = await client.ask("DESCRIBE")
        client.realm, client.nonce = (
            refused.headers["WWW-Authenticate"].partition(f'{key}="')[2].partition('"')[0]
            for key in ("realm", "nonce")
        )
        client.send("DESCRIBE")
        head = await client.reader.readuntil(b"\r\n\r\n")
        said = int(head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0])
        assert said > 1000 or wrong < 0
        body = await received(client, said - wrong)
        assert body.startswith(b"v=0")
        assert body.endswith(b"a=control:trackID=0\r\n")


async def test_a_description_of_nothing(loops: dict[str, Loop]) -> None:
    async with meeting("garbage-description", loops) as client:
        described = await client.login()
        assert described.status == 200
        assert b"v=0" not in described.body
        assert len(described.body) > 100


async def test_rtp_of_a_session_that_nobody_set_up(loops: dict[str, Loop]) -> None:
    async with meeting("foreign-rtp-before-login", loops) as client:
        client.send("DESCRIBE")
        assert (await received(client, 2)) == b"$\0"
        size = int.from_bytes(await received(client, 2))
        *_, ssrc = struct.unpack_from("!BBHII", await received(client, size))
        assert ssrc == 0xDEAD


async def test_every_answer_names_another_session(loops: dict[str, Loop]) -> None:
    async with meeting("changing-session", loops) as client:
        await play(client)
        named = {(await client.ask("GET_PARAMETER")).headers["Session"] for _ in range(3)}
        assert len(named | {client.session}) == 4


@pytest.mark.parametrize("name", ["closes-after-describe", "closes-after-play"])
async def test_hanging_up(name: str, loops: dict[str, Loop]) -> None:
    async with meeting(name, loops) as client:
        if name == "closes-after-play":
            await play(client)
        else:
            assert (await client.login()).status == 200
        await asyncio.wait_for(client.reader.read(), 5)
        assert client.reader.at_eof()


async def test_400_without_a_question(loops: dict[str, Loop]) -> None:
    async with meeting("400-in-session", loops) as client:
        await play(client)
        seen = b""
        while b"RTSP/1.0 400 Bad Request\r\n\r\n" not in seen:
            seen += await client.reader.read(65_536)


def test_each_manner_is_tested_and_others_are_refused() -> None:
    source = Path(__file__).read_text()
    assert [name for name in HOSTILE if name and f'"{name}"' not in source] == []
    with pytest.raises(SerambiError, match="no camera misbehaves like 'politely'"):
        hostile("politely")
