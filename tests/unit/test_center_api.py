"""The center's HTTP interface over a real socket, against gateways that really sign."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from msgspec.structs import replace
from websockets.asyncio.client import connect
from websockets.typing import Origin

from serambi.center.accounts import Accounts, Role
from serambi.center.database import open_database
from serambi.fabric.messages import BATCH_TYPE, Batch, Entry, Waiting, epoch_of
from serambi.identity.keys import SigningKey
from tests.fakes.center_town import OWNERS, seal
from tests.fakes.running import (
    PASSWORD,
    Running,
    eventually,
    messages,
    quick_passwords,
    running,
    running_town,
)

WISH = {"camera": "terminal-1", "action": "live", "purpose": "traffic"}


@pytest.fixture
async def center(tmp_path: Path) -> AsyncIterator[Running]:
    async with running_town(tmp_path) as center:
        yield center


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/me"),
        ("GET", "/api/sites"),
        ("GET", "/api/cameras"),
        ("GET", "/api/sessions"),
        ("POST", "/api/sessions"),
        ("DELETE", "/api/sessions/x"),
        ("POST", "/api/documents"),
        ("GET", "/api/history"),
        ("POST", "/api/logout"),
    ],
)
async def test_nothing_without_login(center: Running, method: str, path: str) -> None:
    async with center.client(None) as client:
        answer = await client.request(method, path, json=WISH)
        assert answer.status_code == 401
        assert answer.json()["error"]["kind"] == "unauthenticated"
        client.headers["Authorization"] = "Bearer wrong"
        assert (await client.request(method, path, json=WISH)).status_code == 401


async def test_health_and_description_are_public(center: Running) -> None:
    async with center.client(None) as client:
        health = (await client.get("/api/health")).json()
        assert health["status"] == "ok"
        assert health["sites"] == {"terminal": True, "market": True}
        schemas = (await client.get("/openapi.json")).json()["components"]["schemas"]
        assert {"Camera", "Session", "State", "Beat", "ErrorBody"} <= schemas.keys()


async def test_the_history_of_the_sites(center: Running) -> None:
    gateway = center.town.gateways["terminal"]

    async def deliver(*entries: Entry, first: int = 0) -> None:
        epoch = epoch_of(opened)
        batch = Batch("terminal", epoch, 0, first, entries)
        assert center.town.link.take_batch is not None
        await center.town.link.take_batch("terminal", seal(BATCH_TYPE, batch, gateway.key))

    opened = Entry(
        kind="session_opened", at_ms=5, site="terminal", camera="terminal-1", person="Petugas"
    )
    closed = replace(opened, kind="session_closed", at_ms=6, reason="closed")
    await deliver(opened, closed)
    async with center.client(Role.COMMANDER) as client:
        page = (await client.get("/api/history", params={"camera": "terminal-1"})).json()
        assert [(e["seq"], e["kind"], e["person"]) for e in page] == [
            (1, "session_closed", "Petugas"),
            (0, "session_opened", "Petugas"),
        ]
        older = {"before": page[0]["id"], "site": "terminal"}
        assert (await client.get("/api/history", params=older)).json() == page[1:]
        assert (await client.get("/api/history", params={"site": "market"})).json() == []
        assert (await client.get("/api/history", params={"before": -1})).status_code == 422
        assert (await client.get("/api/health")).json()["alarms"] == []
        await deliver(replace(closed, reason="stopped"), first=1)
        (alarm,) = (await client.get("/api/health")).json()["alarms"]
        assert (alarm["kind"], alarm["site"], alarm["seq"]) == ("history_differs", "terminal", 1)
        assert (await client.get("/api/history")).json() == page


@pytest.mark.parametrize("role", Role)
async def test_the_history_is_for_commanders_and_investigators(center: Running, role: Role) -> None:
    async with center.client(role) as client:
        answer = await client.get("/api/history")
    if role in (Role.COMMANDER, Role.INVESTIGATOR):
        assert (answer.status_code, answer.json()) == (200, [])
    else:
        assert (answer.status_code, answer.json()["error"]["kind"]) == (403, "denied")


async def test_who_am_i(center: Running) -> None:
    async with center.client(Role.COMMANDER) as client:
        assert (await client.get("/api/me")).json() == {
            "account": "commander",
            "name": "Commander",
            "role": "commander",
            "unit": "Unit 1",
            "party": {
                "id": "command-center",
                "name": {"id": "command-center", "en": "command-center (en)"},
            },
        }


async def test_sites_and_cameras(center: Running) -> None:
    center.town.gateways["market"].waiting = (Waiting("PKS-2", ("transport",), 3),)
    center.town.speak("market")
    async with center.client() as client:
        sites = {site["id"]: site for site in (await client.get("/api/sites")).json()}
        cameras = {one["id"]: one for one in (await client.get("/api/cameras")).json()}
    assert sites["market"]["waiting"] == [
        {
            "agreement": "PKS-2",
            "missing": [{"id": "transport", "name": {"id": "transport", "en": "transport (en)"}}],
            "parties": 3,
        }
    ]
    assert (sites["terminal"]["cameras"], sites["terminal"]["owner"]) == (2, "transport")
    assert set(cameras) == {"terminal-1", "terminal-2", "market-1", "market-2"}
    one = cameras["terminal-1"]
    assert (one["site"], one["state"], one["online"]) == ("terminal", "open", True)
    assert one["streams"]["sub"] == {"width": 640, "height": 360, "fps": 10}
    assert one["purposes"] == [
        {"id": "traffic", "text": {"id": "Lalu lintas", "en": "Lalu lintas (en)"}}
    ]


async def test_a_view_is_opened_listed_and_closed(center: Running) -> None:
    gateway = center.town.gateways["terminal"]
    async with center.client() as client, center.client(Role.INVESTIGATOR) as other:
        answer = await client.post("/api/sessions", json=WISH)
        assert answer.status_code == 201
        view = answer.json()
        assert (view["camera"], view["stream"], view["agreement"]) == (
            "terminal-1",
            "sub",
            "PKS-1",
        )
        request = gateway.requests[0]
        assert (request.person, request.unit, request.party) == (
            "Operator",
            "Unit 1",
            "command-center",
        )
        assert request.expires_ms - request.issued_ms <= 2000
        assert center.town.link.watched_before_asked == [True]
        assert (await client.get("/api/sessions")).json() == [view]
        assert (await other.get("/api/sessions")).json() == []
        assert (await other.delete(f"/api/sessions/{view['id']}")).status_code == 404
        assert (await client.delete(f"/api/sessions/{view['id']}")).status_code == 204
        assert (await client.delete(f"/api/sessions/{view['id']}")).status_code == 404
        assert (await client.get("/api/sessions")).json() == []
    await eventually(lambda: not gateway.sessions)
    assert [request.kind for request in gateway.requests] == ["open", "close"]
    await eventually(lambda: not center.town.link.watches[("terminal", "terminal-1", "sub")])


async def test_a_commander_ends_anybodys_view(center: Running) -> None:
    async with center.client() as client, center.client(Role.COMMANDER) as commander:
        view = (await client.post("/api/sessions", json=WISH)).json()
        assert (await commander.delete(f"/api/sessions/{view['id']}")).status_code == 204


async def test_a_coordinator_opens_no_view(center: Running) -> None:
    async with center.client(Role.COORDINATOR) as client:
        assert (await client.post("/api/sessions", json=WISH)).status_code == 403
        assert (await client.get("/api/cameras")).status_code == 200
    assert not center.town.gateways["terminal"].requests


async def test_an_unknown_camera_is_not_asked_for(center: Running) -> None:
    async with center.client() as client:
        for camera, status in (("terminal-9", 404), ("", 422), ("../x", 422)):
            answer = await client.post("/api/sessions", json={**WISH, "camera": camera})
            assert answer.status_code == status
    assert not center.town.gateways["terminal"].requests


async def test_a_refusal_carries_the_sites_reason(center: Running) -> None:
    center.town.gateways["terminal"].refuse = ["out_of_hours"]
    async with center.client() as client:
        answer = await client.post("/api/sessions", json=WISH)
    assert answer.status_code == 403
    assert answer.json()["error"]["reason"] == "out_of_hours"
    assert not center.town.link.watches[("terminal", "terminal-1", "sub")]


async def test_a_request_that_came_too_late_is_asked_again(center: Running) -> None:
    gateway = center.town.gateways["terminal"]
    gateway.refuse = ["request_expired"]
    async with center.client() as client:
        assert (await client.post("/api/sessions", json=WISH)).status_code == 201
    assert len({request.nonce for request in gateway.requests}) == 2


async def test_a_site_that_is_away(center: Running) -> None:
    async with center.client() as client:
        center.town.link.away.add("terminal")
        assert (await client.post("/api/sessions", json=WISH)).status_code == 503
        center.town.link.present("terminal", False)
        assert (await client.post("/api/sessions", json=WISH)).status_code == 503
        sites = {site["id"]: site for site in (await client.get("/api/sites")).json()}
        cameras = {one["id"]: one for one in (await client.get("/api/cameras")).json()}
        health = (await client.get("/api/health")).json()
    assert not sites["terminal"]["online"]
    assert cameras["terminal-1"]["trouble"] == "site_offline"
    assert cameras["terminal-1"]["offline_since_ms"] == sites["terminal"]["since_ms"]
    assert cameras["market-1"]["online"]
    assert health["sites"] == {"terminal": False, "market": True}


async def test_answers_that_are_not_the_sites_are_refused(center: Running) -> None:
    gateway = center.town.gateways["terminal"]
    async with center.client() as client:
        for wrong in (
            lambda reply: replace(reply, nonce="x"),
            lambda reply: replace(reply, session="x"),
            lambda reply: replace(reply, site="x"),
        ):
            gateway.change_reply = wrong
            answer = await client.post("/api/sessions", json=WISH)
            assert answer.status_code == 403
            assert answer.json()["error"]["reason"] == ""
        gateway.change_reply = lambda reply: reply
        gateway.reply_key = center.town.gateways["market"].key
        assert (await client.post("/api/sessions", json=WISH)).status_code == 403
        gateway.reply_key = SigningKey.generate()
        assert (await client.post("/api/sessions", json=WISH)).status_code == 403
        assert (await client.get("/api/sessions")).json() == []


async def test_sixteen_at_once(center: Running) -> None:
    wishes = [
        {**WISH, "camera": f"{site}-{number}", "stream": stream}
        for site in OWNERS
        for number in (1, 2)
        for stream in ("main", "sub")
        for _ in range(2)
    ]
    async with center.client() as client:
        answers = await asyncio.gather(
            *(client.post("/api/sessions", json=wish) for wish in wishes)
        )
        assert [answer.status_code for answer in answers] == [201] * 16
        assert len((await client.get("/api/sessions")).json()) == 16


async def test_a_document_goes_to_every_site_that_is_online(center: Running) -> None:
    gateways = center.town.gateways
    document = seal("application/x", {"any": "thing"}, SigningKey.generate())
    gateways["market"].refuse = ["bad_signature", "bad_signature"]
    async with center.client(Role.COORDINATOR) as client:
        answer = await client.post("/api/documents", content=document)
        assert answer.json() == {
            "terminal": {"allowed": True, "reason": "allowed"},
            "market": {"allowed": False, "reason": "bad_signature"},
        }
        center.town.link.away.add("terminal")
        answer = await client.post("/api/documents", content=document)
        assert answer.json()["terminal"] == {"allowed": False, "reason": "unreachable"}
        assert (await client.post("/api/documents", content=b"{}")).status_code == 400
        assert (await client.post("/api/documents", content=b"x" * 300_000)).status_code == 429
    assert gateways["terminal"].documents == [document]


class TestPages:
    @pytest.fixture(autouse=True)
    def built(self, tmp_path: Path) -> None:
        (tmp_path / "built").mkdir()
        (tmp_path / "built" / "index.html").write_text("<!doctype html><title>Serambi</title>")

    async def test_pages_lead_to_the_sign_in_page(self, center: Running) -> None:
        async with center.client(None) as client:
            for path, target in (("/", "/login"), ("/wall/4", "/login?next=/wall/4")):
                answer = await client.get(path)
                assert (answer.status_code, answer.headers["location"]) == (303, target)
            answer = await client.get("/login")
            assert "Serambi" in answer.text
            assert "set-cookie" not in answer.headers

    async def test_a_page_with_a_token_gives_a_cookie_that_opens_sockets(
        self, center: Running
    ) -> None:
        async with center.client() as client:
            answer = await client.get("/")
            assert "Serambi" in answer.text
            cookie = answer.headers["set-cookie"].split(";")[0]
            assert cookie.startswith(f"serambi_center_{center.port}=")
            assert "set-cookie" not in (await client.get("/wall")).headers
        async with connect(
            f"ws://127.0.0.1:{center.port}/api/events",
            additional_headers={"Cookie": cookie},
            origin=Origin(center.base),
            proxy=None,
        ) as socket:
            assert (await messages(socket, 1))[0]

    async def test_the_way_in(self, center: Running) -> None:
        async with center.client(None) as client:
            answer = await client.get("/")
            assert answer.status_code == 303
            answer = await client.post(
                "/api/login", json={"account": "operator", "password": "wrong"}
            )
            assert answer.status_code == 401
            answer = await client.post(
                "/api/login", json={"account": "operator", "password": PASSWORD}
            )
            assert answer.json()["account"] == "operator"
            assert (await client.get("/api/me")).status_code == 200
            assert (await client.post("/api/logout")).status_code == 403
            origin = {"Origin": center.base}
            assert (await client.post("/api/logout", headers=origin)).status_code == 204
            assert (await client.get("/api/me")).status_code == 401

    async def test_a_code_signs_in_once(self, center: Running) -> None:
        engine = open_database(center.town.config.database)
        code = Accounts(engine, center.town.clock, quick_passwords()).create_code("operator")
        engine.dispose()
        async with center.client(None) as client, center.client(None) as second:
            answer = await client.get(f"/signin?code={code}")
            assert (answer.status_code, answer.headers["location"]) == (303, "/")
            assert (await client.get("/api/me")).json()["account"] == "operator"
            answer = await second.get(f"/signin?code={code}")
            assert answer.headers["location"].startswith("/login")
            assert (await second.get("/api/me")).status_code == 401
            assert (await second.get("/signin")).headers["location"].startswith("/login")


async def test_sign_ins_and_names_survive_a_restart(tmp_path: Path) -> None:
    async with running_town(tmp_path) as first:
        town = first.town
        async with first.client() as client:
            view = await client.post("/api/sessions", json=WISH)
            assert view.status_code == 201
        async with httpx.AsyncClient(base_url=first.base) as browser:
            signed_in = await browser.post(
                "/api/login", json={"account": "operator", "password": PASSWORD}
            )
            cookie = signed_in.headers["set-cookie"].split(";")[0].split("=", 1)[1]
    async with running(town) as second:
        async with second.client() as client:
            sites = (await client.get("/api/sites")).json()
            assert {(site["id"], site["online"]) for site in sites} == {
                ("terminal", False),
                ("market", False),
            }
            assert (await client.get("/api/sessions")).json() == []
            assert (await client.post("/api/sessions", json=WISH)).status_code == 503
            town.speak("terminal")
            assert (await client.post("/api/sessions", json=WISH)).status_code == 201
        name = f"serambi_center_{second.port}"
        async with httpx.AsyncClient(base_url=second.base, cookies={name: cookie}) as browser:
            assert (await browser.get("/api/me")).status_code == 200
