"""How far the parties' words reach: old checkpoints, false dates and lost words open nothing."""

import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from serambi.base.clock import ManualClock
from serambi.base.errors import Kind, SerambiError
from serambi.ledger.checkpoint import Checkpoint, sign_checkpoint
from serambi.ledger.cosignature import cosign
from serambi.ledger.entry import Entry
from serambi.ledger.note import Note, parse_note
from serambi.ledger.quorum import witness_name
from serambi.ledger.store import LedgerStore
from serambi.ledger.verify import verify
from serambi.ledger.vouched import Vouched
from tests.builders import NOW, SITE, Town, make_roster

PARTIES = ("kpu", "bawaslu", "polres", "dishub", "rsud")
FOUR = PARTIES[:4]
ORIGIN = f"kpu/{SITE}/keeper"


class Box:
    """A keeper's ledger with what the parties say of it."""

    def __init__(self, folder: Path, town: Town) -> None:
        self.folder = folder
        self.town = town
        self.clock = ManualClock(NOW)
        key = town.gateways[SITE]
        self.store = LedgerStore.open(folder, ORIGIN, key, self.clock)
        self.append()
        self.vouched = self.opened()

    def opened(self) -> Vouched:
        key = self.town.gateways[SITE].public
        return Vouched(
            self.folder, ORIGIN, key, lambda: self.town.roster, self.store, self.clock.now()
        )

    def append(self) -> None:
        self.store.append([Entry(kind="started", at_ms=self.store.stamp())])

    def said(self, *parties: str, at: float | None = None, checkpoint: bytes = b"") -> bytes:
        note = parse_note(checkpoint or self.store.signed)
        at_s = int(self.clock.now() if at is None else at)
        keys = self.town.witnesses
        lines = tuple(cosign(note.text, witness_name(p), keys[p], at_s) for p in parties)
        return Note(note.text, (*note.signatures, *lines)).emit()

    def hear(self, *parties: str, at: float | None = None, checkpoint: bytes = b"") -> float:
        raw = self.said(*parties, at=at, checkpoint=checkpoint)
        self.vouched.accept(raw, self.clock.now())
        return self.vouched.seen_at


@pytest.fixture(scope="module")
def town() -> Town:
    return make_roster(PARTIES, witnessed=True)


@pytest.fixture
def box(tmp_path: Path, town: Town) -> Iterator[Box]:
    box = Box(tmp_path / "ledger", town)
    yield box
    box.store.close()


def test_four_of_five_carry_it_forward_and_three_do_not(box: Box) -> None:
    assert box.vouched.seen_at == NOW, "a young ledger counts from its birth"
    assert box.vouched.size == 0
    box.clock.advance(500)
    for party in FOUR[:3]:
        assert box.hear(party) == NOW
    assert box.hear("dishub") == NOW + 500
    box.clock.advance(500)
    assert box.hear("kpu", "bawaslu", "polres") == NOW + 500
    assert box.hear("rsud") == NOW + 1000


def test_one_party_counts_once_with_the_newest_it_said(box: Box) -> None:
    box.clock.advance(100)
    for at in range(4):
        assert box.hear("kpu", at=NOW + 90 + at) == NOW
    box.hear("bawaslu", "polres", "dishub", at=NOW + 80)
    assert box.vouched.seen_at == NOW + 80
    assert box.hear("kpu", at=NOW + 10) == NOW + 80, "an old word said again moves nothing back"


def test_an_entry_that_they_have_not_seen_stops_it(box: Box) -> None:
    """Somebody shows the witnesses an old state again and again: they say it anew each time."""
    old = box.store.signed
    box.clock.advance(100)
    box.append()
    box.clock.advance(500)
    assert box.hear(*FOUR, checkpoint=old) == NOW + 100
    box.clock.advance(500)
    assert box.hear(*FOUR, checkpoint=old) == NOW + 100
    assert box.hear(*FOUR) == NOW + 1100


def test_an_entry_after_their_word_counts_when_it_is_looked_at(box: Box) -> None:
    box.clock.advance(100)
    assert box.hear(*FOUR, at=NOW + 100) == NOW + 100
    box.append()
    box.vouched.look()
    assert box.vouched.seen_at == NOW + 100


def test_a_date_in_the_future_is_worth_the_present(box: Box) -> None:
    box.clock.advance(100)
    raw = box.said(*FOUR, at=NOW + 10_000)
    box.vouched.accept(raw, box.clock.now())
    assert box.vouched.seen_at == NOW + 100
    box.clock.advance(800)
    box.vouched.accept(raw, box.clock.now())
    assert box.vouched.seen_at == NOW + 100, "the same word is not heard twice"


def test_words_are_kept_through_a_restart(box: Box) -> None:
    box.clock.advance(100)
    box.hear("kpu", "bawaslu")
    box.append()
    box.hear("polres", "dishub")
    box.vouched.save()
    before = (box.folder / "cosigned").stat().st_mtime_ns
    box.vouched.save()
    assert (box.folder / "cosigned").stat().st_mtime_ns == before, "nothing new, nothing written"
    box.clock.advance(10_000)
    again = box.opened()
    kept, said = (
        [(word.party, word.checkpoint, word.at_s) for word in vouched.words()]
        for vouched in (again, box.vouched)
    )
    assert kept == said
    assert len(kept) == 4
    assert again.seen_at == NOW + 100
    box.store.publish()
    (line,) = (x for x in verify(box.folder, box.town.roster).lines if "to entry 1; 1 newer" in x)
    words = line.rstrip(".").partition("cosigned: ")[2].split(", ")
    assert [word.partition(" to entry ")[0] for word in words] == sorted(FOUR)


@pytest.mark.parametrize("raw", [b"x\n\ny\n", b"\xff" * 10, b"a\n\nb\n\nc\n"])
def test_spoiled_words_on_the_disk_are_as_none(box: Box, raw: bytes) -> None:
    box.hear(*FOUR)
    box.vouched.save()
    (box.folder / "cosigned").write_bytes(raw)
    box.clock.advance(10_000)
    assert box.opened().seen_at == NOW


def test_another_past_is_refused_and_said(box: Box) -> None:
    key = box.town.gateways[SITE]
    forged = sign_checkpoint(Checkpoint(ORIGIN, 1, b"f" * 32), key).emit()
    longer = sign_checkpoint(Checkpoint(ORIGIN, 9, b"f" * 32), key).emit()
    for raw in (forged, longer):
        with pytest.raises(SerambiError) as refused:
            box.hear("rsud", checkpoint=raw)
        assert refused.value.kind is Kind.CONFLICT
        assert "rsud has seen another past" in box.vouched.alarm
    assert box.vouched.words() == []


def test_what_nobody_of_the_roster_said_is_refused(box: Box) -> None:
    with pytest.raises(SerambiError) as refused:
        box.vouched.accept(box.store.signed, NOW)
    assert refused.value.kind is Kind.UNAUTHENTICATED
    other = make_roster(PARTIES, witnessed=True)
    forged = Box(box.folder.parent / "other", other)
    with pytest.raises(SerambiError):
        box.vouched.accept(forged.said(*FOUR), NOW)
    forged.store.close()


def test_without_witnesses_in_the_roster_there_is_no_heartbeat(tmp_path: Path) -> None:
    box = Box(tmp_path, make_roster(PARTIES))
    assert (box.vouched.seen_at, box.vouched.size) == (math.inf, 0)
    box.store.close()


def test_a_ledger_without_entries_has_been_seen_by_nobody(tmp_path: Path, town: Town) -> None:
    key = town.gateways[SITE]
    with LedgerStore.open(tmp_path, ORIGIN, key, ManualClock(NOW)) as store:
        empty = Vouched(tmp_path, ORIGIN, key.public, lambda: town.roster, store, NOW)
        assert (empty.seen_at, empty.size) == (-math.inf, 0)


@pytest.mark.parametrize("size", [1, 255, 256, 257, 300])
def test_the_root_at_every_size_is_the_one_that_was_signed(tmp_path: Path, size: int) -> None:
    town = make_roster(PARTIES)
    key = town.gateways[SITE]
    with LedgerStore.open(tmp_path, ORIGIN, key, ManualClock(NOW)) as store:
        roots = {}
        for at in range(size):
            store.append([Entry(kind="started", at_ms=int(NOW * 1000), session=str(at))])
            roots[at + 1] = Checkpoint(ORIGIN, at + 1, store.root_at(at + 1)).text()
            assert parse_note(store.signed).text == roots[at + 1]
            if at == size // 2:
                store.publish()
        for count, text in roots.items():
            assert Checkpoint(ORIGIN, count, store.root_at(count)).text() == text
        with pytest.raises(SerambiError):
            store.root_at(size + 1)
