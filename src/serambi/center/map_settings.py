"""What the map is drawn on: the table `[map]` of the center's settings. None of it is needed."""

import re
from dataclasses import dataclass
from pathlib import Path

from serambi.center.values import Values

MAP_KNOWN = frozenset({"geojson", "pmtiles", "tiles", "credit"})
_TILES = re.compile(
    r"https?://[A-Za-z0-9.-]+(:[0-9]+)?/(?=\S*\{z\})(?=\S*\{x\})(?=\S*\{y\})[!-~]*\Z"
)


@dataclass(frozen=True, slots=True)
class MapSettings:
    """Files, the address of a tile server, and whom their licences ask to name."""

    geojson: Path | None = None
    pmtiles: Path | None = None
    tiles: str = ""
    credit: str = ""


def read_map(values: Values) -> MapSettings:
    """`[map]`. Raises `BAD_INPUT` naming the setting."""
    table = values.table("map")
    if table is None:
        return MapSettings()
    table.only(MAP_KNOWN)
    tiles = table.text("tiles", "")
    # What stands before the path goes into a header.
    if tiles and not _TILES.match(tiles):
        raise table.wrong("tiles", "must be https://HOST/... with {z}, {x} and {y} in its path")
    return MapSettings(
        geojson=table.path("geojson", ""),
        pmtiles=table.path("pmtiles", ""),
        tiles=tiles,
        credit=table.text("credit", ""),
    )
