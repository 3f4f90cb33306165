"""The ledgers as the parties' witnesses read them, and the way of their words to the sites.

Entries of sites say who watched what, though by no name, so only a witness of the roster's parties
is let in, by a token of its own that opens nothing else. The center carries: what a witness reads
here it checks against the signature of the ledger's own key, and what it says here each site
checks for itself.
"""

import asyncio
import hashlib
import secrets
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from serambi.base.canonical import encode
from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import COMMAND_MAX_BYTES
from serambi.center.api import documents, models
from serambi.center.api.access import TheCenter, center_of
from serambi.center.service import Center
from serambi.fabric.messages import COSIGNED_TYPE
from serambi.identity import dsse
from serambi.ledger.checkpoint import parse_checkpoint
from serambi.ledger.quorum import Cosigned, read_cosigned, split_notes
from serambi.ledger.verify import keys_of_origin
from serambi.web.login import digest_of

router = APIRouter(prefix="/ledger", include_in_schema=False)


def _witness_of(request: Request) -> str:
    """The party whose witness asks. Raises `UNAUTHENTICATED`."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    digest = digest_of(token.strip())
    for known, party in center_of(request).witnesses.items():
        if scheme.lower() == "bearer" and secrets.compare_digest(digest, known):
            return party
    raise SerambiError(
        Kind.UNAUTHENTICATED,
        "only the parties' witnesses read ledgers here",
        where=request.url.path,
        hint="send the token that the center's settings name for this party",
    )


Witness = Annotated[str, Depends(_witness_of)]


@router.get("/checkpoints")
async def checkpoints(request: Request, witness: Witness, center: TheCenter) -> Response:
    """The newest signed checkpoint of every ledger, by origin."""
    body = encode(center.logs.checkpoints())
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers={"ETag": tag})
    return Response(body, media_type="application/json", headers={"ETag": tag})


@router.get("/{origin:path}/checkpoint")
async def checkpoint(origin: str, witness: Witness, center: TheCenter) -> Response:
    """The newest signed checkpoint of one ledger."""
    center.logs.site_of(origin)
    found = center.logs.checkpoints().get(origin)
    if found is None:
        raise SerambiError(Kind.NOT_FOUND, "this ledger has not been heard of yet", where=origin)
    return Response(found, media_type="text/plain")


@router.get("/{origin:path}/cosigned")
async def cosigned_so_far(origin: str, witness: Witness, center: TheCenter) -> Response:
    """The parties' latest words on one ledger, as its folder keeps them."""
    return Response(center.logs.cosigned(origin), media_type="text/plain")


@router.get("/{origin:path}/tile/{path:path}")
async def tile(origin: str, path: str, witness: Witness, center: TheCenter) -> Response:
    """A bundle of one ledger's entries."""
    raw = await asyncio.to_thread(center.logs.bundle, origin, f"tile/{path}")
    return Response(raw, media_type="application/octet-stream")


@router.post("/cosigned")
async def cosigned(
    request: Request, witness: Witness, center: TheCenter
) -> dict[str, models.Answer]:
    """Pass a party's cosigned checkpoints on, each to the ledger it is about; what was said there,
    by origin. One that is not to be passed on refuses all."""
    words = [_word_of(center, raw, witness) for raw in split_notes(await _body(request))]
    async with asyncio.TaskGroup() as group:
        asked = {
            word.checkpoint.origin: group.create_task(_hand_on(center, word)) for word in words
        }
    return {origin: task.result() for origin, task in asked.items()}


def _word_of(center: Center, raw: bytes, witness: str) -> Cosigned:
    """The word of this party in a note. Raises when it is on no ledger of the town, or not this
    party's alone."""
    origin = parse_checkpoint(raw)[0].origin
    center.logs.site_of(origin)
    words = read_cosigned(raw, origin, keys_of_origin(origin, center.roster), center.roster)
    if [word.party for word in words] != [witness]:
        raise SerambiError(
            Kind.DENIED, f"this is not cosigned by {witness} alone", where=origin[:200]
        )
    return words[0]


async def _hand_on(center: Center, word: Cosigned) -> models.Answer:
    site = center.logs.site_of(word.checkpoint.origin)
    raw = word.note.emit()
    if not site:
        try:
            await center.logs.accept(raw)
        except SerambiError as error:
            return models.Answer(allowed=False, reason=str(error))
        return models.Answer(allowed=True, reason="allowed")
    envelope = dsse.dump(dsse.Envelope(COSIGNED_TYPE, raw, ()))
    answer = await documents.deliver(center, site, envelope)
    if answer.allowed:
        center.logs.heard([word])
    return answer


@router.get("/asked")
async def asked(witness: Witness, center: TheCenter) -> Response:
    """What the center asks the parties to approve, as signed envelopes, by digest."""
    found = {digest: raw.decode() for digest, raw in center.approvals.raws().items()}
    return Response(encode(found), media_type="application/json")


@router.post("/documents")
async def documents_of_parties(
    request: Request, witness: Witness, center: TheCenter
) -> dict[str, models.Answer]:
    """Pass a signed document on to all sites that are online; what each of them said."""
    return await documents.pass_on(center, await _body(request))


async def _body(request: Request) -> bytes:
    raw = await request.body()
    if len(raw) > COMMAND_MAX_BYTES:
        raise SerambiError(Kind.LIMIT, f"at most {COMMAND_MAX_BYTES} bytes", where="body")
    return raw
