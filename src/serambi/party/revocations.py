"""The revocations a party knows of, and which ledgers lack them.

They come from its own signing desk, from the other parties, from a file by hand. Each is believed
for the signature of the party that revokes, and kept for good.
"""

import logging
import math
import re
import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from serambi.agreement.revocation import Revocation, read_revocation
from serambi.base.errors import Kind, SerambiError
from serambi.base.files import write_atomically
from serambi.base.limits import DOCUMENT_MAX_BYTES, REVOCATIONS_PER_PARTY
from serambi.identity.roster import Roster
from serambi.ledger.entry import Entry

log = logging.getLogger(__name__)

_DIGEST = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(slots=True)
class Agreements:
    """What one site's ledger says of agreements: which came into force there, which are over,
    and which approvals it has. By the digest in `detail`."""

    accepted: set[str] = field(default_factory=set)
    revoked: set[str] = field(default_factory=set)
    approved: set[str] = field(default_factory=set)

    def add(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            if entry.kind == "agreement_accepted":
                self.accepted.add(entry.detail)
            elif entry.kind == "agreement_revoked":
                self.revoked.add(entry.detail)
            elif entry.kind == "approved":
                self.approved.add(entry.detail)


class Revocations:
    """All that are known, in memory and in the folder `revocations`. Any thread may use it; what
    one party tells another never waits for the center."""

    def __init__(self, folder: Path, roster: Roster) -> None:
        """Raises `CORRUPT` when a kept one cannot be read: forgotten, it would be withheld."""
        self._folder = folder / "revocations"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._roster = roster
        self._mutex = threading.Lock()
        self._known: dict[str, tuple[Revocation, bytes]] = {}
        for path in sorted(self._folder.glob("*.json")):
            try:
                raw = path.read_bytes()
                # It holds even when the key that signed it has gone since.
                self._known[path.stem] = self._read(raw, roster.as_of(-math.inf)), raw
            except (OSError, SerambiError) as error:
                raise SerambiError(
                    Kind.CORRUPT,
                    f"a kept revocation cannot be read: {error}",
                    where=str(path),
                    hint="restore the file from another party before starting",
                ) from error

    def accept(self, raw: bytes) -> bool:
        """Take one; whether it is new. Durable on return. Raises `SerambiError` when it is not
        believed or the disk refuses it."""
        revocation = self._read(raw, self._roster)
        name = f"{revocation.agreement}-{revocation.party}"
        with self._mutex:
            new = name not in self._known
            if new:
                self._hold(name, revocation, raw)
            self._keep(name)
        return new

    def _hold(self, name: str, revocation: Revocation, raw: bytes) -> None:
        """It acts although the disk may be full: this party then cosigns nothing that lacks it."""
        held = Counter(known.party for known, _ in self._known.values())
        if held[revocation.party] >= REVOCATIONS_PER_PARTY:
            raise SerambiError(
                Kind.LIMIT, f"{REVOCATIONS_PER_PARTY} revocations by {revocation.party} are kept"
            )
        self._known[name] = revocation, raw
        log.warning("%s has revoked agreement %s", revocation.party, revocation.number)

    def _keep(self, name: str) -> None:
        path = self._folder / f"{name}.json"
        if path.exists():
            return
        try:
            write_atomically(path, self._known[name][1])
        except OSError as error:
            raise SerambiError(
                Kind.UNAVAILABLE,
                f"the revocation holds, but cannot be kept: {error.strerror}",
                where=str(self._folder),
                hint="free space on the disk and deliver it again",
            ) from error

    def all(self) -> dict[str, bytes]:
        """Every one as a file, by name."""
        with self._mutex:
            return {name: raw for name, (_, raw) in self._known.items()}

    def of(self, digest: str) -> tuple[Revocation, ...]:
        """Those of one agreement, whoever signed them."""
        with self._mutex:
            return tuple(each for each, _ in self._known.values() if each.agreement == digest)

    def lacking(self, agreements: Agreements) -> dict[str, Revocation]:
        """Those of agreements that a ledger has taken up and not closed, by name."""
        open_ones = agreements.accepted - agreements.revoked
        with self._mutex:
            return {
                name: revocation
                for name, (revocation, _) in self._known.items()
                if revocation.agreement in open_ones
            }

    def _read(self, raw: bytes, roster: Roster) -> Revocation:
        if len(raw) > DOCUMENT_MAX_BYTES:
            raise SerambiError(Kind.LIMIT, f"the document is larger than {DOCUMENT_MAX_BYTES} B")
        revocation = read_revocation(raw, roster)
        if not _DIGEST.match(revocation.agreement):
            raise SerambiError(Kind.BAD_INPUT, "the revocation names no digest of an agreement")
        return revocation
