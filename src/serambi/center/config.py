"""The center's settings: one TOML file -> one frozen dataclass. docs/reference/settings.md."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from serambi.base.limits import NAMES_KEPT_DAYS
from serambi.base.toml import read_toml
from serambi.center.login_settings import LoginSettings, read_login
from serambi.center.map_settings import MapSettings, read_map
from serambi.center.values import HINT, Values


@dataclass(frozen=True, slots=True)
class CenterConfig:
    """Paths are absolute. `tls` holds the fabric's certificate, which the center renews by itself
    for the host `names` when `authority` is given. `web_tls` is (certificate, key). `zone` is that
    of the public page's dates; people's names are kept for `names_days`. `witnesses`: SHA-256 of a
    witness's token -> its party."""

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
    login: LoginSettings = field(default_factory=LoginSettings)
    map: MapSettings = field(default_factory=MapSettings)
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
        "login",
        "map",
        "on_call",
    }
)


def read_config(path: Path) -> CenterConfig:
    """Read `path`; relative paths count from its folder. Raises `BAD_INPUT` naming the setting."""
    reader = Values(read_toml(path, HINT), path).only(_KNOWN)
    listen = reader.texts("listen")
    host = reader.text("host", "127.0.0.1")
    certificate = reader.path("web_certificate", "")
    key = reader.path("web_key", "")
    return CenterConfig(
        party=reader.id("party"),
        host=host,
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
        login=read_login(reader, host),
        map=read_map(reader),
        on_call=reader.path("on_call", ""),
    )


def hosts_of(listen: tuple[str, ...]) -> tuple[str, ...]:
    """The hosts in addresses such as `quic/127.0.0.1:7447`, each once."""
    hosts = (address.partition("/")[2].rpartition(":")[0].strip("[]") for address in listen)
    return tuple(dict.fromkeys(host for host in hosts if host))
