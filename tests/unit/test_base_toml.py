"""Settings files as people get them wrong. The odd ones were found by fuzzing."""

from pathlib import Path

import pytest

from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import SETTINGS_MAX_BYTES
from serambi.base.toml import read_toml


def refused(path: Path) -> SerambiError:
    with pytest.raises(SerambiError) as caught:
        read_toml(path, "compare with the manual")
    assert caught.value.where == str(path)
    assert str(caught.value).startswith(f"{path}: the settings cannot be read: ")
    return caught.value


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"site = ", "Invalid value (at end of document)"),
        (b"site = 'a'\nsite = 'b'", "Cannot overwrite a value"),
        (b"\xff", "not UTF-8 at byte 0"),
        (b"a = " + b"[" * 5000, "nested too deeply"),
        (b"a = " + b"{ a = " * 5000, "nested too deeply"),
        (b"a = " + b"1" * 5000, "digits"),
    ],
)
def test_what_is_no_toml_is_refused_with_the_place_and_a_hint(
    tmp_path: Path, content: bytes, why: str
) -> None:
    path = tmp_path / "settings.toml"
    path.write_bytes(content)
    error = refused(path)
    assert error.kind is Kind.BAD_INPUT
    assert why in error.what
    assert error.hint == "compare with the manual"


def test_an_error_stays_short_however_long_a_name_is(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    name = "x" * 10_000
    path.write_text(f"[{name}]\n[{name}]\n")
    assert len(refused(path).what) < 300


def test_no_value_is_quoted(tmp_path: Path) -> None:
    path = tmp_path / "cameras.toml"
    path.write_text("password = 'rahasia' x\n")
    assert "rahasia" not in str(refused(path))


def test_a_file_that_is_missing_or_a_folder_or_too_large(tmp_path: Path) -> None:
    assert refused(tmp_path / "none.toml").kind is Kind.NOT_FOUND
    assert "directory" in refused(tmp_path).what
    path = tmp_path / "large.toml"
    path.write_bytes(b"#" * (SETTINGS_MAX_BYTES + 1))
    assert refused(path).kind is Kind.LIMIT


def test_the_largest_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "large.toml"
    path.write_bytes(b"a = 1\n".ljust(SETTINGS_MAX_BYTES, b"#"))
    assert read_toml(path, "") == {"a": 1}
