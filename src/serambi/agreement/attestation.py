"""A camera's attestation: what it sees, said by its owner and one other party.

Without a valid attestation a camera is not shared. `inside` may be attested, so that everybody
knows, and can then never be put into an agreement.
"""

import hashlib
from dataclasses import dataclass
from typing import Literal

import msgspec

from serambi.base.canonical import decode, encode
from serambi.base.errors import Kind, SerambiError
from serambi.base.ids import check_id
from serambi.base.instants import instant
from serambi.base.limits import DOCUMENT_MAX_BYTES
from serambi.base.words import Words
from serambi.identity import dsse
from serambi.identity.keys import SigningKey
from serambi.identity.roster import Roster

ATTESTATION_TYPE = "application/vnd.serambi.attestation+json"

Facing = Literal["street", "yard", "inside"]


class Place(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A point on the ground, WGS 84."""

    latitude_deg: float
    longitude_deg: float


class Attestation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """`reference_sha256` is the digest of the approved reference picture, which stays with the
    owner; heading is clockwise from north. `position` says in words where the camera hangs,
    `place` where that is on a map, for those who want it there."""

    format: Literal[1]
    camera: str
    site: str
    owner: str
    number: str
    name: Words
    facing: Facing
    position: Words
    heading_deg: int
    fov_deg: int
    reference_sha256: str
    valid_until: str
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class SignedAttestation:
    """A verified attestation; `digest` is what an agreement refers to."""

    attestation: Attestation
    digest: str
    signed_by: frozenset[str]
    valid_until: float

    @property
    def complete(self) -> bool:
        """Signed by the owner and at least one other party."""
        return self.attestation.owner in self.signed_by and len(self.signed_by) >= 2


def seal_attestation(attestation: Attestation, keys: list[SigningKey]) -> bytes:
    """The attestation as a file, signed by `keys`."""
    _check(attestation)
    return dsse.dump(dsse.sign(ATTESTATION_TYPE, encode(attestation), keys))


def read_attestation(raw: bytes, roster: Roster) -> SignedAttestation:
    """Verify an attestation file; raises `SerambiError` when it is malformed. Whether enough
    parties signed is told by `complete`."""
    envelope = dsse.load(raw)
    if envelope.payload_type != ATTESTATION_TYPE:
        raise SerambiError(Kind.BAD_INPUT, "this document is not an attestation")
    attestation = decode(
        Attestation, envelope.payload, what="the attestation", max_bytes=DOCUMENT_MAX_BYTES
    )
    _check(attestation)
    if roster.owner(attestation.site) != attestation.owner:
        raise SerambiError(
            Kind.DENIED,
            f"{attestation.owner[:80]!r} is not the owner of site {attestation.site}",
            where=f"attestation of {attestation.camera}",
            hint="the roster names the party whose gateway stands there",
        )
    return SignedAttestation(
        attestation=attestation,
        digest=hashlib.sha256(envelope.payload).hexdigest(),
        signed_by=roster.signers(envelope),
        valid_until=instant(attestation.valid_until, "valid_until"),
    )


def _check(attestation: Attestation) -> None:
    check_id(attestation.camera, "camera")
    check_id(attestation.site, "site")
    sha256 = attestation.reference_sha256
    if len(sha256) != 64 or set(sha256) - set("0123456789abcdef"):
        raise SerambiError(Kind.BAD_INPUT, "reference_sha256 is not a SHA-256")
    if not (0 <= attestation.heading_deg < 360 and 1 <= attestation.fov_deg <= 360):
        raise SerambiError(Kind.BAD_INPUT, "heading is 0 to 359 degrees, field of view 1 to 360")
    place = attestation.place
    if place and not (abs(place.latitude_deg) <= 90 and abs(place.longitude_deg) <= 180):
        raise SerambiError(
            Kind.BAD_INPUT, "latitude is -90 to 90 degrees, longitude -180 to 180", where="place"
        )
    instant(attestation.valid_until, "valid_until")
