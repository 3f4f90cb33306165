"""What the public page says, as one document without a language: `/transparency.json`.

The HTML page shows nothing that is not in it, and `serambi ledger audit --public` reads it. It
names no person, no session and no camera that no agreement names.
"""

import msgspec

from serambi.base.words import Words
from serambi.center.public.counting import Count
from serambi.center.public.papers import Paper
from serambi.center.sites import Sites
from serambi.identity.roster import Roster
from serambi.ledger.figures import Compared, Counted, Figures

FORMAT = 1


class CameraLine(msgspec.Struct, frozen=True):
    """A camera that a complete agreement names. `state` is `open` or why not; `online` whether
    its pictures reach the site and the center hears the site."""

    id: str
    number: str
    name: Words
    site: str
    owner: str
    facing: str
    purposes: tuple[Words, ...]
    agreement: str
    until_ms: int
    state: str
    since_ms: int
    online: bool


class WaitingLine(msgspec.Struct, frozen=True):
    """A site whose agreement lacks signatures: nothing more is said of it."""

    name: Words
    missing: tuple[str, ...]
    parties: int


class AgreementLine(msgspec.Struct, frozen=True):
    """An agreement in force or ended. `digest`, `title`, `signed_by` and `begin_ms` are empty where
    this center has not got its text."""

    number: str
    digest: str
    title: Words
    owners: tuple[str, ...]
    signed_by: tuple[str, ...]
    begin_ms: int
    until_ms: int


class Document(msgspec.Struct, frozen=True):
    """`roster` is the SHA-256 of the parties' roster; `checkpoint` the center's signed one."""

    format: int
    town: Words
    center: str
    roster: str
    parties: dict[str, Words]
    month: str
    zone: str
    start_ms: int
    end_ms: int
    counted_ms: int
    behind: int
    total: Figures
    ledgers: tuple[Counted, ...]
    compared: tuple[Compared, ...]
    cameras: tuple[CameraLine, ...]
    waiting: tuple[WaitingLine, ...]
    agreements: tuple[AgreementLine, ...]
    checkpoint: str


def build(
    count: Count,
    *,
    roster: Roster,
    center: str,
    zone: str,
    sites: Sites,
    papers: list[Paper],
    checkpoint: str,
) -> Document:
    """The document of a month's figures and of what is shared now."""
    cameras = tuple(_camera_lines(sites))
    return Document(
        format=FORMAT,
        town=roster.document.name,
        center=center,
        roster=roster.digest,
        parties={party.id: party.name for party in roster.parties},
        month=count.month,
        zone=zone,
        start_ms=count.period.start_ms,
        end_ms=count.period.end_ms,
        counted_ms=count.counted_ms,
        behind=count.behind,
        total=count.total,
        ledgers=count.ledgers,
        compared=count.compared,
        cameras=cameras,
        waiting=tuple(
            WaitingLine(known.state.name, waiting.missing, waiting.parties)
            for known in sites.all()
            for waiting in known.state.waiting
        ),
        agreements=_agreement_lines(papers, cameras, roster),
        checkpoint=checkpoint,
    )


def _camera_lines(sites: Sites) -> list[CameraLine]:
    lines = [
        CameraLine(
            id=camera.id,
            number=camera.number,
            name=camera.name,
            site=known.state.site,
            owner=known.state.owner,
            facing=camera.facing,
            purposes=tuple(purpose.text for purpose in camera.purposes),
            agreement=camera.agreement,
            until_ms=camera.until_ms,
            state=camera.state,
            since_ms=camera.since_ms,
            online=known.online and camera.online,
        )
        for known, camera in sites.cameras()
    ]
    return sorted(lines, key=lambda line: (line.number, line.id))


def _agreement_lines(
    papers: list[Paper], cameras: tuple[CameraLine, ...], roster: Roster
) -> tuple[AgreementLine, ...]:
    lines = []
    for paper in papers:
        signed = paper.signed
        owners = (roster.owner(site.site) or "" for site in signed.agreement.sites)
        lines.append(
            AgreementLine(
                number=signed.agreement.number,
                digest=signed.digest,
                title=signed.agreement.title,
                owners=tuple(dict.fromkeys(owners)),
                signed_by=signed.signed_by,
                begin_ms=int(signed.valid_from * 1000),
                until_ms=int(signed.valid_until * 1000),
            )
        )
    shown = {line.number for line in lines}
    for number in sorted({camera.agreement for camera in cameras} - shown):
        named = [camera for camera in cameras if camera.agreement == number]
        owners = (camera.owner for camera in named)
        until_ms = max(camera.until_ms for camera in named)
        untold = AgreementLine(number, "", Words("", ""), (), (), 0, until_ms)
        lines.append(msgspec.structs.replace(untold, owners=tuple(dict.fromkeys(owners))))
    return tuple(sorted(lines, key=lambda line: (line.until_ms, line.number)))
