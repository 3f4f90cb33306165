"""Signed documents for tests: a small town of parties, its roster, attestations, agreements.

town = make_roster()                        # kpu, bawaslu, polres; site gudang-kpu of kpu
raw = make_agreement(town, cameras=["cam-1"])
state = make_state(town, raw, attestations=[make_attestation(town, "cam-1")])
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from serambi.agreement.approval import Asked, read_approval, seal_asked
from serambi.agreement.attestation import (
    Attestation,
    Facing,
    SignedAttestation,
    read_attestation,
    seal_attestation,
)
from serambi.agreement.decide import State
from serambi.agreement.instants import ALWAYS, Hours
from serambi.agreement.model import (
    PROHIBITED,
    Action,
    Agreement,
    Purpose,
    Retention,
    SharedSite,
    SignedAgreement,
    draft_statement,
    read_agreement,
    seal_agreement,
)
from serambi.agreement.request import Request, seal_request
from serambi.agreement.revocation import Revocation, seal_revocation
from serambi.base.ids import new_id
from serambi.base.instants import instant_text
from serambi.base.words import Words
from serambi.identity import dsse
from serambi.identity.keys import SigningKey
from serambi.identity.roster import (
    Party,
    Roster,
    RosterDocument,
    key_entry,
    read_roster,
    seal_roster,
)

NOW = 1_795_430_400.0
"""2026-11-23T10:40:00Z, a Monday: 17:40 in Jakarta."""

SITE = "gudang-kpu"
PURPOSE = Purpose(
    "routine_watch",
    Words(
        "Pengamanan gudang logistik pemilu dan jalan menuju ke sana",
        "Protecting the election warehouse and the streets that lead to it",
    ),
)


def words(text: str) -> Words:
    return Words(f"{text} (id)", f"{text} (en)")


@dataclass(frozen=True)
class Town:
    """A roster with all its private keys; `raw` is the roster as a file."""

    raw: bytes
    roster: Roster
    keys: dict[str, SigningKey]
    center: SigningKey
    center_party: str
    gateways: dict[str, SigningKey]
    witnesses: dict[str, SigningKey]

    def sign_keys(self, parties: Iterable[str]) -> list[SigningKey]:
        return [self.keys[party] for party in parties]


def make_roster(
    parties: Sequence[str] = ("kpu", "bawaslu", "polres"),
    center: str = "polres",
    sites: Mapping[str, str] | None = None,
    new_key: Callable[[], SigningKey] = SigningKey.generate,
    witnessed: bool = False,
) -> Town:
    """`sites`: site -> the party that owns it; `witnessed`: each party has a witness's key."""
    owners = {SITE: "kpu"} if sites is None else dict(sites)
    keys = {party: new_key() for party in parties}
    center_key = new_key()
    gateways = {site: new_key() for site in owners}
    witnesses = {party: new_key() for party in parties} if witnessed else {}
    document = RosterDocument(
        format=1,
        name=words("Kota Demo"),
        sequence=1,
        previous="",
        parties=tuple(Party(p, words(p.upper()), words("lembaga"), words("112")) for p in parties),
        keys=(
            *(key_entry(key.public, party, "sign") for party, key in keys.items()),
            key_entry(center_key.public, center, "center"),
            *(
                key_entry(key.public, owners[site], "gateway", site)
                for site, key in gateways.items()
            ),
            *(key_entry(key.public, party, "witness") for party, key in witnesses.items()),
        ),
    )
    raw = seal_roster(document, list(keys.values()))
    return Town(raw, read_roster(raw, None), keys, center_key, center, gateways, witnesses)


def make_attestation(
    town: Town,
    camera: str = "cam-1",
    *,
    site: str = SITE,
    owner: str | None = None,
    facing: Facing = "street",
    valid_until: float = NOW + 400 * 86_400,
    signed_by: Sequence[str] | None = None,
    **changes: Any,
) -> bytes:
    """Signed by the site's owner and one other party unless `signed_by` says otherwise."""
    owner = owner or town.roster.owner(site) or next(iter(town.keys))
    if signed_by is None:
        signed_by = (owner, next(party for party in town.keys if party != owner))
    fields: dict[str, Any] = {
        "format": 1,
        "camera": camera,
        "site": site,
        "owner": owner,
        "number": "101",
        "name": words("Gerbang utama"),
        "facing": facing,
        "position": words("tiang gerbang"),
        "heading_deg": 255,
        "fov_deg": 80,
        "reference_sha256": "ab" * 32,
        "valid_until": instant_text(valid_until),
    }
    return seal_attestation(Attestation(**{**fields, **changes}), town.sign_keys(signed_by))


def attested(town: Town, raws: Iterable[bytes]) -> dict[str, SignedAttestation]:
    """Attestation files -> by camera, as `State` holds them."""
    signed = [read_attestation(raw, town.roster) for raw in raws]
    return {each.attestation.camera: each for each in signed}


def plain_agreement(
    town: Town,
    cameras: Sequence[str] = ("cam-1",),
    *,
    site: str = SITE,
    actions: Sequence[Action] = ("live",),
    hours: Sequence[Hours] = ALWAYS,
    zone: str = "Asia/Jakarta",
    conditions: Mapping[str, bool] = MappingProxyType({}),
    valid_from: float = NOW - 86_400,
    valid_until: float = NOW + 30 * 86_400,
    **changes: Any,
) -> Agreement:
    """The agreement itself, unsigned; `conditions` are of a view, `changes` replace any field."""
    fields: dict[str, Any] = {
        "number": "2026-03",
        "title": words("Pengamanan gudang logistik pemilu"),
        "parties": tuple(town.keys),
        "viewer": town.center_party,
        "purposes": (PURPOSE,),
        "legal_basis": words("Kesepakatan para pihak"),
        "sites": (
            SharedSite(site, tuple(cameras), tuple(actions), zone, tuple(hours), **conditions),
        ),
        "retention": Retention(72),
        "valid_from": instant_text(valid_from),
        "valid_until": instant_text(valid_until),
        "prohibited": PROHIBITED,
        "heartbeat_s": 900,
    }
    return Agreement(**{**fields, **changes})


def make_agreement(
    town: Town,
    cameras: Sequence[str] = ("cam-1",),
    *,
    attestations: Iterable[bytes] = (),
    signed_by: Sequence[str] | None = None,
    **changes: Any,
) -> bytes:
    """An agreement file signed by all parties, or by `signed_by`. A camera that `attestations`
    leave out is referred to by a digest of nothing."""
    agreement = plain_agreement(town, cameras, **changes)
    known = attested(town, attestations)
    digests = {
        camera: known[camera].digest if camera in known else "00" * 32
        for shared in agreement.sites
        for camera in shared.cameras
    }
    signers = agreement.parties if signed_by is None else signed_by
    return seal_agreement(draft_statement(agreement, digests), town.sign_keys(signers))


def make_approval(
    town: Town,
    under: SignedAgreement,
    *,
    cameras: Sequence[str] = ("cam-1",),
    signed_by: Sequence[str] = ("bawaslu",),
    at: float = NOW - 60,
    until: float = NOW + 3600,
    **changes: Any,
) -> bytes:
    """What the center asks another party to approve, signed by `signed_by`."""
    fields: dict[str, Any] = {
        "format": 1,
        "agreement": under.digest,
        "number": under.agreement.number,
        "site": SITE,
        "cameras": tuple(cameras),
        "action": "live",
        "purpose": PURPOSE.id,
        "party": town.center_party,
        "unit": "Regu jaga",
        "why": "tas tak bertuan di gerbang",
        "at": instant_text(at),
        "until": instant_text(until),
    }
    envelope = dsse.load(seal_asked(Asked(**{**fields, **changes}), town.center))
    for key in town.sign_keys(signed_by):
        envelope = dsse.add_signature(envelope, key)
    return dsse.dump(envelope)


def make_revocation(town: Town, signed: SignedAgreement, party: str, at: float = NOW) -> bytes:
    revocation = Revocation(1, signed.digest, signed.agreement.number, party, instant_text(at))
    return seal_revocation(revocation, town.keys[party])


def make_request(
    town: Town,
    camera: str = "cam-1",
    *,
    now: float = NOW,
    key: SigningKey | None = None,
    **changes: Any,
) -> bytes:
    """An opening request by the center; `changes` replace any field."""
    fields: dict[str, Any] = {
        "kind": "open",
        "session": new_id(),
        "site": SITE,
        "camera": camera,
        "action": "live",
        "stream": "sub",
        "purpose": PURPOSE.id,
        "person": "petugas1",
        "unit": "Regu jaga",
        "party": town.center_party,
        "nonce": new_id(),
        "issued_ms": int(now * 1000),
        "expires_ms": int(now * 1000) + 2000,
    }
    return seal_request(Request(**{**fields, **changes}), key or town.center)


def make_state(
    town: Town,
    *agreements: bytes,
    attestations: Iterable[bytes] = (),
    revocations: Mapping[str, Revocation] | None = None,
    stops: Mapping[str, float] | None = None,
    suspensions: Mapping[str, float] | None = None,
    clock_ok: bool = True,
    seen_at: float = math.inf,
    site: str = SITE,
    justify_by: Mapping[str, float] | None = None,
    approvals: Iterable[bytes] = (),
) -> State:
    return State(
        site=site,
        agreements=tuple(read_agreement(raw, town.roster) for raw in agreements),
        revocations=revocations or {},
        attestations=attested(town, attestations),
        stops=stops or {},
        suspensions=suspensions or {},
        clock_ok=clock_ok,
        seen_at=seen_at,
        justify_by=justify_by or {},
        approvals=tuple(read_approval(raw, town.roster) for raw in approvals),
    )
