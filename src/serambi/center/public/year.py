"""A year's use as one document without a language: `/transparency/2026.json`.

The PDF says nothing that is not in it. Everything that is counted comes from ledgers, by the same
recount as the public page; institutions, agreements and cameras from signed papers.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from serambi.agreement.model import Purpose, SignedAgreement
from serambi.base.words import Words
from serambi.identity.roster import Roster
from serambi.ledger.figures import Counted, Figures, is_site, total
from serambi.ledger.quorum import Cosigned
from serambi.ledger.yearly import Use, YearRecount, uses

FORMAT = 1


class Institution(msgspec.Struct, frozen=True):
    id: str
    name: Words
    role: Words
    contact: Words


class Term(msgspec.Struct, frozen=True):
    """An agreement that was in force on a day of the year, by its text; `revoked` when a site's
    ledger has its revocation of that year."""

    number: str
    digest: str
    title: Words
    owners: tuple[str, ...]
    viewer: str
    purposes: tuple[Purpose, ...]
    begin_ms: int
    until_ms: int
    revoked: bool


class Cameras(msgspec.Struct, frozen=True):
    """How many cameras of an owner face one way, of those that agreements name now."""

    owner: str
    facing: str
    cameras: int


class Word(msgspec.Struct, frozen=True):
    """A party has cosigned that many entries of the center's ledger. When it did is not said: an
    unchanged ledger is cosigned anew every few seconds."""

    party: str
    size: int


class YearDocument(msgspec.Struct, frozen=True):
    """`counted_ms` is when the newest entry was written: what was open counts until then. `behind`
    entries are known of and could not be read. `checkpoint` is the center's, empty where its
    ledger is not at hand."""

    format: int
    year: int
    town: Words
    center: str
    roster: str
    zone: str
    start_ms: int
    end_ms: int
    counted_ms: int
    behind: int
    institutions: tuple[Institution, ...]
    agreements: tuple[Term, ...]
    cameras: tuple[Cameras, ...]
    total: Figures
    uses: tuple[Use, ...]
    ledgers: tuple[Counted, ...]
    checkpoint: str
    cosigned: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """What stands beside the ledgers. `cameras`: owner and facing of each that is shared."""

    roster: Roster
    center: str
    zone: str
    agreements: Sequence[SignedAgreement]
    cameras: Sequence[tuple[str, str]]
    checkpoint: str
    cosigned: Sequence[Cosigned]


def build(
    year: int,
    known: Known,
    works: Mapping[str, YearRecount],
    ledgers: Sequence[Counted],
    behind: int = 0,
) -> YearDocument:
    """The document of what `works`, by origin, have counted."""
    period = next(iter(works.values())).period
    counted_ms = newest_ms(works.values())
    figures = total(ledgers)
    revoked = {paper.agreement for paper in figures.revocations}
    return YearDocument(
        format=FORMAT,
        year=year,
        town=known.roster.document.name,
        center=known.center,
        roster=known.roster.digest,
        zone=known.zone,
        start_ms=period.start_ms,
        end_ms=period.end_ms,
        counted_ms=counted_ms,
        behind=behind,
        institutions=tuple(
            Institution(party.id, party.name, party.role, party.contact)
            for party in known.roster.parties
        ),
        agreements=tuple(
            _term(signed, known.roster, signed.agreement.number in revoked)
            for signed in sorted(known.agreements, key=lambda one: one.agreement.number)
            if signed.valid_from * 1000 < period.end_ms
            and signed.valid_until * 1000 > period.start_ms
        ),
        cameras=tuple(
            Cameras(owner, facing, count)
            for (owner, facing), count in sorted(Counter(known.cameras).items())
        ),
        total=figures,
        uses=uses((work for origin, work in works.items() if is_site(origin)), counted_ms),
        ledgers=tuple(ledgers),
        checkpoint=known.checkpoint,
        cosigned=tuple(
            Word(word.party, word.checkpoint.size)
            for word in sorted(known.cosigned, key=lambda word: word.party)
        ),
    )


def newest_ms(works: Iterable[YearRecount]) -> int:
    """When the newest entry of all was written; 0 when there is none."""
    return max((work.latest_ms for work in works), default=0)


def _term(signed: SignedAgreement, roster: Roster, revoked: bool) -> Term:
    agreement = signed.agreement
    owners = dict.fromkeys(roster.owner(site.site) or "" for site in agreement.sites)
    return Term(
        number=agreement.number,
        digest=signed.digest,
        title=agreement.title,
        owners=tuple(owners),
        viewer=agreement.viewer,
        purposes=agreement.purposes,
        begin_ms=int(signed.valid_from * 1000),
        until_ms=int(signed.valid_until * 1000),
        revoked=revoked,
    )
