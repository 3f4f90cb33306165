"""One roster follows another: every party that stays, every key that comes, and no other way."""

import math
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serambi.base.canonical import encode
from serambi.base.errors import Kind, SerambiError
from serambi.base.words import Words
from serambi.identity import dsse
from serambi.identity.change_page import change_lines
from serambi.identity.keys import SigningKey
from serambi.identity.roster import Change, Loss, RosterDocument, Use, read_roster, seal_roster
from serambi.identity.succession import lost_all, missing_signatures, new_keys, succeed
from tests.builders import NOW, SITE, make_roster
from tests.rosters import Draft, rotated, without

TOWN = make_roster(("kpu", "bawaslu", "polres", "dishub"), witnessed=True)
BEFORE = TOWN.roster
ALL = list(TOWN.keys.values())
NEW = SigningKey.generate()


def refused(raw: bytes, why: str, kind: Kind = Kind.DENIED) -> None:
    with pytest.raises(SerambiError, match=why) as caught:
        succeed(BEFORE, raw)
    assert caught.value.kind == kind


def test_todays_rosters_are_the_first_and_their_bytes_are_as_before() -> None:
    payload = dsse.load(TOWN.raw).payload
    assert b"change" not in payload
    assert encode(BEFORE.document) == payload
    for wrong in (
        msgspec.structs.replace(BEFORE.document, sequence=2),
        msgspec.structs.replace(BEFORE.document, sequence=0),
        msgspec.structs.replace(BEFORE.document, previous="00" * 32),
        msgspec.structs.replace(BEFORE.document, change=Change("", (), ())),
    ):
        with pytest.raises(SerambiError, match="only roster 1"):
            read_roster(seal_roster(wrong, ALL), None)


def test_a_party_changes_its_key() -> None:
    raw, new = rotated(TOWN)
    after = succeed(BEFORE, raw)
    assert after.document.sequence == 2
    assert after.keys_for(use="sign", party="kpu") == (new.public,)
    assert read_roster(raw, after.digest).digest == after.digest, "it can be pinned by itself"
    old = TOWN.keys["kpu"]
    assert after.key(old.key_id) is None
    assert after.entry(old.key_id) is None
    assert after.signer(old.key_id) == after.signer(new.key_id) == "kpu"
    assert after.signer("00" * 16) == ""


def test_a_former_key_counts_for_what_it_is_known_to_have_signed_before() -> None:
    old = TOWN.keys["kpu"]
    envelope = dsse.sign("x", b"x", [old])
    after = succeed(BEFORE, rotated(TOWN)[0])
    assert after.signers(envelope) == frozenset(), "nobody knows when"
    assert after.knowing({old.key_id: NOW - 1}).signers(envelope) == {"kpu"}
    assert after.knowing({old.key_id: NOW}).signers(envelope) == frozenset()
    assert after.signers(envelope) == frozenset(), "one reading's knowledge is not the next one's"
    # Only keys that sign documents sign documents, former or not.
    center = TOWN.center
    gone = Draft(BEFORE, gone={center.key_id}).key(NEW, "polres", "center").sealed([*ALL, NEW])
    known = succeed(BEFORE, gone).knowing({center.key_id: 0.0})
    assert known.signers(dsse.sign("x", b"x", [center])) == frozenset()


def test_every_party_signs() -> None:
    new = SigningKey.generate()
    draft = Draft(BEFORE).key(new, "kpu", "gateway", SITE)
    succeed(BEFORE, draft.sealed([*ALL, new]))
    for party, key in TOWN.keys.items():
        refused(draft.sealed([new, *(k for k in ALL if k is not key)]), f"not signed by {party}")


def test_the_key_that_goes_signs_for_its_going() -> None:
    draft = Draft(BEFORE, gone={TOWN.keys["kpu"].key_id}).key(NEW, "kpu")
    refused(draft.sealed([*ALL[1:], NEW]), "not signed by kpu")


@pytest.mark.parametrize(("use", "site"), [("sign", ""), ("witness", ""), ("gateway", SITE)])
def test_a_new_key_signs_or_somebody_elses_could_be_claimed(use: Use, site: str) -> None:
    draft = Draft(BEFORE).key(NEW, "kpu", use, site)
    refused(draft.sealed(ALL), f"key {NEW.key_id}")
    after = succeed(BEFORE, draft.sealed([*ALL, NEW]))
    assert new_keys(BEFORE, after) == (NEW.public,)


def test_who_has_still_to_sign_is_named() -> None:
    after = succeed(BEFORE, rotated(TOWN)[0])
    bare = dsse.sign("x", encode(after.document), [])
    named = missing_signatures(BEFORE, after, bare)
    assert named[:4] == ("kpu", "bawaslu", "polres", "dishub")
    assert named[4:] == (f"key {after.keys_for(use='sign', party='kpu')[0].key_id}",)


def test_the_number_and_the_roster_before_must_fit() -> None:
    document = Draft(BEFORE).document()
    skipped = msgspec.structs.replace(document, sequence=3)
    refused(seal_roster(skipped, ALL), "roster 2 is the next one", Kind.BAD_INPUT)
    stranger = msgspec.structs.replace(document, previous="ab" * 32)
    refused(seal_roster(stranger, ALL), "follows another one")
    refused(TOWN.raw, "roster 2 is the next one", Kind.BAD_INPUT)


def test_the_same_raw_key_under_two_names_is_refused() -> None:
    kpu = TOWN.keys["kpu"]
    refused(Draft(BEFORE).key(kpu, "bawaslu").sealed(ALL), "twice")
    # Nor may it change hands, or its use, from one roster to the next.
    moves: list[tuple[str, Use]] = [("bawaslu", "sign"), ("kpu", "witness")]
    for party, use in moves:
        draft = Draft(BEFORE, gone={kpu.key_id}).key(NEW, "kpu").key(kpu, party, use)
        refused(draft.sealed([*ALL, NEW]), "somebody else's|twice")


def test_what_has_gone_does_not_come_back() -> None:
    raw, new = rotated(TOWN)
    second = succeed(BEFORE, raw)
    now = [*ALL[1:], new]
    back = Draft(second).key(TOWN.keys["kpu"], "kpu").sealed([*now, TOWN.keys["kpu"]])
    with pytest.raises(SerambiError, match="nothing brings it back"):
        succeed(second, back)
    alone = succeed(BEFORE, without(TOWN, "dishub"))
    rejoined = Draft(alone, joined=["dishub"]).key(NEW, "dishub")
    with pytest.raises(SerambiError, match="takes another id"):
        succeed(alone, rejoined.sealed([*ALL[:3], NEW]))


def test_a_site_stays_with_its_party() -> None:
    gone = {TOWN.gateways[SITE].key_id}
    draft = Draft(BEFORE, gone=gone).key(NEW, "polres", "gateway", SITE)
    refused(draft.sealed([*ALL, NEW]), f"site {SITE} belongs to kpu")


def test_a_party_joins_with_the_word_of_all_and_its_own_key() -> None:
    draft = Draft(BEFORE, joined=["rsud"]).key(NEW, "rsud")
    after = succeed(BEFORE, draft.sealed([*ALL, NEW]))
    assert [party.id for party in after.ever][-1] == "rsud"
    refused(draft.sealed(ALL), "not signed by rsud")
    refused(draft.sealed([*ALL[:3], NEW]), "not signed by dishub")
    refused(Draft(BEFORE, joined=["rsud"]).sealed(ALL), "not signed by rsud")


def test_nobody_is_left_out_by_the_others() -> None:
    """Four could otherwise agree without the fifth, which refuses."""
    refused(Draft(BEFORE, left={"dishub"}).sealed(ALL[:3]), "not signed by dishub")
    # Unless its keys are lost: that is said aloud, and stands in the chain.
    gone = Draft(BEFORE, left={"dishub"}).lose(TOWN.keys["dishub"], NOW - 100)
    after = succeed(BEFORE, gone.sealed(ALL[:3]))
    assert after.left_at("dishub") == NOW
    assert after.document.change is not None
    assert [loss.key_id for loss in after.document.change.lost] == [TOWN.keys["dishub"].key_id]


def test_a_party_leaves_by_the_word_of_all() -> None:
    after = succeed(BEFORE, without(TOWN, "dishub", at=NOW + 60))
    assert after.left_at("dishub") == NOW + 60
    assert after.left_at("kpu") == math.inf
    assert after.party("dishub").id == "dishub", "old papers still name it"
    assert [party.id for party in after.parties] == ["kpu", "bawaslu", "polres"]
    assert after.keys_for(use="sign", party="dishub") == ()
    # What it signs from then on is nobody's word, and a later change forgets none of it.
    envelope = dsse.sign("x", b"x", [TOWN.keys["dishub"]])
    assert after.signers(envelope) == frozenset()
    third = succeed(after, Draft(after).key(NEW, "kpu").sealed([*ALL[:3], NEW]))
    assert third.left_at("dishub") == NOW + 60
    known = {TOWN.keys["dishub"].key_id: NOW + 59}
    assert third.knowing(known).signers(envelope) == {"dishub"}


def lost(party: str = "kpu") -> Draft:
    return Draft(BEFORE).lose(TOWN.keys[party], NOW - 100).key(NEW, party)


def test_a_lost_key_is_replaced_by_the_others_and_a_compared_fingerprint() -> None:
    raw = lost().confirm(NEW, "bawaslu").sealed([*ALL[1:], NEW])
    after = succeed(BEFORE, raw)
    assert lost_all(BEFORE, after) == "kpu"
    old = TOWN.keys["kpu"].key_id
    envelope = dsse.sign("x", b"x", [TOWN.keys["kpu"]])
    assert after.knowing({old: NOW - 101}).signers(envelope) == {"kpu"}
    assert after.knowing({old: NOW - 100}).signers(envelope) == frozenset()


def test_the_lost_key_speaks_for_nobody_in_the_change() -> None:
    second = SigningKey.generate()
    with_two = Draft(BEFORE).key(second, "kpu").sealed([*ALL, second])
    before = succeed(BEFORE, with_two)
    draft = Draft(before).lose(TOWN.keys["kpu"])
    with pytest.raises(SerambiError, match="not signed by kpu"):
        succeed(before, draft.sealed([*ALL]))
    # Its second key does, and then nobody need compare anything.
    assert lost_all(before, succeed(before, draft.sealed([*ALL[1:], second]))) == ""


def break_confirmation(draft: Draft, **changes: str) -> Draft:
    draft.confirmed = [msgspec.structs.replace(draft.confirmed[0], **changes)]
    return draft


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda d: d, "who has compared"),
        (lambda d: d.confirm(NEW, "bawaslu").confirm(NEW, "polres"), "who has compared"),
        (lambda d: d.confirm(NEW, "kpu"), "another party"),
        (lambda d: d.confirm(NEW, "rsud"), "another party"),
        (lambda d: d.confirm(NEW, "bawaslu", ""), "not named"),
        (lambda d: d.confirm(NEW, "bawaslu", " Ani"), "not named"),
        (lambda d: d.confirm(NEW, "bawaslu", "a" * 121), "not named"),
        (lambda d: break_confirmation(d.confirm(NEW, "polres"), sha256="00" * 32), "fingerprint"),
        (lambda d: break_confirmation(d.confirm(NEW, "polres"), key_id="00"), "who has compared"),
    ],
)
def test_a_new_key_for_who_lost_all_is_compared_by_another(
    change: Callable[[Draft], Draft], why: str
) -> None:
    refused(change(lost()).sealed([*ALL[1:], NEW]), why)


def test_a_confirmation_is_for_a_loss_only() -> None:
    draft = Draft(BEFORE).key(NEW, "kpu").confirm(NEW, "bawaslu")
    refused(draft.sealed([*ALL, NEW]), "a confirmation is for")


def test_one_party_alone_cannot_put_a_key_in_anothers_place() -> None:
    small = make_roster(("kpu", "polres"))
    draft = Draft(small.roster).lose(small.keys["kpu"]).key(NEW, "kpu").confirm(NEW, "polres")
    with pytest.raises(SerambiError, match="one party alone"):
        succeed(small.roster, draft.sealed([small.keys["polres"], NEW]))


def test_two_parties_cannot_lose_everything_at_once() -> None:
    other = SigningKey.generate()
    draft = lost().lose(TOWN.keys["polres"]).key(other, "polres").confirm(NEW, "bawaslu")
    refused(draft.sealed([*ALL, NEW, other]), "kpu and polres cannot")


@pytest.mark.parametrize(
    ("loss", "why", "kind"),
    [
        (Loss("00" * 16, "2026-01-01T00:00:00Z"), "no roster had", Kind.DENIED),
        (Loss(TOWN.keys["polres"].key_id, "2026-01-01T00:00:00Z"), "so it goes", Kind.DENIED),
        (Loss(TOWN.keys["kpu"].key_id, "2999-01-01T00:00:00Z"), "later than", Kind.DENIED),
        (Loss(TOWN.keys["kpu"].key_id, "yesterday"), "not an instant", Kind.BAD_INPUT),
    ],
)
def test_a_loss_says_which_key_and_since_when(loss: Loss, why: str, kind: Kind) -> None:
    draft = lost().confirm(NEW, "bawaslu")
    draft.lost = [loss] if loss.key_id == TOWN.keys["kpu"].key_id else [*draft.lost, loss]
    refused(draft.sealed([*ALL, NEW]), why, kind)


def test_a_key_is_lost_once_in_a_change() -> None:
    draft = lost().lose(TOWN.keys["kpu"]).confirm(NEW, "bawaslu")
    refused(draft.sealed([*ALL[1:], NEW]), "once")


def test_a_key_that_had_gone_may_be_found_lost_later_and_counts_for_less() -> None:
    raw, new = rotated(TOWN)
    second = succeed(BEFORE, raw)
    old = TOWN.keys["kpu"].key_id
    draft = Draft(second, at=NOW + 100)
    draft.lost = [Loss(old, "2026-01-01T00:00:00Z")]
    third = succeed(second, draft.sealed([*ALL[1:], new]))
    assert third.past.keys[old].lost
    assert third.past.keys[old].until < second.past.keys[old].until
    draft.lost = [Loss(old, "2026-12-01T00:00:00Z")]
    draft.at = NOW + 400 * 86_400
    later = succeed(second, draft.sealed([*ALL[1:], new]))
    assert later.past.keys[old].until == second.past.keys[old].until


def test_a_ledger_that_a_former_key_ended_stays_readable_unless_the_key_was_lost() -> None:
    old = TOWN.gateways[SITE]
    draft = Draft(BEFORE, gone={old.key_id}).key(NEW, "kpu", "gateway", SITE)
    after = succeed(BEFORE, draft.sealed([*ALL, NEW]))
    assert after.keys_for(use="gateway", site=SITE) == (NEW.public,)
    assert after.log_keys(use="gateway", party="kpu", site=SITE) == (NEW.public, old.public)
    assert after.log_keys(use="gateway", party="kpu", site="elsewhere") == ()
    draft.lose(old)
    stolen = succeed(BEFORE, draft.sealed([*ALL, NEW]))
    assert stolen.log_keys(use="gateway", party="kpu", site=SITE) == (NEW.public,)


MANY = [SigningKey.generate() for _ in range(3)]
SIGNERS = [*ALL, *MANY]


@settings(max_examples=60, deadline=None)
@given(
    signed=st.sets(st.integers(0, len(SIGNERS) - 1)),
    fresh=st.integers(0, len(MANY)),
    left=st.sets(st.sampled_from(["polres", "dishub"])),
)
def test_it_follows_exactly_when_all_there_were_and_all_that_come_have_signed(
    signed: set[int], fresh: int, left: set[str]
) -> None:
    draft = Draft(BEFORE, left=left)
    for key in MANY[:fresh]:
        draft.key(key, "kpu")
    raw = draft.sealed(SIGNERS[number] for number in sorted(signed))
    needed = {*range(len(ALL)), *(len(ALL) + n for n in range(fresh))}
    if needed <= signed:
        after = succeed(BEFORE, raw)
        assert set(after.past.parties) == left
        assert {*after.past.keys, *(k.key_id for k in after.document.keys)} >= {
            key.key_id for key in BEFORE.document.keys
        }
    else:
        with pytest.raises(SerambiError, match="not signed by") as caught:
            succeed(BEFORE, raw)
        assert caught.value.kind == Kind.DENIED


@given(st.binary(max_size=200))
def test_anything_else_is_refused(raw: bytes) -> None:
    with pytest.raises(SerambiError):
        succeed(BEFORE, raw)


def test_a_widened_change_is_refused() -> None:
    document: RosterDocument = Draft(BEFORE).document()
    plain = msgspec.to_builtins(document)
    plain["change"]["note"] = "x"
    raw = dsse.dump(dsse.sign("application/vnd.serambi.roster+json", encode(plain), ALL))
    refused(raw, "unknown field", Kind.BAD_INPUT)


def test_what_is_said_of_a_party_may_change_and_is_told() -> None:
    draft = Draft(BEFORE).document()
    kpu = msgspec.structs.replace(draft.parties[0], contact=Words("113", "113"))
    raw = seal_roster(msgspec.structs.replace(draft, parties=(kpu, *draft.parties[1:])), ALL)
    after = succeed(BEFORE, raw)
    assert after.party("kpu").contact.en == "113"
    told = change_lines(BEFORE, after, "en")
    assert told[1:] == ["What is said of KPU (en) (kpu) changes."]
