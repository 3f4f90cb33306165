"""What an institution says with its key: signs, refuses, remarks, proposes, revokes, approves.

The key is read for one signature and forgotten. Each act names the digest that a person had in
front of them, and what else stood on that page: anything else than that is not signed.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from serambi.agreement.model import SignedAgreement, check_same_cameras
from serambi.agreement.reply import Reply, ReplyKind, seal_reply
from serambi.agreement.revocation import (
    REVOCATION_TYPE,
    Revocation,
    read_revocation,
    seal_revocation,
)
from serambi.base.clock import Clock
from serambi.base.errors import Kind, SerambiError
from serambi.base.instants import instant_text
from serambi.identity import dsse
from serambi.identity.keys import SigningKey, is_encrypted
from serambi.party.revocations import Revocations
from serambi.party.signing.approvals import Approvals
from serambi.party.signing.papers import Papers
from serambi.party.signing.standing import Standing, standing


@dataclass(frozen=True, slots=True)
class Shown:
    """What a person had in front of them: the digest of the paper, and the tag of what else could
    change their mind (see `Hand.tag`)."""

    digest: str
    tag: str


class Hand:
    """The acts of one institution. Call in a thread: reading a key is slow on purpose."""

    def __init__(
        self,
        papers: Papers,
        revocations: Revocations,
        key: Path,
        clock: Clock,
        hurry: Callable[[], None],
        approvals: Approvals,
    ) -> None:
        """`key`: the folder of the key that signs agreements; it may be missing until it is
        needed. `hurry` is called when there is something to tell the others."""
        self.papers = papers
        self.revocations = revocations
        self.approvals = approvals
        self._key = key
        self._clock = clock
        self._hurry = hurry

    @property
    def key_is_encrypted(self) -> bool:
        """Raises `NOT_FOUND` when the key is not there."""
        return is_encrypted(self._key)

    def standing(self, signed: SignedAgreement) -> Standing:
        """How the paper stands here and now."""
        return standing(
            signed,
            self.papers.replies(signed.digest),
            self.revocations.of(signed.digest),
            self.papers.party,
            self._clock.now(),
        )

    def versions(self, signed: SignedAgreement) -> list[SignedAgreement]:
        """The other papers of the same number."""
        number = signed.agreement.number
        return [
            each
            for each in self.papers.agreements()
            if each.agreement.number == number and each.digest != signed.digest
        ]

    def tag(self, signed: SignedAgreement) -> str:
        """Of all that stands on a paper's page and should be seen before signing: who revoked, who
        refuses, which other versions there are. Not who else has signed."""
        stand = self.standing(signed)
        seen = [
            stand.stand.value if stand.over else "",
            *(each.party for each in stand.revocations),
            *(said.digest for said in stand.refusals),
            *(each.digest for each in self.versions(signed)),
        ]
        return hashlib.sha256("\n".join([signed.digest, *seen]).encode()).hexdigest()

    def bring(self, raw: bytes) -> str:
        """Take a file that a person brings: a paper, or a revocation; -> the digest of the paper
        it is, or is about, empty when there is none here. Raises `SerambiError`."""
        if dsse.load(raw).payload_type == REVOCATION_TYPE:
            self.revocations.accept(raw)
            about = read_revocation(raw, self.papers.roster).agreement
        else:
            about = self.papers.take(raw)
        self._hurry()
        known = {signed.digest for signed in self.papers.agreements()}
        return about if about in known else ""

    def sign(self, shown: Shown, passphrase: bytes | None) -> None:
        """Add this party's signature; the paper goes to the other parties. Raises `CONFLICT` for
        what was not shown, `DENIED` for what cannot be signed, and what a key raises."""
        signed, raw = self._as_shown(shown)
        if self.standing(signed).over:
            raise _over(signed)
        check_same_cameras(signed, self.papers.attestations())
        envelope = dsse.load(raw)
        if hashlib.sha256(envelope.payload).hexdigest() != shown.digest:
            raise _changed(shown.digest)
        key = self._load(signed, passphrase)
        self.papers.take(dsse.dump(dsse.add_signature(envelope, key)))
        self._hurry()

    def say(self, kind: ReplyKind, shown: Shown, text: str, passphrase: bytes | None) -> None:
        """Refuse, remark or propose. Raises like `sign`, and `BAD_INPUT` or `LIMIT` for a text."""
        signed, _ = self._as_shown(shown)
        party = self.papers.party
        if kind != "remark" and (self.standing(signed).over or party in signed.signed_by):
            raise _over(signed)
        key = self._load(signed, passphrase)
        at = instant_text(self._clock.now())
        self.papers.take(seal_reply(Reply(1, kind, signed.digest, party, at, text.strip()), key))
        self._hurry()

    def revoke(self, shown: Shown, passphrase: bytes | None) -> None:
        """End the paper for good: before all have signed this takes the signature back, afterwards
        it revokes the agreement. Nothing undoes it. Raises like `sign`."""
        signed, _ = self._as_shown(shown, tag=False)
        party = self.papers.party
        if party not in signed.signed_by:
            raise SerambiError(
                Kind.DENIED, f"{party} has not signed this paper", where=signed.agreement.number
            )
        key = self._load(signed, passphrase)
        at = instant_text(self._clock.now())
        said = Revocation(1, signed.digest, signed.agreement.number, party, at)
        try:
            self.revocations.accept(seal_revocation(said, key))
        finally:
            self._hurry()  # it holds in memory even when the disk refuses it

    def approve(self, digest: str, passphrase: bytes | None) -> None:
        """Let the center's unit see what it asks, under an agreement of which this party is one.
        Raises `NOT_FOUND` for what is not asked or over, and what a key raises."""
        _, raw, under = self.approvals.find(digest)
        if self.standing(under).over:
            raise _over(under)
        key = self._load(under, passphrase)
        self.approvals.keep(dsse.dump(dsse.add_signature(dsse.load(raw), key)))
        self._hurry()

    def _as_shown(self, shown: Shown, *, tag: bool = True) -> tuple[SignedAgreement, bytes]:
        signed, raw = self.papers.agreement(shown.digest)
        if tag and self.tag(signed) != shown.tag:
            raise _changed(shown.digest)
        return signed, raw

    def _load(self, signed: SignedAgreement, passphrase: bytes | None) -> SigningKey:
        """The key, when it speaks for this party and the party is one of the paper's."""
        party = self.papers.party
        if party not in signed.agreement.parties:
            raise SerambiError(Kind.DENIED, f"{party} is not a party of this agreement")
        key = SigningKey.load(self._key, passphrase)
        entry = self.papers.roster.entry(key.key_id)
        if entry is None or (entry.party, entry.use) != (party, "sign"):
            raise SerambiError(
                Kind.DENIED,
                f"the roster does not have this key for the signatures of {party}",
                where=key.key_id,
                hint="use the key whose public half is in the roster",
            )
        return key


def _changed(digest: str) -> SerambiError:
    return SerambiError(
        Kind.CONFLICT,
        "this is not what was shown",
        where=digest[:16],
        hint="read the page again",
    )


def _over(signed: SignedAgreement) -> SerambiError:
    return SerambiError(
        Kind.DENIED, "nothing of this can be done any more", where=signed.agreement.number
    )
