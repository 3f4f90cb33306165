"""Keys come back by a one-time code: a party that lost its key at its own desk, the one that gave
the code at another, two persons there, and between the desks nothing but text that is handed over.
On the way every page is looked at in both languages and themes, on a phone and on a table."""

from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from serambi.identity import dsse
from serambi.identity.enrollment import TYPED_CHARACTERS
from tests.e2e.conftest import PATIENCE_MS
from tests.e2e.people import chromium
from tests.e2e.screen import AXE
from tests.e2e.test_signing_screens import PHONE, TABLE, look
from tests.fakes.signing_town import (
    ACCOUNT,
    SECOND,
    OneDesk,
    one_desk,
    passphrase_of,
    password_of,
)

pytestmark = [pytest.mark.browser]

NEW = "four new words here"


async def sign_in(page: Page, desk: OneDesk, account: str, look_and_lang: str) -> None:
    page.set_default_timeout(PATIENCE_MS)
    await page.goto(f"{desk.url}/?{look_and_lang}")
    await page.locator("[name=account]").fill(account)
    await page.locator("[name=password]").fill(password_of(desk.party))
    await page.get_by_role("button").first.click()
    await page.locator(".list").wait_for()


async def fill(page: Page, **fields: str) -> None:
    """Fill in the form in front and send it by keyboard alone."""
    for name, text in fields.items():
        await page.locator(f"main form [name={name}]").first.fill(text)
    await page.locator("main form [name=secret]").first.press("Enter")


async def test_a_lost_key_comes_back(tmp_path: Path) -> None:
    if not AXE.is_file():
        pytest.skip("axe is not installed: python3 dev.py test installs it")
    expect.set_options(timeout=PATIENCE_MS)
    async with (
        chromium() as browser,
        one_desk(tmp_path / "kpu") as kpu,
        one_desk(tmp_path / "polres", "polres", kpu.town) as polres,
    ):
        ani = await (await browser.new_context(viewport=TABLE)).new_page()
        budi = await (await browser.new_context(viewport=PHONE)).new_page()
        theirs = await (await browser.new_context(viewport=PHONE)).new_page()
        await sign_in(ani, kpu, ACCOUNT, "lang=en&theme=dark")
        await sign_in(budi, kpu, SECOND, "lang=id&theme=light")
        await sign_in(theirs, polres, ACCOUNT, "lang=id&theme=dark")

        # A code is given, and read out.
        await ani.goto(f"{kpu.url}/roster")
        await look(ani, "roster")
        await ani.get_by_role("link", name="Give an enrollment code").click()
        await look(ani, "invite")
        await fill(ani, party="polres", secret=password_of("kpu"))
        code = await ani.get_by_role("status").inner_text()
        await look(ani, "code")

        # At the other desk a key is made and asked for; a slip of the hand is told at once.
        await theirs.goto(f"{polres.url}/roster/change/lost")
        await look(theirs, "lost")
        lost = {"since": "2026-11-20T08:00", "passphrase": NEW, "again": NEW}
        await fill(theirs, code=code[:-1], **lost, secret=password_of("polres"))
        await expect(theirs.get_by_role("alert")).to_contain_text("code")
        await fill(theirs, code=code.lower(), **lost, secret=password_of("polres"))
        groups = await theirs.locator(".groups code").first.inner_text()
        await look(theirs, "own request")
        request = await theirs.locator("pre").inner_text()

        # Whoever gave the code cannot confirm; a second person hears the groups and types them.
        for page in (ani, budi):
            await page.goto(f"{kpu.url}/roster")
        await ani.locator("[name=document]").fill(request)
        await ani.get_by_role("button", name="Bring it in").click()
        await ani.get_by_role("link", name="Compare the fingerprint").click()
        typed = groups.replace("-", "")[-TYPED_CHARACTERS:]
        said = {"name": "Budi Santoso", "secret": passphrase_of("kpu")}
        await fill(ani, typed=typed, **said)
        await expect(ani.get_by_role("alert")).to_contain_text("Ask a second person")
        await budi.reload()
        await budi.get_by_role("link", name="Cocokkan sidik kunci").click()
        await look(budi, "compare")
        await fill(budi, typed="0" * TYPED_CHARACTERS, **said)
        await expect(budi.get_by_role("alert")).to_contain_text("Tidak ada yang diusulkan")
        await fill(budi, typed=typed.upper(), **said)
        await expect(budi.get_by_role("status")).to_contain_text("Menunggu pihak lain")
        await look(budi, "proposal")

        # The proposed roster goes over as a file; the new key signs, and when all have, it holds.
        assert kpu.pages is not None
        assert polres.pages is not None
        (proposal,) = kpu.pages.hand.proposals.all()
        await theirs.goto(f"{polres.url}/roster")
        await theirs.locator("[name=document]").fill(proposal.raw.decode())
        await theirs.get_by_role("button", name="Masukkan").click()
        await theirs.locator(".box.ours a").first.click()
        await look(theirs, "to sign")
        await theirs.get_by_role("checkbox").check()
        await fill(theirs, secret=NEW)
        await expect(theirs.get_by_role("status")).to_contain_text("Menunggu pihak lain")
        (waits,) = polres.pages.hand.proposals.all()
        envelope = dsse.load(waits.raw)
        for party in waits.missing:
            envelope = dsse.add_signature(envelope, kpu.town.keys[party])
        await ani.goto(f"{kpu.url}/roster")
        await ani.locator("[name=document]").fill(dsse.dump(envelope).decode())
        await ani.get_by_role("button", name="Bring it in").click()
        await expect(ani.get_by_role("heading", name="Roster number 2")).to_be_visible()
        await expect(ani.locator("main")).to_contain_text(groups)
