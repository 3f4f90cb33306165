"""Alerts: what waits for a person, answers to it, calls typed in, and shelves."""

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import (
    ALERTS_AT_ONCE,
    ALERTS_SHOWN_HANDLED,
    ALERTS_SHOWN_WAITING,
    SHELVE_MAX_S,
)
from serambi.center.api import models
from serambi.center.api.access import SignedIn, TheCenter
from serambi.center.api.once import WrittenOnce
from serambi.center.desk.access import Act, allow
from serambi.center.desk.alerts import Alert, Answer, Raised
from serambi.center.desk.happenings import FullLine, Line
from serambi.center.desk.kinds import RULES, AlertKind, Priority
from serambi.center.desk.meter import Meter, measure
from serambi.center.desk.shelves import Shelf
from serambi.center.service import Center

router = APIRouter(prefix="/api", tags=["alerts"])


class Queue(BaseModel):
    """`waiting`: the most urgent first, 500 at most, `total` of them in all; `handled`: the 50
    that were handled last. `quiet_since_ms`: when the last alert came or was
    handled, 0 when none is known."""

    waiting: list[Alert]
    total: int
    handled: list[Alert]
    shelves: list[Shelf]
    meter: Meter
    quiet_since_ms: int


class Report(BaseModel):
    """What a person was told. `what` other than `call` is for tools that stand beside the center;
    `priority` is the kind's own when it is left out."""

    text: FullLine
    what: AlertKind = AlertKind.CALL
    priority: Priority | None = None
    site: models.Name | None = None
    camera: models.Name | None = None
    caller: Line = ""


class Answers(BaseModel):
    alerts: Annotated[list[str], Field(min_length=1, max_length=ALERTS_AT_ONCE)]
    answer: Answer


class ShelfWish(BaseModel):
    what: AlertKind
    place: models.Name
    duration_s: Annotated[int, Field(gt=0, le=int(SHELVE_MAX_S))]
    reason: FullLine


@router.get("/alerts")
async def queue(account: SignedIn, center: TheCenter) -> Queue:
    """What waits, what was handled, what is shelved, and how much it is."""
    allow(account, Act.READ)
    desk = center.desk
    waiting = desk.alerts.waiting()
    now_ms = desk.now_ms()
    return Queue(
        waiting=waiting[:ALERTS_SHOWN_WAITING],
        total=len(waiting),
        handled=desk.alerts.others()[:ALERTS_SHOWN_HANDLED],
        shelves=desk.shelves.all(now_ms),
        meter=measure(desk.alerts.all(), now_ms),
        quiet_since_ms=max(
            (max(alert.at_ms, alert.handled_ms) for alert in desk.alerts.all()), default=0
        ),
    )


@router.post("/alerts", status_code=201)
async def report(wish: Report, account: SignedIn, center: TheCenter, once: WrittenOnce) -> Alert:
    """Type in what somebody called about."""
    by = allow(account, Act.REPORT)
    site, camera = placed(center, wish.site, wish.camera)
    body = Raised(
        what=wish.what,
        priority=wish.priority or RULES[wish.what].priority,
        site=site,
        camera=camera,
        text=wish.text,
        caller=wish.caller,
    )
    return await center.desk.report(by, once, body)


@router.post("/alerts/answers")
async def answer(
    wish: Answers, account: SignedIn, center: TheCenter, once: WrittenOnce
) -> list[Alert]:
    """Acknowledge or dismiss several at once, or undo that within 10 s; those that it changed.
    409 when it changes none. Escalating is opening an incident with `alerts`."""
    by = allow(account, Act.HANDLE)
    return await center.desk.answer(by, once, wish.alerts, wish.answer)


@router.post("/shelves", status_code=201)
async def shelve(wish: ShelfWish, account: SignedIn, center: TheCenter, once: WrittenOnce) -> Shelf:
    """Lay alerts of one kind and place aside, 8 h at most; 403 for P1."""
    by = allow(account, Act.SHELVE)
    until_ms = center.desk.now_ms() + wish.duration_s * 1000
    return await center.desk.shelve(by, once, wish.what, wish.place, until_ms, wish.reason)


@router.delete("/shelves/{shelf}", status_code=204)
async def unshelve(shelf: str, account: SignedIn, center: TheCenter, once: WrittenOnce) -> Response:
    """End it early."""
    by = allow(account, Act.SHELVE)
    await center.desk.unshelve(by, once, shelf)
    return Response(status_code=204)


def placed(center: Center, site: str | None, camera: str | None) -> tuple[str, str]:
    """Site and camera, "" where none is named; a camera brings its site. Raises `NOT_FOUND`."""
    if camera:
        found = center.sites.camera(camera)
        if found is None or (site and found[0].state.site != site):
            raise SerambiError(Kind.NOT_FOUND, f"there is no camera {camera} there")
        return found[0].state.site, camera
    if site and center.sites.find(site) is None:
        raise SerambiError(Kind.NOT_FOUND, f"there is no site {site}", hint="GET /api/sites")
    return site or "", ""
