"""Values of one table of a settings file, each checked. Errors name the setting, never quote it."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from serambi.base.errors import Kind, SerambiError
from serambi.base.ids import check_id
from serambi.base.words import Words

HINT = "compare with docs/reference/settings.md"

_HEX64 = re.compile(r"[0-9a-f]{64}\Z")
_DAYS_MAX = 36_600


class Values:
    """The table `raw` of the file at `path`; `within` is the table's own dotted name."""

    def __init__(self, raw: Mapping[str, Any], path: Path, within: str = "") -> None:
        self._raw = raw
        self._path = path
        self._within = within

    @property
    def file(self) -> Path:
        return self._path

    def only(self, known: frozenset[str]) -> Self:
        """These values; raises `BAD_INPUT` for one that is none of `known`."""
        for name in sorted(self._raw.keys() - known):
            raise self.wrong(name, "is not a setting of the center")
        return self

    def table(self, name: str) -> "Values | None":
        """The table `name`, None when there is none."""
        value = self._raw.get(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise self.wrong(name, "must be a table")
        return Values(value, self._path, f"{self._within}{name}.")

    def wrong(self, name: str, what: str) -> SerambiError:
        return SerambiError(
            Kind.BAD_INPUT, f"{self._within}{name[:80]} {what}", where=str(self._path), hint=HINT
        )

    def id(self, name: str) -> str:
        try:
            return check_id(self.text(name), name)
        except SerambiError as error:
            error.where = str(self._path)
            raise

    def text(self, name: str, default: str | None = None) -> str:
        value = self._raw.get(name, default)
        if value is None:
            raise self.wrong(name, "is missing")
        if not isinstance(value, str):
            raise self.wrong(name, "must be a text")
        return value

    def texts(self, name: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        value = self._raw.get(name, list(default))
        if (
            not isinstance(value, list)
            or not value
            or not all(isinstance(item, str) for item in value)
        ):
            raise self.wrong(name, "must be a list of texts, one at least")
        return tuple(value)

    def words(self, name: str) -> Words:
        """One text in both languages."""
        value = self._raw.get(name)
        if not isinstance(value, dict) or value.keys() != {"id", "en"}:
            raise self.wrong(name, 'must be a text in both languages, { id = "...", en = "..." }')
        texts = Values(value, self._path, f"{self._within}{name}.")
        return Words(id=texts.text("id"), en=texts.text("en"))

    def tokens(self, name: str) -> dict[str, str]:
        """A table of party = "SHA-256 of its token" -> by that digest."""
        table = self._raw.get(name, {})
        if not isinstance(table, dict) or not all(
            isinstance(digest, str) and _HEX64.match(digest) for digest in table.values()
        ):
            raise self.wrong(name, "must name for each party the SHA-256 of its token")
        if len(set(table.values())) != len(table):
            raise self.wrong(name, "has one token for two parties")
        return {digest: check_id(party, name) for party, digest in table.items()}

    def port(self, name: str, default: int) -> int:
        value = self._raw.get(name, default)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 65535:
            raise self.wrong(name, "must be a port, 0 to 65535")
        return value

    def zone(self, name: str, default: str) -> str:
        value = self.text(name, default)
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise self.wrong(name, "must be an IANA zone such as Asia/Jakarta") from error
        return value

    def days(self, name: str, default: float) -> float:
        value = self._raw.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.wrong(name, "must be a number of days")
        if not 0 < value <= _DAYS_MAX:
            raise self.wrong(name, f"must be more than 0 and at most {_DAYS_MAX} days")
        return float(value)

    def path(self, name: str, default: str | None) -> Path | None:
        value = self.text(name, default)
        return (self._path.parent / value).resolve() if value else None
