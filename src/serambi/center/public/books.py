"""The ledgers that the public page counts: the center's own, and the sites' as they came here.

What is read here is not verified again: a site's entries came signed by its gateway, and who
doubts the center compares with the site's own ledger.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy.exc import OperationalError

from serambi.center.entries import SiteEntries
from serambi.identity.roster import Roster
from serambi.ledger.entry import Entry, decode_entry
from serambi.ledger.figures import site_of
from serambi.ledger.reader import READ_MAX_ENTRIES
from serambi.ledger.store import LedgerStore


@dataclass(frozen=True, slots=True)
class Book:
    """One ledger: its entries `first` to `upto - 1` can be read here. `life` changes when the
    ledger was replaced by an older copy of itself."""

    origin: str
    life: str
    first: int
    upto: int


class Books:
    """Any thread may read."""

    def __init__(
        self, party: str, ledger: LedgerStore, entries: SiteEntries, roster: Roster
    ) -> None:
        self.center = f"{party}/center"
        self._ledger = ledger
        self._entries = entries
        gateways = {key.site: key.party for key in roster.document.keys if key.use == "gateway"}
        self._origins = {site: f"{party}/{site}/keeper" for site, party in gateways.items()}

    def all(self) -> list[Book]:
        """Every ledger that has an entry here, the center's first; a site that shares nothing has
        none. On a disk that does not let the database be read, the center's alone."""
        found = [Book(self.center, "", 0, self._ledger.size)]
        for site, origin in sorted(self._origins.items()):
            try:
                life = self._entries.life(site)
            except OperationalError:
                continue
            if life is not None and life.upto > life.first:
                found.append(Book(origin, life.epoch, life.first, life.upto))
        return found

    def signed(self) -> str:
        """The center's newest signed checkpoint, over entries that wait for their tiles too."""
        return self._ledger.signed.decode()

    def read(self, book: Book, start: int, end: int) -> list[Entry]:
        """The entries [start, end), at most READ_MAX_ENTRIES; fewer, from the front, when some are
        missing."""
        site = site_of(book.origin)
        if not site:
            return self._ledger.entries(start, end)
        leaves = self._entries.leaves(site, start, end)
        return [decode_entry(leaf, start + at) for at, leaf in enumerate(leaves)]

    def walk(self, book: Book, start: int, end: int) -> Iterator[tuple[int, Entry]]:
        """Index and entry of [start, end), read piece by piece; ends early where one is missing."""
        while start < end:
            piece = self.read(book, start, min(end, start + READ_MAX_ENTRIES))
            yield from enumerate(piece, start)
            if not piece:
                return
            start += len(piece)

    def index_at(self, book: Book, at_ms: int) -> int:
        """The first entry that is not older than `at_ms`, give or take a second's entries."""
        low, high = book.first, book.upto
        while low < high:
            middle = (low + high) // 2
            piece = self.read(book, middle, middle + 1)
            if piece and piece[0].at_ms < at_ms:
                low = middle + 1
            else:
                high = middle
        return low
