"""Which stream to read: its address, taken apart, and who asks for it."""

from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import unquote, urlsplit, urlunsplit

from serambi.base.errors import Kind, SerambiError

Transport = Literal["tcp", "udp"]

_DEFAULT_PORT = 554


@dataclass(frozen=True, slots=True)
class Target:
    """`url` carries no credentials. `transport`: how pictures come, inside the connection (`tcp`)
    or beside it (`udp`); the other one is tried when the camera refuses."""

    url: str
    host: str
    port: int
    user: str = field(repr=False)
    password: str = field(repr=False)
    transport: Transport


def parse_target(url: str, user: str, password: str, transport: Transport = "tcp") -> Target:
    """Raises `SerambiError(BAD_INPUT)`, without repeating the address, for what is no `rtsp://`
    address."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        parts, host, port = urlsplit(""), None, None
    if parts.scheme != "rtsp" or not host or any(ord(letter) <= 0x20 for letter in url):
        raise SerambiError(
            Kind.BAD_INPUT,
            "the stream's address is no rtsp:// address",
            hint="check the address in the camera's manual",
        )
    if not user:
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
    place = parts.netloc.rpartition("@")[2]
    bare = urlunsplit(parts._replace(netloc=place, fragment=""))
    return Target(bare, host, port or _DEFAULT_PORT, user, password, transport)
