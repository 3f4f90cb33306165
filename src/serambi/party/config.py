"""A party's settings: `party.toml` -> one frozen dataclass. docs/reference/settings.md."""

import stat
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from serambi.agreement.instants import check_zone
from serambi.base.errors import Kind, SerambiError
from serambi.base.ids import check_id
from serambi.base.limits import WITNESS_PEERS_MAX
from serambi.base.toml import read_toml

_HINT = "compare with docs/reference/settings.md"
_TOKEN_MAX_BYTES = 1024


class _Trust(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    roster: str
    genesis: str


class _Center(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    url: str
    token: str = "token"
    ca: str = ""


class _Http(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    host: str = "127.0.0.1"
    port: int = 0


class _Desk(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    port: int = 0
    key: str = "key"
    zone: str = "Asia/Jakarta"


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: int
    party: str
    trust: _Trust
    center: _Center
    http: _Http = _Http()
    desk: _Desk = _Desk()
    key: str = "witness"
    peers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PartyConfig:
    """Checked settings; paths are absolute, `folder` is where party.toml lies. `key` is the
    folder of the witness's key, `desk_key` that of the key that signs agreements; `desk_zone` is
    whose clocks the signing desk shows."""

    folder: Path
    party: str
    key: Path
    roster: Path
    genesis: str
    center: str
    token: str
    ca: Path | None
    host: str
    port: int
    peers: tuple[str, ...]
    desk_port: int
    desk_key: Path
    desk_zone: str

    def __repr__(self) -> str:
        return f"PartyConfig({self.party!r}, {self.folder})"  # never the token


def read_config(path: Path) -> PartyConfig:
    """Read `path`; relative paths count from its folder. Raises `BAD_INPUT` naming the setting,
    `DENIED` for a token that others can read."""
    path = path.resolve()
    try:
        found = msgspec.convert(read_toml(path, _HINT), _File)
    except msgspec.ValidationError as error:
        raise _wrong(path, f"the settings cannot be read: {str(error)[:300]}") from error
    if found.format != 1:
        raise _wrong(path, f"format {found.format} is not known")
    try:
        check_id(found.party, "party")
    except SerambiError as error:
        error.where = str(path)
        raise
    for name, port in (("http", found.http.port), ("desk", found.desk.port)):
        if not 0 <= port <= 65_535:
            raise _wrong(path, f"{name}.port {port} is not a port")
    try:
        check_zone(found.desk.zone)
    except SerambiError as error:
        raise _wrong(path, f"desk.zone: {error.what}") from error
    if len(found.peers) > WITNESS_PEERS_MAX:
        raise _wrong(path, f"peers has more than {WITNESS_PEERS_MAX} addresses")
    for url in (found.center.url, *found.peers):
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise _wrong(path, f"{url[:200]!r} is not an address such as https://HOST:PORT")
    folder = path.parent
    return PartyConfig(
        folder=folder,
        party=found.party,
        key=(folder / found.key).resolve(),
        roster=(folder / found.trust.roster).resolve(),
        genesis=found.trust.genesis,
        center=found.center.url,
        token=_token(folder / found.center.token),
        ca=(folder / found.center.ca).resolve() if found.center.ca else None,
        host=found.http.host,
        port=found.http.port,
        peers=found.peers,
        desk_port=found.desk.port,
        desk_key=(folder / found.desk.key).resolve(),
        desk_zone=found.desk.zone,
    )


def _token(path: Path) -> str:
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise SerambiError(
                Kind.DENIED, "others can read the token", where=str(path), hint=f"chmod 600 {path}"
            )
        with path.open("rb") as file:
            text = file.read(_TOKEN_MAX_BYTES).decode("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise _wrong(path, "the token for the center cannot be read") from error
    if not text:
        raise _wrong(path, "the token for the center is empty")
    return text


def _wrong(path: Path, what: str) -> SerambiError:
    return SerambiError(Kind.BAD_INPUT, what, where=str(path), hint=_HINT)
