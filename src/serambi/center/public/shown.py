"""What stands behind the public addresses: the document of a month, its lines, the center's log."""

import csv
import io
import logging
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from serambi.base.clock import Clock
from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import PUBLIC_CSV_ENTRIES
from serambi.center.public.books import Book, Books
from serambi.center.public.counting import Counting
from serambi.center.public.document import Document, build
from serambi.center.public.papers import Papers
from serambi.center.public.year import Known
from serambi.center.sites import Sites
from serambi.identity.roster import Roster
from serambi.ledger.entry import Entry
from serambi.ledger.note import NOTE_MAX_BYTES
from serambi.ledger.quorum import Cosigned
from serambi.ledger.reader import CHECKPOINT_FILE, TileReader, read_checkpoint, read_file
from serambi.ledger.tiles import (
    BUNDLE_LEVEL,
    TILE_HEIGHT,
    TILE_WIDTH,
    encode_bundle,
    parse_path,
    width_at,
)
from serambi.ledger.verify import cosigned_in, keys_of_origin

log = logging.getLogger(__name__)

_FIELDS = (
    "kind", "site", "camera", "session", "person", "unit", "party", "purpose", "agreement",
    "reason", "detail",
)  # fmt: skip
CSV_COLUMNS = ("ledger", "index", "time", "at_ms", *_FIELDS)
_LINES_PER_PIECE = 512
# What a spreadsheet would take for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Shown:
    """Reads only. Its methods block: call them in a thread."""

    def __init__(
        self,
        *,
        books: Books,
        sites: Sites,
        papers: Papers,
        roster: Roster,
        roster_file: bytes,
        center: str,
        folder: Path,
        zone: str,
        clock: Clock,
    ) -> None:
        self.counting = Counting(books, clock, zone)
        self.books = books
        self.papers = papers
        self.roster = roster
        self.roster_file = roster_file
        self.origin = books.center
        self._sites = sites
        self._center = center
        self._folder = folder
        self.zone = zone

    def document(self, month: str) -> Document:
        """The document of a month. Raises `NOT_FOUND` for what is no month of this page."""
        count = self.counting.count(month)
        self.papers.refresh()
        return build(
            count,
            roster=self.roster,
            center=self._center,
            zone=self.zone,
            sites=self._sites,
            papers=self.papers.all(),
            checkpoint=self.checkpoint().decode(),
        )

    def known(self) -> Known:
        """What a year's report says besides what it counts."""
        self.papers.refresh()
        return Known(
            roster=self.roster,
            center=self._center,
            zone=self.zone,
            agreements=[paper.signed for paper in self.papers.all()],
            cameras=[(known.state.owner, camera.facing) for known, camera in self._sites.cameras()],
            checkpoint=self.books.signed(),
            cosigned=self._cosigned(),
        )

    def _cosigned(self) -> list[Cosigned]:
        """The parties' words on the center's log; none where their file is damaged."""
        try:
            keys = keys_of_origin(self.origin, self.roster)
            return cosigned_in(self._folder, self.origin, keys, self.roster)
        except SerambiError as error:
            log.error("the parties' cosignatures cannot be read: %s", error)
            return []

    def lines(self, month: str) -> Iterator[str]:
        """The entries of a month as CSV in pieces, one line each, the center's ledger first; at
        most PUBLIC_CSV_ENTRIES, and the last line then says how to get the rest."""
        period = self.counting.period(month)
        left = PUBLIC_CSV_ENTRIES
        piece = [",".join(CSV_COLUMNS) + "\r\n"]
        for book in self.books.all():
            start = self.books.index_at(book, period.start_ms)
            for index, entry in self.books.walk(book, start, book.upto):
                if entry.at_ms >= period.end_ms or not left:
                    break
                if period.has(entry.at_ms):
                    piece.append(self._line(book, index, entry))
                    left -= 1
                if len(piece) >= _LINES_PER_PIECE:
                    yield "".join(piece)
                    piece = []
        if not left:
            piece.append("there are more entries: read the ledgers themselves\r\n")
        yield "".join(piece)

    def _line(self, book: Book, index: int, entry: Entry) -> str:
        at = datetime.fromtimestamp(entry.at_ms / 1000, ZoneInfo(self.zone))
        out = io.StringIO()
        values = [str(getattr(entry, name)) for name in _FIELDS]
        csv.writer(out).writerow(
            [book.origin, index, at.isoformat(timespec="milliseconds"), entry.at_ms]
            + ["'" + value if value.startswith(_FORMULA) else value for value in values]
        )
        return out.getvalue()

    def checkpoint(self) -> bytes:
        """The center's signed checkpoint, over what its tiles hold."""
        return read_file(self._folder, CHECKPOINT_FILE, NOTE_MAX_BYTES)

    def tile(self, path: str) -> bytes:
        """A tile or bundle of the center's log by its name, of any width that is there. Raises
        `NOT_FOUND`."""
        tile = parse_path(path)
        size = read_checkpoint(self._folder)[0].size
        if tile is None or width_at(tile.level, tile.index, size) < tile.width:
            raise SerambiError(
                Kind.NOT_FOUND, "the log has no such tile", where=path[:200], hint="see tlog-tiles"
            )
        # As if the log ended with this tile: a wider one may stand in its place meanwhile.
        end = (tile.index * TILE_WIDTH + tile.width) << (TILE_HEIGHT * max(tile.level, 0))
        reader = TileReader(self._folder, end)
        if tile.level == BUNDLE_LEVEL:
            return encode_bundle(reader.bundle(tile.index))
        return b"".join(reader.hashes(tile.level, tile.index))
