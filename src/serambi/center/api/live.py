"""Pictures of an open view over a WebSocket: configuration as JSON, then messages as they came."""

import asyncio
import json
from typing import Literal

from fastapi import APIRouter
from starlette.websockets import WebSocket, WebSocketDisconnect

from serambi.base.errors import SerambiError
from serambi.base.limits import LAST_BYTE_S
from serambi.center.api.socket import admit, refuse, while_connected
from serambi.center.live import Viewer
from serambi.web.serve import connection_of

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
    viewer = Viewer(fmp4=format == "fmp4")
    center.sessions.watch(found, viewer)
    try:
        await while_connected(websocket, _send(websocket, viewer), viewer.until_ended())
    finally:
        center.sessions.unwatch(found, viewer)
    if viewer.ended.is_set():
        await _say_goodbye(websocket, viewer.reason)


async def _send(websocket: WebSocket, viewer: Viewer) -> None:
    while True:
        piece = await viewer.next()
        if isinstance(piece, str):
            await websocket.send_text(piece)
            continue
        if piece.text is not None:
            await websocket.send_text(piece.text)
        message = piece.fmp4 if viewer.fmp4 else piece.wire
        if message is not None and (viewer.fmp4 or piece.text is None):
            await websocket.send_bytes(message)


async def _say_goodbye(websocket: WebSocket, reason: str) -> None:
    """Reason and close; a browser that does not take them in time is cut off."""
    connection = connection_of(websocket.scope)
    code = CLOSE_REPLACED if reason == "replaced" else CLOSE_ENDED
    try:
        async with asyncio.timeout(LAST_BYTE_S):
            await websocket.send_text(json.dumps({"ended": reason}))
            await websocket.close(code)
            if connection is not None:
                await connection.drained()
    except TimeoutError:
        if connection is not None:
            connection.abort()
    except WebSocketDisconnect:
        return
