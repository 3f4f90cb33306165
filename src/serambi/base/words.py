"""One text in both languages, Indonesian and English, of equal standing."""

from typing import Literal

import msgspec

Language = Literal["id", "en"]


class Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A text for people; both languages are always there."""

    id: str
    en: str

    def in_language(self, language: Language) -> str:
        return self.id if language == "id" else self.en
