"""What the law's documents are filled from: signed papers, ledgers and settings as they are."""

from collections.abc import Sequence, Set
from dataclasses import dataclass

from serambi.agreement.model import SignedAgreement
from serambi.base.words import Words
from serambi.center.config import CenterConfig
from serambi.identity.roster import Roster
from serambi.ledger.figures import Figures


@dataclass(frozen=True, slots=True)
class Shared:
    """A camera that an agreement in force names. `facing` is empty where its attestation is not at
    hand; `attestation` is the SHA-256 by which the agreement binds that, empty where the
    agreement's text is not."""

    number: str
    name: Words
    owner: str
    facing: str
    agreement: str
    attestation: str


@dataclass(frozen=True, slots=True)
class Facts:
    """`agreements` are complete and in force at `made` (unix seconds). `figures` are those of all
    ledgers from `since_ms` to `until_ms`; `behind` entries could not be read. `config`: the
    center's settings, None where they are not at hand."""

    roster: Roster
    center: str
    zone: str
    made: float
    agreements: Sequence[SignedAgreement]
    cameras: Sequence[Shared]
    figures: Figures
    since_ms: int
    until_ms: int
    behind: int
    config: CenterConfig | None


def in_force(
    agreements: Sequence[SignedAgreement], revoked: Set[str], now: float
) -> list[SignedAgreement]:
    """Those that all have signed, that are valid at `now` (unix seconds) and whose number is not
    among the `revoked`; by number."""
    found = [
        one
        for one in agreements
        if one.complete
        and one.valid_from <= now < one.valid_until
        and one.agreement.number not in revoked
    ]
    return sorted(found, key=lambda one: one.agreement.number)


def attested(agreements: Sequence[SignedAgreement], camera: str, number: str) -> str:
    """The digest by which that agreement binds a camera's attestation; empty where its text is not
    among these."""
    return next(
        (
            one.attested[camera]
            for one in agreements
            if one.agreement.number == number and camera in one.attested
        ),
        "",
    )
