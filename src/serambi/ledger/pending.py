"""The newest entries before they are in tiles: one file, one write and one sync for each append.

A record is the length of its body, the beginning of the body's SHA-256, and the body: the index of
its first entry, the signed checkpoint over everything up to its last entry, and the entries as in a
bundle. The file is laid out in advance, so that a sync writes data alone. When the entries are in
tiles the next record is written at the beginning again: what still lies behind it continues no
ledger that is longer, and is never read as one. Which records count is the store's question.
"""

import hashlib
import os
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from serambi.base.errors import SerambiError
from serambi.ledger.disk import TEMPORARY, Batch, rename_into_place
from serambi.ledger.tiles import decode_bundle, encode_bundle

PENDING_FILE = "pending"
ROOM_BYTES = 4 << 20
"""How much is laid out, and about how much may wait for its tiles."""
FILE_MAX_BYTES = 128 << 20
"""More than the largest append and what may wait before it."""

_HEAD = struct.Struct(">I8s")
_BODY = struct.Struct(">QH")


class Record(NamedTuple):
    """One append: the index of its first entry, its leaves, the signed checkpoint behind them."""

    start: int
    leaves: tuple[bytes, ...]
    checkpoint: bytes

    @property
    def stop(self) -> int:
        """The size of the ledger with these entries."""
        return self.start + len(self.leaves)

    def encode(self) -> bytes:
        """The record as it stands in the file."""
        front = _BODY.pack(self.start, len(self.checkpoint))
        body = front + self.checkpoint + encode_bundle(self.leaves)
        return _HEAD.pack(len(body), hashlib.sha256(body).digest()[: _HEAD.size - 4]) + body


def parse_records(raw: bytes) -> Iterator[Record]:
    """The whole records from the beginning on; ends at the first that is not whole."""
    at = 0
    while at + _HEAD.size <= len(raw):
        size, digest = _HEAD.unpack_from(raw, at)
        at += _HEAD.size
        body = raw[at : at + size]
        at += size
        if len(body) < max(size, _BODY.size) or not hashlib.sha256(body).digest().startswith(
            digest
        ):
            return
        start, length = _BODY.unpack_from(body)
        entries = _BODY.size + length
        try:
            leaves = decode_bundle(body[entries:], PENDING_FILE)
        except SerambiError:
            return
        if not leaves or entries > len(body):
            return
        yield Record(start, tuple(leaves), body[_BODY.size : entries])


def continuing(raw: bytes, size: int) -> list[Record]:
    """The records that continue a ledger of `size` entries, each the one before it. Records of
    entries that are in it already are passed over."""
    found: list[Record] = []
    at = size
    for record in parse_records(raw):
        if record.start == at:
            found.append(record)
            at = record.stop
        elif found or record.stop > size:
            break
    return found


class Pending:
    """The open file of one writer. Methods raise `OSError` as the disk does."""

    def __init__(self, folder: Path) -> None:
        """Open the file of `folder`, laid out anew unless it is there."""
        path = folder / PENDING_FILE
        if not path.exists():
            with Batch(folder) as batch:
                batch.put(PENDING_FILE + TEMPORARY, b"\0" * ROOM_BYTES)
                batch.sync()
            rename_into_place(folder, PENDING_FILE)
        self._file = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        self._end = 0

    @property
    def is_full(self) -> bool:
        """Whether it is time to put into tiles what waits."""
        return self._end >= ROOM_BYTES

    def read(self, size: int) -> list[Record]:
        """The records that continue a ledger of `size` entries."""
        return continuing(os.pread(self._file, FILE_MAX_BYTES, 0), size)

    def rewrite(self, records: Sequence[Record]) -> None:
        """Make these the only records, durable on return."""
        self._end = 0
        if records:
            self._write(b"".join(record.encode() for record in records))

    def add(self, record: Record) -> None:
        """Write one more record, durable on return."""
        self._write(record.encode())

    def _write(self, raw: bytes) -> None:
        written = 0
        while written < len(raw):
            written += os.pwrite(self._file, raw[written:], self._end + written)
        os.fdatasync(self._file)
        self._end += written

    def rewind(self) -> None:
        """All records are in tiles: begin at the front again."""
        self._end = 0

    def close(self) -> None:
        os.close(self._file)
