"""The roster: which parties there are and which keys speak for them, signed by all of them.

The digest of the first roster is the genesis that a gateway pins. One raw key stands for one
name only; a change of the roster is signed by all (that procedure comes with the parties' own
processes, the fields for it are here).
"""

import base64
import binascii
import hashlib
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


class RosterDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`previous` is the digest of the roster before, empty for the first."""

    format: Literal[1]
    name: Words
    sequence: int
    previous: str
    parties: tuple[Party, ...]
    keys: tuple[Key, ...]


class Roster:
    """A roster whose signatures have been verified."""

    def __init__(self, document: RosterDocument, digest: str) -> None:
        self.document = document
        self.digest = digest
        self.parties: tuple[Party, ...] = document.parties
        self._parties = {party.id: party for party in document.parties}
        self._entries = {key.key_id: key for key in document.keys}
        self._keys = {key.key_id: _verify_key(key) for key in document.keys}
        self._owners = {key.site: key.party for key in document.keys if key.site}

    def party(self, party: str) -> Party:
        """Raises `NOT_FOUND` for an unknown party."""
        found = self._parties.get(party)
        if found is None:
            raise SerambiError(
                Kind.NOT_FOUND,
                f"the roster knows no party {party[:80]!r}",
                hint="parties are named by their id in the roster",
            )
        return found

    def find_party(self, party: str) -> Party | None:
        return self._parties.get(party)

    def key(self, key_id: str) -> VerifyKey | None:
        return self._keys.get(key_id)

    def entry(self, key_id: str) -> Key | None:
        """What the roster says of a key."""
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

    def owner(self, site: str) -> str | None:
        """The party whose gateway stands at `site`: one at most."""
        return self._owners.get(site)

    def signers(self, envelope: dsse.Envelope) -> frozenset[str]:
        """The parties whose `sign` keys have signed; two keys of one party count once."""
        signed = dsse.verified_by(envelope, self.keys_for(use="sign"))
        return frozenset(self._entries[key_id].party for key_id in signed)


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
    envelope = dsse.load(raw)
    if envelope.payload_type != ROSTER_TYPE:
        raise SerambiError(Kind.BAD_INPUT, "this document is not a roster")
    document = decode(
        RosterDocument, envelope.payload, what="the roster", max_bytes=DOCUMENT_MAX_BYTES
    )
    _check(document)
    digest = hashlib.sha256(envelope.payload).hexdigest()
    if genesis is not None and digest != genesis:
        raise SerambiError(
            Kind.DENIED,
            "this roster is not the one that was pinned at enrolment",
            where=f"sha256 {digest}",
            hint="compare both numbers with a second person before changing the setting",
        )
    roster = Roster(document, digest)
    missing = [party.id for party in roster.parties if party.id not in roster.signers(envelope)]
    if missing:
        raise SerambiError(
            Kind.DENIED, f"the roster is not signed by {', '.join(missing)}", where="roster"
        )
    return roster


def _check(document: RosterDocument) -> None:
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
        verify_key = _verify_key(key)
        if verify_key.key_id != key.key_id:
            raise SerambiError(Kind.BAD_INPUT, f"key {key.key_id[:80]} does not bear its own name")
        # The trap of threshold checkers: one key under two names would count twice.
        if verify_key.raw in raw_keys:
            raise SerambiError(Kind.DENIED, f"key {key.key_id} stands in the roster twice")
        raw_keys.add(verify_key.raw)


def _verify_key(key: Key) -> VerifyKey:
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
