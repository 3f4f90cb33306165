"""What the center's map is drawn on: a drawing, and tiles where an institution has its own.

None of it is needed: without any, sites, cameras and incidents stand on an empty ground. A drawing
that cannot be read costs the drawing, never the center.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from serambi.agreement.attestation import Place
from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import MAP_DRAWING_MAX_BYTES
from serambi.center.map_settings import MapSettings

log = logging.getLogger(__name__)

_WHY_MAX_CHARACTERS = 200


class _Geometry(msgspec.Struct):
    type: str
    coordinates: msgspec.Raw = msgspec.Raw(b"[]")


class _Properties(msgspec.Struct):
    site: str = ""


class _Feature(msgspec.Struct):
    type: Literal["Feature"]
    geometry: _Geometry | None
    properties: _Properties | None


class _Collection(msgspec.Struct):
    type: Literal["FeatureCollection"]
    features: list[_Feature]


@dataclass(frozen=True, slots=True)
class Ground:
    """`drawing`: GeoJSON as it lies on the disk, empty when there is none. `places`: where sites
    are, by the drawing's points with a property `site`. `archive`: a PMTiles file. `trouble` says
    why the drawing cannot be used."""

    drawing: bytes = b""
    places: Mapping[str, Place] = field(default_factory=dict)
    archive: Path | None = None
    tiles: str = ""
    credit: str = ""
    trouble: str = ""

    @property
    def tiles_origin(self) -> str:
        """`https://HOST` of the tile server, empty when there is none."""
        parts = urlsplit(self.tiles)
        return f"{parts.scheme}://{parts.netloc}" if self.tiles else ""


def read_ground(settings: MapSettings) -> Ground:
    """Read the drawing once; what is wrong with it is logged and said in `trouble`."""
    drawing, places, trouble = b"", dict[str, Place](), ""
    if settings.geojson is not None:
        try:
            drawing = _bytes_of(settings.geojson)
            places = read_places(drawing)
        except SerambiError as error:
            log.warning("the map is shown without its drawing: %s", error)
            drawing, trouble = b"", error.what
    return Ground(drawing, places, settings.pmtiles, settings.tiles, settings.credit, trouble)


def _bytes_of(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            raw = file.read(MAP_DRAWING_MAX_BYTES + 1)
    except OSError as error:
        what = f"the map's drawing cannot be read: {error.strerror or error}"
        raise SerambiError(
            Kind.NOT_FOUND, what, where=str(path), hint="look at map.geojson in center.toml"
        ) from error
    if len(raw) > MAP_DRAWING_MAX_BYTES:
        raise SerambiError(
            Kind.LIMIT,
            f"the map's drawing has more than {MAP_DRAWING_MAX_BYTES} bytes",
            where=str(path),
            hint="draw less of the town, or serve it as map.pmtiles",
        )
    return raw


def read_places(raw: bytes) -> dict[str, Place]:
    """GeoJSON (RFC 7946) -> where its points with a property `site` put these sites. Raises
    BAD_INPUT where it is no feature collection or such a point is none on Earth."""
    try:
        collection = msgspec.json.decode(raw, type=_Collection)
        return {
            feature.properties.site: _point(feature.geometry.coordinates)
            for feature in collection.features
            if feature.properties is not None and feature.properties.site
            if feature.geometry is not None and feature.geometry.type == "Point"
        }
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise SerambiError(
            Kind.BAD_INPUT,
            f"the map's drawing is not GeoJSON: {str(error)[:_WHY_MAX_CHARACTERS]}",
            hint="a feature collection after RFC 7946, longitude before latitude",
        ) from error


def _point(coordinates: msgspec.Raw) -> Place:
    numbers = msgspec.json.decode(coordinates, type=list[float])
    if len(numbers) < 2 or abs(numbers[0]) > 180 or abs(numbers[1]) > 90:
        raise msgspec.ValidationError("a site's point is longitude, latitude in degrees")
    return Place(latitude_deg=numbers[1], longitude_deg=numbers[0])
