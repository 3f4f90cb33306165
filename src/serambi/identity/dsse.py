"""DSSE envelopes (github.com/secure-systems-lab/dsse): a payload, its type, and signatures over
both. Whose signatures they are and how many are needed is decided by who reads them."""

import base64
import binascii
from collections.abc import Iterable

import msgspec

from serambi.base.canonical import decode, encode
from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import DOCUMENT_MAX_BYTES
from serambi.identity.keys import SigningKey, VerifyKey

_SIGNATURES_MAX = 64
_SIGNATURE_BYTES = 64


class Signature(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`keyid` is only a hint; `sig` is base64."""

    keyid: str
    sig: str


class _Wire(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    payload: str
    payload_type: str
    signatures: tuple[Signature, ...]


class Envelope(msgspec.Struct, frozen=True):
    """`payload` is the very bytes that were signed; signatures are (key id, 64 bytes), sorted."""

    payload_type: str
    payload: bytes
    signatures: tuple[tuple[str, bytes], ...]


def pae(payload_type: str, payload: bytes) -> bytes:
    """The bytes that are signed: type and payload, each with its length before it."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def sign(payload_type: str, payload: bytes, keys: Iterable[SigningKey]) -> Envelope:
    """An envelope signed by `keys` (none: an envelope that waits for signatures)."""
    envelope = Envelope(payload_type, payload, ())
    for key in keys:
        envelope = add_signature(envelope, key)
    return envelope


def add_signature(envelope: Envelope, key: SigningKey) -> Envelope:
    """The same envelope with the signature of `key`; signing twice changes nothing."""
    made = (key.key_id, key.sign(pae(envelope.payload_type, envelope.payload)))
    return _with(envelope, {*envelope.signatures, made})


def merge(one: Envelope, other: Envelope) -> Envelope:
    """Both envelopes' signatures over one payload; raises `CONFLICT` for different payloads."""
    if (one.payload_type, one.payload) != (other.payload_type, other.payload):
        raise SerambiError(Kind.CONFLICT, "the two envelopes hold different documents")
    return _with(one, {*one.signatures, *other.signatures})


def _with(envelope: Envelope, signatures: set[tuple[str, bytes]]) -> Envelope:
    return Envelope(envelope.payload_type, envelope.payload, tuple(sorted(signatures)))


def verified_by(envelope: Envelope, candidates: Iterable[VerifyKey]) -> frozenset[str]:
    """Key ids of those candidates that did sign. Signatures by anybody else count for nothing."""
    message = pae(envelope.payload_type, envelope.payload)
    claims: dict[str, list[bytes]] = {}
    for key_id, signature in envelope.signatures:
        claims.setdefault(key_id, []).append(signature)
    return frozenset(
        key.key_id
        for key in candidates
        if any(key.verify(signature, message) for signature in claims.get(key.key_id, ()))
    )


def dump(envelope: Envelope) -> bytes:
    """Canonical JSON with the names of the DSSE specification."""
    return encode(
        _Wire(
            payload=base64.b64encode(envelope.payload).decode(),
            payload_type=envelope.payload_type,
            signatures=tuple(
                Signature(key_id, base64.b64encode(signature).decode())
                for key_id, signature in envelope.signatures
            ),
        )
    )


def load(raw: bytes) -> Envelope:
    """Strict: what is accepted dumps to the same bytes. Raises `SerambiError`; verifies nothing."""
    wire = decode(_Wire, raw, what="the signed envelope", max_bytes=DOCUMENT_MAX_BYTES * 2)
    if len(wire.signatures) > _SIGNATURES_MAX:
        raise SerambiError(Kind.LIMIT, f"the envelope has more than {_SIGNATURES_MAX} signatures")
    signatures = tuple(
        (signature.keyid, _from_base64(signature.sig)) for signature in wire.signatures
    )
    if list(signatures) != sorted(set(signatures)):
        raise _bad("the envelope's signatures are not sorted and unique")
    if any(len(signature) != _SIGNATURE_BYTES for _, signature in signatures):
        raise _bad("a signature is not 64 bytes long")
    return Envelope(wire.payload_type, _from_base64(wire.payload), signatures)


def _from_base64(text: str) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _bad(f"the envelope's base64 is broken: {error}") from error
    if base64.b64encode(raw).decode() != text:
        raise _bad("the envelope's base64 is not in its one right form")
    return raw


def _bad(what: str) -> SerambiError:
    return SerambiError(Kind.BAD_INPUT, what, hint="get the file anew from whoever signed it")
