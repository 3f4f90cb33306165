"""A draft of an agreement: plain TOML that people write and discuss, read strictly."""

from pathlib import Path

import msgspec

from serambi.agreement.attestation import SignedAttestation, read_attestation
from serambi.agreement.model import PROHIBITED, Agreement, Purpose, Retention, SharedSite
from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import DOCUMENT_MAX_BYTES, DOCUMENTS_MAX
from serambi.base.toml import read_toml
from serambi.base.words import Words
from serambi.identity.roster import Roster

_ERROR_MAX_CHARACTERS = 300
_HINT = "what has no field cannot be agreed to"


class Draft(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An agreement without what is the same in every one."""

    number: str
    title: Words
    parties: tuple[str, ...]
    viewer: str
    purposes: tuple[Purpose, ...]
    legal_basis: Words
    sites: tuple[SharedSite, ...]
    valid_from: str
    valid_until: str
    retention: Retention = Retention(72)
    heartbeat_s: int = 900


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
    try:
        draft = msgspec.convert(read_toml(path, _HINT, "the draft"), Draft, strict=True)
    except msgspec.ValidationError as error:
        what = f"the draft cannot be read: {str(error)[:_ERROR_MAX_CHARACTERS]}"
        raise SerambiError(Kind.BAD_INPUT, what, where=str(path), hint=_HINT) from error
    return Agreement(**msgspec.structs.asdict(draft), prohibited=PROHIBITED)


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
