"""The offline check: every mutation of a folder is refused with a reason, honest copies are not."""

import itertools
import os
import random
import shutil
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import cast

import pytest

from serambi.base.clock import ManualClock
from serambi.base.errors import SerambiError
from serambi.identity.keys import SigningKey, VerifyKey
from serambi.identity.roster import Roster
from serambi.ledger.checkpoint import Checkpoint, parse_checkpoint, sign_checkpoint
from serambi.ledger.entry import Entry, encode_entry
from serambi.ledger.pending import Record
from serambi.ledger.reader import files_below, read_pending
from serambi.ledger.store import LedgerStore
from serambi.ledger.tiles import Edge, decode_bundle, encode_bundle
from serambi.ledger.verify import Report, verify

ORIGIN = "dishub/simpang-lima/keeper"
KEY = SigningKey.generate()
OTHER = SigningKey.generate()
CENTER = SigningKey.generate()
NOW = 1_790_000_000.0
SIZE = 300


class Keys:
    """The questions that the check asks a roster; no party has a witness."""

    parties: tuple[()] = ()

    def log_keys(self, *, use: str = "", party: str = "", site: str = "") -> tuple[VerifyKey, ...]:
        known = {
            ("gateway", "dishub", "simpang-lima"): (OTHER.public, KEY.public),
            ("center", "pemkot", ""): (CENTER.public,),
        }
        return known.get((use, party, site), ())


def check(folder: Path) -> Report:
    report = verify(folder, cast(Roster, Keys()))
    assert report.lines[-1] == report.why
    assert report.ok == report.why.startswith("OK: ")
    return report


def some(start: int, end: int) -> list[Entry]:
    return [
        Entry(kind="session_opened", at_ms=int(NOW * 1000) + number, session=str(number))
        for number in range(start, end)
    ]


def grow(folder: Path, *sizes: int, origin: str = ORIGIN, key: SigningKey = KEY) -> Path:
    with LedgerStore.open(folder, origin, key, ManualClock(NOW)) as store:
        for size in sizes:
            store.append(some(store.size, size))
    return folder


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return grow(tmp_path_factory.mktemp("sound"), 100, SIZE)


@pytest.fixture
def folder(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "copy"))


def sealed(folder: Path, leaves: list[bytes], key: SigningKey = KEY, origin: str = ORIGIN) -> None:
    """A whole folder over any leaves, signed as if honest."""
    edge = Edge()
    files = edge.extend(leaves) + list(edge.partial())
    for tile, content in files:
        (folder / tile.path).parent.mkdir(parents=True, exist_ok=True)
        (folder / tile.path).write_bytes(content)
    note = sign_checkpoint(Checkpoint(origin, edge.size, edge.root()), key)
    (folder / "checkpoint").write_bytes(note.emit())
    (folder / "format").write_bytes(b"1\n")


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 513])
def test_honest_ledgers_pass(tmp_path: Path, size: int) -> None:
    report = check(grow(tmp_path, size))
    assert report.ok
    assert f"{size} entries of {ORIGIN}" in report.why
    assert any("nothing lies beyond" in line for line in report.lines)
    assert not any("wait for their tiles" in line for line in report.lines)
    assert any("cannot be known from this folder alone" in line for line in report.lines)


def test_every_step_is_said_in_its_turn(sound: Path, tmp_path: Path) -> None:
    at = "2026-09-21 14:13:20+00:00"  # the entries are milliseconds apart
    assert check(sound).lines[:5] == (
        f"1. The checkpoint is of {ORIGIN} with {SIZE} entries.",
        f"2. It is signed by the roster's key {KEY.public.key_id}.",
        "3. All 5 tiles are there; nothing lies beyond the checkpoint.",
        f"4. All tiles follow from the entries; from {at} to {at}.",
        "5. The entries lead to the signed root.",
    )
    empty = check(grow(tmp_path)).lines
    assert empty[3] == "4. All tiles follow from the entries; there are none yet."


def test_a_center_signs_with_its_own_key(tmp_path: Path) -> None:
    assert check(grow(tmp_path / "a", 3, origin="pemkot/center", key=CENTER)).ok
    report = check(grow(tmp_path / "b", 3, origin="pemkot/center", key=KEY))
    assert not report.ok
    assert "not signed by a key that the roster has for pemkot/center" in report.why


def mutations(sound: Path) -> Iterator[tuple[str, Callable[[Path], object]]]:
    """Flipped, removed, cut and longer files: all of them, at many places."""
    chance = random.Random(7)
    names = sorted(
        str(path.relative_to(sound)) for path in sound.rglob("*") if path.is_file()
    )  # fmt: skip
    for name in names:
        # Nothing waits in the closed ledger: `pending` then says nothing at all.
        if name in ("lock", "pending"):
            continue
        length = (sound / name).stat().st_size
        places = {0, length - 1, *(chance.randrange(length) for _ in range(12))}
        for at, bit in itertools.product(sorted(places), (0, 5)):
            yield f"{name} bit {at}.{bit}", partial(flip, name, at, bit)
        yield f"{name} gone", partial(remove, name)
        yield f"{name} empty", partial(cut, name, length)
        for less in {1, 2, min(32, length), length // 2}:
            yield f"{name} {less} shorter", partial(cut, name, less)
        for more in (b"\x00", b"\x00\x00", bytes(32)):
            yield f"{name} longer", partial(append, name, more)


def flip(name: str, at: int, bit: int, folder: Path) -> None:
    raw = bytearray((folder / name).read_bytes())
    raw[at] ^= 1 << bit
    (folder / name).write_bytes(raw)


def remove(name: str, folder: Path) -> None:
    (folder / name).unlink()


def cut(name: str, less: int, folder: Path) -> None:
    raw = (folder / name).read_bytes()
    (folder / name).write_bytes(raw[: len(raw) - less])


def append(name: str, more: bytes, folder: Path) -> None:
    (folder / name).write_bytes((folder / name).read_bytes() + more)


def test_every_mutated_file_is_refused(sound: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(sound, tmp_path / "copy"))
    assert check(folder).ok
    count = 0
    for name, mutate in mutations(sound):
        kept = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        mutate(folder)
        report = check(folder)
        assert not report.ok, name
        assert len(report.why) > 20, name
        for path, raw in kept.items():
            path.write_bytes(raw)
        count += 1
    assert count >= 200


LEAVES = [encode_entry(entry) for entry in some(0, SIZE)]

REWRITTEN: dict[str, list[bytes]] = {
    "first removed": LEAVES[1:],
    "middle removed": LEAVES[:150] + LEAVES[151:],
    "last removed": LEAVES[:-1],
    "doubled": LEAVES[:150] + LEAVES[149:],
    "swapped": [*LEAVES[:7], LEAVES[8], LEAVES[7], *LEAVES[9:]],
    "replaced": [*LEAVES[:7], encode_entry(some(900, 901)[0]), *LEAVES[8:]],
    "added": [*LEAVES, encode_entry(some(300, 301)[0])],
}


@pytest.mark.parametrize("name", REWRITTEN)
def test_rewritten_history_does_not_lead_to_the_signed_root(
    sound: Path, tmp_path: Path, name: str
) -> None:
    """Whoever has the folder but not the key rebuilds every tile: the root gives it away."""
    sealed(tmp_path, REWRITTEN[name], OTHER)
    shutil.copy(sound / "checkpoint", tmp_path / "checkpoint")
    report = check(tmp_path)
    if name == "added":  # as in a copy of a ledger that grew on: said, and not vouched for
        assert report.ok
        assert any("2 more lie beyond the checkpoint" in line for line in report.lines)
    else:
        assert not report.ok
        assert "root" in report.why or "missing" in report.why


@pytest.mark.parametrize("name", REWRITTEN)
def test_an_entry_bundle_alone_rewritten_does_not_match_its_tiles(folder: Path, name: str) -> None:
    leaves = REWRITTEN[name]
    (folder / "tile/entries/000").write_bytes(encode_bundle(leaves[:256]))
    (folder / "tile/entries/001.p/44").write_bytes(encode_bundle(leaves[256:300]))
    report = check(folder)
    if name == "added":
        assert report.ok
    else:
        assert "does not follow from the entries" in report.why or "instead of" in report.why


def test_another_key_or_origin_is_refused(folder: Path, tmp_path: Path) -> None:
    stranger = SigningKey.generate()
    for origin, key, why in (
        (ORIGIN, stranger, "not signed by a key that the roster has"),
        ("dishub/simpang-enam/keeper", KEY, "not signed by a key that the roster has"),
        ("polres/simpang-lima/keeper", KEY, "not signed by a key that the roster has"),
        ("dishub/simpang-lima/courier", KEY, "neither a keeper nor a center"),
        ("dishub", KEY, "neither a keeper nor a center"),
        ("Dishub/center", KEY, "is not a valid id"),
        ("dishub//keeper", KEY, "is not a valid id"),
    ):
        sealed(folder, LEAVES, key, origin)
        assert why in check(folder).why
    sealed(folder, LEAVES, OTHER)  # an earlier or later key of the same gateway
    assert check(folder).ok


def test_a_cosignature_of_others_does_no_harm_and_proves_nothing(folder: Path) -> None:
    raw = (folder / "checkpoint").read_bytes()
    checkpoint, _ = parse_checkpoint(raw)
    line = sign_checkpoint(checkpoint, CENTER).emit().rpartition(b"\n\n")[2]
    (folder / "checkpoint").write_bytes(raw + line)
    assert check(folder).ok
    (folder / "checkpoint").write_bytes(raw.rpartition(b"\n\n")[0] + b"\n\n" + line)
    assert "not signed by" in check(folder).why


def test_an_older_checkpoint_is_not_refused_but_the_doubt_is_said(tmp_path: Path) -> None:
    grow(tmp_path / "new", 100)
    shutil.copytree(tmp_path / "new", tmp_path / "old")
    grow(tmp_path / "new", 400)
    assert check(tmp_path / "old").ok
    # An old checkpoint among newer tiles looks like a copy taken while the ledger grew.
    shutil.copy(tmp_path / "old/checkpoint", tmp_path / "new/checkpoint")
    report = check(tmp_path / "new")
    assert report.ok
    assert any("5 more lie beyond the checkpoint" in line for line in report.lines)
    # A newer checkpoint over older tiles is not complete.
    grow(tmp_path / "newest", 400)
    shutil.copy(tmp_path / "newest/checkpoint", tmp_path / "old/checkpoint")
    report = check(tmp_path / "old")
    assert "5 tiles are missing: tile/entries/000, tile/entries/001.p/144" in report.why


def test_narrower_leftovers_are_compared(sound: Path, folder: Path, tmp_path: Path) -> None:
    grow(tmp_path / "small", 270)
    for name in ("tile/entries/001.p/14", "tile/0/001.p/14"):
        shutil.copy(tmp_path / "small" / name, folder / name)
        assert check(folder).ok
        flip(name, 40, 1, folder)
        assert not check(folder).ok
        shutil.copy(tmp_path / "small" / name, folder / name)
    other = [encode_entry(entry) for entry in some(1000, 1014)]
    (folder / "tile/entries/001.p/14").write_bytes(encode_bundle(other))
    assert "not the beginning of the tile that replaced it" in check(folder).why


def test_narrower_leftovers_above_the_entries_are_compared(tmp_path: Path) -> None:
    grow(tmp_path / "small", SIZE)
    grow(tmp_path / "large", 2 * SIZE)
    name = "tile/1/000.p/1"
    shutil.copy(tmp_path / "small" / name, tmp_path / "large" / name)
    assert check(tmp_path / "large").ok
    flip(name, 5, 1, tmp_path / "large")
    assert "not the beginning of the tile that replaced it" in check(tmp_path / "large").why


def test_a_missing_tile_of_one_hash_is_missing(tmp_path: Path) -> None:
    remove("tile/0/001.p/1", grow(tmp_path, 257))
    assert "1 tiles are missing: tile/0/001.p/1" in check(tmp_path).why


def test_what_does_not_belong_is_named(folder: Path) -> None:
    (folder / "checkpoint.tmp").write_bytes(b"half")
    assert check(folder).ok
    for number in range(10):
        if number == 8:
            assert check(folder).why.endswith("note-6, note-7")
        (folder / f"note-{number}").write_text("")
    assert "10 files do not belong to a ledger: note-0, note-1" in check(folder).why
    assert check(folder).why.endswith("and 2 more")


@pytest.mark.parametrize("name", ["tile/0/000", "checkpoint", "tile/0/009"])
def test_only_plain_files_are_read(folder: Path, tmp_path: Path, name: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"")
    if (folder / name).exists():
        os.replace(folder / name, elsewhere)
    (folder / name).symlink_to(elsewhere)
    assert f"{name} is not a plain file" in check(folder).why
    (folder / name).unlink()
    os.mkfifo(folder / name)
    assert f"{name} is not a plain file" in check(folder).why


def test_time_may_not_run_back(tmp_path: Path) -> None:
    for back_ms, ok in ((1000, True), (1001, False)):
        first, *rest = some(0, 300)
        late = Entry(kind="stopped", at_ms=rest[-1].at_ms - back_ms)
        sealed(tmp_path, [encode_entry(entry) for entry in (first, *rest, late)])
        report = check(tmp_path)
        assert report.ok == ok
    assert "entry 300: the time runs back by 1001 ms" in report.why


def test_a_date_beyond_the_calendar_is_only_strange(tmp_path: Path) -> None:
    sealed(tmp_path, [encode_entry(Entry(kind="started", at_ms=2**53 - 1))])
    report = check(tmp_path)
    assert report.ok
    assert any("9007199254740991 ms" in line for line in report.lines)


@pytest.mark.parametrize("leaf", [b"", b"{}", LEAVES[0] + b" ", b"x" * 65_535])
def test_signed_leaves_that_are_no_entries_are_refused(tmp_path: Path, leaf: bytes) -> None:
    sealed(tmp_path, [*LEAVES[:3], leaf])
    assert "entry 3: the ledger entry" in check(tmp_path).why


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert "format is missing" in check(tmp_path / "nowhere").why
    assert "format is missing" in check(tmp_path).why


def test_a_live_folder_may_change_meanwhile(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A narrower tile was listed, and removed before it was read."""
    names = [*files_below(folder), "tile/entries/001.p/3", "tile/0/001.p/3"]
    monkeypatch.setattr("serambi.ledger.verify.files_below", lambda _: names)
    assert check(folder).ok


def test_a_ledger_is_checked_while_it_grows(tmp_path: Path) -> None:
    done = threading.Event()

    def write() -> None:
        grow(tmp_path, *range(3, 120))
        done.set()

    grow(tmp_path, 2)
    writer = threading.Thread(target=write)
    writer.start()
    while not done.is_set():
        assert check(tmp_path).ok
    writer.join()
    assert check(tmp_path).why.startswith("OK: 119 entries")


def test_the_bundles_read_back(sound: Path) -> None:
    raw = (sound / "tile/entries/000").read_bytes()
    assert decode_bundle(raw, "") == LEAVES[:256]


def test_a_signature_that_does_not_verify_is_named(folder: Path) -> None:
    raw = (folder / "checkpoint").read_bytes().replace(b"\n300\n", b"\n299\n")
    (folder / "checkpoint").write_bytes(raw)
    with pytest.raises(SerambiError):
        LedgerStore.open(folder, ORIGIN, KEY, ManualClock(NOW))
    assert f"the signature of {ORIGIN} is not valid" in check(folder).why


def crashed(folder: Path, *sizes: int) -> Path:
    """A folder as a crash leaves it: 300 entries in tiles, the rest appended since."""
    with LedgerStore.open(folder / "live", ORIGIN, KEY, ManualClock(NOW)) as store:
        store.append(some(0, SIZE))
        store.publish()
        for size in sizes:
            store.append(some(store.size, size))
        return Path(shutil.copytree(folder / "live", folder / "copy"))


def test_entries_that_wait_for_their_tiles_are_checked_and_said(tmp_path: Path) -> None:
    report = check(crashed(tmp_path, 301, 310))
    assert report.ok
    assert "6. 10 newer entries wait for their tiles" in "\n".join(report.lines)
    assert f"310 entries of {ORIGIN}" in report.why


def test_a_record_that_is_not_whole_was_never_appended(tmp_path: Path) -> None:
    folder = crashed(tmp_path, 301, 310)
    (first, second) = read_pending(folder, SIZE)
    whole = first.encode() + second.encode()
    for cut_at in (0, 5, len(first.encode()) - 1, len(first.encode()), len(whole) - 1):
        (folder / "pending").write_bytes(whole[:cut_at])
        report = check(folder)
        expected = SIZE + (cut_at >= len(first.encode()))
        assert f"OK: {expected} entries" in report.why
    (folder / "pending").unlink()
    assert f"OK: {SIZE} entries" in check(folder).why


@pytest.mark.parametrize(
    ("key", "size", "leaves", "why"),
    [
        (OTHER, 301, some(300, 301), "OK: "),
        (CENTER, 301, some(300, 301), "pending is not signed at entry 300"),
        (KEY, 302, some(300, 301), "pending does not lead to its root at entry 300"),
        (KEY, 301, some(301, 302), "pending does not lead to its root at entry 300"),
        (KEY, 301, [Entry(kind="stopped", at_ms=5)], "the time runs back"),
    ],
)
def test_a_forged_record_is_refused(
    folder: Path, key: SigningKey, size: int, leaves: list[Entry], why: str
) -> None:
    edge = Edge()
    edge.extend([encode_entry(one) for one in some(0, 301)])
    note = sign_checkpoint(Checkpoint(ORIGIN, size, edge.root()), key)
    record = Record(SIZE, tuple(encode_entry(leaf) for leaf in leaves), note.emit())
    (folder / "pending").write_bytes(record.encode())
    assert why in check(folder).why


def test_records_that_continue_something_else_are_passed_over(folder: Path) -> None:
    later = Record(SIZE + 5, (encode_entry(some(0, 1)[0]),), b"unread")
    earlier = Record(SIZE - 1, later.leaves, b"unread")
    for records in ([later], [earlier], [earlier, later]):
        (folder / "pending").write_bytes(b"".join(record.encode() for record in records))
        assert f"OK: {SIZE} entries" in check(folder).why
