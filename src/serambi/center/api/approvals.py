"""Approvals of other institutions: what is asked for, and asking. They come back as documents."""

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field, StringConstraints

from serambi.agreement.approval import SignedApproval
from serambi.base.clock import unix_ms
from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import CAMERAS_PER_AGREEMENT
from serambi.center.accounts import MAY_VIEW, Account
from serambi.center.api import models, views
from serambi.center.api.access import SignedIn, TheCenter
from serambi.center.service import Center

router = APIRouter(prefix="/api/approvals", tags=["approvals"])


class Wanted(BaseModel):
    """That the unit of whoever asks may see these cameras of one site until `until_ms`, a day at
    most; `why` is what the other institution reads beside it."""

    cameras: Annotated[list[models.Name], Field(min_length=1, max_length=CAMERAS_PER_AGREEMENT)]
    action: Literal["live", "playback"] = "live"
    purpose: models.Name
    why: Annotated[str, StringConstraints(min_length=1, max_length=500)]
    until_ms: Annotated[int, Field(ge=0, le=2**53 - 1)]


class Approval(BaseModel):
    """What is asked for, and by whom it was approved. `number` is the agreement's."""

    digest: str
    number: str
    site: str
    cameras: list[str]
    action: str
    purpose: str
    unit: str
    why: str
    at_ms: int
    until_ms: int
    approved_by: list[models.Party]


@router.get("")
async def approvals(account: SignedIn, center: TheCenter) -> list[Approval]:
    """What is asked for and not over, what ends first in front."""
    _may_view(account)
    return [_shown(center, signed) for signed in center.approvals.all()]


@router.post("", status_code=201)
async def ask(wanted: Wanted, account: SignedIn, center: TheCenter) -> Approval:
    """Ask the other parties of the agreement. Their signing desks show it; when one approves, the
    site is told by it."""
    _may_view(account)
    signed = center.approvals.ask(
        account, wanted.cameras, wanted.action, wanted.purpose, wanted.why, wanted.until_ms
    )
    return _shown(center, signed)


def _may_view(account: Account) -> None:
    if account.role not in MAY_VIEW:
        raise SerambiError(Kind.DENIED, f"the role {account.role} opens no views")


def _shown(center: Center, signed: SignedApproval) -> Approval:
    asked = signed.asked
    return Approval(
        digest=signed.digest,
        number=asked.number,
        site=asked.site,
        cameras=list(asked.cameras),
        action=asked.action,
        purpose=asked.purpose,
        unit=asked.unit,
        why=asked.why,
        at_ms=unix_ms(signed.asked_at),
        until_ms=unix_ms(signed.until),
        approved_by=[
            views.party(center.roster, party)
            for party in sorted(signed.approved_by - {asked.party})
        ],
    )
