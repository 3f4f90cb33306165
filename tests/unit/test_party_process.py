"""A party's settings, its inbox, its way through HTTP."""

import asyncio
import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from serambi.agreement.model import read_agreement
from serambi.base.clock import ManualClock
from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import WITNESS_TIMEOUT_S
from serambi.identity.chain import Chain
from serambi.identity.keys import SigningKey
from serambi.identity.roster import load_roster
from serambi.ledger.checkpoint import Checkpoint, sign_checkpoint
from serambi.ledger.note import Note
from serambi.ledger.tiles import BUNDLE_LEVEL, Tile, encode_bundle
from serambi.party import main as main_module
from serambi.party.carrier import AWAY, TAKEN, HttpCarrier, Peer
from serambi.party.config import read_config
from serambi.party.inbox import read_inbox
from serambi.party.peers import Peers
from serambi.party.rosters import Rosters
from serambi.party.signing.papers import Papers
from serambi.party.witness import Witness
from tests.builders import NOW, make_agreement, make_attestation, make_revocation, make_roster

PARTIES = ("kpu", "bawaslu", "polres")
SETTINGS = """format = 1
party = "kpu"
peers = ["http://127.0.0.1:9001"]

[trust]
roster = "roster.json"
genesis = "{genesis}"

[center]
url = "https://center.example:8443"
ca = "ca.pem"

[http]
port = 9000
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    town = make_roster(PARTIES, witnessed=True)
    (tmp_path / "roster.json").write_bytes(town.raw)
    town.witnesses["kpu"].save(tmp_path / "witness")
    (tmp_path / "party.toml").write_text(SETTINGS.format(genesis=town.roster.digest))
    (tmp_path / "token").write_text("secret-token\n")
    (tmp_path / "token").chmod(0o600)
    return tmp_path


def test_settings_are_read(folder: Path) -> None:
    config = read_config(folder / "party.toml")
    assert (config.party, config.host, config.port) == ("kpu", "127.0.0.1", 9000)
    assert config.token == "secret-token"
    assert "secret" not in repr(config)
    assert (config.key, config.ca) == (folder / "witness", folder / "ca.pem")
    assert load_roster(config.roster, config.genesis).party("kpu").id == "kpu"


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("format = 1", "format = 2", "format 2 is not known"),
        ('party = "kpu"', 'party = "K P U"', "party"),
        ('party = "kpu"', "", "party"),
        ("9000", "90000", "http.port 90000 is not a port"),
        ("[http]", "[desk]\nport = -1\n[http]", "desk.port -1 is not a port"),
        ("[http]", '[desk]\nzone = "here"\n[http]', "desk.zone: time zone 'here' is not known"),
        ("https://center.example:8443", "center.example", "is not an address"),
        ("http://127.0.0.1:9001", "ftp://x", "is not an address"),
        ("[http]", "[https]", "https"),
        ("[http]", 'token = "none"\n[http]', "token for the center cannot be read"),
    ],
)
def test_wrong_settings_are_refused_by_name(folder: Path, old: str, new: str, what: str) -> None:
    path = folder / "party.toml"
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(SerambiError, match=what) as refused:
        read_config(path)
    assert refused.value.kind is Kind.BAD_INPUT
    assert str(folder) in refused.value.where


def test_a_token_that_others_can_read_is_refused(folder: Path) -> None:
    (folder / "token").chmod(0o640)
    with pytest.raises(SerambiError, match="others can read") as refused:
        read_config(folder / "party.toml")
    assert refused.value.kind is Kind.DENIED
    (folder / "token").chmod(0o600)
    (folder / "token").write_text("\n")
    with pytest.raises(SerambiError, match="is empty"):
        read_config(folder / "party.toml")


def test_a_roster_that_is_gone_is_said(folder: Path) -> None:
    (folder / "roster.json").unlink()
    config = read_config(folder / "party.toml")
    with pytest.raises(SerambiError, match="roster cannot be read"):
        load_roster(config.roster, config.genesis)


# -- by hand -------------------------------------------------------------------------------


class _Nothing:
    def checkpoints(self) -> dict[str, str]:
        return {}

    def leaves(self, origin: str, tile: Tile) -> list[bytes]:
        raise NotImplementedError

    def hand_back(self, notes: Sequence[Note]) -> dict[str, str]:
        raise NotImplementedError

    def asked(self) -> list[bytes]:
        return []

    def pass_on(self, document: bytes) -> None:
        raise NotImplementedError


def test_files_in_the_inbox_are_taken_or_set_aside(tmp_path: Path) -> None:
    town = make_roster(PARTIES, witnessed=True)
    key = town.witnesses["kpu"]
    witness = Witness(tmp_path, "kpu", key, town.roster, _Nothing(), ManualClock(NOW))
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    raw = make_agreement(town, attestations=[make_attestation(town)])
    signed = read_agreement(raw, town.roster)
    (inbox / "good.json").write_bytes(make_revocation(town, signed, "bawaslu"))
    (inbox / "bad.json").write_bytes(b"{}")
    (inbox / "other.txt").write_bytes(b"not looked at")
    written = (inbox / "bad.json").stat().st_mtime
    rosters = Rosters(Chain(tmp_path / "rosters", town.roster), witness.alarms)
    read_inbox(inbox, witness, rosters, written + 1)
    assert list(witness.revocations.all()) == [f"{signed.digest}-bawaslu"]
    assert sorted(p.name for p in inbox.iterdir()) == ["bad.json", "other.txt", "refused"]
    read_inbox(inbox, witness, rosters, written + 3)
    assert [p.name for p in (inbox / "refused").iterdir()] == ["bad.json"]


# -- HTTP ----------------------------------------------------------------------------------

Answer = Callable[[BaseHTTPRequestHandler, bytes], None]


@contextlib.contextmanager
def served(answer: Answer) -> Iterator[tuple[str, list[tuple[str, str, bytes]]]]:
    """A server that answers as told; -> its address, what it was asked."""
    asked: list[tuple[str, str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _do(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            asked.append((self.command, self.path, body))
            answer(self, body)

        do_GET = do_POST = _do

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = False
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/base", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def reply(handler: BaseHTTPRequestHandler, body: bytes, status: int = 200, tag: str = "") -> None:
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body)))
    if tag:
        handler.send_header("ETag", tag)
    handler.send_header("Connection", "close")
    handler.end_headers()
    handler.wfile.write(body)


def test_what_has_not_changed_is_not_sent_again() -> None:
    tokens = []

    def answer(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        tokens.append(handler.headers["Authorization"])
        same = handler.headers.get("If-None-Match") == '"1"'
        reply(handler, b"" if same else b'{"a/center": "note"}', 304 if same else 200, '"1"')

    with served(answer) as (url, asked):
        carrier = HttpCarrier(url, "secret")
        assert carrier.checkpoints() == carrier.checkpoints() == {"a/center": "note"}
        carrier.close()
    assert [path for _, path, _ in asked] == ["/base/ledger/checkpoints"] * 2
    assert tokens == ["Bearer secret"] * 2


def test_leaves_are_as_many_as_were_asked_for() -> None:
    bundle = encode_bundle([b"one", b"two"])
    with served(lambda handler, body: reply(handler, bundle)) as (url, asked):
        carrier = HttpCarrier(url, "t")
        assert carrier.leaves("kpu/a/keeper", Tile(BUNDLE_LEVEL, 1, 2)) == [b"one", b"two"]
        with pytest.raises(SerambiError, match="2 entries for"):
            carrier.leaves("kpu/a/keeper", Tile(BUNDLE_LEVEL, 1, 3))
        carrier.close()
    assert asked[0][1] == "/base/ledger/kpu/a/keeper/tile/entries/001.p/2"


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        (b"no json", 200, Kind.UNAVAILABLE),
        (b"[]", 200, Kind.UNAVAILABLE),
        (b'{"a": 1}', 200, Kind.UNAVAILABLE),
        (b"x" * 2_000_000, 200, Kind.UNAVAILABLE),
        (b"{}", 401, Kind.CONFLICT),
        (b"{}", 404, Kind.UNAVAILABLE),
        (b"{}", 503, Kind.UNAVAILABLE),
    ],
    ids=["text", "list", "number", "long", "401", "404", "503"],
)
def test_strange_answers_are_errors(body: bytes, status: int, kind: Kind) -> None:
    def answer(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        with contextlib.suppress(OSError):  # the asker may have had enough
            reply(handler, body, status)

    with served(answer) as (url, _):
        carrier = HttpCarrier(url, "t")
        with pytest.raises(SerambiError) as refused:
            carrier.checkpoints()
        assert refused.value.kind is kind
        assert "Bearer" not in str(refused.value)
        carrier.close()


def test_whether_words_were_taken() -> None:
    note = sign_checkpoint(Checkpoint("kpu/a/keeper", 3, b"r" * 32), SigningKey.generate())
    said = {
        "kpu/a/keeper": {"allowed": True, "reason": "allowed"},
        "kpu/b/keeper": {"allowed": False, "reason": "another past"},
        "kpu/c/keeper": {"allowed": False, "reason": "unreachable"},
    }
    with served(lambda handler, _: reply(handler, json.dumps(said).encode())) as (url, asked):
        carrier = HttpCarrier(url, "t")
        assert list(carrier.hand_back([note, note]).values()) == [TAKEN, "another past", AWAY]
        carrier.close()
    assert asked == [("POST", "/base/ledger/cosigned", note.emit() + b"\n" + note.emit())]


@pytest.mark.parametrize("said", [b"x", b"[]", b'{"a": 1}', b'{"a": {"allowed": false}}'])
def test_a_strange_answer_to_words(said: bytes) -> None:
    with served(lambda handler, _: reply(handler, said)) as (url, _):
        carrier = HttpCarrier(url, "t")
        with pytest.raises(SerambiError, match="a strange answer: no answers"):
            carrier.hand_back([])
        carrier.close()


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    carrier = HttpCarrier(f"http://127.0.0.1:{port}", "t")
    with pytest.raises(SerambiError) as refused:
        carrier.checkpoints()
    assert refused.value.kind is Kind.UNAVAILABLE
    for address in ("127.0.0.1:1", "ftp://x", ""):
        with pytest.raises(SerambiError, match="is not an address"):
            Peer(address)


def test_a_peer_that_is_away_hears_everything_later(tmp_path: Path) -> None:
    town = make_roster(PARTIES, witnessed=True)
    clock = ManualClock(NOW)
    key = town.witnesses["kpu"]
    witness = Witness(tmp_path, "kpu", key, town.roster, _Nothing(), clock)
    signed = read_agreement(
        make_agreement(town, attestations=[make_attestation(town)]), town.roster
    )
    raw = make_revocation(town, signed, "bawaslu")
    witness.add_revocation(raw)
    status = 503
    with served(lambda handler, _: reply(handler, b"{}", status)) as (url, asked):
        peers = Peers([url], clock)
        peers.step(witness)
        peers.step(witness)
        assert len(asked) == 1, "it is left alone for a while"
        clock.advance(60)
        status = 200
        peers.step(witness)
        clock.advance(60)
        peers.step(witness)
    assert asked == [("POST", "/base/documents", raw)] * 2


@pytest.mark.parametrize(("status", "again"), [(200, 0), (409, 0), (429, 1)])
def test_papers_come_last_and_hold_nothing_up(tmp_path: Path, status: int, again: int) -> None:
    """A desk that refuses a paper has heard it; one that is full is asked again, and hears
    revocations meanwhile."""
    town = make_roster(PARTIES, witnessed=True)
    clock = ManualClock(NOW)
    witness = Witness(tmp_path, "kpu", town.witnesses["kpu"], town.roster, _Nothing(), clock)
    papers = Papers(tmp_path, "kpu", town.roster)
    raw = make_agreement(town, attestations=[make_attestation(town)], signed_by=("kpu",))
    papers.take(raw)
    papers.take(make_agreement(town, number="2026-09", signed_by=()))
    revocation = make_revocation(town, read_agreement(raw, town.roster), "bawaslu")

    def say(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        reply(handler, b"{}", 200 if body == revocation else status)

    with served(say) as (url, asked):
        peers = Peers([url], clock, papers)
        peers.step(witness)
        witness.add_revocation(revocation)
        clock.advance(1)
        peers.step(witness)
        assert [body for _, _, body in asked] == [raw, revocation]
        clock.advance(60)
        peers.step(witness)
        assert [body for _, _, body in asked] == [raw, revocation] + [raw] * again


async def test_the_process_ends_though_the_center_does_not_answer(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked something, and keeps silent: a signal must not have to wait for that."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        path = folder / "party.toml"
        port = silent.getsockname()[1]
        text = path.read_text().replace("https://center.example:8443", f"http://127.0.0.1:{port}")
        path.write_text(text.replace("port = 9000", "port = 0").replace('ca = "ca.pem"\n', ""))
        asked = asyncio.get_running_loop().create_future()

        async def told() -> None:
            asked.set_result(await asyncio.to_thread(silent.accept))
            await asyncio.sleep(0)

        monkeypatch.setattr(main_module, "until_told_to_end", told)
        async with asyncio.timeout(WITNESS_TIMEOUT_S / 2):
            await main_module.run(path)
        (await asked)[0].close()
