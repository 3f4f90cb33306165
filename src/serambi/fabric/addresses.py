"""Addresses of the fabric: what may be written into a settings file."""

import re
from typing import Any

from serambi.base.errors import Kind, SerambiError


def ordered(endpoints: tuple[str, ...]) -> list[Any]:
    """Endpoints in the order they are tried; each TLS one becomes a pair, control and pictures."""
    quic = [e for e in endpoints if check_endpoint(e).startswith("quic/")]
    tls = [e for e in endpoints if e.startswith("tls/")]
    pairs = [{"strategy": "allOf", "locators": [f"{e}?prio=0-4", f"{e}?prio=5-7"]} for e in tls]
    return [*quic, *pairs]


def check_endpoint(endpoint: str) -> str:
    """`quic/host:port` or `tls/host:port`; plain TCP or options of Zenoh are refused."""
    protocol, _, address = endpoint.partition("/")
    host, _, port = address.rpartition(":")
    if (
        protocol not in ("quic", "tls")
        or not host
        or not re.fullmatch(r"[0-9]{1,5}", port)
        or not 0 < int(port) < 65_536
        or set(address) & set("?#;")
    ):
        raise SerambiError(
            Kind.BAD_INPUT,
            f"{endpoint[:80]!r} is not an address of the fabric",
            hint="write quic/HOST:PORT or tls/HOST:PORT",
        )
    return endpoint
