"""The year's document in one language, as sections to print."""

import base64
from collections import Counter
from collections.abc import Iterable, Iterator

from serambi.base.errors import SerambiError
from serambi.base.limits import PRINTED_ROWS_MAX
from serambi.base.words import Language
from serambi.base.words import Words as Both
from serambi.center.public.year import Term, YearDocument
from serambi.ledger.checkpoint import parse_checkpoint
from serambi.ledger.figures import OPEN
from serambi.ledger.yearly import Use
from serambi.web.numbers import Numbers
from serambi.web.printed import Block, Exact, Facts, Printed, Section, Table, table
from serambi.web.times import Times
from serambi.web.words import Words

_MONTH_SHARE = 0.044


class YearPrint:
    """Says what the document says. `words`: the texts of screens, for the reasons; `printed`:
    those of printed documents, from `web/words/printed`."""

    def __init__(
        self, document: YearDocument, words: Words, printed: Words, language: Language
    ) -> None:
        self._document = document
        self._words = words
        self._printed = printed
        self._language: Language = language
        self._times = Times(document.zone, language)
        self._n = Numbers(language)
        self._names = {one.id: one.name for one in document.institutions}
        self._purposes = {
            purpose.id: purpose.text for term in document.agreements for purpose in term.purposes
        }

    def printed(self) -> Printed:
        document = self._document
        town = self._both(document.town)
        lead = self._say(
            "lead",
            town=town,
            center=self._party(document.center),
            begin=self._day(document.start_ms),
            end=self._day(document.end_ms - 1),
            counted=self._moment(document.counted_ms) if document.counted_ms else "–",
        )
        if document.behind:
            lead += " " + self._say("behind", entries=self._n.whole(document.behind))
        parts: dict[str, Iterable[Block]] = {
            "summary": self._summary(),
            "institutions": self._institutions(),
            "agreements": self._agreements(),
            "cameras": self._cameras(),
            "use": self._use(),
            "refusals": self._reasons("refusals"),
            "stops": self._stops(),
            "revocations": self._revocations(),
            "suspensions": self._reasons("suspensions"),
            "outages": self._outages(),
            "deletions": self._deletions(),
            "ledgers": self._ledgers(),
            "checkpoint": self._checkpoint(),
            "check": self._check(),
        }
        return Printed(
            title=self._say("title", year=document.year),
            lead=lead,
            head=self._say("head", town=town, year=document.year),
            foot=self._say("foot", roster=document.roster),
            sections=tuple(Section(self._say(name), tuple(part)) for name, part in parts.items()),
        )

    # -- what the words are

    def _say(self, name: str, **values: object) -> str:
        return self._printed.text(self._language, f"year.{name}", **values)

    def _both(self, words: Both) -> str:
        return words.in_language(self._language)

    def _party(self, party: str) -> str:
        known = self._names.get(party)
        return self._both(known) if known else party

    def _reason(self, reason: str) -> str:
        try:
            return self._words.text(self._language, f"reason.{reason}")
        except SerambiError:  # of a later version
            return reason

    def _day(self, at_ms: int) -> str:
        return self._times.day(at_ms / 1000)

    def _moment(self, at_ms: int) -> str:
        return self._times.moment(at_ms / 1000)

    def _table(
        self,
        heads: str,
        rows: Iterable[Iterable[str]],
        shares: tuple[float, ...],
        none: str,
        right: tuple[int, ...] = (),
    ) -> tuple[Block, ...]:
        return table(
            [self._say(head) for head in heads.split()],
            [tuple(row) for row in rows],
            shares,
            right=right,
            none=self._say(none) if none else "–",
            more=self._printed.text(self._language, "more"),
        )

    # -- the parts

    def _summary(self) -> Iterator[Block]:
        total, n = self._document.total, self._n
        rows = [
            ("entries", n.whole(total.entries)),
            ("views", n.whole(total.views)),
            ("hours", n.hours(total.watched_ms)),
            ("refused", n.whole(total.refused)),
            ("stops", n.whole(len(total.stops))),
            ("revocations", n.whole(len(total.revocations))),
            ("suspensions", n.whole(sum(total.suspensions.values()))),
            ("exports", self._exports()),
            ("break_glass", n.whole(total.break_glass)),
            ("outages", n.whole(len(total.outages))),
            ("differ", n.whole(total.histories_differ)),
        ]
        yield Facts(tuple((self._say(name), text) for name, text in rows))

    def _exports(self) -> str:
        """What this version cannot do is 0, and why."""
        said = self._n.whole(self._document.total.exports)
        none = not self._document.total.exports
        return self._say("exports_none", count=said) if none else said

    def _institutions(self) -> Iterator[Block]:
        rows = [
            (self._both(one.name), self._both(one.role), self._both(one.contact))
            for one in self._document.institutions
        ]
        yield from self._table("institution role contact", rows, (0.3, 0.4, 0.3), "")

    def _agreements(self) -> Iterator[Block]:
        yield from self._table(
            "number what owner valid",
            [self._term(term) for term in self._document.agreements],
            (0.13, 0.42, 0.22, 0.23),
            "agreements_none",
        )

    def _term(self, term: Term) -> tuple[str, str, str, str]:
        purposes = [f"– {self._both(purpose.text)}" for purpose in term.purposes]
        until = self._say("until", until=self._day(term.until_ms))
        valid = f"{self._day(term.begin_ms)} {until}"
        return (
            term.number,
            "\n".join([self._both(term.title), *purposes]),
            ", ".join(map(self._party, term.owners)),
            f"{valid}\n{self._say('revoked')}" if term.revoked else valid,
        )

    def _cameras(self) -> Iterator[Block]:
        yield self._say("cameras_lead")
        rows = [
            (self._party(one.owner), self._facing(one.facing), self._n.whole(one.cameras))
            for one in self._document.cameras
        ]
        yield from self._table("owner facing count", rows, (0.5, 0.3, 0.2), "cameras_none", (2,))

    def _facing(self, facing: str) -> str:
        return self._say(f"facing_{facing if facing in ('street', 'yard') else 'other'}")

    def _use(self) -> Iterator[Block]:
        document = self._document
        yield self._say("use_lead")
        if not document.uses:
            yield self._say("use_none")
            return
        heads = [self._say("unit"), self._say("purpose"), *self._say("months").split()]
        heads += [self._say("sum"), self._say("views_short")]
        by_month = [sum(use.watched_ms[at] for use in document.uses) for at in range(12)]
        summed = self._cells(self._say("sum"), "", by_month, document.total.views)
        rows = [*map(self._use_row, document.uses[:PRINTED_ROWS_MAX]), summed]
        right = frozenset(range(2, len(heads)))
        shares = (0.16, 0.172, *[_MONTH_SHARE] * 12, 0.08, 0.06)
        yield Table(tuple(heads), tuple(rows), shares, right, small=True, summed=True)
        left = len(document.uses) - PRINTED_ROWS_MAX
        if left > 0:
            yield self._printed.text(self._language, "more", rows=left)

    def _use_row(self, use: Use) -> tuple[str, ...]:
        unit = f"{use.unit}, {self._party(use.party)}" if use.unit else self._party(use.party)
        known = self._purposes.get(use.purpose)
        return self._cells(unit, self._both(known) if known else use.purpose, use.watched_ms,
                           sum(use.views))  # fmt: skip

    def _cells(
        self, unit: str, purpose: str, watched_ms: Iterable[int], views: int
    ) -> tuple[str, ...]:
        months = tuple(watched_ms)
        said = [self._n.hours(ms) if ms else "–" for ms in months]
        return (unit, purpose, *said, self._n.hours(sum(months)), self._n.whole(views))

    def _reasons(self, name: str) -> Iterator[Block]:
        counts: dict[str, int] = getattr(self._document.total, name)
        rows = [(self._reason(reason), self._n.whole(n)) for reason, n in counts.items()]
        yield from self._table("reason times", rows, (0.8, 0.2), f"{name}_none", (1,))

    def _stops(self) -> Iterator[Block]:
        stops = self._document.total.stops
        times = Counter((stop.party, stop.site) for stop in stops)
        open_now = Counter((stop.party, stop.site) for stop in stops if stop.end_ms == OPEN)
        rows = [
            (self._party(party), site, self._n.whole(n), self._n.whole(open_now[party, site]))
            for (party, site), n in sorted(times.items())
        ]
        shares = (0.4, 0.3, 0.15, 0.15)
        yield from self._table("by site times ongoing", rows, shares, "stops_none", (2, 3))

    def _revocations(self) -> Iterator[Block]:
        rows = [
            (self._moment(one.at_ms), one.agreement, self._party(one.party), one.site)
            for one in self._document.total.revocations
        ]
        shares = (0.25, 0.2, 0.35, 0.2)
        yield from self._table("at number by site", rows, shares, "revocations_none")

    def _outages(self) -> Iterator[Block]:
        total = self._document.total
        until_ms = min(self._document.counted_ms, self._document.end_ms)
        times = Counter(outage.site for outage in total.outages)
        lost_ms: Counter[str] = Counter()
        for outage in total.outages:
            end_ms = until_ms if outage.end_ms == OPEN else min(outage.end_ms, until_ms)
            lost_ms[outage.site] += max(0, end_ms - outage.begin_ms)
        rows = [
            (
                site or self._party(self._document.center),
                self._n.whole(times[site]),
                self._n.hours(lost_ms[site]),
                self._n.whole(total.starts.get(site, 0)),
            )
            for site in sorted(times.keys() | total.starts.keys())
        ]
        shares = (0.4, 0.2, 0.2, 0.2)
        heads = "site times lost_hours started"
        yield from self._table(heads, rows, shares, "outages_none", (1, 2, 3))

    def _deletions(self) -> Iterator[Block]:
        yield self._say("deletions_lead")
        rows = [
            (
                one.camera,
                one.site,
                f"{self._day(one.from_ms)} – {self._day(one.until_ms)}",
                self._reason(one.reason),
            )
            for one in self._document.total.deletions
        ]
        shares = (0.2, 0.2, 0.3, 0.3)
        yield from self._table("camera site recorded reason", rows, shares, "deletions_none")

    def _ledgers(self) -> Iterator[Block]:
        rows = [
            (
                one.origin,
                f"{self._n.whole(one.first)} – {self._n.whole(max(one.upto - 1, one.first))}",
                self._n.whole(one.figures.entries),
            )
            for one in self._document.ledgers
        ]
        yield from self._table("ledger span entries", rows, (0.5, 0.25, 0.25), "", (1, 2))

    def _checkpoint(self) -> Iterator[Block]:
        document = self._document
        if not document.checkpoint:
            yield self._say("checkpoint_none")
            return
        checkpoint, _ = parse_checkpoint(document.checkpoint.encode())
        words = [
            self._say(
                "cosigned_one",
                party=self._party(word.party),
                size=self._n.whole(word.size),
            )
            for word in document.cosigned
        ]
        rows = (
            ("ledger", checkpoint.origin),
            ("size", self._n.whole(checkpoint.size)),
            ("root", base64.b64encode(checkpoint.root).decode()),
            ("cosigned", "\n".join(words) or self._say("cosigned_none")),
        )
        yield Facts(tuple((self._say(name), text) for name, text in rows))

    def _check(self) -> Iterator[Block]:
        document = self._document
        copies = " ".join(one.origin.replace("/", "-") for one in document.ledgers)
        yield self._say("check_lead")
        yield Exact(
            f"serambi ledger report {copies} --year {document.year} --trust roster.json "
            f"--zone {document.zone} --out {document.year}.pdf"
        )
        yield self._say("check_roster")
        yield Exact(document.roster)
