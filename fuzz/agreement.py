"""Documents that parties sign: envelopes as they arrive, and statements behind good signatures.

The first byte says how the rest is read: as a whole file, or as a document that the town's parties
then sign, so that the checks behind the signatures are reached.
"""

import dataclasses
import math
from collections.abc import Iterator
from random import Random

from fuzz import _json
from fuzz._target import Target, require
from fuzz._town import town
from serambi.agreement.approval import APPROVAL_TYPE, read_approval
from serambi.agreement.attestation import (
    ATTESTATION_TYPE,
    SignedAttestation,
    read_attestation,
)
from serambi.agreement.decide import Ask, Reason, State, decide, opens_at
from serambi.agreement.model import (
    AGREEMENT_TYPE,
    SignedAgreement,
    check_same_cameras,
    read_agreement,
)
from serambi.agreement.reply import REPLY_TYPE, Reply, read_reply, seal_reply
from serambi.agreement.revocation import REVOCATION_TYPE, read_revocation
from serambi.base.canonical import encode
from serambi.base.errors import SerambiError
from serambi.base.instants import instant_text
from serambi.base.limits import APPROVAL_MAX_S, BREAK_GLASS_MAX_S
from serambi.identity import dsse
from serambi.identity.roster import ROSTER_TYPE, Roster, read_roster
from tests.builders import (
    NOW,
    PURPOSE,
    SITE,
    attested,
    make_agreement,
    make_approval,
    make_attestation,
    make_revocation,
    make_state,
)

_TYPES = (
    *(AGREEMENT_TYPE, ATTESTATION_TYPE, REVOCATION_TYPE, ROSTER_TYPE, REPLY_TYPE),
    APPROVAL_TYPE,
)
_FILE, _SIGNED = 0, len(_TYPES)
_ACTIONS = ("live", "playback", "alerts", "ptz", "export")


def _files() -> list[bytes]:
    attestation = make_attestation(town())
    agreement = make_agreement(town(), attestations=[attestation])
    signed = read_agreement(agreement, town().roster)
    said = Reply(1, "remark", signed.digest, "kpu", instant_text(NOW), "Kapan?")
    reply = seal_reply(said, town().keys["kpu"])
    revocation, approval = make_revocation(town(), signed, "kpu"), make_approval(town(), signed)
    return [agreement, attestation, revocation, town().raw, reply, approval]


def seeds() -> Iterator[bytes]:
    for number, raw in enumerate(_files()):
        yield bytes([_FILE + number]) + raw
        yield bytes([_SIGNED + number]) + dsse.load(raw).payload
    yield bytes([_SIGNED]) + b'{"_type": 1, "_type": 2}'


def check(raw: bytes) -> None:
    if not raw:
        return
    mode, body = raw[0] % (2 * _SIGNED), raw[1:]
    if mode < _SIGNED:
        envelope = dsse.load(body)
        require(dsse.dump(envelope) == body, "an envelope has a second spelling")
    else:
        body = _signed(_TYPES[mode - _SIGNED], _json.canonical(body))
    kind = mode % _SIGNED
    if kind == 0:
        agreement = read_agreement(body, town().roster)
        _check_payload(body, agreement.agreement)
        _check_agreement(agreement)
    elif kind == 1:
        attestation = read_attestation(body, town().roster)
        _check_payload(body, attestation.attestation)
        _check_attestation(attestation)
    elif kind == 2:
        _check_payload(body, read_revocation(body, town().roster))
    elif kind == 3:
        _check_roster(read_roster(body, None))
    elif kind == 4:
        _check_payload(body, read_reply(body, town().roster).reply)
    else:
        approval = read_approval(body, town().roster)
        _check_payload(body, approval.asked)
        require(0 < approval.until - approval.asked_at <= APPROVAL_MAX_S, "approved for too long")


def _signed(payload_type: str, payload: bytes) -> bytes:
    return dsse.dump(dsse.sign(payload_type, payload, town().keys.values()))


def _check_payload(raw: bytes, document: object) -> None:
    require(encode(document) in dsse.load(raw).payload, "a document has a second spelling")


def _check_agreement(signed: SignedAgreement) -> None:
    parties = set(signed.agreement.parties)
    require({*signed.signed_by, *signed.missing} == parties, "a party is lost")
    require(not {*signed.signed_by} & {*signed.missing}, "a party signed and is missing")
    require(signed.valid_from < signed.valid_until, "it ends before it begins")
    town_attested = attested(town(), [make_attestation(town())])
    try:
        check_same_cameras(signed, town_attested)
    except SerambiError:
        same = False
    else:
        same = True
    state = make_state(town())
    state = State(state.site, (signed,), {}, town_attested, {}, {}, True, math.inf)
    allowed = _decide_all(state, signed)
    require(same or not allowed or len(signed.attested) > 1, "open though attested anew")
    stopped = State(state.site, (signed,), {}, town_attested, {"*": NOW}, {}, True, math.inf)
    require(not _decide_all(stopped, signed), "open though stopped")


def _decide_all(state: State, signed: SignedAgreement) -> bool:
    """Whether anything is open; every answer keeps what decisions promise."""
    opened = False
    for action in _ACTIONS:
        for now in (NOW, signed.valid_from, signed.valid_until - 1, signed.valid_until):
            ask = Ask("cam-1", action, PURPOSE.id, town().center_party)
            decision = decide(state, ask, now)
            require(decision.reason is not Reason.ERROR, "deciding failed inside")
            require(decision.allowed == (decision.reason is Reason.ALLOWED), "allowed, why")
            if decision.allowed:
                opened = True
                require(now < decision.until <= signed.valid_until, "open past the end")
                require(now < signed.valid_until and signed.complete, "open without right")
            opens_at(state, ask, now)
            broken = decide(state, dataclasses.replace(ask, broken_at=now), now)
            require(not broken.allowed or action == "live", "a broken glass opens more than live")
            require(broken.until <= now + BREAK_GLASS_MAX_S, "a broken glass stays open")
    return opened


def _check_attestation(signed: SignedAttestation) -> None:
    camera = signed.attestation.camera
    require(signed.attestation.owner == town().roster.owner(signed.attestation.site), "owner")
    agreement = make_agreement(town(), attestations=[make_attestation(town())])
    state = make_state(town(), agreement)
    state = State(SITE, state.agreements, {}, {camera: signed}, {}, {}, True, math.inf)
    decision = decide(state, Ask(camera, "live", PURPOSE.id, "polres"), NOW)
    require(decision.reason is not Reason.ERROR, "deciding failed inside")
    require(not decision.allowed or signed.attestation.facing != "inside", "inside is open")
    require(not decision.allowed or NOW < decision.until <= signed.valid_until, "open past")


def _check_roster(roster: Roster) -> None:
    keys = [roster.key(key.key_id) for key in roster.document.keys]
    require(len({key.raw for key in keys if key}) == len(keys), "one key under two names")
    for party in roster.parties:
        require(bool(roster.keys_for(use="sign", party=party.id)), "a party without a key")


def mutate(raw: bytes, rng: Random) -> bytes | None:
    return _json.mutate(raw, rng, prefix_bytes=1)


TARGET = Target(
    (
        "serambi.agreement.approval",
        "serambi.agreement.attestation",
        "serambi.agreement.decide",
        "serambi.agreement.instants",
        "serambi.agreement.model",
        "serambi.agreement.reply",
        "serambi.agreement.revocation",
        "serambi.identity.dsse",
        "serambi.identity.roster",
        "serambi.base.canonical",
    ),
    seeds,
    check,
    max_bytes=16_384,
    mutate=mutate,
)
