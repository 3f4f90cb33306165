"""An approval: another institution's word that a unit of the viewer may see certain cameras for a
while. The center asks, and signs what it asks; who approves signs the very same words.

Whether it is enough is decided in decide.py. Approving widens nothing that an agreement does not
give, and any Stop or revocation is stronger.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Literal

import msgspec

from serambi.agreement.model import Action
from serambi.base.canonical import decode, encode
from serambi.base.errors import Kind, SerambiError
from serambi.base.ids import check_id
from serambi.base.instants import instant
from serambi.base.limits import (
    APPROVAL_MAX_S,
    CAMERAS_PER_AGREEMENT,
    DOCUMENT_MAX_BYTES,
    REQUEST_FIELD_MAX_CHARACTERS,
)
from serambi.identity import dsse
from serambi.identity.keys import SigningKey
from serambi.identity.roster import Roster

APPROVAL_TYPE = "application/vnd.serambi.approval+json"
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be approved: `unit` of `party` wants to see `cameras` of `site` for `purpose`.
    `agreement` is the digest of the statement, `number` its number for people, `why` what the
    center says beside it; from `at` until `until`, a day at most."""

    format: Literal[1]
    agreement: str
    number: str
    site: str
    cameras: tuple[str, ...]
    action: Action
    purpose: str
    party: str
    unit: str
    why: str
    at: str
    until: str


@dataclass(frozen=True, slots=True)
class SignedApproval:
    """What was asked, and the parties whose `sign` keys approve it; `digest` names it, times are
    unix seconds. `asked_by_center`: the asking party's center key has signed it too."""

    asked: Asked
    digest: str
    approved_by: frozenset[str]
    asked_by_center: bool
    asked_at: float
    until: float


def seal_asked(asked: Asked, key: SigningKey) -> bytes:
    """What is asked as a file, signed by `key`. Raises like `read_approval`."""
    _check(asked)
    return dsse.dump(dsse.sign(APPROVAL_TYPE, encode(asked), [key]))


def read_approval(raw: bytes, roster: Roster) -> SignedApproval:
    """Verify such a file; raises `SerambiError` when it is malformed. That it is signed at all,
    and by whom, is told by `asked_by_center` and `approved_by`."""
    envelope = dsse.load(raw)
    if envelope.payload_type != APPROVAL_TYPE:
        raise SerambiError(Kind.BAD_INPUT, "this document is not an approval")
    asked = decode(Asked, envelope.payload, what="the approval", max_bytes=DOCUMENT_MAX_BYTES)
    at, until = _check(asked)
    centers = roster.keys_for(use="center", party=asked.party)
    return SignedApproval(
        asked=asked,
        digest=hashlib.sha256(envelope.payload).hexdigest(),
        approved_by=roster.signers(envelope),
        asked_by_center=bool(dsse.verified_by(envelope, centers)),
        asked_at=at,
        until=until,
    )


def _check(asked: Asked) -> tuple[float, float]:
    check_id(asked.number, "agreement number")
    check_id(asked.site, "site")
    cameras = [check_id(camera, "camera") for camera in asked.cameras]
    if not 0 < len(set(cameras)) == len(cameras) <= CAMERAS_PER_AGREEMENT:
        raise _refuse(f"it names 1 to {CAMERAS_PER_AGREEMENT} cameras, each once")
    if not _DIGEST.match(asked.agreement):
        raise _refuse("it names no digest of an agreement")
    if any(len(text) > REQUEST_FIELD_MAX_CHARACTERS for text in (asked.unit, asked.why)):
        raise _refuse(f"a text has at most {REQUEST_FIELD_MAX_CHARACTERS} characters")
    at, until = instant(asked.at, "at"), instant(asked.until, "until")
    if not at < until <= at + APPROVAL_MAX_S:
        raise _refuse("it begins before it ends, a day later at most")
    return at, until


def _refuse(what: str) -> SerambiError:
    return SerambiError(
        Kind.BAD_INPUT, f"the approval cannot be taken: {what}", hint="ask for it anew"
    )
