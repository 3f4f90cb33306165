"""What the witnesses are for: whoever withholds a revocation gains no more than the heartbeat."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from serambi.base.limits import WITNESS_AGAIN_S
from serambi.center.api import documents, models
from serambi.center.service import Center
from serambi.cli.ledger import ledger_group
from serambi.ledger.verify import verify
from tests.builders import SITE
from tests.fakes.witnessed_town import (
    HEARTBEAT_S,
    PARTIES,
    WitnessedTown,
    witnessed_town,
)

STEP_S = WITNESS_AGAIN_S


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[WitnessedTown]:
    async with witnessed_town(tmp_path) as town:
        yield town


async def watch(town: WitnessedTown, most_s: float) -> float:
    """Renew the view as the center does for as long as it lasts; -> after how long it ended."""
    began = town.clock.now()
    while town.keeper.sessions.all() and town.clock.now() - began < most_s:
        await town.tick(STEP_S)
        if town.keeper.sessions.all():
            await town.renew()
    return town.clock.now() - began


async def test_while_the_parties_confirm_a_view_goes_on(town: WitnessedTown) -> None:
    assert (await town.open()).allowed
    assert await watch(town, 2 * HEARTBEAT_S) >= 2 * HEARTBEAT_S
    assert town.reasons() == []
    town.keeper.vouched.save()
    town.keeper.journal.store.publish()
    report = verify(town.keeper.config.folder / "ledger", town.town.roster)
    assert report.ok
    assert any("Cosigned by 4 of 5 parties to entry" in line for line in report.lines)
    # The view was asked for with the center's key and stands nowhere in the center's ledger.
    for party in town.parties.values():
        ((_, alarm),) = party.witness.alarms.all()
        assert f"view {town.session} of {SITE} was opened at the site" in alarm
        assert "the center's log omits it" in alarm


async def test_a_revocation_goes_through_an_honest_center_at_once(town: WitnessedTown) -> None:
    assert (await town.open()).allowed
    town.parties["bawaslu"].witness.add_revocation(town.revocation("bawaslu"))
    await town.tick()
    assert town.reasons() == ["revoked"]
    await town.tick()
    logs = town.parties["rsud"].witness.watched()
    assert all(each.withheld == () for each in logs.values()), "the ledger has it: all is well"


async def test_a_center_that_withholds_a_revocation_gains_no_more_than_the_heartbeat(
    town: WitnessedTown, monkeypatch: pytest.MonkeyPatch
) -> None:
    dropped = []

    async def drop(center: Center, raw: bytes) -> dict[str, models.Answer]:
        dropped.append(raw)
        return {SITE: models.Answer(allowed=True, reason="allowed")}

    assert (await town.open()).allowed
    await watch(town, HEARTBEAT_S)
    with monkeypatch.context() as malice:
        malice.setattr(documents, "pass_on", drop)
        raw = town.revocation("bawaslu")
        town.parties["bawaslu"].witness.add_revocation(raw)
        lasted_s = await watch(town, 10 * HEARTBEAT_S)
        assert raw in dropped
        assert HEARTBEAT_S / 2 <= lasted_s <= HEARTBEAT_S
        assert town.reasons() == ["unwitnessed"]
        assert all(raw in p.witness.revocations.all().values() for p in town.parties.values())
        again = await town.open()
        assert (again.allowed, again.reason) == (False, "unwitnessed")
        camera = town.keeper.site_state().cameras[0]
        assert camera.state == "unwitnessed"
    await town.tick()
    assert (await town.open()).reason == "revoked"


async def test_a_site_that_is_cut_off_pauses_and_goes_on_by_itself(town: WitnessedTown) -> None:
    assert (await town.open()).allowed
    town.link.cut = True
    assert await watch(town, 10 * HEARTBEAT_S) <= HEARTBEAT_S
    assert town.reasons() == ["unwitnessed"]
    town.link.cut = False
    await town.tick()
    assert (await town.open()).allowed


async def test_one_party_may_be_down_and_two_may_not(town: WitnessedTown) -> None:
    assert (await town.open()).allowed
    town.parties["rsud"].down = True
    assert await watch(town, 2 * HEARTBEAT_S) >= 2 * HEARTBEAT_S
    town.parties["kpu"].down = True
    assert await watch(town, 3 * HEARTBEAT_S) <= HEARTBEAT_S
    assert town.reasons() == ["unwitnessed"]
    town.parties["kpu"].down = False
    await town.tick()
    assert (await town.open()).allowed


async def test_showing_the_witnesses_an_old_state_does_not_help(
    town: WitnessedTown, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They go on confirming what they see; the site knows that it is not all."""
    old = town.keeper.site_state().checkpoint
    assert (await town.open()).allowed
    build = town.keeper.site_state
    monkeypatch.setattr(town.keeper, "site_state", lambda: replace(build(), checkpoint=old))
    assert await watch(town, 5 * HEARTBEAT_S) <= HEARTBEAT_S
    assert town.reasons() == ["unwitnessed"]


async def test_the_parties_words_hold_through_a_restart(town: WitnessedTown) -> None:
    await town.tick(5.0)
    town.keeper.vouched.save()
    before = town.keeper.vouched.seen_at
    town.keeper.close()
    town.keeper = town.site.keeper(town.clock)
    town.link.keeper = town.keeper
    assert town.keeper.vouched.seen_at == before
    town.clock.advance(HEARTBEAT_S)
    assert (await town.open()).reason == "unwitnessed"


# -- the center's door for witnesses -------------------------------------------------------


def client(town: WitnessedTown, token: str = "") -> httpx.AsyncClient:
    door = town.parties["kpu"].carrier._door
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.AsyncClient(base_url=door._url, headers=headers, trust_env=False)


async def test_ledgers_are_for_witnesses_alone(town: WitnessedTown) -> None:
    ways = [
        ("GET", "/ledger/checkpoints"),
        ("GET", f"/ledger/kpu/{SITE}/keeper/checkpoint"),
        ("GET", f"/ledger/kpu/{SITE}/keeper/tile/entries/000.p/1"),
        ("POST", "/ledger/cosigned"),
        ("POST", "/ledger/documents"),
    ]
    for token in ("", "wrong", f"token-of-{PARTIES[0]}x"):
        async with client(town, token) as stranger:
            for method, path in ways:
                assert (await stranger.request(method, path)).status_code == 401, path


async def test_a_witness_token_opens_ledgers_and_nothing_else(town: WitnessedTown) -> None:
    async with client(town, town.tokens["rsud"]) as rsud:
        for path in ("/api/me", "/api/cameras", "/api/history", "/api/sessions"):
            assert (await rsud.get(path)).status_code == 401
        found = (await rsud.get("/ledger/checkpoints")).json()
        assert sorted(found) == [f"kpu/{SITE}/keeper", "polres/center"]
        for origin, text in found.items():
            assert (await rsud.get(f"/ledger/{origin}/checkpoint")).text == text
        missing = {
            f"/ledger/kpu/{SITE}/keeper/tile/entries/009": 404,
            f"/ledger/kpu/{SITE}/keeper/tile/0/000.p/1": 404,
            f"/ledger/kpu/{SITE}/keeper/tile/entries/../x": 404,
            "/ledger/kpu/elsewhere/keeper/checkpoint": 404,
            "/ledger/polres/center/tile/entries/000.p/200": 404,
        }
        for path, status in missing.items():
            assert (await rsud.get(path)).status_code == status, path


async def test_a_party_hands_back_its_own_word_only(town: WitnessedTown) -> None:
    word = town.keeper.vouched.words()[0]
    raw = word.note.emit()
    other = next(party for party in PARTIES if party != word.party)
    async with client(town, town.tokens[other]) as peer:
        assert (await peer.post("/ledger/cosigned", content=raw)).status_code == 403
        assert (await peer.post("/ledger/cosigned", content=b"x")).status_code == 400
        assert (await peer.post("/ledger/cosigned", content=b"x" * 300_000)).status_code == 429
    async with client(town, town.tokens[word.party]) as own:
        answer = await own.post("/ledger/cosigned", content=raw)
        taken = {"allowed": True, "reason": "allowed"}
        assert answer.json() == {f"kpu/{SITE}/keeper": taken}


async def test_a_ledger_is_checked_from_its_address(town: WitnessedTown) -> None:
    roster, token = town.folder / "roster.json", town.folder / "token"
    token.write_text(town.tokens["rsud"])
    token.chmod(0o600)
    center = f"{town.parties['kpu'].carrier._door._url}/ledger"
    keeper, hub = f"{center}/kpu/{SITE}/keeper", f"{center}/polres/center"

    async def run(*arguments: str) -> Result:
        given = [*arguments, "--trust", str(roster), "--token", str(token)]
        return await asyncio.to_thread(CliRunner().invoke, ledger_group, given)

    result = await run("verify", keeper)
    assert result.exit_code == 0, result.output
    assert "Cosigned by 4 of 5 parties to entry" in result.output
    result = await run("audit", keeper, hub)
    assert result.exit_code == 0, result.output
    assert "OK: 0 views compared, 0 alarms" in result.output
    result = await run("prove", keeper, "0")
    assert json.loads(result.output)["origin"] == f"kpu/{SITE}/keeper"
    for wrong, why in (
        (f"{center}/kpu/elsewhere/keeper", "there is no such ledger"),
        ("http://127.0.0.1:1/other", "names a ledger"),
        (f"{center}/kpu", "names neither a keeper nor a center"),
    ):
        result = await run("verify", wrong)
        assert result.exit_code == 1
        assert why in result.output
    token.chmod(0o644)
    assert "others can read the token" in (await run("verify", keeper)).output


# -- the parties' doors --------------------------------------------------------------------


async def test_a_party_says_how_it_is_and_takes_only_what_is_signed(town: WitnessedTown) -> None:
    port = town.parties["kpu"].server.port
    base = f"http://127.0.0.1:{port}"
    async with httpx.AsyncClient(base_url=base, trust_env=False) as anybody:
        health = (await anybody.get("/health")).json()
        assert health["party"] == "kpu"
        assert health["logs"][f"kpu/{SITE}/keeper"]["cosigned_size"] > 0
        assert health["alarms"] == []
        for path, body, status in (
            ("/documents", b"{}", 400),
            ("/documents", town.site.agreement, 200),
            ("/documents", town.site.wrong[:-1], 400),
            ("/documents", b"x" * 1_100_000, 429),
            ("/checkpoints", b"a\n\nb\n", 400),
            ("/checkpoints", b"", 200),
        ):
            assert (await anybody.post(path, content=body)).status_code == status, path
        raw = town.revocation("rsud")
        for new in (True, False):
            assert (await anybody.post("/documents", content=raw)).json() == {"new": new}
        health = (await anybody.get("/health")).json()
        assert len(health["revocations"]) == 1
