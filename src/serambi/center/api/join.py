"""Participants of institutions: a link for each, and what it opens."""

from typing import Annotated

from fastapi import APIRouter, Depends, Header
from pydantic import BaseModel
from starlette.requests import Request

from serambi.base.ids import new_id
from serambi.center.api.access import SignedIn, TheCenter
from serambi.center.api.incidents import Addition
from serambi.center.desk import parts
from serambi.center.desk.access import Act, allow
from serambi.center.desk.parts import Part
from serambi.center.desk.steps import once

router = APIRouter(prefix="/api", tags=["incidents"])


class Link(BaseModel):
    """`token` is shown this once; the page `/join#TOKEN` takes it, and servers' logs do not."""

    token: str
    until_ms: int


def part_token(serambi_link: Annotated[str, Header()] = "") -> str:
    return serambi_link


Token = Annotated[str, Depends(part_token)]


@router.post("/incidents/{incident}/participants/{participant}/link", status_code=201)
async def make_link(incident: str, participant: str, account: SignedIn, center: TheCenter) -> Link:
    """A new link for a participant, 12 h at most; their last one ends with it."""
    allow(account, Act.WORK)
    parts.part_of(await center.desk.incident(incident), participant)
    token, until_ms = center.desk.links.make(incident, participant)
    return Link(token=token, until_ms=until_ms)


@router.get("/join")
async def join(token: Token, center: TheCenter) -> Part:
    """What concerns the participant whose link this is. The header `Serambi-Link` is its token."""
    incident, participant = center.desk.links.find(token)
    return parts.part_of(await center.desk.incident(incident), participant)


@router.post("/join/steps", status_code=201)
async def add(wish: Addition, request: Request, token: Token, center: TheCenter) -> Part:
    """Their own state, their institution's tasks, and notes; 403 for anything else."""
    incident, participant = center.desk.links.find(token)
    by = parts.allowed(await center.desk.incident(incident), participant, wish.said)
    key = request.headers.get("idempotency-key", "")[:64] or new_id()
    write = once(by.account, key, request.url.path, await request.body())
    kept = await center.desk.add(by, write, incident, wish.said)
    return parts.part_of(kept, participant)
