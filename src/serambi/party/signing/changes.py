"""What differs between two versions of an agreement, line by line: in plain words, and in the
machine form, where nothing can hide."""

import difflib
import json
from dataclasses import dataclass

from serambi.agreement.model import SignedAgreement
from serambi.agreement.page import rows, title
from serambi.base.words import Language
from serambi.identity import dsse
from serambi.identity.roster import Roster


@dataclass(frozen=True, slots=True)
class Change:
    """`sign` is `+` (new) or `-` (gone)."""

    sign: str
    text: str


def machine_form(raw: bytes) -> str:
    """The signed statement of an agreement's file, indented for reading."""
    statement = json.loads(dsse.load(raw).payload)
    return json.dumps(statement, indent=2, ensure_ascii=False, sort_keys=True)


def changes_in_words(
    old: SignedAgreement, new: SignedAgreement, roster: Roster, language: Language
) -> list[Change]:
    """Signatures aside."""
    return _changes(_plain(old, roster, language), _plain(new, roster, language))


def changes_of_machine(old: bytes, new: bytes) -> list[Change]:
    """Everything that differs; empty only for the same statement."""
    return _changes(machine_form(old).splitlines(), machine_form(new).splitlines())


def _plain(signed: SignedAgreement, roster: Roster, language: Language) -> list[str]:
    said = [row for row in rows(signed, roster, language) if row.topic not in ("signed", "missing")]
    return [title(signed, language), *(f"{row.label}: {row.text}" for row in said if row.label)]


def _changes(old: list[str], new: list[str]) -> list[Change]:
    lines = difflib.ndiff(old, new)
    return [Change(line[0], line[2:].strip()) for line in lines if line[0] in "+-"]
