"""The shelf of one institution: agreements with whatever signatures they have, what parties said
about them, attestations of the cameras they name.

A paper is named by the digest of what is signed, so a paper whose text changes is another paper.
What comes is believed for its signatures alone. What one party can put here is bounded for that
party: nobody can fill the shelf for the others.
"""

import hashlib
import logging
import math
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from serambi.agreement.attestation import ATTESTATION_TYPE, SignedAttestation, read_attestation
from serambi.agreement.model import AGREEMENT_TYPE, SignedAgreement, read_agreement
from serambi.agreement.reply import REPLY_TYPE, SignedReply, read_reply
from serambi.base.errors import Kind, SerambiError
from serambi.base.files import write_atomically
from serambi.base.limits import (
    ATTESTATIONS_PER_PARTY,
    DOCUMENT_MAX_BYTES,
    PAPERS_MAX,
    PAPERS_PER_PARTY,
    REPLIES_PER_PARTY,
)
from serambi.identity import dsse
from serambi.identity.roster import Roster

log = logging.getLogger(__name__)

Document = SignedAgreement | SignedReply | SignedAttestation
T = TypeVar("T", SignedAgreement, SignedReply, SignedAttestation)

_READERS: dict[str, Callable[[bytes, Roster], Document]] = {
    ATTESTATION_TYPE: read_attestation,
    REPLY_TYPE: read_reply,
    AGREEMENT_TYPE: read_agreement,
}
"""In the order in which they are passed on: a draft is taken for the proposal that came before."""
_MOST = {
    ATTESTATION_TYPE: ATTESTATIONS_PER_PARTY,
    REPLY_TYPE: REPLIES_PER_PARTY,
    AGREEMENT_TYPE: PAPERS_PER_PARTY,
}


@dataclass(frozen=True, slots=True)
class Kept:
    """One document as it was verified, and its file."""

    kind: str
    document: Document
    raw: bytes


class Papers:
    """In memory and in the folder `papers`. Any thread may use it."""

    def __init__(self, folder: Path, party: str, roster: Roster) -> None:
        self.party = party
        self.roster = roster
        self._folder = folder / "papers"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._mutex = threading.Lock()
        self._kept: dict[str, Kept] = {}
        # When each paper was written here, unix seconds: what a key that has gone since then
        # signed counts here as it does at the sites, which keep times of their own.
        self._since: dict[str, float] = {}
        for path in sorted(self._folder.glob("*.json")):
            self._load(path)

    def _load(self, path: Path) -> None:
        """A file that is not what its name says is left out and said: nobody is to sign it."""
        try:
            with path.open("rb") as file:
                self._since[path.stem] = path.stat().st_mtime
                digest, kept = self._read(file.read(2 * DOCUMENT_MAX_BYTES + 1))
            if digest != path.stem:
                raise SerambiError(Kind.CORRUPT, "the file is not what its name says")
            self._kept[digest] = kept
        except (OSError, SerambiError) as error:
            log.error("%s is left out: %s", path, error)

    # -- taking ---------------------------------------------------------------------------

    def take(self, raw: bytes) -> str:
        """Take what a person of this institution brings; -> its digest. Durable on return.
        Raises `SerambiError` when it is not believed, `UNAVAILABLE` when the disk refuses it."""
        return self._take(raw, welcome=lambda digest, kept: None)[0]

    def hear(self, raw: bytes) -> bool:
        """Take what came through the door; whether it brought anything new. An agreement must
        name this party, and one of its parties must have signed or proposed it. Raises like
        `take`, and `LIMIT`."""
        return self._take(raw, welcome=self._check_welcome)[1]

    def _take(self, raw: bytes, welcome: Callable[[str, Kept], None]) -> tuple[str, bool]:
        with self._mutex:
            digest, kept = self._read(raw)
            known = self._kept.get(digest)
            if known is None:
                welcome(digest, kept)
                if len(self._kept) >= PAPERS_MAX:
                    raise SerambiError(Kind.LIMIT, f"{PAPERS_MAX} papers are kept here")
            elif known.raw == kept.raw:
                return digest, False
            try:
                write_atomically(self._folder / f"{digest}.json", kept.raw)
            except OSError as error:
                raise SerambiError(
                    Kind.UNAVAILABLE,
                    f"the paper cannot be kept: {error.strerror}",
                    where=str(self._folder),
                    hint="free space on the disk and bring it again",
                ) from error
            # Replaced as a whole: pages read it while another thread takes something in.
            self._kept = {**self._kept, digest: kept}
            return digest, True

    def _read(self, raw: bytes) -> tuple[str, Kept]:
        """-> digest of what is signed, and the document with every signature known of it: one
        that was here stays, whoever brings the paper without it."""
        envelope = dsse.load(raw)
        digest = hashlib.sha256(envelope.payload).hexdigest()
        roster = self.roster.as_of(self._since.get(digest, math.inf))
        envelope = self._believed(envelope, roster)
        kind = envelope.payload_type
        if kind not in _READERS:
            raise SerambiError(
                Kind.BAD_INPUT,
                f"a document of type {kind[:80]!r} is not known here",
                hint="an agreement, a reply, an attestation or a revocation is expected",
            )
        known = self._kept.get(digest)
        if known is not None:
            envelope = dsse.merge(envelope, dsse.load(known.raw))
        raw = dsse.dump(envelope)
        return digest, Kept(kind, _READERS[kind](raw, roster), raw)

    def _believed(self, envelope: dsse.Envelope, roster: Roster) -> dsse.Envelope:
        """Without signatures that no party made: they would fill the room for good ones."""
        keys = roster.signing_keys()
        good = tuple(
            pair
            for pair in envelope.signatures
            if dsse.verified_by(msgspec.structs.replace(envelope, signatures=(pair,)), keys)
        )
        return msgspec.structs.replace(envelope, signatures=good)

    def _check_welcome(self, digest: str, kept: Kept) -> None:
        """Raise unless the door may take this new document."""
        bearers = self._bearers(digest, kept)
        if isinstance(kept.document, SignedAgreement):
            parties = kept.document.agreement.parties
            if self.party not in parties:
                raise SerambiError(Kind.DENIED, f"{self.party} is not a party of this agreement")
            if kept.document.complete:
                return
            bearers &= set(parties)
        if not bearers:
            raise SerambiError(
                Kind.DENIED,
                "no party has signed or proposed this",
                hint="the party it comes from signs it, or a proposal of it",
            )
        held = Counter(
            party
            for other, each in self._kept.items()
            if each.kind == kept.kind
            for party in self._bearers(other, each)
        )
        if all(held[party] >= _MOST[kept.kind] for party in bearers):
            said = ", ".join(sorted(bearers))
            raise SerambiError(Kind.LIMIT, f"{_MOST[kept.kind]} papers of {said} are kept")

    def _bearers(self, digest: str, kept: Kept) -> set[str]:
        """Who answers for a document being here; for an agreement that all have signed, nobody
        need."""
        match kept.document:
            case SignedReply() as said:
                return {said.reply.party}
            case SignedAttestation() as attested:
                return set(attested.signed_by)
            case signed:
                proposers = {
                    said.reply.party
                    for said in self.replies(digest)
                    if said.reply.kind == "proposal"
                }
                return set() if signed.complete else {*signed.signed_by} or proposers

    # -- reading --------------------------------------------------------------------------

    def agreement(self, digest: str) -> tuple[SignedAgreement, bytes]:
        """One paper and its file. Raises `NOT_FOUND`."""
        kept = self._kept.get(digest)
        if kept is None or not isinstance(kept.document, SignedAgreement):
            raise SerambiError(Kind.NOT_FOUND, "there is no such paper here", where=digest[:80])
        return kept.document, kept.raw

    def agreements(self) -> list[SignedAgreement]:
        """Every paper; versions of one number one after another, in the order of their end."""
        found = self._all(SignedAgreement)
        return sorted(found, key=lambda s: (s.agreement.number, s.valid_until, s.digest))

    def replies(self, digest: str) -> list[SignedReply]:
        """What parties of it said about one paper, oldest first."""
        kept = self._kept.get(digest)
        signed = kept.document if kept else None
        parties = signed.agreement.parties if isinstance(signed, SignedAgreement) else None
        found = [
            said
            for said in self._all(SignedReply)
            if said.reply.agreement == digest and (parties is None or said.reply.party in parties)
        ]
        return sorted(found, key=lambda said: (said.at, said.digest))

    def attestations(self) -> dict[str, SignedAttestation]:
        """By camera: of those that are signed by enough parties the one that holds longest."""
        found: dict[str, SignedAttestation] = {}
        for attested in sorted(self._all(SignedAttestation), key=lambda a: a.valid_until):
            if attested.complete:
                found[attested.attestation.camera] = attested
        return found

    def to_tell(self) -> Iterator[tuple[str, bytes]]:
        """(digest, file) of all that the other parties may hear: not a draft that nobody has
        signed or proposed yet."""
        kept = self._kept
        for kind in _READERS:
            for digest, each in kept.items():
                told = each.kind != AGREEMENT_TYPE or self._spoken_for(digest, each)
                if each.kind == kind and told:
                    yield digest, each.raw

    def _spoken_for(self, digest: str, kept: Kept) -> bool:
        complete = isinstance(kept.document, SignedAgreement) and kept.document.complete
        return complete or bool(self._bearers(digest, kept))

    def _all(self, kind: type[T]) -> list[T]:
        return [each.document for each in self._kept.values() if isinstance(each.document, kind)]
