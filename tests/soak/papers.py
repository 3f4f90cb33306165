"""The parties of the soak's town: they revoke, and agree anew."""

import time

from serambi.agreement.attestation import read_attestation
from serambi.agreement.instants import ALWAYS, instant_text
from serambi.agreement.model import (
    PROHIBITED,
    Agreement,
    Purpose,
    Retention,
    SharedSite,
    draft_statement,
    read_agreement,
    seal_agreement,
)
from serambi.agreement.revocation import Revocation, seal_revocation
from serambi.cli.layout import Layout
from serambi.identity.keys import SigningKey
from tests.crash.small_town import TALL


class Papers:
    """Who signs what for the site that shares."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._keys = {
            party.id: SigningKey.load(layout.folder / "parties" / party.id / "key")
            for party in layout.town.party
        }
        self._raw = (layout.folder / "agreements" / "k-1.json").read_bytes()
        self._count = 1

    def revoke(self, party: str) -> bytes:
        """The agreement that is in force, revoked by `party`."""
        signed = read_agreement(self._raw, self._layout.roster)
        revocation = Revocation(
            1, signed.digest, signed.agreement.number, party, instant_text(time.time())
        )
        return seal_revocation(revocation, self._keys[party])

    def agree(self) -> tuple[str, bytes]:
        """A new agreement over the same cameras, signed by all -> its number, the document."""
        self._count += 1
        number = f"k-1-{self._count}"
        town = self._layout.town
        site = next(site for site in town.site if site.id == TALL)
        cameras = [camera.id for camera in site.camera if camera.facing != "inside"]
        attested = {
            camera: read_attestation(
                (self._layout.folder / "attestations" / f"{camera}.json").read_bytes(),
                self._layout.roster,
            ).digest
            for camera in cameras
        }
        first = read_agreement(self._raw, self._layout.roster).agreement
        agreement = Agreement(
            number=number,
            title=first.title,
            parties=first.parties,
            viewer=town.center.party,
            purposes=tuple(Purpose(purpose.id, purpose.text) for purpose in first.purposes),
            legal_basis=first.legal_basis,
            sites=(SharedSite(TALL, tuple(cameras), ("live",), town.zone, ALWAYS),),
            retention=Retention(72),
            valid_from=instant_text(time.time() - 60),
            valid_until=instant_text(time.time() + 86_400),
            prohibited=PROHIBITED,
            heartbeat_s=900,
        )
        self._raw = seal_agreement(
            draft_statement(agreement, attested), [self._keys[p] for p in agreement.parties]
        )
        return number, self._raw
