"""Recomputing the transparency page from ledgers: each figure, both values, equal or not.

`ledger/recount.py` counts, for the page as for the auditor; here the two are held against each
other, and what cannot be checked from what is at hand is said.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from serambi.base.errors import SerambiError
from serambi.cli.public_page import PublicPage
from serambi.ledger.audit import all_entries
from serambi.ledger.checkpoint import parse_checkpoint
from serambi.ledger.entry import Entry
from serambi.ledger.figures import Compared, Counted, Figures, is_site, site_of, total
from serambi.ledger.note import Verifier
from serambi.ledger.reader import TileReader, read_checkpoint
from serambi.ledger.recount import COMPARED_AFTER_MS, Period, Recount, compare
from serambi.ledger.tree import EMPTY_ROOT, tree_root
from serambi.ledger.verify import keys_of_origin, verify

Say = Callable[[str], None]
Value = int | str


class PublicAudit:
    """One page against the ledgers at hand. `differences` names what is not as the page says."""

    def __init__(self, page: PublicPage, say: Say) -> None:
        self._page = page
        self._document = page.document
        self._say = say
        self._period = Period(page.document.start_ms, page.document.end_ms)
        self._counted: dict[str, Recount] = {}
        self.differences: list[str] = []
        self.equal = 0

    def run(self, folders: Sequence[Path]) -> bool:
        """Check everything; whether nothing differs."""
        document = self._document
        self._say(f"Page of {document.center} for {document.month}, roster {document.roster}")
        if self._page.roster.digest != document.roster:
            self._differs(f"the page goes by another roster than {self._page.roster.digest}")
        at_hand = self._verified(folders)
        if self._page.center_log is not None:
            self._check_checkpoint(self._page.center_log)
        for counted in document.ledgers:
            self._check_ledger(counted, at_hand.get(counted.origin))
        self._say("The sum of all ledgers, as the page adds them up:")
        self._compare("sum", document.total, total(document.ledgers))
        self._check_both_books()
        self._conclude(at_hand)
        return not self.differences

    def _verified(self, folders: Sequence[Path]) -> dict[str, Path]:
        """The ledgers that are sound, by origin."""
        found: dict[str, Path] = {}
        own = [self._page.center_log] if self._page.center_log else []
        for folder in (*own, *folders):
            report = verify(folder, self._page.roster)
            origin = read_checkpoint(folder)[0].origin if report.ok else str(folder)
            self._say(f"{origin}: {report.why}")
            if not report.ok:
                self._differs(f"{folder} is not sound")
                continue
            known = found.setdefault(origin, folder)
            if known != folder:
                self._same_past(origin, known, folder)
                # The longer one says more.
                if read_checkpoint(folder)[0].size > read_checkpoint(known)[0].size:
                    found[origin] = folder
        return found

    def _same_past(self, origin: str, one: Path, other: Path) -> None:
        size = min(read_checkpoint(folder)[0].size for folder in (one, other))
        if _root(one, size) != _root(other, size):
            self._differs(f"{origin}: two copies have different pasts before entry {size}")

    def _check_checkpoint(self, log: Path) -> None:
        """What the page shows as the center's checkpoint must lie in the past of its log."""
        try:
            shown, note = parse_checkpoint(self._document.checkpoint.encode())
            keys = keys_of_origin(shown.origin, self._page.roster)
            signed = note.signed_by(Verifier(shown.origin, key) for key in keys)
            past = shown.size <= read_checkpoint(log)[0].size and shown.root == _root(
                log, shown.size
            )
        except SerambiError as error:
            self._differs(f"the page's checkpoint cannot be read: {error}")
            return
        if not signed or not past:
            self._differs("the page's checkpoint does not belong to the center's log")
        else:
            self._say(f"The page's checkpoint of {shown.size} entries belongs to that log.")

    def _check_ledger(self, counted: Counted, folder: Path | None) -> None:
        span = f"{counted.origin}, entries {counted.first} to {counted.upto - 1}"
        if folder is None:
            self._say(f"{span}: NOT CHECKED, there is no copy of this ledger here")
            return
        entries = all_entries(folder)
        if len(entries) < counted.upto:
            self._differs(
                f"{counted.origin}: this copy has {len(entries)} entries and the page counted "
                f"{counted.upto}; entries were left out, or the copy is older than the page"
            )
            return
        due_ms = self._document.counted_ms - COMPARED_AFTER_MS
        if late := sum(entry.at_ms < due_ms for entry in entries[counted.upto :]):
            self._differs(
                f"{counted.origin}: {late} entries are older than the page by a minute or more and "
                "not in it; the site was cut off, or they were withheld"
            )
        self._say(f"{span}:")
        work = self._recounted(entries[counted.first : counted.upto])
        self._counted[counted.origin] = work
        figures = work.figures(self._document.counted_ms)
        self._compare(counted.origin, counted.figures, figures)

    def _recounted(self, entries: Sequence[Entry]) -> Recount:
        work = Recount(self._period)
        for entry in entries:
            work.add(entry)
        return work

    def _check_both_books(self) -> None:
        center = self._counted.get(f"{self._document.center}/center")
        shown = {compared.site: compared for compared in self._document.compared}
        for origin, work in self._counted.items():
            site = site_of(origin)
            if center is None or not site or site not in shown:
                continue
            found = compare(site, work, center, self._period, self._document.counted_ms)
            self._say(f"Views of {site} in both ledgers:")
            self._figure(site, "in both", shown[site].both, found.both)
            self._figure(site, "at the site only", shown[site].site_only, found.site_only)
            self._figure(site, "at the center only", shown[site].center_only, found.center_only)
            self._one_sided(found)

    def _one_sided(self, found: Compared) -> None:
        alone = found.site_only + found.center_only
        if alone:
            self._differs(f"{alone} views of {found.site} stand in one of two ledgers only")

    def _compare(self, where: str, page: Figures, recount: Figures) -> None:
        counted = dict(_values(recount))
        shown = dict(_values(page))
        for name in shown | counted:
            self._figure(where, name, shown.get(name, 0), counted.get(name, 0))

    def _figure(self, where: str, name: str, page: Value, recount: Value) -> None:
        if page == recount:
            self.equal += 1
            self._say(f"  {name}: page {page}, recount {recount}: equal")
        else:
            self._say(f"  {name}: page {page}, recount {recount}: NOT EQUAL")
            self.differences.append(f"{where}, {name}: page {page}, recount {recount}")

    def _differs(self, what: str) -> None:
        self._say(f"DIFFERENT: {what}")
        self.differences.append(what)

    def _conclude(self, at_hand: dict[str, Path]) -> None:
        missing = [c.origin for c in self._document.ledgers if c.origin not in at_hand]
        if self._document.behind:
            self._say(f"The page had {self._document.behind} entries still to count.")
        for origin in missing:
            owner = origin.split("/")[0]
            what = "ask its owner" if is_site(origin) else "ask the center"
            self._say(f"Not shown by this: {origin}; {what} ({owner}) for a copy of its folder.")
        if self.differences:
            self._say(f"DIFFERENT: {self.differences[0]}")
            return
        known = len(self._document.ledgers)
        self._say(
            f"OK: {self.equal} figures equal in {known - len(missing)} of {known} ledgers, "
            f"{len(missing)} ledgers not checked"
        )


def _values(figures: Figures) -> Iterator[tuple[str, Value]]:
    """Every figure by its name; lists by their number and, for what is in them, as text."""
    yield "entries", figures.entries
    yield "views", figures.views
    yield "watched ms", figures.watched_ms
    yield "open views", figures.open_views
    for unit in figures.units:
        name = f"unit {unit.unit} of {unit.party}"
        yield f"{name}, views", unit.views
        yield f"{name}, watched ms", unit.watched_ms
    yield "refused", figures.refused
    for reason, count in figures.refusals.items():
        yield f"refused: {reason}", count
    for reason, count in figures.suspensions.items():
        yield f"suspended: {reason}", count
    lists: dict[str, Sequence[object]] = {
        "stops": figures.stops,
        "agreements": figures.agreements,
        "revocations": figures.revocations,
        "outages": figures.outages,
        "deletions": figures.deletions,
    }
    for name, rows in lists.items():
        yield name, len(rows)
        for at, row in enumerate(rows, 1):
            yield f"{name} {at}", msgspec.json.encode(row).decode()
    for site, count in figures.starts.items():
        yield f"started: {site or 'center'}", count
    yield "histories that differ", figures.histories_differ
    yield "exports", figures.exports
    yield "break-glass", figures.break_glass
    yield "justified", figures.justified


def _root(folder: Path, size: int) -> bytes:
    """The root over the first `size` entries that are in tiles."""
    if not size:
        return EMPTY_ROOT
    there = read_checkpoint(folder)[0].size
    return tree_root(size, TileReader(folder, there).subtree)
