"""The courier's settings file: complete, known, or refused by name."""

from pathlib import Path

import pytest

from serambi.base.errors import Kind, SerambiError
from serambi.courier.config import read_config

GOOD = """
site = "utara"
socket = "../keeper/courier.sock"
center = ["quic/127.0.0.1:7447", "tls/127.0.0.1:7447"]

[tls]
ca = "tls/ca.pem"
cert = "tls/cert.pem"
key = "/elsewhere/key.pem"
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "courier.toml"
    path.write_text(text)
    return path


def test_paths_count_from_the_files_folder(tmp_path: Path) -> None:
    config = read_config(write(tmp_path, GOOD))
    assert config.site == "utara"
    assert config.socket == tmp_path / "../keeper/courier.sock"
    assert config.center == ("quic/127.0.0.1:7447", "tls/127.0.0.1:7447")
    assert config.tls.ca == tmp_path / "tls/ca.pem"
    assert config.tls.key == Path("/elsewhere/key.pem")


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('site = "utara"', "", "site is missing"),
        ('site = "utara"', "site = 5", "site must be a text"),
        ('site = "utara"', 'site = "center"', "center"),
        ('site = "utara"', 'site = "a/**"', "a/**"),
        ('"../keeper/courier.sock"', '""', "socket must be a text"),
        ('ca = "tls/ca.pem"', "", "tls.ca is missing"),
        ('ca = "tls/ca.pem"', 'ca = "x"\npassword = "x"', "tls.password is not a setting"),
        ('site = "utara"', 'site = "utara"\ncamera = "x"', "camera is not a setting"),
        ('["quic/127.0.0.1:7447", "tls/127.0.0.1:7447"]', "[]", "center must be a list"),
        ("quic/127.0.0.1:7447", "tcp/127.0.0.1:7447", "tcp/127.0.0.1:7447"),
        ("quic/127.0.0.1:7447", "quic/127.0.0.1:7447?prio=0-7", "prio"),
        ("quic/127.0.0.1:7447", "quic/127.0.0.1", "quic/127.0.0.1"),
        ("[tls]", "[tls", "cannot be read"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, old: str, new: str, named: str) -> None:
    assert old in GOOD
    path = write(tmp_path, GOOD.replace(old, new))
    with pytest.raises(SerambiError) as caught:
        read_config(path)
    assert caught.value.kind is Kind.BAD_INPUT
    assert named in str(caught.value)
    assert caught.value.where == str(path)


def test_tls_must_be_a_table(tmp_path: Path) -> None:
    text = GOOD.partition("[tls]")[0] + 'tls = "here"\n'
    with pytest.raises(SerambiError, match="tls must be a table"):
        read_config(write(tmp_path, text))


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(SerambiError) as caught:
        read_config(tmp_path / "none.toml")
    assert caught.value.kind is Kind.NOT_FOUND
