"""Somebody of another institution who is signed in: their part of an incident and nothing else."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute, APIWebSocketRoute
from starlette.routing import BaseRoute
from websockets.exceptions import InvalidStatus

from serambi.base.clock import ManualClock, SystemClock
from serambi.base.errors import SerambiError
from serambi.base.limits import PART_READ_CLOSED_S
from serambi.center.accounts import Account, Accounts, Role
from serambi.center.app import create_app
from serambi.center.config import CenterConfig
from serambi.center.database import open_database
from serambi.center.desk.kinds import CHECKLISTS, IncidentType
from serambi.center.invitations import invite_at_the_machine
from tests.fakes.center_town import Town
from tests.fakes.running import PASSWORD, Running, quick_passwords, running_town

PARCEL = {"type": "suspicious_parcel", "site": "terminal", "title": "A box at the gate"}
OTHER = PARCEL | {"site": "market", "title": "Smoke at the market", "type": "fire"}
NOW = 1_795_000_000.0

OPEN_TO_ALL = {
    *("/api/health", "/api/login", "/api/login/passkey", "/api/login/passkey/question"),
    *("/api/login/oidc", "/api/login/oidc/return"),
}
"""Nobody has to be signed in for these."""
OWN = {
    *("/api/me", "/api/logout", "/api/passkeys", "/api/passkeys/question"),
    "/api/passkeys/{passkey}",
}
BY_LINK = {"/api/join", "/api/join/steps"}
PARTS = {"/api/parts", "/api/parts/{incident}", "/api/parts/{incident}/steps"}


@pytest.fixture
async def center(tmp_path: Path) -> AsyncIterator[Running]:
    async with running_town(tmp_path, ManualClock(NOW)) as found:
        yield found


def routes(found: list[BaseRoute], prefix: str = "") -> list[tuple[str, str]]:
    """Method and path of everything that answers, WebSockets as such."""
    made: list[tuple[str, str]] = []
    for route in found:
        if isinstance(route, APIRoute):
            made += [(method, prefix + route.path) for method in route.methods or ()]
        elif isinstance(route, APIWebSocketRoute):
            made.append(("WEBSOCKET", prefix + route.path))
        elif hasattr(route, "original_router"):
            made += routes(route.original_router.routes, prefix)
    return made


async def post(client: httpx.AsyncClient, path: str, body: object) -> Any:
    answer = await client.post(path, json=body)
    assert answer.is_success, answer.text
    return answer.json()


async def say(client: httpx.AsyncClient, path: str, kind: str, **said: object) -> httpx.Response:
    return await client.post(f"{path}/steps", json={"said": {"kind": kind, **said}})


async def called(desk: httpx.AsyncClient, wish: dict[str, str], *parties: str) -> str:
    """A new incident with a participant, a task and a note of each of these; its id."""
    incident = (await post(desk, "/api/incidents", wish))["id"]
    path = f"/api/incidents/{incident}"
    for party in parties:
        name, who = f"p-{party.lower()[:5]}", f"Guard of {party}"
        await say(desk, path, "joined", participant=name, party=party, who=who, contact="0812")
        task = {"task": f"t-{party.lower()[:5]}", "text": f"Task of {party}", "party": party}
        await say(desk, path, "task_added", **task, due_ms=int(NOW * 1000))
    return str(incident)


async def test_every_other_address_of_the_center_is_closed_to_them(center: Running) -> None:
    known = routes(create_app().routes)
    assert len(known) > 60, "the routes are not found"
    allowed = OPEN_TO_ALL | OWN | BY_LINK | PARTS
    assert {path for _, path in known} >= allowed, "an address that is no more"
    tried = 0
    async with center.client(Role.PARTICIPANT) as officer:
        for method, path in known:
            if path in allowed or not path.startswith("/api/"):
                continue
            asked = re.sub(r"\{[^}]+\}", "x1", path)
            if method == "WEBSOCKET":
                with pytest.raises(InvalidStatus) as refused:
                    await center.socket(asked, Role.PARTICIPANT)
                status = refused.value.response.status_code
            else:
                status = (await officer.request(method, asked, json={})).status_code
            tried += 1
            assert status == 403, (method, path, status)
    assert tried > 35


async def test_they_read_what_concerns_their_institution_and_no_more(center: Running) -> None:
    async with center.client() as desk, center.client(Role.PARTICIPANT) as officer:
        camera = {"camera": "terminal-1"}
        incident = await called(desk, PARCEL | camera, "Transport", "trade")
        unasked = await called(desk, OTHER, "trade")
        await say(desk, f"/api/incidents/{incident}", "noted", text="For all")
        assert (await officer.get("/api/me")).json()["party"]["id"] == "transport"
        (line,) = (await officer.get("/api/parts")).json()
        assert (line["id"], line["state"], line["open_tasks"]) == (incident, "called", 1)
        part = (await officer.get(f"/api/parts/{incident}")).json()
        assert part["site_name"] == {"id": "terminal", "en": "terminal (en)"}
        assert [task["text"] for task in part["tasks"]] == ["Task of Transport"]
        assert [(note["unit"], note["text"]) for note in part["notes"]] == [("Unit 1", "For all")]
        for hidden in ("trade", "terminal-1", "Operator", "check", "alert", "Smoke"):
            assert hidden not in str(part), hidden
        # One that does not concern them is as one that does not exist.
        gone = [await officer.get(f"/api/parts/{name}") for name in (unasked, "nothing")]
        assert [answer.status_code for answer in gone] == [404, 404]
        assert gone[0].json() == gone[1].json()
        refused = await say(officer, f"/api/parts/{unasked}", "noted", text="x")
        assert refused.status_code == 404


async def test_what_they_answer_stands_in_the_incident_under_their_own_name(
    center: Running,
) -> None:
    async with center.client() as desk, center.client(Role.PARTICIPANT) as officer:
        incident = await called(desk, PARCEL, "TRANSPORT (en)", "trade")
        path = f"/api/parts/{incident}"
        for state in ("reached", "on_way", "needs_help"):
            said = {"participant": "p-trans", "state": state}
            assert (await say(officer, path, "participant_set", **said)).status_code == 201
        assert (await say(officer, path, "task_set", task="t-trans", state="done")).is_success
        key = {"Idempotency-Key": "once"}
        body = {"said": {"kind": "noted", "text": "The east door is open"}}
        for _ in range(2):
            answer = await officer.post(f"{path}/steps", json=body, headers=key)
            assert answer.status_code == 201
        assert [note["mine"] for note in answer.json()["notes"]] == [True]
        kept = (await desk.get(f"/api/incidents/{incident}")).json()
        last = kept["timeline"][-1]
        assert last["said"]["text"] == "The east door is open"
        assert last["by"] == {
            "account": "participant",
            "name": "Participant",
            "unit": "TRANSPORT (en)",
        }
        states = {one["id"]: one["state"] for one in kept["participants"]}
        assert states == {"p-trans": "needs_help", "p-trade": "called"}
        for kind, refused in (
            ("participant_set", {"participant": "p-trade", "state": "left"}),
            ("participant_set", {"participant": "p-trans", "state": "called"}),
            ("task_set", {"task": "t-trade", "state": "done"}),
            ("joined", {"participant": "p9", "party": "trade", "who": "me"}),
            ("item_set", {"item": "cordon", "state": "done"}),
            ("reach_asked", {"participant": "p-trans"}),
            ("closed", {"outcome": "resolved"}),
        ):
            assert (await say(officer, path, kind, **refused)).status_code == 403, kind


async def test_an_incident_that_is_over_is_read_for_half_a_day(center: Running) -> None:
    assert isinstance(center.town.clock, ManualClock)
    async with (
        center.client() as desk,
        center.client(Role.COMMANDER) as commander,
        center.client(Role.PARTICIPANT) as officer,
    ):
        incident = await called(desk, PARCEL, "transport")
        path = f"/api/incidents/{incident}"
        for item in CHECKLISTS[IncidentType.SUSPICIOUS_PARCEL]:
            await say(desk, path, "item_set", item=item, state="skipped")
        assert (await say(commander, path, "closed", outcome="resolved")).is_success
        assert (await officer.get("/api/parts")).json() == []
        part = (await officer.get(f"/api/parts/{incident}")).json()
        assert part["closed"]
        late = await say(officer, f"/api/parts/{incident}", "noted", text="late")
        assert late.status_code == 409
        center.town.clock.advance(PART_READ_CLOSED_S + 60)
        assert (await officer.get(f"/api/parts/{incident}")).status_code == 404


async def test_the_desk_has_all_of_it_and_no_part(center: Running) -> None:
    async with center.client(Role.COMMANDER) as commander:
        for path in ("/api/parts", "/api/parts/x1"):
            assert (await commander.get(path)).status_code == 403


async def test_an_institution_that_is_no_party_is_let_nowhere(center: Running) -> None:
    engine = open_database(center.town.config.database)
    accounts = Accounts(engine, SystemClock(), quick_passwords())
    accounts.create_account("stranger", "Stranger", Role.PARTICIPANT, "nobody", PASSWORD)
    token = accounts.create_token("stranger", "test")
    engine.dispose()
    async with center.client(None) as stranger:
        login = {"account": "stranger", "password": PASSWORD}
        answer = await stranger.post("/api/login", json=login)
        assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)
        stranger.headers["Authorization"] = f"Bearer {token}"
        for path in ("/api/me", "/api/parts", "/api/cameras"):
            assert (await stranger.get(path)).status_code == 403, path


async def test_an_account_is_made_for_a_party_of_the_roster_alone(tmp_path: Path) -> None:
    config: CenterConfig = Town(tmp_path, SystemClock()).config
    new = Account("kpu", "Officer", Role.PARTICIPANT, "nobody")
    with pytest.raises(SerambiError, match="not among the parties"):
        await invite_at_the_machine(config, SystemClock(), "kpu", new)
    known = Account("kpu", "Officer", Role.PARTICIPANT, "trade")
    given = await invite_at_the_machine(config, SystemClock(), "kpu", known)
    assert given.path.startswith("/signin?code=")
