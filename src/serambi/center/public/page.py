"""The public document in one language: what the template lays out, as plain values."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

from serambi.base.words import Language, Words
from serambi.center.public.charts import Bar, Terms, bars, terms
from serambi.center.public.document import AgreementLine, CameraLine, Document
from serambi.ledger.figures import OPEN, Stop, is_site
from serambi.web.numbers import Numbers
from serambi.web.times import Times

Text = Callable[..., str]
Row = TypeVar("Row")

_DAY_MS = 86_400_000
ROWS_SHOWN = 50
"""Of each list on the page; the document has them all."""
_BARS_SHOWN = 12
_MONTHS_DRAWN = 24
_STATES = {"open": ("live", "live"), "stopped": ("stop", "hand"), "revoked": ("stop", "ban")}


@dataclass(frozen=True, slots=True)
class Cell:
    """A state: its look, its sign and its word."""

    look: str
    icon: str
    text: str


@dataclass(frozen=True, slots=True)
class CameraRow:
    number: str
    name: str
    owner: str
    facing: str
    purpose: str
    agreement: str
    digest: str
    until: str
    state: Cell


@dataclass(frozen=True, slots=True)
class View:
    """`keys` are the six figures at the top: number, what, and a word on it."""

    month: str
    counted: str
    span: str
    keys: tuple[tuple[str, str, str], ...]
    cameras: tuple[CameraRow, ...]
    waiting: tuple[tuple[str, str], ...]
    agreements: tuple[dict[str, str], ...]
    terms: Terms
    span_of_terms: tuple[str, str]
    units: tuple[tuple[str, str, str, str], ...]
    units_total: tuple[str, str]
    unit_bars: tuple[Bar, ...]
    refusals: tuple[tuple[str, str, int], ...]
    stops: tuple[tuple[str, str, str, str], ...]
    outages: tuple[tuple[str, str, str], ...]
    starts: tuple[tuple[str, str], ...]
    revocations: tuple[tuple[str, str, str, str], ...]
    deletions: tuple[tuple[str, str, str], ...]
    ledgers: tuple[tuple[str, ...], ...]
    compared: tuple[tuple[str, str, str, str], ...]
    one_sided: int
    in_both: int


class PageBuilder:
    """Builds the view of a document; `text(name, **values)` gives a screen text."""

    def __init__(self, document: Document, text: Text, language: Language) -> None:
        self._document = document
        self._text = text
        self._language: Language = language
        self._times = Times(document.zone, language)
        self._numbers = Numbers(language)
        self._camera_names = {c.id: f"{c.number} {self._words(c.name)}" for c in document.cameras}

    def view(self) -> View:
        document = self._document
        figures = document.total
        opened = [camera for camera in document.cameras if camera.state == "open"]
        until_ms = min(document.end_ms, document.counted_ms)
        shown = self._terms()
        return View(
            month=self._times.month(document.start_ms / 1000),
            counted=self._times.moment(document.counted_ms / 1000),
            span=f"{self._day(document.start_ms)} – {self._day(until_ms - 1)}",
            keys=self._keys(len(opened)),
            cameras=tuple(self._camera(camera) for camera in document.cameras),
            waiting=tuple(
                (
                    self._words(line.name),
                    self._text(
                        "public.waiting",
                        missing=", ".join(map(self.party, line.missing)),
                        signed=line.parties - len(line.missing),
                        parties=line.parties,
                    ),
                )
                for line in document.waiting
            ),
            agreements=tuple(self._agreement(line) for line in document.agreements),
            terms=shown,
            span_of_terms=(self._day(int(shown.begin * 1000)), self._day(int(shown.end * 1000))),
            units=self._units(),
            units_total=(
                self._numbers.hours(figures.watched_ms),
                self._numbers.whole(figures.views),
            ),
            unit_bars=self._unit_bars(),
            refusals=self._refusals(),
            stops=tuple(self._stop(stop) for stop in self._newest(figures.stops)),
            outages=tuple(
                (self._moment(o.begin_ms), o.site, self._length(o.begin_ms, o.end_ms))
                for o in self._newest(figures.outages)
            ),
            starts=tuple((site, self._numbers.whole(n)) for site, n in figures.starts.items()),
            revocations=tuple(
                (self._moment(p.at_ms), p.agreement, self.party(p.party), p.site)
                for p in self._newest(figures.revocations)
            ),
            deletions=tuple(
                (
                    self._camera_name(one.camera),
                    f"{self._day(one.from_ms)} – {self._day(one.until_ms)}",
                    self._text(f"reason.{one.reason}"),
                )
                for one in figures.deletions
            ),
            ledgers=self._ledgers(),
            compared=tuple(
                (
                    c.site,
                    self._numbers.whole(c.both),
                    self._numbers.whole(c.site_only),
                    self._numbers.whole(c.center_only),
                )
                for c in document.compared
            ),
            one_sided=sum(c.site_only + c.center_only for c in document.compared),
            in_both=sum(c.both for c in document.compared),
        )

    # -- names and times

    def party(self, party: str) -> str:
        known = self._document.parties.get(party)
        return self._words(known) if known else party

    def _words(self, words: Words) -> str:
        return words.in_language(self._language)

    def _moment(self, at_ms: int) -> str:
        return self._times.moment(at_ms / 1000)

    def _day(self, at_ms: int) -> str:
        return self._times.day(at_ms / 1000)

    def _length(self, begin_ms: int, end_ms: int) -> str:
        if end_ms == OPEN:
            return self._text("public.going_on")
        minutes, seconds = divmod(max(0, end_ms - begin_ms) // 1000, 60)
        if not minutes:
            return self._text("public.seconds", seconds=seconds)
        hours, minutes = divmod(minutes, 60)
        name = "public.hours_minutes" if hours else "public.minutes"
        return self._text(name, hours=self._numbers.whole(hours), minutes=minutes)

    @staticmethod
    def _newest(rows: tuple[Row, ...]) -> tuple[Row, ...]:
        return rows[::-1][:ROWS_SHOWN]

    # -- parts

    def _keys(self, opened: int) -> tuple[tuple[str, str, str], ...]:
        document, text = self._document, self._text
        figures = document.total
        owners = len({camera.owner for camera in document.cameras})
        going_on = sum(stop.end_ms == OPEN for stop in figures.stops)
        units = len(figures.units)
        ends = [a for a in document.agreements if a.until_ms > document.counted_ms]
        rows = [
            ("cameras", self._numbers.whole(opened), text("public.key_owners", owners=owners)),
            (
                "hours",
                self._numbers.hours(figures.watched_ms),
                text("public.key_units", units=units),
            ),
            ("refused", self._numbers.whole(figures.refused), text("public.key_by_box")),
            (
                "stops",
                self._numbers.whole(len(figures.stops)),
                text("public.key_going_on", stops=going_on),
            ),
            ("exports", self._numbers.whole(figures.exports), text("public.key_no_exports")),
        ]
        if ends:
            nearest = ends[0]
            until = text("public.key_until", day=self._day(nearest.until_ms))
            rows.append(("days", self._numbers.whole(self._days(nearest)), until))
        else:
            rows.append(("days", "–", text("public.key_no_agreement")))
        return tuple((number, text(f"public.key_{name}"), said) for name, number, said in rows)

    def _days(self, line: AgreementLine) -> int:
        return max(0, line.until_ms - self._document.counted_ms) // _DAY_MS

    def _camera(self, camera: CameraLine) -> CameraRow:
        digests = {line.number: line.digest for line in self._document.agreements}
        facing = {"street": "street", "yard": "yard"}.get(camera.facing, "other")
        return CameraRow(
            number=camera.number,
            name=self._words(camera.name),
            owner=self.party(camera.owner),
            facing=self._text(f"public.facing_{facing}"),
            purpose="; ".join(map(self._words, camera.purposes)),
            agreement=camera.agreement,
            digest=digests.get(camera.agreement, ""),
            until=self._day(camera.until_ms),
            state=self._state(camera),
        )

    def _state(self, camera: CameraLine) -> Cell:
        if camera.state == "open":
            name = "shared" if camera.online else "offline"
            look, icon = ("live", "live") if camera.online else ("off", "off")
            return Cell(look, icon, self._text(f"public.state_{name}"))
        look, icon = _STATES.get(camera.state, ("off", "ban"))
        return Cell(look, icon, self._text(f"reason.{camera.state}"))

    def _agreement(self, line: AgreementLine) -> dict[str, str]:
        return {
            "number": line.number,
            "title": self._words(line.title),
            "digest": line.digest,
            "owners": ", ".join(map(self.party, line.owners)),
            "signed": ", ".join(map(self.party, line.signed_by)),
            "begin": self._day(line.begin_ms) if line.begin_ms else "–",
            "until": self._moment(line.until_ms),
            "days": self._numbers.whole(self._days(line)),
        }

    def _terms(self) -> Terms:
        document = self._document
        now = document.counted_ms / 1000
        rows = [
            (
                f"{line.number} {', '.join(map(self.party, line.owners))}",
                (line.begin_ms or document.start_ms) / 1000,
                line.until_ms / 1000,
                self._text("public.days_left", days=self._numbers.whole(self._days(line))),
            )
            for line in document.agreements[:ROWS_SHOWN]
        ]
        return terms(rows, now, self._months(now))

    def _months(self, now: float) -> list[float]:
        """The beginnings of the months around now."""
        zone = ZoneInfo(self._document.zone)
        this = datetime.fromtimestamp(now, zone)
        first = this.year * 12 + this.month - 1 - _MONTHS_DRAWN
        return [
            datetime(at // 12, at % 12 + 1, 1, tzinfo=zone).timestamp()
            for at in range(first, first + 2 * _MONTHS_DRAWN)
        ]

    def _units(self) -> tuple[tuple[str, str, str, str], ...]:
        figures = self._document.total
        whole = figures.watched_ms or 1
        return tuple(
            (
                self._unit(unit.unit, unit.party),
                self._numbers.hours(unit.watched_ms),
                self._numbers.whole(unit.views),
                f"{self._numbers.decimal(100 * unit.watched_ms / whole)} %",
            )
            for unit in figures.units
        )

    def _unit(self, unit: str, party: str) -> str:
        return f"{unit}, {self.party(party)}" if unit else self.party(party)

    def _unit_bars(self) -> tuple[Bar, ...]:
        units = self._document.total.units[:_BARS_SHOWN]
        return bars(
            [
                (self._unit(u.unit, u.party), u.watched_ms, self._numbers.hours(u.watched_ms))
                for u in units
            ]
        )

    def _refusals(self) -> tuple[tuple[str, str, int], ...]:
        """Reason, how often, and the bar's width of 150."""
        refusals = self._document.total.refusals
        most = max(refusals.values(), default=1)
        return tuple(
            (
                self._text(f"reason.{reason}"),
                self._numbers.whole(count),
                max(1, 150 * count // most),
            )
            for reason, count in refusals.items()
        )

    def _camera_name(self, camera: str) -> str:
        """What people call it; its id when it is shared no more."""
        return self._camera_names.get(camera, camera)

    def _stop(self, stop: Stop) -> tuple[str, str, str, str]:
        what = self._camera_name(stop.camera)
        if not stop.camera:
            what = self._text("public.whole_site", site=stop.site)
        lasted = self._length(stop.begin_ms, stop.end_ms)
        return self._moment(stop.begin_ms), what, self.party(stop.party), lasted

    def _ledgers(self) -> tuple[tuple[str, ...], ...]:
        """Origin, which entries, what it counts."""
        rows = []
        for ledger in self._document.ledgers:
            figures = ledger.figures
            last = max(ledger.upto - 1, ledger.first)
            span = (
                f"{self._numbers.whole(ledger.first)} – {self._numbers.whole(last)}"
                if ledger.upto
                else "–"
            )
            name = "public.counts_site" if is_site(ledger.origin) else "public.counts_center"
            said = self._text(
                name,
                hours=self._numbers.hours(figures.watched_ms),
                views=self._numbers.whole(figures.views),
                refused=self._numbers.whole(figures.refused),
                stops=self._numbers.whole(len(figures.stops)),
                outages=self._numbers.whole(len(figures.outages)),
                differ=self._numbers.whole(figures.histories_differ),
            )
            rows.append((ledger.origin, span, said))
        return tuple(rows)
