"""The keeper's settings: `keeper.toml`, and `cameras.toml` beside it with the credentials."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from serambi.base.errors import Kind, SerambiError
from serambi.base.ids import check_id
from serambi.base.toml import read_toml
from serambi.base.words import Words

_KEEP_MAX = 1_000_000
_CORES_MAX = 64
_ERROR_MAX_CHARACTERS = 300
_HINT = "compare with docs/reference/settings.md"
_HEX64 = re.compile(r"[0-9a-f]{64}\Z")


class Camera(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One camera as the owner enters it. Addresses carry no credentials; those stand apart."""

    id: str
    number: str
    name: Words
    facing: Literal["street", "yard", "inside"]
    main: str
    sub: str
    user: str = ""
    password: str = ""
    transport: Literal["tcp", "udp"] = "tcp"

    def __repr__(self) -> str:
        return f"Camera({self.id!r}, number={self.number!r})"  # never the password


class _Http(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    host: str = "127.0.0.1"
    port: int = 0


class _Trust(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    roster: str
    genesis: str


class _Retention(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    days: float = 14.0
    gigabytes: float = 200.0


class _Analysis(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    views: bool = False
    cores: float = 0.5


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: int
    site: str
    owner: str
    name: Words
    contact: Words
    trust: _Trust
    owner_token_sha256: str
    zone: str = "Asia/Jakarta"
    http: _Http = _Http()
    retention: _Retention = _Retention()
    analysis: _Analysis = _Analysis()


class _Cameras(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    camera: tuple[Camera, ...] = ()


@dataclass(frozen=True, slots=True)
class KeeperConfig:
    """Checked settings; `folder` is the keeper's own data folder (where keeper.toml lies)."""

    folder: Path
    site: str
    owner: str
    name: Words
    contact: Words
    zone: str
    host: str
    port: int
    roster: Path
    genesis: str
    owner_token_sha256: str
    keep_s: float
    keep_bytes: int
    check_views: bool
    analysis_cores: float
    cameras: tuple[Camera, ...]

    @property
    def origin(self) -> str:
        """The name under which this keeper's ledger is signed."""
        return f"{self.owner}/{self.site}/keeper"


def _read(path: Path, kind: Any) -> Any:
    try:
        return msgspec.convert(read_toml(path, _HINT), kind)
    except msgspec.ValidationError as error:
        # Without values: somebody may have typed a password into the wrong line.
        why = re.sub(r"enum value '.*'", "enum value", str(error), flags=re.DOTALL)
        what = f"the settings cannot be read: {why[:_ERROR_MAX_CHARACTERS]}"
        raise SerambiError(Kind.BAD_INPUT, what, where=str(path), hint=_HINT) from error


def _refuse(path: Path, what: str, hint: str) -> SerambiError:
    return SerambiError(Kind.BAD_INPUT, what, where=str(path), hint=hint)


def _check_name(path: Path, value: str, field_name: str) -> None:
    try:
        check_id(value, field_name)
    except SerambiError as error:
        error.where = str(path)
        raise


def _check_cameras(path: Path, cameras: tuple[Camera, ...]) -> None:
    if len({camera.id for camera in cameras}) != len(cameras):
        raise _refuse(path, "two cameras have the same id", "give each camera an id of its own")
    for camera in cameras:
        _check_name(path, camera.id, "camera.id")
        for url in (camera.main, camera.sub):
            if not url.startswith("rtsp://"):
                what = f"camera {camera.number}: a stream's address must begin with rtsp://"
                raise _refuse(path, what, "look into the camera's manual for it")
            if "@" in url:
                what = f"camera {camera.number}: a stream's address must be without credentials"
                raise _refuse(path, what, "put user and password into their own fields")


def read_config(path: Path) -> KeeperConfig:
    """`keeper.toml` (and `cameras.toml` beside it) -> settings, or a `SerambiError` that says
    which file, which field and what to do."""
    path = path.resolve()
    found: _File = _read(path, _File)
    if found.format != 1:
        raise _refuse(path, f"format {found.format} is not known", "install a newer Serambi")
    _check_name(path, found.site, "site")
    _check_name(path, found.owner, "owner")
    if not 0 <= found.http.port <= 65_535:
        raise _refuse(path, f"http.port {found.http.port} is not a port", "use 0 to 65535")
    for number, name in (
        (found.retention.days, "retention.days"),
        (found.retention.gigabytes, "retention.gigabytes"),
    ):
        if not 0 < number <= _KEEP_MAX:
            hint = f"use more than 0, at most {_KEEP_MAX}"
            raise _refuse(path, f"{name} {number} is out of bounds", hint)
    if not 0.05 <= found.analysis.cores <= _CORES_MAX:
        hint = f"use 0.05 to {_CORES_MAX}"
        raise _refuse(path, f"analysis.cores {found.analysis.cores} is out of bounds", hint)
    try:
        ZoneInfo(found.zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        hint = "use an IANA name such as Asia/Jakarta"
        raise _refuse(path, f"zone {found.zone!r} is not known", hint) from error
    for value, name in (
        (found.trust.genesis, "trust.genesis"),
        (found.owner_token_sha256, "owner_token_sha256"),
    ):
        if not _HEX64.match(value):
            raise _refuse(path, f"{name} is not a SHA-256", "64 hexadecimal digits, lower case")
    secrets_path = path.parent / "cameras.toml"
    cameras: tuple[Camera, ...] = _read(secrets_path, _Cameras).camera
    _check_cameras(secrets_path, cameras)
    return KeeperConfig(
        folder=path.parent,
        site=found.site,
        owner=found.owner,
        name=found.name,
        contact=found.contact,
        zone=found.zone,
        host=found.http.host,
        port=found.http.port,
        roster=(path.parent / found.trust.roster).resolve(),
        genesis=found.trust.genesis,
        owner_token_sha256=found.owner_token_sha256,
        keep_s=found.retention.days * 86400,
        keep_bytes=int(found.retention.gigabytes * 1e9),
        check_views=found.analysis.views,
        analysis_cores=found.analysis.cores,
        cameras=cameras,
    )
