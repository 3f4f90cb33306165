"""Reconciling two logs of the same views: what a site opened, the center must have asked for.

Both ends write the session's id. One that stands in one log alone was left out of the other, or
made up; one whose fields differ was told differently to somebody. Whether each log is sound in
itself is `verify.py`'s question.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from serambi.base.errors import Kind, SerambiError
from serambi.ledger.entry import Entry, decode_entry
from serambi.ledger.reader import READ_MAX_ENTRIES, TileReader, read_checkpoint, read_pending

UNANSWERED = "unanswered"
"""The center's reason for a question whose answer never came: the site may have said yes."""

# Two machines' clocks, and the time that a question takes.
TOLERANCE_MS = 10_000
_SAME = ("camera", "person", "unit", "party", "purpose", "agreement")


class Audit:
    """Compares one site's keeper with the center, entry by entry, in whatever order they come.

    Holds in memory what has no counterpart yet, and nothing else.
    """

    def __init__(self, site: str) -> None:
        self.site = site
        self.matched = 0
        self.differing: list[str] = []
        self._opened: dict[str, Entry] = {}
        self._asked: dict[str, Entry] = {}
        self._unanswered: dict[str, Entry] = {}

    def add_keeper(self, entries: Iterable[Entry]) -> None:
        """Entries of the site's own ledger."""
        for entry in entries:
            if entry.kind == "session_opened" and entry.site == self.site:
                self._opened[entry.session] = entry
                self._match(entry.session)

    def add_center(self, entries: Iterable[Entry]) -> None:
        """Entries of the center's ledger; those about other sites are passed over."""
        for entry in entries:
            if entry.site != self.site:
                continue
            if entry.kind == "session_opened":
                self._asked[entry.session] = entry
                self._match(entry.session)
            elif entry.kind == "refused" and entry.reason == UNANSWERED:
                self._unanswered[entry.session] = entry
                self._match(entry.session)

    def alarms(self, keeper_until_ms: int, center_until_ms: int, *, since_ms: int = 0) -> list[str]:
        """What is wrong, in plain words. The two times say how far each log is known to reach:
        what the other one opened later cannot be in it yet, and is not judged, nor is what was
        opened before `since_ms`."""
        found = list(self.differing)
        for entry in self._opened.values():
            if since_ms <= entry.at_ms <= center_until_ms - TOLERANCE_MS:
                found.append(f"{self._said(entry)} at the site, and the center's log omits it")
        for entry in self._asked.values():
            if since_ms <= entry.at_ms <= keeper_until_ms - TOLERANCE_MS:
                found.append(f"{self._said(entry)} at the center, and the site's log omits it")
        return found

    def unmatched(self) -> int:
        """How many views have no counterpart, judged or not."""
        return len(self._opened) + len(self._asked)

    def _match(self, session: str) -> None:
        opened = self._opened.get(session)
        asked = self._asked.get(session) or self._unanswered.get(session)
        if opened is None or asked is None:
            return
        for known in (self._opened, self._asked, self._unanswered):
            known.pop(session, None)
        self.matched += 1
        for name in _SAME:
            here, there = getattr(opened, name), getattr(asked, name)
            # A question without an answer does not know which agreement let it through.
            if here != there and not (name == "agreement" and asked.kind == "refused"):
                self._differ(opened, name, here, there)
        # Whether the view was for an incident, or a glass was broken for it.
        here, there = (each.detail.removeprefix("live").strip() for each in (opened, asked))
        if here != there:
            self._differ(opened, "grounds", here, there)

    def _differ(self, opened: Entry, what: str, here: str, there: str) -> None:
        self.differing.append(
            f"{self._said(opened)}: the {what} is {here!r} at the site and {there!r} at the center"
        )

    def _said(self, entry: Entry) -> str:
        return f"view {entry.session} of {self.site} was opened"


def audit(keeper: Sequence[Entry], center: Sequence[Entry], site: str) -> tuple[Audit, list[str]]:
    """Reconcile two whole logs -> what was compared, and the alarms."""
    work = Audit(site)
    work.add_keeper(keeper)
    work.add_center(center)
    until = [max((entry.at_ms for entry in log), default=0) for log in (keeper, center)]
    return work, work.alarms(*until)


def all_entries(folder: Path) -> list[Entry]:
    """Every entry of a folder, as `each_entry` gives them."""
    return list(each_entry(folder))


def each_entry(folder: Path) -> Iterator[Entry]:
    """The entries of a folder in their order, those included that wait for their tiles; a piece at
    a time in memory. Verifies nothing."""
    checkpoint, _ = read_checkpoint(folder)
    tiles = TileReader(folder, checkpoint.size)
    for start in range(0, checkpoint.size, READ_MAX_ENTRIES):
        yield from tiles.entries(start, min(start + READ_MAX_ENTRIES, checkpoint.size))
    for record in read_pending(folder, checkpoint.size):
        for leaf in record.leaves:
            yield decode_entry(leaf, "pending")


def site_of(origin: str) -> str:
    """The site of a keeper's origin, empty for a center's; `SerambiError` for anything else."""
    match origin.split("/"):
        case [_, site, "keeper"]:
            return site
        case [_, "center"]:
            return ""
    raise SerambiError(Kind.BAD_INPUT, f"the origin {origin!r} names neither a keeper nor a center")
