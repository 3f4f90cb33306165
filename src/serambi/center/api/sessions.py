"""Views: wanting one, seeing which are open, ending one. Pictures are in `live.py`."""

from dataclasses import replace

from fastapi import APIRouter, Response

from serambi.base.errors import Kind, SerambiError
from serambi.center.accounts import MAY_CLOSE_ALL, MAY_VIEW, Account
from serambi.center.api import models, views
from serambi.center.api.access import SignedIn, TheCenter
from serambi.center.service import Center
from serambi.center.session import ORDINARY, Grounds
from serambi.web.errors import ReasonedError

router = APIRouter(prefix="/api/sessions", tags=["sessions"])


@router.post("", status_code=201)
async def want(wish: models.Wish, account: SignedIn, center: TheCenter) -> models.Session:
    """Ask the camera's owner for a view. 403 with `error.reason` when the site refuses, 503 when
    it cannot be reached."""
    if account.role not in MAY_VIEW:
        raise SerambiError(
            Kind.DENIED,
            f"the role {account.role} opens no views",
            where="sessions",
            hint="ask an operator",
        )
    found = await center.sessions.open(
        account,
        wish.camera,
        wish.action,
        wish.purpose,
        wish.stream,
        (wish.from_ms, wish.to_ms),
        _grounds(center, account, wish),
    )
    return views.session(found)


def _grounds(center: Center, account: Account, wish: models.Wish) -> Grounds:
    by = ORDINARY
    if wish.break_glass:
        by = center.glass.anew(account, wish.camera, wish.break_glass)
    elif wish.under_act:
        by = center.glass.going_on(account, wish.camera)
    return replace(by, incident=number_of(center, wish.incident))


def number_of(center: Center, incident: str) -> str:
    """The number of an open incident by its id, empty for none. Raises `NOT_FOUND`."""
    if not incident:
        return ""
    known = (one.number for one in center.desk.open_incidents() if one.id == incident)
    found = next(known, None)
    if found is None:
        raise ReasonedError(
            Kind.NOT_FOUND, "there is no such open incident", "incident_closed", where="sessions"
        )
    return str(found)


@router.get("")
async def mine(account: SignedIn, center: TheCenter) -> list[models.Session]:
    """My open views."""
    return [
        views.session(found)
        for found in center.sessions.all()
        if found.owner.account == account.account
    ]


@router.delete("/{session}", status_code=204)
async def end(session: str, account: SignedIn, center: TheCenter) -> Response:
    """End a view of mine; a commander ends anybody's."""
    owner = None if account.role in MAY_CLOSE_ALL else account.account
    found = center.sessions.find(session, owner)
    await center.sessions.close(found, "closed")
    return Response(status_code=204)
