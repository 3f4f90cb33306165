"""Names beside a ledger: kept, found again, erased, and never held up by a full disk."""

import importlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from serambi.base.clock import ManualClock
from serambi.base.errors import Kind, SerambiError
from serambi.ledger.entry import commit
from serambi.ledger.names import Names

NOW = 1_790_000_000.0
DAY_S = 86_400.0
SALT = "5a" * 16


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def names(tmp_path: Path, clock: ManualClock) -> Names:
    return Names(tmp_path / "names", clock, 2 * DAY_S)


def again(tmp_path: Path, clock: ManualClock) -> Names:
    """As the process that starts after a crash sees it."""
    return Names(tmp_path / "names", clock, 2 * DAY_S)


def everything(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_a_view_has_one_commitment_and_another_view_another(names: Names) -> None:
    first = names.commit("view-1", "Ani")
    assert names.commit("view-1", "Ani") == first
    assert names.commit("view-2", "Ani") != first
    assert [names.who(first), names.who("commitment:nobody"), names.who("")] == ["Ani", None, None]
    assert names.commit("view-3", "") == ""


def test_a_second_name_for_a_view_is_a_commitment_of_its_own(names: Names) -> None:
    first = names.commit("view-1", "Ani", SALT)
    second = names.commit("view-1", "Budi", SALT)
    assert {names.who(first), names.who(second)} == {"Ani", "Budi"}
    assert names.commit("view-1", "Ani", "00" * 16) == first


def test_both_ends_of_a_view_hide_the_name_alike(tmp_path: Path, clock: ManualClock) -> None:
    ends = [Names(tmp_path / end, clock, DAY_S) for end in ("keeper", "center")]
    assert len({end.commit("view-1", "Ani", SALT) for end in ends}) == 1
    assert ends[0].commit("view-2", "Ani", SALT) == commit(bytes.fromhex(SALT), "Ani")


@pytest.mark.parametrize("salt", ["", "xyz", "00", "é" * 32])
def test_what_cannot_be_a_salt_is_replaced(tmp_path: Path, clock: ManualClock, salt: str) -> None:
    ends = [Names(tmp_path / end, clock, DAY_S) for end in ("keeper", "center")]
    assert len({end.commit("view-1", "Ani", salt) for end in ends}) == 2


def test_names_survive_a_crash_once_saved(names: Names, tmp_path: Path, clock: ManualClock) -> None:
    kept = names.commit("view-1", "Ani")
    names.save()
    lost = names.commit("view-2", "Budi")
    after = again(tmp_path, clock)
    assert [after.who(kept), after.who(lost)] == ["Ani", None]
    assert after.commit("view-1", "Ani") == kept


def test_half_a_line_spoils_no_other(names: Names, tmp_path: Path, clock: ManualClock) -> None:
    kept = names.commit("view-1", "Ani")
    names.save()
    (file,) = (tmp_path / "names").glob("*.jsonl")
    half = b'{"session":"view-2","sa'
    with file.open("ab") as torn:
        torn.write(half)
    after = again(tmp_path, clock)
    later = after.commit("view-3", "Citra")
    after.save()
    after.commit("view-4", "Dewi")
    after.save()
    _, second, third, fourth, end = file.read_bytes().split(b"\n")
    assert (second, end) == (half, b"")
    assert third[:1] == fourth[:1] == b"{"
    last = again(tmp_path, clock)
    assert [last.who(kept), last.who(later)] == ["Ani", "Citra"]


def test_a_line_whose_salt_could_be_guessed_says_nothing(
    names: Names, tmp_path: Path, clock: ManualClock
) -> None:
    names.commit("view-1", "Ani", SALT)
    names.save()
    (file,) = (tmp_path / "names").glob("*.jsonl")
    file.write_bytes(file.read_bytes().replace(SALT.encode(), b"5a" * 15))
    assert again(tmp_path, clock).forget("Ani") == 0


def test_nothing_new_writes_nothing(names: Names, tmp_path: Path) -> None:
    names.save()
    assert everything(tmp_path) == b""
    names.commit("view-1", "Ani")
    names.save()
    (file,) = (tmp_path / "names").glob("*.jsonl")
    written = file.stat()
    names.save()
    assert file.stat() == written


@pytest.mark.parametrize("now", [1e30, -1e30, float("nan")])
def test_names_are_kept_when_the_clock_is_none(tmp_path: Path, now: float) -> None:
    names = Names(tmp_path / "names", ManualClock(now), DAY_S)
    kept = names.commit("view-1", "Ani")
    names.save()
    assert again(tmp_path, ManualClock(now)).who(kept) == "Ani"


def test_old_names_are_erased_with_their_file(
    names: Names, tmp_path: Path, clock: ManualClock
) -> None:
    old = names.commit("view-1", "Ani Lama")
    names.save()
    clock.advance(2 * DAY_S)
    new = names.commit("view-2", "Budi")
    names.save()
    names.make_room()
    assert [names.who(old), names.who(new)] == ["Ani Lama", "Budi"]
    clock.advance(DAY_S)
    names.make_room()
    assert [names.who(old), names.who(new)] == [None, "Budi"]
    assert b"Ani Lama" not in everything(tmp_path)


def test_a_name_is_forgotten_wherever_it_stands(
    names: Names, tmp_path: Path, clock: ManualClock
) -> None:
    people = [names.commit(f"view-{n}", name) for n, name in enumerate(("Ani", "Budi", "Ani"))]
    names.save()
    clock.advance(DAY_S)
    people.append(names.commit("view-9", "Ani"))
    names.save()
    operator = again(tmp_path, clock)
    assert operator.forget("Ani") == 3
    assert [operator.who(person) for person in people] == [None, "Budi", None, None]
    assert b"Ani" not in everything(tmp_path)
    assert names.who(people[0]) == "Ani"
    names.make_room()
    assert [names.who(person) for person in people] == [None, "Budi", None, None]
    before = [file.stat() for file in sorted((tmp_path / "names").glob("*.jsonl"))]
    assert names.forget("nobody") == 0
    after = [file.stat() for file in sorted((tmp_path / "names").glob("*.jsonl"))]
    assert after == before, "what holds nothing to forget is not written anew"


def test_who_is_forgotten_leaves_all_others(
    names: Names, tmp_path: Path, clock: ManualClock
) -> None:
    people = {name: names.commit(f"view-{name}", name) for name in ("Ani", "Budi", "Citra", "Dewi")}
    names.save()
    assert names.forget("Budi") == 1
    for kept in (names, again(tmp_path, clock)):
        assert [kept.who(person) for person in people.values()] == ["Ani", None, "Citra", "Dewi"]


def test_a_name_that_was_not_yet_saved_is_forgotten_too(
    names: Names, tmp_path: Path, clock: ManualClock
) -> None:
    ani, budi = names.commit("view-1", "Ani"), names.commit("view-2", "Budi")
    assert names.forget("Ani") == 0, "it stands nowhere yet"
    assert [names.who(ani), names.who(budi)] == [None, "Budi"]
    names.save()
    assert [again(tmp_path, clock).who(person) for person in (ani, budi)] == [None, "Budi"]
    assert b"Ani" not in everything(tmp_path)


def test_as_many_as_are_allowed_are_kept(
    names: Names, tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serambi.ledger.names.NAMES_KEPT", 2)
    old = names.commit("view-1", "Ani")
    names.save()
    clock.advance(DAY_S)
    new = names.commit("view-2", "Budi")
    names.save()
    names.make_room()
    assert [again(tmp_path, clock).who(person) for person in (old, new)] == ["Ani", "Budi"]


def test_too_many_before_the_first_was_saved_do_not_stay_too_many(
    names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serambi.ledger.names.NAMES_KEPT", 1)
    for number in range(2):
        names.commit(f"view-{number}", "Ani")
    with pytest.raises(SerambiError, match="more than 1 names"):
        names.save()
    names.commit("view-3", "Ani")
    names.save()


class Kernel:
    """What was asked of the disk, in order."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self.asked: list[str] = []
        self._watch(monkeypatch, "os.fsync", "file")
        self._watch(monkeypatch, "serambi.ledger.names.sync_folder", "folder", folder)
        self._watch(monkeypatch, "fcntl.flock", "lock")

    def _watch(
        self, monkeypatch: pytest.MonkeyPatch, where: str, name: str, first: Path | None = None
    ) -> None:
        module, _, function = where.rpartition(".")
        true = getattr(importlib.import_module(module), function)

        def asked(what: object, *more: int) -> None:
            assert first is None or what == first
            self.asked.append(name)
            true(what, *more)

        monkeypatch.setattr(where, asked)

    def during(self, work: Callable[[], object]) -> list[str]:
        self.asked = []
        work()
        return self.asked


def test_what_is_kept_and_what_is_erased_outlives_a_power_cut(
    names: Names, tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The entry of a new file in its folder too, and that an old one is gone; under the lock."""
    folder = tmp_path / "names"
    kernel = Kernel(monkeypatch, folder)
    names.commit("view-1", "Ani")
    # To sync a folder is to sync its file, once more.
    assert kernel.during(names.save) == ["lock", "file", "folder", "file"]
    names.commit("view-2", "Budi")
    assert kernel.during(names.save) == ["lock", "file"]
    assert kernel.during(names.make_room) == ["lock"]
    clock.advance(4 * DAY_S)
    assert "folder" in kernel.during(names.make_room)
    assert list(folder.glob("*.jsonl")) == []


def test_files_are_closed_and_the_folder_is_nobody_elses(
    tmp_path: Path, clock: ManualClock
) -> None:
    folder = tmp_path / "not" / "there"
    names = Names(folder, clock, DAY_S)
    assert folder.stat().st_mode & 0o777 == 0o700
    before = len(os.listdir("/proc/self/fd"))
    for number in range(5):
        names.commit(f"view-{number}", "Ani")
        names.save()
    assert len(os.listdir("/proc/self/fd")) == before


def test_their_number_is_bounded(
    names: Names, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serambi.ledger.names.NAMES_KEPT", 3)
    old = names.commit("old", "Ani")
    names.save()
    clock.advance(DAY_S)
    today = [names.commit(f"view-{n}", "Budi") for n in range(3)]
    names.save()
    assert [names.who(person) for person in (old, *today)] == [None, "Budi", "Budi", "Budi"]
    names.commit("one-too-many", "Citra")
    with pytest.raises(SerambiError) as caught:
        names.save()
    assert caught.value.kind == Kind.UNAVAILABLE
    clock.advance(DAY_S)
    names.commit("tomorrow", "Dewi")
    names.save()


def test_what_waits_is_bounded(names: Names, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serambi.ledger.names.NAMES_WAITING", 2)
    for number in range(5):
        names.commit(f"view-{number}", f"Orang {number}")
    names.save()
    monkeypatch.setattr("serambi.ledger.names.NAMES_KEPT", 10)
    assert names.forget("Orang 0") == 0
    assert names.forget("Orang 4") == 1


@contextmanager
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Half of what is written fits, and nothing more."""
    write = os.write

    def refuse(file: int, content: bytes) -> int:
        if len(content) < 8:
            raise OSError(28, "No space left on device")
        return write(file, bytes(content[: len(content) // 2]))

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", refuse)
        yield


def test_a_full_disk_is_said_and_nothing_is_lost(
    names: Names, tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = names.commit("view-1", "Ani")
    names.save()
    second = names.commit("view-2", "Budi")
    before = everything(tmp_path)
    with full_disk(monkeypatch), pytest.raises(SerambiError, match="the disk is full") as caught:
        names.save()
    assert caught.value.kind == Kind.UNAVAILABLE
    assert "Budi" not in str(caught.value)
    assert everything(tmp_path) == before
    assert again(tmp_path, clock).who(second) is None
    names.save()
    after = again(tmp_path, clock)
    assert [after.who(first), after.who(second)] == ["Ani", "Budi"]
    assert sum(path.stat().st_mode & 0o077 for path in (tmp_path / "names").rglob("*")) == 0
