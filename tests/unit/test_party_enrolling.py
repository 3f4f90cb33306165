"""Invitations: one code, one request, few tries, and a second person. Whatever goes wrong has an
error of its own, and nobody is enrolled by it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serambi.base.clock import ManualClock
from serambi.base.errors import SerambiError
from serambi.base.limits import (
    CONFIRMATION_TRIES,
    INVITATION_TRIES,
    INVITATION_TTL_S,
    INVITATIONS_KEPT,
    INVITATIONS_OPEN_MAX,
    NEW_KEYS_MAX,
    PROPOSALS_MAX,
    PROPOSALS_PER_PARTY,
)
from serambi.base.words import Words
from serambi.identity import code as codes
from serambi.identity import dsse
from serambi.identity.chain import Chain
from serambi.identity.code import code_key
from serambi.identity.enrollment import (
    TYPED_CHARACTERS,
    Enrollment,
    read_enrollment,
    seal_enrollment,
)
from serambi.identity.keys import SigningKey, load_public
from serambi.identity.roster import Party, key_entry
from serambi.party.alarms import Alarms
from serambi.party.invitations import Invitations, Refused
from serambi.party.own_keys import OwnKeys
from serambi.party.proposals import Proposals
from serambi.party.rosters import Rosters
from tests.builders import NOW, Town, make_roster
from tests.rosters import Draft

WORDS = Words("Rumah sakit", "The hospital")
OTHER = "0000-0000-0000"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deriving a key is slow on purpose, and not what is tested here."""
    monkeypatch.setattr(codes, "_COST", 2)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def invitations(tmp_path: Path, clock: ManualClock) -> Invitations:
    return Invitations(tmp_path, "kpu", clock)


def request(code: str, party: str = "rsud", key: SigningKey | None = None) -> bytes:
    key = key or SigningKey.generate()
    who = Party(party, WORDS, WORDS, WORDS)
    document = Enrollment(1, who, (key_entry(key.public, party, "sign"),), "")
    return seal_enrollment(document, [key], code_key(code, party))


def refused(act: Callable[[], object]) -> str:
    with pytest.raises(Refused) as caught:
        act()
    return caught.value.reason


def test_a_request_is_taken_once_and_confirmed_by_a_second_person(
    invitations: Invitations, tmp_path: Path, clock: ManualClock
) -> None:
    code = invitations.invite("rsud", "ani")
    assert code.replace("-", "") not in (tmp_path / "invitations.json").read_text()
    assert (tmp_path / "invitations.json").stat().st_mode & 0o777 == 0o600
    raw = request(code)
    taken = invitations.present(raw)
    assert invitations.present(raw).digest == taken.digest, "the same again changes nothing"
    typed = taken.fingerprint[-TYPED_CHARACTERS:]
    assert refused(lambda: invitations.confirm(taken.digest, "ani", typed)) == "same_person"
    assert invitations.confirm(taken.digest, "budi", typed.upper()).digest == taken.digest
    again = Invitations(tmp_path, "kpu", clock)
    assert [each.party for each in again.presented()] == ["rsud"], "not done before it is proposed"
    again.done(taken.digest)
    assert again.presented() == []
    with pytest.raises(SerambiError, match="no such request"):
        again.confirm(taken.digest, "budi", typed)
    assert refused(lambda: again.present(request(code))) == "used"


def test_each_wrong_code_has_its_own_error(invitations: Invitations, clock: ManualClock) -> None:
    assert refused(lambda: invitations.present(request(OTHER))) == "uninvited"
    code = invitations.invite("rsud", "ani")
    assert refused(lambda: invitations.present(request(code, party="dishub"))) == "uninvited"
    for _ in range(INVITATION_TRIES):
        assert refused(lambda: invitations.present(request(OTHER))) == "wrong_code"
    assert refused(lambda: invitations.present(request(code))) == "guessed"
    code = invitations.invite("rsud", "ani")
    clock.advance(INVITATION_TTL_S)
    assert refused(lambda: invitations.present(request(code))) == "expired"
    assert invitations.presented() == []


def test_an_older_code_counts_no_more_when_there_is_a_new_one(invitations: Invitations) -> None:
    old, new = invitations.invite("rsud", "ani"), invitations.invite("rsud", "ani")
    assert refused(lambda: invitations.present(request(old))) == "wrong_code"
    assert invitations.present(request(new))


def test_who_took_the_code_is_found_out_by_the_fingerprint(invitations: Invitations) -> None:
    """The code itself was overheard: the man in the middle comes first, with a key of his own."""
    code = invitations.invite("rsud", "ani")
    right = read_enrollment(request(code))
    theirs = invitations.present(request(code))
    assert refused(lambda: invitations.present(request(code))) == "used"
    typed = right.fingerprint[-TYPED_CHARACTERS:]
    for _ in range(CONFIRMATION_TRIES - 1):
        assert refused(lambda: invitations.confirm(theirs.digest, "budi", typed)) == "differs"
    assert refused(lambda: invitations.confirm(theirs.digest, "budi", "")) == "void"
    with pytest.raises(SerambiError, match="no such request"):
        invitations.confirm(theirs.digest, "budi", theirs.fingerprint[-TYPED_CHARACTERS:])
    assert refused(lambda: invitations.present(request(code))) == "void"


def test_who_hears_another_fingerprint_drops_the_request(invitations: Invitations) -> None:
    code = invitations.invite("rsud", "ani")
    invitations.reject(invitations.present(request(code)).digest)
    assert [each.state for each in invitations.all()] == ["differs"]


def test_what_is_open_and_what_is_kept_has_a_bound(
    invitations: Invitations, clock: ManualClock
) -> None:
    with pytest.raises(SerambiError, match="does not invite itself"):
        invitations.invite("kpu", "ani")
    for number in range(INVITATIONS_OPEN_MAX):
        invitations.invite(f"p{number}", "ani")
    with pytest.raises(SerambiError, match="are open already"):
        invitations.invite("one-more", "ani")
    for _ in range(INVITATIONS_KEPT // INVITATIONS_OPEN_MAX):
        clock.advance(INVITATION_TTL_S)
        for number in range(INVITATIONS_OPEN_MAX):
            invitations.invite(f"p{number}", "ani")
    assert len(invitations.all()) == INVITATIONS_KEPT


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(
    st.lists(st.sampled_from(["right", "wrong", "late", "typed", "mistyped", "self"]), max_size=12)
)
def test_only_code_and_fingerprint_and_second_person_enroll(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    """Whatever order things come in: what may go into a roster had the code in time, and its
    fingerprint typed by somebody else than who invited."""
    clock = ManualClock(NOW)
    invitations = Invitations(tmp_path_factory.mktemp("kpu"), "kpu", clock)
    code = invitations.invite("rsud", "ani")
    raw = request(code)
    mine = read_enrollment(raw)
    right = mine.fingerprint[-TYPED_CHARACTERS:]
    good = {"right": False, "late": False}
    wrong = missed = 0
    for step in steps:
        enrolled = None
        try:
            if step == "right":
                invitations.present(raw)
                good["right"] = True
            elif step == "wrong":
                wrong += 1
                invitations.present(request(OTHER))
            elif step == "late":
                clock.advance(INVITATION_TTL_S)
                good["late"] = True
            else:
                person = "ani" if step == "self" else "budi"
                missed += step == "mistyped" and good["right"]
                typed = "0" * TYPED_CHARACTERS if step == "mistyped" else right
                enrolled = invitations.confirm(mine.digest, person, typed)
        except SerambiError:
            continue
        if enrolled:
            assert step == "typed"
            assert good == {"right": True, "late": False}
            assert missed < CONFIRMATION_TRIES


# -- proposed rosters ---------------------------------------------------------------------------


@pytest.fixture
def town() -> Town:
    return make_roster()


@pytest.fixture
def proposals(tmp_path: Path, town: Town, clock: ManualClock) -> Proposals:
    chain = Chain(tmp_path / "rosters", town.roster)
    return Proposals(tmp_path, Rosters(chain, Alarms(tmp_path, clock)))


def change(town: Town, *signers: str) -> tuple[bytes, SigningKey]:
    """Another key of KPU, signed by some."""
    new = SigningKey.generate()
    draft = Draft(town.roster, gone={town.keys["kpu"].key_id}).key(new, "kpu")
    return draft.sealed(town.sign_keys(signers)), new


def test_signatures_gather_until_nobody_is_missing(
    proposals: Proposals, town: Town, tmp_path: Path
) -> None:
    raw, new = change(town, "kpu")
    assert proposals.hear(raw)
    assert not proposals.hear(raw)
    (waits,) = proposals.all()
    assert waits.missing == ("bawaslu", "polres", f"key {new.key_id}")
    stranger = dsse.dump(dsse.add_signature(dsse.load(raw), SigningKey.generate()))
    assert not proposals.hear(stranger), "what no party has signed says nothing new"
    other, _ = change(town, "polres")
    proposals.hear(other)
    payload = dsse.load(raw)
    for key in (town.keys["bawaslu"], new):
        assert proposals.hear(dsse.dump(dsse.sign(payload.payload_type, payload.payload, [key])))
    kept = Proposals(tmp_path, proposals._rosters)
    assert kept.find(waits.digest).missing == ("polres",)
    kept.accept(dsse.dump(dsse.sign(payload.payload_type, payload.payload, [town.keys["polres"]])))
    assert kept.head.digest == waits.digest
    assert kept.all() == [], "what it overtakes waits no more"
    assert list((tmp_path / "proposals").iterdir()) == []
    with pytest.raises(SerambiError, match="no such roster"):
        kept.find(waits.digest)
    with pytest.raises(SerambiError, match="not signed by"):
        kept.hear(change(town, "kpu")[0])


def test_one_party_cannot_fill_the_room_of_the_others(
    proposals: Proposals, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SerambiError, match="no party has signed"):
        proposals.hear(change(town)[0])
    for _ in range(PROPOSALS_PER_PARTY):
        proposals.hear(change(town, "polres")[0])
    with pytest.raises(SerambiError, match="of polres wait already"):
        proposals.hear(change(town, "polres")[0])
    assert proposals.hear(change(town, "kpu")[0])
    assert proposals.accept(change(town)[0]), "a person brings what nobody has signed yet"
    monkeypatch.setattr("serambi.party.proposals.PROPOSALS_MAX", len(proposals.all()))
    assert len(proposals.all()) < PROPOSALS_MAX
    with pytest.raises(SerambiError, match="proposed rosters wait"):
        proposals.accept(change(town)[0])


def test_a_kept_file_that_is_not_what_it_was_is_left_out(
    proposals: Proposals, town: Town, tmp_path: Path
) -> None:
    proposals.hear(change(town, "kpu")[0])
    (path,) = (tmp_path / "proposals").iterdir()
    path.write_bytes(b"{}")
    assert Proposals(tmp_path, proposals._rosters).all() == []


# -- keys that were made at the desk --------------------------------------------------------------


def test_a_key_made_here_opens_with_its_own_passphrase(tmp_path: Path) -> None:
    configured = tmp_path / "key"
    keys = OwnKeys(configured, tmp_path)
    assert keys.all() == {}
    plain = SigningKey.generate()
    plain.save(configured)
    with pytest.raises(SerambiError, match="less than"):
        keys.make("short")
    made = keys.make("several words here")
    assert set(keys.all()) == {plain.key_id, made.key_id}
    wanted = frozenset({made.key_id})
    assert keys.open(wanted, "several words here", password=False)[0].key_id == made.key_id
    for secret, password in (("another one", True), ("", False)):
        with pytest.raises(SerambiError, match="opens none"):
            keys.open(wanted, secret, password=password)
    with pytest.raises(SerambiError, match="opens none"):
        keys.open(frozenset({plain.key_id}), "", password=False)
    both = keys.open(frozenset(keys.all()), "several words here", password=True)
    assert len(both) == 2
    with pytest.raises(SerambiError, match="none of the keys"):
        keys.open(frozenset({"0" * 32}), "", password=True)
    for number in range(NEW_KEYS_MAX - 1):
        (tmp_path / "newkeys" / f"{number}").mkdir()
    with pytest.raises(SerambiError, match="keys were made here"):
        keys.make("several words here")


def test_the_desk_signs_with_the_key_that_the_roster_names(tmp_path: Path, town: Town) -> None:
    keys = OwnKeys(tmp_path / "key", tmp_path)
    assert keys.folder_for("kpu", town.roster) == tmp_path / "key", "may lie in a safe"
    SigningKey.generate().save(tmp_path / "key")
    town.keys["kpu"].save(tmp_path / "newkeys" / "later")
    assert keys.folder_for("kpu", town.roster) == tmp_path / "newkeys" / "later"
    (tmp_path / "key" / "public.pem").write_bytes(b"nothing")
    with pytest.raises(SerambiError, match="not a public key"):
        load_public(tmp_path / "key")
    assert len(keys.all()) == 1
