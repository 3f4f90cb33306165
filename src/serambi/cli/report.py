"""`serambi report`: the law's documents from files, without a center and without the network."""

from pathlib import Path

import click

from serambi.agreement.attestation import SignedAttestation
from serambi.agreement.model import SignedAgreement
from serambi.base.clock import SystemClock, unix_ms
from serambi.base.words import Language
from serambi.base.words import Words as Both
from serambi.center.config import read_config
from serambi.center.reports.documents import Document, make
from serambi.center.reports.facts import Facts, Shared, in_force
from serambi.cli.report_options import report_options
from serambi.cli.report_sources import (
    agreements_in,
    attestations_in,
    center_of,
    count,
    write_out,
)
from serambi.identity.chain import load_chain
from serambi.identity.roster import Roster
from serambi.ledger.figures import total
from serambi.ledger.recount import Period, Recount
from serambi.web.printed_page import printed_page
from serambi.web.printed_pdf import printed_pdf
from serambi.web.words import PRINTED, Words

_YEAR_MS = 365 * 86_400_000
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.argument("document", type=click.Choice([str(document) for document in Document]))
@click.argument("ledgers", nargs=-1, type=_FOLDER)
@click.option(
    "--trust",
    required=True,
    type=click.Path(exists=True, path_type=Path),
    help="The roster of the parties' keys.",
)
@report_options("The PDF to write; a page when its name ends in .html.")
@click.option("--config", type=_FILE, help="The center's settings, for retention and measures.")
def report(
    document: str,
    ledgers: tuple[Path, ...],
    trust: Path,
    out: Path,
    lang: Language,
    zone: str,
    agreements: Path | None,
    attestations: Path | None,
    config: Path | None,
) -> None:
    """Write a document that the law on personal data asks for (UU 27/2022): processing, the record
    of processing activities (Article 31); impact, the impact assessment (Article 34); breach, the
    notice of a breach (Article 46). It is filled from LEDGERS, each checked first, and from signed
    papers; what only a person knows is left as empty boxes."""
    roster = load_chain(trust)[-1]
    facts = _facts(ledgers, roster, zone, agreements, attestations, config)
    printed = make(Document(document), facts, Words.load(PRINTED), lang)
    if out.suffix == ".html":
        write_out(out, printed_page(printed, lang, alone=True).encode())
    else:
        write_out(out, printed_pdf(printed))
    click.echo(f"{out}: {len(facts.agreements)} agreements, {len(facts.cameras)} cameras")


def _facts(
    ledgers: tuple[Path, ...],
    roster: Roster,
    zone: str,
    agreements: Path | None,
    attestations: Path | None,
    config: Path | None,
) -> Facts:
    """Raises `SerambiError`, for a ledger that is not sound too."""
    now_ms = unix_ms(SystemClock().now())
    period = Period(now_ms - _YEAR_MS, now_ms + 1)
    copies = count(ledgers, roster, lambda: Recount(period, comparing=False))
    figures = total(copies.counted(now_ms))
    revoked = {paper.agreement for paper in figures.revocations}
    signed = in_force(agreements_in(agreements, roster), revoked, now_ms / 1000)
    settings = read_config(config) if config else None
    return Facts(
        roster=roster,
        center=settings.party if settings else center_of(roster),
        zone=zone,
        made=now_ms / 1000,
        agreements=signed,
        cameras=_cameras(signed, attestations_in(attestations, roster), roster),
        figures=figures,
        since_ms=period.start_ms,
        until_ms=now_ms,
        behind=0,
        config=settings,
    )


def _cameras(
    agreements: list[SignedAgreement],
    attestations: dict[str, SignedAttestation],
    roster: Roster,
) -> list[Shared]:
    """Every outward camera that an agreement names; of one whose attestation is not at hand, or is
    another than the agreement refers to, only its id and owner."""
    found = []
    for signed in agreements:
        for site in signed.agreement.sites:
            for camera in site.cameras:
                digest = signed.attested[camera]
                known = attestations.get(camera)
                about = known.attestation if known and known.digest == digest else None
                if about and about.facing == "inside":
                    continue  # no site opens it, whatever an agreement says
                found.append(
                    Shared(
                        number=about.number if about else "–",
                        name=about.name if about else Both(camera, camera),
                        owner=roster.owner(site.site) or "",
                        facing=about.facing if about else "",
                        agreement=signed.agreement.number,
                        attestation=digest,
                    )
                )
    return found
