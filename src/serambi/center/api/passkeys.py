"""One's own passkeys, and links for those who have none or have lost theirs."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, StringConstraints

from serambi.base.clock import unix_ms
from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import FRESH_S, PASSKEY_NAME_MAX_CHARACTERS
from serambi.center.accounts import MAY_INVITE, Account
from serambi.center.api.access import Anybody, TheCenter, account_of
from serambi.center.api.auth import enter
from serambi.center.api.credentials import Bytes, NewPasskey
from serambi.center.passkey_table import Passkey as Kept
from serambi.center.passkeys import Options
from serambi.web.errors import ReasonedError

router = APIRouter(prefix="/api", tags=["passkeys"])


class Passkey(BaseModel):
    """`used_ms`: when it last signed in, 0 for never."""

    id: str
    name: str
    created_ms: int
    used_ms: int


class PasskeyWish(BaseModel):
    """`name` is what its owner calls the device."""

    name: Annotated[
        str,
        StringConstraints(
            strip_whitespace=True, min_length=1, max_length=PASSKEY_NAME_MAX_CHARACTERS
        ),
    ]
    credential: NewPasskey


class Invitation(BaseModel):
    """`path` signs in once. It is shown this once."""

    path: str
    until_ms: int


@dataclass(frozen=True, slots=True)
class Registrant:
    """Who may register a passkey now; `first`: and is not signed in before."""

    account: Account
    first: bool


def fresh(request: Request, account: Anybody, center: TheCenter) -> Account:
    """Who signed in just now. Raises `DENIED`, with the reason `sign_in_again` where that helps:
    a desk left open must not give the next one a passkey of his own."""
    login = center.door.gate.require(request)
    if login.bearer:
        raise SerambiError(Kind.DENIED, "a program has no passkeys", where=request.url.path)
    if unix_ms(center.clock.now()) - login.since_ms > FRESH_S * 1000:
        raise ReasonedError(
            Kind.DENIED,
            "passkeys change only right after signing in",
            "sign_in_again",
            where=request.url.path,
            hint="sign out, sign in, and try again",
        )
    return account


Fresh = Annotated[Account, Depends(fresh)]


def registrant(request: Request, center: TheCenter) -> Registrant:
    """Raises like `fresh`; and `DENIED` when somebody comes with a password alone to an account
    that has a passkey by now."""
    first = center.door.registering.identify(request)
    if first is None:
        return Registrant(fresh(request, account_of(request, center), center), first=False)
    account = center.door.accounts.get(first.account)
    if center.door.passkeys.table.of(account.account):
        raise ReasonedError(
            Kind.DENIED,
            "this account has a passkey already",
            "use_passkey",
            where=request.url.path,
            hint="sign in with it; further ones are registered then",
        )
    return Registrant(account, first=True)


MayRegister = Annotated[Registrant, Depends(registrant)]


@router.get("/passkeys")
async def mine(account: Anybody, center: TheCenter) -> list[Passkey]:
    """My passkeys, oldest first."""
    return [_shown(each) for each in center.door.passkeys.table.of(account.account)]


@router.post("/passkeys/question")
async def question(who: MayRegister, center: TheCenter) -> Options:
    """What a new passkey is to answer, for `navigator.credentials.create`."""
    return center.door.passkeys.question_for_new(who.account)


@router.post("/passkeys", status_code=201)
async def register(
    wish: PasskeyWish, who: MayRegister, request: Request, response: Response, center: TheCenter
) -> Passkey:
    """Register it. Whoever could do nothing else before is signed in with it."""
    account = who.account
    kept = center.door.passkeys.register(account.account, wish.name, wish.credential.as_json())
    if who.first:
        enter(center, request, response, account)
    return _shown(kept)


@router.delete("/passkeys/{passkey}", status_code=204)
async def remove(passkey: Bytes, account: Fresh, center: TheCenter) -> Response:
    """Remove one of mine; while passkeys are required, never the last one."""
    center.door.passkeys.table.remove(
        account.account, passkey, keep_one=center.door.settings.required
    )
    return Response(status_code=204)


@router.post("/accounts/{account}/link", status_code=201)
async def invite(account: str, by: Fresh, center: TheCenter) -> Invitation:
    """For coordinators: a fresh sign-in link for somebody who has no passkey, or lost it. What the
    account had before ends, open views too. It is written into the center's ledger first."""
    if by.role not in MAY_INVITE:
        raise SerambiError(
            Kind.DENIED,
            f"the role {by.role} makes no sign-in links",
            hint="ask a coordinator",
        )
    given = await center.door.invitations.give(account, by)
    for view in center.sessions.all():
        if view.owner.account == account:
            await center.sessions.close(view, "closed")
    return Invitation(path=given.path, until_ms=given.until_ms)


def _shown(kept: Kept) -> Passkey:
    return Passkey(id=kept.id, name=kept.name, created_ms=kept.created_ms, used_ms=kept.used_ms)
