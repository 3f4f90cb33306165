"""The party's door for the other parties: it hears revocations, checkpoints and papers, and says
how it is.

Nobody signs in: what is taken is believed for its signatures alone, and what is said names
ledgers, not people.
"""

import asyncio
from collections.abc import Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from serambi import __version__
from serambi.agreement.revocation import REVOCATION_TYPE
from serambi.base.clock import unix_ms
from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import DOCUMENT_MAX_BYTES
from serambi.identity import dsse
from serambi.identity.enrollment import ENROLLMENT_TYPE
from serambi.identity.roster import ROSTER_TYPE
from serambi.party.signing.papers import Papers
from serambi.party.signing.roster_hand import RosterHand
from serambi.party.witness import Witness

_STATUS = {Kind.LIMIT: 429, Kind.DENIED: 403, Kind.UNAVAILABLE: 503}


def door_app(
    witness: Witness, papers: Papers, rosters: RosterHand, hurry: Callable[[], None]
) -> Starlette:
    """`hurry` is called when something new has come that should be acted on at once."""

    async def health(request: Request) -> Response:
        return JSONResponse(_health(witness))

    async def documents(request: Request) -> Response:
        raw = await _body(request)
        hear = {
            REVOCATION_TYPE: witness.add_revocation,
            ROSTER_TYPE: rosters.hear,
            ENROLLMENT_TYPE: rosters.hear_request,
        }.get(dsse.load(raw).payload_type, papers.hear)
        new = await asyncio.to_thread(hear, raw)
        if new:
            hurry()
        return JSONResponse({"new": new})

    async def checkpoints(request: Request) -> Response:
        await asyncio.to_thread(witness.compare, await _body(request))
        return JSONResponse({})

    return Starlette(
        routes=[
            Route("/health", health),
            Route("/documents", documents, methods=["POST"]),
            Route("/checkpoints", checkpoints, methods=["POST"]),
        ],
        exception_handlers={SerambiError: _refused},
    )


async def _body(request: Request) -> bytes:
    """The body, read no further than it may be long."""
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > DOCUMENT_MAX_BYTES:
            raise SerambiError(Kind.LIMIT, f"at most {DOCUMENT_MAX_BYTES} bytes", where="body")
    return bytes(raw)


async def _refused(request: Request, error: Exception) -> Response:
    kind = error.kind if isinstance(error, SerambiError) else Kind.BAD_INPUT
    said = {"kind": str(kind), "what": str(error)}
    return JSONResponse({"error": said}, status_code=_STATUS.get(kind, 400))


def _health(witness: Witness) -> dict[str, object]:
    return {
        "party": witness.party,
        "version": __version__,
        "logs": {
            origin: {
                "size": each.mirror.size,
                "cosigned_size": max(each.cosigned_size, 0),
                "cosigned_at_ms": unix_ms(each.cosigned_at),
                "withheld_for": list(each.withheld),
            }
            for origin, each in witness.watched().items()
        },
        "revocations": sorted(witness.revocations.all()),
        "alarms": [{"at_ms": at_ms, "alarm": text} for at_ms, text in witness.alarms.all()],
    }
