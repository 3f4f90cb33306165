"""What all have signed goes to the sites through the center, until each site's own ledger says
that it has it. So do approvals, and a revocation of a paper that no ledger knows; of the others the
witness takes care."""

import logging
from collections.abc import Iterator

from serambi.agreement.approval import SignedApproval
from serambi.base.clock import Clock
from serambi.base.errors import SerambiError
from serambi.base.limits import PAPERS_DELIVER_EVERY_S
from serambi.party.carrier import Carrier
from serambi.party.signing.hand import Hand
from serambi.party.signing.standing import Stand
from serambi.party.witness import Witness

log = logging.getLogger(__name__)


class Delivery:
    """One thread calls `step`."""

    def __init__(self, hand: Hand, witness: Witness, clock: Clock) -> None:
        self._hand = hand
        self._witness = witness
        self._clock = clock
        self._again_at: dict[str, float] = {}

    def step(self, carrier: Carrier) -> None:
        """Pass on what is lacking somewhere, each paper now and then; and hear what the center
        asks. Raises `UNAVAILABLE` when it is away."""
        now = self._clock.monotonic()
        for name, raw in self._due():
            if now < self._again_at.get(name, now):
                continue
            self._again_at[name] = now + PAPERS_DELIVER_EVERY_S
            try:
                carrier.pass_on(raw)
            except SerambiError as error:
                log.info("a paper is not passed on: %s", error)
        self._hand.approvals.hear(carrier.asked())

    def taken_up(self, digest: str) -> dict[str, bool]:
        """Site -> whether its ledger, as the witness copied it, has the agreement."""
        signed, _ = self._hand.papers.agreement(digest)
        logs = self._witness.watched()
        found = {}
        for shared in signed.agreement.sites:
            owner = self._hand.papers.roster.owner(shared.site)
            watched = logs.get(f"{owner}/{shared.site}/keeper")
            found[shared.site] = watched is not None and digest in watched.agreements.accepted
        return found

    def approval_taken_up(self, signed: SignedApproval) -> bool:
        """Whether the site's ledger, as the witness copied it, has the approval."""
        site = signed.asked.site
        owner = self._hand.papers.roster.owner(site)
        watched = self._witness.watched().get(f"{owner}/{site}/keeper")
        return watched is not None and signed.digest in watched.agreements.approved

    def _due(self) -> Iterator[tuple[str, bytes]]:
        for signed_approval, raw in self._hand.approvals.given().values():
            if not self.approval_taken_up(signed_approval):
                yield signed_approval.digest, raw
        known = self._witness.revocations.all()
        for signed in self._hand.papers.agreements():
            stand = self._hand.standing(signed)
            sites = self.taken_up(signed.digest)
            if stand.stand in (Stand.IN_FORCE, Stand.NOT_YET) and not all(sites.values()):
                yield signed.digest, self._hand.papers.agreement(signed.digest)[1]
            for each in stand.revocations:
                name = f"{each.agreement}-{each.party}"
                if name in known and not any(sites.values()):
                    yield name, known[name]
