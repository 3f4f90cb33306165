"""How one paper stands for one institution: pure, from what the shelf holds at a moment."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from serambi.agreement.model import SignedAgreement
from serambi.agreement.reply import SignedReply
from serambi.agreement.revocation import Revocation


class Stand(StrEnum):
    """In the order in which they are asked: the first that is so is the answer."""

    REVOKED = "revoked"
    WITHDRAWN = "withdrawn"
    ENDED = "ended"
    IN_FORCE = "in_force"
    NOT_YET = "not_yet"
    REFUSED = "refused"
    WAITING_FOR_US = "waiting_for_us"
    WAITING = "waiting"
    DRAFT = "draft"


@dataclass(frozen=True, slots=True)
class Standing:
    """`refusals` are those that hold: by parties of it that have not signed. `over`: nothing can
    be signed any more."""

    stand: Stand
    refusals: tuple[SignedReply, ...]
    revocations: tuple[Revocation, ...]

    @property
    def over(self) -> bool:
        return self.stand in (Stand.REVOKED, Stand.WITHDRAWN, Stand.ENDED)


def standing(
    signed: SignedAgreement,
    replies: Sequence[SignedReply],
    revocations: Iterable[Revocation],
    party: str,
    now: float,
) -> Standing:
    """`revocations`: those of this digest. One by a party that the agreement does not name counts
    for nothing."""
    parties = signed.agreement.parties
    closing = tuple(each for each in revocations if each.party in parties)
    newest = {said.reply.party: said for said in replies if said.reply.kind == "refusal"}
    refusals = tuple(said for who, said in newest.items() if who in signed.missing)
    return Standing(_stand(signed, bool(closing), bool(refusals), party, now), refusals, closing)


def _stand(signed: SignedAgreement, closed: bool, refused: bool, party: str, now: float) -> Stand:
    if closed:
        return Stand.REVOKED if signed.complete else Stand.WITHDRAWN
    if not now < signed.valid_until:
        return Stand.ENDED
    if signed.complete:
        return Stand.IN_FORCE if now >= signed.valid_from else Stand.NOT_YET
    if refused:
        return Stand.REFUSED
    if not signed.signed_by:
        return Stand.DRAFT
    return Stand.WAITING_FOR_US if party in signed.missing else Stand.WAITING
