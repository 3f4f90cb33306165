"""A keeper takes the next roster as it takes any document, and judges by it what it has kept."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from serambi.agreement.decide import Ask, Reason, decide
from serambi.agreement.model import read_agreement
from serambi.base.clock import ManualClock
from serambi.base.errors import Kind, SerambiError
from serambi.identity import dsse
from serambi.identity.keys import SigningKey
from serambi.keeper import seen as seen_module
from serambi.keeper.config import KeeperConfig
from serambi.keeper.documents import Accepted, Documents
from serambi.keeper.own_key import say_whose_key
from serambi.ledger.store import LedgerStore
from tests.builders import NOW, SITE, Town, make_agreement, make_attestation, make_revocation
from tests.builders import make_roster as make_town
from tests.rosters import Draft, rotated, without

PARTIES = ("kpu", "bawaslu", "polres", "dishub")
SIGNERS = ("kpu", "bawaslu", "polres")


class Shelf:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.town: Town = make_town(PARTIES)
        self.clock = ManualClock(NOW)
        self.closed = 0
        (folder / "roster.json").write_bytes(self.town.raw)
        self.attestation = make_attestation(self.town, signed_by=("kpu", "bawaslu"))
        self.agreement = make_agreement(
            self.town, attestations=[self.attestation], parties=SIGNERS, signed_by=SIGNERS
        )
        self.documents = self.opened()

    def opened(self) -> Documents:
        def closed() -> None:
            self.closed += 1

        pinned = self.town.roster.digest
        roster = self.folder / "roster.json"
        return Documents(self.folder, SITE, roster, pinned, self.clock, closed)

    def share(self) -> None:
        self.documents.accept(self.attestation)
        self.documents.accept(self.agreement)
        assert self.reasons() == {Reason.ALLOWED}
        self.clock.advance(100)

    def reasons(self, later_s: float = 0) -> set[Reason]:
        """What holds now, and what would after a restart."""
        now = self.clock.now() + later_s
        ask = Ask("cam-1", "live", "routine_watch", "polres")
        states = [
            each.state(stops={}, clock_ok=True, seen_at=now)
            for each in (self.documents, self.opened())
        ]
        return {decide(state, ask, now).reason for state in states}

    def signed_with(self, *keys: SigningKey) -> bytes:
        """The same agreement, with these signatures only."""
        envelope = dsse.load(self.agreement)
        return dsse.dump(dsse.sign(envelope.payload_type, envelope.payload, keys))

    @property
    def all_keys(self) -> list[SigningKey]:
        return list(self.town.keys.values())


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def test_the_next_roster_holds_at_once_and_after_a_restart(shelf: Shelf) -> None:
    shelf.share()
    raw, new = rotated(shelf.town, at=shelf.clock.now())
    accepted = shelf.documents.accept(raw)
    assert accepted == Accepted("roster_accepted", digest=shelf.documents.roster.digest)
    assert shelf.documents.roster.keys_for(use="sign", party="kpu") == (new.public,)
    assert shelf.opened().roster.digest == shelf.documents.roster.digest
    assert shelf.documents.accept(raw) == Accepted(), "known"
    assert shelf.closed == 1, "open views are looked at again"


def test_what_was_signed_before_a_key_went_stays_valid(shelf: Shelf) -> None:
    shelf.share()
    shelf.documents.accept(rotated(shelf.town, at=shelf.clock.now())[0])
    assert shelf.reasons() == {Reason.ALLOWED}


def test_a_key_that_has_gone_signs_nothing_more(shelf: Shelf) -> None:
    shelf.documents.accept(shelf.attestation)
    raw, new = rotated(shelf.town, at=shelf.clock.now() + 50)
    shelf.documents.accept(raw)
    shelf.clock.advance(100)
    shelf.documents.accept(shelf.agreement)
    assert shelf.reasons() == {Reason.NO_AGREEMENT}, "it came when the key had gone"
    shelf.documents.accept(shelf.signed_with(new))
    assert shelf.reasons() == {Reason.ALLOWED}, "the new key has signed as well"


def test_until_the_stated_instant_the_key_that_goes_still_signs(shelf: Shelf) -> None:
    shelf.documents.accept(shelf.attestation)
    shelf.documents.accept(rotated(shelf.town, at=shelf.clock.now() + 50)[0])
    shelf.documents.accept(shelf.agreement)
    shelf.clock.advance(100)
    assert shelf.reasons() == {Reason.ALLOWED}


def test_what_a_lost_key_has_signed_since_counts_no_more(shelf: Shelf) -> None:
    shelf.documents.accept(shelf.attestation)
    shelf.clock.advance(100)
    shelf.documents.accept(shelf.agreement)
    shelf.clock.advance(100)
    assert shelf.reasons() == {Reason.ALLOWED}
    raw, new = rotated(shelf.town, at=NOW + 50, lost=True)
    shelf.documents.accept(raw)
    assert shelf.reasons() == {Reason.NO_AGREEMENT}, "it came after the loss"
    shelf.documents.accept(shelf.signed_with(new))
    assert shelf.reasons() == {Reason.ALLOWED}


def test_what_a_lost_key_had_signed_before_stays_valid(shelf: Shelf) -> None:
    shelf.share()
    shelf.documents.accept(rotated(shelf.town, at=NOW + 50, lost=True)[0])
    assert shelf.reasons() == {Reason.ALLOWED}


def test_nobody_knows_what_a_lost_key_signed_when_the_notes_are_gone(shelf: Shelf) -> None:
    shelf.share()
    shelf.documents.accept(rotated(shelf.town, at=NOW + 50, lost=True)[0])
    (shelf.folder / "seen.json").unlink()
    shelf.documents = shelf.opened()
    assert shelf.reasons() == {Reason.NO_AGREEMENT}
    (shelf.folder / "seen.json").write_text("{}{}")
    with pytest.raises(SerambiError, match="not known") as caught:
        shelf.opened()
    assert caught.value.kind == Kind.CORRUPT


def test_an_installation_from_before_knows_its_documents_since_its_next_start(
    shelf: Shelf,
) -> None:
    shelf.share()
    (shelf.folder / "seen.json").unlink()
    shelf.documents = shelf.opened()
    assert json.loads((shelf.folder / "seen.json").read_bytes())
    shelf.clock.advance(1)
    shelf.documents.accept(rotated(shelf.town, at=shelf.clock.now())[0])
    assert shelf.reasons() == {Reason.ALLOWED}


def test_a_party_that_leaves_ends_its_agreements_at_the_stated_time(shelf: Shelf) -> None:
    shelf.share()
    shelf.documents.accept(without(shelf.town, "bawaslu", at=shelf.clock.now() + 60))
    assert shelf.reasons() == {Reason.ALLOWED}
    assert shelf.reasons(later_s=59) == {Reason.ALLOWED}
    assert shelf.reasons(later_s=61) == {Reason.EXPIRED}


def test_a_party_that_has_left_signs_nothing_more(shelf: Shelf) -> None:
    shelf.documents.accept(shelf.attestation)
    shelf.documents.accept(without(shelf.town, "dishub", at=NOW - 1))
    with pytest.raises(SerambiError, match="does not know for signing"):
        shelf.documents.accept(shelf.signed_with(shelf.town.keys["dishub"]))
    attested = make_attestation(shelf.town, "cam-2", signed_by=("kpu", "dishub"))
    with pytest.raises(SerambiError, match="lacks signatures"):
        shelf.documents.accept(attested)


def test_a_revocation_outlives_the_key_that_signed_it(shelf: Shelf) -> None:
    shelf.share()
    signed = read_agreement(shelf.agreement, shelf.town.roster)
    shelf.documents.accept(make_revocation(shelf.town, signed, "kpu"))
    shelf.documents.accept(rotated(shelf.town, at=NOW - 50, lost=True)[0])
    assert Reason.ALLOWED not in shelf.reasons()
    assert not {signed.digest} - set(
        shelf.opened().state(stops={}, clock_ok=True, seen_at=NOW).revocations
    )


def test_a_lost_key_revokes_nothing_afterwards(shelf: Shelf) -> None:
    shelf.share()
    shelf.documents.accept(rotated(shelf.town, at=NOW + 50, lost=True)[0])
    signed = read_agreement(shelf.agreement, shelf.town.roster)
    with pytest.raises(SerambiError, match="does not know for signing"):
        shelf.documents.accept(make_revocation(shelf.town, signed, "kpu"))
    assert shelf.reasons() == {Reason.ALLOWED}


def test_a_fork_a_hole_and_a_way_back_are_refused(shelf: Shelf) -> None:
    first, other = rotated(shelf.town)[0], rotated(shelf.town)[0]
    shelf.documents.accept(first)
    held = shelf.documents.roster.digest
    for raw, why in ((other, "two rosters 2"), (make_town(PARTIES).raw, "an older one")):
        with pytest.raises(SerambiError, match=why) as caught:
            shelf.documents.accept(raw)
        assert caught.value.kind == Kind.CONFLICT
    assert {shelf.documents.roster.digest, shelf.opened().roster.digest} == {held}


def test_when_what_is_kept_cannot_be_judged_nothing_is_shared(shelf: Shelf) -> None:
    shelf.share()
    (shelf.folder / "documents" / "revocation-x.json").write_bytes(b"half")
    with pytest.raises(SerambiError, match="revocation cannot be read"):
        shelf.documents.accept(rotated(shelf.town)[0])
    state = shelf.documents.state(stops={}, clock_ok=True, seen_at=NOW)
    assert state.agreements == ()
    assert shelf.closed == 1


def test_signatures_without_room_count_as_new_ones(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seen_module, "SIGNATURES_SEEN_MAX", 2)
    shelf.share()
    shelf.documents.accept(rotated(shelf.town, at=shelf.clock.now())[0])
    assert shelf.reasons() == {Reason.NO_AGREEMENT}


def test_a_ledger_goes_on_under_the_gateways_new_key(tmp_path: Path, shelf: Shelf) -> None:
    origin, old, new = f"kpu/{SITE}/keeper", shelf.town.gateways[SITE], SigningKey.generate()
    LedgerStore.open(tmp_path / "ledger", origin, old, shelf.clock).close()
    draft = Draft(shelf.town.roster, gone={old.key_id}).key(new, "kpu", "gateway", SITE)
    shelf.documents.accept(draft.sealed([*shelf.all_keys, new]))
    with pytest.raises(SerambiError, match="not signed by this ledger's key"):
        LedgerStore.open(tmp_path / "ledger", origin, new, shelf.clock)
    LedgerStore.open(tmp_path / "ledger", origin, new, shelf.clock, [old.public]).close()


def test_a_gateway_that_the_roster_no_longer_has_says_so(
    shelf: Shelf, caplog: pytest.LogCaptureFixture
) -> None:
    old, new = shelf.town.gateways[SITE], SigningKey.generate()
    config = cast(KeeperConfig, SimpleNamespace(folder=shelf.folder, site=SITE))
    say_whose_key(config, shelf.documents.roster, old)
    assert "does not have the key" not in caplog.text
    draft = Draft(shelf.town.roster, gone={old.key_id}).key(new, "kpu", "gateway", SITE)
    shelf.documents.accept(draft.sealed([*shelf.all_keys, new]))
    say_whose_key(config, shelf.documents.roster, old)
    assert "put the new key into" in caplog.text
