"""The addresses of the roster's pages at the signing desk."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Form
from starlette.requests import Request
from starlette.responses import Response

from serambi.base.errors import Kind, SerambiError
from serambi.party.signing.hand import Shown
from serambi.party.signing.roster_desk import RosterDesk

_Field = Annotated[str, Form()]
_Who = Callable[[Request], str]


def add_roster(router: APIRouter, desk: RosterDesk, who: _Who, read: str) -> None:
    """Everything below `/roster`; `who` says who is signed in or refuses, `read` is what the box
    of the form for a signature says when it is ticked."""
    _add_pages(router, desk, who)
    _add_acts(router, desk, who, read)


def _add_pages(router: APIRouter, desk: RosterDesk, who: _Who) -> None:
    signed_in = [Depends(who)]

    @router.get("/roster", dependencies=signed_in)
    def home(request: Request) -> Response:
        return desk.home(request)

    @router.get("/roster/next/{digest}", dependencies=signed_in)
    def proposal(request: Request, digest: str) -> Response:
        return desk.proposal(request, digest)

    @router.get("/roster/next/{digest}/file", dependencies=signed_in)
    def proposal_file(digest: str) -> Response:
        return desk.file(digest)

    @router.get("/roster/change/{what}", dependencies=signed_in)
    def change(request: Request, what: str) -> Response:
        return desk.change(request, what)

    @router.get("/roster/requests/{digest}", dependencies=signed_in)
    def asked(request: Request, digest: str) -> Response:
        return desk.request(request, digest)


def _add_acts(router: APIRouter, desk: RosterDesk, who: _Who, read: str) -> None:
    somebody = Annotated[str, Depends(who)]

    @router.post("/roster/bring")
    async def bring(request: Request, account: somebody, document: _Field = "") -> Response:
        return await desk.bring(request, account, document.encode())

    @router.post("/roster/next/{digest}/{what}")
    async def answer(
        request: Request,
        digest: str,
        what: str,
        account: somebody,
        shown: _Field = "",
        tag: _Field = "",
        text: _Field = "",
        secret: _Field = "",
    ) -> Response:
        if shown != digest:
            raise SerambiError(Kind.CONFLICT, "the form names another roster", where=digest[:16])
        if what == "sign" and text != read:
            raise SerambiError(Kind.BAD_INPUT, "nobody says that this was read", where="sign")
        fields = {"text": text, "secret": secret}
        return await desk.answer(request, account, what, Shown(shown, tag), fields)

    @router.post("/roster/change/{what}")
    async def propose(
        request: Request,
        what: str,
        account: somebody,
        party: _Field = "",
        at: _Field = "",
        since: _Field = "",
        code: _Field = "",
        passphrase: _Field = "",
        again: _Field = "",
        secret: _Field = "",
    ) -> Response:
        fields = {"party": party, "at": at, "since": since, "code": code}
        fields |= {"passphrase": passphrase, "again": again, "secret": secret}
        return await desk.propose(request, account, what, fields)

    @router.post("/roster/requests/{digest}/{what}")
    async def settle(
        request: Request,
        digest: str,
        what: str,
        account: somebody,
        typed: _Field = "",
        name: _Field = "",
        secret: _Field = "",
    ) -> Response:
        fields = {"typed": typed, "name": name, "secret": secret}
        return await desk.settle(request, account, what, digest, fields)
