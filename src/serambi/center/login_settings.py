"""How people sign in: the table `[login]` of the center's settings, and whom passkeys are for."""

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from serambi.base.words import Words
from serambi.center.values import Values

_LOCALHOST = "localhost"


@dataclass(frozen=True, slots=True)
class Site:
    """Whom a passkey is for: the origin of the pages that may ask for it, and the name (RP id)
    that it is bound to."""

    origin: str
    rp_id: str


@dataclass(frozen=True, slots=True)
class OidcSettings:
    """An institution's own sign-in, called `name`. `secret` and `ca` are files, no `ca` stands for
    the system's; `claim` names the account; one of `mfa` must stand in `acr` or `amr`."""

    issuer: str
    client_id: str
    secret: Path
    name: Words
    claim: str
    mfa: tuple[str, ...]
    ca: Path | None = None


@dataclass(frozen=True, slots=True)
class LoginSettings:
    """`passkey`: whether everybody must have one. `url` is the center's address as people type
    it, empty for this machine alone; `rp_id` empty for the host in it."""

    passkey: Literal["required", "offered"] = "required"
    url: str = ""
    rp_id: str = ""
    oidc: OidcSettings | None = None

    @property
    def required(self) -> bool:
        return self.passkey == "required"

    def site(self, port: int, *, tls: bool) -> Site:
        """The site of a center that listens on `port`."""
        origin = self.url or f"{'https' if tls else 'http'}://{_LOCALHOST}:{port}"
        return Site(origin, self.rp_id or urlsplit(origin).hostname or _LOCALHOST)


LOGIN_KNOWN = frozenset({"passkey", "url", "rp_id", "oidc"})
OIDC_KNOWN = frozenset({"issuer", "client_id", "secret", "name", "claim", "mfa", "ca"})


def read_login(values: Values, host: str) -> LoginSettings:
    """`[login]` of a center that listens on `host`. Raises `BAD_INPUT` naming the setting."""
    table = values.table("login") or Values({}, values.file, "login.")
    table.only(LOGIN_KNOWN)
    passkey = table.text("passkey", "required")
    if passkey not in ("required", "offered"):
        raise table.wrong("passkey", "must be required or offered")
    url = _origin(table, "url")
    if not url and passkey == "required" and not _is_loopback(host):
        raise table.wrong("url", "is missing: the address at which people open this center")
    rp_id = table.text("rp_id", "")
    name = urlsplit(url).hostname or _LOCALHOST
    if rp_id and rp_id != name and not (name.endswith(f".{rp_id}") and "." in rp_id):
        raise table.wrong("rp_id", "must be the host in login.url, or a domain above it")
    oidc = table.table("oidc")
    return LoginSettings(
        passkey="offered" if passkey == "offered" else "required",
        url=url,
        rp_id=rp_id,
        oidc=None if oidc is None else _read_oidc(oidc.only(OIDC_KNOWN)),
    )


def _read_oidc(table: Values) -> OidcSettings:
    issuer = table.text("issuer")
    secret = table.path("secret", None)
    if not is_secure(issuer):
        raise table.wrong("issuer", "must begin with https://")
    if secret is None or not secret.is_file():
        raise table.wrong("secret", "must be the file that holds the client's secret")
    return OidcSettings(
        issuer=issuer,
        client_id=table.text("client_id"),
        secret=secret,
        name=table.words("name"),
        claim=table.text("claim", "preferred_username"),
        mfa=table.texts("mfa", ("mfa",)),
        ca=table.path("ca", ""),
    )


def _origin(table: Values, name: str) -> str:
    """An origin where browsers have passkeys: a named host over https, or this machine."""
    text = table.text(name, "").rstrip("/")
    if not text:
        return ""
    try:
        parts = urlsplit(text)
        plain = f"{parts.scheme}://{parts.hostname}"
        origin = f"{plain}:{parts.port}" if parts.port is not None else plain
    except ValueError:
        origin = ""
    if origin != text or not is_secure(text):
        raise table.wrong(name, "must be https://HOST or https://HOST:PORT")
    if _is_address(parts.hostname or ""):
        raise table.wrong(name, "must have a name as host: browsers keep no passkey for an address")
    return text


def is_secure(url: str) -> bool:
    """Over https, or on this very machine."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    if not parts.hostname:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname))


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    return host == _LOCALHOST or (_is_address(host) and ipaddress.ip_address(host).is_loopback)
