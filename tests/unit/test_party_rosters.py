"""A party's process takes the next roster by hand or through its door, passes it on, and is loud
about two that follow the same one."""

import asyncio
from pathlib import Path

import pytest

from serambi.agreement.model import read_agreement
from serambi.base.clock import ManualClock
from serambi.base.errors import Kind, SerambiError
from serambi.base.instants import instant_text
from serambi.identity.chain import Chain
from serambi.identity.enrollment import TYPED_CHARACTERS
from serambi.party.alarms import Alarms
from serambi.party.inbox import read_inbox
from serambi.party.peers import Peers
from serambi.party.revocations import Revocations
from serambi.party.rosters import Rosters
from serambi.party.signing.hand import Shown
from serambi.party.signing.papers import Papers
from serambi.party.signing.roster_hand import Secret
from serambi.party.witness import Witness
from tests.builders import NOW, make_agreement, make_attestation, make_revocation, make_roster
from tests.fakes.witnessed_town import witnessed_town
from tests.rosters import followed, rotated
from tests.unit.test_party_process import _Nothing


class Carried(_Nothing):
    """A way to the center that is away at first."""

    def __init__(self) -> None:
        self.there = False
        self.passed: list[bytes] = []

    def pass_on(self, document: bytes) -> None:
        if not self.there:
            raise SerambiError(Kind.UNAVAILABLE, "away")
        self.passed.append(document)


def test_a_roster_in_the_inbox_is_kept_and_brought_to_the_sites_once(tmp_path: Path) -> None:
    town = make_roster(witnessed=True)
    carrier = Carried()
    key = town.witnesses["kpu"]
    witness = Witness(tmp_path, "kpu", key, town.roster, carrier, ManualClock(NOW))
    rosters = Rosters(Chain(tmp_path / "rosters", town.roster), witness.alarms)
    raw, _ = rotated(town)
    (tmp_path / "inbox").mkdir()
    (tmp_path / "inbox" / "next.json").write_bytes(raw)
    read_inbox(tmp_path / "inbox", witness, rosters, NOW)
    assert not list((tmp_path / "inbox").glob("*.json"))
    assert not rosters.accept(raw), "known"
    with pytest.raises(SerambiError, match="away"):
        rosters.pass_on(carrier)
    carrier.there = True
    rosters.pass_on(carrier)
    rosters.pass_on(carrier)
    assert carrier.passed == [raw]
    assert Chain(tmp_path / "rosters", town.roster).files == (raw,)


def test_a_fork_is_an_alarm_also_after_a_restart(tmp_path: Path) -> None:
    town = make_roster()
    clock = ManualClock(NOW)
    alarms = Alarms(tmp_path, clock)
    rosters = Rosters(Chain(tmp_path / "rosters", town.roster), alarms)
    rosters.accept(rotated(town)[0])
    assert alarms.all() == []
    with pytest.raises(SerambiError, match="two rosters 2"):
        rosters.accept(rotated(town)[0])
    ((_, text),) = alarms.all()
    assert "two rosters follow the same one" in text
    again = Alarms(tmp_path, clock)
    Rosters(Chain(tmp_path / "rosters", town.roster), again)
    assert len(again.all()) == 1


def test_what_a_party_has_kept_outlives_the_keys_that_signed_it(tmp_path: Path) -> None:
    town = make_roster()
    raw = make_agreement(town, attestations=[make_attestation(town)])
    signed = read_agreement(raw, town.roster)
    Revocations(tmp_path, town.roster).accept(make_revocation(town, signed, "kpu"))
    Papers(tmp_path, "kpu", town.roster).take(raw)
    written = (tmp_path / "papers" / f"{signed.digest}.json").stat().st_mtime
    for at, missing in ((written + 10, ()), (written - 10, ("kpu",))):
        after = followed(town, rotated(town, at=at)[0])
        assert Revocations(tmp_path, after).of(signed.digest)
        assert Papers(tmp_path, "kpu", after).agreement(signed.digest)[0].missing == missing
    with pytest.raises(SerambiError, match="not signed by"):
        Revocations(tmp_path / "new", after).accept(make_revocation(town, signed, "kpu"))


async def test_a_roster_goes_from_party_to_party_and_to_the_center(tmp_path: Path) -> None:
    async with witnessed_town(tmp_path) as town:
        parties = list(town.parties.values())
        raw, _ = rotated(town.town, at=town.clock.now() + 3600)
        rosters = Rosters(Chain(tmp_path / "mine", town.town.roster), parties[0].witness.alarms)
        rosters.accept(raw)
        others = [party.server.port for party in parties[1:]]
        urls = [f"http://127.0.0.1:{port}" for port in others]
        peers = Peers(urls, town.clock, None, rosters)
        await asyncio.to_thread(peers.step, parties[0].witness)
        peers.close()
        for name in list(town.parties)[1:]:
            assert Chain(tmp_path / name / "rosters", town.town.roster).files == (raw,)
        await asyncio.to_thread(rosters.pass_on, parties[0].carrier)
        assert town.keeper.documents.roster.digest == followed(town.town, raw).digest
        store = town.keeper.journal.store
        kinds = [entry.kind for entry in store.entries(0, store.size)]
        assert kinds.count("roster_accepted") == 1
        center = tmp_path / "center" / "rosters"
        assert Chain(center, town.town.roster).files == (raw,)


async def test_a_party_that_does_not_take_a_roster_is_asked_once(tmp_path: Path) -> None:
    async with witnessed_town(tmp_path) as town:
        first, second, *_ = town.parties.values()
        held, other = (rotated(town.town)[0] for _ in range(2))
        there = Rosters(Chain(tmp_path / "there", town.town.roster), first.witness.alarms)
        here = Rosters(Chain(tmp_path / "here", town.town.roster), first.witness.alarms)
        there.accept(held)
        here.accept(other)
        urls = [f"http://127.0.0.1:{second.server.port}"]
        for rosters in (there, here):
            peers = Peers(urls, town.clock, None, rosters)
            await asyncio.to_thread(peers.step, first.witness)
            peers.close()
        told = [text for _, text in second.witness.alarms.all()]
        assert [text for text in told if "two rosters follow" in text]


async def test_a_request_and_what_comes_of_it_go_from_party_to_party(tmp_path: Path) -> None:
    """With a network between them: polres asks with kpu's code, kpu proposes, the others hear."""
    async with witnessed_town(tmp_path) as town:
        kpu, polres = town.parties["kpu"].rosters.hand, town.parties["polres"].rosters.hand
        town.town.keys["kpu"].save(tmp_path / "kpu" / "key", b"")
        code = kpu.invitations.invite("polres", "ani")
        since = instant_text(town.clock.now() - 60)
        await asyncio.to_thread(polres.enroll, code, since, "four new words here")
        await town.tick(5)
        (waits,) = kpu.invitations.presented()
        assert waits.presented is not None
        typed = waits.presented.fingerprint[-TYPED_CHARACTERS:]
        digest = kpu.confirm(waits.presented.digest, "budi", "Budi", typed, Secret("", True))
        await town.tick(5)
        for party in town.parties.values():
            (proposal,) = party.rosters.hand.proposals.all()
            assert proposal.digest == digest
        shown = Shown(digest, polres.tag(polres.proposals.find(digest)))
        polres.sign(shown, Secret("four new words here", False))
        for name in ("bawaslu", "dishub", "rsud"):
            town.town.keys[name].save(tmp_path / name / "key", b"")
            hand = town.parties[name].rosters.hand
            hand.sign(Shown(digest, hand.tag(hand.proposals.find(digest))), Secret("", True))
        for _ in range(3):
            await town.tick(60)
        assert {p.rosters.rosters.head.digest for p in town.parties.values()} == {digest}
