"""A checkpoint: which log, how many entries, which root; signed as a note.

C2SP tlog-checkpoint. Who may sign for an origin is `verify.py`'s question.
"""

import base64
import binascii
import re
from dataclasses import dataclass

from serambi.base.errors import Kind, SerambiError
from serambi.identity.keys import SigningKey
from serambi.ledger.note import (
    SIGNATURE_MARK,
    Note,
    Verifier,
    check_name,
    parse_note,
    sign_note,
)
from serambi.ledger.tree import EMPTY_ROOT, HASH_BYTES

SIZE_MAX = 2**63 - 1
_SIZE = re.compile(r"(?:0|[1-9][0-9]{0,18})\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of one log: its origin, its number of entries, its root, further lines."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def text(self) -> str:
        """The text that is signed."""
        lines = (
            self.origin, str(self.size), base64.b64encode(self.root).decode(), *self.extensions
        )  # fmt: skip
        return "".join(line + "\n" for line in lines)


def sign_checkpoint(checkpoint: Checkpoint, key: SigningKey) -> Note:
    """The checkpoint as a note, signed under its origin's name."""
    note = sign_note(checkpoint.text(), checkpoint.origin, key)
    parse_checkpoint_text(note.text, extensions=True)
    return note


class Signer:
    """Signs the checkpoints of one log, quickly: what stays the same is worked out once."""

    def __init__(self, origin: str, key: SigningKey) -> None:
        """`SerambiError(BAD_INPUT)` unless a note can carry the origin."""
        verifier = Verifier(origin, key.public)
        self._key = key
        self._key_hash = verifier.key_hash
        self._origin = origin.encode()
        self._line = f"{SIGNATURE_MARK}{origin} ".encode()

    def sign(self, size: int, root: bytes) -> bytes:
        """The same bytes as `sign_checkpoint` gives for a tree of `size` leaves under `root`."""
        text = b"%b\n%d\n%b" % (self._origin, size, binascii.b2a_base64(root))
        blob = self._key_hash + self._key.sign(text)
        return b"%b\n%b%b" % (text, self._line, binascii.b2a_base64(blob))


def parse_checkpoint(raw: bytes, *, extensions: bool = False) -> tuple[Checkpoint, Note]:
    """Bytes -> checkpoint and the note around it (not verified yet), or `SerambiError`.

    Further lines below the root are kept when `extensions` is true and refused when not: our own
    logs have none.
    """
    note = parse_note(raw)
    return parse_checkpoint_text(note.text, extensions=extensions), note


def parse_checkpoint_text(text: str, *, extensions: bool) -> Checkpoint:
    """The signed text -> checkpoint; `SerambiError(BAD_INPUT)` unless it writes back the same."""
    lines = text.removesuffix("\n").split("\n")
    if len(lines) < 3 or not all(lines):
        raise _bad("the checkpoint does not have its three lines")
    origin, size, root, *rest = lines
    check_name(origin)
    if not _SIZE.match(size) or int(size) > SIZE_MAX:
        raise _bad("the checkpoint's size is not a number of entries")
    try:
        raw = base64.b64decode(root, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _bad("the checkpoint's root is not base64") from error
    if len(raw) != HASH_BYTES or base64.b64encode(raw).decode() != root:
        raise _bad("the checkpoint's root is not a SHA-256 hash")
    if rest and not extensions:
        raise _bad("the checkpoint has lines that this version does not know")
    if int(size) == 0 and raw != EMPTY_ROOT:
        raise _bad("the checkpoint has no entries but a root")
    return Checkpoint(origin, int(size), raw, tuple(rest))


def _bad(what: str) -> SerambiError:
    return SerambiError(Kind.BAD_INPUT, what)
