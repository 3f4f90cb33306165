"""Incidents: opening one, adding to it, closing it. What a step may be is in `desk/`."""

import asyncio
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import ALERTS_AT_ONCE
from serambi.center.api import models
from serambi.center.api.access import SignedIn, TheCenter
from serambi.center.api.alerts import placed
from serambi.center.api.once import WrittenOnce
from serambi.center.desk.access import Act, allow
from serambi.center.desk.files import type_of
from serambi.center.desk.happenings import (
    Attached,
    Closed,
    FullLine,
    Line,
    Opened,
    Reopened,
    Written,
)
from serambi.center.desk.incidents import Incident, Summary, files_of
from serambi.center.desk.kinds import PRIORITIES, IncidentType, Priority
from serambi.center.desk.lines import Lines
from serambi.center.desk.report import incident_report
from serambi.center.service import Center
from serambi.web.words import Language, Words

router = APIRouter(prefix="/api/incidents", tags=["incidents"])


_WORDS = Words.load()


class IncidentWish(BaseModel):
    """`alerts` are escalated into it; `place` is for what is not at a site; `priority` is the
    type's own when it is left out."""

    type: IncidentType
    title: FullLine
    site: models.Name | None = None
    camera: models.Name | None = None
    place: Line = ""
    priority: Priority | None = None
    alerts: Annotated[list[str], Field(max_length=ALERTS_AT_ONCE)] = []


class Addition(BaseModel):
    said: Written


@router.get("")
async def open_ones(account: SignedIn, center: TheCenter) -> list[Summary]:
    """Those that are open, the most urgent first."""
    allow(account, Act.READ)
    return center.desk.open_incidents()


@router.get("/closed")
async def closed_ones(
    account: SignedIn, center: TheCenter, before: Annotated[int | None, Query(ge=1)] = None
) -> list[Summary]:
    """Those that are closed, the newest first, at most 50; `before`: the last one's `number`."""
    allow(account, Act.READ)
    return await center.desk.closed_incidents(before)


@router.post("", status_code=201)
async def open_one(
    wish: IncidentWish, account: SignedIn, center: TheCenter, once: WrittenOnce
) -> Incident:
    """Open an incident; its checklist is the type's. 409 when an alert is in another already."""
    by = allow(account, Act.OPEN)
    site, camera = placed(center, wish.site, wish.camera)
    body = Opened(
        type=wish.type,
        title=wish.title,
        priority=wish.priority or PRIORITIES[wish.type],
        site=site,
        camera=camera,
        place=wish.place,
    )
    return await center.desk.open(by, once, body, wish.alerts)


@router.get("/{incident}")
async def one(incident: str, account: SignedIn, center: TheCenter) -> Incident:
    """All of it."""
    allow(account, Act.READ)
    return await center.desk.incident(incident)


@router.get(
    "/{incident}/report",
    response_class=Response,
    responses={200: {"content": {"application/pdf": {"schema": {"type": "string"}}}}},
)
async def report(
    incident: str, account: SignedIn, center: TheCenter, lang: Language = "id"
) -> Response:
    """It as a PDF to print, with the hash of its timeline."""
    allow(account, Act.READ)
    found = (await center.desk.incident(incident)).model_copy(deep=True)
    lines = Lines(_WORDS, lang, found, lambda camera: _camera_name(center, camera))
    place = center.sites.name(found.site, lang) or found.place
    raw = await asyncio.to_thread(incident_report, found, place, lines)
    name = f"serambi-{found.number:03}-{lang}.pdf"
    headers = {"Content-Disposition": f'inline; filename="{name}"', "Cache-Control": "no-store"}
    return Response(raw, media_type="application/pdf", headers=headers)


_FILE = {
    "requestBody": {
        "required": True,
        "description": "a PNG or JPEG picture or a PDF, byte for byte",
        "content": {"application/octet-stream": {"schema": {"type": "string"}}},
    }
}


@router.post("/{incident}/files", status_code=201, openapi_extra=_FILE)
async def attach(
    incident: str,
    name: Annotated[FullLine, Query()],
    request: Request,
    account: SignedIn,
    center: TheCenter,
    once: WrittenOnce,
) -> Incident:
    """Attach a picture or a PDF, 2 MiB at most, 50 to an incident; it is taken for what it is and
    not for what its name says."""
    by = allow(account, Act.WORK)
    await center.desk.incident(incident)
    raw = await request.body()
    kind = type_of(raw)
    file = await asyncio.to_thread(center.desk.files.keep, raw)
    said = Attached(file=file, name=name, type=kind, size_bytes=len(raw))
    return await center.desk.add(by, once, incident, said)


@router.get("/{incident}/files/{file}", response_class=Response)
async def attached(incident: str, file: str, account: SignedIn, center: TheCenter) -> Response:
    """A file of this incident, as it was attached."""
    allow(account, Act.READ)
    known = files_of(await center.desk.incident(incident))
    found = next((one for one in known if one.file == file), None)
    if found is None:
        raise SerambiError(Kind.NOT_FOUND, "there is no such file in this incident")
    raw = await asyncio.to_thread(center.desk.files.read, file)
    name = quote(found.name)
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{name}"}
    return Response(raw, media_type=found.type, headers=headers)


def _camera_name(center: Center, camera: str) -> str:
    found = center.sites.camera(camera)
    return camera if found is None else found[1].number


@router.post("/{incident}/steps", status_code=201)
async def add(
    incident: str, wish: Addition, account: SignedIn, center: TheCenter, once: WrittenOnce
) -> Incident:
    """Add one step: it is durable when this answers. Closing and reopening is the commander's;
    409 while steps of the checklist are open."""
    ends = isinstance(wish.said, Closed | Reopened)
    by = allow(account, Act.CLOSE if ends else Act.WORK)
    return await center.desk.add(by, once, incident, wish.said)
