"""Breaking the glass at the center: who may, what is asked, written, owed; views for incidents."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import text as sql

from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import BREAK_GLASS_JUSTIFY_S, BREAK_GLASS_MAX_S, HISTORY_KEPT_S
from serambi.center.accounts import Account, Role
from serambi.center.session import Grounds, Session
from serambi.fabric.messages import BATCH_TYPE, Batch, epoch_of
from serambi.ledger.audit import audit
from serambi.ledger.entry import Entry, commit
from serambi.web.errors import ReasonedError
from tests.fakes.center_desk import ANI, CenterDesk, a_desk
from tests.fakes.center_town import camera, seal
from tests.fakes.running import Running, eventually, running_town

WHY = "Orang memanjat pagar gudang, Pak Budi menelepon"
SAID = "Laporan 12: pencuri ditangkap pukul 22.10"
BUDI = Account("budi", "Budi", Role.OPERATOR, "Regu B")
CHIEF = Account("chief", "Chief", Role.COMMANDER, "Posko")


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[CenterDesk]:
    async with a_desk(tmp_path) as desk:
        yield desk


async def broken(
    desk: CenterDesk, owner: Account = ANI, stream: Any = "sub", camera_id: str = "terminal-1"
) -> Session:
    grounds = desk.glass.anew(owner, camera_id, WHY)
    return await desk.sessions.open(owner, camera_id, "live", "traffic", stream, grounds=grounds)


async def test_the_reason_goes_signed_to_the_site_and_hidden_into_the_ledger(
    desk: CenterDesk,
) -> None:
    session = await broken(desk)
    asked = desk.gateway.requests[-1]
    assert (asked.act, asked.why) == (session.grounds.act, WHY)
    glass, opened = desk.ledger.entries
    assert (glass.kind, glass.session, glass.agreement) == ("break_glass", asked.act, "PKS-1")
    assert opened.detail == f"live break_glass {asked.act}"
    assert glass.person == opened.person
    names = desk.journal.names
    assert (names.who(glass.detail), names.who(glass.person)) == (WHY, "Ani")


async def test_the_other_stream_of_a_running_act_is_the_same_act(desk: CenterDesk) -> None:
    first = await broken(desk)
    second = await broken(desk, stream="main")
    assert second.grounds == first.grounds
    assert desk.ledger.said().count(("break_glass", "")) == 1
    assert (await broken(desk, BUDI)).grounds.act != first.grounds.act
    desk.clock.advance(BREAK_GLASS_MAX_S)
    with pytest.raises(ReasonedError) as caught:
        desk.glass.going_on(ANI, "terminal-1")
    assert caught.value.reason == "break_glass_over", "asking again is not breaking again"
    assert desk.glass.anew(ANI, "terminal-1", WHY).act != first.grounds.act


@pytest.mark.parametrize("role", [Role.INVESTIGATOR, Role.COORDINATOR])
async def test_it_is_not_everybodys_work(desk: CenterDesk, role: Role) -> None:
    with pytest.raises(ReasonedError) as caught:
        desk.glass.anew(Account("x", "X", role, "U"), "terminal-1", WHY)
    assert caught.value.reason == "role_glass"


@pytest.mark.parametrize("why", ["", " " * 30, "tolong!", "x" * 501])
async def test_without_a_reason_nothing_is_asked(desk: CenterDesk, why: str) -> None:
    with pytest.raises(SerambiError, match="a reason has 10 to 500 characters"):
        desk.glass.anew(ANI, "terminal-1", why)
    assert desk.gateway.requests == []


async def test_a_refusal_leaves_nothing_to_justify(desk: CenterDesk) -> None:
    desk.gateway.refuse = ["no_break_glass"]
    with pytest.raises(ReasonedError):
        await broken(desk)
    assert desk.glass.listed(ANI) == []
    assert desk.ledger.said() == [("refused", "no_break_glass")]


async def test_a_lost_answer_leaves_the_act_to_be_justified(desk: CenterDesk) -> None:
    desk.gateway.change_reply = lambda reply: replace(reply, nonce="another")
    with pytest.raises(SerambiError):
        await broken(desk)
    (owed,) = desk.glass.listed(ANI)
    assert (owed.why, owed.agreement) == (WHY, "")
    desk.gateway.change_reply = lambda reply: reply
    desk.gateway.refuse = ["bad_request"]
    assert (await desk.glass.justify(ANI, owed.act, SAID)).said == SAID


async def test_what_cannot_be_written_down_is_not_asked(desk: CenterDesk) -> None:
    with desk.engine.begin() as connection:
        connection.execute(
            sql(
                "CREATE TRIGGER full BEFORE INSERT ON break_glass "
                "BEGIN SELECT RAISE(FAIL, 'full'); END"
            )
        )
    with pytest.raises(Exception, match="full"):
        await broken(desk)
    assert desk.gateway.requests == []


async def test_a_ledger_that_refuses_opens_nothing_and_the_site_is_told(desk: CenterDesk) -> None:
    desk.ledger.broken = True
    with pytest.raises(SerambiError, match="disk full"):
        await broken(desk)
    assert desk.sessions.count() == 0
    await eventually(lambda: desk.kinds() == ["open", "close"])
    assert len(desk.glass.listed(ANI)) == 1, "the site said yes"


async def test_it_is_justified_once_by_whoever_did_it_or_a_commander(desk: CenterDesk) -> None:
    session = await broken(desk)
    act = session.grounds.act
    with pytest.raises(SerambiError) as caught:
        await desk.glass.justify(BUDI, act, SAID)
    assert caught.value.kind == Kind.NOT_FOUND
    for wrong in ("maaf", "x" * 501):
        with pytest.raises(SerambiError, match="characters"):
            await desk.glass.justify(ANI, act, wrong)
    done = await desk.glass.justify(CHIEF, act, f"  {SAID} ")
    assert (done.said, done.justified_by) == (SAID, "Chief")
    asked = desk.gateway.requests[-1]
    assert (asked.kind, asked.session, asked.act, asked.why) == ("justify", act, act, SAID)
    entry = desk.ledger.entries[-1]
    assert (entry.kind, entry.session) == ("justified", act)
    assert desk.journal.names.who(entry.detail) == SAID
    with pytest.raises(SerambiError, match="already"):
        await desk.glass.justify(ANI, act, SAID)


async def test_a_site_that_does_not_take_it_leaves_it_owed(desk: CenterDesk) -> None:
    session = await broken(desk)
    desk.gateway.refuse = ["error"]
    with pytest.raises(ReasonedError, match="did not take it"):
        await desk.glass.justify(ANI, session.grounds.act, SAID)
    assert desk.glass.listed(ANI)[0].justified_ms == 0


async def test_an_account_that_owes_a_reason_too_long_is_locked(desk: CenterDesk) -> None:
    session = await broken(desk)
    await desk.sessions.close(session, "closed")
    desk.clock.advance(BREAK_GLASS_JUSTIFY_S - 1)
    desk.town.speak()
    await desk.open()
    desk.clock.advance(1)
    desk.town.speak()
    span = (1, 2)
    for asked in (desk.open(), desk.sessions.recorded(ANI, "terminal-1", "traffic", span)):
        with pytest.raises(ReasonedError) as caught:
            await asked
        assert caught.value.reason == "locked"
    await desk.sessions.open(BUDI, "terminal-1", "live", "traffic", "sub")
    await desk.glass.justify(ANI, session.grounds.act, SAID)
    await desk.open()


async def test_old_acts_are_forgotten_once_they_were_justified(desk: CenterDesk) -> None:
    for owner in (ANI, BUDI):
        await broken(desk, owner)
    (anis, budis) = desk.glass.listed(CHIEF)
    await desk.glass.justify(ANI, anis.act, SAID)
    desk.clock.advance(HISTORY_KEPT_S + 1)
    desk.glass.make_room()
    assert [act.act for act in desk.glass.listed(CHIEF)] == [budis.act]


async def test_a_database_that_cannot_be_used_opens_nothing(desk: CenterDesk) -> None:
    with desk.engine.begin() as connection:
        connection.execute(sql("DROP TABLE break_glass"))
    for ask in (desk.open(), broken(desk)):
        with pytest.raises(SerambiError) as caught:
            await ask
        assert caught.value.kind == Kind.UNAVAILABLE
    assert desk.gateway.requests == []


async def test_both_ledgers_say_the_same_of_a_view(desk: CenterDesk) -> None:
    await broken(desk)
    center = desk.ledger.entries
    site = [replace(e, detail=e.detail.removeprefix("live ")) for e in center]
    work, alarms = audit(site, center, "terminal")
    assert (work.matched, alarms) == (1, [])
    ordinary = [replace(e, detail="") for e in site]
    _, alarms = audit(ordinary, center, "terminal")
    assert len(alarms) == 1
    assert "the grounds is" in alarms[0]


async def test_a_view_ends_with_its_incident(desk: CenterDesk) -> None:
    plain = await desk.open()
    for_it = await desk.sessions.open(
        ANI, "terminal-1", "live", "traffic", "main", grounds=Grounds(incident="12")
    )
    assert desk.gateway.requests[-1].incident == "12"
    assert desk.ledger.entries[-1].detail == "live incident 12"
    desk.sessions.keep_incidents(lambda: [11, 12])
    assert desk.sessions.count() == 2
    desk.sessions.keep_incidents(lambda: [11])
    assert list(desk.sessions.all()) == [plain]
    assert not desk.sessions.is_open(for_it)
    await eventually(lambda: ("session_closed", "incident_closed") in desk.ledger.said())


# -- over HTTP


@pytest.fixture
async def center(tmp_path: Path) -> AsyncIterator[Running]:
    async with running_town(tmp_path) as center:
        yield center


async def test_from_the_dialog_to_the_justification(center: Running) -> None:
    gateway = center.town.gateways["terminal"]
    wish = {"camera": "terminal-1", "action": "live", "purpose": "traffic", "break_glass": WHY}
    async with center.client(Role.COORDINATOR) as client:
        assert (await client.get("/api/break-glass")).status_code == 403
    async with center.client() as client:
        too_short = await client.post("/api/sessions", json={**wish, "break_glass": "aduh"})
        assert too_short.status_code == 400
        opened = (await client.post("/api/sessions", json=wish)).json()
        again = {**wish, "break_glass": "", "under_act": True, "stream": "main"}
        assert (await client.post("/api/sessions", json=again)).json()["act"] == opened["act"]
        (listed,) = (await client.get("/api/break-glass")).json()
        assert (listed["act"], listed["why"], listed["justified_ms"]) == (opened["act"], WHY, 0)
        assert listed["ends_ms"] - listed["at_ms"] == BREAK_GLASS_MAX_S * 1000
        assert listed["due_ms"] - listed["at_ms"] == BREAK_GLASS_JUSTIFY_S * 1000
        path = f"/api/break-glass/{opened['act']}/justification"
        assert (await client.post(path, json={"text": SAID})).json()["said"] == SAID
        assert (await client.post(path, json={"text": SAID})).status_code == 409
        elsewhere = await client.post("/api/sessions", json={**again, "camera": "market-1"})
        assert elsewhere.json()["error"]["reason"] == "break_glass_over"
    assert [request.kind for request in gateway.requests] == ["open", "open", "justify"]


async def test_the_history_tells_the_reason(center: Running) -> None:
    wish = {"camera": "terminal-1", "action": "live", "purpose": "traffic", "break_glass": WHY}
    async with center.client() as client:
        (await client.post("/api/sessions", json=wish)).raise_for_status()
    asked = center.town.gateways["terminal"].requests[-1]
    detail = commit(bytes.fromhex(asked.salt), WHY)
    entry = Entry(kind="break_glass", at_ms=5, site="terminal", detail=detail)
    batch = Batch("terminal", epoch_of(entry), 0, 0, (entry,))
    assert center.town.link.take_batch is not None
    await center.town.link.take_batch(
        "terminal", seal(BATCH_TYPE, batch, center.town.gateways["terminal"].key)
    )
    async with center.client(Role.COMMANDER) as client:
        assert [e["detail"] for e in (await client.get("/api/history")).json()] == [WHY]


async def test_a_view_for_an_open_incident(center: Running) -> None:
    gateway = center.town.gateways["terminal"]
    gateway.cameras = (camera("terminal-1", state="incident_needed", incident_needed=True),)
    center.town.speak()
    new = {"type": "crowd", "title": "Keramaian di gerbang", "site": "terminal"}
    wish = {"camera": "terminal-1", "action": "live", "purpose": "traffic"}
    async with center.client() as client:
        (shown,) = [c for c in (await client.get("/api/cameras")).json() if c["site"] == "terminal"]
        assert (shown["incident_needed"], shown["four_eyes"], shown["break_glass"]) == (
            *(True, False),
            False,
        )
        incident = (await client.post("/api/incidents", json=new)).json()
        unknown = await client.post("/api/sessions", json={**wish, "incident": "no-such"})
        assert unknown.status_code == 404
        opened = await client.post("/api/sessions", json={**wish, "incident": incident["id"]})
        assert opened.json()["incident"] == str(incident["number"])
    assert gateway.requests[-1].incident == str(incident["number"])
