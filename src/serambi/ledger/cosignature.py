"""C2SP cosignatures (cosignature/v1): a witness's dated word on a checkpoint.

It says: at this time, this is the longest state of this log that I have seen, and it continues
every earlier one. Who may witness is `quorum.py`'s question.
"""

import hashlib
from dataclasses import dataclass

from serambi.base.errors import Kind, SerambiError
from serambi.identity.keys import SigningKey, VerifyKey
from serambi.ledger.note import Note, NoteSignature, check_name

COSIGNATURE = b"\x04"
_TIME_BYTES = 8
_SIGNATURE_BYTES = 64
_TIME_MAX_S = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Cosigner:
    """A witness's Ed25519 key under the name it cosigns with."""

    name: str
    key: VerifyKey

    def __post_init__(self) -> None:
        check_name(self.name)

    @property
    def key_hash(self) -> bytes:
        """The first four bytes of SHA-256 over name, line feed, 0x04 and key."""
        material = self.name.encode() + b"\n" + COSIGNATURE + self.key.raw
        return hashlib.sha256(material).digest()[:4]


def cosign(text: str, name: str, key: SigningKey, at_s: int) -> NoteSignature:
    """The line that says: `name` saw the checkpoint `text` consistent at `at_s`, unix seconds."""
    if not 0 < at_s <= _TIME_MAX_S:
        raise SerambiError(Kind.BAD_INPUT, f"{at_s} is not a time to cosign at")
    signature = at_s.to_bytes(_TIME_BYTES, "big") + key.sign(_message(text, at_s))
    return NoteSignature(name, Cosigner(name, key.public).key_hash, signature)


def cosigned_at(note: Note, cosigner: Cosigner) -> int | None:
    """When `cosigner` cosigned the note, unix seconds; None when it did not.

    A line under its name and key that does not verify spoils the whole note:
    `SerambiError(CORRUPT)`. Lines of others are passed over.
    """
    for line in note.signatures:
        if (line.name, line.key_hash) != (cosigner.name, cosigner.key_hash):
            continue
        at_s = int.from_bytes(line.signature[:_TIME_BYTES], "big")
        signature = line.signature[_TIME_BYTES:]
        # Time zero would say that the witness remembers nothing.
        if (
            len(signature) != _SIGNATURE_BYTES
            or not 0 < at_s <= _TIME_MAX_S
            or not cosigner.key.verify(signature, _message(note.text, at_s))
        ):
            raise SerambiError(Kind.CORRUPT, f"the cosignature of {cosigner.name} is not valid")
        return at_s
    return None


def _message(text: str, at_s: int) -> bytes:
    return f"cosignature/v1\ntime {at_s}\n{text}".encode()
