import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serambi.agreement.instants import ALWAYS, DAYS, Hours
from serambi.agreement.model import (
    AGREEMENT_TYPE,
    PROHIBITED,
    Purpose,
    Retention,
    SharedSite,
    check_attested,
    check_same_cameras,
    draft_statement,
    read_agreement,
    seal_agreement,
)
from serambi.base.canonical import encode
from serambi.base.errors import Kind, SerambiError
from serambi.base.instants import instant_text
from serambi.base.limits import CAMERAS_PER_AGREEMENT
from serambi.base.words import Words
from serambi.identity import dsse
from serambi.identity.keys import SigningKey
from tests.builders import (
    NOW,
    PURPOSE,
    SITE,
    attested,
    make_agreement,
    make_attestation,
    make_roster,
    plain_agreement,
)

TOWN = make_roster(("kpu", "bawaslu", "kesbangpol", "dishub", "polres"))
STREET = make_attestation(TOWN)
WHOLE = make_agreement(TOWN, attestations=[STREET])
STATEMENT: dict[str, Any] = json.loads(dsse.load(WHOLE).payload)


def shared(cameras: tuple[str, ...] = ("cam-1",), **changes: Any) -> tuple[SharedSite, ...]:
    site = SharedSite(SITE, cameras, ("live",), "Asia/Jakarta", ALWAYS)
    return (msgspec.structs.replace(site, **changes),)


def sealed(statement: object, keys: list[SigningKey] | None = None) -> bytes:
    """Signed by all although our own drafting would refuse it."""
    signers = list(TOWN.keys.values()) if keys is None else keys
    return seal_agreement(encode(statement), signers)


def changed(change: Callable[[dict[str, Any]], object]) -> bytes:
    statement = json.loads(json.dumps(STATEMENT))
    change(statement)
    return sealed(statement)


def refused(raw: bytes, why: str | None = None) -> SerambiError:
    with pytest.raises(SerambiError, match=why) as caught:
        read_agreement(raw, TOWN.roster)
    return caught.value


def test_signed_by_all_it_is_complete() -> None:
    signed = read_agreement(WHOLE, TOWN.roster)
    assert signed.complete
    assert signed.signed_by == tuple(TOWN.keys)
    assert signed.missing == ()
    assert signed.attested == {"cam-1": attested(TOWN, [STREET])["cam-1"].digest}
    assert (signed.valid_from, signed.valid_until) == (NOW - 86_400, NOW + 30 * 86_400)
    assert signed.agreement.prohibited == PROHIBITED


def test_the_missing_are_told_in_the_rosters_order() -> None:
    raw = make_agreement(TOWN, parties=("polres", "dishub", "bawaslu", "kpu"), signed_by=["dishub"])
    signed = read_agreement(raw, TOWN.roster)
    assert not signed.complete
    assert signed.signed_by == ("dishub",)
    assert signed.missing == ("kpu", "bawaslu", "polres")


def test_strangers_signatures_and_double_ones_count_for_nothing() -> None:
    statement = dsse.load(WHOLE).payload
    kpu, stranger = TOWN.keys["kpu"], SigningKey.generate()
    raw = seal_agreement(statement, [kpu, kpu, stranger, TOWN.center, TOWN.gateways[SITE]])
    assert read_agreement(raw, TOWN.roster).signed_by == ("kpu",)
    outsider = make_agreement(TOWN, parties=("kpu", "polres"), signed_by=["kpu", "dishub"])
    assert read_agreement(outsider, TOWN.roster).missing == ("polres",)


def test_the_order_of_signing_does_not_matter() -> None:
    statement = dsse.load(WHOLE).payload
    raw = seal_agreement(statement, [])
    for key in reversed(TOWN.keys.values()):
        raw = dsse.dump(dsse.add_signature(dsse.load(raw), key))
    assert raw == WHOLE


def test_it_is_an_in_toto_statement() -> None:
    assert dsse.load(WHOLE).payload_type == "application/vnd.in-toto+json" == AGREEMENT_TYPE
    assert set(STATEMENT) == {"_type", "subject", "predicateType", "predicate"}
    assert STATEMENT["_type"] == "https://in-toto.io/Statement/v1"
    assert set(STATEMENT["subject"][0]) == {"name", "digest"}
    hours = STATEMENT["predicate"]["sites"][0]["hours"][0]
    assert hours == {"days": list(DAYS), "from": "00:00", "to": "24:00"}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"parties": ("kpu",), "viewer": "kpu"}, "two parties"),
        ({"parties": ("kpu", "kpu", "polres")}, "each once"),
        ({"viewer": "telkom"}, "not a party"),
        ({"purposes": ()}, "purposes"),
        ({"purposes": (PURPOSE, PURPOSE)}, "each once"),
        ({"purposes": (Purpose("Routine Watch", PURPOSE.text),)}, "not a valid id"),
        ({"number": "2026/03"}, "not a valid id"),
        ({"valid_until": "2020-01-01T00:00:00Z"}, "ends before"),
        ({"valid_until": instant_text(NOW - 86_400)}, "ends before"),
        ({"valid_until": ""}, "not an instant"),
        ({"prohibited": PROHIBITED[1:]}, "prohibited"),
        ({"prohibited": ()}, "prohibited"),
        ({"heartbeat_s": 59}, "heartbeat"),
        ({"heartbeat_s": 86_401}, "heartbeat"),
        ({"retention": Retention(-1)}, "retention"),
        ({"retention": Retention(8785)}, "retention"),
        ({"sites": ()}, "at least one site"),
        ({"sites": shared(())}, "cameras"),
        ({"sites": shared(("cam-1", "cam-1"))}, "each once"),
        ({"sites": shared() + shared()}, "each once"),
        ({"sites": shared(actions=())}, "at least one action"),
        ({"sites": shared(actions=("live", "live"))}, "each once"),
        ({"sites": shared(zone="WIB")}, "time zone"),
        ({"sites": shared(hours=(Hours(DAYS, "8", "9"),))}, "hours"),
        ({"sites": shared(site="../x")}, "not a valid id"),
        ({"sites": shared(("cam/1",))}, "not a valid id"),
        ({"sites": shared(tuple(f"c{n}" for n in range(CAMERAS_PER_AGREEMENT + 1)))}, "cameras"),
    ],
)
def test_what_is_refused_when_drafting_is_refused_when_signed(
    changes: dict[str, Any], why: str
) -> None:
    agreement = msgspec.structs.replace(plain_agreement(TOWN), **changes)
    cameras = {camera for site in agreement.sites for camera in site.cameras}
    with pytest.raises(SerambiError, match=why):
        draft_statement(agreement, dict.fromkeys(cameras, "00" * 32))
    subjects = [{"name": name, "digest": {"sha256": "00" * 32}} for name in sorted(cameras)]
    refused(sealed({**STATEMENT, "subject": subjects, "predicate": agreement}), why)


@pytest.mark.parametrize(
    "changes",
    [
        {"heartbeat_s": 60},
        {"heartbeat_s": 86_400},
        {"retention": Retention(0)},
        {"retention": Retention(8784)},
        {"sites": shared(tuple(f"c{n}" for n in range(CAMERAS_PER_AGREEMENT)))},
        {"purposes": (Purpose("watch", Words("gudang surat suara 9", "store of the ballots")),)},
    ],
)
def test_what_lies_just_within_the_bounds_can_be_agreed(changes: dict[str, Any]) -> None:
    agreement = msgspec.structs.replace(plain_agreement(TOWN), **changes)
    cameras = {camera for site in agreement.sites for camera in site.cameras}
    raw = seal_agreement(draft_statement(agreement, dict.fromkeys(cameras, "00" * 32)), [])
    assert read_agreement(raw, TOWN.roster).agreement == agreement


@pytest.mark.parametrize("sha256", ["00" * 31, "X" * 64, "AB" * 32])
def test_a_camera_is_named_by_a_digest(sha256: str) -> None:
    with pytest.raises(SerambiError, match="not a SHA-256"):
        draft_statement(plain_agreement(TOWN), {"cam-1": sha256})


@pytest.mark.parametrize(
    "text",
    [
        "Keamanan",
        "gudang  surat  suara",
        "Pengawasan umum",
        "Untuk keamanan dan keselamatan umum",
        "Public safety, general security.",
        "SAFETY! SAFETY! SAFETY! SAFETY!",
        "surveillance/monitoring for security reasons",
        "Gudang",
        "                            ",
        "............................",
        "gudang                     .",
        "",
    ],
)
def test_a_vague_purpose_is_refused(text: str) -> None:
    for words in (Words(text, PURPOSE.text.en), Words(PURPOSE.text.id, text)):
        with pytest.raises(SerambiError, match="not concrete"):
            draft_statement(
                plain_agreement(TOWN, purposes=(Purpose("watch", words),)), {"cam-1": "00" * 32}
            )


def test_a_concrete_purpose_may_use_the_word() -> None:
    text = Words("Keamanan gudang logistik pemilu", "Security of the election warehouse")
    agreement = plain_agreement(TOWN, purposes=(Purpose("routine_watch", text),))
    assert draft_statement(agreement, {"cam-1": "00" * 32})


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s.update(_type="https://in-toto.io/Statement/v0.1"),
        lambda s: s.update(predicateType="https://example.com/other/v1"),
        lambda s: s.update(extra=1),
        lambda s: s.pop("subject"),
        lambda s: s["predicate"].update(audio=True),
        lambda s: s["predicate"].update(face_matching=True),
        lambda s: s["predicate"].update(bulk_frames=True),
        lambda s: s["predicate"].pop("valid_until"),
        lambda s: s["predicate"].update(valid_until=None),
        lambda s: s["predicate"].update(heartbeat_s=900.5),
        lambda s: s["predicate"].update(heartbeat_s="900"),
        lambda s: s["predicate"]["sites"][0].update(actions=["live", "audio"]),
        lambda s: s["predicate"]["sites"][0].update(actions=["listen"]),
        lambda s: s["predicate"]["sites"][0].update(inside=True),
        lambda s: s["predicate"]["sites"][0]["hours"][0].update(days=["someday"]),
        lambda s: s["predicate"]["title"].pop("id"),
        lambda s: s["subject"][0]["digest"].update(sha512="00" * 64),
        lambda s: s["subject"][0]["digest"].update(sha256="00"),
        lambda s: s["subject"][0]["digest"].update(sha256="AB" * 32),
        lambda s: s["subject"][0].update(name="cam-2"),
        lambda s: s["subject"].append(s["subject"][0]),
        lambda s: s["subject"].append({"name": "cam-2", "digest": {"sha256": "00" * 32}}),
        lambda s: s["subject"].clear(),
    ],
)
def test_nothing_widens_it(change: Callable[[dict[str, Any]], object]) -> None:
    assert refused(changed(change)).kind == Kind.BAD_INPUT


def test_unknown_parties_and_other_documents_are_refused() -> None:
    strange = changed(lambda s: s["predicate"].update(parties=["kpu", "polres", "telkom"]))
    assert refused(strange, "telkom").kind == Kind.NOT_FOUND
    refused(dsse.dump(dsse.sign("text/plain", dsse.load(WHOLE).payload, [])), "not an agreement")
    refused(sealed(["x"]))


def test_nobody_agrees_about_anothers_site() -> None:
    """Two parties cannot sign away a third one's camera, however they attest it."""
    raw = make_agreement(TOWN, parties=("bawaslu", "polres"))
    refused(raw, "the owner of site gudang-kpu")
    refused(make_agreement(TOWN, site="elsewhere"), "the owner of site elsewhere")


def test_cameras_must_be_attested_to_look_outwards() -> None:
    agreement = plain_agreement(TOWN)
    check_attested(agreement, attested(TOWN, [STREET]))
    for raws, why in (
        ([], "no attestation"),
        ([make_attestation(TOWN, facing="inside")], "looks inside"),
        ([make_attestation(TOWN, signed_by=["kpu"])], "one other party"),
    ):
        with pytest.raises(SerambiError, match=why):
            check_attested(agreement, attested(TOWN, raws))


def test_a_camera_belongs_to_the_site_it_is_listed_under() -> None:
    town = make_roster(sites={SITE: "kpu", "kantor-kpu": "kpu"})
    known = attested(town, [make_attestation(town, site="kantor-kpu")])
    with pytest.raises(SerambiError, match="attested for kantor-kpu"):
        check_attested(plain_agreement(town), known)


def test_the_attestation_is_the_one_that_was_agreed_on() -> None:
    signed = read_agreement(WHOLE, TOWN.roster)
    check_same_cameras(signed, attested(TOWN, [STREET]))
    with pytest.raises(SerambiError, match="anew"):
        check_same_cameras(signed, attested(TOWN, [make_attestation(TOWN, fov_deg=81)]))


@given(st.integers(0, len(WHOLE) - 1), st.integers(1, 255))
def test_a_changed_byte_never_leaves_it_complete(at: int, flip: int) -> None:
    raw = WHOLE[:at] + bytes([WHOLE[at] ^ flip]) + WHOLE[at + 1 :]
    try:
        signed = read_agreement(raw, TOWN.roster)
    except SerambiError:
        return
    assert not signed.complete
