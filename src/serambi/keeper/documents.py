"""The signed documents a keeper lives by: roster, attestations, agreements, revocations, approvals.

They come by hand (the `inbox` folder), from the owner's page or through the center; where one
comes from makes no difference, because each is believed for its signatures alone. Deciding does
not belong here: this module gathers the `State` that `decide` looks at.
"""

import logging
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType

from serambi.agreement.approval import APPROVAL_TYPE, SignedApproval, read_approval
from serambi.agreement.attestation import ATTESTATION_TYPE, SignedAttestation, read_attestation
from serambi.agreement.confirmation import (
    CONFIRMATION_TYPE,
    SignedConfirmation,
    read_confirmation,
)
from serambi.agreement.decide import State
from serambi.agreement.model import AGREEMENT_TYPE, SignedAgreement, read_agreement
from serambi.agreement.revocation import REVOCATION_TYPE, Revocation, read_revocation
from serambi.base.clock import Clock
from serambi.base.errors import Kind, SerambiError
from serambi.base.files import write_atomically
from serambi.base.limits import (
    APPROVALS_KEPT,
    DOCUMENT_MAX_BYTES,
    DOCUMENTS_MAX,
    EARLY_REVOCATIONS_PER_PARTY,
)
from serambi.identity import dsse
from serambi.identity.chain import Chain, is_roster
from serambi.identity.roster import Roster
from serambi.keeper.believed import believed
from serambi.keeper.seen import Seen
from serambi.ledger.entry import EntryKind

log = logging.getLogger(__name__)

_DIGEST = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True)
class Accepted:
    """What a document changed, for the ledger: `kind` is None when nothing
    changed that the ledger keeps. `digest` is the agreement's, `agreement` its number."""

    kind: EntryKind | None = None
    agreement: str = ""
    party: str = ""
    digest: str = ""


@dataclass(frozen=True, slots=True)
class _Taken:
    """A verified document: its file's name without ending (empty: nothing new), what it changes,
    the bytes to keep, and how it comes into force."""

    name: str = ""
    accepted: Accepted = Accepted()
    raw: bytes = b""
    keep: Callable[[], None] = lambda: None
    closes: bool = False
    replaces: tuple[str, ...] = ()


def _what(error: SerambiError | OSError) -> str:
    return error.what if isinstance(error, SerambiError) else error.strerror or str(error)


class Documents:
    """The documents of one site, in memory and in the folder `documents`."""

    def __init__(
        self,
        folder: Path,
        site: str,
        roster_path: Path,
        genesis: str,
        clock: Clock,
        closed: Callable[[], None] = lambda: None,
    ) -> None:
        """`closed` is called, in whichever thread, as soon as a document has closed something:
        before it is kept on the disk."""
        self._again = partial(Documents, folder, site, roster_path, genesis, clock)
        self._folder = folder / "documents"
        self._replaced = self._folder / "replaced"
        for wanted in (self._folder, self._replaced, folder / "inbox" / "refused"):
            wanted.mkdir(parents=True, exist_ok=True)
        self._site = site
        self._clock = clock
        self._closed = closed
        self._seen = Seen(folder)
        self._chain = Chain.open(folder / "rosters", roster_path, genesis)
        self.roster: Roster = self._chain.head
        # Replaced as a whole: the event loop reads them while another thread accepts.
        self._agreements: dict[str, tuple[SignedAgreement, bytes]] = {}
        self._revocations: dict[str, Revocation] = {}
        # Of agreements that have not come yet, by digest and party: whoever holds an agreement
        # back must not outlive its revocation.
        self._early: dict[tuple[str, str], Revocation] = {}
        self._attestations: dict[str, SignedAttestation] = {}
        self._confirmations: dict[str, SignedConfirmation] = {}
        self._approvals: dict[str, tuple[SignedApproval, bytes]] = {}
        self._written: set[str] = set()
        for path in sorted(self._folder.glob("*.json")):
            self._load(path)

    def _load(self, path: Path) -> None:
        """A kept document that can no longer be read is left out and said: doubt is not shared.
        A revocation that cannot be read would reopen what it closed, so it stops the start."""
        try:
            raw = path.read_bytes()
            self._take(raw, kept=True).keep()
            self._written.add(path.stem)
            # Kept before anybody wrote down since when: known since now.
            self._note(dsse.load(raw))
        except (SerambiError, OSError) as error:
            if path.name.startswith("approval"):
                path.unlink(missing_ok=True)  # most of them are over; there is always a new one
                return
            if path.name.startswith("revocation"):
                raise SerambiError(
                    Kind.CORRUPT,
                    f"a kept revocation cannot be read: {_what(error)}",
                    where=str(path),
                    hint="restore the file from another party's copy before starting",
                ) from error
            log.error("%s is left out: %s", path, error)

    def state(
        self,
        *,
        stops: dict[str, float],
        clock_ok: bool,
        seen_at: float,
        suspensions: Mapping[str, float] = MappingProxyType({}),
    ) -> State:
        """Everything `decide` needs to know, as of now."""
        return State(
            site=self._site,
            agreements=tuple(signed for signed, _ in self._agreements.values()),
            revocations=dict(self._revocations),
            attestations=dict(self._attestations),
            stops=stops,
            suspensions=suspensions,
            clock_ok=clock_ok,
            seen_at=seen_at,
            approvals=tuple(signed for signed, _ in self._approvals.values()),
        )

    @property
    def forks(self) -> tuple[str, ...]:
        """Digests of refused rosters that all had signed: somebody signed two."""
        return self._chain.forks

    @property
    def attestations(self) -> Mapping[str, SignedAttestation]:
        """By camera id."""
        return self._attestations

    @property
    def confirmations(self) -> Mapping[str, SignedConfirmation]:
        """The newest one of each camera."""
        return self._confirmations

    def accept(self, raw: bytes) -> Accepted:
        """Verify one document and keep it, durable on return. Raises `SerambiError` when it is
        not believed (UNAVAILABLE when the disk refuses it); a document that is already known
        changes nothing. Call it from one thread at a time."""
        if is_roster(raw):
            return self._accept_roster(raw)
        taken = self._take(raw)
        if not taken.name:
            return taken.accepted
        if taken.closes:
            # Closing needs no disk. It is kept when it is delivered again, or on the next try.
            taken.keep()
            self._closed()
        elif taken.name not in self._written and len(self._written) >= DOCUMENTS_MAX:
            raise SerambiError(Kind.LIMIT, f"{DOCUMENTS_MAX} documents are kept already")
        self._note(dsse.load(taken.raw))
        try:
            for digest in taken.replaces:
                (self._replaced / digest).touch()
            write_atomically(self._folder / f"{taken.name}.json", taken.raw)
        except OSError as error:
            raise SerambiError(
                Kind.UNAVAILABLE,
                f"the document cannot be kept: {error.strerror or error}",
                where=str(self._folder),
                hint="free space on the disk and deliver it again",
            ) from error
        self._written.add(taken.name)
        if not taken.closes:
            taken.keep()
        return taken.accepted

    def _note(self, envelope: dsse.Envelope) -> None:
        """When its signatures came; not of approvals, which are many and soon over."""
        if envelope.payload_type != APPROVAL_TYPE:
            self._seen.note(envelope, self._clock.now())

    def _accept_roster(self, raw: bytes) -> Accepted:
        """The next roster judges anew all that is kept. Whatever goes wrong after it was taken,
        nothing is shared until the keeper starts again."""
        try:
            if not self._chain.accept(raw):
                return Accepted()
        except SerambiError as error:
            if error.kind is Kind.CONFLICT:
                log.error("ALARM: a roster is refused: %s", error)
            raise
        try:
            fresh = self._again()
            # What closes comes first: other threads read meanwhile.
            self._early, self._revocations = fresh._early, fresh._revocations
            self._attestations, self._confirmations = fresh._attestations, fresh._confirmations
            self._approvals, self._agreements = fresh._approvals, fresh._agreements
            self._written = fresh._written
            self._seen, self.roster = fresh._seen, fresh.roster
        except SerambiError:
            self._agreements = {}
            raise
        finally:
            self._closed()
        return Accepted("roster_accepted", digest=self.roster.digest)

    def _take(self, raw: bytes, kept: bool = False) -> _Taken:
        """Verify; nothing is changed yet. `kept`: it was believed when it came."""
        if len(raw) > DOCUMENT_MAX_BYTES:
            raise SerambiError(Kind.LIMIT, f"the document is larger than {DOCUMENT_MAX_BYTES} B")
        envelope = dsse.load(raw)
        kind = envelope.payload_type
        takers: dict[str, Callable[[bytes, Roster], _Taken]] = {
            AGREEMENT_TYPE: self._take_agreement,
            REVOCATION_TYPE: self._take_revocation,
            ATTESTATION_TYPE: self._take_attestation,
            CONFIRMATION_TYPE: self._take_confirmation,
            APPROVAL_TYPE: self._take_approval,
        }
        if kind not in takers:
            raise SerambiError(
                Kind.BAD_INPUT,
                f"a document of type {kind[:80]!r} is not known here",
                hint="an agreement, attestation, revocation, confirmation, approval or roster fits",
            )
        seen = self._seen.of(envelope, self._clock.now())
        if kept and kind == REVOCATION_TYPE:
            # Nothing undoes a revocation, not even that its key went or was lost afterwards.
            seen = dict.fromkeys(seen, -math.inf)
        roster = self.roster.knowing(seen)
        return takers[kind](dsse.dump(believed(envelope, roster, self._site)), roster)

    def _take_agreement(self, raw: bytes, roster: Roster) -> _Taken:
        signed = read_agreement(raw, roster)
        number = signed.agreement.number
        if all(site.site != self._site for site in signed.agreement.sites):
            raise SerambiError(Kind.BAD_INPUT, f"agreement {number} does not name {self._site}")
        known = self._agreements.get(signed.digest)
        was_complete = known is not None and known[0].complete
        if known is not None:
            merged = dsse.merge(dsse.load(known[1]), dsse.load(raw))
            raw = dsse.dump(merged)
            if raw == known[1]:
                return _Taken()
            seen = self._seen.of(merged, self._clock.now())
            signed = read_agreement(raw, self.roster.knowing(seen))
        early = self._early_against(signed)

        def keep() -> None:
            if early is not None:
                self._revocations = {signed.digest: early, **self._revocations}
                self._forget_early(signed.digest)
            self._agreements = {**self._agreements, signed.digest: (signed, raw)}

        accepted = Accepted()
        if early is not None:
            accepted = Accepted("agreement_revoked", number, early.party, signed.digest)
        elif signed.complete and not was_complete and signed.digest not in self._revocations:
            accepted = Accepted("agreement_accepted", number, digest=signed.digest)
        return _Taken(f"agreement-{signed.digest}", accepted, raw, keep)

    def _early_against(self, signed: SignedAgreement) -> Revocation | None:
        """The revocation that came before `signed`, by one of its own parties."""
        parties = signed.agreement.parties
        found = (self._early.get((signed.digest, party)) for party in parties)
        return next((early for early in found if early is not None), None)

    def _forget_early(self, digest: str) -> None:
        self._early = {at: early for at, early in self._early.items() if at[0] != digest}

    def _take_revocation(self, raw: bytes, roster: Roster) -> _Taken:
        revocation = read_revocation(raw, roster)
        digest = revocation.agreement
        name = f"revocation-{digest}"
        known = self._agreements.get(digest)
        if name in self._written:
            return _Taken()
        if known is None:
            return self._take_early(revocation, raw)
        early = f"{name}-{revocation.party}"
        if revocation.party not in known[0].agreement.parties:
            if (self._folder / f"{early}.json").exists():
                return _Taken()  # came before the agreement, which does not name that party
            raise SerambiError(
                Kind.DENIED,
                f"{revocation.party} is not a party of agreement {known[0].agreement.number}",
            )
        if digest in self._revocations and early in self._written:
            return _Taken()

        def keep() -> None:
            self._revocations = {digest: revocation, **self._revocations}

        accepted = Accepted(
            "agreement_revoked", known[0].agreement.number, revocation.party, digest
        )
        return _Taken(name, accepted, raw, keep, closes=True)

    def _take_early(self, revocation: Revocation, raw: bytes) -> _Taken:
        """Its agreement has not come: kept, to act in the moment when it does."""
        name = f"revocation-{revocation.agreement}-{revocation.party}"
        if not _DIGEST.match(revocation.agreement):
            raise SerambiError(Kind.BAD_INPUT, "the revocation names no digest of an agreement")
        if name in self._written and (revocation.agreement, revocation.party) in self._early:
            return _Taken()
        same_party = sum(party == revocation.party for _, party in self._early)
        if same_party >= EARLY_REVOCATIONS_PER_PARTY:
            raise SerambiError(
                Kind.LIMIT,
                f"{same_party} revocations by {revocation.party} wait for agreements already",
                where=self._site,
                hint="deliver the agreements first, then the revocations",
            )

        def keep() -> None:
            self._early = {**self._early, (revocation.agreement, revocation.party): revocation}

        return _Taken(name, Accepted(), raw, keep, closes=True)

    def _take_attestation(self, raw: bytes, roster: Roster) -> _Taken:
        signed = read_attestation(raw, roster)
        attestation = signed.attestation
        if attestation.site != self._site:
            raise SerambiError(
                Kind.BAD_INPUT, f"the attestation is of a camera at {attestation.site}"
            )
        if not signed.complete:
            # It would replace a good one and so close the camera: anybody could send that.
            raise SerambiError(
                Kind.DENIED,
                f"the attestation of {attestation.camera} lacks signatures",
                hint="the owner and one other party sign it",
            )
        known = self._attestations.get(attestation.camera)
        if known is not None and known.digest == signed.digest:
            return _Taken()
        # Else whoever kept a copy could undo a newer one, such as "it now looks inside".
        if (self._replaced / signed.digest).exists():
            raise SerambiError(
                Kind.CONFLICT,
                f"this attestation of {attestation.camera} was replaced by a newer one",
                hint="sign a new one",
            )

        def keep() -> None:
            self._attestations = {**self._attestations, attestation.camera: signed}

        replaces = () if known is None else (known.digest,)
        name = f"attestation-{attestation.camera}"
        return _Taken(name, Accepted(), raw, keep, replaces=replaces)

    def _take_confirmation(self, raw: bytes, roster: Roster) -> _Taken:
        signed = read_confirmation(raw, roster)
        camera = signed.confirmation.camera
        if signed.confirmation.site != self._site:
            raise SerambiError(
                Kind.BAD_INPUT, f"the confirmation is of another site than {self._site}"
            )
        known = self._attestations.get(camera)
        if known is None or known.digest != signed.confirmation.attestation:
            raise SerambiError(
                Kind.BAD_INPUT,
                f"the confirmation is of another attestation of {camera} than the one that holds",
                hint="confirm the attestation that this site knows",
            )
        before = self._confirmations.get(camera)
        if before is not None and before.at >= signed.at:
            return _Taken()

        def keep() -> None:
            self._confirmations = {**self._confirmations, camera: signed}

        return _Taken(f"confirmation-{camera}", Accepted(), raw, keep)

    def _take_approval(self, raw: bytes, roster: Roster) -> _Taken:
        signed = read_approval(raw, roster)
        asked = signed.asked
        under = self._agreements.get(asked.agreement)
        if asked.site != self._site or under is None:
            raise SerambiError(
                Kind.BAD_INPUT, f"the approval is of no agreement that {self._site} knows"
            )
        self._forget_approvals()
        if signed.until <= self._clock.now():
            raise SerambiError(Kind.BAD_INPUT, "the approval is over", hint="approve it anew")
        known = self._approvals.get(signed.digest)
        if known is not None:
            raw = dsse.dump(dsse.merge(dsse.load(known[1]), dsse.load(raw)))
            if raw == known[1]:
                return _Taken()
            signed = read_approval(raw, roster)
        elif len(self._approvals) >= APPROVALS_KEPT:
            raise SerambiError(Kind.LIMIT, f"{APPROVALS_KEPT} approvals hold already")
        others = set(under[0].agreement.parties) - {asked.party}
        new = (others & signed.approved_by) - (known[0].approved_by if known else frozenset())
        if not new:
            raise SerambiError(
                Kind.DENIED,
                "no other party of the agreement has approved this",
                hint="another institution than the one that asks signs it",
            )

        def keep() -> None:
            self._approvals = {**self._approvals, signed.digest: (signed, raw)}

        accepted = Accepted("approved", asked.number, ", ".join(sorted(new)), signed.digest)
        return _Taken(f"approval-{signed.digest}", accepted, raw, keep)

    def _forget_approvals(self) -> None:
        """Those that are over make room."""
        now = self._clock.now()
        for digest, (signed, _) in list(self._approvals.items()):
            if signed.until <= now:
                (self._folder / f"approval-{digest}.json").unlink(missing_ok=True)
                self._written.discard(f"approval-{digest}")
                self._approvals = {d: kept for d, kept in self._approvals.items() if d != digest}
