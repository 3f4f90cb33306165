"""Numbers as people here read them: `184.213` and `4,7` in Indonesian, `184,213` and `4.7` in
English."""

from serambi.base.words import Language

_HOUR_MS = 3_600_000
_SWAPPED = str.maketrans(",.", ".,")


class Numbers:
    def __init__(self, language: Language) -> None:
        self._language: Language = language

    def whole(self, number: int) -> str:
        return self._said(f"{number:,}")

    def decimal(self, value: float, digits: int = 1) -> str:
        return self._said(f"{value:,.{digits}f}")

    def hours(self, duration_ms: int) -> str:
        """Milliseconds as hours with one digit, and more for the first hour, so that a short view
        is not nothing."""
        hours = duration_ms / _HOUR_MS
        return self.decimal(hours, 1 if hours >= 1 or not hours else 2 if hours >= 0.1 else 3)

    def _said(self, text: str) -> str:
        return text.translate(_SWAPPED) if self._language == "id" else text
