"""What the map is drawn on. Sites and cameras come with the state of the town."""

from fastapi import APIRouter
from starlette.responses import FileResponse, Response

from serambi.base.errors import Kind, SerambiError
from serambi.center.api import models
from serambi.center.api.access import SignedIn, TheCenter

router = APIRouter(prefix="/api/map", tags=["map"])


@router.get("")
async def ground(account: SignedIn, center: TheCenter) -> models.Ground:
    """What there is to draw the map on; all of it may be missing."""
    found = center.ground
    return models.Ground(
        drawing=found.drawing != b"",
        archive=found.archive is not None,
        tiles=found.tiles,
        credit=found.credit,
        trouble=found.trouble,
    )


@router.get("/drawing")
async def drawing(account: SignedIn, center: TheCenter) -> Response:
    """The drawing, GeoJSON."""
    if not center.ground.drawing:
        raise _missing("drawing", "map.geojson")
    return Response(center.ground.drawing, media_type="application/geo+json")


@router.get("/archive")
async def archive(account: SignedIn, center: TheCenter) -> FileResponse:
    """The archive of tiles, PMTiles; read in pieces, by `Range`."""
    path = center.ground.archive
    if path is None or not path.is_file():
        raise _missing("archive of tiles", "map.pmtiles")
    return FileResponse(path, media_type="application/vnd.pmtiles")


def _missing(what: str, setting: str) -> SerambiError:
    return SerambiError(
        Kind.NOT_FOUND, f"the map has no {what}", hint=f"set {setting} in center.toml"
    )
