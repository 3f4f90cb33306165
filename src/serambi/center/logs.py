"""The ledgers that the center can show: its own, and the sites' as their entries arrived here.

Read like C2SP tlog-tiles: a checkpoint and bundles of entries, by the ledger's origin. Tiles of
hashes are not kept for the sites; they follow from the entries. Nothing here is believed by who
reads it: every checkpoint is signed by the ledger's own key.
"""

import asyncio
import logging
from collections.abc import Iterable
from pathlib import Path

from serambi.base.clock import Clock
from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import VOUCHED_SAVE_EVERY_S
from serambi.center.entries import SiteEntries
from serambi.center.sites import Sites
from serambi.identity.keys import VerifyKey
from serambi.identity.roster import Roster
from serambi.ledger.entry import encode_entry
from serambi.ledger.quorum import Cosigned, emit_notes, gathered
from serambi.ledger.store import LedgerStore
from serambi.ledger.tiles import BUNDLE_LEVEL, TILE_WIDTH, encode_bundle, parse_path
from serambi.ledger.vouched import Vouched

log = logging.getLogger(__name__)


class Logs:
    """All ledgers by origin. Methods that read entries block: call them in a thread."""

    def __init__(
        self,
        origin: str,
        key: VerifyKey,
        folder: Path,
        store: LedgerStore,
        entries: SiteEntries,
        sites: Sites,
        roster: Roster,
        clock: Clock,
    ) -> None:
        """`origin`, `key`, `folder` and `store` are of the center's own ledger."""
        self.origin = origin
        self._store = store
        self._entries = entries
        self._sites = sites
        self._clock = clock
        self._words: dict[str, dict[str, Cosigned]] = {}
        self.vouched = Vouched(folder, origin, key, lambda: roster, store, clock.now())

    def checkpoints(self) -> dict[str, str]:
        """The newest signed checkpoint of each ledger, by origin."""
        found = {self.origin: self._store.signed.decode()}
        for known in self._sites.all():
            state = known.state
            if state.checkpoint:
                found[f"{state.owner}/{state.site}/keeper"] = state.checkpoint
        return found

    def site_of(self, origin: str) -> str:
        """The site whose ledger that is, empty for the center's own; `NOT_FOUND` for others."""
        if origin == self.origin:
            return ""
        for known in self._sites.all():
            if origin == f"{known.state.owner}/{known.state.site}/keeper":
                return known.state.site
        raise SerambiError(Kind.NOT_FOUND, "there is no such ledger here", where=origin[:200])

    def bundle(self, origin: str, path: str) -> bytes:
        """The entries that a name such as `tile/entries/000.p/7` stands for. Raises `NOT_FOUND`
        for entries that are not, not yet or no longer here."""
        tile = parse_path(path)
        if tile is None or tile.level != BUNDLE_LEVEL:
            raise SerambiError(
                Kind.NOT_FOUND,
                "only bundles of entries are kept here",
                where=f"{origin[:200]}/{path[:80]}",
                hint="the tiles of hashes follow from the entries",
            )
        start = tile.index * TILE_WIDTH
        end = start + tile.width
        site = self.site_of(origin)
        if site:
            leaves = self._entries.leaves(site, start, end)
        elif end <= self._store.size:
            leaves = [encode_entry(entry) for entry in self._store.entries(start, end)]
        else:
            leaves = []
        if len(leaves) != tile.width:
            raise SerambiError(
                Kind.NOT_FOUND,
                f"entries {start} to {end - 1} are not here",
                where=origin[:200],
                hint="try again soon, or ask the ledger's owner for a copy of its folder",
            )
        return encode_bundle(leaves)

    def heard(self, words: Iterable[Cosigned]) -> None:
        """A site has taken these words: they are shown to whoever checks its ledger here."""
        for word in words:
            self._words.setdefault(word.checkpoint.origin, {})[word.party] = word

    def cosigned(self, origin: str) -> bytes:
        """The parties' latest words on a ledger since the start, as its folder keeps them."""
        known = self._words.get(origin, {}).values() if self.site_of(origin) else None
        return emit_notes(gathered(self.vouched.words() if known is None else known))

    async def accept(self, note: bytes) -> None:
        """Take a party's word on the center's own ledger. Raises like `Vouched.accept`."""
        await asyncio.to_thread(self.vouched.accept, note, self._clock.now())

    async def run(self) -> None:
        """Keep the parties' words on the disk, until cancelled."""
        while True:
            await asyncio.sleep(VOUCHED_SAVE_EVERY_S)
            try:
                await asyncio.to_thread(self.vouched.save)
            except OSError as error:
                log.warning("the parties' cosignatures cannot be kept: %s", error.strerror)
