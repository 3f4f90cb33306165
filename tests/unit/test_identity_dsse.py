import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serambi.base.canonical import encode
from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import DOCUMENT_MAX_BYTES
from serambi.identity import dsse
from serambi.identity.keys import SigningKey

KEYS = sorted((SigningKey.generate() for _ in range(3)), key=lambda key: key.key_id)
TYPE = "application/vnd.test+json"
WHOLE = dsse.dump(dsse.sign(TYPE, b'{"a":1}', KEYS[:2]))


def test_the_bytes_that_are_signed_are_those_of_the_specification() -> None:
    assert dsse.pae("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )
    assert dsse.pae("é", b"") == b"DSSEv1 2 \xc3\xa9 0 "


@given(st.text(max_size=9), st.binary(max_size=9), st.text(max_size=9), st.binary(max_size=9))
def test_two_documents_never_share_their_signed_bytes(
    type_a: str, a: bytes, type_b: str, b: bytes
) -> None:
    assert (dsse.pae(type_a, a) == dsse.pae(type_b, b)) == ((type_a, a) == (type_b, b))


def test_signatures_are_found_by_whoever_asks() -> None:
    envelope = dsse.load(WHOLE)
    everybody = [key.public for key in KEYS]
    assert dsse.verified_by(envelope, everybody) == {KEYS[0].key_id, KEYS[1].key_id}
    assert dsse.verified_by(envelope, everybody[2:]) == frozenset()
    assert dsse.verified_by(envelope, []) == frozenset()


def test_a_signature_is_good_for_its_type_and_payload_only() -> None:
    signed = dsse.sign(TYPE, b"one", KEYS[:1])
    keys = [KEYS[0].public]
    assert dsse.verified_by(signed, keys)
    for other in (
        dsse.Envelope(TYPE, b"two", signed.signatures),
        dsse.Envelope("text/plain", b"one", signed.signatures),
    ):
        assert not dsse.verified_by(other, keys)


def test_a_signature_under_another_name_counts_for_nobody() -> None:
    signed = dsse.sign(TYPE, b"one", KEYS[:1])
    renamed = dsse.Envelope(TYPE, b"one", ((KEYS[1].key_id, signed.signatures[0][1]),))
    assert not dsse.verified_by(renamed, [key.public for key in KEYS])


def test_a_false_signature_beside_the_true_one_does_no_harm() -> None:
    true = dsse.sign(TYPE, b"one", KEYS[:1])
    both = dsse.Envelope(
        TYPE, b"one", tuple(sorted([*true.signatures, (KEYS[0].key_id, b"\0" * 64)]))
    )
    assert dsse.verified_by(dsse.load(dsse.dump(both)), [KEYS[0].public]) == {KEYS[0].key_id}


def test_signing_twice_changes_nothing() -> None:
    once = dsse.sign(TYPE, b"one", KEYS)
    assert dsse.add_signature(once, KEYS[1]) == once
    assert dsse.sign(TYPE, b"one", reversed(KEYS)) == once


def test_signatures_gathered_apart_come_together() -> None:
    one, other = (dsse.sign(TYPE, b"one", [key]) for key in KEYS[:2])
    assert dsse.merge(one, other) == dsse.merge(other, one) == dsse.sign(TYPE, b"one", KEYS[:2])
    with pytest.raises(SerambiError) as caught:
        dsse.merge(one, dsse.sign(TYPE, b"two", KEYS[:1]))
    assert caught.value.kind == Kind.CONFLICT


def test_the_names_are_those_of_the_specification() -> None:
    wire = json.loads(WHOLE)
    assert set(wire) == {"payloadType", "payload", "signatures"}
    assert {frozenset(signature) for signature in wire["signatures"]} == {
        frozenset(("keyid", "sig"))
    }


def _changed(**changes: object) -> bytes:
    return encode({**json.loads(WHOLE), **changes})


SIGNATURES = json.loads(WHOLE)["signatures"]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        WHOLE + b"\n",
        b" " + WHOLE,
        WHOLE.replace(b'"payloadType"', b'"payloadtype"'),
        WHOLE.replace(b'{"payload"', b'{"payload":"","payload"'),
        _changed(extra=1),
        _changed(payload="eyJhIjoxfQ"),
        _changed(payload="eyJhIjoxfR=="),
        _changed(payload="eyJhIjoxfQ==\n"),
        _changed(payload="*"),
        _changed(payload="é"),
        _changed(payload=1),
        _changed(signatures=SIGNATURES[::-1]),
        _changed(signatures=SIGNATURES[:1] * 2),
        _changed(signatures=[{"keyid": "x", "sig": base64.b64encode(b"short").decode()}]),
        _changed(signatures=[{**SIGNATURES[0], "cert": ""}]),
    ],
)
def test_any_other_spelling_is_refused(raw: bytes) -> None:
    with pytest.raises(SerambiError) as caught:
        dsse.load(raw)
    assert caught.value.kind == Kind.BAD_INPUT


def test_envelopes_have_limits() -> None:
    many = tuple((f"{n:032}", bytes(64)) for n in range(65))
    for envelope in (
        dsse.Envelope(TYPE, b"", many),
        dsse.Envelope(TYPE, bytes(2 * DOCUMENT_MAX_BYTES), ()),
    ):
        with pytest.raises(SerambiError) as caught:
            dsse.load(dsse.dump(envelope))
        assert caught.value.kind == Kind.LIMIT


@given(
    st.text(max_size=20),
    st.binary(max_size=50),
    st.sets(st.tuples(st.text(max_size=5), st.binary(min_size=64, max_size=64)), max_size=4),
)
def test_what_is_dumped_loads_the_same(
    kind: str, payload: bytes, signatures: set[tuple[str, bytes]]
) -> None:
    envelope = dsse.Envelope(kind, payload, tuple(sorted(signatures)))
    assert dsse.load(dsse.dump(envelope)) == envelope


@given(st.integers(0, len(WHOLE) - 1), st.binary(max_size=3))
def test_what_is_accepted_dumps_to_the_same_bytes(at: int, junk: bytes) -> None:
    raw = WHOLE[:at] + junk + WHOLE[at + len(junk) :]
    try:
        envelope = dsse.load(raw)
    except SerambiError:
        return
    assert dsse.dump(envelope) == raw
