"""A confirmation: owner and one other party say that a camera whose view had changed stands again
as it was attested. It undoes one suspension, never the next one."""

from dataclasses import dataclass
from typing import Literal

import msgspec

from serambi.base.canonical import decode, encode
from serambi.base.errors import Kind, SerambiError
from serambi.base.instants import instant
from serambi.base.limits import DOCUMENT_MAX_BYTES
from serambi.identity import dsse
from serambi.identity.keys import SigningKey
from serambi.identity.roster import Roster

CONFIRMATION_TYPE = "application/vnd.serambi.confirmation+json"


class Confirmation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`attestation` is the digest of the attestation that holds, `at` when both had looked."""

    format: Literal[1]
    site: str
    camera: str
    attestation: str
    at: str


@dataclass(frozen=True, slots=True)
class SignedConfirmation:
    """A verified confirmation; `at` in unix seconds."""

    confirmation: Confirmation
    signed_by: frozenset[str]
    at: float


def seal_confirmation(confirmation: Confirmation, keys: list[SigningKey]) -> bytes:
    """The confirmation as a file, signed by `keys`."""
    instant(confirmation.at, "at")
    return dsse.dump(dsse.sign(CONFIRMATION_TYPE, encode(confirmation), keys))


def read_confirmation(raw: bytes, roster: Roster) -> SignedConfirmation:
    """Verify a confirmation file: signed by the owner of the site and one other party at least.
    Raises `SerambiError`."""
    envelope = dsse.load(raw)
    if envelope.payload_type != CONFIRMATION_TYPE:
        raise SerambiError(Kind.BAD_INPUT, "this document is not a confirmation")
    confirmation = decode(
        Confirmation, envelope.payload, what="the confirmation", max_bytes=DOCUMENT_MAX_BYTES
    )
    at = instant(confirmation.at, "at")
    signed_by = roster.signers(envelope)
    if roster.owner(confirmation.site) not in signed_by or len(signed_by) < 2:
        raise SerambiError(
            Kind.DENIED,
            f"the confirmation of {confirmation.camera[:80]!r} lacks signatures",
            hint="the owner and one other party look at the picture and sign",
        )
    return SignedConfirmation(confirmation, signed_by, at)
