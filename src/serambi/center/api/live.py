"""Pictures of an open view over a WebSocket: configuration as JSON, then messages as they came.

They are written by the feed itself (center/viewer.py); here a view begins and ends."""

import asyncio
import json
from typing import Literal

from fastapi import APIRouter
from starlette.websockets import WebSocket, WebSocketDisconnect

from serambi.base.errors import SerambiError
from serambi.base.limits import GOODBYE_S
from serambi.center.api.socket import admit, refuse, while_connected
from serambi.center.viewer import Viewer
from serambi.web.connection import Connection, connection_of

router = APIRouter()

CLOSE_ENDED = 4403
CLOSE_REPLACED = 4409


@router.websocket("/api/sessions/{session}/live")
async def live(
    websocket: WebSocket, session: str, format: Literal["fmp4", "units"] = "units"
) -> None:
    admitted = await admit(websocket)
    if admitted is None:
        return
    center, account = admitted
    try:
        found = center.sessions.find(session, account.account)
    except SerambiError as error:
        await refuse(websocket, error)
        return
    await websocket.accept()
    connection = connection_of(websocket.scope)
    viewer = Viewer(connection, fmp4=format == "fmp4")
    connection.on_room(viewer.flush)
    center.sessions.watch(found, viewer)
    try:
        await while_connected(websocket, viewer.until_ended())
    finally:
        connection.on_room(None)
        center.sessions.unwatch(found, viewer)
    if viewer.ended.is_set():
        await say_goodbye(websocket, connection, viewer.reason)


async def say_goodbye(websocket: WebSocket, connection: Connection, reason: str) -> None:
    """Reason and close; a browser that does not take them in time is cut off."""
    code = CLOSE_REPLACED if reason == "replaced" else CLOSE_ENDED
    try:
        async with asyncio.timeout(GOODBYE_S):
            await websocket.send_text(json.dumps({"ended": reason}))
            await websocket.close(code)
            await connection.drained()
    except TimeoutError:
        connection.abort()
    except WebSocketDisconnect:
        return
