"""Breaking the glass: which acts there were, and justifying one. An act begins with a view, in
`sessions.py`."""

from dataclasses import asdict

from fastapi import APIRouter

from serambi.base.errors import Kind, SerambiError
from serambi.center.accounts import MAY_VIEW
from serambi.center.api import models
from serambi.center.api.access import SignedIn, TheCenter
from serambi.center.glass import Act

router = APIRouter(prefix="/api/break-glass", tags=["break-glass"])


@router.get("")
async def acts(account: SignedIn, center: TheCenter) -> list[models.BreakGlass]:
    """My own, a commander's everybody's: first those to be justified, the oldest first, then the
    newest of the others, at most 50."""
    if account.role not in MAY_VIEW:
        raise SerambiError(Kind.DENIED, f"the role {account.role} opens no views")
    return [_shown(act) for act in center.glass.listed(account)]


@router.post("/{act}/justification")
async def justify(
    act: str, said: models.Justification, account: SignedIn, center: TheCenter
) -> models.BreakGlass:
    """Say what it was for, once; it stands in both ledgers, and the owner reads it. 503 while the
    site cannot be reached."""
    return _shown(await center.glass.justify(account, act, said.text))


def _shown(act: Act) -> models.BreakGlass:
    return models.BreakGlass(**asdict(act), ends_ms=act.ends_ms, due_ms=act.due_ms)
