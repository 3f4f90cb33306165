"""What a party says about a paper without signing it: that it proposes it, what it thinks of it,
that it will not sign it. Signed, so that nobody speaks for another; it opens and closes nothing.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Literal

import msgspec

from serambi.base.canonical import decode, encode
from serambi.base.errors import Kind, SerambiError
from serambi.base.instants import instant
from serambi.base.limits import DOCUMENT_MAX_BYTES, REPLY_MAX_CHARACTERS
from serambi.identity import dsse
from serambi.identity.keys import SigningKey
from serambi.identity.roster import Roster

REPLY_TYPE = "application/vnd.serambi.reply+json"
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")

ReplyKind = Literal["proposal", "remark", "refusal"]


class Reply(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`agreement` is the digest of the statement, `at` when it was said. A refusal holds until
    the same party signs; its text may be empty, as a proposal's; a remark's is not."""

    format: Literal[1]
    kind: ReplyKind
    agreement: str
    party: str
    at: str
    text: str


@dataclass(frozen=True, slots=True)
class SignedReply:
    """A verified reply; `at` in unix seconds, `digest` names it."""

    reply: Reply
    digest: str
    at: float


def seal_reply(reply: Reply, key: SigningKey) -> bytes:
    """The reply as a file. Raises like `read_reply`."""
    _check(reply)
    return dsse.dump(dsse.sign(REPLY_TYPE, encode(reply), [key]))


def read_reply(raw: bytes, roster: Roster) -> SignedReply:
    """Verify a reply file: signed by the party it names. Raises `SerambiError`."""
    envelope = dsse.load(raw)
    if envelope.payload_type != REPLY_TYPE:
        raise SerambiError(Kind.BAD_INPUT, "this document is not a reply")
    reply = decode(Reply, envelope.payload, what="the reply", max_bytes=DOCUMENT_MAX_BYTES)
    at = _check(reply)
    if reply.party not in roster.signers(envelope):
        raise SerambiError(
            Kind.DENIED,
            f"the reply is not signed by {reply.party[:80]!r}",
            hint="each party signs what it says itself",
        )
    return SignedReply(reply, hashlib.sha256(envelope.payload).hexdigest(), at)


def _check(reply: Reply) -> float:
    if not _DIGEST.match(reply.agreement):
        raise SerambiError(Kind.BAD_INPUT, "the reply names no digest of an agreement")
    if len(reply.text) > REPLY_MAX_CHARACTERS:
        raise SerambiError(Kind.LIMIT, f"a reply has at most {REPLY_MAX_CHARACTERS} characters")
    if reply.kind == "remark" and not reply.text.strip():
        raise SerambiError(Kind.BAD_INPUT, "the remark says nothing", hint="write what is open")
    return instant(reply.at, "at")
