"""Base: errors, ids, canonical documents, files, clocks, supervision."""

import asyncio
import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serambi.base import canonical
from serambi.base.clock import ManualClock, SystemClock, unix_ms
from serambi.base.errors import Kind, SerambiError
from serambi.base.files import sqlite_uri, write_atomically
from serambi.base.ids import check_id, new_id
from serambi.base.tasks import keep_running


class _Letter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    number: int
    tags: tuple[str, ...] = ()


def test_an_error_says_what_where_and_what_to_do() -> None:
    error = SerambiError(Kind.LIMIT, "too much", where="camera 101", hint="ask for less")
    assert str(error) == "camera 101: too much (ask for less)"
    assert str(SerambiError(Kind.LIMIT, "too much")) == "too much"


@pytest.mark.parametrize("good", ["a", "gudang-kpu", "cam-0123456789ab", "9", "a" * 64])
def test_well_formed_ids_pass(good: str) -> None:
    assert check_id(good, "id") == good


@pytest.mark.parametrize(
    "bad", ["", "-a", "a-", "A", "a/b", "a b", "ä", "a" * 65, "a\n", "..", "s/**", "a\0"]
)
def test_anything_else_is_refused_with_a_hint(bad: str) -> None:
    with pytest.raises(SerambiError, match="use 1 to 64"):
        check_id(bad, "site")


def test_new_ids_are_well_formed_and_differ() -> None:
    made = {check_id(new_id(), "id") for _ in range(100)}
    assert len(made) == 100


@given(st.builds(_Letter, name=st.text(), number=st.integers(-(2**53) + 1, 2**53 - 1)))
def test_what_is_encoded_decodes_to_the_same(letter: _Letter) -> None:
    raw = canonical.encode(letter)
    assert canonical.decode(_Letter, raw, what="letter", max_bytes=10**6) == letter


@given(st.binary(max_size=200))
def test_no_bytes_crash_the_decoder(raw: bytes) -> None:
    try:
        letter = canonical.decode(_Letter, raw, what="letter", max_bytes=1000)
    except SerambiError:
        return
    assert canonical.encode(letter) == raw


@pytest.mark.parametrize(
    "text",
    [
        '{"name":"a","number":1}',  # a default left out
        '{"name":"a", "number":1,"tags":[]}',  # a space
        '{"number":1,"name":"a","tags":[]}',  # another order
        '{"name":"a","number":1,"tags":[],"more":1}',  # an unknown field
        '{"name":"a","name":"a","number":1,"tags":[]}',  # a duplicate key
        '{"name":"a","number":1.0,"tags":[]}',  # another spelling of 1
        '{"name":"\\u0061","number":1,"tags":[]}',  # another spelling of a
        '{"name":"a","number":"1","tags":[]}',  # a string for a number
        "[]",
        "",
    ],
)
def test_other_spellings_are_refused(text: str) -> None:
    with pytest.raises(SerambiError) as caught:
        canonical.decode(_Letter, text.encode(), what="letter", max_bytes=1000)
    assert caught.value.kind == Kind.BAD_INPUT


def test_an_error_stays_short_however_long_a_field_s_name_is() -> None:
    raw = canonical.encode({"x" * 10_000: 1})
    with pytest.raises(SerambiError, match="unknown field") as caught:
        canonical.decode(_Letter, raw, what="the letter", max_bytes=100_000)
    assert len(str(caught.value)) < 500


def test_a_document_over_the_limit_is_not_even_read() -> None:
    with pytest.raises(SerambiError, match="more than the 10 allowed"):
        canonical.decode(_Letter, b"x" * 11, what="letter", max_bytes=10)


@pytest.mark.parametrize("name", ["index.db", "a # b?c%20.db"])
def test_a_database_of_ours_alone_is_shared_by_its_connections_and_maps_no_file(
    tmp_path: Path, name: str
) -> None:
    path = tmp_path / name
    with closing(sqlite3.connect(sqlite_uri(path), uri=True)) as one:
        one.execute("PRAGMA journal_mode = WAL")
        with one:
            one.executescript("CREATE TABLE kept (n INTEGER); INSERT INTO kept VALUES (1)")
        with closing(sqlite3.connect(sqlite_uri(path), uri=True)) as other:
            assert other.execute("SELECT n FROM kept").fetchall() == [(1,)]
        assert {file.name for file in tmp_path.iterdir()} == {name, f"{name}-wal"}
        assert str(tmp_path) not in Path("/proc/self/maps").read_text()


def test_files_are_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    write_atomically(path, b"one", mode=0o600)
    write_atomically(path, b"two", mode=0o600)
    assert path.read_bytes() == b"two"
    assert path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == ["state.json"]


def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "state.json"
    write_atomically(path, b"one")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_atomically(path, b"two")
    assert path.read_bytes() == b"one"
    assert os.listdir(tmp_path) == ["state.json"]


def test_a_manual_clock_moves_only_when_told() -> None:
    clock = ManualClock(1000.0)
    clock.advance(2.5)
    assert (clock.now(), clock.monotonic()) == (1002.5, 2.5)
    clock.step(500.0)
    assert (clock.now(), clock.monotonic()) == (500.0, 2.5)
    assert unix_ms(clock.now()) == 500_000


def test_the_system_clock_reads_both() -> None:
    clock = SystemClock()
    assert clock.now() > 1.7e9
    assert clock.monotonic() <= clock.monotonic()


async def test_a_crash_is_followed_by_a_new_start(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    waits: list[float] = []
    starts = 0
    third = asyncio.Event()

    async def no_wait(duration_s: float) -> None:
        waits.append(duration_s)

    async def work() -> None:
        nonlocal starts
        starts += 1
        if starts == 1:
            raise ValueError("first")
        if starts == 2:
            raise SerambiError(Kind.UNAVAILABLE, "second", where="site")
        third.set()
        await asyncio.Event().wait()

    monkeypatch.setattr("serambi.base.tasks.asyncio.sleep", no_wait)
    task = asyncio.ensure_future(keep_running("part", work))
    await third.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert waits == [0.5, 1.0]
    assert "part crashed" in caplog.text
    assert "part stopped: site: second" in caplog.text


def test_canonical_form_is_plain_sorted_json() -> None:
    raw = canonical.encode(_Letter("ä", 1, ("b",)))
    assert raw == '{"name":"ä","number":1,"tags":["b"]}'.encode()
    assert json.loads(raw)["tags"] == ["b"]
