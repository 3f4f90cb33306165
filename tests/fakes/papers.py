"""Papers of a town that was laid out: its parties agree anew, and revoke."""

import time
from collections.abc import Sequence

from serambi.agreement.attestation import read_attestation
from serambi.agreement.instants import ALWAYS
from serambi.agreement.model import (
    PROHIBITED,
    Action,
    Agreement,
    Purpose,
    Retention,
    SharedSite,
    draft_statement,
    read_agreement,
    seal_agreement,
)
from serambi.agreement.revocation import Revocation, seal_revocation
from serambi.base.instants import instant_text
from serambi.base.words import Words
from serambi.cli.layout import Layout
from serambi.identity.keys import SigningKey


def agree(
    layout: Layout,
    number: str,
    site: str,
    cameras: Sequence[str],
    *,
    until: float,
    title: Words,
    legal_basis: Words,
    parties: tuple[str, ...],
    purposes: tuple[Purpose, ...],
    actions: tuple[Action, ...] = ("live",),
    since: float | None = None,
) -> bytes:
    """A new agreement on these cameras, at any hour from `since` (now) until `until` (unix
    seconds), signed by all `parties`."""
    agreement = Agreement(
        number=number,
        title=title,
        parties=parties,
        viewer=layout.town.center.party,
        purposes=purposes,
        legal_basis=legal_basis,
        sites=(SharedSite(site, tuple(cameras), actions, layout.town.zone, ALWAYS),),
        retention=Retention(72),
        valid_from=instant_text(since or time.time() - 60),
        valid_until=instant_text(until),
        prohibited=PROHIBITED,
        heartbeat_s=900,
    )
    digests = {
        camera: read_attestation(
            (layout.folder / "attestations" / f"{camera}.json").read_bytes(), layout.roster
        ).digest
        for camera in cameras
    }
    keys = [_key(layout, party) for party in parties]
    return seal_agreement(draft_statement(agreement, digests), keys)


def revoke(layout: Layout, agreement: bytes, party: str) -> bytes:
    """The revocation of a signed agreement by one of its parties, as of now."""
    signed = read_agreement(agreement, layout.roster)
    revocation = Revocation(
        1, signed.digest, signed.agreement.number, party, instant_text(time.time())
    )
    return seal_revocation(revocation, _key(layout, party))


def _key(layout: Layout, party: str) -> SigningKey:
    return SigningKey.load(layout.folder / "parties" / party / "key")
