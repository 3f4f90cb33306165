"""The agreement: an in-toto Statement in a DSSE envelope, signed by every party it names.

The statement's subjects are the cameras, each by the digest of its attestation, so that an
agreement opens a camera only as it was attested. There is no field for audio, face matching or
bulk frames: what has no field cannot be agreed to. Drafting, drawing and serving belong elsewhere.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import msgspec

from serambi.agreement.attestation import SignedAttestation
from serambi.agreement.instants import Hours, check_hours, check_zone
from serambi.base.canonical import decode, encode
from serambi.base.errors import Kind, SerambiError
from serambi.base.ids import check_id
from serambi.base.instants import instant
from serambi.base.limits import CAMERAS_PER_AGREEMENT, DOCUMENT_MAX_BYTES, HEARTBEAT_MIN_S
from serambi.base.words import Words
from serambi.identity import dsse
from serambi.identity.keys import SigningKey
from serambi.identity.roster import Roster

AGREEMENT_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://serambi.example/agreement/v1"

Action = Literal["live", "playback", "alerts", "ptz", "export"]

PROHIBITED = ("inside", "audio", "face_matching", "watch_list", "bulk_frames", "staff_tracking")
"""Said in every agreement for those who read it; none of it has a field."""

# A text made of these words only says nothing that could be held against anybody.
_VAGUE = frozenset(
    re.findall(
        r"\w+",
        "safety security surveillance monitoring prevention crime order public general purposes "
        "purpose reasons the a of and or for in other "
        "keamanan keselamatan pengawasan pemantauan pencegahan kejahatan ketertiban umum "
        "masyarakat tujuan keperluan kepentingan alasan dan atau untuk lain lainnya demi dalam",
    )
)
_PURPOSE_MIN_CHARACTERS = 20


class Purpose(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What for: an id for requests, a concrete text for people."""

    id: str
    text: Words


class SharedSite(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What one site shares: these cameras, for these actions, in these hours of `zone`.

    `incident_needed`: a view names an open incident; `four_eyes`: another party of the agreement
    has approved it. `break_glass`: in an emergency these two and the hours may be passed over, for
    minutes. What is not so is not written: a document has one form.
    """

    site: str
    cameras: tuple[str, ...]
    actions: tuple[Action, ...]
    zone: str
    hours: tuple[Hours, ...]
    incident_needed: bool = False
    four_eyes: bool = False
    break_glass: bool = False


class Retention(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long copies may live at the center."""

    center_hours: int


class Agreement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`viewer` is the party whose center may ask; all `parties` must sign."""

    number: str
    title: Words
    parties: tuple[str, ...]
    viewer: str
    purposes: tuple[Purpose, ...]
    legal_basis: Words
    sites: tuple[SharedSite, ...]
    retention: Retention
    valid_from: str
    valid_until: str
    prohibited: tuple[str, ...]
    heartbeat_s: int


class Digest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    sha256: str


class Subject(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A camera, by the digest of its attestation."""

    name: str
    digest: Digest


class Statement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """in-toto Statement v1."""

    type: str = msgspec.field(name="_type")
    subject: tuple[Subject, ...]
    predicate_type: str = msgspec.field(name="predicateType")
    predicate: Agreement


@dataclass(frozen=True, slots=True)
class SignedAgreement:
    """A verified agreement. `digest` is the SHA-256 of the statement; `attested` maps each camera
    to its attestation's digest; times are unix seconds."""

    agreement: Agreement
    digest: str
    attested: dict[str, str]
    signed_by: tuple[str, ...]
    missing: tuple[str, ...]
    valid_from: float
    valid_until: float

    @property
    def complete(self) -> bool:
        return not self.missing


def draft_statement(agreement: Agreement, attested: dict[str, str]) -> bytes:
    """The statement's bytes, checked. `attested`: camera -> digest of its attestation."""
    statement = Statement(
        type=STATEMENT_TYPE,
        subject=tuple(Subject(name, Digest(sha)) for name, sha in sorted(attested.items())),
        predicate_type=PREDICATE_TYPE,
        predicate=agreement,
    )
    _check(statement)
    return encode(statement)


def seal_agreement(statement: bytes, keys: list[SigningKey]) -> bytes:
    """An envelope with the signatures of `keys`; more may be added later."""
    return dsse.dump(dsse.sign(AGREEMENT_TYPE, statement, keys))


def read_agreement(raw: bytes, roster: Roster) -> SignedAgreement:
    """Verify an agreement file. Signatures that are missing are told in `missing`, in the
    roster's order; anything malformed raises `SerambiError`. It ends at the latest when one of
    its parties leaves."""
    envelope = dsse.load(raw)
    if envelope.payload_type != AGREEMENT_TYPE:
        raise SerambiError(Kind.BAD_INPUT, "this document is not an agreement")
    statement = decode(
        Statement, envelope.payload, what="the agreement", max_bytes=DOCUMENT_MAX_BYTES
    )
    _check(statement)
    agreement = statement.predicate
    for party in agreement.parties:
        roster.party(party)
    for site in agreement.sites:
        if roster.owner(site.site) not in agreement.parties:
            raise _refuse(f"the owner of site {site.site} is not a party of this agreement")
    signers = roster.signers(envelope)
    order = [party.id for party in roster.ever if party.id in agreement.parties]
    ends = [instant(agreement.valid_until, "valid_until"), *map(roster.left_at, order)]
    return SignedAgreement(
        agreement=agreement,
        digest=hashlib.sha256(envelope.payload).hexdigest(),
        attested={subject.name: subject.digest.sha256 for subject in statement.subject},
        signed_by=tuple(party for party in order if party in signers),
        missing=tuple(party for party in order if party not in signers),
        valid_from=instant(agreement.valid_from, "valid_from"),
        valid_until=min(ends),
    )


def check_attested(agreement: Agreement, attestations: Mapping[str, SignedAttestation]) -> None:
    """Raise unless every camera of the agreement is attested to face outwards, for the site it
    is listed under, by the site's owner and one other party. `attestations`: by camera."""
    for site in agreement.sites:
        for camera in site.cameras:
            signed = attestations.get(camera)
            if signed is None:
                raise _refuse(f"camera {camera[:80]} has no attestation")
            if signed.attestation.facing == "inside":
                raise _refuse(
                    f"camera {camera} looks inside and can never be shared",
                    "take it out of the draft",
                )
            if signed.attestation.site != site.site:
                raise _refuse(f"camera {camera} is attested for {signed.attestation.site}")
            if not signed.complete:
                raise _refuse(
                    f"the attestation of {camera} is not signed by its owner and one other party"
                )


def check_same_cameras(
    signed: SignedAgreement, attestations: Mapping[str, SignedAttestation]
) -> None:
    """As `check_attested`, and each attestation must be the very one the agreement refers to."""
    check_attested(signed.agreement, attestations)
    for camera, digest in signed.attested.items():
        if attestations[camera].digest != digest:
            raise _refuse(
                f"camera {camera} was attested anew since this agreement was drafted",
                "draft it again",
            )


def _refuse(what: str, hint: str = "correct the draft and have it signed anew") -> SerambiError:
    return SerambiError(Kind.BAD_INPUT, what, where="agreement", hint=hint)


def _check(statement: Statement) -> None:
    if (statement.type, statement.predicate_type) != (STATEMENT_TYPE, PREDICATE_TYPE):
        raise _refuse("this statement is not a Serambi agreement of version 1")
    agreement = statement.predicate
    check_id(agreement.number, "agreement number")
    _check_parties(agreement)
    _check_purposes(agreement)
    begin = instant(agreement.valid_from, "valid_from")
    end = instant(agreement.valid_until, "valid_until")
    if end <= begin:
        raise _refuse("the agreement ends before it begins", "expiry is mandatory")
    if agreement.prohibited != PROHIBITED:
        raise _refuse("the list of what is prohibited is not the full one")
    if not HEARTBEAT_MIN_S <= agreement.heartbeat_s <= 86_400:
        raise _refuse(f"heartbeat_s must be {HEARTBEAT_MIN_S} to 86400 seconds")
    if not 0 <= agreement.retention.center_hours <= 24 * 366:
        raise _refuse("retention at the center must be 0 to 8784 hours")
    _check_sites(agreement, statement.subject)


def _check_parties(agreement: Agreement) -> None:
    parties = agreement.parties
    if len(parties) < 2 or len(set(parties)) != len(parties):
        raise _refuse("an agreement needs at least two parties, each once")
    if agreement.viewer not in parties:
        raise _refuse(f"the viewer {agreement.viewer[:80]!r} is not a party")


def _check_purposes(agreement: Agreement) -> None:
    ids = [check_id(purpose.id.replace("_", "-"), "purpose") for purpose in agreement.purposes]
    if not ids or len(set(ids)) != len(ids):
        raise _refuse("an agreement needs purposes, each once")
    for purpose in agreement.purposes:
        for text in (purpose.text.id, purpose.text.en):
            words = re.findall(r"\w+", text.lower())
            if len(" ".join(words)) < _PURPOSE_MIN_CHARACTERS or _VAGUE.issuperset(words):
                raise _refuse(
                    f"purpose {purpose.id!r} is not concrete enough: {text[:80]!r}",
                    "say what is protected, where, from what",
                )


def _check_sites(agreement: Agreement, subjects: tuple[Subject, ...]) -> None:
    if not agreement.sites:
        raise _refuse("an agreement names at least one site")
    cameras = [camera for site in agreement.sites for camera in site.cameras]
    if not cameras or len(set(cameras)) != len(cameras) or len(cameras) > CAMERAS_PER_AGREEMENT:
        raise _refuse(f"an agreement names 1 to {CAMERAS_PER_AGREEMENT} cameras, each once")
    if sorted(cameras) != [subject.name for subject in subjects]:
        raise _refuse("the cameras and the attestations of the agreement do not match")
    for subject in subjects:
        if len(subject.digest.sha256) != 64 or set(subject.digest.sha256) - set("0123456789abcdef"):
            raise _refuse(f"the attestation digest of {subject.name[:80]} is not a SHA-256")
    for site in agreement.sites:
        check_id(site.site, "site")
        for camera in site.cameras:
            check_id(camera, "camera")
        if not site.actions or len(set(site.actions)) != len(site.actions):
            raise _refuse(f"site {site.site}: name at least one action, each once")
        if site.break_glass and "live" not in site.actions:
            raise _refuse(
                f"site {site.site}: break-glass opens live views, and these are not given",
                "give the action live, or take break_glass out",
            )
        check_zone(site.zone)
        check_hours(site.hours)
