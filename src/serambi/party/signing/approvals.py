"""What the center asks this institution to approve, and what it has approved.

What is asked is fetched anew all the while and kept by the center; what was approved is kept here
until it is over, so that it reaches a site that was away. Nothing is believed but signatures.
"""

import logging
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path

from serambi.agreement.approval import SignedApproval, read_approval
from serambi.agreement.model import SignedAgreement
from serambi.base.clock import Clock
from serambi.base.errors import Kind, SerambiError
from serambi.base.files import write_atomically
from serambi.base.limits import APPROVALS_KEPT
from serambi.party.signing.papers import Papers

log = logging.getLogger(__name__)

Known = tuple[SignedApproval, bytes]


class Approvals:
    """In memory, and those of ours in the folder `approvals`. Any thread may use it."""

    def __init__(self, folder: Path, papers: Papers, clock: Clock) -> None:
        self._folder = folder / "approvals"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._papers = papers
        self._clock = clock
        self._mutex = threading.Lock()
        self._asked: Mapping[str, Known] = {}
        self._ours: dict[str, Known] = {}
        for path in sorted(self._folder.glob("*.json")):
            try:
                signed = read_approval(path.read_bytes(), papers.roster)
                self._ours[signed.digest] = signed, path.read_bytes()
            except (OSError, SerambiError) as error:
                log.error("%s is left out: %s", path, error)

    def hear(self, raws: Iterable[bytes]) -> None:
        """What the center asks now. What is not for this institution to approve is passed over."""
        heard: dict[str, Known] = {}
        for raw in raws:
            try:
                signed = read_approval(raw, self._papers.roster)
                self._check(signed)
            except SerambiError as error:
                log.info("what the center asks is passed over: %s", error)
                continue
            if len(heard) < APPROVALS_KEPT:
                heard[signed.digest] = signed, raw
        self._asked = heard
        self._forget()

    def all(self) -> list[SignedApproval]:
        """What is asked or approved and not over, what ends first in front."""
        now = self._clock.now()
        found = [signed for signed, _ in {**self._asked, **self._ours}.values()]
        return sorted((s for s in found if now < s.until), key=lambda s: (s.until, s.digest))

    def find(self, digest: str) -> tuple[SignedApproval, bytes, SignedAgreement]:
        """One of them, its file and the agreement it is under. Raises `NOT_FOUND`."""
        known = self._ours.get(digest) or self._asked.get(digest)
        if known is None or known[0].until <= self._clock.now():
            raise SerambiError(Kind.NOT_FOUND, "nothing like this is asked", where=digest[:80])
        return *known, self._papers.agreement(known[0].asked.agreement)[0]

    def given(self) -> Mapping[str, Known]:
        """What this institution has approved, by digest."""
        self._forget()
        return dict(self._ours)

    def keep(self, raw: bytes) -> None:
        """Take what this institution has just signed. Durable on return."""
        signed = read_approval(raw, self._papers.roster)
        try:
            write_atomically(self._folder / f"{signed.digest}.json", raw)
        except OSError as error:
            raise SerambiError(
                Kind.UNAVAILABLE,
                f"the approval cannot be kept: {error.strerror}",
                where=str(self._folder),
                hint="free space on the disk",
            ) from error
        with self._mutex:
            self._ours = {**self._ours, signed.digest: (signed, raw)}

    def _check(self, signed: SignedApproval) -> None:
        under, _ = self._papers.agreement(signed.asked.agreement)
        if not signed.asked_by_center or signed.asked.party != under.agreement.viewer:
            raise SerambiError(Kind.DENIED, "the viewer of the agreement did not ask this")
        if self._papers.party not in set(under.agreement.parties) - {signed.asked.party}:
            raise SerambiError(Kind.DENIED, "this institution has no say in it")

    def _forget(self) -> None:
        now = self._clock.now()
        with self._mutex:
            for digest in [d for d, (signed, _) in self._ours.items() if signed.until <= now]:
                (self._folder / f"{digest}.json").unlink(missing_ok=True)
                self._ours = {d: known for d, known in self._ours.items() if d != digest}
