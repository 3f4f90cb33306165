"""A center that withholds: it stands between the parties' processes and the center, and carries
everything but what would end the sharing.

The parties' words on the ledgers it goes on carrying: without them the sites would pause by
themselves, which it does not want. To whoever hands it a revocation it says what the sites would.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from serambi.agreement.revocation import REVOCATION_TYPE
from serambi.web.serve import HttpServer

_PASSED_ON = ("authorization", "if-none-match", "content-type")
_PATIENCE_S = 30.0


@dataclass
class Withholding:
    """`center`: the true one's address, once known; `site`: for whom it lies. `kept`: what it
    should have passed on; `carried`: cosigned words that it did."""

    site: str
    center: str = ""
    withholds: bool = False
    kept: list[bytes] = field(default_factory=list)
    carried: int = 0
    port: int = 0

    async def carry(self, request: Request) -> Response:
        body = await request.body()
        if self.withholds and request.method == "POST":
            if is_revocation(body):
                self.kept.append(body)
                return JSONResponse({self.site: {"allowed": True, "reason": "allowed"}})
            self.carried += request.url.path == "/ledger/cosigned"
        headers = {n: request.headers[n] for n in _PASSED_ON if n in request.headers}
        url = f"{self.center}{request.url.path}"
        async with httpx.AsyncClient(timeout=_PATIENCE_S, trust_env=False) as client:
            try:
                said = await client.request(request.method, url, content=body, headers=headers)
            except httpx.HTTPError:
                return Response(status_code=503)
        tag = {"ETag": said.headers["etag"]} if "etag" in said.headers else {}
        return Response(said.content, said.status_code, tag, said.headers.get("content-type"))


def is_revocation(document: bytes) -> bool:
    try:
        return bool(json.loads(document)["payloadType"] == REVOCATION_TYPE)
    except (ValueError, KeyError, TypeError):
        return False


@asynccontextmanager
async def withholding(site: str) -> AsyncIterator[Withholding]:
    """Listening at `port`; ended afterwards."""
    between = Withholding(site)
    app = Starlette(routes=[Route("/{path:path}", between.carry, methods=["GET", "POST"])])
    server = HttpServer(app, "127.0.0.1", 0)
    async with asyncio.TaskGroup() as group:
        await server.start(group)
        between.port = server.port
        try:
            yield between
        finally:
            await server.stop()
