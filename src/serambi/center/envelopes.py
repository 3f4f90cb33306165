"""What a site says counts only under the roster's gateway key for that very site."""

from typing import TypeVar

from serambi.base.canonical import decode
from serambi.base.errors import Kind, SerambiError
from serambi.identity import dsse
from serambi.identity.roster import Roster

T = TypeVar("T")


def open_signed(
    raw: bytes, kind: type[T], payload_type: str, roster: Roster, site: str, max_bytes: int
) -> T:
    """The struct inside `raw`, signed by the gateway of `site`.

    Raises `LIMIT`, `BAD_INPUT` for what cannot be read and `DENIED` for a missing or wrong
    signature.
    """
    if len(raw) > max_bytes:
        raise SerambiError(
            Kind.LIMIT, f"a message of {len(raw)} bytes is over the limit", where=f"site {site}"
        )
    envelope = dsse.load(raw)
    if envelope.payload_type != payload_type:
        raise SerambiError(
            Kind.BAD_INPUT,
            f"expected {payload_type}, got {envelope.payload_type[:80]!r}",
            where=f"site {site}",
        )
    if not dsse.verified_by(envelope, roster.keys_for(use="gateway", site=site)):
        raise SerambiError(
            Kind.DENIED,
            "a message is not signed by this site's gateway",
            where=f"site {site}",
            hint="compare the gateway's key with the roster",
        )
    return decode(kind, envelope.payload, what="the message", max_bytes=max_bytes)
