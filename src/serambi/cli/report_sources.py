"""What a report is made from when there is no center to ask: ledgers, agreements and attestations
as files; and the file it is written to. Nothing is believed but the roster."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from serambi.agreement.attestation import (
    ATTESTATION_TYPE,
    SignedAttestation,
    read_attestation,
)
from serambi.agreement.model import AGREEMENT_TYPE, SignedAgreement, read_agreement
from serambi.base.errors import Kind, SerambiError
from serambi.base.files import write_atomically
from serambi.base.limits import DOCUMENT_MAX_BYTES, DOCUMENTS_MAX
from serambi.identity import dsse
from serambi.identity.roster import Roster
from serambi.ledger.audit import each_entry
from serambi.ledger.figures import Counted, is_site
from serambi.ledger.note import NOTE_MAX_BYTES
from serambi.ledger.quorum import Cosigned
from serambi.ledger.reader import CHECKPOINT_FILE, read_checkpoint, read_file, read_pending
from serambi.ledger.recount import Recount
from serambi.ledger.verify import cosigned_in, keys_of_origin, verify

Work = TypeVar("Work", bound=Recount)


@dataclass(frozen=True, slots=True)
class Copies(Generic[Work]):
    """Ledgers that were found sound, and what was counted in them, by origin in order."""

    folders: dict[str, Path]
    works: dict[str, Work]
    sizes: dict[str, int]

    @property
    def newest_ms(self) -> int:
        """When the newest entry of all was written."""
        return max((work.latest_ms for work in self.works.values()), default=0)

    @property
    def center(self) -> str:
        """The origin of the center's ledger; empty when there is no copy of it."""
        return next((origin for origin in self.works if not is_site(origin)), "")

    def counted(self, now_ms: int) -> list[Counted]:
        return [
            Counted(origin, 0, self.sizes[origin], work.figures(now_ms))
            for origin, work in self.works.items()
        ]

    def checkpoint(self) -> str:
        """The center's newest, over entries that wait for their tiles too; empty without a copy."""
        folder = self.folders.get(self.center)
        if folder is None:
            return ""
        waiting = read_pending(folder, read_checkpoint(folder)[0].size)
        raw = read_file(folder, CHECKPOINT_FILE, NOTE_MAX_BYTES)
        return (waiting[-1].checkpoint if waiting else raw).decode()

    def cosigned(self, roster: Roster) -> list[Cosigned]:
        """The parties' words on the center's ledger."""
        folder = self.folders.get(self.center)
        if folder is None:
            return []
        return cosigned_in(folder, self.center, keys_of_origin(self.center, roster), roster)


def count(folders: Sequence[Path], roster: Roster, begin: Callable[[], Work]) -> Copies[Work]:
    """Check each ledger, then count it. Raises `SerambiError`: `CORRUPT` for one that is not sound,
    `BAD_INPUT` for two copies of the same."""
    found: dict[str, tuple[Path, Work, int]] = {}
    for folder in folders:
        report = verify(folder, roster)
        if not report.ok:
            raise SerambiError(Kind.CORRUPT, report.why, where=str(folder))
        origin = read_checkpoint(folder)[0].origin
        if origin in found:
            raise SerambiError(
                Kind.BAD_INPUT, f"two copies of {origin}", where=str(folder), hint="name one"
            )
        work, size = begin(), 0
        for entry in each_entry(folder):
            work.add(entry)
            size += 1
        found[origin] = (folder, work, size)
    rows = sorted(found.items())
    return Copies(
        {origin: folder for origin, (folder, _, _) in rows},
        {origin: work for origin, (_, work, _) in rows},
        {origin: size for origin, (_, _, size) in rows},
    )


def center_of(roster: Roster) -> str:
    """The party whose center the roster names. Raises `BAD_INPUT` when it names none."""
    named = [key.party for key in roster.document.keys if key.use == "center"]
    if not named:
        raise SerambiError(Kind.BAD_INPUT, "the roster names no center", where="roster")
    return named[0]


def agreements_in(folder: Path | None, roster: Roster) -> list[SignedAgreement]:
    """The complete ones; what is no agreement is passed over. Raises for a false one."""
    found = [read_agreement(raw, roster) for raw in _documents(folder, AGREEMENT_TYPE)]
    return sorted((one for one in found if one.complete), key=lambda one: one.agreement.number)


def attestations_in(folder: Path | None, roster: Roster) -> dict[str, SignedAttestation]:
    """The complete ones by camera. Raises for a false one."""
    found = [read_attestation(raw, roster) for raw in _documents(folder, ATTESTATION_TYPE)]
    return {one.attestation.camera: one for one in found if one.complete}


def _documents(folder: Path | None, payload_type: str) -> Iterator[bytes]:
    if folder is None:
        return
    for path in sorted(folder.glob("*.json"))[:DOCUMENTS_MAX]:
        raw = read_file(folder, path.name, DOCUMENT_MAX_BYTES)
        if dsse.load(raw).payload_type == payload_type:
            yield raw


def write_out(out: Path, raw: bytes) -> None:
    """Raises `UNAVAILABLE` where nothing can be written."""
    try:
        write_atomically(out, raw)
    except OSError as error:
        raise SerambiError(
            Kind.UNAVAILABLE,
            f"the report cannot be written: {error.strerror or error}",
            where=str(out),
            hint="name a file in a folder that you may write to",
        ) from error
