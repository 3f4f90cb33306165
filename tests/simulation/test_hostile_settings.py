"""Broken settings and a broken disk: `serambi keeper`, `courier` and `center` say in one sentence
what is wrong in which file, and end; what breaks later is said by a keeper that lives on."""

import os
import socket
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from serambi.base.clock import ManualClock
from tests.builders import NOW, make_roster
from tests.fakes.center_town import Town as CenterTown
from tests.fakes.keeper_site import FakeCameras, Site, fill_disk
from tests.simulation.hostile import OWNER, at_work, check_said, cli, promised

Break = Callable[[Path], object]


def replaced(name: str, old: str, new: str) -> Break:
    def spoil(folder: Path) -> None:
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new, 1))

    return spoil


def written(name: str, content: bytes) -> Break:
    return lambda folder: (folder / name).write_bytes(content)


KEEPER: dict[str, Break] = {
    "a line that is no TOML": replaced("keeper.toml", "[trust]", "[trust"),
    "bytes that are no text": written("keeper.toml", b"site = \xff\xfe"),
    "nesting without end": written("keeper.toml", b"a = " + b"[" * 5000),
    "a setting that there is not": replaced("keeper.toml", "site =", "recrod = 1\nsite ="),
    "a zone that nobody knows": replaced("keeper.toml", "Asia/Jakarta", "Asia/Atlantis"),
    "a path as a site": replaced("keeper.toml", '"gudang-kpu"', '"../gudang"'),
    "a newer format": replaced("keeper.toml", "format = 1", "format = 2"),
    "no settings at all": lambda folder: (folder / "keeper.toml").unlink(),
}
CAMERAS: dict[str, Break] = {
    "a password in an address": replaced(
        "cameras.toml", "rtsp://127", "rtsp://viewer:secret-of-cam-1@127"
    ),
    "an address that is no rtsp": replaced("cameras.toml", "rtsp://127", "http://127"),
    "two cameras of one id": replaced("cameras.toml", '"cam-2"', '"cam-1"'),
    "a facing that there is not": replaced("cameras.toml", '"street"', '"everywhere"'),
    "a password that is no text": replaced("cameras.toml", '"secret-of-cam-1"', "12345"),
}
DISK: dict[str, Break] = {
    "a key that others can read": lambda folder: os.chmod(folder / "key" / "key.pem", 0o644),
    "a key that is none": lambda folder: (folder / "key" / "key.pem").write_text("x"),
    "no roster": lambda folder: (folder / "roster.json").unlink(),
    "another roster than the pinned one": lambda folder: _another_roster(folder),
    "a damaged memory": written("durable.json", b"{"),
    "a damaged index": written("index.db", b"no database at all, but long enough to be one" * 99),
    "a newer index": lambda folder: _newer_index(folder / "index.db"),
    "a damaged checkpoint": lambda folder: _ledger(folder, "checkpoint", b"x"),
    "a newer ledger": lambda folder: _ledger(folder, "format", b"9\n"),
    "a revocation that cannot be read": lambda folder: _document(folder, "revocation-1", b"{"),
}


def _another_roster(folder: Path) -> None:
    (folder / "roster.json").write_bytes(make_roster().raw)


def _newer_index(path: Path) -> None:
    database = sqlite3.connect(path)
    database.executescript("CREATE TABLE meta (format INTEGER); INSERT INTO meta VALUES (7)")
    database.close()


def _ledger(folder: Path, name: str, content: bytes) -> None:
    (folder / "ledger").mkdir()
    (folder / "ledger" / "format").write_bytes(b"1\n")
    (folder / "ledger" / name).write_bytes(content)


def _document(folder: Path, name: str, content: bytes) -> None:
    (folder / "documents").mkdir()
    (folder / "documents" / f"{name}.json").write_bytes(content)


def _refuses_to_start(folder: Path, cases: dict[str, Break], heading: str) -> None:
    messages = promised(heading)
    assert messages.keys() >= cases.keys()
    for number, (name, spoil) in enumerate(cases.items()):
        site = Site(folder / str(number))
        spoil(site.folder)
        code, said = cli("keeper", "--config", site.folder / "keeper.toml")
        assert code == 1, f"{name}: {said}"
        told = [line for line in said.splitlines() if line.startswith("serambi keeper: ")]
        assert len(told) == 1, f"{name}: {said}"
        assert str(folder / str(number)) in told[0] or "sha256" in told[0], f"where? {said}"
        assert told[0].endswith(")"), f"{name} does not say what to do: {said}"
        check_said(told[0], messages[name])


@pytest.mark.parametrize(
    ("heading", "cases"),
    [("Settings of a keeper", KEEPER), ("Settings of cameras", CAMERAS), ("Disk", DISK)],
    ids=["keeper", "cameras", "disk"],
)
def test_a_keeper_does_not_start(tmp_path: Path, heading: str, cases: dict[str, Break]) -> None:
    _refuses_to_start(tmp_path, cases, heading)


_COURIER = """site = "utara"
socket = "courier.sock"
center = ["quic/127.0.0.1:7447"]
[tls]
ca = "ca.pem"
cert = "cert.pem"
key = "key.pem"
"""
COURIER = {
    "a plain address": ("quic/127.0.0.1:7447", "tcp/127.0.0.1:7447"),
    "a port that is none": ("127.0.0.1:7447", "127.0.0.1:²"),
    "the center's own name": ('"utara"', '"center"'),
    "a key that is missing": ('key = "key.pem"', ""),
    "a credential": ('site = "utara"', 'site = "utara"\npassword = "rahasia"'),
}


def test_a_courier_does_not_start(tmp_path: Path) -> None:
    messages = promised("Settings of a courier")
    assert messages.keys() == COURIER.keys()
    path = tmp_path / "courier.toml"
    for name, (old, new) in COURIER.items():
        assert old in _COURIER
        path.write_text(_COURIER.replace(old, new))
        code, said = cli("courier", "--config", path)
        assert (code, said.count("serambi courier: ")) == (1, 1), said
        assert str(path) in said
        assert said.rstrip().endswith(")"), said
        assert "rahasia" not in said
        check_said(said, messages[name])


CENTER = {
    "a port beyond the last": ("port = 0", "port = 70000"),
    "no address to listen at": ('listen = ["quic/127.0.0.1:1"]', "listen = []"),
    "a party that is no id": ('"command-center"', '"Command Center"'),
    "a setting that there is not": ("port = 0", "port = 0\ndebug = true"),
    "a roster that is missing": ("port = 0", 'port = 0\nroster = "none.json"'),
}


def test_a_center_does_not_start(tmp_path: Path) -> None:
    messages = promised("Settings of a center")
    assert messages.keys() == CENTER.keys()
    town = CenterTown(tmp_path, ManualClock(NOW))
    good = (
        f'party = "command-center"\nport = 0\ngenesis = "{town.roster.digest}"\n'
        'listen = ["quic/127.0.0.1:1"]\n'
    )
    path = town.config.folder / "center.toml"
    for name, (old, new) in CENTER.items():
        assert old in good
        path.write_text(good.replace(old, new))
        code, said = cli("center", "--config", path)
        assert (code, said.count("serambi center: ")) == (1, 1), said
        assert said.rstrip().endswith(")"), said
        check_said(said, messages[name])


def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    site = Site(tmp_path / "keeper")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        path = site.folder / "keeper.toml"
        path.write_text(path.read_text() + f"[http]\nport = {port}\n")
        code, said = cli("keeper", "--config", path)
    assert code == 1, said
    check_said(said, promised("Settings of a keeper")["a port that is taken"])


async def test_a_disk_that_fills_up_shares_nothing_and_takes_stops(tmp_path: Path) -> None:
    site = Site(tmp_path / "keeper")
    site.put_documents()
    clock = ManualClock(NOW)
    messages = promised("Disk")
    async with at_work(site, clock, FakeCameras(steady=True)) as work:
        fill_disk(work.keeper)
        reply = await work.courier.ask(clock)
        assert (reply.allowed, reply.reason) == (False, "error")
        stopped = await work.http.post("/api/stop", headers=OWNER, json={})
        assert stopped.status_code == 503
        error = stopped.json()["error"]
        assert error["where"]
        assert error["hint"]
        check_said(error["what"], messages["a disk that is full"])
        assert (await work.health())["status"] == "degraded"
        await work.check_nothing_shared()
        fill_disk(work.keeper, False)
        assert (await work.courier.ask(clock)).reason == "stopped"
