"""What the owner sees of a broken glass: at once, while it lasts, and until somebody says why."""

from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path

import pytest

from serambi.agreement.instants import Hours
from serambi.agreement.model import SharedSite
from serambi.base.ids import new_id
from serambi.base.limits import BREAK_GLASS_JUSTIFY_S
from serambi.base.words import Language
from serambi.web.words import LANGUAGES, Words
from tests.builders import SITE
from tests.fakes.keeper_http import Box, box
from tests.fakes.keeper_site import SHARED, Site

WORDS = Words.load()
SUNDAY = (Hours(("sun",), "06:00", "18:00"),)
WHY = "Pagar <gudang> dipanjat orang"


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[Box]:
    shared = SharedSite(SITE, SHARED, ("live",), "Asia/Jakarta", SUNDAY, break_glass=True)
    site = Site(tmp_path / "keeper", sites=(shared,))
    site.put_documents()
    async with box(site) as home:
        await home.sign_in()
        yield home


async def broken(home: Box) -> tuple[str, str]:
    act = new_id()
    reply = await home.ask(act=act, why=WHY, salt="5a" * 16)
    assert reply.allowed, reply.reason
    return act, reply.session


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_owner_is_alarmed_while_it_lasts(home: Box, language: Language) -> None:
    home.keeper._on_link(True)
    await broken(home)
    page = await home.page(lang=language)
    alarm = WORDS.text(language, "owner.glass_now", number="101")
    assert f"<title>{alarm}" in page
    assert page.count('class="glass loud" role="alert"') == 1
    assert f"<h2>{alarm}</h2>" in page
    assert "petugas1, Regu jaga, POLRES" in page
    assert "Pagar &lt;gudang&gt; dipanjat orang" in page
    assert WORDS.text(language, "owner.lamp_broken_text", cameras="101") in unescape(page)
    assert WORDS.text(language, "owner.camera_broken") in page
    assert 'href="/stop"' in page
    log = await home.page("/log", lang=language)
    said = WORDS.text(
        language, "owner.log_break_glass", person="petugas1", camera="101 Kamera 101", why="W"
    )
    assert said.partition("101 ")[0] in log
    assert "Pagar &lt;gudang&gt;" in log


async def test_stop_ends_it_and_the_reason_is_still_owed(home: Box) -> None:
    act, _ = await broken(home)
    await home.keeper.stop(None)
    page = await home.page(lang="en")
    assert "glass loud" not in page
    assert WORDS.text("en", "owner.glass_owed", number="101") in page
    assert "petugas1, Regu jaga" in page
    assert "2026-03" in (await home.ask(kind="justify", session=act, act=act, why=WHY)).agreement
    page = await home.page(lang="en")
    assert 'class="glass"' not in page
    assert "petugas1 justified the break-glass at 101" in await home.page("/log", lang="en")


async def test_without_a_reason_it_is_said_to_be_late(home: Box) -> None:
    act, session = await broken(home)
    assert (await home.ask(kind="close", session=session, act=act)).allowed
    home.clock.advance(BREAK_GLASS_JUSTIFY_S)
    await home.sign_in()
    page = await home.page(lang="en")
    assert WORDS.text("en", "owner.glass_late", number="101") in page
    assert "this person gets no view at all" in page


async def test_words_that_were_erased_are_said_to_be(home: Box) -> None:
    await broken(home)
    home.keeper.journal.names.forget(WHY)
    home.keeper.journal.names.forget("petugas1")
    page = await home.page(lang="en")
    assert WORDS.text("en", "owner.glass_why", why=WORDS.text("en", "owner.name_erased")) in page
    assert f"{WORDS.text('en', 'owner.name_erased')}, Regu jaga" in page


async def test_the_center_is_told_what_the_agreement_says(home: Box) -> None:
    cameras = home.keeper.site_state().cameras
    assert [(c.state, c.break_glass, c.incident_needed, c.four_eyes) for c in cameras] == [
        ("out_of_hours", True, False, False)
    ] * len(SHARED)
