"""What must outlive a restart: whole, bounded, and never guessed at."""

from pathlib import Path
from typing import Literal

import msgspec
import pytest

from serambi.base.errors import Kind, SerambiError
from serambi.base.kept import StateFile, check_format


class Stops(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: Literal[1]
    cameras: tuple[str, ...]


def stops(folder: Path) -> StateFile[Stops]:
    return StateFile(folder / "stops.json", Stops, what="what is stopped", max_bytes=100)


def test_what_was_written_is_read_after_a_restart(tmp_path: Path) -> None:
    assert stops(tmp_path).read() is None
    for cameras in (("cam-1", "cam-2"), ()):
        stops(tmp_path).write(Stops(1, cameras))
        assert stops(tmp_path).read() == Stops(1, cameras)
    assert [path.name for path in tmp_path.iterdir()] == ["stops.json"]
    assert (tmp_path / "stops.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        b'{"cameras":["cam-1"],"format":2}',
        b'{"cameras": ["cam-1"], "format": 1}',
        b'{"cameras":["%s"],"format":1}' % (b"x" * 100),
        b'{"cameras":["cam-1"],"extra":1,"format":1}',
    ],
)
def test_what_is_not_exactly_right_is_not_known(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "stops.json").write_bytes(raw)
    with pytest.raises(SerambiError, match="what is stopped is not known") as caught:
        stops(tmp_path).read()
    assert caught.value.kind is Kind.CORRUPT
    assert caught.value.where == str(tmp_path / "stops.json")
    assert "backup" in caught.value.hint


def test_what_cannot_be_opened_is_not_taken_for_absent(tmp_path: Path) -> None:
    (tmp_path / "stops.json").mkdir()
    with pytest.raises(SerambiError, match="is not known") as caught:
        stops(tmp_path).read()
    assert caught.value.kind is Kind.CORRUPT


def test_what_the_disk_refuses_leaves_the_old(tmp_path: Path) -> None:
    stops(tmp_path).write(Stops(1, ()))
    gone = StateFile(tmp_path / "gone" / "stops.json", Stops, what="it", max_bytes=100)
    with pytest.raises(SerambiError, match="it cannot be kept: No such file") as caught:
        gone.write(Stops(1, ("cam-1",)))
    assert caught.value.kind is Kind.UNAVAILABLE
    assert stops(tmp_path).read() == Stops(1, ())


def test_a_folder_is_of_the_format_it_was_made_with(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    for _ in range(2):
        check_format(folder, "1")
    assert (folder / "format").read_text() == "1\n"
    with pytest.raises(SerambiError, match="has format '1', this program knows 2") as caught:
        check_format(folder, "2")
    assert caught.value.kind is Kind.CONFLICT
