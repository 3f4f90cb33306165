"""Since when this keeper knows of each signature under its documents.

A signature bears no time that could be believed. When a key leaves the roster, what it signed
before is told from what it signs afterwards by the time at which the signature came here.
"""

import hashlib
from pathlib import Path

from serambi.base.clock import unix_ms
from serambi.base.kept import StateFile
from serambi.base.limits import SIGNATURES_SEEN_MAX, SIGNATURES_SEEN_MAX_BYTES
from serambi.identity.dsse import Envelope


class Seen:
    """In the file `seen.json`: unix milliseconds by `<sha256 of what is signed>/<key id>`."""

    def __init__(self, folder: Path) -> None:
        """Raises `CORRUPT` when it cannot be read: guessed times would make a lost key count."""
        self._file = StateFile(
            folder / "seen.json",
            dict[str, int],
            what="since when each signature is here",
            max_bytes=SIGNATURES_SEEN_MAX_BYTES,
        )
        self._at_ms = self._file.read() or {}

    def of(self, envelope: Envelope, now: float) -> dict[str, float]:
        """When (unix seconds) each signature of `envelope` came here, by key id; `now` for those
        that come only now."""
        return {
            key_id: self._at_ms.get(_name(envelope, key_id), unix_ms(now)) / 1000
            for key_id, _ in envelope.signatures
        }

    def note(self, envelope: Envelope, now: float) -> None:
        """Remember the signatures that are new, durable on return. What finds no room counts as
        new each time, so never for a key that has gone. Raises `UNAVAILABLE` as the disk does."""
        names = {_name(envelope, key_id) for key_id, _ in envelope.signatures} - self._at_ms.keys()
        if names and len(self._at_ms) + len(names) <= SIGNATURES_SEEN_MAX:
            at_ms = {**self._at_ms, **dict.fromkeys(names, unix_ms(now))}
            self._file.write(at_ms)
            self._at_ms = at_ms


def _name(envelope: Envelope, key_id: str) -> str:
    return f"{hashlib.sha256(envelope.payload).hexdigest()}/{key_id}"
