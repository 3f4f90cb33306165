"""Two histories: the owner is told in plain words what to do, and it stays until it was seen."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from serambi.base.clock import ManualClock
from serambi.base.errors import Kind, SerambiError
from serambi.base.instants import instant_text
from serambi.base.limits import NOTICES_EVERY_S, WARNINGS_PER_PARTY
from serambi.keeper.warnings import Warnings
from serambi.ledger.notice import Notice, read_notice, seal_notice
from serambi.party.alarms import Alarms
from serambi.party.notices import Notices
from tests.builders import NOW, SITE, Town, make_roster
from tests.fakes.keeper_http import BEARER, Box, box
from tests.fakes.keeper_site import Site
from tests.rosters import rotated
from tests.unit.test_party_rosters import Carried

ORIGIN = f"kpu/{SITE}/keeper"
FORK = Notice(1, "fork", ORIGIN, "bawaslu", instant_text(NOW))


@pytest.fixture(scope="module")
def town() -> Town:
    return make_roster(witnessed=True)


@pytest.fixture
async def home(tmp_path: Path, town: Town) -> AsyncIterator[Box]:
    site = Site(tmp_path / "keeper", town)
    site.put_documents()
    async with box(site) as home:
        yield home


@pytest.fixture
def warnings(tmp_path: Path) -> Warnings:
    return Warnings(tmp_path, ORIGIN, ManualClock(NOW))


def test_what_was_found_stays_until_it_is_seen(
    warnings: Warnings, tmp_path: Path, town: Town
) -> None:
    warnings.look((), "")
    assert warnings.unseen() == ()
    raw = seal_notice(FORK, town.witnesses["bawaslu"])
    for _ in range(2):
        warnings.look(("ab" * 32,), "bawaslu has seen another past")
        warnings.hear(raw, town.roster)
    again = Warnings(tmp_path, ORIGIN, ManualClock(NOW + 60))
    assert sorted(each.kind for each in again.unseen()) == ["fork", "ledger", "roster"]
    for each in again.unseen():
        again.seen(each.key)
    again.look(("ab" * 32,), "bawaslu has seen another past")
    again.hear(raw, town.roster)
    assert again.unseen() == ()
    assert Warnings(tmp_path, ORIGIN, ManualClock(NOW)).unseen() == ()


def test_a_notice_of_another_ledger_is_passed_over(warnings: Warnings, town: Town) -> None:
    other = msgspec.structs.replace(FORK, origin="x/y/keeper")
    warnings.hear(seal_notice(other, town.witnesses["bawaslu"]), town.roster)
    assert warnings.unseen() == ()
    with pytest.raises(SerambiError, match="not signed by"):
        warnings.hear(seal_notice(FORK, town.witnesses["kpu"]), town.roster)


def test_one_party_cannot_fill_the_page(
    warnings: Warnings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serambi.keeper.warnings.WARNINGS_KEPT", WARNINGS_PER_PARTY + 4)
    for number in range(WARNINGS_PER_PARTY + 2):
        warnings._add("fork", "bawaslu", f"ledger {number}")
    warnings._add("fork", "polres", "ledger")
    assert len(warnings.unseen()) == WARNINGS_PER_PARTY + 1
    for number in range(6):
        warnings._add("roster", "", f"{number}")
    assert len(warnings.unseen()) == WARNINGS_PER_PARTY + 4


def test_a_file_that_cannot_be_read_or_written_keeps_nobody_from_warning(tmp_path: Path) -> None:
    (tmp_path / "warnings.json").mkdir()
    warnings = Warnings(tmp_path, ORIGIN, ManualClock(NOW))
    warnings.look(("ab",), "")
    (found,) = warnings.unseen()
    with pytest.raises(SerambiError):
        warnings.seen(found.key)
    assert warnings.unseen() == (), "in memory it is seen"


def test_alarms_of_one_ledger_become_notices_and_are_said_again(tmp_path: Path, town: Town) -> None:
    clock = ManualClock(NOW)
    alarms = Alarms(tmp_path, clock)
    for key in (f"fork {ORIGIN}", f"rollback {ORIGIN}", f"refused {ORIGIN}", f"conflict {ORIGIN}"):
        alarms.raise_alarm(key, key)
    for key in ("session s-1 of warehouse was omitted", f"corrupt {ORIGIN}", "roster fork abc"):
        alarms.raise_alarm(key, key)
    notices = Notices("kpu", town.witnesses["kpu"], alarms, clock)
    said = [read_notice(raw, town.roster).notice for raw in notices.all()]
    assert [each.kind for each in said] == ["fork", "rollback", "refused", "fork"]
    carrier = Carried()
    notices.step(carrier)
    assert carrier.passed == []
    carrier.there = True
    notices.step(carrier)
    assert carrier.passed == [], "not before its time"
    clock.advance(NOTICES_EVERY_S)
    notices.step(carrier)
    assert carrier.passed == notices.all()


@pytest.mark.parametrize("language", ["id", "en"])
async def test_the_owner_reads_what_to_do_and_says_that_it_was_seen(
    home: Box, town: Town, language: str
) -> None:
    first, second = rotated(town)[0], rotated(town)[0]
    await home.keeper.accept(first)
    with pytest.raises(SerambiError) as caught:
        await home.keeper.accept(second)
    assert caught.value.kind is Kind.CONFLICT
    home.keeper.vouched.alarm = "bawaslu has seen another past"
    for kind in ("fork", "rollback", "refused"):
        notice = msgspec.structs.replace(FORK, kind=kind)
        outcome = await home.keeper._document_outcome(
            seal_notice(notice, town.witnesses["bawaslu"])
        )
        assert outcome.allowed
    strange = await home.keeper._document_outcome(seal_notice(FORK, town.keys["kpu"]))
    assert not strange.allowed
    await home.keeper._look_who_saw()
    page = (await home.http.get(f"/?lang={language}", headers=BEARER)).text
    words = {"id": "Yang harus dilakukan", "en": "What to do"}[language]
    assert page.count(words) == 5
    assert "BAWASLU" in page
    keys = re.findall(r'name="key" value="([^"]+)"', page)
    for key in keys:
        refused = await home.http.post("/warnings/seen", data={"key": key})
        assert refused.status_code in (303, 401, 403)
        assert words in (await home.http.get("/", headers=BEARER)).text
        done = await home.http.post("/warnings/seen", data={"key": key}, headers=BEARER)
        assert done.status_code == 303
    assert words not in (await home.http.get("/", headers=BEARER)).text
