"""Participants of institutions: by a link that opens one part, or signed in for an institution."""

from typing import Annotated

from fastapi import APIRouter, Depends, Header
from pydantic import BaseModel
from starlette.requests import Request

from serambi.base.ids import new_id
from serambi.center.api.access import Invited, SignedIn, TheCenter
from serambi.center.api.incidents import Addition
from serambi.center.desk import parts, seats
from serambi.center.desk.access import Act, allow
from serambi.center.desk.incidents import Incident
from serambi.center.desk.parts import Part, PartLine, SiteName
from serambi.center.desk.seats import Seat
from serambi.center.desk.steps import once
from serambi.center.service import Center

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
    seats.by_link(await center.desk.incident(incident), participant, center.roster)
    token, until_ms = center.desk.links.make(incident, participant)
    return Link(token=token, until_ms=until_ms)


@router.get("/join")
async def join(token: Token, center: TheCenter) -> Part:
    """What concerns the participant whose link this is. The header `Serambi-Link` is its token."""
    return _shown(center, *await _by_link(center, token))


@router.post("/join/steps", status_code=201)
async def add(wish: Addition, request: Request, token: Token, center: TheCenter) -> Part:
    """Their own state, their institution's tasks, and notes; 403 for anything else."""
    return await _add(center, request, wish, *await _by_link(center, token))


@router.get("/parts")
async def my_parts(account: Invited, center: TheCenter) -> list[PartLine]:
    """For participants: the open incidents into which my institution was asked."""
    found = seats.seated(center.desk.working(), account, center.roster)
    return [parts.line_of(incident, seat, _namer(center)) for incident, seat in found]


@router.get("/parts/{incident}")
async def my_part(incident: str, account: Invited, center: TheCenter) -> Part:
    """For participants: what concerns my institution of one incident, until 12 h after its end; 404
    where it was not asked."""
    return _shown(center, *await _by_account(center, incident, account))


@router.post("/parts/{incident}/steps", status_code=201)
async def add_mine(
    incident: str, wish: Addition, request: Request, account: Invited, center: TheCenter
) -> Part:
    """For participants: the state of whoever was asked last of my institution, its tasks, and
    notes; 403 for anything else."""
    found = await _by_account(center, incident, account)
    return await _add(center, request, wish, *found)


async def _by_link(center: Center, token: str) -> tuple[Incident, Seat]:
    name, participant = center.desk.links.find(token)
    incident = await center.desk.incident(name)
    return incident, seats.by_link(incident, participant, center.roster)


async def _by_account(center: Center, name: str, account: Invited) -> tuple[Incident, Seat]:
    incident = await center.desk.incident(name)
    return incident, seats.by_account(incident, account, center.roster, center.desk.now_ms())


async def _add(
    center: Center, request: Request, wish: Addition, incident: Incident, seat: Seat
) -> Part:
    parts.allow_step(incident, seat, wish.said)
    key = request.headers.get("idempotency-key", "")[:64] or new_id()
    write = once(seat.by.account, key, request.url.path, await request.body())
    kept = await center.desk.add(seat.by, write, incident.id, wish.said)
    return _shown(center, kept, seat)


def _shown(center: Center, incident: Incident, seat: Seat) -> Part:
    return parts.part_of(incident, seat, _namer(center))


def _namer(center: Center) -> parts.NameSite:
    sites = center.sites
    return lambda site: SiteName(id=sites.name(site, "id"), en=sites.name(site, "en"))
