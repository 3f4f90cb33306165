"""The file of the newest entries: whole records or none, and only those that go on."""

import hashlib
import os
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serambi.ledger.pending import ROOM_BYTES, Pending, Record, continuing, parse_records

LEAF = st.binary(min_size=0, max_size=40)
RECORD = st.builds(
    Record,
    st.integers(0, 2**40),
    st.lists(LEAF, min_size=1, max_size=5).map(tuple),
    st.binary(max_size=60),
)


@given(st.lists(RECORD, max_size=4), st.binary(max_size=30))
def test_records_read_back_and_what_follows_is_left_alone(
    records: list[Record], rest: bytes
) -> None:
    raw = b"".join(record.encode() for record in records)
    assert list(parse_records(raw + b"\0" * 12 + rest)) == records


@given(RECORD, st.data())
def test_a_changed_record_is_none(record: Record, data: st.DataObject) -> None:
    raw = bytearray(record.encode())
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= data.draw(st.integers(1, 255))
    assert list(parse_records(bytes(raw))) == []


@given(st.binary(max_size=200))
def test_any_bytes_can_be_read(raw: bytes) -> None:
    for record in parse_records(raw):
        assert raw.startswith(record.encode())


@pytest.mark.parametrize("entries", [b"\0", b"\0\5leaf", b"\0\1"])
def test_a_record_that_ends_inside_an_entry_is_none_though_its_digest_is_good(
    entries: bytes,
) -> None:
    body = struct.pack(">QH", 0, 4) + b"note" + entries
    head = struct.pack(">I", len(body)) + hashlib.sha256(body).digest()[:8]
    assert list(parse_records(head + body)) == []


def test_a_record_without_entries_is_none() -> None:
    assert list(parse_records(Record(0, (), b"checkpoint").encode())) == []


def chain(*sizes: int) -> list[Record]:
    found, at = [], 0
    for size in sizes:
        found.append(Record(at, (b"leaf",) * (size - at), b"%d" % size))
        at = size
    return found


@pytest.mark.parametrize(
    ("size", "expected"), [(0, [3, 5, 9]), (3, [5, 9]), (5, [9]), (9, []), (4, []), (20, [])]
)
def test_only_what_continues_the_tiles_counts(size: int, expected: list[int]) -> None:
    raw = b"".join(record.encode() for record in chain(3, 5, 9))
    assert [record.stop for record in continuing(raw, size)] == expected


def test_older_records_behind_the_newest_are_not_taken_for_it() -> None:
    first, second = (record.encode() for record in chain(3, 6))
    newer = Record(6, (b"leaf",) * 3, b"9").encode()
    assert len(newer) == len(first)
    assert [record.stop for record in continuing(newer + second, 6)] == [9]


def test_a_file_of_one_writer(tmp_path: Path) -> None:
    first, second, third = chain(3, 5, 9)
    pending = Pending(tmp_path)
    assert (tmp_path / "pending").stat().st_size == ROOM_BYTES
    pending.add(first)
    pending.add(second)
    pending.close()
    pending = Pending(tmp_path)
    assert pending.read(0) == [first, second]
    pending.rewrite([first])
    assert not pending.is_full
    pending.rewind()
    pending.add(third)
    assert pending.read(5) == [third]
    pending.add(Record(9, (b"x" * 65_535,) * 65, b""))
    assert pending.is_full
    pending.close()


def test_records_are_written_anew_over_what_is_there_and_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a sync that failed, what can be read may not be on the disk."""
    synced: list[int] = []
    monkeypatch.setattr(os, "fdatasync", synced.append)
    before = len(os.listdir("/proc/self/fd"))
    first, second, third = chain(3, 5, 9)
    pending = Pending(tmp_path)
    pending.add(third)
    pending.rewrite([first, second])
    assert len(synced) == 2
    assert pending.read(0) == [first, second]
    pending.add(third)
    assert pending.read(0) == [first, second, third]
    pending.rewrite([])
    assert len(synced) == 3
    pending.add(second)
    assert pending.read(3) == [second]
    pending.close()
    assert len(os.listdir("/proc/self/fd")) == before
