"""The table `[login]` of the center's settings."""

from pathlib import Path

import pytest

from serambi.base.errors import SerambiError
from serambi.center.config import CenterConfig, read_config
from serambi.center.login_settings import Site

SETTINGS = """
party = "command-center"
genesis = "ab"
listen = ["quic/127.0.0.1:7447"]
"""


def read(folder: Path, text: str) -> CenterConfig:
    path = folder / "center.toml"
    path.write_text(SETTINGS + text)
    return read_config(path)


@pytest.mark.parametrize(
    ("text", "tls", "site"),
    [
        ("", False, Site("http://localhost:8080", "localhost")),
        ("", True, Site("https://localhost:8080", "localhost")),
        (
            'login.url = "https://wall.polres.example"',
            True,
            Site("https://wall.polres.example", "wall.polres.example"),
        ),
        (
            'login.url = "https://wall.polres.example:8443/"\nlogin.rp_id = "polres.example"',
            True,
            Site("https://wall.polres.example:8443", "polres.example"),
        ),
        ('login.url = "http://localhost:9000"', False, Site("http://localhost:9000", "localhost")),
    ],
)
def test_whom_a_passkey_is_for(tmp_path: Path, text: str, tls: bool, site: Site) -> None:
    login = read(tmp_path, text).login
    assert login.required
    assert login.site(8080, tls=tls) == site


def test_other_machines_need_an_address(tmp_path: Path) -> None:
    with pytest.raises(SerambiError, match=r"login\.url is missing"):
        read(tmp_path, 'host = "0.0.0.0"')
    assert not read(tmp_path, 'host = "0.0.0.0"\nlogin.passkey = "offered"').login.required
    assert read(tmp_path, 'host = "0.0.0.0"\nlogin.url = "https://a.example"').login.required


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("login = 1", "login must be a table"),
        ("login.color = 1", r"login\.color is not"),
        ('login.passkey = "never"', r"login\.passkey must"),
        ("login.passkey = true", r"login\.passkey must be a text"),
        ('login.url = "http://wall.example"', r"login\.url must be https"),
        ('login.url = "https://wall.example/path"', r"login\.url must be https"),
        ('login.url = "https://ani@wall.example"', r"login\.url must be https"),
        ('login.url = "https://wall.example:port"', r"login\.url must be https"),
        ('login.url = "https://[::1"', r"login\.url must be https"),
        ('login.url = "wall.example"', r"login\.url must be https"),
        ('login.url = "https://10.1.2.3"', r"login\.url must have a name"),
        ('login.url = "http://127.0.0.1:8080"', r"login\.url must have a name"),
        ('login.url = "https://wall.example"\nlogin.rp_id = "example"', r"login\.rp_id must"),
        ('login.url = "https://wall.example"\nlogin.rp_id = "all.example"', r"login\.rp_id must"),
        ('login.rp_id = "other.example"', r"login\.rp_id must"),
    ],
)
def test_what_cannot_be_is_named(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(SerambiError, match=named):
        read(tmp_path, text)
