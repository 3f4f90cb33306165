"""The end of a view at real browsers, quick ones, slow ones and dead ones: every socket ends, none
holds up another, and the ledger knows whom it was that was cut off."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
from msgspec.structs import replace
from websockets.asyncio.client import ClientConnection

from serambi.base.clock import SystemClock
from serambi.base.limits import VIEWER_QUEUE_MESSAGES
from serambi.center.accounts import Role
from serambi.ledger.entry import Entry
from serambi.ledger.names import Names
from serambi.ledger.store import LedgerStore
from tests.fakes.browsers import KERNELS_BYTES, dial, is_cut_off, rest
from tests.fakes.center_town import CONFIG, Town, unit
from tests.fakes.running import Running, closed_with, eventually, messages, running

WISH = {"camera": "terminal-1", "action": "live", "purpose": "traffic"}
STREAM = ("terminal", "terminal-1", "sub")
PICTURE_BYTES = 50_000


@pytest.fixture
async def center(tmp_path: Path) -> AsyncIterator[Running]:
    town = Town(tmp_path, SystemClock())
    async with running(town) as center:
        town.speak()
        yield center


async def opened(center: Running) -> str:
    async with center.client() as client:
        answer = await client.post("/api/sessions", json=WISH)
        assert answer.status_code == 201
        return str(answer.json()["id"])


async def dead(center: Running) -> socket.socket:
    """A browser that reads nothing, ever."""
    path = f"/api/sessions/{await opened(center)}/live"
    token = center.tokens[Role.OPERATOR]
    return await asyncio.to_thread(dial, center.port, path, token=token)


def begin(center: Running) -> None:
    """Configuration and key frame; sessions must be open, or nobody hears them."""
    center.town.link.push(*STREAM, CONFIG)
    push(center, 0, 1)


def push(center: Running, first: int, count: int) -> None:
    for number in range(first, first + count):
        center.town.link.push(*STREAM, unit(number, key=number == 0, size_bytes=PICTURE_BYTES))


def entries(center: Running) -> list[Entry]:
    """The ledger of a center that has ended."""
    store = LedgerStore.open(
        center.town.config.ledger, "command-center/center", center.town.center_key, SystemClock()
    )
    try:
        return store.entries(0, store.size)
    finally:
        store.close()


async def test_a_revocation_ends_ten_viewers_and_names_each(tmp_path: Path) -> None:
    town = Town(tmp_path, SystemClock())
    async with running(town) as center:
        town.speak()
        sessions = [await opened(center) for _ in range(8)]
        begin(center)
        sockets: list[ClientConnection] = [
            await center.socket(f"/api/sessions/{session}/live") for session in sessions
        ]
        stuck = [await dead(center) for _ in range(2)]
        for quick in sockets:
            await messages(quick, 2)
        push(center, 1, 40)
        # Nobody waits for the two that read nothing.
        for got in await asyncio.gather(*(messages(quick, 40) for quick in sockets)):
            assert got[-1] == unit(40, size_bytes=PICTURE_BYTES)
        ended = set(town.gateways["terminal"].sessions)
        town.gateways["terminal"].sessions.clear()
        first, *others = town.gateways["terminal"].cameras
        town.gateways["terminal"].cameras = (replace(first, state="revoked"), *others)
        town.speak("terminal")
        push(center, 41, 20)
        for ended_with in await asyncio.gather(*(closed_with(quick) for quick in sockets)):
            assert ended_with == ([json.dumps({"ended": "revoked"})], 4403)
        for raw in stuck:
            await eventually(partial(is_cut_off, raw))
            count, was_reset = await asyncio.to_thread(rest, raw)
            assert was_reset
            assert count <= KERNELS_BYTES
        await eventually(lambda: not town.link.watches[STREAM])
    closed = [e for e in entries(center) if e.kind == "session_closed"]
    assert {entry.session for entry in closed} == ended
    assert len(closed) == 10
    who = Names(center.town.config.names_folder, SystemClock(), 86_400).who
    assert {(entry.reason, who(entry.person)) for entry in closed} == {("revoked", "Operator")}


async def test_the_end_of_a_grant_in_the_middle_of_a_gop_needs_no_word_from_the_site(
    center: Running,
) -> None:
    center.town.gateways["terminal"].grant_s = 3.0
    session = await opened(center)
    stuck = await dead(center)
    begin(center)
    async with center.socket(f"/api/sessions/{session}/live") as quick:
        await messages(quick, 2)
        reading = asyncio.create_task(closed_with(quick))
        number = 1
        while center.town.link.watches[STREAM]:
            push(center, number, 1)
            number += 1
            await asyncio.sleep(0.02)
        got, code = await reading
        assert (got[-1], code) == (json.dumps({"ended": "expired"}), 4403)
        assert len(got) <= number
    await eventually(lambda: is_cut_off(stuck))
    _, was_reset = await asyncio.to_thread(rest, stuck)
    assert was_reset


async def test_a_dead_reader_costs_a_bounded_queue_and_nobody_else_a_picture(
    center: Running,
) -> None:
    stuck = await dead(center)
    session = await opened(center)
    begin(center)
    async with center.socket(f"/api/sessions/{session}/live") as quick:
        await messages(quick, 2)
        for first in range(1, 400, 20):
            push(center, first, 20)
            last = unit(first + 19, size_bytes=PICTURE_BYTES)
            # The silent site's absence is told in between.
            while await messages(quick, 1) != [last]:
                pass
    count, _ = await asyncio.gather(asyncio.to_thread(rest, stuck), center_ends(center, stuck))
    assert count[0] <= KERNELS_BYTES + VIEWER_QUEUE_MESSAGES * PICTURE_BYTES


async def center_ends(center: Running, stuck: socket.socket) -> None:
    async with center.client() as client:
        for session in (await client.get("/api/sessions")).json():
            await client.delete(f"/api/sessions/{session['id']}")
