"""What the WebSockets share: a sender that ends when the other side is gone."""

import asyncio
from collections.abc import Coroutine

from sqlalchemy.exc import OperationalError
from starlette.websockets import WebSocket, WebSocketDisconnect

from serambi.base.errors import SerambiError
from serambi.center.accounts import Account
from serambi.center.api.access import account_of, center_of, staff
from serambi.center.service import Center
from serambi.web.errors import error_response


async def admit(websocket: WebSocket) -> tuple[Center, Account] | None:
    """The center and who of its people asks; None after the upgrade was answered with an error."""
    try:
        center = center_of(websocket)
        return center, staff(account_of(websocket, center))
    except SerambiError as error:
        await refuse(websocket, error)
        return None


def still_in(websocket: WebSocket, center: Center) -> bool:
    """Whether who was admitted is signed in still. A database that cannot be read puts nobody
    out: a full disk must not blind the desk."""
    try:
        return center.door.gate.identify(websocket) is not None
    except OperationalError:
        return True


async def refuse(websocket: WebSocket, error: SerambiError) -> None:
    """Answer the upgrade with the error as over plain HTTP."""
    await websocket.send_denial_response(error_response(error))


async def while_connected(websocket: WebSocket, *works: Coroutine[None, None, None]) -> None:
    """Run `works` until one of them ends or the other side is gone; then cancel the others."""
    await together(*works, _until_gone(websocket))


async def together(*works: Coroutine[None, None, None]) -> None:
    """Run `works` until one of them ends; then cancel the others."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_quiet(work)) for work in works]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()


async def _quiet(work: Coroutine[None, None, None]) -> None:
    try:
        await work
    except WebSocketDisconnect:
        return


async def _until_gone(websocket: WebSocket) -> None:
    # What browsers say here means nothing, it is only read away.
    while (await websocket.receive())["type"] != "websocket.disconnect":
        pass
