"""The changes of a roster from a small TOML file."""

from pathlib import Path

import msgspec

from serambi.base.errors import Kind, SerambiError
from serambi.base.toml import read_toml
from serambi.identity.roster_draft import Changes

_HINT = "see docs/reference/roster.md"


def read_changes(path: Path) -> Changes:
    """Raises `SerambiError` naming the file."""
    try:
        return msgspec.convert(read_toml(path, _HINT, "the changes"), Changes)
    except msgspec.ValidationError as error:
        raise SerambiError(
            Kind.BAD_INPUT,
            f"the changes cannot be read: {str(error)[:300]}",
            where=str(path),
            hint=_HINT,
        ) from error
