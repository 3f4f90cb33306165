"""Documents of the command line: drafts in TOML, a folder of attestations."""

from pathlib import Path

from serambi.agreement.attestation import SignedAttestation, read_attestation
from serambi.agreement.draft import DRAFT_HINT, agreement_of
from serambi.agreement.model import Agreement
from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import DOCUMENT_MAX_BYTES, DOCUMENTS_MAX
from serambi.base.toml import read_toml
from serambi.identity.roster import Roster


def read_file(path: Path) -> bytes:
    """A document's bytes, bounded. Raises `NOT_FOUND` or `LIMIT`."""
    try:
        with path.open("rb") as file:
            raw = file.read(2 * DOCUMENT_MAX_BYTES + 1)
    except OSError as error:
        raise SerambiError(
            Kind.NOT_FOUND, f"the file cannot be read: {error.strerror}", where=str(path)
        ) from error
    if len(raw) > 2 * DOCUMENT_MAX_BYTES:
        raise SerambiError(Kind.LIMIT, "the file is too large for a document", where=str(path))
    return raw


def read_draft(path: Path) -> Agreement:
    """The agreement a draft describes; raises `BAD_INPUT` naming the place that is wrong."""
    return agreement_of(read_toml(path, DRAFT_HINT, "the draft"), str(path))


def read_attestations(folder: Path, roster: Roster) -> dict[str, SignedAttestation]:
    """Every attestation (`*.json`) of a folder, by camera. Raises `SerambiError`: a file that is
    not believed, or two that disagree about a camera, are for people to sort out."""
    found: dict[str, SignedAttestation] = {}
    paths = sorted(folder.glob("*.json"))
    if len(paths) > DOCUMENTS_MAX:
        raise SerambiError(Kind.LIMIT, f"more than {DOCUMENTS_MAX} files", where=str(folder))
    for path in paths:
        try:
            signed = read_attestation(read_file(path), roster)
        except SerambiError as error:
            raise SerambiError(error.kind, str(error), where=str(path)) from error
        known = found.setdefault(signed.attestation.camera, signed)
        if known.digest != signed.digest:
            raise SerambiError(
                Kind.CONFLICT,
                f"camera {signed.attestation.camera} is attested twice, differently",
                where=str(path),
                hint="keep only the newer attestation in this folder",
            )
    return found
