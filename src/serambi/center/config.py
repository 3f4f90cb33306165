"""The center's settings: one TOML file -> one frozen dataclass. docs/reference/settings.md."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from serambi.base.errors import Kind, SerambiError
from serambi.base.ids import check_id
from serambi.base.limits import NAMES_KEPT_DAYS
from serambi.base.toml import read_toml

_HEX64 = re.compile(r"[0-9a-f]{64}\Z")
_TILES = re.compile(
    r"https?://[A-Za-z0-9.-]+(:[0-9]+)?/(?=\S*\{z\})(?=\S*\{x\})(?=\S*\{y\})[!-~]*\Z"
)
_HINT = "compare with docs/reference/settings.md"
_DAYS_MAX = 36_600


@dataclass(frozen=True, slots=True)
class MapSettings:
    """What the map is drawn on: files, the address of a tile server, and whom their licences ask
    to name. None of it is needed."""

    geojson: Path | None = None
    pmtiles: Path | None = None
    tiles: str = ""
    credit: str = ""


@dataclass(frozen=True, slots=True)
class CenterConfig:
    """Paths are absolute. `tls` holds the fabric's certificate, which the center renews by itself
    for the host `names` when `authority` is given. `web_tls` is (certificate, key). `zone` is that
    of the public page's dates; people's names are kept for `names_days`. `witnesses`: SHA-256 of a
    witness's token -> its party. `on_call`: the file of whom to tell at each institution."""

    party: str
    host: str
    port: int
    folder: Path
    key: Path
    tls: Path
    roster: Path
    genesis: str
    listen: tuple[str, ...]
    authority: Path | None = None
    names: tuple[str, ...] = ()
    web_tls: tuple[Path, Path] | None = None
    zone: str = "Asia/Jakarta"
    names_days: float = NAMES_KEPT_DAYS
    witnesses: Mapping[str, str] = field(default_factory=dict)
    map: MapSettings = MapSettings()
    on_call: Path | None = None

    @property
    def database(self) -> Path:
        return self.folder / "center.db"

    @property
    def ledger(self) -> Path:
        return self.folder / "ledger"

    @property
    def agreements(self) -> Path:
        return self.folder / "agreements"

    @property
    def names_folder(self) -> Path:
        return self.folder / "names"


_KNOWN = frozenset(
    {
        "party",
        "host",
        "port",
        "folder",
        "key",
        "tls",
        "roster",
        "genesis",
        "listen",
        "authority",
        "names",
        "web_certificate",
        "web_key",
        "zone",
        "names_days",
        "witnesses",
        "map",
        "on_call",
    }
)
_MAP_SETTINGS = frozenset({"geojson", "pmtiles", "tiles", "credit"})


def read_config(path: Path) -> CenterConfig:
    """Read `path`; relative paths count from its folder. Raises `BAD_INPUT` naming the setting."""
    raw = read_toml(path, _HINT)
    reader = _Reader(raw, path)
    unknown = raw.keys() - _KNOWN
    if unknown:
        raise reader.wrong(sorted(unknown)[0], "is not a setting of the center")
    listen = reader.texts("listen")
    certificate = reader.path("web_certificate", "")
    key = reader.path("web_key", "")
    return CenterConfig(
        party=reader.id("party"),
        host=reader.text("host", "127.0.0.1"),
        port=reader.port("port", 8080),
        folder=reader.path("folder", ".") or path.parent,
        key=reader.path("key", "key") or path.parent,
        tls=reader.path("tls", "tls") or path.parent,
        roster=reader.path("roster", "../roster.json") or path.parent,
        genesis=reader.text("genesis"),
        listen=listen,
        authority=reader.path("authority", ""),
        names=reader.texts("names", hosts_of(listen)),
        web_tls=(certificate, key) if certificate and key else None,
        zone=reader.zone("zone", "Asia/Jakarta"),
        names_days=reader.days("names_days", NAMES_KEPT_DAYS),
        witnesses=reader.tokens("witnesses"),
        map=_map_settings(raw.get("map", {}), reader, path),
        on_call=reader.path("on_call", ""),
    )


def _map_settings(table: object, of_all: "_Reader", path: Path) -> MapSettings:
    if not isinstance(table, dict):
        raise of_all.wrong("map", "must be a table")
    reader = _Reader(table, path)
    unknown = table.keys() - _MAP_SETTINGS
    if unknown:
        raise reader.wrong(f"map.{sorted(unknown)[0]}", "is not a setting of the center")
    return MapSettings(
        geojson=reader.path("geojson", ""),
        pmtiles=reader.path("pmtiles", ""),
        tiles=reader.tiles("tiles"),
        credit=reader.text("credit", ""),
    )


def hosts_of(listen: tuple[str, ...]) -> tuple[str, ...]:
    """The hosts in addresses such as `quic/127.0.0.1:7447`, each once."""
    hosts = (address.partition("/")[2].rpartition(":")[0].strip("[]") for address in listen)
    return tuple(dict.fromkeys(host for host in hosts if host))


class _Reader:
    def __init__(self, raw: dict[str, Any], path: Path) -> None:
        self._raw = raw
        self._path = path

    def wrong(self, name: str, what: str) -> SerambiError:
        return SerambiError(
            Kind.BAD_INPUT, f"{name[:80]} {what}", where=str(self._path), hint=_HINT
        )

    def id(self, name: str) -> str:
        try:
            return check_id(self.text(name), name)
        except SerambiError as error:
            error.where = str(self._path)
            raise

    def text(self, name: str, default: str | None = None) -> str:
        value = self._raw.get(name, default)
        if value is None:
            raise self.wrong(name, "is missing")
        if not isinstance(value, str):
            raise self.wrong(name, "must be a text")
        return value

    def texts(self, name: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        value = self._raw.get(name, list(default))
        if (
            not isinstance(value, list)
            or not value
            or not all(isinstance(item, str) for item in value)
        ):
            raise self.wrong(name, "must be a list of texts, one at least")
        return tuple(value)

    def tokens(self, name: str) -> dict[str, str]:
        """A table of party = "SHA-256 of its token" -> by that digest."""
        table = self._raw.get(name, {})
        if not isinstance(table, dict) or not all(
            isinstance(digest, str) and _HEX64.match(digest) for digest in table.values()
        ):
            raise self.wrong(name, "must name for each party the SHA-256 of its token")
        if len(set(table.values())) != len(table):
            raise self.wrong(name, "has one token for two parties")
        return {digest: check_id(party, name) for party, digest in table.items()}

    def port(self, name: str, default: int) -> int:
        value = self._raw.get(name, default)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 65535:
            raise self.wrong(name, "must be a port, 0 to 65535")
        return value

    def zone(self, name: str, default: str) -> str:
        value = self.text(name, default)
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise self.wrong(name, "must be an IANA zone such as Asia/Jakarta") from error
        return value

    def days(self, name: str, default: float) -> float:
        value = self._raw.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.wrong(name, "must be a number of days")
        if not 0 < value <= _DAYS_MAX:
            raise self.wrong(name, f"must be more than 0 and at most {_DAYS_MAX} days")
        return float(value)

    def tiles(self, name: str) -> str:
        """The address of tiles, empty for none: what stands before its path goes into a header."""
        value = self.text(name, "")
        if value and not _TILES.match(value):
            raise self.wrong(name, "must be https://HOST/... with {z}, {x} and {y} in its path")
        return value

    def path(self, name: str, default: str) -> Path | None:
        value = self.text(name, default)
        return (self._path.parent / value).resolve() if value else None
