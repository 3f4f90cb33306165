"""The way through an institution's own sign-in. These are pages: a browser goes there and back."""

import logging
import secrets

from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import OIDC_TTL_S
from serambi.center.api.access import TheCenter
from serambi.center.api.auth import address, enter
from serambi.center.oidc import RETURN_PATH, NoEntry, Oidc
from serambi.center.service import Center

log = logging.getLogger(__name__)

router = APIRouter(include_in_schema=False)

_PATH = "/api/login/oidc"


@router.get(_PATH)
async def begin(request: Request, center: TheCenter) -> Response:
    """Go to the provider, or back to the sign-in page with the reason why not."""
    oidc = _oidc(center)
    try:
        begun = await oidc.begin(address(request))
    except NoEntry as error:
        return _back(error)
    response = RedirectResponse(begun.url, 303)
    # Whoever comes back must be the browser that went: nobody is signed in by another's link.
    response.set_cookie(
        _cookie(center),
        begun.state,
        max_age=int(OIDC_TTL_S),
        path=_PATH,
        secure=center.door.passkeys.site.origin.startswith("https:"),
        httponly=True,
        samesite="lax",
    )
    return response


@router.get(RETURN_PATH)
async def come_back(
    request: Request, center: TheCenter, state: str = "", code: str = "", error: str = ""
) -> Response:
    """Back from the provider: into the center, or to the sign-in page with the reason why not."""
    oidc = _oidc(center)
    try:
        mine = request.cookies.get(_cookie(center), "")
        if not mine or not secrets.compare_digest(mine.encode(), state.encode()):
            raise NoEntry("state", "this sign-in was not begun in this browser")
        if error:
            raise NoEntry("declined", "the provider signed nobody in")
        name = await oidc.finish(state, code)
        account = center.door.accounts.find(name)
        if account is None:
            raise NoEntry("account", "the provider names somebody who has no account here")
    except NoEntry as refused:
        response = _back(refused)
    else:
        response = RedirectResponse("/", 303)
        enter(center, request, response, account)
    response.delete_cookie(_cookie(center), path=_PATH)
    return response


def _oidc(center: Center) -> Oidc:
    if center.door.oidc is None:
        raise SerambiError(Kind.NOT_FOUND, "this center has no sign-in of an institution")
    return center.door.oidc


def _cookie(center: Center) -> str:
    return f"{center.door.gate.cookie}_oidc"


def _back(error: NoEntry) -> Response:
    log.warning("sign-in by the provider: %s", error.what)
    return RedirectResponse(f"/login?oidc={error.reason}", 303)
