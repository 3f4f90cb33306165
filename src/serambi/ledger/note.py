"""C2SP signed notes: a text, an empty line, signature lines. What the text says is not ours.

The parser is strict: whatever it accepts, `Note.emit` writes back byte for byte.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from serambi.base.errors import Kind, SerambiError
from serambi.identity.keys import SigningKey, VerifyKey

NOTE_MAX_BYTES = 64 * 1024
SIGNATURES_MAX = 64
ED25519 = b"\x01"
_KEY_HASH_BYTES = 4
SIGNATURE_MARK = "— "  # em dash and space


# Control characters, and halves of a surrogate pair, which UTF-8 cannot carry.
_NO_TEXT = re.compile("[\x00-\x09\x0b-\x1f\ud800-\udfff]")
_NO_NAME = re.compile("[\\s+\x00-\x1f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line: the signer's name, the hash of name and key, the signature itself."""

    name: str
    key_hash: bytes
    signature: bytes

    def emit(self) -> str:
        """The line with its end."""
        blob = base64.b64encode(self.key_hash + self.signature).decode()
        return f"{SIGNATURE_MARK}{self.name} {blob}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A signed text. Reading one proves nothing; `signed_by` does."""

    text: str
    signatures: tuple[NoteSignature, ...]

    def emit(self) -> bytes:
        """The note as bytes."""
        return (self.text + "\n" + "".join(line.emit() for line in self.signatures)).encode()

    def signed_by(self, verifiers: Iterable["Verifier"]) -> tuple["Verifier", ...]:
        """Those of `verifiers` who signed the text.

        A line that names a verifier and its key but does not verify spoils the whole note:
        `SerambiError(CORRUPT)`. Lines of others are passed over.
        """
        signers = []
        for verifier in verifiers:
            for line in self.signatures:
                if (line.name, line.key_hash) != (verifier.name, verifier.key_hash):
                    continue
                if not verifier.key.verify(line.signature, self.text.encode()):
                    raise SerambiError(
                        Kind.CORRUPT, f"the signature of {verifier.name} is not valid"
                    )
                signers.append(verifier)
        return tuple(signers)


@dataclass(frozen=True, slots=True)
class Verifier:
    """An Ed25519 public key under the name it signs with."""

    name: str
    key: VerifyKey

    def __post_init__(self) -> None:
        check_name(self.name)

    @property
    def key_hash(self) -> bytes:
        """The first four bytes of SHA-256 over name, line feed, 0x01 and key."""
        material = self.name.encode() + b"\n" + ED25519 + self.key.raw
        return hashlib.sha256(material).digest()[:_KEY_HASH_BYTES]

    def text(self) -> str:
        """The verifier key as people exchange it: `name+hash+key`."""
        blob = base64.b64encode(ED25519 + self.key.raw).decode()
        return f"{self.name}+{self.key_hash.hex()}+{blob}"


def parse_verifier(text: str) -> Verifier:
    """Read `name+hash+key`; `SerambiError(BAD_INPUT)` unless it writes back the same."""
    name, _, rest = text.partition("+")
    key_hash, _, blob = rest.partition("+")
    raw = _base64(blob)
    if len(raw) != 1 + 32 or raw[:1] != ED25519:
        raise _bad("the verifier key is not an Ed25519 key")
    verifier = Verifier(name, VerifyKey.from_raw(raw[1:]))
    if verifier.key_hash.hex() != key_hash:
        raise _bad("the verifier key does not match its own hash")
    return verifier


def sign_note(text: str, name: str, key: SigningKey) -> Note:
    """Sign a text ending with a line feed; `SerambiError(BAD_INPUT)` if no note can carry it."""
    _check_text(text)
    verifier = Verifier(name, key.public)
    signature = key.sign(text.encode())
    return Note(text, (NoteSignature(name, verifier.key_hash, signature),))


def parse_note(raw: bytes) -> Note:
    """Bytes -> note, or `SerambiError(BAD_INPUT or LIMIT)`."""
    if len(raw) > NOTE_MAX_BYTES:
        raise SerambiError(
            Kind.LIMIT, f"the note is {len(raw)} bytes, more than the {NOTE_MAX_BYTES} allowed"
        )
    try:
        whole = raw.decode()
    except UnicodeDecodeError as error:
        raise _bad("the note is not UTF-8") from error
    # The text may itself have empty lines: the last one counts.
    text, found, lines = whole.rpartition("\n\n")
    if not found:
        raise _bad("the note has no empty line before its signatures")
    text += "\n"
    _check_text(text)
    if not lines.endswith("\n"):
        raise _bad("the note's last line has no end")
    rows = lines[:-1].split("\n")
    if len(rows) > SIGNATURES_MAX:
        raise SerambiError(Kind.LIMIT, f"the note has more than {SIGNATURES_MAX} signatures")
    signatures = tuple(_parse_signature(row) for row in rows)
    if len({(line.name, line.key_hash) for line in signatures}) != len(signatures):
        raise _bad("the note is signed twice by one key")
    return Note(text, signatures)


def _parse_signature(row: str) -> NoteSignature:
    if not row.startswith(SIGNATURE_MARK):
        raise _bad("a signature line of the note does not begin with a dash")
    name, _, blob = row.removeprefix(SIGNATURE_MARK).partition(" ")
    check_name(name)
    material = _base64(blob)
    if len(material) <= _KEY_HASH_BYTES:
        raise _bad("a signature of the note is too short")
    return NoteSignature(name, material[:_KEY_HASH_BYTES], material[_KEY_HASH_BYTES:])


def check_name(name: str) -> str:
    """Return a signer's name if a note can carry it: not empty, no space, no plus sign."""
    if not name or _NO_NAME.search(name):
        raise _bad(f"{name[:80]!r} cannot be a signer's name")
    return name


def _check_text(text: str) -> None:
    if not text.strip("\n") or not text.endswith("\n"):
        raise _bad("the note's text is empty or its last line has no end")
    if _NO_TEXT.search(text):
        raise _bad("the note's text has control characters")


def _base64(blob: str) -> bytes:
    """Base64 in its one spelling."""
    try:
        raw = base64.b64decode(blob, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _bad("a line is not base64") from error
    if base64.b64encode(raw).decode() != blob:
        raise _bad("a line is not base64 in its one spelling")
    return raw


def _bad(what: str) -> SerambiError:
    return SerambiError(Kind.BAD_INPUT, what)
