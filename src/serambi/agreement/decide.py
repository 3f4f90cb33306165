"""May this be seen now? One pure function over an explicit state; no other place decides.

Default deny, deny on any error. `Decision.until` ends a view without being asked again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from serambi.agreement.approval import SignedApproval
from serambi.agreement.attestation import SignedAttestation
from serambi.agreement.instants import open_until, opens_next
from serambi.agreement.model import SharedSite, SignedAgreement
from serambi.agreement.revocation import Revocation
from serambi.base.limits import BREAK_GLASS_MAX_S, LIVE_GRANT_MAX_S

SITE = "*"
"""The key in `State.stops` that stands for the whole site."""


class Reason(StrEnum):
    """Why. The first are decided here, the others by whoever reads the request."""

    ALLOWED = "allowed"
    CLOCK = "clock"
    NO_AGREEMENT = "no_agreement"
    STOPPED = "stopped"
    REVOKED = "revoked"
    EXPIRED = "expired"
    NOT_YET = "not_yet"
    SUSPENDED = "suspended"
    UNWITNESSED = "unwitnessed"
    NOT_ATTESTED = "not_attested"
    ACTION = "action"
    PARTY = "party"
    PURPOSE = "purpose"
    LOCKED = "locked"
    NO_BREAK_GLASS = "no_break_glass"
    BREAK_GLASS_OVER = "break_glass_over"
    INCIDENT_NEEDED = "incident_needed"
    FOUR_EYES = "four_eyes"
    OUT_OF_HOURS = "out_of_hours"
    ERROR = "error"
    BAD_REQUEST = "bad_request"
    UNKNOWN_KEY = "unknown_key"
    BAD_SIGNATURE = "bad_signature"
    OTHER_SITE = "other_site"
    REQUEST_EXPIRED = "request_expired"
    REPLAYED = "replayed"
    LIMIT = "limit"
    BREAK_GLASS_LIMIT = "break_glass_limit"


# Of several agreements the answer comes from the one that got furthest; within one agreement
# the reason nearest to the owner's will is told.
_PROGRESS = {
    reason: step
    for step, reason in enumerate(
        (
            Reason.NO_AGREEMENT,
            Reason.EXPIRED,
            Reason.REVOKED,
            Reason.NOT_YET,
            Reason.PARTY,
            Reason.ACTION,
            Reason.PURPOSE,
            Reason.NOT_ATTESTED,
            Reason.LOCKED,
            Reason.NO_BREAK_GLASS,
            Reason.BREAK_GLASS_OVER,
            Reason.OUT_OF_HOURS,
            Reason.INCIDENT_NEEDED,
            Reason.FOUR_EYES,
            Reason.UNWITNESSED,
            Reason.SUSPENDED,
            Reason.STOPPED,
            Reason.ALLOWED,
        )
    )
}


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked; `party` is the institution that asks, `unit` its unit, `holder` whoever is to
    watch, as `State.justify_by` calls people. `incident` names an open one, or none. `broken_at`:
    when the glass was broken for this, unix seconds; 0 for an ordinary view."""

    camera: str
    action: str
    purpose: str
    party: str
    unit: str = ""
    holder: str = ""
    incident: str = ""
    broken_at: float = 0.0


@dataclass(frozen=True, slots=True)
class State:
    """Everything the decision rests on. `revocations` by agreement digest; `stops` and
    `suspensions` by camera (`SITE` for all), since when in unix seconds. `seen_at`: everything
    in the site's ledger that is older than this has been seen by a quorum of the parties, unix
    seconds; infinite when the roster names no witness. `justify_by`: holders who broke the glass
    and have not said why, with when they have to; `approvals`: what other parties approved."""

    site: str
    agreements: tuple[SignedAgreement, ...]
    revocations: Mapping[str, Revocation]
    attestations: Mapping[str, SignedAttestation]
    stops: Mapping[str, float]
    suspensions: Mapping[str, float]
    clock_ok: bool
    seen_at: float
    justify_by: Mapping[str, float] = field(default_factory=dict)
    approvals: tuple[SignedApproval, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """`agreement` is the number of the one that decided; `until` in unix seconds, 0 if denied."""

    allowed: bool
    reason: Reason
    agreement: str
    until: float


def decide(state: State, ask: Ask, now: float) -> Decision:
    """Total: whatever goes wrong inside, the answer is a denial."""
    try:
        return _decide(state, ask, now)
    except Exception:  # noqa: BLE001 (doubt means not shared; the reason says so)
        return Decision(False, Reason.ERROR, "", 0.0)


def opens_at(state: State, ask: Ask, now: float) -> float:
    """When hours open again for this camera (unix seconds), 0.0 when they do not."""
    starts = []
    for signed in state.agreements:
        shared = _shared(signed, state.site, ask.camera)
        if signed.complete and shared is not None:
            start = opens_next(shared.hours, shared.zone, now)
            if 0 < start < signed.valid_until:
                starts.append(start)
    return min(starts, default=0.0)


def clock_is_sane(now: float, high_water: float, tolerance_s: float = 1.0) -> bool:
    """A clock that runs back behind what it has shown before is not believed."""
    return now >= high_water - tolerance_s


def _decide(state: State, ask: Ask, now: float) -> Decision:
    naming = [
        (signed, shared)
        for signed in state.agreements
        if signed.complete and (shared := _shared(signed, state.site, ask.camera)) is not None
    ]
    attestation = state.attestations.get(ask.camera)
    # Inside, undeclared, unsigned and nonexistent look the same from outside.
    if not naming or attestation is None or attestation.attestation.facing == "inside":
        return Decision(False, Reason.NO_AGREEMENT, "", 0.0)
    answers = [_by(signed, shared, attestation, state, ask, now) for signed, shared in naming]
    best = max(answers, key=lambda answer: (_PROGRESS[answer.reason], answer.until))
    if not state.clock_ok:
        return Decision(False, Reason.CLOCK, best.agreement, 0.0)
    return best


def _shared(signed: SignedAgreement, site: str, camera: str) -> SharedSite | None:
    for shared in signed.agreement.sites:
        if shared.site == site and camera in shared.cameras:
            return shared
    return None


def _by(
    signed: SignedAgreement,
    shared: SharedSite,
    attestation: SignedAttestation,
    state: State,
    ask: Ask,
    now: float,
) -> Decision:
    """What one fully signed agreement that names the camera says."""
    number = signed.agreement.number
    met_until, lacking = _conditions(signed, shared, state, ask, now)
    checks = (
        (signed.digest in state.revocations, Reason.REVOKED),
        (not now < signed.valid_until, Reason.EXPIRED),
        (_held(state.stops, ask.camera), Reason.STOPPED),
        (not now >= signed.valid_from, Reason.NOT_YET),
        (_held(state.suspensions, ask.camera), Reason.SUSPENDED),
        # Somebody may be keeping a revocation from this site: wait for the parties' word.
        (not now < state.seen_at + signed.agreement.heartbeat_s, Reason.UNWITNESSED),
        (not _attested(signed, attestation, state.site, ask.camera, now), Reason.NOT_ATTESTED),
        (ask.action not in shared.actions, Reason.ACTION),
        (ask.party != signed.agreement.viewer, Reason.PARTY),
        (all(p.id != ask.purpose for p in signed.agreement.purposes), Reason.PURPOSE),
        (not now < state.justify_by.get(ask.holder, now + 1), Reason.LOCKED),
        (not now < met_until, lacking),
    )
    for holds, reason in checks:
        if holds:
            return Decision(False, reason, number, 0.0)
    until = min(
        signed.valid_until,
        attestation.valid_until,
        met_until,
        now + LIVE_GRANT_MAX_S,
        state.seen_at + signed.agreement.heartbeat_s,
    )
    return Decision(True, Reason.ALLOWED, number, until)


def _conditions(
    signed: SignedAgreement, shared: SharedSite, state: State, ask: Ask, now: float
) -> tuple[float, Reason]:
    """Until when the conditions of this view are met (unix seconds), and what is lacking where
    that is over. Nothing but what stands here is waived by breaking the glass."""
    if ask.broken_at:
        if ask.action != "live" or not shared.break_glass:
            return 0.0, Reason.NO_BREAK_GLASS
        until = ask.broken_at + BREAK_GLASS_MAX_S if ask.broken_at <= now else 0.0
        return until, Reason.BREAK_GLASS_OVER
    closes = open_until(shared.hours, shared.zone, now)
    # An alert says that something happens; it shows nothing, and many an incident begins with it.
    if closes <= now or ask.action == "alerts":
        return closes, Reason.OUT_OF_HOURS
    if shared.incident_needed and not ask.incident:
        return 0.0, Reason.INCIDENT_NEEDED
    if shared.four_eyes:
        return min(closes, _approved_until(signed, state, ask, now)), Reason.FOUR_EYES
    return closes, Reason.OUT_OF_HOURS


def _approved_until(signed: SignedAgreement, state: State, ask: Ask, now: float) -> float:
    """Until when another party of the agreement has approved just this; 0.0 when none has."""
    others = set(signed.agreement.parties) - {ask.party}
    return max(
        (
            approval.until
            for approval in state.approvals
            if approval.asked.agreement == signed.digest
            and ask.camera in approval.asked.cameras
            and (approval.asked.action, approval.asked.purpose) == (ask.action, ask.purpose)
            and (approval.asked.party, approval.asked.unit) == (ask.party, ask.unit)
            and approval.asked_at <= now
            and others & approval.approved_by
        ),
        default=0.0,
    )


def _held(held: Mapping[str, float], camera: str) -> bool:
    return SITE in held or camera in held


def _attested(
    signed: SignedAgreement, attestation: SignedAttestation, site: str, camera: str, now: float
) -> bool:
    """The camera is still the one that was agreed on, and its attestation holds."""
    return (
        attestation.complete
        and attestation.attestation.site == site
        and attestation.attestation.camera == camera
        and signed.attested.get(camera) == attestation.digest
        and now < attestation.valid_until
    )
