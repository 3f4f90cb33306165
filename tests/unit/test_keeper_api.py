"""The keeper's API: for the owner alone."""

import asyncio
import os
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from serambi.agreement.model import read_agreement
from serambi.base.clock import ManualClock
from serambi.keeper.main import keeper_app
from serambi.ledger.entry import Entry
from serambi.web.serve import HttpServer
from tests.builders import NOW, make_revocation
from tests.fakes.keeper_http import BEARER, Box, box
from tests.fakes.keeper_site import FACINGS, PRIVATE, TOKEN, Site, fill_disk, ledger_of

OPENED = Entry(kind="session_opened", at_ms=int(NOW * 1000), session="another")


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[Box]:
    site = Site(tmp_path / "keeper")
    site.put_documents()
    async with box(site) as home:
        yield home


async def test_nothing_without_the_owners_code(home: Box) -> None:
    for method, path in (
        ("GET", "/api/viewers"),
        ("POST", "/api/stop"),
        ("POST", "/api/resume"),
        ("POST", "/api/documents"),
    ):
        for header in (None, "Bearer wrong", "Bearer ", "Basic b3duZXI6", TOKEN):
            headers = {} if header is None else {"Authorization": header}
            answer = await home.http.request(method, path, headers=headers, json={})
            assert answer.status_code == 401, (method, path, header)
            assert answer.json()["error"]["kind"] == "unauthenticated"
            assert TOKEN not in answer.text
    assert home.keeper.durable.stops == {}


async def test_a_cookie_needs_our_own_page_a_code_does_not(home: Box) -> None:
    await home.sign_in()
    assert (await home.http.get("/api/viewers")).status_code == 200
    evil = {"Origin": "http://elsewhere"}
    answer = await home.http.post("/api/stop", json={}, headers=evil)
    assert (answer.status_code, answer.json()["error"]["kind"]) == (403, "denied")
    assert home.keeper.durable.stops == {}
    assert (await home.http.post("/api/stop", json={}, headers=evil | BEARER)).status_code == 200
    own = {"Origin": "http://box"}
    assert (await home.http.post("/api/resume", json={}, headers=own)).status_code == 200
    assert home.keeper.durable.stops == {}


async def test_the_owner_is_answered_while_the_ledgers_disk_hangs(
    home: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    syncing, go_on = threading.Event(), threading.Event()

    def slow(file: int) -> None:
        syncing.set()
        go_on.wait(30)

    before = (await home.http.get("/api/health", headers=BEARER)).json()["ledger_size"]
    async with asyncio.TaskGroup() as group:
        with monkeypatch.context() as patch:
            patch.setattr(os, "fdatasync", slow)
            group.create_task(asyncio.to_thread(home.keeper.journal.store.append, [OPENED]))
            try:
                assert await asyncio.to_thread(syncing.wait, 10)
                # What is to be written meanwhile does not stop the clockwork.
                asking = group.create_task(home.ask())
                async with asyncio.timeout(10):
                    health = (await home.http.get("/api/health", headers=BEARER)).json()
                assert health["ledger_size"] == before
                assert not asking.done(), "nothing is opened that is not written down"
            finally:
                go_on.set()
        assert (await asking).allowed


async def lamp_of(home: Box) -> str:
    return str((await home.http.get("/api/health", headers=BEARER)).json()["lamp"])


async def test_who_watches(home: Box) -> None:
    answer = await home.http.get("/api/viewers", headers=BEARER)
    assert answer.json() == []
    assert await lamp_of(home) == "none"
    reply = await home.ask(stream="main")
    home.keeper._on_link(True)
    answer = await home.http.get("/api/viewers", headers=BEARER)
    assert answer.json() == [
        {
            "session": reply.session,
            "camera": "cam-1",
            "number": "101",
            "stream": "main",
            "person": "petugas1",
            "unit": "Regu jaga",
            "party": "polres",
            "purpose": "routine_watch",
            "incident": "",
            "act": "",
            "agreement": "2026-03",
            "since_ms": int(NOW * 1000),
            "until_ms": int((NOW + 60) * 1000),
        }
    ]
    assert await lamp_of(home) == "on"
    home.keeper._on_link(False)
    assert await lamp_of(home) == "unknown"


async def test_stopping_one_camera_and_all(home: Box) -> None:
    await home.ask("cam-1")
    await home.ask("cam-1", stream="main", person="petugas2")
    await home.ask("cam-2")
    answer = await home.http.post("/api/stop", json={"camera": "cam-1"}, headers=BEARER)
    assert answer.json() == {"seconds": 0.0, "sessions": 2, "people": 2}
    left = (await home.http.get("/api/viewers", headers=BEARER)).json()
    assert [viewer["camera"] for viewer in left] == ["cam-2"]
    answer = await home.http.post("/api/stop", json={}, headers=BEARER)
    assert answer.json() == {"seconds": 0.0, "sessions": 1, "people": 1}
    assert set(home.keeper.durable.stops) == {"cam-1", "*"}
    answer = await home.http.post("/api/resume", json={"camera": "cam-1"}, headers=BEARER)
    assert answer.json() == []
    assert await lamp_of(home) == "stopped"
    assert (await home.ask("cam-1")).reason == "stopped"
    answer = await home.http.post("/api/resume", headers=BEARER)
    assert answer.json() == []
    assert await lamp_of(home) == "none"
    assert (await home.ask("cam-1")).allowed
    stops = [(e.kind, e.camera, e.agreement, e.party) for e in ledger_of(home.keeper)]
    assert [told for told in stops if told[0] in ("stopped", "resumed")] == [
        ("stopped", "cam-1", "2026-03", "kpu"),
        ("stopped", "", "", "kpu"),
        ("resumed", "cam-1", "2026-03", "kpu"),
        ("resumed", "", "", "kpu"),
    ]


async def test_a_wrong_camera_stops_nothing_by_mistake(home: Box) -> None:
    wrong: list[tuple[object, int]] = [
        ({"camera": "cam-99"}, 404),
        ({"camera": ""}, 404),
        ({"camera": "*"}, 404),
        ({"camera": 7}, 422),
        ({"kamera": "cam-1"}, 422),
        ([], 422),
    ]
    for path in ("/api/stop", "/api/resume"):
        for body, status in wrong:
            answer = await home.http.post(path, json=body, headers=BEARER)
            assert answer.status_code == status, (path, body)
            assert answer.json()["error"]["what"]
    assert home.keeper.durable.stops == {}


async def test_health_tells_strangers_only_that_the_box_lives(home: Box) -> None:
    answer = await home.http.get("/api/health")
    assert answer.status_code == 200
    assert set(answer.json()) == {"status", "version", "site"}
    for camera in FACINGS:
        assert camera not in answer.text


async def test_health_tells_the_owner_each_camera(home: Box) -> None:
    health = (await home.http.get("/api/health", headers=BEARER)).json()
    assert [camera["id"] for camera in health["cameras"]] == list(FACINGS)
    assert (health["status"], health["center_linked"]) == ("degraded", False)
    assert health["cameras"][0]["streams"]["main"]["state"] == "connecting"
    assert "secret-of" not in str(health)


async def test_a_full_disk_answers_the_stop_with_an_error_that_says_it_holds(home: Box) -> None:
    await home.ask()
    fill_disk(home.keeper)
    answer = await home.http.post("/api/stop", json={}, headers=BEARER)
    assert answer.status_code == 503
    error = answer.json()["error"]
    assert error["kind"] == "unavailable"
    assert "sharing is stopped" in error["what"]
    assert error["hint"]
    viewers = (await home.http.get("/api/viewers", headers=BEARER)).json()
    assert viewers == []
    assert await lamp_of(home) == "stopped"
    fill_disk(home.keeper, full=False)


async def test_documents_are_accepted_or_refused_with_why(home: Box) -> None:
    signed = read_agreement(home.site.agreement, home.site.town.roster)

    async def post(raw: bytes) -> httpx.Response:
        return await home.http.post("/api/documents", content=raw, headers=BEARER)

    assert (await post(home.site.agreement)).json() == {"change": "", "agreement": ""}
    refused = await post(b"{}")
    assert (refused.status_code, refused.json()["error"]["kind"]) == (400, "bad_input")
    await home.ask()
    revocation = make_revocation(home.site.town, signed, "kpu")
    taken = await post(revocation)
    assert taken.json() == {"change": "agreement_revoked", "agreement": "2026-03"}
    assert home.keeper.sessions.all() == ()


async def test_a_private_camera_is_not_named_in_the_ledger(home: Box) -> None:
    answer = await home.http.post("/api/stop", json={"camera": PRIVATE}, headers=BEARER)
    assert answer.status_code == 200
    assert ledger_of(home.keeper)[-1].camera == home.keeper.journal.commitment("stopped", PRIVATE)


async def test_it_is_served_over_a_real_socket(tmp_path: Path) -> None:
    site = Site(tmp_path / "keeper")
    site.put_documents()
    clock = ManualClock(NOW)
    keeper = site.keeper(clock)
    try:
        async with asyncio.TaskGroup() as group:
            server = HttpServer(keeper_app(keeper, site.config, clock), "127.0.0.1", 0)
            await server.start(group)
            url = f"http://127.0.0.1:{server.port}"
            async with httpx.AsyncClient(base_url=url, trust_env=False) as http:
                assert (await http.get("/api/viewers")).status_code == 401
                assert (await http.post("/api/stop", headers=BEARER)).status_code == 200
                page = await http.get("/", headers=BEARER)
                assert page.status_code == 200
                assert (await http.get("/static/owner.css")).status_code == 200
            await server.stop()
    finally:
        keeper.close()
