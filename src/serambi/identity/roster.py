"""The roster: which parties there are and which keys speak for them, signed by all of them.

The digest of the first roster is the genesis that a gateway pins. One raw key stands for one
name only. What a change needs is in `succession.py`; what of the past still counts is here.
"""

import base64
import binascii
import copy
import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import msgspec

from serambi.base.canonical import decode, encode
from serambi.base.errors import Kind, SerambiError
from serambi.base.ids import check_id
from serambi.base.limits import DOCUMENT_MAX_BYTES
from serambi.base.words import Words
from serambi.identity import dsse
from serambi.identity.keys import SigningKey, VerifyKey

ROSTER_TYPE = "application/vnd.serambi.roster+json"

Use = Literal["sign", "center", "gateway", "witness"]


class Party(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An institution; `contact` is whom to call."""

    id: str
    name: Words
    role: Words
    contact: Words


class Key(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`public` is the raw key in base64. `use`: agreements (`sign`), requests (`center`), states
    and ledgers of one `site` (`gateway`; empty for the others), cosignatures (`witness`)."""

    key_id: str
    public: str
    party: str
    use: Use
    site: str


class Loss(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A key that may be in other hands `since` an instant (`2026-11-23T10:40:00Z`)."""

    key_id: str
    since: str


class Confirmed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The statement that `person` of `party`, another one than the key's own, has compared the
    fingerprint of the new key (`sha256` of its raw bytes) with whoever holds it."""

    key_id: str
    sha256: str
    party: str
    person: str


class Change(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the keys and parties of one roster and the next do not say themselves. Those that are
    gone from the next one count until `at`; a lost key only until it was lost."""

    at: str
    lost: tuple[Loss, ...]
    confirmed: tuple[Confirmed, ...]


class RosterDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """`previous` is the digest of the roster before, empty for the first, which has number 1
    (`sequence`) and no `change`."""

    format: Literal[1]
    name: Words
    sequence: int
    previous: str
    parties: tuple[Party, ...]
    keys: tuple[Key, ...]
    change: Change | None = None


@dataclass(frozen=True, slots=True)
class Former:
    """A key that is in the roster no more: it counts for what is known to have been signed before
    `until` (unix seconds). `lost`: others may have it."""

    key: Key
    until: float
    lost: bool


@dataclass(frozen=True, slots=True)
class Past:
    """What earlier rosters had: keys by their id, parties by theirs with the instant at which
    they left (unix seconds)."""

    keys: Mapping[str, Former] = field(default_factory=dict)
    parties: Mapping[str, tuple[Party, float]] = field(default_factory=dict)


class Roster:
    """A roster whose signatures have been verified."""

    def __init__(self, document: RosterDocument, digest: str, past: Past | None = None) -> None:
        """`past`: what the rosters before it leave behind."""
        self.document = document
        self.digest = digest
        self.past = past or Past()
        self.parties: tuple[Party, ...] = document.parties
        left = {name: party for name, (party, _) in self.past.parties.items()}
        self._parties = {**left, **{party.id: party for party in document.parties}}
        self._entries = {key.key_id: key for key in document.keys}
        former = [former.key for former in self.past.keys.values()]
        self._keys = {key.key_id: verify_key(key) for key in (*former, *document.keys)}
        self._owners = {key.site: key.party for key in (*former, *document.keys) if key.site}
        self._seen: Mapping[str, float] = {}

    def knowing(self, seen: Mapping[str, float]) -> "Roster":
        """This roster, for reading one envelope of which it is known since when (unix seconds)
        there is a signature by each key (by key id): a former key counts for no other."""
        known = copy.copy(self)
        known._seen = seen
        return known

    def as_of(self, at: float) -> "Roster":
        """This roster, for reading what was all there `at` an instant (unix seconds)."""
        return self.knowing(dict.fromkeys(self.past.keys, at))

    @property
    def ever(self) -> tuple[Party, ...]:
        """The parties, and then those that have left."""
        return self.parties + tuple(party for party, _ in self.past.parties.values())

    def left_at(self, party: str) -> float:
        """When the party left (unix seconds); infinite when it did not."""
        return self.past.parties[party][1] if party in self.past.parties else math.inf

    def party(self, party: str) -> Party:
        """A party, or one that has left. Raises `NOT_FOUND` for an unknown one."""
        found = self._parties.get(party)
        if found is None:
            raise SerambiError(
                Kind.NOT_FOUND,
                f"the roster knows no party {party[:80]!r}",
                hint="parties are named by their id in the roster",
            )
        return found

    def find_party(self, party: str) -> Party | None:
        """A party, or one that has left."""
        return self._parties.get(party)

    def key(self, key_id: str) -> VerifyKey | None:
        return self._keys[key_id] if key_id in self._entries else None

    def entry(self, key_id: str) -> Key | None:
        """What the roster says of a key, None for a former one."""
        return self._entries.get(key_id)

    def keys_for(
        self, *, use: Use, party: str | None = None, site: str | None = None
    ) -> tuple[VerifyKey, ...]:
        """The keys with that use, of that party and site where these are given."""
        return tuple(
            self._keys[key.key_id]
            for key in self.document.keys
            if key.use == use and party in (None, key.party) and site in (None, key.site)
        )

    def log_keys(self, *, use: Use, party: str, site: str | None = None) -> tuple[VerifyKey, ...]:
        """The keys that may stand under a ledger, former ones too: a ledger that ended with one
        stays readable. One that was lost may not: whoever has it could write another past."""
        former = tuple(
            self._keys[key_id]
            for key_id, former in self.past.keys.items()
            if not former.lost
            and (former.key.use, former.key.party) == (use, party)
            and site in (None, former.key.site)
        )
        return self.keys_for(use=use, party=party, site=site) + former

    def owner(self, site: str) -> str | None:
        """The party whose gateway stands or stood at `site`: one at most, for good."""
        return self._owners.get(site)

    def signing_keys(self) -> tuple[VerifyKey, ...]:
        """The keys that count under a document, by what is known of its signatures."""
        former = tuple(
            self._keys[key_id]
            for key_id, former in self.past.keys.items()
            if former.key.use == "sign" and self._seen.get(key_id, math.inf) < former.until
        )
        return self.keys_for(use="sign") + former

    def signers(self, envelope: dsse.Envelope) -> frozenset[str]:
        """The parties whose `sign` keys have signed; two keys of one party count once."""
        signed = dsse.verified_by(envelope, self.signing_keys())
        return frozenset(self.signer(key_id) for key_id in signed)

    def signer(self, key_id: str) -> str:
        """The party of a key of this roster or of one before it; empty for an unknown key."""
        former = self.past.keys.get(key_id)
        entry = former.key if former else self._entries.get(key_id)
        return entry.party if entry else ""


def key_entry(key: VerifyKey, party: str, use: Use, site: str = "") -> Key:
    """A key as the roster lists it."""
    return Key(key.key_id, base64.b64encode(key.raw).decode(), party, use, site)


def seal_roster(document: RosterDocument, keys: list[SigningKey]) -> bytes:
    """The roster as a file, signed by `keys`."""
    return dsse.dump(dsse.sign(ROSTER_TYPE, encode(document), keys))


def load_roster(path: Path, genesis: str | None) -> Roster:
    """`read_roster` of a file. Raises what that does, and `BAD_INPUT` when it cannot be read."""
    try:
        with path.open("rb") as file:
            raw = file.read(DOCUMENT_MAX_BYTES + 1)
    except OSError as error:
        raise SerambiError(
            Kind.BAD_INPUT,
            f"the roster cannot be read: {error.strerror}",
            where=str(path),
            hint="copy the roster of the parties there",
        ) from error
    return read_roster(raw, genesis)


def read_roster(raw: bytes, genesis: str | None) -> Roster:
    """Verify a roster file: well formed, one name a key, signed by every party, and, where a
    `genesis` is pinned, that very roster. Raises `SerambiError`."""
    document, digest = read_document(raw)
    if genesis is not None and digest != genesis:
        raise SerambiError(
            Kind.DENIED,
            "this roster is not the one that was pinned at enrolment",
            where=f"sha256 {digest}",
            hint="compare both numbers with a second person before changing the setting",
        )
    roster = Roster(document, digest)
    signers = roster.signers(dsse.load(raw))
    missing = [party.id for party in roster.parties if party.id not in signers]
    if missing:
        raise SerambiError(
            Kind.DENIED, f"the roster is not signed by {', '.join(missing)}", where="roster"
        )
    return roster


def read_document(raw: bytes) -> tuple[RosterDocument, str]:
    """A roster file that is well formed, whoever has signed it, and its digest. Raises
    `SerambiError`."""
    envelope = dsse.load(raw)
    if envelope.payload_type != ROSTER_TYPE:
        raise SerambiError(Kind.BAD_INPUT, "this document is not a roster")
    document = decode(
        RosterDocument, envelope.payload, what="the roster", max_bytes=DOCUMENT_MAX_BYTES
    )
    _check(document)
    return document, hashlib.sha256(envelope.payload).hexdigest()


def _check(document: RosterDocument) -> None:
    first = document.sequence == 1
    if document.sequence < 1 or (not document.previous, document.change is None) != (first, first):
        raise SerambiError(
            Kind.BAD_INPUT,
            "only roster 1 is the first, and only the first follows no other",
            where=f"roster {document.sequence}",
        )
    names = [check_id(party.id, "party") for party in document.parties]
    if not names or len(set(names)) != len(names):
        raise SerambiError(Kind.BAD_INPUT, "the roster needs parties, each once", where="roster")
    raw_keys = set()
    owners: dict[str, str] = {}
    for key in document.keys:
        if key.party not in names:
            raise SerambiError(Kind.BAD_INPUT, f"a key belongs to unknown party {key.party[:80]!r}")
        if (key.use == "gateway") != bool(key.site):
            raise SerambiError(Kind.BAD_INPUT, f"key {key.key_id}: a gateway's key names its site")
        if key.site and owners.setdefault(check_id(key.site, "site"), key.party) != key.party:
            raise SerambiError(Kind.DENIED, f"site {key.site} has gateways of two parties")
        checked = verify_key(key)
        if checked.key_id != key.key_id:
            raise SerambiError(Kind.BAD_INPUT, f"key {key.key_id[:80]} does not bear its own name")
        # The trap of threshold checkers: one key under two names would count twice.
        if checked.raw in raw_keys:
            raise SerambiError(Kind.DENIED, f"key {key.key_id} stands in the roster twice")
        raw_keys.add(checked.raw)


def verify_key(key: Key) -> VerifyKey:
    """The key itself. Raises `BAD_INPUT` when it is none."""
    try:
        raw = base64.b64decode(key.public, validate=True)
    except (binascii.Error, ValueError) as error:
        raise SerambiError(
            Kind.BAD_INPUT, f"key {key.key_id[:80]}: the public key is not base64"
        ) from error
    if base64.b64encode(raw).decode() != key.public:
        raise SerambiError(
            Kind.BAD_INPUT, f"key {key.key_id[:80]}: the base64 is not in its one right form"
        )
    return VerifyKey.from_raw(raw)
