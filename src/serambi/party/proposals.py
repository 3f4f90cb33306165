"""Rosters that wait for signatures: proposed by a party, told to all, complete when nobody's
signature is missing. A complete one goes to `Rosters`, and what it overtakes is dropped.

What one party alone can put here is bounded for that party.
"""

import logging
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from serambi.base.errors import Kind, SerambiError
from serambi.base.files import write_atomically
from serambi.base.limits import DOCUMENT_MAX_BYTES, PROPOSALS_MAX, PROPOSALS_PER_PARTY
from serambi.identity import dsse
from serambi.identity.roster import Roster, read_document
from serambi.identity.succession import missing_signatures, new_keys, waiting
from serambi.party.rosters import Rosters

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Proposal:
    """A next roster and its file. `missing`: who has still to sign, in the words of
    `missing_signatures`; `signed`: the parties that have."""

    before: Roster
    after: Roster
    raw: bytes
    missing: tuple[str, ...]
    signed: frozenset[str]

    @property
    def digest(self) -> str:
        return self.after.digest


class Proposals:
    """In memory and in the folder `proposals`. Any thread may use it."""

    def __init__(self, folder: Path, rosters: Rosters) -> None:
        self._folder = folder / "proposals"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._rosters = rosters
        self._mutex = threading.Lock()
        self._kept: dict[str, Proposal] = {}
        for path in sorted(self._folder.glob("*.json")):
            try:
                with path.open("rb") as file:
                    proposal = self._read(file.read(2 * DOCUMENT_MAX_BYTES + 1))
                self._kept[proposal.digest] = proposal
            except (OSError, SerambiError) as error:
                log.warning("%s is left out: %s", path, error)

    @property
    def head(self) -> Roster:
        """The roster that a proposal follows: the newest that all have signed."""
        return self._rosters.head

    def accept(self, raw: bytes) -> bool:
        """Take a roster that a person of this institution brings; whether it says anything new.
        Durable on return. Raises as `waiting` and `Rosters.accept` do, and `LIMIT`."""
        return self._take(raw, welcome=False)

    def hear(self, raw: bytes) -> bool:
        """Likewise, through the door: a party must have signed it, and have room here."""
        return self._take(raw, welcome=True)

    def _take(self, raw: bytes, *, welcome: bool) -> bool:
        with self._mutex:
            document, digest = read_document(raw)
            if document.previous != self.head.digest:
                return self._complete(raw)  # known, too old, a fork or too new: it says which
            known = self._kept.get(digest)
            proposal = self._read(raw, known)
            if not proposal.missing:
                return self._complete(proposal.raw)
            if known is not None and known.raw == proposal.raw:
                return False
            if known is None:
                self._check_room(proposal, welcome=welcome)
            try:
                write_atomically(self._folder / f"{digest}.json", proposal.raw)
            except OSError as error:
                raise SerambiError(
                    Kind.UNAVAILABLE,
                    f"the proposed roster cannot be kept: {error.strerror}",
                    where=str(self._folder),
                    hint="free space on the disk and bring it again",
                ) from error
            self._kept = {**self._kept, digest: proposal}
            return True

    def _complete(self, raw: bytes) -> bool:
        new = self._rosters.accept(raw)
        self._drop_overtaken()
        return new

    def _drop_overtaken(self) -> None:
        for digest, proposal in self._kept.items():
            if proposal.before.digest != self.head.digest:
                (self._folder / f"{digest}.json").unlink(missing_ok=True)
        self._kept = {d: p for d, p in self._kept.items() if p.before.digest == self.head.digest}

    def _read(self, raw: bytes, known: Proposal | None = None) -> Proposal:
        """Verified, without signatures that change nothing, with those known already."""
        before = self.head
        after = waiting(before, raw)
        envelope = dsse.load(raw)
        candidates = (*before.keys_for(use="sign"), *new_keys(before, after))
        good = tuple(
            pair
            for pair in envelope.signatures
            if dsse.verified_by(msgspec.structs.replace(envelope, signatures=(pair,)), candidates)
        )
        envelope = msgspec.structs.replace(envelope, signatures=good)
        if known is not None:
            envelope = dsse.merge(envelope, dsse.load(known.raw))
        missing = missing_signatures(before, after, envelope)
        return Proposal(before, after, dsse.dump(envelope), missing, before.signers(envelope))

    def _check_room(self, proposal: Proposal, *, welcome: bool) -> None:
        if len(self.all()) >= PROPOSALS_MAX:
            raise SerambiError(Kind.LIMIT, f"{PROPOSALS_MAX} proposed rosters wait already")
        if not welcome:
            return
        if not proposal.signed:
            raise SerambiError(
                Kind.DENIED,
                "no party has signed this proposed roster",
                hint="the party that proposes it signs it first",
            )
        held = Counter(party for each in self.all() for party in each.signed)
        if all(held[party] >= PROPOSALS_PER_PARTY for party in proposal.signed):
            raise SerambiError(
                Kind.LIMIT,
                f"{PROPOSALS_PER_PARTY} proposed rosters of "
                f"{', '.join(sorted(proposal.signed))} wait already",
            )

    # -- reading ------------------------------------------------------------------------------

    def all(self) -> list[Proposal]:
        """Those that follow the newest roster."""
        kept = [each for each in self._kept.values() if each.before.digest == self.head.digest]
        return sorted(kept, key=lambda each: each.digest)

    def find(self, digest: str) -> Proposal:
        """Raises `NOT_FOUND` for one that is not here, or is waited for no more."""
        found = self._kept.get(digest)
        if found is None or found.before.digest != self.head.digest:
            raise SerambiError(
                Kind.NOT_FOUND, "no such roster waits for signatures", where=digest[:16]
            )
        return found

    def to_tell(self) -> Iterator[tuple[str, bytes]]:
        """(digest, file) of all that a party has signed."""
        return ((each.digest, each.raw) for each in self.all() if each.signed)
