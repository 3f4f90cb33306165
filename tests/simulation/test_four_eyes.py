"""An approval's whole way: from the desk of another institution through the center to the keeper,
whose ledger tells the desk that it has come."""

import asyncio
from pathlib import Path

from serambi.agreement.instants import ALWAYS
from serambi.agreement.model import SharedSite, read_agreement
from serambi.base.limits import PAPERS_DELIVER_EVERY_S
from tests.builders import NOW, SITE, make_approval
from tests.fakes.keeper_site import ledger_of
from tests.fakes.witnessed_town import HEARTBEAT_S, PARTIES, witnessed_town


async def test_a_second_institution_opens_what_the_center_alone_cannot(tmp_path: Path) -> None:
    async with witnessed_town(tmp_path) as town:
        shared = SharedSite(SITE, ("cam-1",), ("live",), "Asia/Jakarta", ALWAYS, four_eyes=True)
        raw = town.site.agree(
            "cam-1",
            number="2026-09",
            sites=(shared,),
            parties=PARTIES,
            heartbeat_s=HEARTBEAT_S,
        )
        await town.keeper.accept(town.revocation("kpu"))
        await town.keeper.accept(raw)
        await town.tick()
        assert (await town.open()).reason == "four_eyes"
        (camera,) = [c for c in town.keeper.site_state().cameras if c.id == "cam-1"]
        signed = read_agreement(raw, town.town.roster)
        assert (camera.state, camera.four_eyes, camera.terms) == ("four_eyes", True, signed.digest)
        bawaslu = town.parties["bawaslu"]
        town.town.keys["bawaslu"].save(tmp_path / "bawaslu" / "key")
        for attestation in town.site.attestations.values():
            bawaslu.papers.take(attestation)
        bawaslu.papers.take(raw)
        asked = make_approval(town.town, signed, signed_by=(), until=NOW + 55)
        bawaslu.hand.approvals.hear([asked])
        (shown,) = bawaslu.hand.approvals.all()
        await asyncio.to_thread(bawaslu.hand.approve, shown.digest, None)
        assert not bawaslu.delivery.approval_taken_up(shown)
        await town.tick()
        opened = await town.open()
        assert (opened.allowed, opened.agreement) == (True, "2026-09")
        (entry,) = [e for e in ledger_of(town.keeper) if e.kind == "approved"]
        assert (entry.party, entry.detail) == ("bawaslu", shown.digest)
        await town.tick(PAPERS_DELIVER_EVERY_S)
        assert bawaslu.delivery.approval_taken_up(shown), "its own copy of the ledger says so"
        assert (await town.renew()).allowed
        await town.tick(NOW + 55 - town.clock.now())
        assert town.reasons() == ["four_eyes"], "the approval's end ends the view"
