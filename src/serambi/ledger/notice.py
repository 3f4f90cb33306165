"""What a party tells a site's owner: that it was shown two histories of one ledger, or an older
one, or that its word on it was not taken. Signed by the party's witness; it opens and closes
nothing.
"""

from dataclasses import dataclass
from typing import Literal

import msgspec

from serambi.base.canonical import decode, encode
from serambi.base.errors import Kind, SerambiError
from serambi.base.instants import instant
from serambi.base.limits import NOTICE_MAX_BYTES
from serambi.identity import dsse
from serambi.identity.keys import SigningKey
from serambi.identity.roster import Roster

NOTICE_TYPE = "application/vnd.serambi.notice+json"
NoticeKind = Literal["fork", "rollback", "refused"]


class Notice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`origin` is the ledger it is about, `at` when the party found it."""

    format: Literal[1]
    kind: NoticeKind
    origin: str
    party: str
    at: str


@dataclass(frozen=True, slots=True)
class SignedNotice:
    """A verified notice; `at` in unix seconds."""

    notice: Notice
    at: float


def seal_notice(notice: Notice, key: SigningKey) -> bytes:
    """The notice as a file, signed by the party's witness."""
    return dsse.dump(dsse.sign(NOTICE_TYPE, encode(notice), [key]))


def is_notice(raw: bytes) -> bool:
    """Whether `raw` is an envelope around a notice, be it good or not."""
    try:
        return dsse.load(raw).payload_type == NOTICE_TYPE
    except SerambiError:
        return False


def read_notice(raw: bytes, roster: Roster) -> SignedNotice:
    """Verify a notice: signed by a witness's key of the party it names. Raises `SerambiError`."""
    envelope = dsse.load(raw)
    if envelope.payload_type != NOTICE_TYPE:
        raise SerambiError(Kind.BAD_INPUT, "this document is not a notice")
    notice = decode(Notice, envelope.payload, what="the notice", max_bytes=NOTICE_MAX_BYTES)
    if not dsse.verified_by(envelope, roster.keys_for(use="witness", party=notice.party)):
        raise SerambiError(
            Kind.DENIED,
            f"the notice is not signed by the witness of {notice.party[:80]!r}",
            hint="each party's own process signs what it has found",
        )
    return SignedNotice(notice, instant(notice.at, "at"))
