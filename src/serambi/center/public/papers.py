"""The agreements whose text the public may read: complete ones, as all parties signed them.

The center needs none of them to work. They lie in a folder, put there by hand or kept when they
passed on their way to a site, and are believed for their signatures alone.
"""

import logging
from dataclasses import dataclass
from pathlib import Path

from serambi.agreement.model import AGREEMENT_TYPE, SignedAgreement, read_agreement
from serambi.base.errors import SerambiError
from serambi.base.files import write_atomically
from serambi.base.limits import AGREEMENTS_MAX, DOCUMENT_MAX_BYTES
from serambi.identity import dsse
from serambi.identity.roster import Roster

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Paper:
    """A complete agreement and the very bytes that were signed and travel."""

    signed: SignedAgreement
    raw: bytes


class Papers:
    """The folder of agreements, looked at again by `refresh`."""

    def __init__(self, folder: Path, roster: Roster) -> None:
        self._folder = folder
        self._roster = roster
        self._seen: dict[str, tuple[int, int]] = {}
        self._papers: dict[str, Paper] = {}

    def all(self) -> list[Paper]:
        """By number."""
        return sorted(self._papers.values(), key=lambda paper: paper.signed.agreement.number)

    def find(self, digest: str) -> Paper | None:
        return self._papers.get(digest)

    def offer(self, raw: bytes) -> None:
        """Keep a document if it is a complete agreement; anything else is passed over."""
        try:
            if dsse.load(raw).payload_type != AGREEMENT_TYPE:
                return
            signed = read_agreement(raw, self._roster)
        except SerambiError:
            return
        full = len(self._papers) >= AGREEMENTS_MAX
        if not signed.complete or signed.digest in self._papers or full:
            return
        self._papers = {**self._papers, signed.digest: Paper(signed, raw)}
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            write_atomically(self._folder / f"{signed.digest}.json", raw)
        except OSError as error:
            log.warning("an agreement's text cannot be kept: %s", error.strerror or error)

    def refresh(self) -> None:
        """Take in what was put into the folder."""
        try:
            files = sorted(self._folder.glob("*.json"))[:AGREEMENTS_MAX]
            seen = {path.name: (path.stat().st_mtime_ns, path.stat().st_size) for path in files}
            if seen == self._seen:
                return
            found = [self._read(path) for path in files]
        except OSError as error:
            log.warning("the agreements cannot be read: %s", error.strerror or error)
            return
        self._seen = seen
        self._papers = {paper.signed.digest: paper for paper in found if paper is not None}

    def _read(self, path: Path) -> Paper | None:
        with path.open("rb") as file:
            raw = file.read(DOCUMENT_MAX_BYTES)
        try:
            # What a key that has gone since then signed still counts.
            signed = read_agreement(raw, self._roster.as_of(path.stat().st_mtime))
        except SerambiError as error:
            log.warning("%s is not shown: %s", path.name, error)
            return None
        return Paper(signed, raw) if signed.complete else None


def copy_complete(agreements: Path, folder: Path, roster: Roster) -> None:
    """Put those agreements of a folder that all parties have signed into another, for the public;
    of the others a center knows nothing. Raises `SerambiError` or `OSError`."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(agreements.glob("*.json")):
        raw = path.read_bytes()
        if read_agreement(raw, roster).complete:
            write_atomically(folder / path.name, raw)
