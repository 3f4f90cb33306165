"""The one decision: by example, and for every state that Hypothesis can think of."""

import dataclasses
import math
from collections.abc import Mapping
from types import MappingProxyType

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serambi.agreement.approval import read_approval
from serambi.agreement.attestation import SignedAttestation
from serambi.agreement.decide import (
    SITE as WHOLE_SITE,
)
from serambi.agreement.decide import (
    Ask,
    Decision,
    Reason,
    State,
    clock_is_sane,
    decide,
    opens_at,
)
from serambi.agreement.instants import ALWAYS, DAYS, Hours
from serambi.agreement.revocation import Revocation
from serambi.base.limits import BREAK_GLASS_MAX_S, LIVE_GRANT_MAX_S
from tests.builders import (
    NOW,
    SITE,
    make_agreement,
    make_approval,
    make_attestation,
    make_roster,
    make_state,
)

DAY_S = 86_400.0
TOWN = make_roster(sites={SITE: "kpu", "kantor-kpu": "kpu"})
STREET = make_attestation(TOWN, "cam-1")
YARD = make_attestation(TOWN, "cam-2", facing="yard")
INSIDE = make_attestation(TOWN, "cam-in", facing="inside")
ASK = Ask("cam-1", "live", "routine_watch", "polres")


def state(**changes: object) -> State:
    raw = make_agreement(TOWN, attestations=[STREET])
    return dataclasses.replace(make_state(TOWN, raw, attestations=[STREET]), **changes)  # type: ignore[arg-type]


GOOD = state()
DIGEST = GOOD.agreements[0].digest
REVOKED = {DIGEST: Revocation(1, DIGEST, "2026-03", "bawaslu", "2026-11-23T10:00:00Z")}


def with_agreement(**changes: object) -> State:
    raw = make_agreement(TOWN, attestations=[STREET], **changes)  # type: ignore[arg-type]
    return dataclasses.replace(GOOD, agreements=make_state(TOWN, raw).agreements)


def test_what_is_agreed_is_allowed_for_a_day_at_most() -> None:
    assert decide(GOOD, ASK, NOW) == Decision(
        True, Reason.ALLOWED, "2026-03", NOW + LIVE_GRANT_MAX_S
    )


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"clock_ok": False}, Reason.CLOCK),
        ({"agreements": ()}, Reason.NO_AGREEMENT),
        ({"attestations": {}}, Reason.NO_AGREEMENT),
        ({"site": "kantor-kpu"}, Reason.NO_AGREEMENT),
        ({"revocations": REVOKED}, Reason.REVOKED),
        ({"stops": {"cam-1": NOW}}, Reason.STOPPED),
        ({"stops": {WHOLE_SITE: NOW}}, Reason.STOPPED),
        ({"suspensions": {"cam-1": NOW}}, Reason.SUSPENDED),
        ({"suspensions": {WHOLE_SITE: NOW}}, Reason.SUSPENDED),
        ({"seen_at": NOW - 900}, Reason.UNWITNESSED),
        ({"seen_at": -math.inf}, Reason.UNWITNESSED),
        ({"seen_at": math.nan}, Reason.UNWITNESSED),
    ],
)
def test_one_thing_in_the_state_closes_it(changes: dict[str, object], reason: Reason) -> None:
    answer = decide(state(**changes), ASK, NOW)
    assert (answer.allowed, answer.reason, answer.until) == (False, reason, 0.0)


@pytest.mark.parametrize("elsewhere", [{"stops": {"cam-2": NOW}}, {"suspensions": {"cam-2": NOW}}])
def test_what_holds_for_another_camera_does_not_matter(elsewhere: dict[str, object]) -> None:
    assert decide(state(**elsewhere), ASK, NOW).allowed


@pytest.mark.parametrize(
    ("ask", "reason"),
    [
        (Ask("cam-9", "live", "routine_watch", "polres"), Reason.NO_AGREEMENT),
        (Ask("", "live", "routine_watch", "polres"), Reason.NO_AGREEMENT),
        (Ask(WHOLE_SITE, "live", "routine_watch", "polres"), Reason.NO_AGREEMENT),
        (Ask("cam-1", "ptz", "routine_watch", "polres"), Reason.ACTION),
        (Ask("cam-1", "audio", "routine_watch", "polres"), Reason.ACTION),
        (Ask("cam-1", "live", "routine_watch", "bawaslu"), Reason.PARTY),
        (Ask("cam-1", "live", "curiosity", "polres"), Reason.PURPOSE),
    ],
)
def test_what_was_not_agreed_is_denied(ask: Ask, reason: Reason) -> None:
    assert decide(GOOD, ask, NOW) == Decision(
        False, reason, "" if reason == Reason.NO_AGREEMENT else "2026-03", 0.0
    )


@pytest.mark.parametrize("at", [NOW - 2 * DAY_S, NOW - DAY_S - 1])
def test_it_begins_when_it_says(at: float) -> None:
    assert decide(GOOD, ASK, at).reason == Reason.NOT_YET
    assert decide(GOOD, ASK, NOW - DAY_S).allowed


def test_the_sunset_is_an_instant() -> None:
    end = NOW + 30 * DAY_S
    last = decide(GOOD, ASK, end - 0.001)
    assert last.allowed
    assert last.until == end
    assert decide(GOOD, ASK, end).reason == Reason.EXPIRED


def test_hours_close_it_and_say_when_they_open() -> None:
    evening = with_agreement(hours=[Hours(DAYS, "18:00", "06:00")])
    assert decide(evening, ASK, NOW).reason == Reason.OUT_OF_HOURS
    opens = opens_at(evening, ASK, NOW)
    assert opens == NOW + 20 * 60
    answer = decide(evening, ASK, opens)
    assert answer.allowed
    assert answer.until == opens + 12 * 3600


def test_no_hours_means_never() -> None:
    never = with_agreement(hours=[])
    assert decide(never, ASK, NOW).reason == Reason.OUT_OF_HOURS
    assert opens_at(never, ASK, NOW) == 0.0


def test_it_never_opens_again_after_the_sunset() -> None:
    sunday = with_agreement(hours=[Hours(("sun",), "00:00", "24:00")], valid_until=NOW + DAY_S)
    assert opens_at(sunday, ASK, NOW) == 0.0
    assert opens_at(GOOD, Ask("cam-9", "live", "", ""), NOW) == 0.0


def test_of_two_the_one_that_opens_first_says_when() -> None:
    never = make_agreement(TOWN, attestations=[STREET], number="2026-04", hours=[])
    late = make_agreement(TOWN, attestations=[STREET], hours=[Hours(DAYS, "20:00", "06:00")])
    soon = make_agreement(TOWN, attestations=[STREET], hours=[Hours(DAYS, "18:00", "19:00")])
    for order in ((never, late, soon), (soon, late, never)):
        both = make_state(TOWN, *order, attestations=[STREET])
        assert opens_at(both, ASK, NOW) == NOW + 20 * 60


def test_an_opening_at_the_sunset_is_none() -> None:
    for end_s, opens in ((20 * 60, 0.0), (20 * 60 + 1, NOW + 20 * 60)):
        hours = [Hours(DAYS, "18:00", "06:00")]
        last = with_agreement(hours=hours, valid_until=NOW + end_s)
        assert opens_at(last, ASK, NOW) == opens


def test_no_signature_no_camera() -> None:
    waiting = with_agreement(signed_by=["kpu", "polres"])
    assert not waiting.agreements[0].complete
    assert decide(waiting, ASK, NOW).reason == Reason.NO_AGREEMENT
    assert opens_at(waiting, ASK, NOW) == 0.0


def test_inside_and_undeclared_and_nonexistent_cannot_be_told_apart() -> None:
    raw = make_agreement(TOWN, ["cam-1", "cam-in"], attestations=[STREET, INSIDE])
    tricked = make_state(TOWN, raw, attestations=[STREET, INSIDE])
    for clock_ok in (True, False):
        here = dataclasses.replace(tricked, clock_ok=clock_ok)
        answers = {
            decide(here, dataclasses.replace(ASK, camera=camera), NOW)
            for camera in ("cam-in", "cam-2", "no-such-camera")
        }
        assert answers == {Decision(False, Reason.NO_AGREEMENT, "", 0.0)}


@pytest.mark.parametrize(
    "attestation",
    [
        make_attestation(TOWN, signed_by=["kpu"]),
        make_attestation(TOWN, signed_by=["bawaslu", "polres"]),
        make_attestation(TOWN, signed_by=[]),
        make_attestation(TOWN, site="kantor-kpu"),
        make_attestation(TOWN, valid_until=NOW),
    ],
    ids=["owner alone", "without the owner", "nobody", "another site", "run out"],
)
def test_an_attestation_that_does_not_hold_closes_the_camera(attestation: bytes) -> None:
    raw = make_agreement(TOWN, attestations=[attestation])
    weak = make_state(TOWN, raw, attestations=[attestation])
    assert decide(weak, ASK, NOW).reason == Reason.NOT_ATTESTED


def test_a_camera_attested_anew_needs_a_new_agreement() -> None:
    again = make_attestation(TOWN, heading_deg=10)
    turned = dataclasses.replace(
        GOOD, attestations=make_state(TOWN, attestations=[again]).attestations
    )
    assert decide(turned, ASK, NOW).reason == Reason.NOT_ATTESTED


def test_an_attestation_counts_for_its_own_camera_only() -> None:
    raw = make_agreement(TOWN, ["cam-1", "cam-2"], attestations=[STREET, YARD])
    confused = make_state(TOWN, raw, attestations=[STREET])
    mixed: Mapping[str, SignedAttestation] = {"cam-2": confused.attestations["cam-1"]}
    there = dataclasses.replace(confused, attestations=mixed)
    assert decide(there, Ask("cam-2", "live", "routine_watch", "polres"), NOW).allowed is False


def test_the_attestation_ends_a_view_too() -> None:
    short = make_attestation(TOWN, valid_until=NOW + 60)
    there = make_state(TOWN, make_agreement(TOWN, attestations=[short]), attestations=[short])
    assert decide(there, ASK, NOW).until == NOW + 60


def test_of_two_agreements_the_one_that_allows_speaks() -> None:
    old = make_agreement(TOWN, attestations=[STREET], number="2025-01", valid_until=NOW - 1)
    new = make_agreement(TOWN, attestations=[STREET], number="2026-04")
    for order in ((old, new), (new, old)):
        both = make_state(TOWN, *order, attestations=[STREET])
        assert decide(both, ASK, NOW).agreement == "2026-04"


def test_a_view_lasts_as_long_as_the_parties_word() -> None:
    answer = decide(state(seen_at=NOW - 600), ASK, NOW)
    assert (answer.allowed, answer.until) == (True, NOW + 300)


def test_an_agreement_with_a_longer_heartbeat_holds_longer() -> None:
    long = make_agreement(TOWN, attestations=[STREET], number="2026-04", heartbeat_s=3600)
    short = make_agreement(TOWN, attestations=[STREET])
    both = make_state(TOWN, short, long, attestations=[STREET], seen_at=NOW - 1000)
    assert decide(both, ASK, NOW) == Decision(True, Reason.ALLOWED, "2026-04", NOW + 2600)


def test_of_two_that_deny_the_nearer_one_tells_why() -> None:
    old = make_agreement(TOWN, attestations=[STREET], number="2025-01", valid_until=NOW - 1)
    shut = make_agreement(TOWN, attestations=[STREET], number="2026-04", hours=[])
    both = make_state(TOWN, old, shut, attestations=[STREET])
    answer = decide(both, ASK, NOW)
    assert (answer.reason, answer.agreement) == (Reason.OUT_OF_HOURS, "2026-04")


@pytest.mark.parametrize(
    ("worse", "reason"),
    [
        ({"clock_ok": False}, Reason.CLOCK),
        ({"revocations": REVOKED}, Reason.REVOKED),
        ({"stops": {"cam-1": NOW}}, Reason.STOPPED),
        ({"suspensions": {"cam-1": NOW}}, Reason.SUSPENDED),
        ({"suspensions": {"cam-1": NOW}, "seen_at": 0.0}, Reason.SUSPENDED),
        ({"seen_at": 0.0}, Reason.UNWITNESSED),
        ({}, Reason.ACTION),
    ],
)
def test_the_reason_nearest_to_the_owners_will_is_told(
    worse: dict[str, object], reason: Reason
) -> None:
    wrong = Ask("cam-1", "ptz", "curiosity", "kpu")
    bad: dict[str, object] = {
        "stops": {WHOLE_SITE: NOW} if reason in (Reason.CLOCK, Reason.REVOKED) else {},
        **worse,
    }
    assert decide(state(**bad), wrong, NOW).reason == reason


@pytest.mark.parametrize("now", [float("nan"), float("inf"), float("-inf"), 1e30, -1e30])
def test_a_time_that_is_none_denies(now: float) -> None:
    assert not decide(GOOD, ASK, now).allowed


@pytest.mark.parametrize("field", ["valid_from", "valid_until"])
def test_a_limit_that_is_no_number_denies(field: str) -> None:
    odd = dataclasses.replace(GOOD.agreements[0], **{field: float("nan")})  # type: ignore[arg-type]
    assert not decide(dataclasses.replace(GOOD, agreements=(odd,)), ASK, NOW).allowed


@pytest.mark.parametrize("field", ["agreements", "revocations", "attestations", "stops"])
def test_an_error_inside_denies(field: str) -> None:
    broken = dataclasses.replace(GOOD, **{field: None})  # type: ignore[arg-type]
    assert decide(broken, ASK, NOW) == Decision(False, Reason.ERROR, "", 0.0)


@pytest.mark.parametrize(
    ("now", "high_water", "sane"),
    [
        (10.0, 10.0, True),
        (11.0, 10.0, True),
        (9.0, 10.0, True),
        (8.9, 10.0, False),
        (float("nan"), 10.0, False),
    ],
)
def test_a_clock_that_runs_back_is_not_believed(now: float, high_water: float, sane: bool) -> None:
    assert clock_is_sane(now, high_water) is sane


# Agreements differ in what matters to the decision; signing is slow, so they are made once.
SIGNED = [
    make_state(TOWN, raw).agreements[0]
    for raw in (
        make_agreement(TOWN, ["cam-1", "cam-2"], attestations=[STREET, YARD]),
        make_agreement(TOWN, attestations=[STREET], hours=[Hours(DAYS, "22:00", "05:00")]),
        make_agreement(TOWN, attestations=[STREET], valid_until=NOW - 1, number="2025-01"),
        make_agreement(TOWN, attestations=[STREET], valid_from=NOW + 1, number="2027-01"),
        make_agreement(TOWN, ["cam-1", "cam-in"], attestations=[STREET, INSIDE]),
        make_agreement(TOWN, attestations=[STREET], signed_by=["kpu"]),
        make_agreement(TOWN, attestations=[YARD]),
        make_agreement(TOWN, attestations=[STREET], actions=["live", "export"], hours=ALWAYS),
        make_agreement(
            TOWN,
            attestations=[STREET],
            actions=["live", "export"],
            hours=[Hours(DAYS, "22:00", "05:00")],
            conditions={"incident_needed": True, "four_eyes": True, "break_glass": True},
        ),
        make_agreement(TOWN, attestations=[STREET], conditions={"four_eyes": True}),
    )
]
APPROVALS = [
    read_approval(make_approval(TOWN, signed, **changes), TOWN.roster)
    for signed in SIGNED[-2:]
    for changes in ({}, {"at": NOW - 9, "until": NOW + 9}, {"signed_by": ["polres"]})
]
ATTESTED = {
    name: next(iter(make_state(TOWN, attestations=[raw]).attestations.values()))
    for name, raw in {
        "street": STREET,
        "yard": YARD,
        "inside": INSIDE,
        "alone": make_attestation(TOWN, signed_by=["kpu"]),
        "turned": make_attestation(TOWN, facing="inside"),
    }.items()
}
CAMERAS = ["cam-1", "cam-2", "cam-in", "cam-9"]
times = st.floats(NOW - 2 * DAY_S, NOW + 40 * DAY_S)
held = st.dictionaries(st.sampled_from([*CAMERAS, WHOLE_SITE]), times, max_size=2)
revocations = st.dictionaries(
    st.sampled_from([signed.digest for signed in SIGNED]),
    st.just(REVOKED[DIGEST]),
    max_size=len(SIGNED),
)
states = st.builds(
    State,
    site=st.sampled_from([SITE, SITE, SITE, "kantor-kpu"]),
    agreements=st.lists(st.sampled_from(SIGNED), max_size=4).map(tuple),
    revocations=revocations,
    attestations=st.dictionaries(
        st.sampled_from(CAMERAS), st.sampled_from(list(ATTESTED.values())), max_size=4
    ).map(lambda known: {**known, "cam-1": known.get("cam-1", ATTESTED["street"])}),
    stops=held,
    suspensions=held,
    clock_ok=st.sampled_from([True, True, True, False]),
    seen_at=st.one_of(st.just(math.inf), times),
    justify_by=st.dictionaries(st.sampled_from(["somebody", "another"]), times, max_size=2),
    approvals=st.lists(st.sampled_from(APPROVALS), max_size=3).map(tuple),
)
asks = st.builds(
    Ask,
    camera=st.sampled_from(CAMERAS),
    action=st.sampled_from(["live", "live", "export", "audio"]),
    purpose=st.sampled_from(["routine_watch", "routine_watch", "curiosity"]),
    party=st.sampled_from(["polres", "polres", "kpu"]),
    unit=st.sampled_from(["Regu jaga", "Regu jaga", "Regu lain"]),
    holder=st.sampled_from(["", "somebody"]),
    incident=st.sampled_from(["", "12"]),
    broken_at=st.one_of(st.just(0.0), st.just(0.0), times),
)


@given(states, asks, times)
def test_never_allowed_without_one_agreement_that_says_so(
    state: State, ask: Ask, now: float
) -> None:
    """The rule once more, written the other way round: every condition by itself."""
    answer = decide(state, ask, now)
    attestation = state.attestations.get(ask.camera)
    opening = [
        signed
        for signed in state.agreements
        if signed.complete
        and signed.digest not in state.revocations
        and signed.valid_from <= now < signed.valid_until
        and ask.party == signed.agreement.viewer
        and ask.purpose in [purpose.id for purpose in signed.agreement.purposes]
        and any(
            shared.site == state.site
            and ask.camera in shared.cameras
            and ask.action in shared.actions
            for shared in signed.agreement.sites
        )
        and attestation is not None
        and signed.attested[ask.camera] == attestation.digest
    ]
    held = {ask.camera, WHOLE_SITE} & {*state.stops, *state.suspensions}
    if answer.allowed:
        assert opening
        assert attestation is not None
        assert attestation.complete
        assert attestation.attestation.facing != "inside"
        assert not held
        assert state.clock_ok
        assert now < state.seen_at + max(s.agreement.heartbeat_s for s in opening)
        assert answer.reason == Reason.ALLOWED
    else:
        assert answer.reason != Reason.ALLOWED
        assert answer.until == 0.0
        assert answer.reason != Reason.ERROR


@given(states, asks, times, times)
def test_until_is_beyond_nothing_that_ends_it(
    state: State, ask: Ask, now: float, later: float
) -> None:
    answer = decide(state, ask, now)
    if not answer.allowed:
        return
    assert now < answer.until <= now + LIVE_GRANT_MAX_S
    assert answer.until <= max(s.valid_until for s in state.agreements)
    assert answer.until <= state.attestations[ask.camera].valid_until
    after = decide(state, ask, answer.until)
    assert not after.allowed or after.until > answer.until
    if now <= later < answer.until:
        assert decide(state, ask, later).allowed


@given(states, asks, times, revocations, held, held, times)
def test_more_revocations_and_stops_never_open_anything(
    state: State,
    ask: Ask,
    now: float,
    more: dict[str, Revocation],
    stops: dict[str, float],
    suspensions: dict[str, float],
    seen_at: float,
) -> None:
    stricter = dataclasses.replace(
        state,
        revocations={**state.revocations, **more},
        stops={**state.stops, **stops},
        suspensions={**state.suspensions, **suspensions},
        seen_at=min(state.seen_at, seen_at),
    )
    before, after = decide(state, ask, now), decide(stricter, ask, now)
    assert before.allowed or not after.allowed
    assert after.until <= before.until


def without_conditions(state: State) -> State:
    """The same agreements, without what breaking the glass may waive."""
    free = []
    for signed in state.agreements:
        sites = tuple(
            msgspec.structs.replace(s, hours=ALWAYS, incident_needed=False, four_eyes=False)
            for s in signed.agreement.sites
        )
        agreement = msgspec.structs.replace(signed.agreement, sites=sites)
        free.append(dataclasses.replace(signed, agreement=agreement))
    return dataclasses.replace(state, agreements=tuple(free))


@given(states, asks, times, st.floats(0.0, BREAK_GLASS_MAX_S))
def test_a_broken_glass_opens_nothing_that_conditions_met_would_not(
    state: State, ask: Ask, now: float, ago_s: float
) -> None:
    broken = dataclasses.replace(ask, broken_at=now - ago_s)
    answer = decide(state, broken, now)
    plain = decide(without_conditions(state), dataclasses.replace(ask, broken_at=0.0), now)
    if answer.allowed:
        assert plain.allowed
        assert ask.action == "live"
        assert now < answer.until <= min(plain.until, broken.broken_at + BREAK_GLASS_MAX_S)
        assert any(
            shared.break_glass and ask.camera in shared.cameras
            for signed in state.agreements
            if signed.agreement.number == answer.agreement
            for shared in signed.agreement.sites
        )


@given(states, asks, times)
def test_meeting_a_condition_never_closes_anything(state: State, ask: Ask, now: float) -> None:
    before = decide(state, ask, now)
    met = decide(
        dataclasses.replace(state, approvals=(*state.approvals, *APPROVALS), justify_by={}),
        dataclasses.replace(ask, incident="12"),
        now,
    )
    assert met.allowed or not before.allowed
    assert met.until >= before.until


@given(states, asks, times)
def test_it_is_pure(state: State, ask: Ask, now: float) -> None:
    frozen = dataclasses.replace(
        state,
        revocations=MappingProxyType(dict(state.revocations)),
        stops=MappingProxyType(dict(state.stops)),
    )
    assert decide(frozen, ask, now) == decide(state, ask, now) == decide(state, ask, now)


@given(states, asks, times)
def test_opens_at_is_a_time_when_hours_hold(state: State, ask: Ask, now: float) -> None:
    opens = opens_at(state, ask, now)
    assert opens == 0.0 or opens > now
    if opens and decide(state, ask, now).reason == Reason.OUT_OF_HOURS:
        assert decide(state, ask, opens).reason != Reason.OUT_OF_HOURS
