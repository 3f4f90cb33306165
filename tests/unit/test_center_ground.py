"""What the map is drawn on, and that nothing wrong with it costs more than the drawing."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from serambi.agreement.attestation import Place
from serambi.base.clock import SystemClock
from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import MAP_DRAWING_MAX_BYTES
from serambi.center.config import read_config
from serambi.center.ground import Ground, read_ground, read_places
from serambi.center.map_settings import MapSettings
from serambi.sim.town import DRAWING, read_town
from tests.fakes.center_town import Town
from tests.fakes.running import running

TILES = "https://tiles.kota.example/{z}/{x}/{y}.png"
NEEDED = f'party = "p"\ngenesis = "{"0" * 64}"\nlisten = ["quic/127.0.0.1:1"]\n'


def drawn(*features: object) -> bytes:
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


def feature(geometry: object, **properties: object) -> dict[str, Any]:
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def point(*coordinates: object) -> dict[str, Any]:
    return {"type": "Point", "coordinates": coordinates}


def test_points_that_name_a_site_say_where_it_is() -> None:
    street = {"type": "LineString", "coordinates": [[1, 2], [3, 4]]}
    features = [
        feature(point(111.0, -6.0, 12.5), site="market", kind="site"),
        feature(point(1, 2), kind="tree"),
        feature(street, site="of-a-street"),
        {"type": "Feature", "properties": None, "geometry": None, "id": 3},
    ]
    assert read_places(drawn(*features)) == {"market": Place(-6.0, 111.0)}


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff",
        b"[]",
        b"[" * 5000,
        b'{"type": "Feature", "properties": {}, "geometry": null}',
        drawn(feature(point(), site="a")),
        drawn(feature(point(181, 0), site="a")),
        drawn(feature(point(0, -91), site="a")),
        drawn(feature(point("1", "2"), site="a")),
        drawn(feature(point(0, 0), site=7)),
        drawn("no feature"),
    ],
)
def test_what_is_no_drawing_is_said_in_plain_words(raw: bytes, tmp_path: Path) -> None:
    with pytest.raises(SerambiError, match="is not GeoJSON") as caught:
        read_places(raw)
    assert caught.value.kind == Kind.BAD_INPUT
    path = tmp_path / "map.geojson"
    path.write_bytes(raw)
    ground = read_ground(MapSettings(geojson=path, tiles=TILES))
    assert (ground.drawing, ground.places, ground.tiles) == (b"", {}, TILES)
    assert "is not GeoJSON" in ground.trouble


def test_a_drawing_that_is_missing_or_too_large_costs_the_drawing_alone(tmp_path: Path) -> None:
    path = tmp_path / "map.geojson"
    assert "No such file" in read_ground(MapSettings(geojson=path)).trouble
    with path.open("wb") as file:
        file.truncate(MAP_DRAWING_MAX_BYTES + 1)
    assert "more than" in read_ground(MapSettings(geojson=path)).trouble
    assert read_ground(MapSettings()) == Ground()


def test_the_demo_town_is_drawn_around_its_own_cameras() -> None:
    town = read_town()
    places = read_places(DRAWING.read_bytes())
    assert places.keys() <= {site.id for site in town.site}
    for camera in town.cameras:
        assert (camera.place is None) == (camera.facing == "inside"), camera.number
        if camera.place is not None:
            latitude_deg, longitude_deg = camera.place
            assert abs(latitude_deg + 6.0) < 0.01
            assert abs(longitude_deg - 111.0) < 0.01


def test_settings_of_the_map(tmp_path: Path) -> None:
    path = tmp_path / "center.toml"
    assert _read(path, "").map == MapSettings()
    found = _read(path, f'[map]\ngeojson = "m.geojson"\ntiles = "{TILES}"\ncredit = "© Kota"\n')
    assert found.map == MapSettings(tmp_path.resolve() / "m.geojson", None, TILES, "© Kota")
    assert Ground(tiles=TILES).tiles_origin == "https://tiles.kota.example"
    assert Ground().tiles_origin == ""


@pytest.mark.parametrize(
    "wrong",
    [
        "map = 1",
        "[map]\nzoom = 3",
        "[map]\ncredit = 3",
        '[map]\ntiles = "tiles/{z}/{x}/{y}"',
        '[map]\ntiles = "https://a.example/{z}/{x}"',
        '[map]\ntiles = "ftp://a.example/{z}/{x}/{y}"',
        # Nothing of it may reach beyond its place in the header.
        """[map]\ntiles = "https://a.example; script-src */{z}/{x}/{y}\"""",
        """[map]\ntiles = "https://{z}{x}{y}/\"""",
    ],
)
def test_settings_of_the_map_that_are_wrong(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(SerambiError) as caught:
        _read(tmp_path / "center.toml", wrong)
    assert caught.value.kind == Kind.BAD_INPUT
    assert caught.value.where.endswith("center.toml")


def _read(path: Path, more: str) -> Any:
    path.write_text(NEEDED + more)
    return read_config(path)


async def test_the_map_over_http(tmp_path: Path) -> None:
    town = Town(tmp_path, SystemClock())
    archive = tmp_path / "town.pmtiles"
    archive.write_bytes(bytes(range(200)))
    more = replace(town.config.map, pmtiles=archive, tiles=TILES, credit="© Kota")
    town.config = replace(town.config, map=more)
    built = tmp_path / "built"
    built.mkdir()
    (built / "index.html").write_text("<!doctype html>")
    async with running(town, built) as center:
        town.speak()
        async with center.client() as client:
            told = (await client.get("/api/map")).json()
            assert told == {
                "drawing": True,
                "archive": True,
                "tiles": TILES,
                "credit": "© Kota",
                "trouble": "",
            }
            drawing = await client.get("/api/map/drawing")
            assert drawing.headers["content-type"] == "application/geo+json"
            assert drawing.content == (tmp_path / "map.geojson").read_bytes()
            piece = await client.get("/api/map/archive", headers={"Range": "bytes=7-9"})
            assert (piece.status_code, piece.content) == (206, bytes([7, 8, 9]))
            places = {site["id"]: site["place"] for site in (await client.get("/api/sites")).json()}
            market = {"latitude_deg": -6.0012, "longitude_deg": 111.0002}
            assert places == {"market": market, "terminal": None}
            sectors = {c["id"]: c["sector"] for c in (await client.get("/api/cameras")).json()}
            assert sectors["terminal-2"]["heading_deg"] == 200
            assert sectors["market-2"] is None
            policy = (await client.get("/")).headers["Content-Security-Policy"]
            assert "img-src 'self' https://tiles.kota.example blob: data:;" in policy
        async with center.client(None) as client:
            for path in ("", "/drawing", "/archive"):
                assert (await client.get(f"/api/map{path}")).status_code == 401


async def test_a_map_without_anything_says_so(tmp_path: Path) -> None:
    town = Town(tmp_path, SystemClock())
    town.config = replace(town.config, map=MapSettings(pmtiles=tmp_path / "none.pmtiles"))
    async with running(town) as center, center.client() as client:
        assert (await client.get("/api/map")).json()["drawing"] is False
        for path in ("drawing", "archive"):
            assert (await client.get(f"/api/map/{path}")).status_code == 404
