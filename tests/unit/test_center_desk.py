"""Alerts, incidents and handovers over the center's HTTP interface, and across a restart."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from serambi.base.clock import ManualClock
from serambi.center.accounts import Role
from serambi.center.desk.access import MAY, Act
from serambi.center.desk.kinds import CHECKLISTS, IncidentType
from tests.fakes.center_town import Town, camera
from tests.fakes.running import Running, messages, running, running_town

PARCEL = {"type": "suspicious_parcel", "site": "terminal", "title": "A box at the gate"}
CALL = {"text": "Smoke behind the market", "site": "market", "caller": "Guard post"}


@pytest.fixture
async def center(tmp_path: Path) -> AsyncIterator[Running]:
    async with running_town(tmp_path) as center:
        yield center


@pytest.fixture
async def operator(center: Running) -> AsyncIterator[httpx.AsyncClient]:
    async with center.client() as client:
        yield client


@pytest.fixture
async def commander(center: Running) -> AsyncIterator[httpx.AsyncClient]:
    async with center.client(Role.COMMANDER) as client:
        yield client


async def post(client: httpx.AsyncClient, path: str, body: object, key: str = "") -> Any:
    """The answer's JSON; fails for anything but success."""
    headers = {"Idempotency-Key": key} if key else {}
    answer = await client.post(path, json=body, headers=headers)
    assert answer.is_success, answer.text
    return answer.json()


async def get(client: httpx.AsyncClient, path: str) -> Any:
    return (await client.get(path)).raise_for_status().json()


async def call(client: httpx.AsyncClient, **changes: object) -> Any:
    return await post(client, "/api/alerts", CALL | changes)


async def respond(client: httpx.AsyncClient, answer: str, *alerts: Any) -> httpx.Response:
    ids = [alert["id"] for alert in alerts]
    return await client.post("/api/alerts/answers", json={"alerts": ids, "answer": answer})


async def say(client: httpx.AsyncClient, incident: Any, kind: str, **said: object) -> Any:
    path = f"/api/incidents/{incident['id']}/steps"
    return await post(client, path, {"said": {"kind": kind, **said}})


GATE = {"name": "Gate", "tiles": 4, "cameras": ["terminal-1", "market-1"]}

WRITES: list[tuple[str, str, object, Act]] = [
    ("POST", "/api/alerts", CALL, Act.REPORT),
    ("POST", "/api/alerts/answers", {"alerts": ["x"], "answer": "undo"}, Act.HANDLE),
    (
        "POST",
        "/api/shelves",
        {"what": "loitering", "place": "terminal-1", "duration_s": 60, "reason": "works"},
        Act.SHELVE,
    ),
    ("DELETE", "/api/shelves/x", None, Act.SHELVE),
    ("POST", "/api/incidents", PARCEL, Act.OPEN),
    ("POST", "/api/incidents/x/steps", {"said": {"kind": "noted", "text": "n"}}, Act.WORK),
    (
        "POST",
        "/api/incidents/x/steps",
        {"said": {"kind": "closed", "outcome": "resolved"}},
        Act.CLOSE,
    ),
    ("POST", "/api/incidents/x/steps", {"said": {"kind": "reopened"}}, Act.CLOSE),
    ("POST", "/api/incidents/x/files?name=n", None, Act.WORK),
    ("POST", "/api/incidents/x/participants/y/link", None, Act.WORK),
    ("POST", "/api/handovers", {}, Act.HAND_OVER),
    ("POST", "/api/handovers/x/signatures", {"side": "from"}, Act.HAND_OVER),
    ("GET", "/api/handovers/next", None, Act.HAND_OVER),
    ("POST", "/api/layouts", GATE, Act.ARRANGE),
    ("POST", "/api/layouts/x", GATE, Act.ARRANGE),
    ("DELETE", "/api/layouts/x", None, Act.ARRANGE),
    ("POST", "/api/monitors/1", {"layout": "x"}, Act.ARRANGE),
    *(
        ("GET", path, None, Act.READ)
        for path in (
            "/api/alerts",
            "/api/incidents",
            "/api/incidents/closed",
            "/api/incidents/x",
            "/api/incidents/x/report",
            "/api/incidents/x/files/y",
            "/api/handovers",
            "/api/walls",
        )
    ),
]


async def test_each_role_may_do_what_the_table_says_and_nobody_else(center: Running) -> None:
    async with center.client(None) as client:
        for method, path, body, _ in WRITES:
            assert (await client.request(method, path, json=body)).status_code == 401, path
    for role in Role:
        async with center.client(role) as client:
            for method, path, body, act in WRITES:
                answer = await client.request(method, path, json=body)
                denied = answer.status_code == 403
                assert denied == (role not in MAY[act]), (role, path, answer.text)


async def test_a_call_is_acknowledged_once_and_taken_back_by_who_did_it(
    operator: httpx.AsyncClient, commander: httpx.AsyncClient
) -> None:
    alert = await call(operator)
    assert (alert["what"], alert["priority"], alert["state"]) == ("call", 2, "waiting")
    assert alert["by"]["name"] == "Operator"
    (done,) = (await respond(operator, "acknowledge", alert)).json()
    assert (done["state"], done["handled_by"]["account"]) == ("acknowledged", "operator")
    late = await respond(commander, "acknowledge", alert)
    assert late.status_code == 409
    assert "by Operator" in late.json()["error"]["what"]
    assert (await respond(commander, "undo", alert)).status_code == 409
    (back,) = (await respond(operator, "undo", alert)).json()
    assert (back["state"], back["handled_by"]) == ("waiting", None)
    assert (await respond(operator, "undo", alert)).status_code == 409
    (gone,) = (await respond(operator, "dismiss", alert)).json()
    assert gone["state"] == "dismissed"
    queue = await get(operator, "/api/alerts")
    assert (queue["waiting"], [one["id"] for one in queue["handled"]]) == ([], [alert["id"]])
    assert (await respond(operator, "acknowledge", {"id": "none"})).status_code == 404


async def test_undo_has_its_time(tmp_path: Path) -> None:
    clock = ManualClock(1_795_000_000.0)
    async with running_town(tmp_path, clock) as center, center.client() as client:
        alert = await call(client)
        (done,) = (await respond(client, "acknowledge", alert)).json()
        assert done["undo_until_ms"] - done["handled_ms"] == 10_000
        clock.advance(12.0)
        assert (await respond(client, "undo", alert)).status_code == 409


async def test_noticing_and_deciding_are_two_moments(tmp_path: Path) -> None:
    clock = ManualClock(1_795_000_000.0)
    async with running_town(tmp_path, clock) as center, center.client() as client:
        alert = await call(client)
        clock.advance(20.0)
        await respond(client, "acknowledge", alert)
        clock.advance(40.0)
        incident = await post(client, "/api/incidents", PARCEL | {"alerts": [alert["id"]]})
        spans = incident["durations"]
        assert spans == {"noticed": 20_000, "decided": 60_000, "arrived": None}


async def test_a_flood_loses_nothing_and_the_urgent_come_first(
    operator: httpx.AsyncClient,
) -> None:
    priorities = [4, 4, 3, 2, 4, 4, 3, 4, 4, 1]
    wishes = [
        call(operator, what="loitering", priority=priorities[n % 10], text=f"{n}")
        for n in range(200)
    ]
    made = await asyncio.gather(*wishes)
    queue = await get(operator, "/api/alerts")
    assert queue["total"] == len(queue["waiting"]) == 200
    assert {alert["id"] for alert in queue["waiting"]} == {alert["id"] for alert in made}
    shown = [alert["priority"] for alert in queue["waiting"]]
    assert shown == sorted(shown)
    assert shown.count(1) == 20
    meter = queue["meter"]
    assert (meter["now"], meter["flood"], meter["by_priority"]["1"]) == (200, True, 20)
    assert len((await respond(operator, "acknowledge", *made)).json()) == 200
    assert (await get(operator, "/api/alerts"))["total"] == 0


async def test_a_write_that_comes_again_is_done_once(operator: httpx.AsyncClient) -> None:
    first = await post(operator, "/api/alerts", CALL, key="k1")
    assert (await post(operator, "/api/alerts", CALL, key="k1"))["id"] == first["id"]
    assert (await get(operator, "/api/alerts"))["total"] == 1
    other = await operator.post(
        "/api/alerts", json=CALL | {"text": "else"}, headers={"Idempotency-Key": "k1"}
    )
    assert other.status_code == 409
    incident = await post(operator, "/api/incidents", PARCEL, key="k2")
    note = {"said": {"kind": "noted", "text": "Gate closed"}}
    path = f"/api/incidents/{incident['id']}/steps"
    await asyncio.gather(*(post(operator, path, note, key="k3") for _ in range(5)))
    kept = await get(operator, f"/api/incidents/{incident['id']}")
    assert [one["said"]["kind"] for one in kept["timeline"]] == ["opened", "noted"]


async def test_an_incident_from_an_alert_to_its_end(
    operator: httpx.AsyncClient, commander: httpx.AsyncClient
) -> None:
    alert = await call(operator, what="left_object", camera="terminal-1", site="terminal")
    wish = PARCEL | {"alerts": [alert["id"]], "camera": "terminal-1"}
    incident = await post(operator, "/api/incidents", wish)
    assert (incident["number"], incident["priority"], incident["missing"]) == (1, 1, 7)
    assert (await operator.post("/api/incidents", json=wish)).status_code == 409
    (handled,) = (await get(operator, "/api/alerts"))["handled"]
    assert (handled["state"], handled["incident"]) == ("escalated", incident["id"])
    due_ms = incident["opened_ms"] + 60_000
    await say(
        operator, incident, "task_added", task="t1", text="Cordon", who="Patrol", due_ms=due_ms
    )
    await say(operator, incident, "joined", participant="p1", party="KPU", who="Guard post")
    await say(operator, incident, "item_added", item="own", text="Call the mayor")
    early = await commander.post(
        f"/api/incidents/{incident['id']}/steps",
        json={"said": {"kind": "closed", "outcome": "resolved"}},
    )
    assert early.status_code == 409
    assert "8 steps" in early.json()["error"]["what"]
    for item in [*CHECKLISTS[IncidentType.SUSPICIOUS_PARCEL], "own"]:
        await say(operator, incident, "item_set", item=item, state="done")
    await say(operator, incident, "task_set", task="t1", state="done")
    now = await say(operator, incident, "participant_set", participant="p1", state="on_site")
    assert now["participants"][0]["state"] == "on_site"
    assert now["durations"]["arrived"] is not None
    assert now["durations"]["noticed"] >= 0
    done = await say(commander, incident, "closed", outcome="resolved", text="A lost parcel")
    assert (done["outcome"], done["closed_by"]["name"]) == ("resolved", "Commander")
    assert await get(operator, "/api/incidents") == []
    (closed,) = await get(operator, "/api/incidents/closed")
    assert closed["id"] == incident["id"]
    assert await get(operator, "/api/incidents/closed?before=1") == []
    for language, status in (("id", 200), ("en", 200), ("xx", 422)):
        path = f"/api/incidents/{incident['id']}/report"
        printed = await operator.get(path, params={"lang": language})
        assert printed.status_code == status
        assert printed.content.startswith(b"%PDF-") == (status == 200)
    await say(operator, incident, "noted", text="Afterwards")
    again = await say(commander, incident, "reopened")
    assert (again["outcome"], again["closed_ms"]) == (None, 0)
    assert [one["said"]["kind"] for one in again["timeline"]][-3:] == [
        "closed",
        "noted",
        "reopened",
    ]
    assert len(await get(operator, "/api/incidents")) == 1


CANNOT: list[tuple[dict[str, object], int]] = [
    ({"kind": "item_set", "item": "nothing", "state": "done"}, 404),
    ({"kind": "task_set", "task": "nothing", "state": "done"}, 404),
    ({"kind": "participant_set", "participant": "nothing", "state": "left"}, 404),
    ({"kind": "item_added", "item": "keep_away", "text": "twice"}, 409),
    ({"kind": "task_added", "task": "t", "text": "far", "due_ms": 2**50}, 400),
    ({"kind": "reopened"}, 409),
    ({"kind": "task_late", "task": "t"}, 422),
    ({"kind": "opened", "type": "fire", "title": "x", "priority": 1}, 422),
    ({"kind": "noted", "text": "  "}, 422),
    ({"kind": "noted", "text": "n" * 2001}, 422),
    ({"kind": "noted", "text": "x", "by": "somebody"}, 422),
]


async def test_what_cannot_be_added(commander: httpx.AsyncClient) -> None:
    incident = await post(commander, "/api/incidents", PARCEL)
    for said, status in CANNOT:
        path = f"/api/incidents/{incident['id']}/steps"
        answer = await commander.post(path, json={"said": said})
        assert answer.status_code == status, (said, answer.text)
    assert (await get(commander, f"/api/incidents/{incident['id']}")) == incident


async def test_a_picture_is_attached_for_what_it_is(
    operator: httpx.AsyncClient, commander: httpx.AsyncClient
) -> None:
    incident = await post(operator, "/api/incidents", PARCEL)
    path = f"/api/incidents/{incident['id']}/files"
    raw = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
    name = {"name": "foto gerbang.png"}
    kept = (await operator.post(path, params=name, content=raw)).raise_for_status().json()
    said = kept["timeline"][-1]["said"]
    assert (said["kind"], said["name"], said["type"]) == ("attached", name["name"], "image/png")
    back = await commander.get(f"{path}/{said['file']}")
    assert (back.content, back.headers["content-type"]) == (raw, "image/png")
    assert "foto%20gerbang.png" in back.headers["content-disposition"]
    script = b"<script>alert(1)</script>"
    assert (await operator.post(path, params=name, content=script)).status_code == 400
    assert (await operator.post(path, params=name, content=raw * 10_000)).status_code == 413
    other = await post(operator, "/api/incidents", PARCEL)
    elsewhere = f"/api/incidents/{other['id']}/files/{said['file']}"
    assert (await operator.get(elsewhere)).status_code == 404
    assert len((await get(operator, f"/api/incidents/{incident['id']}"))["timeline"]) == 2


async def test_a_participant_sees_and_changes_what_concerns_them_alone(
    center: Running, operator: httpx.AsyncClient, commander: httpx.AsyncClient
) -> None:
    incident = await post(operator, "/api/incidents", PARCEL)
    for name, party in (("p1", "KPU"), ("p2", "Dishub")):
        who = f"Guard of {party}"
        await say(operator, incident, "joined", participant=name, party=party, who=who)
        task = {"task": f"t{name}", "text": f"Task of {party}", "party": party}
        await say(operator, incident, "task_added", **task, due_ms=incident["opened_ms"])
    await say(operator, incident, "noted", text="For all")
    path = f"/api/incidents/{incident['id']}/participants"
    old = await post(operator, f"{path}/p1/link", None)
    link = await post(operator, f"{path}/p1/link", None)
    assert (await operator.post(f"{path}/p3/link")).status_code == 404
    async with center.client(None) as guest:
        assert (await guest.get("/api/join")).status_code == 401
        guest.headers["Serambi-Link"] = old["token"]
        assert (await guest.get("/api/join")).status_code == 401
        guest.headers["Serambi-Link"] = link["token"]
        part = await get(guest, "/api/join")
        assert [task["text"] for task in part["tasks"]] == ["Task of KPU"]
        assert [note["text"] for note in part["notes"]] == ["For all"]
        assert "Dishub" not in str(part)
        allowed = [
            {"kind": "participant_set", "participant": "p1", "state": "on_site"},
            {"kind": "task_set", "task": "tp1", "state": "done"},
            {"kind": "noted", "text": "Gate closed"},
        ]
        for said in allowed:
            part = await post(guest, "/api/join/steps", {"said": said})
        assert (part["me"]["state"], part["notes"][-1]["mine"]) == ("on_site", True)
        refused = [
            {"kind": "participant_set", "participant": "p2", "state": "left"},
            {"kind": "task_set", "task": "tp2", "state": "done"},
            {"kind": "item_set", "item": "cordon", "state": "done"},
            {"kind": "closed", "outcome": "resolved"},
        ]
        for said in refused:
            answer = await guest.post("/api/join/steps", json={"said": said})
            assert answer.status_code == 403, said
        assert (await guest.get(f"/api/incidents/{incident['id']}")).status_code == 401
        kept = await get(operator, f"/api/incidents/{incident['id']}")
        assert kept["timeline"][-1]["by"]["name"] == "Guard of KPU"
        for item in CHECKLISTS[IncidentType.SUSPICIOUS_PARCEL]:
            await say(operator, incident, "item_set", item=item, state="skipped")
        await say(commander, incident, "closed", outcome="resolved")
        assert (await get(guest, "/api/join"))["closed"]
        late = await guest.post("/api/join/steps", json={"said": allowed[2]})
        assert late.status_code == 409


async def test_a_view_for_the_incident_stands_in_its_timeline_once(center: Running) -> None:
    async with center.client() as client:
        incident = await post(client, "/api/incidents", PARCEL)
        wish = {"camera": "terminal-1", "action": "live"}
        for purpose in ("traffic", "incident", "incident"):
            await post(client, "/api/sessions", wish | {"purpose": purpose})
        async with asyncio.timeout(20):
            while len(incident["timeline"]) == 1:
                incident = await get(client, f"/api/incidents/{incident['id']}")
        (_, entry) = incident["timeline"]
        assert (entry["said"]["camera"], entry["said"]["person"]["name"]) == (
            "terminal-1",
            "Operator",
        )
        assert entry["by"] is None


async def test_places_that_are_not_there(operator: httpx.AsyncClient) -> None:
    for wrong in (
        {"site": "nowhere"},
        {"camera": "none"},
        {"site": "market", "camera": "terminal-1"},
    ):
        assert (await operator.post("/api/incidents", json=PARCEL | wrong)).status_code == 404
        assert (await operator.post("/api/alerts", json=CALL | wrong)).status_code == 404
    unknown = {"type": "earthquake", "title": "x"}
    assert (await operator.post("/api/incidents", json=unknown)).status_code == 422
    await post(operator, "/api/incidents", {"type": "fire", "title": "Elsewhere", "place": "Jl. X"})


async def test_shelved_alerts_call_nobody_until_it_ends(tmp_path: Path) -> None:
    clock = ManualClock(1_795_000_000.0)
    async with running_town(tmp_path, clock) as center, center.client() as client:
        wish = {
            "what": "camera_offline",
            "place": "terminal-1",
            "duration_s": 60,
            "reason": "works",
        }
        shelf = await post(client, "/api/shelves", wish)
        urgent = wish | {"what": "left_object"}
        assert (await client.post("/api/shelves", json=urgent)).status_code == 403
        await go_dark(center, clock)
        queue = await get(client, "/api/alerts")
        assert (queue["total"], queue["handled"][0]["state"]) == (0, "shelved")
        assert [one["id"] for one in queue["shelves"]] == [shelf["id"]]
        clock.advance(60.0)
        assert (await get(client, "/api/alerts"))["shelves"] == []
        again = await post(client, "/api/shelves", wish | {"duration_s": 30})
        assert (await client.delete(f"/api/shelves/{again['id']}")).status_code == 204
        assert (await get(client, "/api/alerts"))["shelves"] == []
        assert (await client.delete("/api/shelves/none")).status_code == 404


async def go_dark(center: Running, clock: ManualClock) -> None:
    """The camera `terminal-1` gives no pictures for longer than a short break."""
    gateway = center.town.gateways["terminal"]
    gateway.cameras = (camera("terminal-1", online=False), camera("terminal-2"))
    async with center.client() as client:
        before = await get(client, "/api/alerts")
        for _ in range(16):
            center.town.speak()
            clock.advance(1.0)
            await asyncio.sleep(0.05)
        async with asyncio.timeout(20):
            while (await get(client, "/api/alerts"))["quiet_since_ms"] == before["quiet_since_ms"]:
                center.town.speak()
                clock.advance(1.0)
                await asyncio.sleep(0.3)


async def test_health_calls_once_and_says_when_it_is_over(tmp_path: Path) -> None:
    clock = ManualClock(1_795_000_000.0)
    async with running_town(tmp_path, clock) as center, center.client() as client:
        incident = await post(client, "/api/incidents", PARCEL)
        await go_dark(center, clock)
        (alert,) = (await get(client, "/api/alerts"))["waiting"]
        assert (alert["what"], alert["camera"], alert["site"], alert["by"]) == (
            "camera_offline",
            "terminal-1",
            "terminal",
            None,
        )
        gateway = center.town.gateways["terminal"]
        gateway.cameras = (camera("terminal-1", state="stopped"), camera("terminal-2"))
        center.town.speak()
        async with asyncio.timeout(20):
            while not alert["ended_ms"]:
                (alert,) = (await get(client, "/api/alerts"))["waiting"]
        kept = await get(client, f"/api/incidents/{incident['id']}")
        turns = [one["said"] for one in kept["timeline"] if one["said"]["kind"] == "camera_turned"]
        assert turns[-1] == {"kind": "camera_turned", "camera": "terminal-1", "state": "stopped"}


async def test_a_task_becomes_late_by_itself(tmp_path: Path) -> None:
    clock = ManualClock(1_795_000_000.0)
    async with running_town(tmp_path, clock) as center, center.client() as client:
        incident = await post(client, "/api/incidents", PARCEL)
        due_ms = incident["opened_ms"] + 30_000
        await say(client, incident, "task_added", task="t1", text="Cordon", due_ms=due_ms)
        clock.advance(31.0)
        async with asyncio.timeout(20):
            while not incident["late_tasks"]:
                incident = await get(client, f"/api/incidents/{incident['id']}")
        assert incident["tasks"][0]["late"]
        assert incident["timeline"][-1]["said"] == {"kind": "task_late", "task": "t1"}
        assert incident["timeline"][-1]["by"] is None


async def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    town = Town(tmp_path, ManualClock(1_795_000_000.0))
    async with running(town) as center, center.client() as client:
        town.speak()
        alerts = [await call(client) for _ in range(3)]
        await respond(client, "acknowledge", alerts[0])
        incident = await post(client, "/api/incidents", PARCEL | {"alerts": [alerts[1]["id"]]})
        await say(client, incident, "noted", text="Not to be lost")
        wish = {"what": "loitering", "place": "terminal-1", "duration_s": 60, "reason": "works"}
        await post(client, "/api/shelves", wish)
        draft = await post(client, "/api/handovers", {"remarks": "Quiet"})
        await post(client, f"/api/handovers/{draft['id']}/signatures", {"side": "from"})
        async with center.client(Role.COMMANDER) as commander:
            for item in CHECKLISTS[IncidentType.SUSPICIOUS_PARCEL]:
                await say(client, incident, "item_set", item=item, state="skipped")
            await say(commander, incident, "closed", outcome="unresolved")
            await say(client, incident, "noted", text="While it was closed")
            await say(commander, incident, "reopened")
        await say(client, incident, "joined", participant="p1", party="KPU", who="Guard")
        before = [
            await get(client, path)
            for path in ("/api/alerts", f"/api/incidents/{incident['id']}", "/api/handovers")
        ]
    async with running(town) as center, center.client() as client:
        after = [
            await get(client, path)
            for path in ("/api/alerts", f"/api/incidents/{incident['id']}", "/api/handovers")
        ]
        assert after == before
        await say(client, incident, "noted", text="And on it goes")


async def test_the_events_say_what_to_ask_for_anew(
    center: Running, operator: httpx.AsyncClient
) -> None:
    async with center.socket("/api/events") as socket:
        first = await messages(socket, 3)
        assert '"type":"desk"' in "".join(map(str, first))
        await call(operator, priority=1)
        said = ""
        while '"type":"desk"' not in said:
            (message,) = await messages(socket, 1)
            said = str(message)
            assert '"type":"state"' not in said, "an alert does not send the whole town again"
        assert '"waiting":1,"urgent":1' in said


async def test_who_may_not_read_the_desk_is_told_nothing_of_it(
    center: Running, operator: httpx.AsyncClient
) -> None:
    async with center.socket("/api/events", Role.COORDINATOR) as socket:
        await messages(socket, 2)
        await call(operator)
        beats = 0
        while beats < 2:
            (message,) = await messages(socket, 1)
            assert '"type":"desk"' not in str(message)
            beats += '"type":"beat"' in str(message)


async def test_a_handover_takes_two_people(
    operator: httpx.AsyncClient, commander: httpx.AsyncClient
) -> None:
    await call(operator)
    await post(operator, "/api/incidents", PARCEL)
    preview = await get(operator, "/api/handovers/next")
    assert [one["title"] for one in preview["incidents"]] == [PARCEL["title"]]
    old = await post(operator, "/api/handovers", {})
    draft = await post(operator, "/api/handovers", {"remarks": "The box is still there"})
    path = f"/api/handovers/{draft['id']}/signatures"
    half = await post(operator, path, {"side": "from"})
    assert half["state"] == "open"
    assert (await operator.post(path, json={"side": "to"})).status_code == 409
    assert (await commander.post(path, json={"side": "from"})).status_code == 409
    done = await post(commander, path, {"side": "to"})
    assert (done["state"], done["signed_to"]["by"]["account"]) == ("done", "commander")
    assert (await commander.post(path, json={"side": "to"})).status_code == 409
    states = {one["id"]: one["state"] for one in await get(commander, "/api/handovers")}
    assert states == {old["id"]: "withdrawn", draft["id"]: "done"}
    since = (await get(operator, "/api/handovers/next"))["since_ms"]
    assert since == done["at_ms"]


async def test_who_leaves_in_the_middle_of_a_write_leaves_it_whole(center: Running) -> None:
    async with center.client() as client:
        asked = [asyncio.ensure_future(call(client)) for _ in range(5)]
        await asyncio.sleep(0)
        for one in asked:
            one.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
    async with center.client() as client:
        made = await call(client)
        queue = await get(client, "/api/alerts")
        numbers = sorted(alert["number"] for alert in queue["waiting"])
        assert numbers == list(range(1, made["number"] + 1))
