"""The parties of the soak's town: they revoke, and agree anew."""

import time

from serambi.agreement.model import read_agreement
from serambi.cli.layout import Layout
from tests.crash.small_town import TALL
from tests.fakes import papers

_VALID_S = 86_400


class Papers:
    """Who signs what for the site that shares."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._raw = (layout.folder / "agreements" / "k-1.json").read_bytes()
        self._count = 1

    def revoke(self, party: str) -> bytes:
        """The agreement that is in force, revoked by `party`."""
        return papers.revoke(self._layout, self._raw, party)

    def agree(self) -> tuple[str, bytes]:
        """A new agreement over the same cameras, signed by all -> its number, the document."""
        self._count += 1
        number = f"k-1-{self._count}"
        site = next(site for site in self._layout.town.site if site.id == TALL)
        before = read_agreement(self._raw, self._layout.roster).agreement
        self._raw = papers.agree(
            self._layout,
            number,
            TALL,
            [camera.id for camera in site.camera if camera.facing != "inside"],
            until=time.time() + _VALID_S,
            title=before.title,
            legal_basis=before.legal_basis,
            parties=before.parties,
            purposes=before.purposes,
        )
        return number, self._raw
