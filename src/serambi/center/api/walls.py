"""Saved layouts of the wall, and the numbered monitors that show them."""

from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, StringConstraints

from serambi.base.errors import Kind, SerambiError
from serambi.base.ids import new_id
from serambi.base.limits import MONITORS_MAX
from serambi.center.api import models
from serambi.center.api.access import SignedIn, TheCenter
from serambi.center.api.once import WrittenOnce
from serambi.center.desk.access import Act, allow
from serambi.center.desk.walls import Arrangement, Layout, Monitor
from serambi.center.service import Center

router = APIRouter(prefix="/api", tags=["walls"])

Number = Annotated[int, Path(ge=1, le=MONITORS_MAX)]


class SavedWalls(BaseModel):
    """`monitors`: those that show a layout."""

    layouts: list[Layout]
    monitors: list[Monitor]


class OnMonitor(BaseModel):
    """`layout` is "" to show none."""

    layout: Annotated[str, StringConstraints(max_length=64)]


@router.get("/walls")
async def walls(account: SignedIn, center: TheCenter) -> SavedWalls:
    """What is saved, and what each monitor shows."""
    allow(account, Act.READ)
    found = center.desk.walls
    return SavedWalls(layouts=found.layouts(), monitors=found.monitors())


@router.post("/layouts", status_code=201)
async def save(
    wish: Arrangement, account: SignedIn, center: TheCenter, once: WrittenOnce
) -> Layout:
    """Save a new layout."""
    by = allow(account, Act.ARRANGE)
    _check(center, wish)
    return await center.desk.save_layout(by, once, new_id(), wish, new=True)


@router.post("/layouts/{layout}")
async def change(
    layout: models.Name, wish: Arrangement, account: SignedIn, center: TheCenter, once: WrittenOnce
) -> Layout:
    """Save it anew in its place; monitors that show it follow."""
    by = allow(account, Act.ARRANGE)
    _check(center, wish)
    return await center.desk.save_layout(by, once, layout, wish, new=False)


@router.delete("/layouts/{layout}", status_code=204)
async def remove(
    layout: models.Name, account: SignedIn, center: TheCenter, once: WrittenOnce
) -> Response:
    """Monitors that show it show none then."""
    by = allow(account, Act.ARRANGE)
    await center.desk.remove_layout(by, once, layout)
    return Response(status_code=204)


@router.post("/monitors/{number}")
async def show(
    number: Number, wish: OnMonitor, account: SignedIn, center: TheCenter, once: WrittenOnce
) -> SavedWalls:
    """Show a layout on a monitor: on every screen where `/monitor/{number}` is open."""
    by = allow(account, Act.ARRANGE)
    await center.desk.show_layout(by, once, number, wish.layout)
    return await walls(account, center)


def _check(center: Center, wish: Arrangement) -> None:
    """Raises `NOT_FOUND` for a camera that nobody shares, `BAD_INPUT` for one that is twice."""
    for camera in wish.cameras:
        if center.sites.camera(camera) is None:
            raise SerambiError(
                Kind.NOT_FOUND, f"there is no camera {camera[:64]}", hint="GET /api/cameras"
            )
    if len(set(wish.cameras)) < len(wish.cameras):
        raise SerambiError(Kind.BAD_INPUT, "a camera is named twice", where="cameras")
