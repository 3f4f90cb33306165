"""Dates and times as people here read them: `23 Nov 2026`, `17.52.30 WIB`."""

from datetime import datetime
from zoneinfo import ZoneInfo

from serambi.base.words import Language

_MONTHS: dict[Language, tuple[str, ...]] = {
    "id": ("Jan", "Feb", "Mar", "Apr", "Mei", "Jun", "Jul", "Agu", "Sep", "Okt", "Nov", "Des"),
    "en": ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
}


class Times:
    """Formats unix seconds in the site's zone; the zone is always said where seconds are."""

    def __init__(self, zone: str, language: Language) -> None:
        self._zone = ZoneInfo(zone)
        self._language: Language = language

    def _at(self, at: float) -> datetime:
        return datetime.fromtimestamp(at, self._zone)

    def minute(self, at: float) -> str:
        """`17.52`"""
        return self._at(at).strftime("%H.%M")

    def second(self, at: float) -> str:
        """`17.52.30 WIB`"""
        return self._at(at).strftime("%H.%M.%S %Z")

    def day(self, at: float) -> str:
        """`23 Nov 2026`"""
        moment = self._at(at)
        return f"{moment.day} {_MONTHS[self._language][moment.month - 1]} {moment.year}"

    def iso(self, at: float) -> str:
        return self._at(at).isoformat(timespec="seconds")

    def same_day(self, one: float, other: float) -> bool:
        return self._at(one).date() == self._at(other).date()

    def moment(self, at: float) -> str:
        """`23 Nov 2026 17.45 WIB`"""
        return f"{self.day(at)} {self._at(at).strftime('%H.%M %Z')}"

    def short(self, at: float) -> str:
        """`23 Nov`"""
        moment = self._at(at)
        return f"{moment.day} {_MONTHS[self._language][moment.month - 1]}"

    def month(self, at: float) -> str:
        """`Nov 2026`"""
        moment = self._at(at)
        return f"{_MONTHS[self._language][moment.month - 1]} {moment.year}"
