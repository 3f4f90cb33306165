"""The courier's settings: one TOML file -> one frozen dataclass. docs/reference/settings.md."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serambi.base.errors import Kind, SerambiError
from serambi.base.toml import read_toml
from serambi.fabric.addresses import check_endpoint
from serambi.fabric.keys import check_site
from serambi.fabric.port import TlsFiles

_SETTINGS = {"site", "socket", "center", "tls"}
_TLS_SETTINGS = {"ca", "cert", "key"}
_HINT = "compare with docs/reference/settings.md"


@dataclass(frozen=True, slots=True)
class CourierConfig:
    """`socket` is the keeper's, `center` the addresses of the fabric. Paths are absolute."""

    site: str
    socket: Path
    center: tuple[str, ...]
    tls: TlsFiles


def read_config(path: Path) -> CourierConfig:
    """Read `path`; relative paths count from its folder. Raises BAD_INPUT naming the setting."""
    raw = read_toml(path, _HINT)
    _complete(path, raw, _SETTINGS, "")
    tls = raw["tls"]
    if not isinstance(tls, dict):
        raise _wrong(path, "tls must be a table with ca, cert and key")
    _complete(path, tls, _TLS_SETTINGS, "tls.")
    center = raw["center"]
    if not isinstance(center, list) or not center:
        raise _wrong(path, "center must be a list of addresses such as quic/HOST:PORT")
    try:
        site = check_site(_text(path, raw, "site"))
        addresses = tuple(check_endpoint(_as_text(path, item, "center")) for item in center)
    except SerambiError as error:
        raise SerambiError(error.kind, error.what, where=str(path), hint=error.hint) from error
    return CourierConfig(
        site=site,
        socket=_path(path, raw, "socket"),
        center=addresses,
        tls=TlsFiles(_path(path, tls, "ca"), _path(path, tls, "cert"), _path(path, tls, "key")),
    )


def _complete(path: Path, table: dict[str, Any], names: set[str], prefix: str) -> None:
    for name in sorted(table.keys() - names):
        raise _wrong(path, f"{prefix}{name[:80]} is not a setting of the courier")
    for name in sorted(names - table.keys()):
        raise _wrong(path, f"{prefix}{name} is missing")


def _path(path: Path, table: dict[str, Any], name: str) -> Path:
    # Not resolved: certificates may be symbolic links that a renewal swaps.
    return path.absolute().parent / _text(path, table, name)


def _text(path: Path, table: dict[str, Any], name: str) -> str:
    return _as_text(path, table[name], name)


def _as_text(path: Path, value: object, name: str) -> str:
    if not isinstance(value, str) or not value:
        raise _wrong(path, f"{name} must be a text")
    return value


def _wrong(path: Path, what: str) -> SerambiError:
    return SerambiError(Kind.BAD_INPUT, what, where=str(path), hint=_HINT)
