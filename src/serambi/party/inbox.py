"""Revocations and rosters by hand: files put into the folder `inbox` are taken, or set aside."""

import logging
from pathlib import Path

from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import DOCUMENT_MAX_BYTES, INBOX_SETTLED_S
from serambi.identity.chain import is_roster
from serambi.party.proposals import Proposals
from serambi.party.rosters import Rosters
from serambi.party.witness import Witness

log = logging.getLogger(__name__)


def read_inbox(folder: Path, witness: Witness, rosters: Rosters | Proposals, now: float) -> None:
    """Take every `*.json` of `folder`. What is not believed and has not changed for a while (it
    may still be on its way) goes to `refused`; what the disk refuses to keep stays."""
    refused = folder / "refused"
    refused.mkdir(parents=True, exist_ok=True)
    for path in sorted(folder.glob("*.json")):
        try:
            with path.open("rb") as file:
                raw = file.read(DOCUMENT_MAX_BYTES + 1)
            accept = rosters.accept if is_roster(raw) else witness.add_revocation
            accept(raw)
            path.unlink()
        except SerambiError as error:
            if error.kind is Kind.UNAVAILABLE or now - path.stat().st_mtime < INBOX_SETTLED_S:
                continue
            log.warning("%s is not believed: %s", path.name, error)
            path.rename(refused / path.name)
        except OSError as error:
            log.warning("%s cannot be read: %s", path.name, error.strerror)
