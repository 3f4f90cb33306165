"""The state of the town, pushed: whole at connect and at every change, a beat every second."""

import asyncio

from fastapi import APIRouter
from starlette.websockets import WebSocket

from serambi.base.clock import unix_ms
from serambi.base.limits import EVENT_EVERY_S, STATE_EVERY_S
from serambi.center.api import models, views
from serambi.center.api.socket import admit, still_in, while_connected
from serambi.center.desk.access import MAY, Act
from serambi.center.service import Center

router = APIRouter()


@router.websocket("/api/events")
async def events(websocket: WebSocket) -> None:
    admitted = await admit(websocket)
    if admitted is None:
        return
    center, account = admitted
    reads_desk = account.role in MAY[Act.READ]
    await websocket.accept()
    await while_connected(websocket, _push(websocket, center, reads_desk))


async def _push(websocket: WebSocket, center: Center, reads_desk: bool) -> None:
    # Only the newest state is sent, so a slow browser needs no queue.
    loop = asyncio.get_running_loop()
    sent = -1
    told: models.Desk | None = None
    next_beat_s = loop.time()
    while True:
        seen = center.changes.number
        if center.changes.town > sent:
            sent = center.changes.town
            await websocket.send_text(_state(center).model_dump_json())
        if loop.time() >= next_beat_s:
            next_beat_s = loop.time() + STATE_EVERY_S
            if not still_in(websocket, center):
                return
            await websocket.send_text(_beat(center).model_dump_json())
        if reads_desk and (desk := _desk(center)) != told:
            told = desk
            await websocket.send_text(desk.model_dump_json())
        await asyncio.sleep(EVENT_EVERY_S)
        await center.changes.after(seen, max(0.0, next_beat_s - loop.time()))


def _state(center: Center) -> models.State:
    return models.State(
        now_ms=unix_ms(center.clock.now()),
        sites=views.all_sites(center.roster, center.sites, center.ground),
        cameras=views.cameras(center.roster, center.sites),
    )


def _beat(center: Center) -> models.Beat:
    return models.Beat(now_ms=unix_ms(center.clock.now()), open_views=center.sessions.count())


def _desk(center: Center) -> models.Desk:
    versions = center.desk.writer.versions
    waiting = center.desk.alerts.waiting()
    return models.Desk(
        alerts=max(versions["alert"], versions["shelf"]),
        incidents=versions["incident"],
        handovers=versions["handover"],
        walls=max(versions["layout"], versions["monitor"]),
        waiting=len(waiting),
        urgent=sum(alert.priority == 1 for alert in waiting),
        open_incidents=len(center.desk.open_incidents()),
    )
