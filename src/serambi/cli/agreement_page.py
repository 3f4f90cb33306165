"""An agreement's page for a terminal."""

from serambi.agreement.model import SignedAgreement
from serambi.agreement.page import rows, title
from serambi.base.words import Language, Words
from serambi.cli.plain import printable
from serambi.identity.roster import Roster

_AGREEMENT = Words("Perjanjian", "Agreement")


def page(signed: SignedAgreement, roster: Roster, language: Language) -> list[str]:
    """The page's lines: what is seen, by whom, until when, what never, who signed."""
    lines = [f"{_AGREEMENT.in_language(language)} {title(signed, language)}"]
    lines.append(f"sha256 {signed.digest}")
    for row in rows(signed, roster, language):
        label = f"{row.label}: " if row.label else ""
        lines.append("  " * row.depth + label + row.text)
    return [printable(line) for line in lines]
