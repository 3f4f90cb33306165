"""Conditions of a view: an incident, a second institution, and what breaking the glass waives."""

import dataclasses
from typing import Any

import msgspec
import pytest

from serambi.agreement.approval import APPROVAL_TYPE, Asked, read_approval, seal_asked
from serambi.agreement.decide import Ask, Decision, Reason, State, decide
from serambi.agreement.instants import DAYS, Hours
from serambi.agreement.model import SignedAgreement, read_agreement
from serambi.agreement.request import beside
from serambi.base.errors import SerambiError
from serambi.base.limits import APPROVAL_MAX_S, BREAK_GLASS_MAX_S, LIVE_GRANT_MAX_S
from serambi.identity import dsse
from serambi.identity.keys import SigningKey
from tests.builders import (
    NOW,
    SITE,
    make_agreement,
    make_approval,
    make_attestation,
    make_request,
    make_roster,
    make_state,
)

TOWN = make_roster()
STREET = make_attestation(TOWN)
ASK = Ask("cam-1", "live", "routine_watch", "polres", "Regu jaga", "somebody")
NIGHT = [Hours(DAYS, "22:00", "05:00")]
ALL = {"incident_needed": True, "four_eyes": True, "break_glass": True}


def with_conditions(conditions: dict[str, bool] = ALL, *approvals: bytes, **changes: Any) -> State:
    raw = make_agreement(TOWN, attestations=[STREET], conditions=conditions, **changes)
    return make_state(TOWN, raw, attestations=[STREET], approvals=approvals)


def only(state: State) -> SignedAgreement:
    return state.agreements[0]


def asking(**changes: Any) -> Ask:
    return dataclasses.replace(ASK, **changes)


def approved(state: State, *approvals: bytes) -> State:
    return dataclasses.replace(
        state, approvals=tuple(read_approval(raw, TOWN.roster) for raw in approvals)
    )


# -- an incident


def test_a_view_that_needs_an_incident_names_one() -> None:
    state = with_conditions({"incident_needed": True})
    assert decide(state, ASK, NOW) == Decision(False, Reason.INCIDENT_NEEDED, "2026-03", 0.0)
    named = decide(state, asking(incident="12"), NOW)
    assert named == Decision(True, Reason.ALLOWED, "2026-03", NOW + LIVE_GRANT_MAX_S)


def test_an_alert_needs_none_for_many_an_incident_begins_with_it() -> None:
    state = with_conditions(
        {"incident_needed": True, "four_eyes": True}, actions=["live", "playback", "alerts"]
    )
    assert decide(state, asking(action="alerts"), NOW).allowed
    assert decide(state, asking(action="playback"), NOW).reason == Reason.INCIDENT_NEEDED


def test_hours_come_before_the_incident_and_the_incident_before_the_second_party() -> None:
    asleep = with_conditions(ALL, hours=NIGHT)
    assert decide(asleep, ASK, NOW).reason == Reason.OUT_OF_HOURS
    awake = with_conditions()
    assert decide(awake, ASK, NOW).reason == Reason.INCIDENT_NEEDED
    assert decide(awake, asking(incident="12"), NOW).reason == Reason.FOUR_EYES


# -- four eyes


def test_another_party_approves_and_its_word_ends() -> None:
    state = with_conditions({"four_eyes": True})
    assert decide(state, ASK, NOW).reason == Reason.FOUR_EYES
    there = approved(state, make_approval(TOWN, only(state), until=NOW + 600))
    assert decide(there, ASK, NOW) == Decision(True, Reason.ALLOWED, "2026-03", NOW + 600)
    assert decide(there, ASK, NOW + 600).reason == Reason.FOUR_EYES


@pytest.mark.parametrize(
    "changes",
    [
        {"signed_by": []},
        {"signed_by": ["polres"]},
        {"cameras": ["cam-2"]},
        {"action": "playback"},
        {"purpose": "incident"},
        {"unit": "Regu lain"},
        {"party": "kpu"},
        {"agreement": "ab" * 32},
        {"at": NOW + 1},
        {"at": NOW - 60, "until": NOW},
    ],
)
def test_an_approval_is_of_just_what_was_asked(changes: dict[str, Any]) -> None:
    state = with_conditions({"four_eyes": True})
    wrong = make_approval(TOWN, only(state), **changes)
    assert decide(approved(state, wrong), ASK, NOW).reason == Reason.FOUR_EYES


def test_of_several_approvals_the_longest_counts_and_no_hours_are_made_longer() -> None:
    state = with_conditions({"four_eyes": True}, hours=[Hours(DAYS, "06:00", "18:00")])
    short = make_approval(TOWN, only(state), until=NOW + 60)
    for until, ends in ((NOW + 600, NOW + 600), (NOW + 3 * 3600, NOW + 20 * 60)):
        long = make_approval(TOWN, only(state), until=until, signed_by=["kpu", "bawaslu"])
        assert decide(approved(state, short, long), ASK, NOW).until == ends


def test_a_party_that_is_not_of_the_agreement_approves_nothing() -> None:
    town = make_roster(("kpu", "bawaslu", "polres", "dishub"))
    street = make_attestation(town)
    raw = make_agreement(
        town,
        attestations=[street],
        parties=("kpu", "polres"),
        conditions={"four_eyes": True},
    )
    signed = read_agreement(raw, town.roster)
    for party, allowed in (("bawaslu", False), ("kpu", True)):
        approval = make_approval(town, signed, signed_by=[party])
        state = make_state(town, raw, attestations=[street], approvals=[approval])
        assert decide(state, ASK, NOW).allowed is allowed


def test_an_approval_says_who_asked_and_who_approved() -> None:
    signed = only(with_conditions())
    found = read_approval(make_approval(TOWN, signed, signed_by=["bawaslu", "kpu"]), TOWN.roster)
    assert (sorted(found.approved_by), found.asked_by_center) == (["bawaslu", "kpu"], True)
    assert (found.asked_at, found.until) == (NOW - 60, NOW + 3600)
    forged = seal_asked(found.asked, SigningKey.generate())
    assert not read_approval(forged, TOWN.roster).asked_by_center
    assert read_approval(forged, TOWN.roster).digest == found.digest


@pytest.mark.parametrize(
    "changes",
    [
        {"number": "no number"},
        {"site": "../elsewhere"},
        {"cameras": ()},
        {"cameras": ("cam-1", "cam-1")},
        {"cameras": ("cam 1",)},
        {"cameras": tuple(f"cam-{number}" for number in range(513))},
        {"agreement": "ab" * 31},
        {"unit": "x" * 513},
        {"why": "x" * 513},
        {"at": "yesterday"},
        {"until": "2026-11-23T10:00:00Z"},
        {"until": "2026-11-23T10:39:00Z"},
        {"until": "2026-11-24T10:39:01Z"},
    ],
)
def test_an_approval_that_says_too_much_or_nothing_is_refused(changes: dict[str, Any]) -> None:
    good = read_approval(make_approval(TOWN, only(with_conditions())), TOWN.roster).asked
    assert APPROVAL_MAX_S == 24 * 3600
    with pytest.raises(SerambiError):
        seal_asked(msgspec.structs.replace(good, **changes), TOWN.center)


def test_a_day_and_as_many_cameras_as_an_agreement_has_may_be_asked_for() -> None:
    good = read_approval(make_approval(TOWN, only(with_conditions())), TOWN.roster).asked
    most: dict[str, Any] = {
        "cameras": tuple(f"cam-{number}" for number in range(512)),
        "until": "2026-11-24T10:39:00Z",
        "why": "x" * 512,
    }
    raw = seal_asked(msgspec.structs.replace(good, **most), TOWN.center)
    assert read_approval(raw, TOWN.roster).until == NOW - 60 + APPROVAL_MAX_S


def test_another_document_is_no_approval() -> None:
    with pytest.raises(SerambiError, match="not an approval"):
        read_approval(make_request(TOWN), TOWN.roster)
    empty = dsse.dump(dsse.sign(APPROVAL_TYPE, b"{}", [TOWN.center]))
    with pytest.raises(SerambiError, match="cannot be read"):
        read_approval(empty, TOWN.roster)


# -- breaking the glass


def test_it_waives_hours_incident_and_second_party_for_minutes() -> None:
    assert BREAK_GLASS_MAX_S <= 15 * 60
    state = with_conditions(ALL, hours=NIGHT)
    broken = asking(broken_at=NOW)
    assert decide(state, broken, NOW) == Decision(
        True, Reason.ALLOWED, "2026-03", NOW + BREAK_GLASS_MAX_S
    )
    last = NOW + BREAK_GLASS_MAX_S - 0.001
    assert decide(state, broken, last).until == NOW + BREAK_GLASS_MAX_S
    over = decide(state, broken, NOW + BREAK_GLASS_MAX_S)
    assert over == Decision(False, Reason.BREAK_GLASS_OVER, "2026-03", 0.0)


@pytest.mark.parametrize("at", [NOW + 1, -NOW, -1.0, float("nan"), float("inf"), float("-inf")])
def test_it_was_broken_now_or_a_moment_ago(at: float) -> None:
    state = with_conditions(ALL, hours=NIGHT)
    assert not decide(state, asking(broken_at=at), NOW).allowed


def test_an_agreement_that_does_not_say_so_gives_none() -> None:
    for conditions in ({}, {"incident_needed": True}):
        state = with_conditions(conditions)
        answer = decide(state, asking(broken_at=NOW, incident="12"), NOW)
        assert answer.reason == Reason.NO_BREAK_GLASS


@pytest.mark.parametrize("action", ["playback", "export", "alerts", "ptz"])
def test_it_is_for_live_views_only(action: str) -> None:
    state = with_conditions(ALL, actions=["live", "playback", "export", "alerts", "ptz"])
    assert decide(state, asking(action=action, broken_at=NOW), NOW).reason == Reason.NO_BREAK_GLASS


@pytest.mark.parametrize(
    ("ask", "state", "reason"),
    [
        ({"camera": "cam-2"}, {}, Reason.NO_AGREEMENT),
        ({"action": "playback"}, {}, Reason.ACTION),
        ({"purpose": "curiosity"}, {}, Reason.PURPOSE),
        ({"party": "kpu"}, {}, Reason.PARTY),
        ({}, {"stops": {"*": NOW}}, Reason.STOPPED),
        ({}, {"suspensions": {"cam-1": NOW}}, Reason.SUSPENDED),
        ({}, {"attestations": {}}, Reason.NO_AGREEMENT),
        ({}, {"seen_at": NOW - 900}, Reason.UNWITNESSED),
        ({}, {"clock_ok": False}, Reason.CLOCK),
    ],
)
def test_it_waives_nothing_else(ask: dict[str, Any], state: dict[str, Any], reason: Reason) -> None:
    here = dataclasses.replace(with_conditions(ALL, hours=NIGHT), **state)
    assert decide(here, asking(broken_at=NOW, **ask), NOW).reason == reason


def test_it_ends_with_the_agreement_all_the_same() -> None:
    state = with_conditions(ALL, valid_until=NOW + 60)
    assert decide(state, asking(broken_at=NOW), NOW).until == NOW + 60
    assert decide(state, asking(broken_at=NOW), NOW + 60).reason == Reason.EXPIRED


def test_whoever_has_not_said_why_in_time_sees_nothing_until_they_do() -> None:
    state = dataclasses.replace(with_conditions({}), justify_by={"somebody": NOW + 60})
    assert decide(state, ASK, NOW + 59.9).allowed
    for ask in (ASK, asking(broken_at=NOW + 60)):
        assert decide(state, ask, NOW + 60).reason == Reason.LOCKED
    assert decide(state, asking(holder="another"), NOW + 60).allowed
    assert decide(dataclasses.replace(state, justify_by={}), ASK, NOW + 60).allowed


# -- the document


def test_what_is_not_so_is_not_written() -> None:
    plain = dsse.load(make_agreement(TOWN)).payload
    for word in (b"incident_needed", b"four_eyes", b"break_glass"):
        assert word not in plain
        assert word in dsse.load(make_agreement(TOWN, conditions=ALL)).payload
    said = plain.replace(b'"cameras":', b'"break_glass":false,"cameras":')
    envelope = dsse.sign("application/vnd.in-toto+json", said, TOWN.sign_keys(["kpu"]))
    with pytest.raises(SerambiError, match="not in canonical form"):
        read_agreement(dsse.dump(envelope), TOWN.roster)


def test_breaking_the_glass_is_for_views_that_the_agreement_gives() -> None:
    with pytest.raises(SerambiError, match=f"site {SITE}: break-glass opens live views"):
        make_agreement(TOWN, actions=["playback"], conditions={"break_glass": True})


def test_what_stands_beside_a_view() -> None:
    assert beside("", "") == ""
    assert beside("12", "") == "incident 12"
    assert beside("12", "ab" * 16) == f"break_glass {'ab' * 16}"


def test_asked_is_one_form_of_bytes() -> None:
    found = read_approval(make_approval(TOWN, only(with_conditions())), TOWN.roster)
    assert msgspec.json.decode(msgspec.json.encode(found.asked), type=Asked) == found.asked
