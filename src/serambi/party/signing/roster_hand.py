"""What an institution says about the roster with its key: signs a proposed one, refuses it, and
proposes one itself: other keys of its own, its leaving, a newcomer whose keys it has confirmed.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from serambi.agreement.reply import Reply, SignedReply, seal_reply
from serambi.base.clock import Clock
from serambi.base.errors import Kind, SerambiError
from serambi.base.files import write_atomically
from serambi.base.instants import instant, instant_text
from serambi.identity import dsse
from serambi.identity.code import code_key
from serambi.identity.enrollment import (
    ENROLLMENT_TYPE,
    Enrollment,
    changes_for,
    new_party,
    seal_enrollment,
)
from serambi.identity.keys import SigningKey
from serambi.identity.roster import ROSTER_TYPE, Roster, key_entry, seal_roster
from serambi.identity.roster_draft import Changes, NewKey, next_roster
from serambi.identity.succession import new_keys
from serambi.party.invitations import Invitations
from serambi.party.own_keys import OwnKeys
from serambi.party.proposals import Proposal, Proposals
from serambi.party.signing.hand import Shown
from serambi.party.signing.papers import Papers


@dataclass(frozen=True, slots=True)
class Secret:
    """What a person typed for one act, and whether it is their own password: which of the two
    counts depends on how the key lies."""

    text: str
    password: bool


class RosterHand:
    """Call in a thread: reading and deriving keys is slow on purpose."""

    def __init__(
        self,
        folder: Path,
        papers: Papers,
        proposals: Proposals,
        invitations: Invitations,
        keys: OwnKeys,
        clock: Clock,
        hurry: Callable[[], None],
    ) -> None:
        self.party = papers.party
        self.proposals = proposals
        self.invitations = invitations
        self._papers = papers
        self._keys = keys
        self._clock = clock
        self._hurry = hurry
        self._request = folder / "enrollment.json"

    # -- reading ------------------------------------------------------------------------------

    def refusals(self, proposal: Proposal) -> list[SignedReply]:
        """Refusals of those that have not signed after all, the newest of each party."""
        said = {
            each.reply.party: each
            for each in self._papers.replies(proposal.digest)
            if each.reply.kind == "refusal" and each.reply.party not in proposal.signed
        }
        return list(said.values())

    def tag(self, proposal: Proposal) -> str:
        """Of what stands on a proposal's page beside it and should be seen before signing."""
        seen = [each.digest for each in self.refusals(proposal)]
        seen += [each.digest for each in self.proposals.all()]
        return hashlib.sha256("\n".join([proposal.digest, *seen]).encode()).hexdigest()

    def wanted(self, proposal: Proposal) -> frozenset[str]:
        """The keys of this institution, by id, whose signatures are missing."""
        missing = set(proposal.missing)
        found = {
            key.key_id
            for key in new_keys(proposal.before, proposal.after)
            if f"key {key.key_id}" in missing and proposal.after.signer(key.key_id) == self.party
        }
        if self.party in missing:
            change = proposal.after.document.change
            lost = {loss.key_id for loss in change.lost} if change else set()
            had = proposal.before.keys_for(use="sign", party=self.party)
            found |= {key.key_id for key in had} - lost
        return frozenset(found)

    # -- acting -------------------------------------------------------------------------------

    def bring(self, raw: bytes) -> bool:
        """Take a roster or a request to enroll that a person brings; False for anything else.
        Raises what is wrong with it."""
        kind = dsse.load(raw).payload_type
        if kind == ENROLLMENT_TYPE:
            self.invitations.present(raw)
        elif kind == ROSTER_TYPE:
            self.proposals.accept(raw)
        else:
            return False
        self._hurry()
        return True

    def sign(self, shown: Shown, secret: Secret) -> None:
        """Sign with every key of ours that has to and that `secret` opens. Raises `CONFLICT` for
        what was not shown, `DENIED` when nothing of ours is missing, and what a key raises."""
        proposal = self._as_shown(shown)
        wanted = self.wanted(proposal)
        if not wanted:
            raise SerambiError(Kind.DENIED, "no key of this institution has to sign this roster")
        self._add(proposal.raw, self._open(wanted, secret))

    def refuse(self, shown: Shown, text: str, secret: Secret) -> None:
        """Say that this institution will not sign. Raises like `sign`."""
        proposal = self._as_shown(shown)
        key = self._present_key(secret)
        at = instant_text(self._clock.now())
        reply = Reply(1, "refusal", proposal.digest, self.party, at, text.strip())
        self._papers.take(seal_reply(reply, key))
        self._hurry()

    def rotate(self, at: str, new_passphrase: str, secret: Secret) -> str:
        """Propose a new key in place of the one we sign with; -> the digest of the roster. Raises
        `DENIED` or `BAD_INPUT` for what cannot be, and what a key raises."""
        old = self._present_key(secret)
        new = self._keys.make(new_passphrase)
        entry = key_entry(new.public, self.party, "sign")
        key = NewKey(entry.party, entry.public)
        return self._propose(Changes(at, retire=(old.key_id,), key=(key,)), [old, new])

    def leave(self, at: str, secret: Secret) -> str:
        """Propose that this institution leaves; -> the digest of the roster. Raises likewise."""
        return self._propose(Changes(at, leave=(self.party,)), [self._present_key(secret)])

    def enroll(self, code: str, lost_since: str, new_passphrase: str) -> bytes:
        """Our keys are lost: make another one and ask the party that gave the `code` to have it
        put into the roster; -> the request, which is also told to all. Raises `BAD_INPUT`."""
        if instant(lost_since, "lost_since") > self._clock.now():
            raise SerambiError(Kind.BAD_INPUT, "keys are lost in the past", where="lost_since")
        by_code = code_key(code, self.party)
        new = self._keys.make(new_passphrase)
        keys = (key_entry(new.public, self.party, "sign"),)
        document = Enrollment(1, new_party(self.party), keys, lost_since)
        raw = seal_enrollment(document, [new], by_code)
        try:
            write_atomically(self._request, raw)
        except OSError as error:
            raise SerambiError(
                Kind.UNAVAILABLE,
                f"the request cannot be kept: {error.strerror}",
                where=str(self._request),
                hint="free space on the disk",
            ) from error
        self._hurry()
        return raw

    def request(self) -> bytes | None:
        """Our own request, while no roster has its key and it can still come to something."""
        try:
            return self._request.read_bytes()
        except FileNotFoundError:
            return None

    def confirm(self, digest: str, account: str, name: str, typed: str, secret: Secret) -> str:
        """The person with `account` has compared the fingerprint of the request `digest` and typed
        its last groups; `name` is who they are in the roster's words. Propose a roster with its
        keys; -> the digest of that. Raises as `Invitations.confirm` does, and what a key raises;
        then nothing is proposed and the request waits on."""
        request = self.invitations.confirm(digest, account, typed)
        key = self._present_key(secret)
        at = instant_text(self._clock.now())
        changes = changes_for(
            request, self.proposals.head, at=at, by=self.party, person=name.strip()
        )
        proposed = self._propose(changes, [key])
        self.invitations.done(digest)
        return proposed

    def to_tell(self) -> Iterator[tuple[str, bytes]]:
        """(name, file) of what the other parties may hear: our request, and proposed rosters."""
        request = self.request()
        if request is not None:
            yield hashlib.sha256(request).hexdigest(), request
        yield from self.proposals.to_tell()

    def hear(self, raw: bytes) -> bool:
        """Take a roster that came through the door; whether it says anything new."""
        return self.proposals.hear(raw)

    def hear_request(self, raw: bytes) -> bool:
        """Take a request to enroll that came through the door; there is nothing to pass on."""
        self.invitations.present(raw)
        return False

    # -- how ----------------------------------------------------------------------------------

    def _as_shown(self, shown: Shown) -> Proposal:
        proposal = self.proposals.find(shown.digest)
        if self.tag(proposal) != shown.tag:
            raise SerambiError(
                Kind.CONFLICT,
                "this is not what was shown",
                where=shown.digest[:16],
                hint="read the page again",
            )
        return proposal

    def _open(self, wanted: frozenset[str], secret: Secret) -> list[SigningKey]:
        return self._keys.open(wanted, secret.text, password=secret.password)

    def _present_key(self, secret: Secret) -> SigningKey:
        """The key we sign with by the newest roster."""
        head: Roster = self.proposals.head
        ids = frozenset(key.key_id for key in head.keys_for(use="sign", party=self.party))
        return self._open(ids, secret)[0]

    def _propose(self, changes: Changes, keys: list[SigningKey]) -> str:
        raw = seal_roster(next_roster(self.proposals.head, changes), [])
        self._add(raw, keys)
        return hashlib.sha256(dsse.load(raw).payload).hexdigest()

    def _add(self, raw: bytes, keys: list[SigningKey]) -> None:
        envelope = dsse.load(raw)
        for key in keys:
            envelope = dsse.add_signature(envelope, key)
        self.proposals.accept(dsse.dump(envelope))
        self._hurry()
