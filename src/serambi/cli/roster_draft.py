"""The changes of a roster from a small TOML file."""

from pathlib import Path

from serambi.base.toml import read_struct
from serambi.identity.roster_draft import Changes


def read_changes(path: Path) -> Changes:
    """Raises `SerambiError` naming the file."""
    return read_struct(path, Changes, "see docs/reference/roster.md", "the changes")
