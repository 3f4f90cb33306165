"""What a ledger is made of: notes, checkpoints, verifier keys, entries, bundles, names, proofs,
records of what is not yet in tiles, and what parties have cosigned.

The first byte says which; what is accepted is written back to the same bytes, and no proof
convinces but the one that belongs to the tree.
"""

import hashlib
import struct
from collections.abc import Iterator
from functools import partial
from random import Random

from fuzz import _json
from fuzz._target import Target, require, shared
from fuzz._town import town
from serambi.base import canonical
from serambi.base.errors import SerambiError
from serambi.ledger.checkpoint import Checkpoint, parse_checkpoint, sign_checkpoint
from serambi.ledger.cosignature import Cosigner, cosign, cosigned_at
from serambi.ledger.entry import Entry, decode_entry, encode_entry
from serambi.ledger.note import Note, Verifier, parse_note, parse_verifier, sign_note
from serambi.ledger.pending import Record, continuing, parse_records
from serambi.ledger.quorum import emit_notes, gathered, read_cosigned, split_notes
from serambi.ledger.tiles import decode_bundle, decode_hashes, encode_bundle, parse_path
from serambi.ledger.tree import (
    Pyramid,
    complete_root,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    verify_consistency,
    verify_inclusion,
)

_ORIGIN = "kpu/gudang-kpu/keeper"
_LEAVES_MAX = 40


def seeds() -> Iterator[bytes]:
    key = town().gateways["gudang-kpu"]
    note = sign_checkpoint(Checkpoint(_ORIGIN, 5, b"\x11" * 32), key).emit()
    verifier = Verifier(_ORIGIN, key.public)
    entry = encode_entry(Entry(kind="started", at_ms=1_790_000_000_000, site="gudang-kpu"))
    yield b"\0" + note
    yield b"\0" + sign_note("several\n\nlines\n", "somebody", key).emit()
    yield b"\1" + note
    yield b"\1" + note.replace(b"\n\n", b"\nextension\n\n")
    yield b"\2" + verifier.text().encode()
    yield b"\3" + entry
    yield b"\4" + encode_bundle([entry, b"", b"x" * 300])
    yield b"\5" + b"\x22" * 64
    for path in ("tile/0/001.p/7", "tile/entries/x001/x234/067", "tile/63/000"):
        yield b"\6" + path.encode()
    for leaves in (1, 2, 7, 8, 33):
        yield bytes([7, leaves, leaves // 2]) + b"\0" * 4 + b"\x33" * 64
    record = Record(3, (entry, b"x"), note).encode()
    yield b"\x08" + record + Record(5, (entry,), note).encode()
    yield b"\x09" + record[12:]
    signed = parse_note(note)
    word = cosign(signed.text, "kpu/witness", key, 1_790_000_000)
    cosigned = Note(signed.text, (*signed.signatures, word)).emit()
    yield b"\x0a" + cosigned
    yield b"\x0a" + cosigned + b"\n" + note
    for raw in shared("vectors/tlog-tiles/**/checkpoint*"):
        yield b"\0" + raw
        yield b"\1" + raw


def check(raw: bytes) -> None:
    if not raw:
        return
    body = raw[1:]
    _CHECKS[raw[0] % len(_CHECKS)](body)


def _note(body: bytes) -> None:
    note = parse_note(body)
    require(note.emit() == body, "a note has a second spelling")
    verifiers = [Verifier(line.name, town().center.public) for line in note.signatures]
    require(not note.signed_by(verifiers), "signed by a key that never signed")


def _checkpoint(body: bytes) -> None:
    try:
        checkpoint, note = parse_checkpoint(body)
    except SerambiError:
        checkpoint, note = parse_checkpoint(body, extensions=True)
        require(bool(checkpoint.extensions), "refused only when strict")
    require(checkpoint.text() == note.text, "a checkpoint has a second spelling")
    signed = sign_checkpoint(checkpoint, town().center)
    require(parse_checkpoint(signed.emit(), extensions=True)[0] == checkpoint, "signed anew")


def _verifier(body: bytes) -> None:
    text = body.decode("utf-8", "surrogateescape")
    require(parse_verifier(text).text() == text, "a verifier key has a second spelling")


def _entry(body: bytes) -> None:
    body = _json.canonical(body)
    entry = decode_entry(body)
    require(encode_entry(entry) == body, "an entry has a second spelling")
    require(canonical.encode(entry) == body, "the fast encoder writes another form than RFC 8785")


def _pending(body: bytes) -> None:
    records = list(parse_records(body))
    whole = b"".join(record.encode() for record in records)
    require(body.startswith(whole), "a record has a second spelling")
    require(all(record.leaves for record in records), "a record of nothing")
    at = size = records[0].start if records else 0
    for record in continuing(body, size):
        require(record.start == at, "a record that continues nothing")
        at = record.stop


def _made_pending(body: bytes) -> None:
    """The same behind good digests, so that the rest of the record is reached."""
    digest = hashlib.sha256(body).digest()[:8]
    _pending(struct.pack(">I", len(body)) + digest + body)


def _bundle(body: bytes) -> None:
    require(encode_bundle(decode_bundle(body, "fuzz")) == body, "a bundle has a second spelling")


def _hashes(body: bytes) -> None:
    require(b"".join(decode_hashes(body, "fuzz")) == body, "a tile has a second spelling")


def _path(body: bytes) -> None:
    path = body.decode("utf-8", "replace")
    tile = parse_path(path)
    if tile is not None:
        require(tile.path == path, "a tile has a second name")
        require(1 <= tile.width <= 256 and -1 <= tile.level <= 63, "no such tile")


def _proof(body: bytes) -> None:
    """A tree of a few leaves; the rest of the input is a proof that somebody invented."""
    if len(body) < 6:
        return
    size, index, claimed_size, claimed_index, drop, old = (byte % _LEAVES_MAX for byte in body[:6])
    size += 1
    hashes = [leaf_hash(bytes([number])) for number in range(size)]
    roots = [_root(hashes[:end]) for end in range(size + 1)]
    subtree = partial(_subtree, hashes)
    index, old = index % size, old % (size + 1)
    proof = inclusion_proof(index, size, subtree)
    require(verify_inclusion(hashes[index], index, size, proof, roots[size]), "an honest proof")
    invented = [body[at : at + 32] for at in range(6, len(body), 32)]
    forged = [*proof[: drop % (len(proof) + 1)], *invented[: len(proof) + 1]]
    never = leaf_hash(b"never")
    lie = verify_inclusion(never, claimed_index, claimed_size, forged, roots[size])
    require(not lie, "a leaf that is not in the tree was proved")
    honest = consistency_proof(old, size, subtree)
    require(verify_consistency(old, size, honest, roots[old], roots[size]), "an honest consistency")
    forged = [*honest[: drop % (len(honest) + 1)], *invented[:8]]
    lie = old > 0 and verify_consistency(old, size, forged, never, roots[size])
    require(not lie, "a tree that was never there was proved")


def _cosigned(body: bytes) -> None:
    """A file of cosigned checkpoints; nobody here has cosigned what was invented."""
    parts = split_notes(body)
    notes = [parse_note(part) for part in parts]
    require(emit_notes(notes) == body, "cosigned checkpoints have a second spelling")
    key = town().gateways["gudang-kpu"].public
    stranger = Cosigner("kpu/witness", town().center.public)
    for part, note in zip(parts, notes, strict=True):
        require(cosigned_at(note, stranger) is None, "cosigned by a key that never did")
        words = read_cosigned(part, _ORIGIN, [key], town().roster)
        require(not gathered(words), "a word of a party without a witness")


def _root(hashes: list[bytes]) -> bytes:
    pyramid = Pyramid()
    pyramid.extend(hashes)
    return pyramid.root()


def _subtree(hashes: list[bytes], level: int, index: int) -> bytes:
    return complete_root(hashes[index << level : (index + 1) << level])


_CHECKS = (
    _note, _checkpoint, _verifier, _entry, _bundle, _hashes, _path, _proof, _pending, _made_pending,
    _cosigned,
)  # fmt: skip


def mutate(raw: bytes, rng: Random) -> bytes | None:
    return _json.mutate(raw, rng, prefix_bytes=1)


TARGET = Target(
    (
        "serambi.ledger.note",
        "serambi.ledger.checkpoint",
        "serambi.ledger.cosignature",
        "serambi.ledger.entry",
        "serambi.ledger.pending",
        "serambi.ledger.quorum",
        "serambi.ledger.tree",
    ),
    seeds,
    check,
    max_bytes=8192,
    mutate=mutate,
)
