"""A revocation: any one party's signed word that ends an agreement. Nothing undoes it."""

from typing import Literal

import msgspec

from serambi.base.canonical import decode, encode
from serambi.base.errors import Kind, SerambiError
from serambi.base.instants import instant
from serambi.base.limits import DOCUMENT_MAX_BYTES
from serambi.identity import dsse
from serambi.identity.keys import SigningKey
from serambi.identity.roster import Roster

REVOCATION_TYPE = "application/vnd.serambi.revocation+json"


class Revocation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`agreement` is the digest of the statement, `number` its number for people, `at` when it
    was signed. It acts from the moment it arrives, whatever `at` says."""

    format: Literal[1]
    agreement: str
    number: str
    party: str
    at: str


def seal_revocation(revocation: Revocation, key: SigningKey) -> bytes:
    """The revocation as a file."""
    instant(revocation.at, "at")
    return dsse.dump(dsse.sign(REVOCATION_TYPE, encode(revocation), [key]))


def read_revocation(raw: bytes, roster: Roster) -> Revocation:
    """Verify a revocation file: signed by the party it names. Whether that party belongs to the
    agreement is for the holder of the agreement to see. Raises `SerambiError`."""
    envelope = dsse.load(raw)
    if envelope.payload_type != REVOCATION_TYPE:
        raise SerambiError(Kind.BAD_INPUT, "this document is not a revocation")
    revocation = decode(
        Revocation, envelope.payload, what="the revocation", max_bytes=DOCUMENT_MAX_BYTES
    )
    instant(revocation.at, "at")
    if revocation.party not in roster.signers(envelope):
        raise SerambiError(
            Kind.DENIED,
            f"the revocation is not signed by {revocation.party[:80]!r}",
            hint="the party that revokes signs it itself",
        )
    return revocation
