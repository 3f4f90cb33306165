"""Handovers of a shift: drafted from what it did, signed by who goes and who comes."""

from collections.abc import Iterator

from fastapi import APIRouter
from pydantic import BaseModel

from serambi.center.api.access import SignedIn, TheCenter
from serambi.center.api.once import WrittenOnce
from serambi.center.desk.access import Act, allow
from serambi.center.desk.handovers import (
    DeadCamera,
    Handover,
    OpenIncident,
    Remarks,
    ShiftAccount,
    Side,
)
from serambi.center.desk.meter import measure
from serambi.center.service import Center

router = APIRouter(prefix="/api/handovers", tags=["handovers"])

_SHIFT_MS = 8 * 3_600_000


class HandoverWish(BaseModel):
    remarks: Remarks = ""


class Signing(BaseModel):
    side: Side


@router.get("")
async def all_of_them(account: SignedIn, center: TheCenter) -> list[Handover]:
    """The newest first."""
    allow(account, Act.READ)
    return center.desk.handovers.all()


@router.get("/next")
async def next_one(account: SignedIn, center: TheCenter) -> ShiftAccount:
    """What a handover would say now."""
    allow(account, Act.HAND_OVER)
    return account_of_shift(center)


@router.post("", status_code=201)
async def draft(
    wish: HandoverWish, account: SignedIn, center: TheCenter, once: WrittenOnce
) -> Handover:
    """Draft it from the shift's work; a draft that is open still is withdrawn."""
    by = allow(account, Act.HAND_OVER)
    return await center.desk.draft_handover(by, once, account_of_shift(center), wish.remarks)


@router.post("/{handover}/signatures", status_code=201)
async def sign(
    handover: str, wish: Signing, account: SignedIn, center: TheCenter, once: WrittenOnce
) -> Handover:
    """Sign for who goes (`from`) or who comes (`to`): two people. It is done with the second
    signature and not before."""
    by = allow(account, Act.HAND_OVER)
    return await center.desk.sign_handover(by, once, handover, wish.side)


def account_of_shift(center: Center) -> ShiftAccount:
    """Since the last handover that both signed, 8 h at most where there is none."""
    desk = center.desk
    now_ms = desk.now_ms()
    done = (one.at_ms for one in desk.handovers.all() if one.state == "done")
    since_ms = next(done, now_ms - _SHIFT_MS)
    alerts = list(desk.alerts.all())
    return ShiftAccount(
        since_ms=since_ms,
        until_ms=now_ms,
        incidents=[
            OpenIncident.model_validate(one, from_attributes=True) for one in desk.open_incidents()
        ],
        cameras=list(_dead(center)),
        shelves=len(desk.shelves.all(now_ms)),
        waiting=sum(alert.state == "waiting" for alert in alerts),
        handled=sum(alert.handled_ms >= since_ms for alert in alerts if alert.handled_ms),
        meter=measure(alerts, now_ms),
    )


def _dead(center: Center) -> Iterator[DeadCamera]:
    for known, camera in center.sites.cameras():
        if camera.state == "open" and known.online and camera.online:
            continue
        away = "site_offline" if not known.online else "camera_offline"
        since_ms = camera.since_ms if camera.state != "open" else camera.offline_since_ms
        yield DeadCamera(
            camera=camera.id,
            number=camera.number,
            site=known.state.site,
            state=camera.state if camera.state != "open" else away,
            since_ms=known.since_ms if not known.online else since_ms,
        )
