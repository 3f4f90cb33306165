"""A request to enroll: a newcomer, or a party that lost its keys, shows the keys it has made.

Signed by every key in it, which proves that somebody holds it, and by the key of the one-time
code (`code.py`). It makes nobody a party: a person compares the fingerprint of the key that signs,
which has signed for all others here, and then all parties sign the next roster.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from serambi.base.canonical import decode, encode
from serambi.base.errors import Kind, SerambiError
from serambi.base.ids import check_id
from serambi.base.instants import instant
from serambi.base.limits import ENROLLMENT_KEYS_MAX, ENROLLMENT_MAX_BYTES, ENROLLMENT_TEXT_MAX
from serambi.base.words import Words
from serambi.identity import dsse
from serambi.identity.code import in_groups
from serambi.identity.keys import SigningKey, VerifyKey
from serambi.identity.roster import Confirmed, Key, Loss, Party, Roster, verify_key
from serambi.identity.roster_draft import Changes, NewKey

ENROLLMENT_TYPE = "application/vnd.serambi.enrollment+json"
TYPED_CHARACTERS = 16
"""How much of a fingerprint a person types as it was read to them: four groups, 64 bits."""


class Enrollment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`party` says who a newcomer is; of a party that is in the roster only its id counts.
    `lost_since` is when such a party lost the keys it signed with, empty for a newcomer."""

    format: Literal[1]
    party: Party
    keys: tuple[Key, ...]
    lost_since: str


@dataclass(frozen=True, slots=True)
class SignedEnrollment:
    """A request whose keys have all signed it. `digest` names it; whether the code was right is
    asked with `knows_code`."""

    document: Enrollment
    digest: str
    sign_key: VerifyKey
    envelope: dsse.Envelope

    @property
    def fingerprint(self) -> str:
        """Of the key that signs, 64 hexadecimal digits."""
        return fingerprint(self.sign_key)

    def knows_code(self, key: VerifyKey) -> bool:
        """Whether who made it had the code with the public half `key`."""
        return bool(dsse.verified_by(self.envelope, [key]))


def fingerprint(key: VerifyKey) -> str:
    """What people compare: SHA-256 of the raw key, 64 hexadecimal digits."""
    return hashlib.sha256(key.raw).hexdigest()


def shown_of(digits: str) -> str:
    """A fingerprint as it is read aloud, without the groups that are typed."""
    return in_groups(digits[:-TYPED_CHARACTERS])


def typed_is_right(digits: str, typed: str) -> bool:
    """Whether a person typed the last groups of the fingerprint; case and gaps do not matter."""
    return "".join(typed.split()).replace("-", "").lower() == digits[-TYPED_CHARACTERS:]


def new_party(party: str) -> Party:
    """A party of which only the id is said."""
    return Party(party, Words("", ""), Words("", ""), Words("", ""))


def seal_enrollment(document: Enrollment, keys: Sequence[SigningKey], code: SigningKey) -> bytes:
    """The request as a file. Raises like `read_enrollment`."""
    raw = dsse.dump(dsse.sign(ENROLLMENT_TYPE, encode(document), [*keys, code]))
    read_enrollment(raw)
    return raw


def read_enrollment(raw: bytes) -> SignedEnrollment:
    """Verify a request: bounded, one key that signs, and every key in it has signed. Raises
    `SerambiError`."""
    if len(raw) > ENROLLMENT_MAX_BYTES:
        raise SerambiError(Kind.LIMIT, f"a request has at most {ENROLLMENT_MAX_BYTES} bytes")
    envelope = dsse.load(raw)
    if envelope.payload_type != ENROLLMENT_TYPE:
        raise SerambiError(Kind.BAD_INPUT, "this document is not a request to enroll")
    document = decode(
        Enrollment, envelope.payload, what="the request", max_bytes=ENROLLMENT_MAX_BYTES
    )
    keys = _check(document)
    if dsse.verified_by(envelope, keys) != {key.key_id for key in keys}:
        raise _denied("not every key of the request has signed it", document)
    sign_key = next(k for k, e in zip(keys, document.keys, strict=True) if e.use == "sign")
    digest = hashlib.sha256(envelope.payload).hexdigest()
    return SignedEnrollment(document, digest, sign_key, envelope)


def changes_for(
    request: SignedEnrollment, before: Roster, *, at: str, by: str, person: str
) -> Changes:
    """What the next roster changes when `person` of the party `by` has compared the fingerprint.
    Raises `DENIED` when the roster does not allow it, whatever anybody has compared."""
    document = request.document
    party = document.party
    known = party.id in {each.id for each in before.parties}
    if known != bool(document.lost_since):
        raise _denied(
            f"{party.id} is in the roster: it says since when its keys are lost"
            if known
            else f"{party.id} is not in the roster, so it has lost no keys of it",
            document,
        )
    if by == party.id:
        raise _denied("somebody of another party compares the fingerprint", document)
    lost = before.keys_for(use="sign", party=party.id)
    return Changes(
        at,
        join=() if known else (party,),
        key=tuple(NewKey(key.party, key.public, key.use, key.site) for key in document.keys),
        lost=tuple(Loss(key.key_id, document.lost_since) for key in lost),
        confirmed=(Confirmed(request.sign_key.key_id, request.fingerprint, by, person),),
    )


def _check(document: Enrollment) -> list[VerifyKey]:
    party = document.party
    check_id(party.id, "party")
    texts = [text for words in (party.name, party.role, party.contact) for text in _both(words)]
    if any(len(text) > ENROLLMENT_TEXT_MAX for text in texts):
        raise SerambiError(Kind.LIMIT, f"a text has at most {ENROLLMENT_TEXT_MAX} characters")
    if document.lost_since:
        instant(document.lost_since, "lost_since")
    elif not all(text.strip() for text in texts):
        raise _denied("the newcomer does not say who it is, in both languages", document)
    if len(document.keys) > ENROLLMENT_KEYS_MAX:
        raise SerambiError(Kind.LIMIT, f"a request has at most {ENROLLMENT_KEYS_MAX} keys")
    if [key.use for key in document.keys].count("sign") != 1:
        raise _denied("a request has one key that signs", document)
    if any(key.party != party.id for key in document.keys):
        raise _denied("a request is for the keys of one party", document)
    return [verify_key(key) for key in document.keys]


def _both(words: Words) -> tuple[str, str]:
    return words.id, words.en


def _denied(what: str, document: Enrollment) -> SerambiError:
    return SerambiError(
        Kind.DENIED,
        what,
        where=f"request of {document.party.id}",
        hint="have the request made anew with `serambi roster enroll` or at that party's desk",
    )
