"""Pictures to browsers: feeds, queues of slow viewers, and ends that leave nothing behind."""

import asyncio
import base64
import contextlib
import json
import select
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin

from serambi.center.accounts import Role
from serambi.center.live import Hub
from serambi.media.wire import again
from tests.fakes.center_town import AVCC, CONFIG, FakeLink, unit
from tests.fakes.running import Running, closed_with, eventually, messages, running_town

WISH = {"camera": "terminal-1", "action": "live", "purpose": "traffic"}
STREAM = ("terminal", "terminal-1", "sub")


@pytest.fixture
async def center(tmp_path: Path) -> AsyncIterator[Running]:
    async with running_town(tmp_path) as center:
        yield center


async def opened(center: Running, role: Role = Role.OPERATOR) -> str:
    async with center.client(role) as client:
        answer = await client.post("/api/sessions", json=WISH)
        assert answer.status_code == 201
        return str(answer.json()["id"])


async def test_configuration_first_then_units_as_they_came(center: Running) -> None:
    session = await opened(center)
    pictures = [unit(0, key=True), unit(1), unit(2)]
    center.town.link.push(*STREAM, unit(99), CONFIG, *pictures)
    async with center.socket(f"/api/sessions/{session}/live") as socket:
        got = await messages(socket, 4)
        assert json.loads(got[0]) == {
            "codec": "avc1.42c00a",
            "record": base64.b64encode(AVCC).decode(),
            "width": 64,
            "height": 48,
        }
        assert got[1:] == pictures
        center.town.link.push(*STREAM, unit(3), CONFIG, unit(4), unit(5, key=True))
        got = await messages(socket, 3)
        assert got[0] == unit(3)
        assert isinstance(got[1], str)
        assert got[2] == unit(5, key=True)


async def test_fmp4_begins_with_init_and_has_its_clock(center: Running) -> None:
    session = await opened(center)
    center.town.link.push(*STREAM, CONFIG, unit(0, key=True), unit(1))
    async with center.socket(f"/api/sessions/{session}/live?format=fmp4") as socket:
        got = await messages(socket, 3)
        assert isinstance(got[0], str)
        assert isinstance(got[1], bytes)
        assert got[1][4:8] == b"ftyp"
        assert isinstance(got[2], bytes)
        assert got[2][4:8] == b"prft"
        center.town.link.push(*STREAM, CONFIG, unit(2, key=True), unit(3))
        later = await messages(socket, 3)
        kinds = ["text" if isinstance(m, str) else m[4:8] for m in later]
        assert b"prft" in kinds


async def test_two_viewers_share_one_watch_and_the_second_starts_at_once(center: Running) -> None:
    first, second = await opened(center), await opened(center, Role.COMMANDER)
    assert len(center.town.link.watches[STREAM]) == 1
    center.town.link.push(*STREAM, CONFIG, unit(0, key=True))
    async with center.socket(f"/api/sessions/{first}/live") as one:
        await messages(one, 2)
        async with center.socket(f"/api/sessions/{second}/live", Role.COMMANDER) as two:
            assert (await messages(two, 2))[1] == unit(0, key=True)
            center.town.link.push(*STREAM, unit(1))
            assert await messages(one, 1) == await messages(two, 1) == [unit(1)]


async def test_only_the_sessions_owner_may_watch(center: Running) -> None:
    session = await opened(center)
    for path, role in (
        (f"/api/sessions/{session}/live", Role.COMMANDER),
        ("/api/sessions/none/live", Role.OPERATOR),
    ):
        with pytest.raises(InvalidStatus) as refused:
            async with center.socket(path, role):
                pass
        assert refused.value.response.status_code == 404


async def test_a_second_connection_takes_over(center: Running) -> None:
    session = await opened(center)
    center.town.link.push(*STREAM, CONFIG, unit(0, key=True))
    async with center.socket(f"/api/sessions/{session}/live") as one:
        await messages(one, 2)
        async with center.socket(f"/api/sessions/{session}/live") as two:
            assert await closed_with(one) == ([json.dumps({"ended": "replaced"})], 4409)
            center.town.link.push(*STREAM, unit(1))
            assert (await messages(two, 3))[2] == unit(1)


async def test_the_sites_end_reaches_the_browser_with_its_reason(center: Running) -> None:

    session = await opened(center)
    gateway = center.town.gateways["terminal"]
    center.town.link.push(*STREAM, CONFIG, unit(0, key=True))
    async with center.socket(f"/api/sessions/{session}/live") as socket:
        await messages(socket, 2)
        gateway.sessions.clear()
        gateway.cameras = (replace(gateway.cameras[0], state="stopped"), gateway.cameras[1])
        center.town.speak("terminal")
        center.town.link.push(*STREAM, unit(1), unit(2))
        assert await closed_with(socket) == ([json.dumps({"ended": "stopped"})], 4403)
    await eventually(lambda: not center.town.link.watches[STREAM])


async def test_a_browser_that_does_not_read_is_cut_off_at_the_end(center: Running) -> None:
    session = await opened(center)
    center.town.link.push(*STREAM, CONFIG, unit(0, key=True))
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(raw, ("127.0.0.1", center.port))
    key = base64.b64encode(b"0123456789abcdef").decode()
    await loop.sock_sendall(
        raw,
        (
            f"GET /api/sessions/{session}/live HTTP/1.1\r\nHost: 127.0.0.1:{center.port}\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {key}\r\n"
            f"Authorization: Bearer {center.tokens[Role.OPERATOR]}\r\n\r\n"
        ).encode(),
    )
    await loop.sock_recv(raw, 64)
    link = center.town.link
    for number in range(1, 40):
        link.push(*STREAM, unit(number, size_bytes=100_000))
    await eventually(lambda: link.watches[STREAM][0].empty)
    async with center.client() as client:
        assert (await client.delete(f"/api/sessions/{session}")).status_code == 204
    # Without a byte being read, the center itself ends the connection, with what waited in it.
    poll = select.poll()
    poll.register(raw, 0)
    await eventually(lambda: poll.poll(0))
    received = 0
    with contextlib.suppress(ConnectionResetError):
        while chunk := raw.recv(65536):
            received += len(chunk)
    assert received < 39 * 100_000 / 2
    raw.close()


async def test_leaving_and_coming_back(center: Running) -> None:
    session = await opened(center)
    center.town.link.push(*STREAM, CONFIG, unit(0, key=True))
    for _ in range(2):
        async with center.socket(f"/api/sessions/{session}/live") as socket:
            assert (await messages(socket, 2))[1] == unit(0, key=True)


async def test_viewers_hear_that_the_site_went_away_and_came_back(center: Running) -> None:
    session = await opened(center)
    async with center.socket(f"/api/sessions/{session}/live") as socket:
        await asyncio.sleep(0)
        async with center.client() as client:
            await client.get("/api/me")
        center.town.link.present("terminal", False)
        assert await messages(socket, 1) == ['{"notice": "offline"}']
        center.town.speak("terminal")
        assert await messages(socket, 1) == ['{"notice": "online"}']


async def test_sockets_need_a_login(center: Running) -> None:

    base = f"ws://127.0.0.1:{center.port}"
    session = await opened(center)
    for path in ("/api/events", f"/api/sessions/{session}/live"):
        with pytest.raises(InvalidStatus) as refused:
            async with connect(base + path, proxy=None):
                pass
        assert refused.value.response.status_code == 401
        assert json.loads(refused.value.response.body)["error"]["kind"] == "unauthenticated"


async def test_a_cookie_opens_a_socket_only_from_our_own_page(center: Running) -> None:

    async with center.client(None) as client:
        await client.post("/api/login", json={"account": "operator", "password": "beringin"})
        cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    url = f"ws://127.0.0.1:{center.port}/api/events"
    with pytest.raises(InvalidStatus) as refused:
        async with connect(
            url,
            additional_headers={"Cookie": cookie},
            origin=Origin("http://evil.example"),
            proxy=None,
        ):
            pass
    assert refused.value.response.status_code == 403
    async with connect(
        url, additional_headers={"Cookie": cookie}, origin=Origin(center.base), proxy=None
    ) as good:
        assert json.loads((await messages(good, 1))[0])["type"] == "state"


async def test_events_push_state_changes_and_beats(center: Running) -> None:
    async with center.socket("/api/events") as socket:
        state = json.loads((await messages(socket, 1))[0])
        assert state["type"] == "state"
        assert {site["id"] for site in state["sites"]} == {"terminal", "market"}
        beat = json.loads((await messages(socket, 1))[0])
        assert beat["type"] == "beat"
        assert beat["open_views"] == 0
        await opened(center)
        center.town.link.present("market", False)
        seen: dict[str, dict[str, object]] = {}
        while "state" not in seen or "beat" not in seen:
            event = json.loads((await messages(socket, 1))[0])
            seen[event["type"]] = event
        assert {
            site["id"]: site["online"]
            for site in seen["state"]["sites"]  # type: ignore[attr-defined]
        } == {"terminal": True, "market": False}
        assert seen["beat"]["open_views"] == 1


async def test_the_hub_watches_only_while_somebody_wants_it(tmp_path: Path) -> None:
    link = FakeLink({})
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        hub = Hub(link, group)
        first, second = hub.acquire(*STREAM), hub.acquire(*STREAM)
        assert first is second
        assert len(link.watches[STREAM]) == 1
        hub.release(first)
        assert hub.watched() == 1
        hub.release(second)
        assert hub.watched() == 0
        await eventually(lambda: not link.watches[STREAM])
        again = hub.acquire(*STREAM)
        await asyncio.sleep(0)
        assert len(link.watches[STREAM]) == 1
        hub.release(again)
    assert not link.watches[STREAM]


async def test_a_configuration_said_again_reaches_only_who_missed_it(center: Running) -> None:
    session = await opened(center)
    # The first messages of a fresh stream may be lost on the way; the repetition heals it.
    center.town.link.push(*STREAM, again(CONFIG), unit(0, key=True))
    async with center.socket(f"/api/sessions/{session}/live") as socket:
        got = await messages(socket, 2)
        assert isinstance(got[0], str)
        assert got[1] == unit(0, key=True)
        center.town.link.push(*STREAM, again(CONFIG), unit(1, key=True))
        assert await messages(socket, 1) == [unit(1, key=True)]
