"""Settings files of every process and drafts of agreements: refused in plain words, or read.

The first byte says which file the rest is. A camera's password never stands in an error.
"""

import os
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from fuzz._target import Target, require
from serambi.base.errors import SerambiError
from serambi.center import config as center
from serambi.cli.draft import read_draft
from serambi.courier import config as courier
from serambi.keeper import config as keeper

_PASSWORD = "rahasia-kamera"

_PASSWORD_LINE = f'password = "{_PASSWORD}"'.encode()

_KEEPER = f"""format = 1
site = "gudang-kpu"
owner = "kpu"
zone = "Asia/Jakarta"
owner_token_sha256 = "{"ab" * 32}"
name = {{ id = "Gudang", en = "Warehouse" }}
contact = {{ id = "112", en = "112" }}
trust = {{ roster = "roster.json", genesis = "{"cd" * 32}" }}
http = {{ host = "127.0.0.1", port = 8080 }}
retention = {{ days = 14, gigabytes = 200.0 }}
"""

_CAMERAS = f"""[[camera]]
id = "cam-1"
number = "101"
name = {{ id = "Gerbang", en = "Gate" }}
facing = "street"
main = "rtsp://192.0.2.7/main"
sub = "rtsp://192.0.2.7:554/sub"
user = "operator"
password = "{_PASSWORD}"
"""

_CENTER = f"""party = "polres"
host = "127.0.0.1"
port = 8443
folder = "."
key = "key"
tls = "tls"
roster = "roster.json"
genesis = "{"cd" * 32}"
listen = ["quic/127.0.0.1:7447", "tls/[::1]:7447"]
names = ["center.example"]
authority = "authority"
web_certificate = "cert.pem"
web_key = "key.pem"
"""

_COURIER = """site = "gudang-kpu"
socket = "../keeper/courier.sock"
center = ["quic/127.0.0.1:7447", "tls/center.example:7447"]
[tls]
ca = "tls/ca.pem"
cert = "tls/cert.pem"
key = "tls/key.pem"
"""

_DRAFT = """number = "2026-03"
parties = ["kpu", "polres"]
viewer = "polres"
valid_from = "2026-11-01T00:00:00Z"
valid_until = "2026-12-01T00:00:00Z"
heartbeat_s = 900
title = { id = "Judul", en = "Title" }
legal_basis = { id = "Dasar", en = "Basis" }
retention = { center_hours = 72 }
[[purposes]]
id = "routine_watch"
text = { id = "Pengamanan gudang logistik", en = "Protecting the warehouse of ballots" }
[[sites]]
site = "gudang-kpu"
cameras = ["cam-1"]
actions = ["live"]
zone = "Asia/Jakarta"
hours = [{ days = ["mon"], from = "08:00", to = "17:00" }]
"""


def seeds() -> Iterator[bytes]:
    for number, text in enumerate((_KEEPER, _CAMERAS, _CENTER, _COURIER, _DRAFT)):
        yield bytes([number]) + text.encode()
    yield b"\2listen = [" + b"[" * 1200
    yield b"\4" + b"a." * 1200 + b"b = 1"


@cache
def _folder() -> Path:
    """Where the file lies; in memory where the machine has such a folder."""
    memory = Path("/dev/shm")
    made = tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None)
    _KEPT.append(made)
    return Path(made.name)


_KEPT: list[tempfile.TemporaryDirectory[str]] = []


def check(raw: bytes) -> None:
    if not raw:
        return
    name, read = _READERS[raw[0] % len(_READERS)]
    for whole, content in (
        ("keeper.toml", _KEEPER.encode()),
        ("cameras.toml", b""),
        (name, raw[1:]),
    ):
        (_folder() / whole).write_bytes(content)
    try:
        read(_folder() / ("keeper.toml" if name == "cameras.toml" else name))
    except SerambiError as error:
        require(name in error.where, "an error that does not say which file")
        # Where it stands as an id, it is one, and ids are told.
        in_its_place = raw.count(_PASSWORD.encode()) == raw.count(_PASSWORD_LINE)
        require(not in_its_place or _PASSWORD not in str(error), "a password stands in an error")
        raise


_READERS: tuple[tuple[str, Callable[[Path], object]], ...] = (
    ("keeper.toml", keeper.read_config),
    ("cameras.toml", keeper.read_config),
    ("center.toml", center.read_config),
    ("courier.toml", courier.read_config),
    ("draft.toml", read_draft),
)

TARGET = Target(
    (
        "serambi.keeper.config",
        "serambi.center.config",
        "serambi.courier.config",
        "serambi.agreement.draft",
        "serambi.cli.draft",
        "serambi.fabric.addresses",
    ),
    seeds,
    check,
    max_bytes=4096,
)
