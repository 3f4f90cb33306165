"""A witness cosigns what continues its copy, and nothing else: forks, rollbacks, changed entries,
withheld revocations."""

import itertools
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from serambi.agreement.model import read_agreement
from serambi.base.clock import ManualClock
from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import REVOCATIONS_PER_PARTY, WITNESS_AGAIN_S, WITNESS_PATIENCE_S
from serambi.identity.keys import SigningKey
from serambi.ledger.audit import TOLERANCE_MS
from serambi.ledger.checkpoint import parse_checkpoint
from serambi.ledger.entry import Entry, encode_entry
from serambi.ledger.note import Note
from serambi.ledger.quorum import read_cosigned
from serambi.ledger.store import LedgerStore
from serambi.ledger.tiles import TILE_WIDTH, Tile
from serambi.ledger.verify import verify
from serambi.party import revocations as revocations_module
from serambi.party.carrier import AWAY, TAKEN
from serambi.party.witness import Witness
from tests.builders import NOW, SITE, Town, make_agreement, make_attestation, make_revocation
from tests.builders import make_roster as make_town

PARTIES = ("kpu", "bawaslu", "polres", "dishub", "rsud")
KEEPER = f"kpu/{SITE}/keeper"
CENTER = "polres/center"


class Stage:
    """Ledgers with their keys, and the carrier that shows them; tests make it lie."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.town: Town = make_town(PARTIES, witnessed=True)
        self.clock = ManualClock(NOW)
        self.logs: dict[str, LedgerStore] = {}
        self.handed: list[bytes] = []
        self.answers: dict[str, str] = {}
        self.passed: list[bytes] = []
        self.shown: dict[str, str] = {}
        self.change: Callable[[list[bytes]], list[bytes]] = lambda leaves: leaves
        self.attestation = make_attestation(self.town)
        self._stores: list[LedgerStore] = []

    def log(self, name: str, origin: str = KEEPER) -> LedgerStore:
        key = self.town.center if origin == CENTER else self.town.gateways[SITE]
        store = LedgerStore.open(self.folder / name, origin, key, self.clock)
        self._stores.append(store)
        self.logs[origin] = store
        return store

    def witness(self, party: str = "kpu") -> Witness:
        folder = self.folder / f"party-{party}"
        folder.mkdir(exist_ok=True)
        key = self.town.witnesses[party]
        return Witness(folder, party, key, self.town.roster, self, self.clock)

    def close(self) -> None:
        for store in self._stores:
            store.close()

    # -- the carrier -----------------------------------------------------------------------

    def checkpoints(self) -> dict[str, str]:
        honest = {origin: store.signed.decode() for origin, store in self.logs.items()}
        return {**honest, **self.shown}

    def leaves(self, origin: str, tile: Tile) -> list[bytes]:
        start = tile.index * TILE_WIDTH
        store = self.logs[origin]
        if start + tile.width > store.size:
            raise SerambiError(Kind.UNAVAILABLE, "not here yet")
        found = [encode_entry(e) for e in store.entries(start, start + tile.width)]
        return self.change(found)

    def hand_back(self, notes: Sequence[Note]) -> dict[str, str]:
        self.handed += (note.emit() for note in notes)
        origins = (parse_checkpoint(note.emit())[0].origin for note in notes)
        return {origin: self.answers.get(origin, TAKEN) for origin in origins}

    def asked(self) -> list[bytes]:
        return []

    def pass_on(self, document: bytes) -> None:
        self.passed.append(document)

    def sizes(self, origin: str = KEEPER) -> list[int]:
        """What has been cosigned of a ledger, in order; every cosignature verifies."""
        keys = [self.town.gateways[SITE].public, self.town.center.public]
        found = []
        for raw in self.handed:
            if parse_checkpoint(raw)[0].origin != origin:
                continue
            words = read_cosigned(raw, origin, keys, self.town.roster)
            assert len(words) == 1
            found.append(words[0].checkpoint.size)
        return found


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path)
    yield stage
    stage.close()


def some(count: int, word: str = "a") -> list[Entry]:
    return [Entry(kind="started", at_ms=int(NOW * 1000), detail=f"{word}{n}") for n in range(count)]


def said(witness: Witness) -> list[str]:
    return [text for _, text in witness.alarms.all()]


@pytest.mark.parametrize("sizes", [(1, 2, 3), (200, 256, 257), (255, 700), (1000,)])
def test_what_continues_the_copy_is_cosigned(stage: Stage, sizes: tuple[int, ...]) -> None:
    store = stage.log("ledger")
    witness = stage.witness()
    for size in sizes:
        store.append(some(size - store.size, str(size)))
        witness.step()
    assert stage.sizes() == list(sizes)
    assert said(witness) == []
    report = verify(stage.folder / "party-kpu/mirrors" / KEEPER, stage.town.roster)
    assert report.ok, report.why
    assert f"{sizes[-1]} entries of {KEEPER}" in report.why
    assert any(f"kpu to entry {sizes[-1]}" in line for line in report.lines)


def test_what_has_not_changed_is_cosigned_anew_now_and_then(stage: Stage) -> None:
    stage.log("ledger").append(some(3))
    witness = stage.witness()
    for _ in range(10):
        witness.step()
        stage.clock.advance(WITNESS_AGAIN_S / 4)
    assert stage.sizes() == [3, 3, 3]


@pytest.mark.parametrize("size", [4, 5, 9])
def test_a_fork_is_refused_and_both_states_are_named(stage: Stage, size: int) -> None:
    store = stage.log("ledger")
    store.append(some(5))
    witness = stage.witness()
    witness.step()
    other = stage.log("other")
    other.append(some(size, "b"))
    for _ in range(3):
        stage.clock.advance(100)
        witness.step()
    assert stage.sizes() == [5]
    (alarm,) = said(witness)
    assert store.root_at(min(size, 5)).hex() in alarm
    assert other.root_at(size).hex() in alarm
    assert (stage.folder / "party-kpu/alarms").read_text().count("\n") == 1


def test_an_old_copy_put_back_is_not_cosigned_and_said_after_a_while(stage: Stage) -> None:
    store = stage.log("ledger")
    store.append(some(3))
    old = store.signed.decode()
    store.append(some(2, "b"))
    witness = stage.witness()
    witness.step()
    stage.shown[KEEPER] = old
    witness.step()
    assert said(witness) == [], "a center that has just started shows old states for a moment"
    stage.clock.advance(WITNESS_PATIENCE_S)
    witness.step()
    assert stage.sizes() == [5]
    (alarm,) = said(witness)
    assert "shows only 3 entries" in alarm
    assert "after 5 were seen" in alarm


def test_a_restart_forgets_nothing(stage: Stage) -> None:
    stage.log("ledger").append(some(300))
    stage.witness().step()
    stage.log("other").append(some(301, "b"))
    witness = stage.witness()
    witness.step()
    assert stage.sizes() == [300]
    assert "does not lead from the 300 entries" in said(witness)[0]


def test_what_was_changed_on_the_way_is_not_taken(stage: Stage) -> None:
    store = stage.log("ledger")
    store.append(some(3))
    witness = stage.witness()
    witness.step()
    store.append(some(3, "b"))
    stage.change = lambda leaves: [*leaves[:-1], leaves[-1].replace(b"b2", b"b3")]
    witness.step()
    assert stage.sizes() == [3]
    assert store.root_at(3).hex() in said(witness)[0]
    assert store.root_at(6).hex() in said(witness)[0]
    stage.change = lambda leaves: leaves
    witness.step()
    assert stage.sizes() == [3, 6]


def test_two_pasts_shown_to_two_parties_are_found_out(stage: Stage) -> None:
    """Each party alone sees a sound ledger; the first that compares sees both."""
    one, other = stage.witness("kpu"), stage.witness("rsud")
    first = stage.log("ledger")
    first.append(some(4))
    one.step()
    second = stage.log("fork")
    second.append(some(6, "b"))
    other.step()
    assert said(one) == said(other) == []
    other.compare(one.notes())
    (alarm,) = said(other)
    assert first.root_at(4).hex() in alarm
    assert second.root_at(4).hex() in alarm
    one.compare(other.notes())
    assert said(one) == [], "it has not got so far: kept until it has"
    stage.logs[KEEPER] = first
    first.append(some(3, "c"))
    one.step()
    (alarm,) = said(one)
    assert "has signed two pasts: 6 entries" in alarm


def test_more_than_two_hundred_changes_are_never_cosigned(stage: Stage) -> None:
    store = stage.log("ledger")
    store.append(some(3))
    witness = stage.witness()
    witness.step()
    store.append(some(2, "b"))
    honest = store.signed
    chance = random.Random(5)
    tried = 0
    for at, bit in itertools.product(range(len(honest)), (0, 3)):
        changed = bytearray(honest)
        changed[at] ^= 1 << bit
        stage.shown[KEEPER] = changed.decode("utf-8", "replace")
        witness.step()
        tried += 1
    stage.shown.clear()
    for _ in range(100):
        place, at = chance.randrange(5), chance.randrange(60)

        def change(leaves: list[bytes], place: int = place, at: int = at) -> list[bytes]:
            leaf = bytearray(leaves[place])
            leaf[at] ^= 1
            return [*leaves[:place], bytes(leaf), *leaves[place + 1 :]]

        if place >= 3:  # the first three are in the copy, and are not taken again
            stage.change = change
            witness.step()
            tried += 1
    assert tried > 200
    assert stage.sizes() == [3]
    stage.change = lambda leaves: leaves
    witness.step()
    assert stage.sizes() == [3, 5]


@pytest.mark.parametrize("origin", ["kpu/elsewhere/keeper", "nobody/center", "kpu", "../x/center"])
def test_a_ledger_that_the_roster_does_not_know_is_not_cosigned(stage: Stage, origin: str) -> None:
    store = stage.log("ledger")
    store.append(some(1))
    stage.shown = {origin: store.signed.decode().replace(KEEPER, origin)}
    witness = stage.witness()
    witness.step()
    assert stage.sizes() == [1]
    assert sorted(path.name for path in (witness._folder).iterdir()) == ["kpu"]


def test_a_ledger_signed_by_another_key_is_not_cosigned(stage: Stage) -> None:
    honest = stage.town.gateways[SITE]
    stage.town.gateways[SITE] = SigningKey.generate()
    stage.log("ledger").append(some(3))
    stage.town.gateways[SITE] = honest
    witness = stage.witness()
    witness.step()
    assert stage.handed == []
    assert "not signed by a key that the roster has" in said(witness)[0]


def test_only_the_key_that_the_roster_has_may_witness(stage: Stage) -> None:
    for key in (SigningKey.generate(), stage.town.keys["kpu"], stage.town.witnesses["rsud"]):
        with pytest.raises(SerambiError) as refused:
            Witness(stage.folder, "kpu", key, stage.town.roster, stage, stage.clock)
        assert refused.value.kind is Kind.DENIED


def test_a_word_that_does_not_arrive_is_said_again_and_a_refused_one_is_an_alarm(
    stage: Stage,
) -> None:
    stage.log("ledger").append(some(3))
    witness = stage.witness()
    stage.answers[KEEPER] = AWAY
    witness.step()
    witness.step()
    assert stage.sizes() == [3, 3]
    assert said(witness) == []
    stage.answers[KEEPER] = "another past"
    witness.step()
    assert said(witness) == [f"{KEEPER} does not take this party's word: another past"]


# -- revocations ---------------------------------------------------------------------------


def agreed(stage: Stage, number: str = "2026-03") -> str:
    """An agreement that the ledger says has come into force; -> its digest."""
    return read_agreement(agreement(stage, number), stage.town.roster).digest


def agreement(stage: Stage, number: str = "2026-03") -> bytes:
    return make_agreement(stage.town, attestations=[stage.attestation], number=number)


def revocation(stage: Stage, party: str = "bawaslu", number: str = "2026-03") -> bytes:
    signed = read_agreement(agreement(stage, number), stage.town.roster)
    return make_revocation(stage.town, signed, party)


def noted(kind: str, digest: str) -> Entry:
    return Entry(kind=kind, at_ms=int(NOW * 1000), agreement="2026-03", detail=digest)  # type: ignore[arg-type]


def test_a_ledger_that_lacks_a_known_revocation_is_not_cosigned(stage: Stage) -> None:
    store = stage.log("ledger")
    center = stage.log("center", CENTER)
    store.append([noted("agreement_accepted", agreed(stage))])
    center.append(some(1))
    witness = stage.witness()
    witness.step()
    raw = revocation(stage)
    assert witness.add_revocation(raw)
    assert not witness.add_revocation(raw)
    for again in (witness, stage.witness()):  # a restart does not forget it
        stage.clock.advance(100)
        again.step()
        assert stage.passed[-1] == raw, "it is passed on for as long as it is lacking"
    assert stage.sizes() == [1]
    assert len(stage.sizes(CENTER)) == 3, "other ledgers do not suffer"
    passed = len(stage.passed)
    store.append([noted("agreement_revoked", agreed(stage))])
    witness.step()
    assert stage.sizes() == [1, 2]
    assert len(stage.passed) == passed


def test_a_revocation_of_what_never_came_into_force_holds_nothing_up(stage: Stage) -> None:
    stage.log("ledger").append([noted("agreement_accepted", agreed(stage))])
    witness = stage.witness()
    witness.add_revocation(revocation(stage, number="2026-09"))
    witness.step()
    assert stage.sizes() == [1]


def test_revocations_that_nobody_of_the_roster_signed_count_for_nothing(stage: Stage) -> None:
    witness = stage.witness()
    stage.town.keys["bawaslu"] = stage.town.witnesses["bawaslu"]
    for raw in (revocation(stage), b"{}", b"", b"x" * 2_000_000, agreement(stage)):
        with pytest.raises(SerambiError):
            witness.add_revocation(raw)
    assert witness.revocations.all() == {}


def test_revocations_are_bounded_by_party(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(revocations_module, "REVOCATIONS_PER_PARTY", 2)
    assert REVOCATIONS_PER_PARTY >= 2
    witness = stage.witness()
    for number in ("2026-01", "2026-02"):
        witness.add_revocation(revocation(stage, number=number))
    with pytest.raises(SerambiError) as refused:
        witness.add_revocation(revocation(stage))
    assert refused.value.kind is Kind.LIMIT
    assert witness.add_revocation(revocation(stage, party="rsud"))


def test_a_full_disk_does_not_hold_a_revocation_up(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    store = stage.log("ledger")
    store.append([noted("agreement_accepted", agreed(stage))])
    witness = stage.witness()
    raw = revocation(stage)
    with monkeypatch.context() as full:
        full.setattr(revocations_module, "write_atomically", refuse)
        with pytest.raises(SerambiError, match="holds, but cannot be kept"):
            witness.add_revocation(raw)
        witness.step()
    assert stage.sizes() == []
    assert not witness.add_revocation(raw)
    assert stage.witness().revocations.all() == witness.revocations.all() != {}


def test_a_center_that_keeps_a_party_waiting_keeps_no_revocation_from_the_others(
    stage: Stage,
) -> None:
    """Nothing that goes from party to party waits for what is asked of the center."""
    stage.log("ledger").append(some(3))
    witness = stage.witness()
    asked, answered = threading.Event(), threading.Event()

    def stall(leaves: list[bytes]) -> list[bytes]:
        asked.set()
        assert answered.wait(60)
        return leaves

    stage.change = stall
    looking = threading.Thread(target=witness.step)
    looking.start()
    try:
        assert asked.wait(60)
        assert witness.add_revocation(revocation(stage))
        assert len(witness.revocations.all()) == 1
        assert witness.notes() == b""
    finally:
        answered.set()
        looking.join()
    assert stage.sizes() == [3]


def test_a_spoiled_revocation_on_the_disk_refuses_to_start(stage: Stage) -> None:
    stage.witness().add_revocation(revocation(stage))
    (path,) = (stage.folder / "party-kpu/revocations").iterdir()
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(SerambiError, match="kept revocation cannot be read"):
        stage.witness()


# -- two ledgers of the same views ---------------------------------------------------------


def view(session: str, at_ms: int) -> Entry:
    return Entry(kind="session_opened", at_ms=at_ms, site=SITE, session=session, camera="cam-1")


def test_a_view_that_the_center_omits_raises_an_alarm_within_one_checkpoint(stage: Stage) -> None:
    keeper, center = stage.log("ledger"), stage.log("center", CENTER)
    at_ms = int(NOW * 1000)
    keeper.append([view("a", at_ms), view("b", at_ms)])
    center.append([view("a", at_ms)])
    witness = stage.witness()
    witness.step()
    assert said(witness) == [], "the center's entry may still be on its way"
    center.append([view("c", at_ms + TOLERANCE_MS)])
    keeper.append([view("c", at_ms + TOLERANCE_MS)])
    witness.step()
    (alarm,) = said(witness)
    assert f"view b of {SITE} was opened at the site, and the center's log omits it" in alarm
    assert stage.sizes() == [2, 3], "what it vouches for is that nothing was changed"


def test_a_view_that_a_silent_site_omits_raises_an_alarm_after_a_minute(stage: Stage) -> None:
    keeper, center = stage.log("ledger"), stage.log("center", CENTER)
    keeper.append(some(1))
    center.append([view("a", int(NOW * 1000))])
    witness = stage.witness()
    witness.step()
    assert said(witness) == []
    stage.clock.advance(WITNESS_PATIENCE_S + TOLERANCE_MS / 1000)
    witness.step()
    assert "the site's log omits it" in said(witness)[0]


def test_what_was_judged_before_a_restart_is_not_judged_again(stage: Stage) -> None:
    keeper, center = stage.log("ledger"), stage.log("center", CENTER)
    keeper.append([view("old", int(NOW * 1000))])
    center.append(some(1))
    stage.clock.advance(2 * 86_400)
    keeper.append([view("new", int(stage.clock.now() * 1000))])
    stage.clock.advance(WITNESS_PATIENCE_S + TOLERANCE_MS / 1000)
    witness = stage.witness()
    witness.step()
    (alarm,) = said(witness)
    assert "view new" in alarm
