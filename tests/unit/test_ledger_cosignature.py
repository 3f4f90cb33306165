"""Cosignatures and quorums: who vouches for how much of a ledger."""

import base64
import hashlib
import itertools
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serambi.base.clock import ManualClock
from serambi.base.errors import Kind, SerambiError
from serambi.identity.keys import SigningKey
from serambi.ledger.checkpoint import (
    Checkpoint,
    parse_checkpoint,
    parse_checkpoint_text,
    sign_checkpoint,
)
from serambi.ledger.cosignature import Cosigner, cosign, cosigned_at
from serambi.ledger.entry import Entry
from serambi.ledger.note import Note, NoteSignature, parse_note
from serambi.ledger.quorum import (
    emit_notes,
    quorum_of,
    read_cosigned,
    seen_by_quorum,
    split_notes,
    witness_name,
)
from serambi.ledger.store import LedgerStore
from serambi.ledger.tiles import Edge
from serambi.ledger.verify import verify
from tests.builders import NOW, SITE, Town, make_roster

KEY = SigningKey.generate()
PARTIES = ("kpu", "bawaslu", "polres", "dishub", "rsud")
ORIGIN = f"kpu/{SITE}/keeper"
TEXT = "example.com/log\n3\n" + base64.b64encode(b"r" * 32).decode() + "\n"

# The example in C2SP tlog-cosignature: its fields, read by hand.
PUBLISHED = (
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
    "— example.com/behind-the-sofa "
    "Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
    "— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2"
    "oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
)


def test_the_published_example_is_read_as_it_says() -> None:
    checkpoint, note = parse_checkpoint(PUBLISHED.encode())
    assert checkpoint.size == 20_852_163
    line = note.signatures[1]
    assert line.name == "witness.example.com/w1"
    assert int.from_bytes(line.signature[:8], "big") == 1_679_315_147
    assert len(line.signature) == 8 + 64
    assert note.emit() == PUBLISHED.encode()


def test_the_bytes_that_are_signed_are_those_of_the_specification() -> None:
    line = cosign(TEXT, "kpu/witness", KEY, 1_679_315_147)
    message = b"cosignature/v1\ntime 1679315147\n" + TEXT.encode()
    assert line.signature[:8] == (1_679_315_147).to_bytes(8, "big")
    assert KEY.public.verify(line.signature[8:], message)
    material = b"kpu/witness\n\x04" + KEY.public.raw
    assert line.key_hash == hashlib.sha256(material).digest()[:4]


@given(st.integers(1, 2**63 - 1))
def test_a_cosignature_reads_back(at_s: int) -> None:
    note = parse_note(Note(TEXT, (cosign(TEXT, "kpu/witness", KEY, at_s),)).emit())
    assert cosigned_at(note, Cosigner("kpu/witness", KEY.public)) == at_s
    assert cosigned_at(note, Cosigner("polres/witness", KEY.public)) is None
    assert cosigned_at(note, Cosigner("kpu/witness", SigningKey.generate().public)) is None


def test_every_changed_byte_spoils_it() -> None:
    good = cosign(TEXT, "kpu/witness", KEY, 1_679_315_147)
    cosigner = Cosigner("kpu/witness", KEY.public)
    for at, bit in itertools.product(range(len(good.signature)), (0, 7)):
        bad = bytearray(good.signature)
        bad[at] ^= 1 << bit
        line = type(good)(good.name, good.key_hash, bytes(bad))
        with pytest.raises(SerambiError, match="cosignature of kpu/witness is not valid"):
            cosigned_at(Note(TEXT, (line,)), cosigner)
    for wrong in (good.signature[:-1], good.signature + b"\0", good.signature[:7]):
        with pytest.raises(SerambiError, match="not valid"):
            cosigned_at(Note(TEXT, (type(good)(good.name, good.key_hash, wrong),)), cosigner)
    with pytest.raises(SerambiError, match="not valid"):
        cosigned_at(Note(TEXT.replace("\n3\n", "\n4\n"), (good,)), cosigner)


@pytest.mark.parametrize("at_s", [1, 2**63 - 1])
def test_the_first_and_the_last_second_are_times(at_s: int) -> None:
    note = Note(TEXT, (cosign(TEXT, "kpu/witness", KEY, at_s),))
    assert cosigned_at(note, Cosigner("kpu/witness", KEY.public)) == at_s


@pytest.mark.parametrize("at_s", [0, 2**63])
def test_a_signature_over_no_time_is_none_though_its_key_made_it(at_s: int) -> None:
    cosigner = Cosigner("kpu/witness", KEY.public)
    signature = KEY.sign(f"cosignature/v1\ntime {at_s}\n{TEXT}".encode())
    line = NoteSignature(cosigner.name, cosigner.key_hash, at_s.to_bytes(8, "big") + signature)
    with pytest.raises(SerambiError, match="not valid"):
        cosigned_at(Note(TEXT, (line,)), cosigner)


@pytest.mark.parametrize("at_s", [0, -1, 2**63])
def test_there_is_no_cosignature_at_no_time(at_s: int) -> None:
    with pytest.raises(SerambiError, match="not a time"):
        cosign(TEXT, "kpu/witness", KEY, at_s)


def test_a_quorum_of_five_is_four() -> None:
    assert [quorum_of(n) for n in range(1, 11)] == [1, 2, 3, 4, 4, 5, 6, 7, 7, 8]


@given(st.integers(1, 200))
def test_two_quorums_share_a_majority(witnesses: int) -> None:
    needed = quorum_of(witnesses)
    assert needed <= witnesses
    assert 2 * (2 * needed - witnesses) > witnesses
    fewer = needed - 1
    assert 2 * (2 * fewer - witnesses) <= witnesses


@given(st.lists(st.integers(0, 1000), max_size=8), st.integers(1, 8))
def test_what_a_quorum_has_seen(values: list[int], witnesses: int) -> None:
    values = values[:witnesses]
    seen = seen_by_quorum(dict(zip("abcdefgh", values, strict=False)), witnesses)
    enough = [x for x in values if sum(y >= x for y in values) >= quorum_of(witnesses)]
    assert seen == max(enough, default=-math.inf)


@pytest.fixture(scope="module")
def town() -> Town:
    return make_roster(PARTIES, witnessed=True)


def signed(town: Town, text: str, parties: tuple[str, ...], at_s: int = int(NOW)) -> bytes:
    """A checkpoint of the site's keeper, cosigned."""
    own = sign_checkpoint(parse_checkpoint_text(text, extensions=False), town.gateways[SITE])
    lines = tuple(cosign(text, witness_name(p), town.witnesses[p], at_s) for p in parties)
    return Note(text, own.signatures + lines).emit()


def test_a_word_counts_for_its_party_and_its_log_alone(town: Town) -> None:
    keys = [town.gateways[SITE].public]
    text = TEXT.replace("example.com/log", ORIGIN)
    found = read_cosigned(signed(town, text, ("kpu", "rsud")), ORIGIN, keys, town.roster)
    assert [(word.party, word.checkpoint.size, word.at_s) for word in found] == [
        ("kpu", 3, int(NOW)),
        ("rsud", 3, int(NOW)),
    ]
    with pytest.raises(SerambiError) as refused:
        read_cosigned(signed(town, text, ("kpu",)), "kpu/pasar/keeper", keys, town.roster)
    assert refused.value.kind is Kind.BAD_INPUT
    with pytest.raises(SerambiError) as refused:
        read_cosigned(signed(town, text, ("kpu",)), ORIGIN, [KEY.public], town.roster)
    assert refused.value.kind is Kind.UNAUTHENTICATED
    # A stranger's cosignature is passed over, a false one under a party's name is not.
    stranger = cosign(text, "kpu/witness", KEY, int(NOW))
    note = parse_note(signed(town, text, ("rsud",)))
    raw = Note(text, (*note.signatures, stranger)).emit()
    assert [word.party for word in read_cosigned(raw, ORIGIN, keys, town.roster)] == ["rsud"]


@given(st.lists(st.integers(1, 2**40), min_size=0, max_size=5, unique=True))
def test_notes_in_one_file_come_back(sizes: list[int]) -> None:
    notes = [sign_checkpoint(Checkpoint(ORIGIN, size, b"r" * 32), KEY) for size in sizes]
    assert split_notes(emit_notes(notes)) == [note.emit() for note in notes]


def test_half_a_note_in_the_file_is_refused() -> None:
    raw = sign_checkpoint(Checkpoint(ORIGIN, 3, b"r" * 32), KEY).emit()
    with pytest.raises(SerambiError, match="is cut off"):
        split_notes(raw + b"\nkpu\n")


# -- a folder with words of the parties in it ---------------------------------------------


def grown(town: Town, folder: Path, *sizes: int) -> dict[int, str]:
    """A ledger, and the text of its checkpoint at each size."""
    texts = {}
    with LedgerStore.open(folder, ORIGIN, town.gateways[SITE], ManualClock(NOW)) as store:
        for size in sizes:
            store.append([some(number) for number in range(store.size, size)])
            texts[size] = parse_note(store.checkpoint).text
    return texts


def some(number: int) -> Entry:
    return Entry(kind="session_opened", at_ms=int(NOW * 1000), session=str(number))


def line_of(town: Town, folder: Path) -> str:
    report = verify(folder, town.roster)
    assert report.ok, report.why
    return next(line for line in report.lines if "osigned" in line)


def test_verify_says_who_has_cosigned_how_much(town: Town, tmp_path: Path) -> None:
    texts = grown(town, tmp_path, 3, 7)
    assert "Not cosigned by 4 of 5 parties yet: by nobody" in line_of(town, tmp_path)
    first = parse_note(signed(town, texts[3], ("kpu", "rsud", "polres")))
    second = parse_note(signed(town, texts[7], ("dishub",)))
    (tmp_path / "cosigned").write_bytes(emit_notes([first, second]))
    said = line_of(town, tmp_path)
    assert "Cosigned by 4 of 5 parties to entry 3; 4 newer entries are not yet cosigned" in said
    assert "dishub to entry 7" in said
    assert "rsud to entry 3" in said
    (tmp_path / "cosigned").write_bytes(signed(town, texts[7], ("kpu", "rsud", "polres", "dishub")))
    assert "to entry 7; nothing waits for them" in line_of(town, tmp_path)


def test_words_inside_a_later_bundle_are_held_against_its_entries(
    town: Town, tmp_path: Path
) -> None:
    texts = grown(town, tmp_path, 260, 270, 300)
    notes = [parse_note(signed(town, texts[size], ("kpu", "rsud"))) for size in (260, 270)]
    notes.append(parse_note(signed(town, texts[270], ("polres", "dishub"))))
    (tmp_path / "cosigned").write_bytes(emit_notes(notes))
    assert "Cosigned by 4 of 5 parties to entry 270; 30 newer" in line_of(town, tmp_path)


def test_of_several_words_of_one_party_the_newest_counts(town: Town, tmp_path: Path) -> None:
    texts = grown(town, tmp_path, 3, 7)
    newest = parse_note(signed(town, texts[7], ("kpu", "rsud", "polres", "dishub")))
    older = parse_note(signed(town, texts[3], ("kpu", "rsud", "polres", "dishub")))
    for notes in ([newest, older], [older, newest]):
        (tmp_path / "cosigned").write_bytes(emit_notes(notes))
        assert "Cosigned by 4 of 5 parties to entry 7" in line_of(town, tmp_path)


def test_words_newer_than_the_copy_are_said_and_not_judged(town: Town, tmp_path: Path) -> None:
    """`checkpoint` is copied first; the parties may have gone on since."""
    texts = grown(town, tmp_path / "live", 3, 7)
    grown(town, tmp_path / "copy", 3)
    raw = signed(town, texts[7], ("kpu", "rsud", "polres", "dishub"))
    (tmp_path / "copy" / "cosigned").write_bytes(raw)
    assert "to entry 7; nothing waits" in line_of(town, tmp_path / "copy")


def test_a_party_that_saw_another_past_is_named(town: Town, tmp_path: Path) -> None:
    grown(town, tmp_path, 7)
    other = Edge()
    other.extend([str(number).encode() for number in range(5)])
    text = Checkpoint(ORIGIN, 5, other.root()).text()
    (tmp_path / "cosigned").write_bytes(signed(town, text, ("rsud",)))
    report = verify(tmp_path, town.roster)
    assert not report.ok
    assert "rsud cosigned another past: 5 entries" in report.why
    assert other.root().hex()[:16] in report.why


def test_a_forged_word_in_the_folder_is_refused(town: Town, tmp_path: Path) -> None:
    texts = grown(town, tmp_path, 3)
    good = signed(town, texts[3], ("rsud",))
    note = parse_note(good)
    forged = type(note.signatures[1])(
        "rsud/witness", note.signatures[1].key_hash, note.signatures[1].signature[:-1] + b"x"
    )
    raws = {
        "cosignature of rsud/witness is not valid": Note(
            note.text, (note.signatures[0], forged)
        ).emit(),
        "not signed by a key of": Note(note.text, (note.signatures[1],)).emit(),
        "not of": good.replace(b"kpu/", b"kpo/"),
        "is cut off": good + b"\nmore\n",
    }
    for why, raw in raws.items():
        (tmp_path / "cosigned").write_bytes(raw)
        report = verify(tmp_path, town.roster)
        assert not report.ok
        assert why in report.why


def test_a_roster_without_witnesses_is_said(tmp_path: Path) -> None:
    town = make_roster(PARTIES)
    grown(town, tmp_path, 3)
    report = verify(tmp_path, town.roster)
    assert report.ok
    assert any("names no witness" in line for line in report.lines)
