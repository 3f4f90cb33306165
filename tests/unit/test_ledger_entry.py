"""Entries: one encoding each, nothing but the known kinds and fields."""

import string

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serambi.base.errors import Kind, SerambiError
from serambi.ledger.entry import (
    COMMITMENT_PREFIX,
    Entry,
    commit,
    decode_entry,
    encode_entries,
    encode_entry,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@given(
    st.sampled_from(["started", "session_opened", "refused", "stopped"]),
    st.integers(0, 2**53 - 1),
    st.lists(TEXT, min_size=10, max_size=10),
)
def test_an_entry_reads_back(kind: str, at_ms: int, texts: list[str]) -> None:
    names = "site session camera person unit party purpose agreement reason detail"
    fields = dict(zip(names.split(), texts, strict=True))
    entry = Entry(kind=kind, at_ms=at_ms, **fields)  # type: ignore[arg-type]
    raw = encode_entry(entry)
    assert decode_entry(raw) == entry
    assert encode_entry(decode_entry(raw)) == raw
    assert encode_entries([entry, entry]) == [raw, raw]


@given(st.binary(max_size=200))
def test_other_bytes_are_refused(raw: bytes) -> None:
    with pytest.raises(SerambiError):
        decode_entry(raw)


RAW = encode_entry(Entry(kind="stopped", at_ms=5, camera="kamera-1"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"stopped"', b'"paused"'),
        (b'"format":1', b'"format":2'),
        (b'"at_ms":5', b'"at_ms":-5'),
        (b'"at_ms":5', b'"at_ms":5.0'),
        (b'"at_ms":5', b'"at_ms":"5"'),
        (b'"at_ms":5', b'"at_ms":9007199254740992'),
        (b'"unit":""', b'"unit":"","zone":""'),
        (b'"site":"",', b""),
        (b'"unit":""', b'"unit":"","unit":""'),
        (b"{", b"{ "),
        (b"kamera", b"\\u006bamera"),
        (b"kamera", b"\xff"),
    ],
)
def test_other_spellings_are_refused(old: bytes, new: bytes) -> None:
    assert old in RAW
    with pytest.raises(SerambiError) as caught:
        decode_entry(RAW.replace(old, new), "entry 7")
    assert caught.value.kind is Kind.BAD_INPUT
    assert caught.value.where == "entry 7"


@pytest.mark.parametrize(
    ("entry", "kind"),
    [
        (Entry(kind="pause", at_ms=0), Kind.BAD_INPUT),  # type: ignore[arg-type]
        (Entry(kind="started", at_ms=-1), Kind.BAD_INPUT),
        (Entry(kind="started", at_ms=2**60), Kind.BAD_INPUT),
        (Entry(kind="started", at_ms=0, detail="\ud800"), Kind.BAD_INPUT),
        (Entry(kind="started", at_ms=0, detail=object()), Kind.BAD_INPUT),  # type: ignore[arg-type]
        (Entry(kind="started", at_ms=0, detail="é" * 33_000), Kind.LIMIT),
    ],
)
def test_what_would_not_read_back_is_not_written(entry: Entry, kind: Kind) -> None:
    with pytest.raises(SerambiError) as caught:
        encode_entry(entry)
    assert caught.value.kind is kind
    with pytest.raises(SerambiError) as caught:
        encode_entries([decode_entry(RAW), entry])
    assert caught.value.kind is kind


def test_a_field_that_brings_its_own_spelling_is_not_written() -> None:
    """What reads back, but not as what was given, is looked at closely."""
    raw = msgspec.Raw(b'"\\u0041"')
    with pytest.raises(SerambiError, match="canonical"):
        encode_entries([Entry(kind="started", at_ms=0, unit=raw)])  # type: ignore[arg-type]


def test_no_entries_are_no_leaves() -> None:
    assert encode_entries([]) == []


def test_the_largest_entry_fits_a_bundle() -> None:
    room = 0xFFFF - len(encode_entry(Entry(kind="refused", at_ms=0)))
    largest = Entry(kind="refused", at_ms=0, detail="x" * room)
    assert encode_entries([largest]) == [encode_entry(largest)]
    assert len(encode_entry(largest)) == 0xFFFF
    with pytest.raises(SerambiError):
        encode_entry(Entry(kind="refused", at_ms=0, detail="x" * (room + 1)))


def test_a_commitment_needs_its_salt() -> None:
    one, other = commit(b"1" * 16, "kamera-9"), commit(b"2" * 16, "kamera-9")
    assert one.startswith(COMMITMENT_PREFIX)
    assert set(one.removeprefix(COMMITMENT_PREFIX)) <= set(string.hexdigits)
    assert one != other
    assert one == commit(b"1" * 16, "kamera-9")
    assert one != commit(b"1" * 16, "kamera-8")
    with pytest.raises(SerambiError, match="can be guessed"):
        commit(b"1" * 15, "kamera-9")
    with pytest.raises(SerambiError, match="not valid text"):
        commit(b"1" * 16, "\ud800")
