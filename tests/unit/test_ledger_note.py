"""Signed notes and checkpoints: strict, one spelling, nothing but SerambiError."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serambi.base.errors import Kind, SerambiError
from serambi.identity.keys import SigningKey
from serambi.ledger.checkpoint import (
    Checkpoint,
    Signer,
    parse_checkpoint,
    parse_checkpoint_text,
    sign_checkpoint,
)
from serambi.ledger.cosignature import Cosigner
from serambi.ledger.note import (
    NOTE_MAX_BYTES,
    SIGNATURES_MAX,
    Note,
    NoteSignature,
    Verifier,
    check_name,
    parse_note,
    parse_verifier,
    sign_note,
)
from serambi.ledger.tree import EMPTY_ROOT, leaf_hash

KEY = SigningKey.generate()
NAME = "dishub/simpang-lima/keeper"
ME = Verifier(NAME, KEY.public)
GOOD = sign_note("one\n\ntwo\n", NAME, KEY).emit()
ROOT = leaf_hash(b"root")
SIGNED = sign_checkpoint(Checkpoint(NAME, 7, ROOT), KEY).emit()

ANY_TEXT = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n"), min_size=1
)
PIECES = st.sampled_from(
    [b"\n", b"\n\n", "— ".encode(), b" ", b"a", b"+", NAME.encode(), b"AAAAAAAA", b"7", b"\x00",
     b"\xff", base64.b64encode(ROOT), base64.b64encode(bytes(68)), b"=", "\u2028".encode()]
)  # fmt: skip
NONSENSE = st.one_of(st.binary(max_size=300), st.lists(PIECES, max_size=14).map(b"".join))


@given(ANY_TEXT)
def test_what_is_signed_reads_back(text: str) -> None:
    if not text.strip("\n"):
        return
    note = sign_note(text + "\n", NAME, KEY)
    assert parse_note(note.emit()) == note
    assert note.signed_by([ME]) == (ME,)


@given(NONSENSE)
def test_what_is_read_writes_back(raw: bytes) -> None:
    try:
        note = parse_note(raw)
    except SerambiError:
        return
    assert note.emit() == raw


@given(NONSENSE, st.booleans())
def test_what_is_read_as_a_checkpoint_writes_back(raw: bytes, extensions: bool) -> None:
    for candidate in (raw, NAME.encode() + b"\n7\n" + base64.b64encode(ROOT) + b"\n" + raw):
        try:
            checkpoint, note = parse_checkpoint(candidate, extensions=extensions)
        except SerambiError:
            continue
        assert checkpoint.text() == note.text
        assert note.emit() == candidate


@given(st.integers(0, len(SIGNED) - 1), st.integers(0, 7))
def test_no_flipped_bit_stays_signed(at: int, bit: int) -> None:
    raw = bytearray(SIGNED)
    raw[at] ^= 1 << bit
    try:
        signers = parse_note(bytes(raw)).signed_by([ME])
    except SerambiError:
        return
    assert signers == ()


@given(st.one_of(st.text(max_size=80), st.just(ME.text())), st.integers(0, 90), st.text(max_size=2))
def test_verifier_keys_have_one_spelling(text: str, at: int, piece: str) -> None:
    for candidate in (text, text[:at] + piece + text[at:]):
        try:
            verifier = parse_verifier(candidate)
        except SerambiError:
            continue
        assert verifier.text() == candidate


def test_a_verifier_key_reads_back() -> None:
    assert parse_verifier(ME.text()) == ME
    with pytest.raises(SerambiError, match="not an Ed25519 key"):
        parse_verifier("name+00000000+" + base64.b64encode(b"\x02" + bytes(32)).decode())
    with pytest.raises(SerambiError, match="its own hash"):
        parse_verifier(ME.text().replace("+" + ME.key_hash.hex(), "+00000000"))


LINE = GOOD.decode().rpartition("\n\n")[2]


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "no empty line"),
        (b"\xff", "not UTF-8"),
        (b"x" * 70_000, "more than the 65536"),
        (b"text\n\n", "last line has no end"),
        (b"text\n\n\n", "last line has no end"),
        (b"\n\n" + LINE.encode(), "text is empty"),
        (b"te\tt\n\n" + LINE.encode(), "control characters"),
        (b"text\n\n" + LINE.encode() * 2, "signed twice"),
        (b"text\n\n" + LINE.encode() * 65, "more than 64 signatures"),
        (b"text\n\n" + LINE.encode()[:-1], "no end"),
        ("text\n\n— a\n".encode(), "too short"),
        ("text\n\n— a AAAAAA==\n".encode(), "too short"),
        ("text\n\n— a AAAAAB==\n".encode(), "one spelling"),
        ("text\n\n— a AAAA AAAA\n".encode(), "not base64"),
        ("text\n\n— a é\n".encode(), "not base64"),
        ("text\n\n— a+b AAAAAAAA\n".encode(), "signer's name"),
        ("text\n\n—  AAAAAAAA\n".encode(), "signer's name"),
        (b"text\n\n- a AAAAAAAA\n", "does not begin with a dash"),
    ],
)
def test_broken_notes(raw: bytes, why: str) -> None:
    with pytest.raises(SerambiError, match=why):
        parse_note(raw)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u00a0b", "a\x01", "\ud800"])
def test_broken_names(name: str) -> None:
    with pytest.raises(SerambiError, match="signer's name"):
        check_name(name)
    for kind in (Verifier, Cosigner):
        with pytest.raises(SerambiError, match="signer's name"):
            kind(name, KEY.public)


def test_the_longest_note_is_read() -> None:
    """And a text that is a letter and its end is a text."""
    short = sign_note("X\n", NAME, KEY)
    assert parse_note(short.emit()) == short
    longest = sign_note("X" * (NOTE_MAX_BYTES - len(short.emit()) + 1) + "\n", NAME, KEY).emit()
    assert len(longest) == NOTE_MAX_BYTES
    assert parse_note(longest).emit() == longest


@pytest.mark.parametrize("text", ["", "\n", "no end", "tab\t\n", "\ud800\n"])
def test_texts_that_cannot_be_signed(text: str) -> None:
    with pytest.raises(SerambiError, match="the note's text"):
        sign_note(text, NAME, KEY)


def test_signatures_of_others_are_passed_over_but_a_wrong_one_spoils() -> None:
    other = SigningKey.generate()
    note = sign_note("text\n", NAME, KEY)
    theirs = sign_note("text\n", "witness", other)
    both = Note("text\n", (*theirs.signatures, *note.signatures))
    assert both.signed_by([ME]) == (ME,)
    assert both.signed_by([Verifier("witness", other.public), ME])[1] == ME
    assert both.signed_by([Verifier(NAME, other.public)]) == ()
    wrong = Note("text\n", (NoteSignature(NAME, ME.key_hash, bytes(64)),))
    with pytest.raises(SerambiError, match=f"signature of {NAME} is not valid"):
        wrong.signed_by([ME])
    short = Note("text\n", (NoteSignature(NAME, ME.key_hash, b"short"),))
    with pytest.raises(SerambiError, match="not valid"):
        short.signed_by([ME])


def test_a_checkpoint_reads_back() -> None:
    checkpoint, note = parse_checkpoint(SIGNED)
    assert checkpoint == Checkpoint(NAME, 7, ROOT)
    assert note.signed_by([ME]) == (ME,)
    largest = Checkpoint(NAME, 2**63 - 1, ROOT)
    assert parse_checkpoint_text(largest.text(), extensions=False) == largest


def test_further_lines_are_kept_or_refused() -> None:
    raw = sign_checkpoint(Checkpoint(NAME, 7, ROOT, ("more", "lines")), KEY).emit()
    with pytest.raises(SerambiError, match="does not know"):
        parse_checkpoint(raw)
    assert parse_checkpoint(raw, extensions=True)[0].extensions == ("more", "lines")


R64 = base64.b64encode(ROOT).decode()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a\n7\n", "three lines"),
        (f"a\n7\n{R64}\n\nb\n", "three lines"),
        (f"a b\n7\n{R64}\n", "signer's name"),
        (f"a\n07\n{R64}\n", "number of entries"),
        (f"a\n-7\n{R64}\n", "number of entries"),
        (f"a\n٧\n{R64}\n", "number of entries"),
        (f"a\n{2**63}\n{R64}\n", "number of entries"),
        (f"a\n{10**30}\n{R64}\n", "number of entries"),
        ("a\n7\n?\n", "not base64"),
        ("a\n7\né\n", "not base64"),
        ("a\n7\nAAAA\n", "not a SHA-256"),
        (f"a\n7\n{R64[:-2]}h=\n", "not a SHA-256"),
        (f"a\n0\n{R64}\n", "no entries but a root"),
    ],
)
def test_broken_checkpoints(text: str, why: str) -> None:
    with pytest.raises(SerambiError, match=why):
        parse_checkpoint_text(text, extensions=True)
    with pytest.raises(SerambiError, match=why):
        parse_checkpoint(sign_note(text, NAME, KEY).emit())


@given(st.integers(1, 2**63 - 1), st.binary(min_size=32, max_size=32))
def test_the_quick_signer_writes_the_same_bytes(size: int, root: bytes) -> None:
    expected = sign_checkpoint(Checkpoint(NAME, size, root), KEY).emit()
    assert Signer(NAME, KEY).sign(size, root) == expected


def test_the_quick_signer_signs_under_no_name_that_a_note_cannot_carry() -> None:
    with pytest.raises(SerambiError, match="cannot be a signer's name"):
        Signer("two words", KEY)


def test_an_impossible_checkpoint_is_not_signed() -> None:
    assert sign_checkpoint(Checkpoint(NAME, 0, EMPTY_ROOT), KEY).text.startswith(NAME)
    for checkpoint in (
        Checkpoint(NAME, -1, ROOT),
        Checkpoint("a b", 1, ROOT),
        Checkpoint(NAME, 1, b""),
        Checkpoint(NAME, 1, ROOT, ("a\n",)),
    ):
        with pytest.raises(SerambiError):
            sign_checkpoint(checkpoint, KEY)


def test_a_note_has_so_many_signatures_and_no_more() -> None:
    keys = [SigningKey.generate() for _ in range(SIGNATURES_MAX + 1)]
    lines = [sign_note("text\n", "somebody", key).signatures[0] for key in keys]
    full = Note("text\n", tuple(lines[:-1]))
    assert parse_note(full.emit()) == full
    with pytest.raises(SerambiError, match="more than 64 signatures") as caught:
        parse_note(Note("text\n", tuple(lines)).emit())
    assert caught.value.kind is Kind.LIMIT
