"""The sections that the law's documents have in common, each filled from the facts."""

from collections.abc import Iterable, Iterator

from serambi.agreement.page import ACTIONS, NEVER, hours_text
from serambi.base.limits import HISTORY_KEPT_S, LOGIN_FAILURES, LOGIN_FAILURES_WINDOW_S
from serambi.base.words import Language
from serambi.base.words import Words as Both
from serambi.center.reports.facts import Facts, Shared
from serambi.ledger.quorum import witnesses_of
from serambi.web.numbers import Numbers
from serambi.web.printed import Blank, Block, Printed, Section, Table, table
from serambi.web.printed import Facts as Rows
from serambi.web.times import Times
from serambi.web.words import Words

_DAY_S = 86_400


class Parts:
    """One language. `words`: the texts of printed documents."""

    def __init__(self, facts: Facts, words: Words, language: Language) -> None:
        self.facts = facts
        self.n = Numbers(language)
        self._words = words
        self._language: Language = language
        self._times = Times(facts.zone, language)
        self._names = {party.id: party.name for party in facts.roster.parties}

    # -- words

    def say(self, name: str, **values: object) -> str:
        return self._words.text(self._language, f"law.{name}", **values)

    def both(self, words: Both) -> str:
        return words.in_language(self._language)

    def party(self, party: str) -> str:
        """Its name; its id where the roster does not know it."""
        return self.both(self._names[party]) if party in self._names else party or "–"

    def prohibited(self) -> str:
        """What every agreement in force rules out."""
        sets = [set(one.agreement.prohibited) for one in self.facts.agreements]
        common = set.intersection(*sets) if sets else set()
        return ", ".join(self.both(text) for name, text in NEVER.items() if name in common) or "–"

    def document(self, title: str, sections: Iterable[Section]) -> Printed:
        """With the words that every page carries."""
        facts = self.facts
        lead = self.say("filled")
        if facts.behind:
            lead += " " + self.say("behind", entries=self.n.whole(facts.behind))
        return Printed(
            title=title,
            lead=lead,
            head=self.say("head", town=self.both(facts.roster.document.name), title=title),
            foot=self.say(
                "foot", made=self._times.moment(facts.made), roster=facts.roster.digest[:16]
            ),
            sections=tuple(sections),
        )

    def blank(self, name: str, lines: int = 3) -> Blank:
        """An empty box; its label is `name`, or `name_blank` where the section is called so."""
        label = f"{name}_blank" if f"law.{name}_blank" in self._words.names() else name
        return Blank(self.say(label), self.say(f"{name}_hint"), lines)

    def grid(
        self,
        heads: str,
        rows: Iterable[Iterable[str]],
        shares: tuple[float, ...],
        none: str = "",
        right: tuple[int, ...] = (),
    ) -> tuple[Block, ...]:
        return table(
            [self.say(head) for head in heads.split()],
            [tuple(row) for row in rows],
            shares,
            right=right,
            none=self.say(none) if none else "–",
            more=self._words.text(self._language, "more"),
        )

    # -- sections

    def asks(self, law: str) -> Section:
        return Section(self.say("asks"), (self.say(law),))

    def parties(self, *blanks: Blank) -> Section:
        rows = [
            (self.both(party.name), self.both(party.role), self.both(party.contact))
            for party in self.facts.roster.parties
        ]
        blocks = self.grid("party role contact", rows, (0.3, 0.4, 0.3))
        return Section(self.say("parties"), (*blocks, *blanks, self.blank("officer", 2)))

    def purposes(self) -> Section:
        rows = [
            (
                one.agreement.number,
                "\n".join(self.both(purpose.text) for purpose in one.agreement.purposes),
                self.both(one.agreement.legal_basis),
                self.say(
                    "until",
                    begin=self._times.day(one.valid_from),
                    until=self._times.day(one.valid_until),
                ),
            )
            for one in self.facts.agreements
        ]
        shares = (0.14, 0.34, 0.29, 0.23)
        blocks = self.grid("number purpose basis valid", rows, shares, "agreements_none")
        return Section(self.say("purposes"), (*blocks, self.blank("ground")))

    def subjects(self) -> Table:
        names = ("passers", "staff", "owners")
        rows = tuple((self.say(f"s_{name}"), self.say(f"s_{name}_kind")) for name in names)
        return Table((self.say("subject"), self.say("kind")), rows, (0.35, 0.65))

    def cameras(self) -> Section:
        cameras = self.facts.cameras
        rows = [self._camera(camera) for camera in cameras]
        shares = (0.08, 0.25, 0.2, 0.13, 0.14, 0.2)
        heads = "no camera owner facing number attestation"
        blocks = self.grid(heads, rows, shares, "cameras_none")
        lead = self.say("cameras_lead", count=self.n.whole(len(cameras)))
        return Section(self.say("cameras"), (lead, *blocks))

    def _camera(self, camera: Shared) -> tuple[str, ...]:
        facing = camera.facing if camera.facing in ("", "street", "yard") else "other"
        return (
            camera.number,
            self.both(camera.name),
            self.party(camera.owner),
            self.say(f"facing_{facing}") if facing else self.say("unknown"),
            camera.agreement,
            camera.attestation[:16] or self.say("unknown"),
        )

    def recipients(self) -> Section:
        units = [
            (
                f"{unit.unit}, {self.party(unit.party)}" if unit.unit else self.party(unit.party),
                self.n.whole(unit.views),
                self.n.hours(unit.watched_ms),
            )
            for unit in self.facts.figures.units
        ]
        return Section(
            self.say("recipients"),
            (
                self.say("recipients_lead"),
                *self.grants(),
                self.say("units"),
                *self.grid("unit views view_hours", units, (0.6, 0.2, 0.2), "units_none", (1, 2)),
            ),
        )

    def grants(self) -> tuple[Block, ...]:
        """Who may do what when, by agreement and site."""
        rows = [
            (
                one.agreement.number,
                self.party(one.agreement.viewer),
                ", ".join(self.both(ACTIONS[action]) for action in site.actions),
                hours_text(site, self._language),
            )
            for one in self.facts.agreements
            for site in one.agreement.sites
        ]
        shares = (0.14, 0.24, 0.32, 0.3)
        return self.grid("number viewer actions hours", rows, shares, "agreements_none")

    def kept(self) -> Table:
        config, agreements = self.facts.config, self.facts.agreements
        copies = max((one.agreement.retention.center_hours for one in agreements), default=0)
        days = self.n.whole(round(config.names_days)) if config else self.say("not_known")
        values: dict[str, dict[str, object]] = {
            "recordings": {},
            "copies": {"hours": copies},
            "names": {"days": days},
            "history": {"days": round(HISTORY_KEPT_S / _DAY_S)},
            "ledger": {},
        }
        rows = tuple(
            (
                self.say(f"kept_{name}"),
                self.say(f"kept_{name}_where"),
                self.say(f"kept_{name}_long", **with_),
            )
            for name, with_ in values.items()
        )
        heads = (self.say("what"), self.say("where"), self.say("how_long"))
        return Table(heads, rows, (0.22, 0.26, 0.52))

    def measures(self) -> Section:
        rows = [
            (self.say(f"m_{name}"), self.say(f"m_{name}_where"), value)
            for name, value in self._measures()
        ]
        blocks = self.grid("measure setting value", rows, (0.45, 0.33, 0.22))
        return Section(self.say("measures"), blocks)

    def _measures(self) -> Iterator[tuple[str, str]]:
        facts, config = self.facts, self.facts.config
        unknown = self.say("not_known")
        yield "decide", self.say("m_decide_value", count=len(facts.agreements))
        heartbeats = {one.agreement.heartbeat_s for one in facts.agreements}
        yield (
            "heartbeat",
            self.say(
                "m_heartbeat_value",
                seconds=self.n.whole(max(heartbeats)) if heartbeats else "–",
                witnesses=len(witnesses_of(facts.roster)),
            ),
        )
        own = "own" if config and config.authority else "other"
        yield "fabric", self.say(f"m_fabric_{own}") if config else unknown
        web = "on" if config and config.web_tls else "off"
        yield "web", self.say(f"m_web_{web}") if config else unknown
        minutes = round(LOGIN_FAILURES_WINDOW_S / 60)
        passkey = self.say(f"m_accounts_{config.login.passkey}") if config else unknown
        yield (
            "accounts",
            self.say("m_accounts_value", passkey=passkey, failures=LOGIN_FAILURES, minutes=minutes),
        )
        yield "ledger", "–"
        yield "names", "–"
        count = sum(facts.figures.suspensions.values())
        yield "view", self.say("m_view_value", count=self.n.whole(count))

    def counts(self) -> Section:
        figures, n = self.facts.figures, self.n
        rows = {
            "views": n.whole(figures.views),
            "hours": n.hours(figures.watched_ms),
            "refused": n.whole(figures.refused),
            "stops": n.whole(len(figures.stops)),
            "revocations": n.whole(len(figures.revocations)),
            "suspensions": n.whole(sum(figures.suspensions.values())),
            "deletions": n.whole(len(figures.deletions)),
            "outages": n.whole(len(figures.outages)),
            "differ": n.whole(figures.histories_differ),
            "exports": n.whole(figures.exports),
            "break_glass": n.whole(figures.break_glass),
        }
        lead = self.say(
            "counts_lead",
            begin=self._times.day(self.facts.since_ms / 1000),
            end=self._times.day(self.facts.until_ms / 1000),
        )
        told = Rows(tuple((self.say(f"c_{name}"), text) for name, text in rows.items()))
        return Section(self.say("counts"), (lead, told))

    def box(self, name: str, lines: int = 3) -> Section:
        """A section that is one empty box."""
        return Section(self.say(name), (Blank("", self.say(f"{name}_hint"), lines),))

    def signed(self) -> Section:
        return self.box("signed", 4)
