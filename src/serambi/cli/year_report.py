"""`serambi ledger report`: a year's use from copies of ledgers, without the network, with the same
figures as at the center's public address."""

from pathlib import Path
from zoneinfo import ZoneInfo

from serambi.base.canonical import encode
from serambi.base.words import Language
from serambi.center.public.year import Known, YearDocument, build
from serambi.center.public.year_print import YearPrint
from serambi.cli.report_sources import (
    agreements_in,
    attestations_in,
    center_of,
    count,
    write_out,
)
from serambi.identity.roster import Roster
from serambi.ledger.yearly import YearRecount, months_of
from serambi.web.printed_pdf import printed_pdf
from serambi.web.words import PRINTED, Words


def year_report(
    folders: tuple[Path, ...],
    roster: Roster,
    *,
    year: int,
    zone: str,
    agreements: Path | None = None,
    attestations: Path | None = None,
) -> YearDocument:
    """The document of a year. Cameras are those that the agreements name and that are attested to
    face outwards. Raises `SerambiError`, for a ledger that is not sound too."""
    months = months_of(year, ZoneInfo(zone))
    copies = count(folders, roster, lambda: YearRecount(months))
    signed = agreements_in(agreements, roster)
    named = {camera for one in signed for camera in one.attested}
    attested = attestations_in(attestations, roster)
    known = Known(
        roster=roster,
        center=center_of(roster),
        zone=zone,
        agreements=signed,
        cameras=[
            (one.attestation.owner, one.attestation.facing)
            for camera, one in attested.items()
            if camera in named and one.attestation.facing != "inside"
        ],
        checkpoint=copies.checkpoint(),
        cosigned=copies.cosigned(roster),
    )
    now_ms = copies.newest_ms
    return build(year, known, copies.works, copies.counted(now_ms))


def write_report(document: YearDocument, out: Path, language: Language) -> None:
    """As PDF, or as JSON where the file's name ends so. Raises `SerambiError`."""
    if out.suffix == ".json":
        raw = encode(document)
    else:
        shown = YearPrint(document, Words.load(), Words.load(PRINTED), language)
        raw = printed_pdf(shown.printed())
    write_out(out, raw)
