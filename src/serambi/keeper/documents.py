"""The signed documents a keeper lives by: roster, attestations, agreements, revocations.

They come by hand (the `inbox` folder), from the owner's page or through the center; where one
comes from makes no difference, because each is believed for its signatures alone. Deciding does
not belong here: this module gathers the `State` that `decide` looks at.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from serambi.agreement.attestation import ATTESTATION_TYPE, SignedAttestation, read_attestation
from serambi.agreement.decide import State
from serambi.agreement.model import AGREEMENT_TYPE, SignedAgreement, read_agreement
from serambi.agreement.revocation import REVOCATION_TYPE, Revocation, read_revocation
from serambi.base.errors import Kind, SerambiError
from serambi.base.files import write_atomically
from serambi.base.limits import DOCUMENT_MAX_BYTES, DOCUMENTS_MAX
from serambi.identity import dsse
from serambi.identity.roster import Roster, read_roster
from serambi.ledger.entry import EntryKind

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Accepted:
    """What a document changed, for the ledger: `kind` is None when nothing
    changed that the ledger keeps."""

    kind: EntryKind | None = None
    agreement: str = ""
    party: str = ""


class Documents:
    """The documents of one site, in memory and in the folder `documents`."""

    def __init__(self, folder: Path, site: str, roster_path: Path, genesis: str) -> None:
        self._folder = folder / "documents"
        self._inbox = folder / "inbox"
        for wanted in (self._folder, self._inbox, self._inbox / "refused"):
            wanted.mkdir(parents=True, exist_ok=True)
        self._site = site
        try:
            raw = roster_path.read_bytes()
        except OSError as error:
            raise SerambiError(
                Kind.NOT_FOUND, f"the roster cannot be read: {error}", where=str(roster_path)
            ) from error
        self.roster: Roster = read_roster(raw, genesis)
        self._agreements: dict[str, tuple[SignedAgreement, bytes]] = {}
        self._revocations: dict[str, Revocation] = {}
        self._attestations: dict[str, SignedAttestation] = {}
        for path in sorted(self._folder.glob("*.json")):
            self._load(path)

    def _load(self, path: Path) -> None:
        """A kept document that can no longer be read is left out and said: doubt is not shared.
        A revocation that cannot be read would reopen what it closed, so it stops the start."""
        try:
            self._take(path.read_bytes())
        except (SerambiError, OSError) as error:
            if path.name.startswith("revocation"):
                raise SerambiError(
                    Kind.CORRUPT,
                    f"a kept revocation cannot be read: {error}",
                    where=str(path),
                    hint="restore the file from another party's copy before starting",
                ) from error
            log.error("%s is left out: %s", path, error)

    def state(self, *, stops: dict[str, float], clock_ok: bool) -> State:
        """Everything `decide` needs to know, as of now."""
        return State(
            site=self._site,
            agreements=tuple(signed for signed, _ in self._agreements.values()),
            revocations=dict(self._revocations),
            attestations=dict(self._attestations),
            stops=stops,
            suspensions={},
            clock_ok=clock_ok,
        )

    def accept(self, raw: bytes) -> Accepted:
        """Verify one document and keep it, durable on return. Raises `SerambiError` when it is
        not believed; a document that is already known changes nothing."""
        if len(self._agreements) + len(self._revocations) >= DOCUMENTS_MAX:
            raise SerambiError(Kind.LIMIT, f"{DOCUMENTS_MAX} documents are kept already")
        name, changed, whole = self._take(raw)
        if name:
            write_atomically(self._folder / f"{name}.json", whole)
        return changed

    def _take(self, raw: bytes) -> tuple[str, Accepted, bytes]:
        """-> file name without ending (empty: nothing new), what changed, bytes to keep."""
        if len(raw) > DOCUMENT_MAX_BYTES:
            raise SerambiError(Kind.LIMIT, f"the document is larger than {DOCUMENT_MAX_BYTES} B")
        kind = dsse.load(raw).payload_type
        takers: dict[str, Callable[[bytes], tuple[str, Accepted, bytes]]] = {
            AGREEMENT_TYPE: self._take_agreement,
            REVOCATION_TYPE: self._take_revocation,
            ATTESTATION_TYPE: self._take_attestation,
        }
        if kind not in takers:
            raise SerambiError(
                Kind.BAD_INPUT,
                f"a document of type {kind[:80]!r} is not known here",
                hint="an agreement, an attestation or a revocation is expected",
            )
        return takers[kind](raw)

    def _take_agreement(self, raw: bytes) -> tuple[str, Accepted, bytes]:
        signed = read_agreement(raw, self.roster)
        number = signed.agreement.number
        if all(site.site != self._site for site in signed.agreement.sites):
            raise SerambiError(Kind.BAD_INPUT, f"agreement {number} does not name {self._site}")
        known = self._agreements.get(signed.digest)
        was_complete = known is not None and known[0].complete
        if known is not None:
            raw = dsse.dump(dsse.merge(dsse.load(known[1]), dsse.load(raw)))
            if raw == known[1]:
                return "", Accepted(), raw
            signed = read_agreement(raw, self.roster)
        self._agreements[signed.digest] = (signed, raw)
        news = signed.complete and not was_complete
        accepted = Accepted("agreement_accepted", number) if news else Accepted()
        return f"agreement-{signed.digest}", accepted, raw

    def _take_revocation(self, raw: bytes) -> tuple[str, Accepted, bytes]:
        revocation = read_revocation(raw, self.roster)
        if revocation.agreement in self._revocations:
            return "", Accepted(), raw
        known = self._agreements.get(revocation.agreement)
        if known is None:
            raise SerambiError(
                Kind.NOT_FOUND,
                f"the revoked agreement {revocation.number} is not known at {self._site}",
            )
        if revocation.party not in known[0].agreement.parties:
            raise SerambiError(
                Kind.DENIED,
                f"{revocation.party} is not a party of agreement {revocation.number}",
            )
        self._revocations[revocation.agreement] = revocation
        number = known[0].agreement.number
        accepted = Accepted("agreement_revoked", number, revocation.party)
        return f"revocation-{revocation.agreement}", accepted, raw

    def _take_attestation(self, raw: bytes) -> tuple[str, Accepted, bytes]:
        signed = read_attestation(raw, self.roster)
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
        self._attestations[attestation.camera] = signed
        return f"attestation-{attestation.camera}", Accepted(), raw

    def waiting_in_inbox(self) -> list[Path]:
        """Files somebody has put into the inbox, oldest name first."""
        found = (path for path in self._inbox.iterdir() if path.is_file())
        return sorted(path for path in found if not path.name.startswith("."))

    def put_aside(self, path: Path, why: str) -> None:
        """A file that was not believed moves to `inbox/refused`, with the reason beside it."""
        aside = self._inbox / "refused" / path.name
        path.replace(aside)
        aside.with_name(aside.name + ".why.txt").write_text(why + "\n", encoding="utf-8")
        log.warning("%s is refused: %s", path.name, why)
