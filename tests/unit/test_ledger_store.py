"""What the ledger's writer promises: durable, whole, in order, one writer, or CORRUPT."""

import errno
import logging
import os
import shutil
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from serambi.base.clock import ManualClock
from serambi.base.errors import Kind, SerambiError
from serambi.identity.keys import SigningKey
from serambi.ledger.checkpoint import Checkpoint, parse_checkpoint, sign_checkpoint
from serambi.ledger.entry import Entry, encode_entry
from serambi.ledger.note import Verifier
from serambi.ledger.pending import Record
from serambi.ledger.store import LedgerStore
from serambi.ledger.tree import EMPTY_ROOT

ORIGIN = "dishub/simpang-lima/keeper"
KEY = SigningKey.generate()
NOW = 1_790_000_000.0
OWN = {"checkpoint", "format", "lock", "pending"}


def opened(folder: Path, key: SigningKey = KEY, origin: str = ORIGIN) -> LedgerStore:
    return LedgerStore.open(folder, origin, key, ManualClock(NOW))


def entry(number: int) -> Entry:
    return Entry(kind="session_opened", at_ms=int(NOW * 1000) + number, session=str(number))


def some(start: int, end: int) -> list[Entry]:
    return [entry(number) for number in range(start, end)]


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_new_ledger_is_empty_and_signed(tmp_path: Path) -> None:
    with opened(tmp_path / "site" / "ledger") as store:
        checkpoint, note = parse_checkpoint(store.checkpoint)
        assert (checkpoint.origin, checkpoint.size) == (ORIGIN, 0)
        assert checkpoint.root == EMPTY_ROOT
        assert note.signed_by([Verifier(ORIGIN, KEY.public)])
        assert (store.size, store.entries(0, 0)) == (0, [])
    assert names(tmp_path) == {f"site/ledger/{name}" for name in OWN}


def test_entries_come_back_after_reopening(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        assert store.append([]) == range(0)
        assert store.append(some(0, 1)) == range(1)
        assert store.append(some(1, 700)) == range(1, 700)
        assert store.append(some(700, 768)) == range(700, 768)
        checkpoint = store.checkpoint
    with opened(tmp_path) as store:
        assert store.size == 768
        assert store.checkpoint == checkpoint
        assert store.entries(0, 768) == some(0, 768)
        assert store.entries(255, 257) == some(255, 257)
        assert store.append(some(768, 770)) == range(768, 770)
        assert store.entries(765, 770) == some(765, 770)


@pytest.mark.parametrize("steps", [[1] * 20, [255, 1, 1], [256, 256], [300, 300, 424], [1, 1023]])
def test_the_checkpoint_does_not_depend_on_the_batches(tmp_path: Path, steps: list[int]) -> None:
    total = sum(steps)
    with opened(tmp_path / "one") as store:
        store.append(some(0, total))
        expected = store.checkpoint
    at = 0
    for step in steps:
        with opened(tmp_path / "many") as store:
            store.append(some(at, at + step))
        at += step
    with opened(tmp_path / "many") as store:
        assert store.checkpoint == expected
    assert names(tmp_path / "many") == names(tmp_path / "one")


def test_only_one_writer(tmp_path: Path) -> None:
    with opened(tmp_path), pytest.raises(SerambiError, match="another process") as caught:
        opened(tmp_path)
    assert caught.value.kind is Kind.CONFLICT
    opened(tmp_path).close()


def test_a_closed_ledger_says_so(tmp_path: Path) -> None:
    store = opened(tmp_path)
    store.close()
    store.close()
    with pytest.raises(SerambiError, match="closed") as caught:
        store.append(some(0, 1))
    assert caught.value.kind is Kind.UNAVAILABLE


def test_what_is_known_does_not_wait_for_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An event loop asks these; a disk that is full or dying may take half a minute."""
    syncing, go_on = threading.Event(), threading.Event()

    def slow(file: int) -> None:
        syncing.set()
        go_on.wait(30)

    with opened(tmp_path) as store:
        store.append(some(0, 3))
        with monkeypatch.context() as patch, ThreadPoolExecutor(2) as pool:
            patch.setattr(os, "fdatasync", slow)
            appending = pool.submit(store.append, some(3, 4))
            try:
                assert syncing.wait(10)
                known = pool.submit(lambda: (store.known_size, store.stamp()))
                assert known.result(10)[0] == 3
                assert not appending.done()
            finally:
                go_on.set()
        assert store.known_size == store.size == 4
    with pytest.raises(SerambiError, match="closed"):
        _ = store.known_size
    with pytest.raises(SerambiError, match="closed"):
        store.stamp()


def test_threads_append_side_by_side(tmp_path: Path) -> None:
    given: list[int] = []

    def work() -> None:
        for _ in range(25):
            stamp = store.stamp()
            given.extend(store.append([Entry(kind="stopped", at_ms=stamp)]))

    with opened(tmp_path) as store:
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(given) == list(range(100))
    with opened(tmp_path) as store:
        assert store.size == 100


def test_time_does_not_run_back(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    with LedgerStore.open(tmp_path, ORIGIN, KEY, clock) as store:
        store.append(some(0, 2))
        clock.step(NOW - 3600)
        assert store.stamp() == entry(1).at_ms
        store.append([Entry(kind="stopped", at_ms=store.stamp() - 1000)])
        late = Entry(kind="stopped", at_ms=store.stamp() - 1001)
        for batch in ([late], [entry(5), late]):
            with pytest.raises(SerambiError, match="older than the one before") as caught:
                store.append(batch)
            assert caught.value.kind is Kind.BAD_INPUT
        assert store.size == 3
        clock.step(NOW + 3600)
        assert store.stamp() == int((NOW + 3600) * 1000)


def test_limits(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        with pytest.raises(SerambiError, match="more than the 1024") as caught:
            store.append(some(0, 1025))
        assert caught.value.kind is Kind.LIMIT
        with pytest.raises(SerambiError) as caught:
            store.append([entry(0), Entry(kind="refused", at_ms=0, detail="x" * 70_000)])
        assert caught.value.kind is Kind.LIMIT
        assert store.size == 0
        with pytest.raises(SerambiError, match="no entries 0 to 1") as caught:
            store.entries(0, 1)
        assert caught.value.kind is Kind.BAD_INPUT


def test_too_many_entries_at_once_are_not_read(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        for start in range(0, 4100, 1025):
            store.append(some(start, start + 1024))
        store.append(some(5000, 5001))
        assert len(store.entries(1, 4097)) == 4096
        with pytest.raises(SerambiError, match="more than the 4096") as caught:
            store.entries(0, 4097)
        assert caught.value.kind is Kind.LIMIT


def cut(folder: Path, name: str, keep: int) -> None:
    path = folder / name
    path.write_bytes(path.read_bytes()[:keep])


def sign_again(folder: Path, origin: str, size: int, key: SigningKey = KEY) -> None:
    root = parse_checkpoint((folder / "checkpoint").read_bytes())[0].root
    note = sign_checkpoint(Checkpoint(origin, size, root), key)
    (folder / "checkpoint").write_bytes(note.emit())


def add_record(folder: Path, start: int, size: int, key: SigningKey = KEY) -> None:
    """A whole record that is not what its checkpoint says."""
    note = sign_checkpoint(Checkpoint(ORIGIN, size, b"\1" * 32), key)
    record = Record(start, (encode_entry(entry(start)),), note.emit())
    (folder / "pending").write_bytes(record.encode())


SPOILED: dict[str, tuple[Callable[[Path], object], str]] = {
    "no checkpoint": (lambda f: (f / "checkpoint").unlink(), "checkpoint is missing"),
    "no format": (lambda f: (f / "format").unlink(), "format is missing"),
    "format": (lambda f: (f / "format").write_bytes(b"one"), "does not say a format"),
    "checkpoint cut": (lambda f: cut(f, "checkpoint", 70), "cannot be read"),
    "checkpoint long": (lambda f: (f / "checkpoint").write_bytes(b"x" * 70_000), "longer than"),
    "origin": (lambda f: sign_again(f, "kepolisian/center", 300), "is of kepolisian/center"),
    "key": (lambda f: sign_again(f, ORIGIN, 300, SigningKey.generate()), "not signed by this"),
    "size": (lambda f: sign_again(f, ORIGIN, 299), "do not lead to"),
    "root": (lambda f: sign_again(f, ORIGIN, 256), "do not lead to"),
    "tile gone": (lambda f: (f / "tile/0/001.p/44").unlink(), "is missing"),
    "level 1 gone": (lambda f: (f / "tile/1/000.p/1").unlink(), "is missing"),
    "full tile gone": (lambda f: (f / "tile/0/000").unlink(), "1 tiles are missing, first"),
    "full tile cut": (lambda f: cut(f, "tile/0/000", 32), "cut short or too long"),
    "tile cut": (lambda f: cut(f, "tile/0/001.p/44", 43 * 32), "43 instead of 44"),
    "tile cut inside": (lambda f: cut(f, "tile/0/001.p/44", 100), "ends inside a hash"),
    "bundle cut": (lambda f: cut(f, "tile/entries/001.p/44", 100), "ends inside its entry"),
    "pending root": (lambda f: add_record(f, 300, 301), "does not lead to its signed"),
    "pending key": (lambda f: add_record(f, 300, 301, SigningKey.generate()), "does not lead to"),
    "bundle empty": (lambda f: cut(f, "tile/entries/001.p/44", 0), "0 instead of 44"),
}


@pytest.mark.parametrize("name", SPOILED)
def test_a_spoiled_ledger_does_not_open(tmp_path: Path, name: str) -> None:
    with opened(tmp_path) as store:
        store.append(some(0, 300))
    spoil, reason = SPOILED[name]
    spoil(tmp_path)
    before = {path: (tmp_path / path).read_bytes() for path in names(tmp_path)}
    with pytest.raises(SerambiError, match=reason) as caught:
        opened(tmp_path)
    assert caught.value.kind is Kind.CORRUPT
    after = {path: (tmp_path / path).read_bytes() for path in names(tmp_path)}
    assert after == before


def test_a_changed_entry_does_not_open(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        store.append(some(0, 3))
    path = tmp_path / "tile/entries/000.p/3"
    path.write_bytes(path.read_bytes().replace(b'"session":"1"', b'"session":"7"'))
    with pytest.raises(SerambiError, match="do not match their tile") as caught:
        opened(tmp_path)
    assert caught.value.kind is Kind.CORRUPT


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    opened(tmp_path).close()
    (tmp_path / "format").write_bytes(b"2\n")
    with pytest.raises(SerambiError, match="format 2") as caught:
        opened(tmp_path)
    assert caught.value.kind is Kind.CONFLICT


def test_an_interrupted_beginning_is_completed(tmp_path: Path) -> None:
    (tmp_path / "format").write_bytes(b"1\n")
    (tmp_path / "checkpoint.tmp").write_bytes(b"half")
    (tmp_path / "format.tmp").write_bytes(b"")
    with opened(tmp_path) as store:
        assert store.size == 0
    assert names(tmp_path) == OWN


def test_what_lies_beyond_the_checkpoint_is_swept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with opened(tmp_path) as store:
        store.append(some(0, 250))
        store.publish()
        old = store.checkpoint
        store.append(some(250, 260))
    # As after a power cut: the tiles of the second append are there, its checkpoint is not.
    (tmp_path / "checkpoint").write_bytes(old)
    (tmp_path / "pending").unlink()
    with opened(tmp_path / "other") as store:
        store.append(some(0, 250))
    for name in ("tile/0/000.p/250", "tile/entries/000.p/250"):
        (tmp_path / name).parent.mkdir()
        os.rename(tmp_path / "other" / name, tmp_path / name)
    (tmp_path / "notes.txt").write_text("left alone")
    with caplog.at_level(logging.WARNING), opened(tmp_path) as store:
        assert store.entries(0, 250) == some(0, 250)
        assert store.append(some(500, 501)) == range(250, 251)
        assert store.entries(250, 251) == some(500, 501)
    assert "tiles beyond the checkpoint removed" in caplog.text
    assert "notes.txt" in names(tmp_path)
    assert "tile/0/000" not in names(tmp_path)


def test_a_full_disk_is_said_and_later_appends_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, real_at = os.write, os.pwrite

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with opened(tmp_path) as store:
        store.append(some(0, 5))
        before = store.checkpoint
        monkeypatch.setattr(os, "write", full)
        monkeypatch.setattr(os, "pwrite", full)
        for _ in range(2):
            with pytest.raises(SerambiError, match="the disk is full") as caught:
                store.append(some(5, 300))
            assert caught.value.kind is Kind.UNAVAILABLE
        monkeypatch.setattr(os, "write", real)
        monkeypatch.setattr(os, "pwrite", real_at)
        assert (store.size, store.checkpoint) == (5, before)
        assert store.append(some(5, 6)) == range(5, 6)
    with opened(tmp_path) as store:
        assert store.entries(0, 6) == some(0, 6)


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SerambiError, match="cannot be written") as caught:
        opened(tmp_path / "file")
    assert caught.value.kind is Kind.UNAVAILABLE


def test_entries_wait_for_their_tiles_and_can_be_read(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        store.append(some(0, 300))
        store.publish()
        store.append(some(300, 301))
        store.append(some(301, 310))
        assert parse_checkpoint((tmp_path / "checkpoint").read_bytes())[0].size == 300
        assert store.entries(298, 305) == some(298, 305)
        assert store.entries(302, 302) == []
        assert store.entries(305, 310) == some(305, 310)
        checkpoint = store.checkpoint
        # As a crash leaves it: nothing of the last two appends is in tiles.
        shutil.copytree(tmp_path, tmp_path.with_name("crashed"))
    with opened(tmp_path.with_name("crashed")) as store:
        assert (store.size, store.checkpoint) == (310, checkpoint)
        assert store.entries(0, 310) == some(0, 310)
    assert names(tmp_path.with_name("crashed")) == names(tmp_path)


def test_what_waits_is_bounded(tmp_path: Path) -> None:
    large = [Entry(kind="refused", at_ms=0, detail="x" * 60_000)] * 24
    with opened(tmp_path) as store:
        for _ in range(5):
            store.append(large)
        assert parse_checkpoint((tmp_path / "checkpoint").read_bytes())[0].size == 72
    with opened(tmp_path) as store:
        assert store.size == 120


def test_a_full_disk_takes_entries_as_long_as_the_room_laid_out_lasts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with opened(tmp_path) as store:
        monkeypatch.setattr(os, "write", full)
        for number in range(20):
            store.append(some(number, number + 1))
        with pytest.raises(SerambiError, match="the disk is full"):
            store.publish()
        assert store.entries(0, 20) == some(0, 20)
        monkeypatch.undo()
        store.publish()
    with opened(tmp_path) as store:
        assert store.size == 20
