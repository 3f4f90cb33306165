"""What this center asks other institutions to approve, and what came back.

The center asks and carries. Whether an approval is enough is for each site to see; here it only
says on the screens that asking for the view is worth while.
"""

from collections.abc import Sequence

from sqlalchemy import Engine, delete, insert, select, update

from serambi.agreement.approval import (
    APPROVAL_TYPE,
    Asked,
    SignedApproval,
    read_approval,
    seal_asked,
)
from serambi.agreement.model import Action
from serambi.base.clock import Clock, unix_ms
from serambi.base.errors import Kind, SerambiError
from serambi.base.instants import instant_text
from serambi.base.limits import APPROVAL_MAX_S, APPROVALS_KEPT
from serambi.center.accounts import Account
from serambi.center.database import approvals
from serambi.center.sites import Sites
from serambi.identity import dsse
from serambi.identity.keys import SigningKey
from serambi.identity.roster import Roster


class Approvals:
    """The table `approvals`: what was asked, with the signatures known of it, until it is over."""

    def __init__(
        self,
        engine: Engine,
        key: SigningKey,
        roster: Roster,
        party: str,
        sites: Sites,
        clock: Clock,
    ) -> None:
        self._engine = engine
        self._key = key
        self._roster = roster
        self._party = party
        self._sites = sites
        self._clock = clock

    def ask(
        self,
        account: Account,
        cameras: Sequence[str],
        action: Action,
        purpose: str,
        why: str,
        until_ms: int,
    ) -> SignedApproval:
        """Ask the other parties that this person's unit may see these cameras of one site until
        then, a day at most. Raises `NOT_FOUND`, `BAD_INPUT` where no approval is needed, `LIMIT`.
        """
        now = self._clock.now()
        known = [self._sites.camera(camera) for camera in cameras]
        found = [one for one in known if one is not None]
        if not found or len(found) < len(cameras):
            raise SerambiError(Kind.NOT_FOUND, "there is no such camera", where="approvals")
        under = {(site.state.site, camera.agreement, camera.terms) for site, camera in found}
        if len(under) != 1 or not all(camera.four_eyes for _, camera in found):
            raise SerambiError(
                Kind.BAD_INPUT,
                "these cameras are not under one agreement that asks for approvals",
                hint="ask for each site by itself",
            )
        ((site, number, digest),) = under
        asked = Asked(
            format=1,
            agreement=digest,
            number=number,
            site=site,
            cameras=tuple(sorted(set(cameras))),
            action=action,
            purpose=purpose,
            party=self._party,
            unit=account.unit,
            why=why.strip(),
            at=instant_text(now),
            until=instant_text(min(until_ms / 1000, now + APPROVAL_MAX_S)),
        )
        raw = seal_asked(asked, self._key)
        signed = read_approval(raw, self._roster)
        self._keep(signed, raw)
        return signed

    def _keep(self, signed: SignedApproval, raw: bytes) -> None:
        with self._engine.begin() as connection:
            over = approvals.c.until_ms <= unix_ms(self._clock.now())
            connection.execute(delete(approvals).where(over))
            if len(connection.execute(select(approvals.c.digest)).all()) >= APPROVALS_KEPT:
                raise SerambiError(Kind.LIMIT, f"{APPROVALS_KEPT} approvals are asked for")
            row = {"digest": signed.digest, "until_ms": unix_ms(signed.until), "raw": raw}
            known = select(approvals.c.digest).where(approvals.c.digest == signed.digest)
            if connection.execute(known).first() is None:
                connection.execute(insert(approvals).values(row))

    def raws(self) -> dict[str, bytes]:
        """Each as a file, by digest, until it is over; what ends first in front."""
        query = (
            select(approvals.c.digest, approvals.c.raw)
            .where(approvals.c.until_ms > unix_ms(self._clock.now()))
            .order_by(approvals.c.until_ms)
        )
        with self._engine.begin() as connection:
            return {row.digest: row.raw for row in connection.execute(query)}

    def all(self) -> list[SignedApproval]:
        """What is asked for and not over."""
        return [read_approval(raw, self._roster) for raw in self.raws().values()]

    def heard(self, raw: bytes) -> None:
        """A document is passed on to the sites; when it is one of these, what it adds is kept."""
        envelope = dsse.load(raw)
        if envelope.payload_type != APPROVAL_TYPE:
            return
        digest = read_approval(raw, self._roster).digest
        known = self.raws().get(digest)
        if known is not None:
            merged = dsse.dump(dsse.merge(dsse.load(known), envelope))
            with self._engine.begin() as connection:
                here = approvals.c.digest == digest
                connection.execute(update(approvals).where(here).values(raw=merged))
