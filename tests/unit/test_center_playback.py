"""Recordings at the center: asked for by whoever may, window by window, as a clip, and ended."""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import av
import pytest
from msgspec.structs import replace
from websockets.exceptions import InvalidStatus

from serambi.agreement.recorded import range_text
from serambi.center.accounts import Role
from serambi.fabric.windows import encode_window
from serambi.ledger.store import LedgerStore
from serambi.media.wire import encode_config, encode_unit
from tests.clips import clip
from tests.fakes.running import Running, closed_with, eventually, running_town

FROM_MS, TO_MS = 1_789_990_000_000, 1_789_990_600_000
WISH = {
    "camera": "terminal-1",
    "action": "playback",
    "purpose": "traffic",
    "stream": "main",
    "from_ms": FROM_MS,
    "to_ms": TO_MS,
}


@pytest.fixture
async def center(tmp_path: Path) -> AsyncIterator[Running]:
    async with running_town(tmp_path) as center:
        yield center


async def opened(center: Running, role: Role = Role.OPERATOR) -> str:
    async with center.client(role) as client:
        answer = await client.post("/api/sessions", json=WISH)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])


def filmed() -> Iterator[bytes]:
    """Two windows of a film that begins with the range: a group of pictures each."""
    film = clip(50)
    config = encode_config(film.config)
    for begin in (0, 25):
        units = [
            encode_unit(replace(unit, wall_us=FROM_MS * 1000 + unit.dts * 100 // 9), 0)
            for unit in film.units[begin : begin + 25]
        ]
        next_us = FROM_MS * 1000 + 1_000_000 if begin == 0 else 0
        yield encode_window(next_us, [config, *units])


async def test_what_is_recorded_is_told_to_whoever_may_view(center: Running) -> None:
    query: dict[str, Any] = {"purpose": "traffic", "from_ms": FROM_MS, "to_ms": TO_MS}
    path = "/api/cameras/terminal-1/recordings"
    async with center.client(Role.OPERATOR) as client:
        told = (await client.get(path, params=query)).json()
        assert told == {
            "agreement": "PKS-1",
            "spans": [{"from_ms": FROM_MS, "to_ms": TO_MS}],
            "gaps": [{"from_ms": FROM_MS, "to_ms": FROM_MS + 1, "cause": "restart"}],
        }
        missing = await client.get("/api/cameras/nobody/recordings", params=query)
        assert missing.status_code == 404
        assert (await client.get(path, params={**query, "from_ms": 0})).status_code == 422
        center.town.gateways["terminal"].refuse.append("action")
        refused = await client.get(path, params=query)
        assert (refused.status_code, refused.json()["error"]["reason"]) == (403, "action")
    async with center.client(Role.COORDINATOR) as client:
        assert (await client.get(path, params=query)).status_code == 403
        assert (await client.post("/api/sessions", json=WISH)).status_code == 403
    assert [r.kind for r in center.town.gateways["terminal"].requests] == ["list", "list"]


async def test_windows_come_as_they_are_asked_for(center: Running) -> None:
    gateway = center.town.gateways["terminal"]
    session = await opened(center)
    assert (gateway.requests[-1].from_ms, gateway.requests[-1].to_ms) == (FROM_MS, TO_MS)
    windows = list(filmed())
    async with center.socket(f"/api/sessions/{session}/windows") as socket:
        for window, at_us, step in ((windows[0], 5, "seek"), (windows[1], 6, "keys")):
            await socket.send(json.dumps({"at_us": at_us, "step": step}))
            await eventually(lambda: gateway.requests[-1].kind == "fetch")
            # The link gives nothing at first: it is asked again, from the same place.
            gateway.windows.append(window)
            assert await socket.recv() == window
            assert (gateway.requests[-1].at_us, gateway.requests[-1].step) == (at_us, step)
        # Nothing comes that nobody asked for.
        asked = len(gateway.requests)
        await asyncio.sleep(0)
        assert len(gateway.requests) == asked


async def test_a_stop_ends_it_with_the_reason(center: Running) -> None:
    session = await opened(center)
    async with center.socket(f"/api/sessions/{session}/windows") as socket:
        await socket.send(json.dumps({"at_us": 5, "step": "seek"}))
        gateway = center.town.gateways["terminal"]
        gateway.sessions.clear()
        gateway.cameras = tuple(replace(camera, state="stopped") for camera in gateway.cameras)
        center.town.speak()
        assert await closed_with(socket) == (['{"ended": "stopped"}'], 4403)
    async with center.client(Role.OPERATOR) as client:
        assert (await client.get(f"/api/sessions/{session}/clip")).status_code == 404


@pytest.mark.parametrize("said", ["", "{}", '{"at_us": "x"}', '{"at_us": 1, "step": "back"}'])
async def test_nonsense_ends_the_connection(center: Running, said: str) -> None:
    session = await opened(center)
    async with center.socket(f"/api/sessions/{session}/windows") as socket:
        await socket.send(said)
        assert await closed_with(socket) == ([], 4400)


async def test_a_playback_is_its_owner_s_and_no_live_view(center: Running) -> None:
    session = await opened(center)
    for role, path in ((Role.COMMANDER, "windows"), (Role.COORDINATOR, "windows")):
        with pytest.raises(InvalidStatus, match="404"):
            await center.socket(f"/api/sessions/{session}/{path}", role)
    async with center.client(Role.OPERATOR) as client:
        live = {"camera": "terminal-1", "action": "live", "purpose": "traffic"}
        watching = (await client.post("/api/sessions", json=live)).json()["id"]
        assert (await client.get(f"/api/sessions/{watching}/clip")).status_code == 404
    with pytest.raises(InvalidStatus, match="404"):
        await center.socket(f"/api/sessions/{watching}/windows")


async def test_a_clip_plays_in_another_player(center: Running) -> None:
    session = await opened(center)
    gateway = center.town.gateways["terminal"]
    gateway.windows.extend(filmed())
    async with center.client(Role.OPERATOR) as client:
        until_ms = FROM_MS + 1_600
        answer = await client.get(f"/api/sessions/{session}/clip", params={"to_ms": until_ms})
        assert (answer.status_code, answer.headers["content-type"]) == (200, "video/mp4")
        none = await client.get(f"/api/sessions/{session}/clip", params={"to_ms": FROM_MS})
        assert none.status_code == 400
    with av.open(io.BytesIO(answer.content), "r") as container:
        times = [float(frame.time or 0) for frame in container.decode(video=0)]
    assert times == pytest.approx([number * 0.04 for number in range(40)], abs=0.002)
    assert [r.step for r in gateway.requests if r.kind == "fetch"] == ["seek", "go"]


async def test_the_center_keeps_no_copy_of_what_it_shows(center: Running) -> None:
    """Live, played and as a clip: what passes leaves nothing on its disk."""
    gateway, session = center.town.gateways["terminal"], await opened(center)
    pieces = [window[at : at + 16] for window in filmed() for at in range(64, len(window), 512)]
    gateway.windows.extend(filmed())
    async with center.client(Role.OPERATOR) as client:
        clip_bytes = (await client.get(f"/api/sessions/{session}/clip")).content
    assert any(piece in clip_bytes for piece in pieces), "it went by here"
    folder = center.town.config.folder
    kept = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert any(path.name == "center.db" for path in kept)
    assert not [path for path, raw in kept.items() if any(piece in raw for piece in pieces)]


async def test_the_ledger_names_the_range(tmp_path: Path) -> None:
    async with running_town(tmp_path) as center:
        session = await opened(center)
        async with center.client(Role.OPERATOR) as client:
            await client.delete(f"/api/sessions/{session}")
        town = center.town
    origin = f"{town.config.party}/center"
    with LedgerStore.open(town.config.ledger, origin, town.center_key, town.clock) as ledger:
        said = [(entry.kind, entry.detail) for entry in ledger.entries(0, ledger.size)]
    detail = f"playback {range_text(FROM_MS, TO_MS)}"
    assert said[1:] == [("session_opened", detail), ("session_closed", detail)]
