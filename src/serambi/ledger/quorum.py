"""Whose cosignatures count, and how many are enough. Pure; the roster is all that is believed.

A checkpoint counts for the town when so many parties have cosigned it that any two such groups
have a majority of all witnesses in common: more than three quarters. Of five that is four, and
two groups of four share three. Two different pasts can then both be cosigned only if a majority
lies.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from serambi.base.errors import Kind, SerambiError
from serambi.identity.keys import VerifyKey
from serambi.identity.roster import Roster
from serambi.ledger.checkpoint import Checkpoint, parse_checkpoint
from serambi.ledger.cosignature import Cosigner, cosigned_at
from serambi.ledger.note import Note, Verifier


@dataclass(frozen=True, slots=True)
class Cosigned:
    """One party's word: `checkpoint` is the longest state it had seen at `at_s`, unix seconds.
    `note` carries the log's own signature and, beside others perhaps, this cosignature."""

    party: str
    checkpoint: Checkpoint
    at_s: int
    note: Note


def quorum_of(witnesses: int) -> int:
    """How many of `witnesses` parties make a quorum: more than three quarters of them."""
    return witnesses * 3 // 4 + 1


def witness_name(party: str) -> str:
    """The name under which a party cosigns."""
    return f"{party}/witness"


def witnesses_of(roster: Roster) -> dict[str, tuple[Cosigner, ...]]:
    """The parties that have a witness's key in the roster, with these keys."""
    found = {}
    for party in roster.parties:
        if keys := roster.keys_for(use="witness", party=party.id):
            found[party.id] = tuple(Cosigner(witness_name(party.id), key) for key in keys)
    return found


def read_cosigned(
    raw: bytes, origin: str, keys: Iterable[VerifyKey], roster: Roster
) -> list[Cosigned]:
    """Every party's word in one note. Raises `SerambiError`: BAD_INPUT for what is no checkpoint
    of `origin`, UNAUTHENTICATED when none of `keys` signed it, CORRUPT for a false signature."""
    checkpoint, note = parse_checkpoint(raw)
    if checkpoint.origin != origin:
        raise SerambiError(
            Kind.BAD_INPUT, f"this is a checkpoint of {checkpoint.origin[:80]}, not of {origin}"
        )
    if not note.signed_by(Verifier(origin, key) for key in keys):
        raise SerambiError(
            Kind.UNAUTHENTICATED, f"the checkpoint is not signed by a key of {origin}"
        )
    found = []
    for party, cosigners in witnesses_of(roster).items():
        times = [at for each in cosigners if (at := cosigned_at(note, each)) is not None]
        if times:
            found.append(Cosigned(party, checkpoint, max(times), note))
    return found


def seen_by_quorum(seen: Mapping[str, float], witnesses: int) -> float:
    """The greatest value that a quorum of the parties has reached, by party in `seen`: a number
    of entries or a time. Minus infinity when fewer have said anything."""
    reached = sorted(seen.values(), reverse=True)
    needed = quorum_of(witnesses)
    return reached[needed - 1] if len(reached) >= needed else -math.inf


def gathered(words: Iterable[Cosigned]) -> list[Note]:
    """The words as few notes: one for each checkpoint, with the log's signature and those of the
    parties whose word it is."""
    notes: dict[str, Note] = {}
    for word in words:
        names = {word.checkpoint.origin, witness_name(word.party)}
        own = tuple(line for line in word.note.signatures if line.name in names)
        known = notes.get(word.note.text)
        lines = (*known.signatures, *own) if known else own
        notes[word.note.text] = Note(word.note.text, tuple(dict.fromkeys(lines)))
    return list(notes.values())


def emit_notes(notes: Sequence[Note]) -> bytes:
    """Several checkpoints as one file: note after note, an empty line between two."""
    return b"\n".join(note.emit() for note in notes)


def split_notes(raw: bytes) -> list[bytes]:
    """The notes of such a file, not read yet. A checkpoint's text has no empty line."""
    if not raw:
        return []
    parts = raw.split(b"\n\n")
    if len(parts) % 2:
        raise SerambiError(Kind.BAD_INPUT, "the last of the cosigned checkpoints is cut off")
    last = len(parts) - 2
    return [
        parts[at] + b"\n\n" + parts[at + 1] + (b"" if at == last else b"\n")
        for at in range(0, len(parts), 2)
    ]
