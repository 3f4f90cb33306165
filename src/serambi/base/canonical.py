"""Documents as bytes: strict JSON in, canonical JSON (RFC 8785) out.

Everything that is hashed or signed goes through here, so that one document has one encoding.
"""

from typing import TypeVar

import msgspec
import rfc8785

from serambi.base.errors import Kind, SerambiError

T = TypeVar("T")
_ERROR_MAX_CHARACTERS = 300


def encode(document: object) -> bytes:
    """A `msgspec.Struct` or plain JSON value -> canonical bytes."""
    plain = msgspec.to_builtins(document)
    return rfc8785.dumps(plain)


def decode(kind: type[T], raw: bytes, *, what: str, max_bytes: int) -> T:
    """Canonical bytes -> `kind`; anything else raises `SerambiError(BAD_INPUT)`.

    Unknown fields (declare structs with `forbid_unknown_fields=True`), wrong types, duplicate
    keys, other spellings of the same value: all refused, because what is accepted must encode
    to the very same bytes.
    """
    if len(raw) > max_bytes:
        raise SerambiError(
            Kind.LIMIT, f"{what} is {len(raw)} bytes, more than the {max_bytes} allowed"
        )
    try:
        document = msgspec.json.decode(raw, type=kind, strict=True)
        same = encode(document) == raw
    except (msgspec.DecodeError, rfc8785.CanonicalizationError, UnicodeError) as error:
        # Cut short: the text may quote a field's name, and whoever sends it chooses that.
        raise SerambiError(
            Kind.BAD_INPUT,
            f"{what} cannot be read: {str(error)[:_ERROR_MAX_CHARACTERS]}",
            hint="get it anew from where it comes, or update this Serambi",
        ) from error
    if not same:
        raise SerambiError(
            Kind.BAD_INPUT,
            f"{what} is not in canonical form",
            hint="encode it as RFC 8785 JSON without unknown or duplicate fields",
        )
    return document
