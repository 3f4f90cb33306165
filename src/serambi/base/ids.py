"""Identifiers: how they are made and what they may look like."""

import re
import secrets

from serambi.base.errors import Kind, SerambiError

# Ids become key expressions, file names and URL parts: nothing that any of these could misread.
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?\Z")


def new_id() -> str:
    """128 random bits as 32 hexadecimal digits."""
    return secrets.token_hex(16)


def check_id(value: str, what: str) -> str:
    """Return `value` if it is a well-formed id (1-64 of a-z, 0-9 and inner hyphens), else raise."""
    if not _NAME.match(value):
        raise SerambiError(
            Kind.BAD_INPUT,
            f"{what} {value[:80]!r} is not a valid id",
            hint="use 1 to 64 of a-z, 0-9 and hyphens, not first or last",
        )
    return value
