"""Signing in and out, and who I am."""

from typing import Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel
from starlette.responses import RedirectResponse

from serambi.base.errors import Kind
from serambi.center.accounts import Account, Role
from serambi.center.api import models, views
from serambi.center.api.access import Anybody, TheCenter, must_register
from serambi.center.api.credentials import UsedPasskey
from serambi.center.desk.seats import party_of
from serambi.center.passkeys import Options
from serambi.center.service import Center
from serambi.web.errors import ReasonedError, error_response

router = APIRouter(tags=["auth"])


class Ways(BaseModel):
    """How people sign in here. `url`: browsers have passkeys for pages opened there. `oidc`: what
    the institution calls its own sign-in, where there is one."""

    passkey: Literal["required", "offered"]
    url: str
    oidc: models.Text | None


class PasskeySignIn(BaseModel):
    credential: UsedPasskey


@router.get("/api/login")
async def ways(center: TheCenter) -> Ways:
    """Which ways there are to sign in."""
    name = center.door.settings.oidc.name if center.door.settings.oidc else None
    return Ways(
        passkey=center.door.settings.passkey,
        url=center.door.passkeys.site.origin,
        oidc=None if name is None else models.Text(id=name.id, en=name.en),
    )


@router.post("/api/login", response_model=models.Me)
async def login(
    wish: models.SignIn, request: Request, response: Response, center: TheCenter
) -> models.Me | Response:
    """Sign in with account and password; sets the cookie."""
    account = await center.door.accounts.check_password(
        wish.account, wish.password, address(request)
    )
    if center.door.passkeys.table.of(account.account):
        # A second factor that may be left out is none.
        raise ReasonedError(
            Kind.DENIED,
            "this account signs in with its passkey",
            "use_passkey",
            where="/api/login",
            hint="choose the passkey; when it is lost, a coordinator makes a new sign-in link",
        )
    if center.door.settings.required:
        return to_register(center, request, error_response(must_register("/api/login")), account)
    enter(center, request, response, account)
    return me_of(center, account)


@router.post("/api/login/passkey/question")
async def question(request: Request, center: TheCenter) -> Options:
    """What a passkey is to answer, for `navigator.credentials.get`."""
    return center.door.passkeys.question(address(request))


@router.post("/api/login/passkey")
async def login_by_passkey(
    wish: PasskeySignIn, request: Request, response: Response, center: TheCenter
) -> models.Me:
    """Sign in with a passkey alone; sets the cookie."""
    name = center.door.passkeys.verify(wish.credential.as_json(), address(request))
    account = center.door.accounts.get(name)
    enter(center, request, response, account)
    return me_of(center, account)


@router.post("/api/logout", status_code=204)
async def logout(request: Request, center: TheCenter) -> Response:
    """End this browser's sign-in, also one that may only register a passkey."""
    if center.door.registering.identify(request) is None:
        center.door.gate.require(request)
    response = Response(status_code=204)
    center.door.registering.sign_out(request, response)
    center.door.gate.sign_out(request, response)
    return response


@router.get("/api/me")
async def me(account: Anybody, center: TheCenter) -> models.Me:
    """Who I am."""
    return me_of(center, account)


@router.get("/signin", include_in_schema=False)
async def signin(request: Request, center: TheCenter, code: str = "") -> Response:
    """A link that signs in once; where passkeys are required, to register one."""
    account = center.door.accounts.use_code(code)
    if account is None:
        return RedirectResponse("/login?code=used", 303)
    if center.door.settings.required:
        return to_register(center, request, RedirectResponse("/login", 303), account)
    response = RedirectResponse("/", 303)
    enter(center, request, response, account)
    return response


def address(request: Request) -> str:
    return request.client.host if request.client else ""


def enter(center: Center, request: Request, response: Response, account: Account) -> None:
    """Sign this browser in."""
    if center.door.registering.has_cookie(request):
        center.door.registering.sign_out(request, response)
    center.door.gate.sign_in(response, account.account)


def to_register(center: Center, request: Request, response: Response, account: Account) -> Response:
    """Let this browser register a passkey for `account`, and do nothing else."""
    if center.door.gate.has_cookie(request):
        center.door.gate.sign_out(request, response)
    center.door.registering.sign_in(response, account.account)
    return response


def me_of(center: Center, account: Account) -> models.Me:
    """Who that is. Raises `DENIED` for a participant whose institution has left."""
    theirs = account.role is Role.PARTICIPANT
    party = party_of(center.roster, account).id if theirs else center.party
    return models.Me(
        account=account.account,
        name=account.name,
        role=account.role,
        unit=account.unit,
        party=views.party(center.roster, party),
    )
