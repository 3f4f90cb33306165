"""Signed documents on their way to the sites. The center only carries: each site judges itself."""

import asyncio
import logging

from fastapi import APIRouter, Request

from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import COMMAND_MAX_BYTES
from serambi.center.api import models
from serambi.center.api.access import SignedIn, TheCenter
from serambi.center.service import Center
from serambi.identity import dsse
from serambi.identity.chain import Chain, is_roster

log = logging.getLogger(__name__)

router = APIRouter(prefix="/api", tags=["documents"])

_BODY = {
    "requestBody": {
        "required": True,
        "description": "a signed envelope, byte for byte: agreement, revocation or attestation",
        "content": {"application/json": {"schema": {"type": "object"}}},
    }
}


@router.post("/documents", openapi_extra=_BODY)
async def documents(
    request: Request, account: SignedIn, center: TheCenter
) -> dict[str, models.Answer]:
    """Pass a document on to all sites that are online; what each of them said.

    Open to everybody who is signed in: what counts are the parties' signatures, and a center must
    not be able to hold a revocation back by a rule of its own.
    """
    return await pass_on(center, await request.body())


async def pass_on(center: Center, raw: bytes) -> dict[str, models.Answer]:
    """Hand a signed document to all sites that are online -> what each of them said."""
    if len(raw) > COMMAND_MAX_BYTES:
        raise SerambiError(
            Kind.LIMIT, f"a document has at most {COMMAND_MAX_BYTES} bytes", where="body"
        )
    dsse.load(raw)
    await asyncio.to_thread(center.public.shown.papers.offer, raw)
    if is_roster(raw):
        await asyncio.to_thread(_keep, center.rosters, raw)
    center.approvals.heard(raw)
    online = [known.state.site for known in center.sites.all() if known.online]
    async with asyncio.TaskGroup() as group:
        asked = {site: group.create_task(deliver(center, site, raw)) for site in online}
    return {site: task.result() for site, task in asked.items()}


def _keep(rosters: Chain, raw: bytes) -> None:
    """The center goes by the roster it started with; the sites judge the new one themselves."""
    try:
        if rosters.accept(raw):
            number = rosters.head.document.sequence
            log.warning("roster %d is kept: start the center again to go by it", number)
    except SerambiError as error:
        alarm = "ALARM: " if error.kind is Kind.CONFLICT else ""
        log.error("%sa roster is refused: %s", alarm, error)


async def deliver(center: Center, site: str, raw: bytes) -> models.Answer:
    """Hand a document to one site; a site that does not answer is an answer too."""
    try:
        reply = await center.asker.deliver(site, raw)
    except SerambiError as error:
        away = error.kind is Kind.UNAVAILABLE
        return models.Answer(allowed=False, reason="unreachable" if away else "bad_answer")
    return models.Answer(allowed=reply.allowed, reason=reply.reason)
