"""The three documents of the law on personal data (UU 27/2022): what of each the system knows,
and empty boxes for what only people know. It cites what an article asks, and adds nothing to it.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum

from serambi.base.words import Language
from serambi.center.reports.facts import Facts
from serambi.center.reports.parts import Parts
from serambi.web.printed import Block, Exact, Printed, Section, Table
from serambi.web.printed import Facts as Rows
from serambi.web.words import Words

_SITUATIONS = "abcdefg"
_RISKS = ("peek", "wide", "turned", "hidden", "kept")
_STEPS = ("stop", "revoke", "forget", "verify")
_FORGED = ("bad_signature", "unknown_key", "replayed", "other_site")
_LOOK = "serambi ledger verify COPY --trust roster.json\nserambi ledger show COPY --last 4096"


class Document(StrEnum):
    """Articles 31, 34 and 46."""

    PROCESSING = "processing"
    IMPACT = "impact"
    BREACH = "breach"


def make(document: Document, facts: Facts, words: Words, language: Language) -> Printed:
    """The document. `words`: the texts of printed documents."""
    return _MAKERS[document](Parts(facts, words, language))


def _processing(parts: Parts) -> Printed:
    say = parts.say
    return parts.document(
        say("processing.title"),
        (
            parts.asks("processing.law"),
            parts.parties(parts.blank("processing.controller")),
            parts.purposes(),
            Section(say("subjects"), (parts.subjects(),)),
            parts.cameras(),
            parts.recipients(),
            parts.box("processing.abroad", 2),
            Section(say("kept"), (parts.kept(),)),
            parts.box("processing.rights", 2),
            parts.measures(),
            parts.counts(),
            parts.signed(),
        ),
    )


def _impact(parts: Parts) -> Printed:
    say = parts.say
    need = (
        say("impact.need_lead"), *parts.grants(), parts.blank("impact.need", 4),
    )  # fmt: skip
    return parts.document(
        say("impact.title"),
        (
            parts.asks("impact.law"),
            parts.parties(),
            Section(say("impact.signs"), (_situations(parts), parts.blank("impact.judged", 4))),
            parts.purposes(),
            Section(say("subjects"), (parts.subjects(),)),
            parts.cameras(),
            Section(say("impact.need"), need),
            Section(say("impact.risks"), (_risks(parts), parts.blank("impact.more", 4))),
            parts.measures(),
            parts.counts(),
            parts.box("impact.asked"),
            parts.box("impact.rest", 4),
            parts.signed(),
        ),
    )


def _situations(parts: Parts) -> Table:
    facts = parts.facts
    values = {
        "cameras": parts.n.whole(len(facts.cameras)),
        "hours": parts.n.hours(facts.figures.watched_ms),
        "prohibited": parts.prohibited(),
    }
    rows = tuple(
        (parts.say(f"impact.{letter}"), parts.say(f"impact.{letter}_does", **values))
        for letter in _SITUATIONS
    )
    return Table((parts.say("impact.sign"), parts.say("impact.does")), rows, (0.36, 0.64))


def _risks(parts: Parts) -> Table:
    figures, whole = parts.facts.figures, parts.n.whole
    values = {
        "views": whole(figures.views),
        "stops": whole(len(figures.stops)),
        "refused": whole(figures.refused),
        "suspensions": whole(sum(figures.suspensions.values())),
        "differ": whole(figures.histories_differ),
        "deletions": whole(len(figures.deletions)),
    }
    rows = tuple(
        (
            parts.say(f"impact.r_{risk}"),
            parts.say(f"impact.r_{risk}_against"),
            parts.say(f"impact.r_{risk}_seen", **values),
        )
        for risk in _RISKS
    )
    heads = tuple(parts.say(f"impact.{name}") for name in ("risk", "against", "seen"))
    return Table(heads, rows, (0.3, 0.45, 0.25))


def _breach(parts: Parts) -> Printed:
    say = parts.say
    center = parts.facts.roster.party(parts.facts.center)
    sender = Rows(((parts.both(center.name), parts.both(center.contact)),))
    steps = tuple((say(f"breach.d_{step}"), say(f"breach.d_{step}_who")) for step in _STEPS)
    did = Table((say("breach.step"), say("breach.who")), steps, (0.5, 0.5))
    return parts.document(
        say("breach.title"),
        (
            parts.asks("breach.law"),
            Section(say("breach.when"), (parts.blank("breach.found"),)),
            Section(say("breach.from"), (sender,)),
            parts.box("breach.to"),
            Section(
                say("breach.data"),
                (
                    say("breach.data_lead"),
                    parts.subjects(),
                    parts.kept(),
                    parts.blank("breach.data", 4),
                ),
            ),
            Section(say("breach.how"), _how(parts)),
            Section(say("breach.did"), (say("breach.did_lead"), did, parts.blank("breach.did", 5))),
            parts.box("breach.contact", 2),
            parts.signed(),
        ),
    )


def _how(parts: Parts) -> tuple[Block, ...]:
    figures, whole = parts.facts.figures, parts.n.whole
    forged = sum(figures.refusals.get(reason, 0) for reason in _FORGED)
    told = Rows(
        (
            (parts.say("breach.how_refused"), whole(forged)),
            (parts.say("c_differ"), whole(figures.histories_differ)),
            (parts.say("c_outages"), whole(len(figures.outages))),
            (parts.say("c_suspensions"), whole(sum(figures.suspensions.values()))),
        )
    )
    look = parts.say("breach.how_look")
    blank = parts.blank("breach.how", 5)
    return parts.say("breach.how_lead"), told, look, Exact(_LOOK), blank


_MAKERS: Mapping[Document, Callable[[Parts], Printed]] = {
    Document.PROCESSING: _processing,
    Document.IMPACT: _impact,
    Document.BREACH: _breach,
}
