"""What happened at the sites, for commanders and investigators: their ledgers, as they came."""

from typing import Annotated

from fastapi import APIRouter, Query

from serambi.center.api import models
from serambi.center.api.access import ReadsHistory, TheCenter
from serambi.center.entries import KeptEntry
from serambi.center.service import Center
from serambi.ledger.names import is_commitment

router = APIRouter(prefix="/api", tags=["history"])


@router.get("/history")
def history(
    account: ReadsHistory,
    center: TheCenter,
    site: models.Name | None = None,
    camera: models.Name | None = None,
    before: Annotated[int | None, Query(ge=0)] = None,
) -> list[models.HistoryEntry]:
    """The newest entries of all sites, or of one site or camera, at most 200; for the next page,
    `before` is the last one's `id`."""
    found = center.entries.newest(site=site, camera=camera, before=before)
    return [_shown(kept, center) for kept in found]


def _shown(kept: KeptEntry, center: Center) -> models.HistoryEntry:
    entry = kept.entry
    # What a person wrote stands there as a name does.
    told = center.journal.names.who(entry.detail) or ""
    return models.HistoryEntry(
        id=kept.id,
        epoch=kept.epoch,
        seq=kept.seq,
        received_ms=kept.received_ms,
        kind=entry.kind,
        at_ms=entry.at_ms,
        site=entry.site,
        session=entry.session,
        camera=entry.camera,
        # The site hides a name as this center does, so this center's names tell it.
        person=center.journal.names.who(entry.person) or "",
        unit=entry.unit,
        party=entry.party,
        purpose=entry.purpose,
        agreement=entry.agreement,
        reason=entry.reason,
        detail=told if is_commitment(entry.detail) else entry.detail,
    )
