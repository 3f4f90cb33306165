"""Writes that may arrive several times: `Idempotency-Key` makes the second one the first one."""

from typing import Annotated

from fastapi import Depends, Header
from starlette.requests import Request

from serambi.base.ids import new_id
from serambi.center.api.access import SignedIn
from serambi.center.desk.steps import Once, once


async def once_of(
    request: Request,
    account: SignedIn,
    idempotency_key: Annotated[
        str | None,
        Header(
            pattern=r"^[A-Za-z0-9._-]{1,64}$",
            description="made by the client; sent again, the write is not done again",
        ),
    ] = None,
) -> Once:
    """The write's key and what it says; without a key each arrival is a write of its own."""
    said = (request.method, request.url.path, await request.body())
    return once(account.account, idempotency_key or new_id(), *said)


WrittenOnce = Annotated[Once, Depends(once_of)]
