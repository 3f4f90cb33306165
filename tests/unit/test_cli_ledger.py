"""`serambi ledger` as people call it, with a real roster."""

import base64
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from serambi.base.clock import ManualClock
from serambi.base.words import Words
from serambi.cli.ledger import ledger_group
from serambi.identity.keys import SigningKey
from serambi.identity.roster import Party, RosterDocument, key_entry, seal_roster
from serambi.ledger.checkpoint import parse_checkpoint
from serambi.ledger.entry import Entry, commit, decode_entry
from serambi.ledger.names import Names
from serambi.ledger.note import Verifier
from serambi.ledger.store import LedgerStore
from serambi.ledger.tree import leaf_hash, verify_inclusion

ORIGIN = "dishub/simpang-lima/keeper"
GATEWAY, OWNER = SigningKey.generate(), SigningKey.generate()
NOW = 1_790_000_000.0
HIDDEN = commit(b"s" * 16, "kamera-9")
ENTRIES = [
    Entry(kind="started", at_ms=int(NOW * 1000), site="simpang-lima"),
    Entry(kind="session_opened", at_ms=int(NOW * 1000), camera="kamera-1", person="a\x1b[2Jb"),
    Entry(kind="refused", at_ms=int(NOW * 1000), camera=HIDDEN, reason="no_agreement"),
    Entry(kind="stopped", at_ms=2**53 - 1),
]


def words(text: str) -> Words:
    return Words(text, text)


@pytest.fixture
def roster(tmp_path: Path) -> Path:
    party = Party("dishub", words("Dinas Perhubungan"), words("owner"), words("112"))
    document = RosterDocument(
        format=1,
        name=words("Kota"),
        sequence=1,
        previous="",
        parties=(party,),
        keys=(
            key_entry(OWNER.public, "dishub", "sign"),
            key_entry(GATEWAY.public, "dishub", "gateway", "simpang-lima"),
        ),
    )
    path = tmp_path / "roster.json"
    path.write_bytes(seal_roster(document, [OWNER]))
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with LedgerStore.open(tmp_path / "ledger", ORIGIN, GATEWAY, ManualClock(NOW)) as store:
        store.append(ENTRIES)
    return tmp_path / "ledger"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(ledger_group, [str(argument) for argument in arguments])


def test_verify_passes_and_says_why(folder: Path, roster: Path) -> None:
    result = run("verify", folder, "--trust", roster)
    assert result.exit_code == 0
    assert result.output.splitlines()[-1] == (
        f"OK: 4 entries of {ORIGIN}, complete and unchanged as signed"
    )
    assert GATEWAY.key_id in result.output


def test_verify_refuses_and_says_why(folder: Path, roster: Path) -> None:
    bundle = folder / "tile/entries/000.p/4"
    bundle.write_bytes(bundle.read_bytes().replace(b"kamera-1", b"kamera-2"))
    result = run("verify", folder, "--trust", roster)
    assert result.exit_code == 1
    last = result.output.splitlines()[-1]
    assert last.startswith("NOT VALID: ")
    assert "tile/0/000.p/4 does not follow from the entries at its hash 1" in last


def test_verify_believes_no_unsigned_roster(folder: Path, roster: Path) -> None:
    roster.write_bytes(roster.read_bytes().replace(b'"sig":"', b'"sig":"AAAA'))
    result = run("verify", folder, "--trust", roster)
    assert result.exit_code == 1
    assert "Error: " in result.output
    assert run("verify", folder).exit_code == 2


def test_show_in_both_languages(folder: Path) -> None:
    result = run("show", folder)
    assert result.exit_code == 0
    head, *lines = result.output.splitlines()
    assert head.startswith(f"{ORIGIN}: 4 catatan. Belum diperiksa")
    assert "2026-09-21 14:13:20+00:00; kotak dinyalakan; lokasi: simpang-lima" in lines[0]
    assert "tayangan dibuka; kamera: kamera-1; orang: a?[2Jb" in lines[1]
    assert "ditolak; kamera: tidak pernah disepakati; alasan: no_agreement" in lines[2]
    result = run("show", folder, "--lang", "en", "--last", 2)
    head, *lines = result.output.splitlines()
    assert "4 entries. Not checked" in head
    assert lines[0].lstrip().startswith("2  2026")
    assert "refused; camera: never agreed on; reason: no_agreement" in lines[0]
    assert "9007199254740991 ms; stopped by the owner" in lines[1]
    assert len(lines) == 2


def test_show_says_what_is_wrong(folder: Path) -> None:
    (folder / "checkpoint").write_bytes(b"")
    result = run("show", folder)
    assert result.exit_code == 1
    assert "the checkpoint cannot be read" in result.output


def test_a_proof_can_be_checked_by_itself(folder: Path) -> None:
    result = run("prove", folder, 2)
    assert result.exit_code == 0
    proof = json.loads(result.output)
    checkpoint, note = parse_checkpoint(proof["checkpoint"].encode())
    assert note.signed_by([Verifier(ORIGIN, GATEWAY.public)])
    leaf = base64.b64decode(proof["entry"])
    assert decode_entry(leaf) == ENTRIES[2]
    assert base64.b64decode(proof["leaf_hash"]) == leaf_hash(leaf)
    assert base64.b64decode(proof["root"]) == checkpoint.root
    steps = [base64.b64decode(step) for step in proof["proof"]]
    assert verify_inclusion(
        leaf_hash(leaf), proof["index"], checkpoint.size, steps, checkpoint.root
    )
    assert (proof["origin"], proof["size"]) == (ORIGIN, 4)


def test_forget_erases_a_name_and_says_from_how_many_views(tmp_path: Path) -> None:
    names = Names(tmp_path / "names", ManualClock(NOW), 86_400)
    people = [names.commit(f"view-{n}", name) for n, name in enumerate(("Ani", "Budi", "Ani"))]
    names.save()
    assert run("forget", tmp_path / "names", "Ani").output == (
        "The name was erased from 2 views.\n"
    )
    left = Names(tmp_path / "names", ManualClock(NOW), 86_400)
    assert [left.who(person) for person in people] == [None, "Budi", None]


def test_show_calls_a_hidden_person_hidden(tmp_path: Path) -> None:
    with LedgerStore.open(tmp_path / "ledger", ORIGIN, GATEWAY, ManualClock(NOW)) as store:
        store.append([Entry(kind="session_opened", at_ms=int(NOW * 1000), person=HIDDEN)])
    assert (
        "person: the name is kept outside"
        in run("show", tmp_path / "ledger", "--lang", "en").output
    )


def test_no_proof_of_what_is_not_there(folder: Path) -> None:
    result = run("prove", folder, 4)
    assert result.exit_code == 1
    assert "there is no entry 4 in a ledger of 4 entries" in result.output
