"""The disk fails at every single call once: nothing half-visible, nothing lost, work goes on."""

import errno
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from serambi.base.clock import ManualClock
from serambi.base.errors import Kind, SerambiError
from serambi.identity.keys import SigningKey, VerifyKey
from serambi.identity.roster import Roster
from serambi.ledger.disk import Batch
from serambi.ledger.entry import Entry
from serambi.ledger.reader import read_checkpoint
from serambi.ledger.store import LedgerStore
from serambi.ledger.verify import verify

ORIGIN = "dishub/simpang-lima/keeper"
KEY = SigningKey.generate()
NOW = 1_790_000_000.0
CALLS = (
    "open", "write", "pwrite", "pread", "fsync", "fdatasync", "replace", "mkdir", "unlink",
    "rmdir", "stat", "posix_fadvise",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No power is cut here: what a sync would do is not waited for."""
    monkeypatch.setattr(os, "fsync", lambda file: None)
    monkeypatch.setattr(os, "fdatasync", lambda file: None)


class Keys:
    parties: tuple[()] = ()

    def log_keys(self, *, use: str, **_: str) -> tuple[VerifyKey, ...]:
        return (KEY.public,) if use == "gateway" else ()


class Fault:
    """Calls of `os` are counted; from the given one on, `times` of them fail."""

    def __init__(self, at: int, times: int, short: bool = False) -> None:
        self.seen = 0
        self._failing = range(at, at + times)
        self._short = short

    @contextmanager
    def injected(self) -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            for name in CALLS:
                patch.setattr(os, name, self._wrapped(name, getattr(os, name)))
            yield

    def _wrapped(self, name: str, real: Any) -> Any:
        def call(*args: Any, **named: Any) -> Any:
            self.seen += 1
            if self.seen - 1 in self._failing:
                if name in ("write", "pwrite"):  # a torn write: half arrives
                    real(args[0], bytes(args[1])[: len(args[1]) // 2], *args[2:])
                raise OSError(errno.EIO, "Input/output error")
            return real(*args, **named)

        return call


def opened(folder: Path) -> LedgerStore:
    return LedgerStore.open(folder, ORIGIN, KEY, ManualClock(NOW))


def some(start: int, end: int) -> list[Entry]:
    return [
        Entry(kind="session_opened", at_ms=int(NOW * 1000) + number, session=str(number))
        for number in range(start, end)
    ]


def consistent(folder: Path, sizes: tuple[int, ...]) -> None:
    """The folder opens, holds one of the sizes, all entries in order, and can go on."""
    with opened(folder) as store:
        size = store.size
        assert size in sizes
        assert store.entries(0, size) == some(0, size)
        store.append(some(size, size + 1))
    report = verify(folder, cast(Roster, Keys()))
    assert report.ok, report.why


@pytest.mark.parametrize("times", [1, 10_000])
@pytest.mark.parametrize(("before", "after"), [(0, 1), (5, 6), (255, 258)])
def test_each_call_of_an_append_fails_once(
    tmp_path: Path, before: int, after: int, times: int
) -> None:
    at, reached = 0, True
    while reached:
        folder = tmp_path / str(at)
        fault = Fault(at, times)
        with opened(folder) as store:
            store.append(some(0, before))
            with fault.injected():
                try:
                    indexes = store.append(some(before, after))
                except SerambiError as error:
                    kind = error.kind
                    indexes = None
                else:
                    kind = Kind.UNAVAILABLE
            assert kind is Kind.UNAVAILABLE
            # The disk is well again: the store itself knows what holds, without reopening.
            size = store.size
            assert size in (before, after)
            if indexes is not None:
                assert (indexes, size) == (range(before, after), after)
            elif times == 1:
                assert size == before
            assert store.entries(0, size) == some(0, size)
            store.append(some(size, size + 2))
        consistent(folder, (size + 2,))
        reached = fault.seen > at
        at += 1
    assert at > 2


@pytest.mark.parametrize("times", [1, 10_000])
@pytest.mark.parametrize(("before", "after"), [(0, 1), (5, 6), (255, 258), (256, 513)])
def test_each_call_of_publishing_fails_once_and_nothing_is_lost(
    tmp_path: Path, before: int, after: int, times: int
) -> None:
    at, reached = 0, True
    while reached:
        folder = tmp_path / str(at)
        fault = Fault(at, times)
        with opened(folder) as store:
            store.append(some(0, before))
            store.publish()
            store.append(some(before, after))
            with fault.injected():
                try:
                    store.publish()
                except SerambiError as error:
                    assert_unavailable(error)
            # What is durable can be read and continued, in tiles or not.
            report = verify(folder, cast(Roster, Keys()))
            assert report.ok, report.why
            assert store.entries(0, after) == some(0, after)
            assert store.append(some(after, after + 2)) == range(after, after + 2)
            store.publish()
            assert tiled(folder) == after + 2
        consistent(folder, (after + 2,))
        reached = fault.seen > at
        at += 1
    assert at > 10


def tiled(folder: Path) -> int:
    """How many entries the checkpoint of the folder covers."""
    return read_checkpoint(folder)[0].size


@pytest.mark.parametrize("publish", [False, True])
@pytest.mark.parametrize("times", [1, 10_000])
def test_each_call_fails_and_the_process_is_gone(tmp_path: Path, times: int, publish: bool) -> None:
    at, reached = 0, True
    while reached:
        folder = tmp_path / str(at)
        fault = Fault(at, times)
        store = opened(folder)
        store.append(some(0, 255))
        acknowledged = 255
        with fault.injected():
            try:
                acknowledged = store.append(some(255, 258)).stop
                if publish:
                    store.publish()
            except SerambiError as error:
                assert_unavailable(error)
            store.close()
        consistent(folder, (258,) if acknowledged == 258 else (255, 258))
        reached = fault.seen > at
        at += 1


def assert_unavailable(error: SerambiError) -> None:
    assert error.kind is Kind.UNAVAILABLE


@pytest.mark.parametrize("times", [1, 10_000])
def test_each_call_of_opening_fails(tmp_path: Path, times: int) -> None:
    at, reached = 0, True
    while reached:
        for name, size in (("new", 0), ("old", 40)):
            folder = tmp_path / f"{name}-{at}"
            if size:
                with opened(folder) as store:
                    store.append(some(0, size))
                (folder / "checkpoint.tmp").write_bytes(b"left over")
            fault = Fault(at, times)
            with fault.injected():
                try:
                    store = opened(folder)
                except SerambiError as error:
                    assert_unavailable(error)
                else:
                    assert store.size == size
                    store.close()
            consistent(folder, (size,))
        reached = fault.seen > at
        at += 1
    assert at > 5


def test_every_one_of_many_files_is_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many are synced side by side; one that fails is not overlooked."""
    synced: list[int] = []
    with Batch(tmp_path) as batch:
        for number in range(20):
            batch.put(f"some/{number}", b"content")
        monkeypatch.setattr(os, "fsync", synced.append)
        batch.sync()
    assert len(set(synced[:20])) == 20
    monkeypatch.undo()
    with opened(tmp_path / "ledger") as store:
        for start in range(0, 3000, 1000):
            store.append(some(start, start + 1000))
        failing = threading.Lock()

        def once(file: int) -> None:
            if failing.acquire(blocking=False):
                raise OSError(errno.EIO, "Input/output error")

        monkeypatch.setattr(os, "fsync", once)
        with pytest.raises(SerambiError) as caught:
            store.publish()
        assert_unavailable(caught.value)
        assert tiled(tmp_path / "ledger") == 0
        store.publish()
        assert tiled(tmp_path / "ledger") == 3000


def test_reading_failures_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(tmp_path) as store:
        store.append(some(0, 3))
        store.publish()

        def broken(*_: object) -> object:
            raise OSError(errno.EIO, "Input/output error")

        monkeypatch.setattr("builtins.open", broken)
        with pytest.raises(SerambiError, match="cannot be read: Input/output error") as caught:
            store.entries(0, 3)
        assert_unavailable(caught.value)


def test_what_was_durable_is_read_while_the_disk_takes_nothing(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        store.append(some(0, 3))
        with Fault(0, 10_000).injected():
            for _ in range(2):
                with pytest.raises(SerambiError) as caught:
                    store.append(some(3, 4))
                assert caught.value.kind is Kind.UNAVAILABLE
            assert store.size == 3
            assert store.entries(0, 3) == some(0, 3)
        store.append(some(3, 4))
    consistent(tmp_path, (4,))
