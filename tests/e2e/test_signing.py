"""Five institutions at their own desks, each in a browser of its own: a paper is drafted, proposed,
refused, signed by all, put in force, and revoked by one while the center holds the revocation back.
"""

from pathlib import Path

import pytest
from playwright.async_api import expect

from serambi.base.limits import WITNESS_AGAIN_S
from serambi.center.api import documents, models
from serambi.center.service import Center
from serambi.keeper.session import Outcome
from tests.builders import SITE, make_request
from tests.e2e.people import Person, chromium, people
from tests.fakes.keeper_site import WAITING
from tests.fakes.signing_town import SigningTown, signing_town
from tests.fakes.witnessed_town import HEARTBEAT_S, PARTIES

pytestmark = [pytest.mark.browser]


async def draft(person: Person) -> None:
    """Fill in the form for the camera that no agreement opens yet."""
    page = person.page
    await page.goto(f"{person.url}/draft")
    for name, text in {
        "number": "2026-08",
        "title_id": "Jalan samping gudang",
        "title_en": "The street beside the warehouse",
        "basis_id": "Kesepakatan lima lembaga",
        "basis_en": "Accord of the five institutions",
        "purpose_0": "routine_watch",
        "purpose_0_id": "Keamanan",
        "purpose_0_en": "Safety",
        "valid_from": "2026-11-22T00:00",
        "valid_until": "2026-12-09T23:59",
        "heartbeat_s": str(HEARTBEAT_S),
    }.items():
        await page.locator(f"[name={name}]").fill(text)
    await page.locator("select[name=viewer]").select_option("polres")
    await page.get_by_label("103 Gerbang").check()
    await page.get_by_role("button", name="Make the draft").click()


async def test_the_journey_of_a_paper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    title = "The street beside the warehouse"
    async with (
        signing_town(tmp_path) as town,
        chromium() as browser,
        people(town.desks, browser) as at,
    ):
        kpu, rsud = at["kpu"], at["rsud"]
        # A vague purpose is no purpose; a camera that looks inside cannot even be ticked.
        await draft(kpu)
        await expect(kpu.page.get_by_role("alert")).to_contain_text("not concrete enough")
        assert await kpu.page.get_by_label("104").count() == 0
        for name, text in {
            "purpose_0_id": "Pengamanan jalan samping gudang logistik pemilu",
            "purpose_0_en": "Protecting the street beside the election warehouse",
        }.items():
            await kpu.page.locator(f"[name={name}]").fill(text)
        await kpu.page.get_by_role("button", name="Make the draft").click()
        await kpu.stands("Draft, nobody has signed yet")
        await town.town.tick(5)
        await rsud.page.goto(rsud.url)
        await expect(rsud.page.get_by_role("link", name=title)).to_have_count(0)
        await kpu.act("proposal")
        await town.town.tick(5)

        # One refuses, all see it, the others sign; nothing opens.
        await rsud.open(title)
        await rsud.act("refusal", "The hospital's gate is in the picture")
        await rsud.stands("Refused by RSUD")
        await town.town.tick(5)
        for party in ("kpu", "bawaslu", "polres", "dishub"):
            await at[party].open(title)
            await at[party].stands("Refused by RSUD")
            await expect(at[party].page.locator(".side")).to_contain_text("The hospital's gate")
            await at[party].sign()
            await expect(at[party].page.locator(".sig.me")).to_contain_text("Signed")
        await town.town.tick(5)
        assert (await ask(town)).reason == "no_agreement"

        # It signs after all: with a wrong passphrase not, with its own yes.
        await rsud.open(title)
        await expect(rsud.page.locator(".sig.signed")).to_have_count(4)
        await rsud.sign("not the passphrase")
        await expect(rsud.page.get_by_role("alert")).to_contain_text("Nothing was signed")
        await rsud.sign()
        await rsud.stands("In force until")
        for _ in range(3):
            await town.town.tick(5)
        await rsud.page.reload()
        await expect(rsud.page.locator(".side")).to_contain_text(f"{SITE} has this agreement")
        await kpu.open(title)
        await kpu.stands("In force until")
        assert (await ask(town)).allowed

        # One party ends it while the center suppresses what it sends.
        held_back = []

        async def drop(center: Center, raw: bytes) -> dict[str, models.Answer]:
            held_back.append(raw)
            return {SITE: models.Answer(allowed=True, reason="allowed")}

        with monkeypatch.context() as malice:
            malice.setattr(documents, "pass_on", drop)
            bawaslu = at["bawaslu"]
            await bawaslu.open(title)
            await bawaslu.page.get_by_role("link", name="Revoke the agreement").click()
            await bawaslu.act("revoke")
            await bawaslu.stands("Revoked by BAWASLU (en), for good")
            assert await ends_after(town) <= HEARTBEAT_S
            assert town.town.reasons()[-1] == "unwitnessed"
            assert held_back
            # Everybody else has heard it around the center.
            for party in set(PARTIES) - {"bawaslu"}:
                await at[party].open(title)
                await at[party].stands("Revoked by BAWASLU (en), for good")
        await town.town.tick(5)
        assert (await ask(town)).reason == "revoked"


async def ask(town: SigningTown) -> Outcome:
    """The center asks for a view of the camera, as it would."""
    raw = make_request(town.town.town, camera=WAITING, now=town.town.clock.now())
    outcome = await town.town.keeper.sessions.handle(raw)
    town.town.session = outcome.session
    return outcome


async def ends_after(town: SigningTown) -> float:
    """Keep the view open for as long as it lasts -> seconds."""
    began = town.town.clock.now()
    while town.town.keeper.sessions.all() and town.town.clock.now() - began < 10 * HEARTBEAT_S:
        await town.town.tick(WITNESS_AGAIN_S)
        if town.town.keeper.sessions.all():
            raw = make_request(
                town.town.town,
                camera=WAITING,
                now=town.town.clock.now(),
                kind="renew",
                session=town.town.session,
            )
            await town.town.keeper.sessions.handle(raw)
    return town.town.clock.now() - began
