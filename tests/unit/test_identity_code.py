"""One-time codes and requests to enroll: what a slip is, and what nobody can alter on the way."""

import base64
import hashlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serambi.base.canonical import encode
from serambi.base.errors import SerambiError
from serambi.base.limits import ENROLLMENT_KEYS_MAX, ENROLLMENT_MAX_BYTES, ENROLLMENT_TEXT_MAX
from serambi.base.words import Words
from serambi.identity import dsse
from serambi.identity.code import code_key, in_groups, new_code, read_code
from serambi.identity.enrollment import (
    ENROLLMENT_TYPE,
    Enrollment,
    changes_for,
    fingerprint,
    new_party,
    read_enrollment,
    seal_enrollment,
    shown_of,
    typed_is_right,
)
from serambi.identity.keys import SigningKey
from serambi.identity.roster import Party, key_entry, seal_roster
from serambi.identity.roster_draft import next_roster
from serambi.identity.succession import succeed
from tests.builders import Town, make_roster

SYMBOLS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
AT = "2026-11-25T00:00:00Z"
WORDS = Words("Rumah sakit", "The hospital")
RSUD = Party("rsud", WORDS, WORDS, WORDS)
CODE = SigningKey.generate()
draws = st.lists(st.integers(0, 31), min_size=11, max_size=11)


def code_of(values: list[int]) -> str:
    left = iter(values)
    return new_code(lambda below: next(left))


@given(draws, st.sampled_from(["", " ", "-", "\t"]), st.booleans())
def test_a_code_is_read_as_it_is_typed(values: list[int], gap: str, small: bool) -> None:
    code = code_of(values)
    typed = gap.join(code.replace("-", ""))
    assert read_code(typed.lower() if small else typed) == code
    assert read_code(typed.replace("0", "o").replace("1", "l")) == code


@given(draws, st.integers(0, 11), st.sampled_from(SYMBOLS))
def test_one_wrong_character_is_a_slip_and_no_guess(
    values: list[int], at: int, symbol: str
) -> None:
    code = code_of(values).replace("-", "")
    wrong = code[:at] + symbol + code[at + 1 :]
    if wrong != code:
        with pytest.raises(SerambiError, match="not a code"):
            read_code(wrong)


@given(st.text(max_size=20))
def test_anything_else_is_refused_or_read_to_one_spelling(text: str) -> None:
    try:
        code = read_code(text)
    except SerambiError:
        return
    assert read_code(code) == code


def test_a_code_stands_for_one_key_and_one_party() -> None:
    code = new_code()
    assert code_key(code, "rsud").key_id == code_key(code.lower(), "rsud").key_id
    assert code_key(code, "rsud").key_id != code_key(code, "dishub").key_id
    assert len({new_code() for _ in range(100)}) == 100


@given(st.binary(min_size=32, max_size=32))
def test_the_typed_groups_are_those_that_are_not_shown(raw: bytes) -> None:
    digits = raw.hex()
    shown = shown_of(digits)
    typed = in_groups(digits)[len(shown) :]
    assert shown + typed == in_groups(digits)
    assert typed_is_right(digits, typed.upper())
    assert not typed_is_right(digits, "")
    assert not typed_is_right(digits, digits)


def request_of(
    *keys: tuple[SigningKey, str], party: Party = RSUD, lost_since: str = ""
) -> Enrollment:
    entries = tuple(
        key_entry(key.public, party.id, use, "igd" if use == "gateway" else "")  # type: ignore[arg-type]
        for key, use in keys
    )
    return Enrollment(1, party, entries, lost_since)


def sealed(*keys: tuple[SigningKey, str], **more: object) -> bytes:
    document = request_of(*keys, **more)  # type: ignore[arg-type]
    return seal_enrollment(document, [key for key, _ in keys], CODE)


def test_a_request_is_signed_by_all_its_keys_and_the_code() -> None:
    sign, witness = SigningKey.generate(), SigningKey.generate()
    request = read_enrollment(sealed((sign, "sign"), (witness, "witness")))
    assert request.sign_key.key_id == sign.key_id
    assert request.fingerprint == hashlib.sha256(sign.public.raw).hexdigest()
    assert request.knows_code(CODE.public)
    assert not request.knows_code(SigningKey.generate().public)


def test_who_relays_a_request_cannot_put_another_key_in() -> None:
    """A man in the middle has the whole request and a key of his own, but not the code."""
    mine, theirs = SigningKey.generate(), SigningKey.generate()
    passing = dsse.load(sealed((theirs, "sign")))
    swapped = dsse.sign(ENROLLMENT_TYPE, encode(request_of((mine, "sign"))), [mine])
    kept = tuple(sorted({*swapped.signatures, *passing.signatures}))
    forged = read_enrollment(dsse.dump(msgspec.structs.replace(swapped, signatures=kept)))
    assert forged.sign_key.key_id == mine.key_id
    assert not forged.knows_code(CODE.public)
    # And a second key slipped in beside the right one has not been signed for by that one.
    both = request_of((theirs, "sign"), (mine, "witness"))
    slipped = dsse.sign(ENROLLMENT_TYPE, encode(both), [mine])
    kept = tuple(sorted({*slipped.signatures, *passing.signatures}))
    with pytest.raises(SerambiError, match="not every key"):
        read_enrollment(dsse.dump(msgspec.structs.replace(slipped, signatures=kept)))


def test_what_is_no_request() -> None:
    key, other = SigningKey.generate(), SigningKey.generate()
    long = Words("x" * (ENROLLMENT_TEXT_MAX + 1), "x")
    many = [(SigningKey.generate(), "witness") for _ in range(ENROLLMENT_KEYS_MAX)]
    for document, why in (
        (request_of((key, "witness")), "one key that signs"),
        (request_of((key, "sign"), (other, "sign")), "one key that signs"),
        (request_of((key, "sign"), *many), "at most 16 keys"),
        (request_of((key, "sign"), party=new_party("rsud")), "who it is"),
        (request_of((key, "sign"), party=Party("rsud", long, WORDS, WORDS)), "characters"),
        (request_of((key, "sign"), lost_since="yesterday"), "not an instant"),
        (request_of((key, "sign"), party=Party("../x", WORDS, WORDS, WORDS)), "party"),
        (
            msgspec.structs.replace(
                request_of((key, "sign")), keys=(key_entry(key.public, "kpu", "sign"),)
            ),
            "keys of one party",
        ),
    ):
        raw = dsse.dump(dsse.sign(ENROLLMENT_TYPE, encode(document), [key, other, CODE]))
        with pytest.raises(SerambiError, match=why):
            read_enrollment(raw)
    with pytest.raises(SerambiError, match="not a request"):
        read_enrollment(dsse.dump(dsse.sign("text/plain", b"{}", [key])))
    with pytest.raises(SerambiError, match="at most"):
        read_enrollment(b" " * (ENROLLMENT_MAX_BYTES + 1))


def town_of_three() -> Town:
    return make_roster()


def test_a_newcomer_joins_by_a_roster_that_all_have_signed() -> None:
    town = town_of_three()
    sign, gateway = SigningKey.generate(), SigningKey.generate()
    request = read_enrollment(sealed((sign, "sign"), (gateway, "gateway")))
    changes = changes_for(request, town.roster, at=AT, by="kpu", person="Ani")
    document = next_roster(town.roster, changes)
    with pytest.raises(SerambiError, match="not signed by"):
        succeed(town.roster, seal_roster(document, [*town.keys.values(), sign]))
    after = succeed(town.roster, seal_roster(document, [*town.keys.values(), sign, gateway]))
    assert after.party("rsud").name == WORDS
    assert after.owner("igd") == "rsud"
    (said,) = after.document.change.confirmed if after.document.change else ()
    assert (said.person, said.party, said.sha256) == ("Ani", "kpu", fingerprint(sign.public))


def test_who_lost_its_keys_gets_another_one_by_the_others() -> None:
    town = town_of_three()
    new = SigningKey.generate()
    raw = sealed((new, "sign"), party=new_party("polres"), lost_since="2026-11-20T00:00:00Z")
    changes = changes_for(read_enrollment(raw), town.roster, at=AT, by="kpu", person="Ani")
    keys = [town.keys["kpu"], town.keys["bawaslu"], new]
    after = succeed(town.roster, seal_roster(next_roster(town.roster, changes), keys))
    assert after.signer(new.key_id) == "polres"
    assert after.past.keys[town.keys["polres"].key_id].lost


def test_what_the_roster_does_not_allow_whoever_has_compared() -> None:
    town = town_of_three()
    key = SigningKey.generate()
    known = Party("polres", WORDS, WORDS, WORDS)
    lost = "2026-11-20T00:00:00Z"
    for raw, by, why in (
        (sealed((key, "sign"), party=known), "kpu", "since when its keys are lost"),
        (sealed((key, "sign"), lost_since=lost), "kpu", "has lost no keys"),
        (sealed((key, "sign"), party=known, lost_since=lost), "polres", "of another party"),
    ):
        with pytest.raises(SerambiError, match=why):
            changes_for(read_enrollment(raw), town.roster, at=AT, by=by, person="Ani")


def test_a_confirmation_of_a_stranger_is_none() -> None:
    """In the roster only a newcomer's own key, or a loser's, may be said to be compared."""
    town = town_of_three()
    key, other = SigningKey.generate(), SigningKey.generate()
    request = read_enrollment(sealed((key, "sign")))
    changes = changes_for(request, town.roster, at=AT, by="kpu", person="Ani")
    (said,) = changes.confirmed
    for confirmed in (
        (msgspec.structs.replace(said, key_id=other.key_id),),
        (msgspec.structs.replace(said, sha256="0" * 64),),
        (msgspec.structs.replace(said, party="rsud"),),
        (msgspec.structs.replace(said, person=" "),),
        (said, said),
    ):
        document = next_roster(town.roster, msgspec.structs.replace(changes, confirmed=confirmed))
        with pytest.raises(SerambiError):
            succeed(town.roster, seal_roster(document, [*town.keys.values(), key]))
    raw = base64.b64encode(key.public.raw).decode()
    assert changes.key[0].public == raw
