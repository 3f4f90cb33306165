"""Signing in and out, and who I am."""

from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from serambi.center.accounts import Account
from serambi.center.api import models, views
from serambi.center.api.access import SignedIn, TheCenter
from serambi.center.service import Center

router = APIRouter(tags=["auth"])


@router.post("/api/login")
async def login(
    wish: models.SignIn, request: Request, response: Response, center: TheCenter
) -> models.Me:
    """Sign in with account and password; sets the cookie."""
    address = request.client.host if request.client else ""
    account = await center.accounts.check_password(wish.account, wish.password, address)
    center.gate.sign_in(response, account.account)
    return _me(center, account)


@router.post("/api/logout", status_code=204)
async def logout(request: Request, account: SignedIn, center: TheCenter) -> Response:
    """End this browser's sign-in."""
    response = Response(status_code=204)
    center.gate.sign_out(request, response)
    return response


@router.get("/api/me")
async def me(account: SignedIn, center: TheCenter) -> models.Me:
    """Who I am."""
    return _me(center, account)


@router.get("/signin", include_in_schema=False)
async def signin(center: TheCenter, code: str = "") -> Response:
    """A link that signs in once."""
    account = center.accounts.use_code(code)
    if account is None:
        return RedirectResponse("/login?code=used", 303)
    response = RedirectResponse("/", 303)
    center.gate.sign_in(response, account.account)
    return response


def _me(center: Center, account: Account) -> models.Me:
    return models.Me(
        account=account.account,
        name=account.name,
        role=account.role,
        unit=account.unit,
        party=views.party(center.roster, center.party),
    )
