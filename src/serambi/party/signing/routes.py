"""The addresses of the signing desk, and who may reach them: a page of this very desk, on this
machine, with somebody of the institution signed in."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, File, Form, UploadFile
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from serambi import __version__
from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import DOCUMENT_MAX_BYTES
from serambi.party.signing.desk import Desk
from serambi.party.signing.hand import Shown
from serambi.party.signing.roster_routes import add_roster
from serambi.web import headers as web_headers
from serambi.web.app import App, new_app
from serambi.web.login import same_origin

HOSTS = ("localhost", "127.0.0.1")
"""The names by which a browser may ask. Another one means that somebody's page has pointed its
own name at this machine."""
READ = "read"
"""What the form for a signature says when its box is ticked."""
_Field = Annotated[str, Form()]
_Who = Callable[[Request], str]
_STATIC = Path(web_headers.__file__).parent / "static"


def desk_app(desk: Desk) -> App:
    """The whole desk as an application."""
    app = new_app("Serambi signing desk", __version__)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(HOSTS))
    app.mount("/static", StaticFiles(directory=_STATIC))
    app.include_router(desk_router(desk))

    async def trouble(request: Request, error: Exception) -> Response:
        if not isinstance(error, SerambiError):
            raise error
        if error.kind is Kind.UNAUTHENTICATED:
            return RedirectResponse("/", 303)
        return desk.trouble(request, error)

    app.add_exception_handler(SerambiError, trouble)
    return app


def desk_router(desk: Desk) -> APIRouter:
    """Not part of any API's description: these are for people."""

    def own_page(request: Request) -> None:
        """What changes something must come from a page of this desk, signed in or not: else a
        foreign page could sign somebody in as somebody else."""
        if request.method not in ("GET", "HEAD") and not same_origin(request):
            raise SerambiError(
                Kind.DENIED,
                "this request was made by a page of another site",
                where=request.url.path,
                hint="open the desk from its own address",
            )

    def signed_in(request: Request) -> str:
        return desk.gate.require(request).account

    router = APIRouter(include_in_schema=False, dependencies=[Depends(own_page)])
    _add_door(router, desk)
    _add_papers(router, desk, signed_in)
    _add_acts(router, desk, signed_in)
    add_roster(router, desk.roster, signed_in, READ)
    return router


def _add_door(router: APIRouter, desk: Desk) -> None:
    @router.get("/")
    def home(request: Request) -> Response:
        if desk.gate.identify(request) is None:
            return desk.login_page(request, status=200)
        return desk.home(request)

    @router.post("/login")
    async def login(request: Request, account: _Field = "", password: _Field = "") -> Response:
        return await desk.login(request, account, password)

    @router.post("/logout")
    def logout(request: Request) -> Response:
        return desk.logout(request)


def _add_papers(router: APIRouter, desk: Desk, who: _Who) -> None:
    """To read, for whoever is signed in."""
    signed_in = [Depends(who)]

    @router.get("/papers/{digest}", dependencies=signed_in)
    def paper(request: Request, digest: str) -> Response:
        return desk.paper(request, digest)

    @router.get("/papers/{digest}/file", dependencies=signed_in)
    def paper_file(digest: str) -> Response:
        return desk.file(digest)

    @router.get("/papers/{digest}/pdf", dependencies=signed_in)
    def pdf(request: Request, digest: str) -> Response:
        return desk.pdf(request, digest)

    @router.get("/papers/{digest}/revocations/{party}", dependencies=signed_in)
    def revocation(digest: str, party: str) -> Response:
        return desk.revocation(digest, party)

    @router.get("/papers/{digest}/revoke", dependencies=signed_in)
    def closing(request: Request, digest: str) -> Response:
        return desk.closing(request, digest)

    @router.get("/approvals/{digest}", dependencies=signed_in)
    def approval(request: Request, digest: str) -> Response:
        return desk.approval(request, digest)

    @router.get("/draft", dependencies=signed_in)
    def draft_page(request: Request, of: str = "") -> Response:
        return desk.draft_again(request, of)


def _add_acts(router: APIRouter, desk: Desk, who: _Who) -> None:
    """What is written down under the name of who is signed in."""
    somebody = Annotated[str, Depends(who)]

    @router.post("/papers")
    async def take(account: somebody, file: Annotated[UploadFile, File()]) -> Response:
        return await desk.take(account, await file.read(2 * DOCUMENT_MAX_BYTES + 1))

    @router.post("/papers/{digest}/{what}")
    async def act(
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
            raise SerambiError(Kind.CONFLICT, "the form names another paper", where=digest[:16])
        if what == "approve":
            raise SerambiError(Kind.NOT_FOUND, "a paper is signed, not approved", where=what)
        if what == "sign" and text != READ:
            raise SerambiError(Kind.BAD_INPUT, "nobody says that this was read", where="sign")
        return await desk.act(request, account, what, Shown(shown, tag), text, secret)

    @router.post("/approvals/{digest}")
    async def approve(
        request: Request, digest: str, account: somebody, shown: _Field = "", secret: _Field = ""
    ) -> Response:
        if shown != digest:
            raise SerambiError(Kind.CONFLICT, "the form names something else", where=digest[:16])
        return await desk.approve(request, account, digest, secret)

    @router.post("/draft")
    async def draft(request: Request, account: somebody) -> Response:
        form = await request.form()
        names = list(form)
        fields = {name: [str(value) for value in form.getlist(name)] for name in names}
        return await desk.draft(request, account, fields)
