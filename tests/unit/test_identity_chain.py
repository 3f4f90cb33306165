"""Rosters are kept whole or not at all, never go back, and never fork unseen."""

import itertools
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serambi.base.errors import Kind, SerambiError
from serambi.identity import chain as chain_module
from serambi.identity.chain import Chain, is_roster, load_chain, read_chain
from serambi.identity.keys import SigningKey
from serambi.identity.succession import succeed
from tests.builders import NOW, make_attestation, make_roster
from tests.rosters import Draft, rotated

TOWN = make_roster()
ALL = list(TOWN.keys.values())


def make_three() -> list[bytes]:
    """Two keys of bawaslu's witness come, one after the other."""
    raws, head = [TOWN.raw], TOWN.roster
    for _ in range(2):
        key = SigningKey.generate()
        raws.append(Draft(head).key(key, "bawaslu", "witness").sealed([*ALL, key]))
        head = succeed(head, raws[-1])
    return raws


THREE = make_three()


def opened(folder: Path) -> Chain:
    (folder / "roster.json").write_bytes(TOWN.raw)
    return Chain.open(folder / "rosters", folder / "roster.json", TOWN.roster.digest)


def refused(chain: Chain, raw: bytes, why: str, kind: Kind) -> SerambiError:
    head = chain.head.digest
    with pytest.raises(SerambiError, match=why) as caught:
        chain.accept(raw)
    assert caught.value.kind == kind
    assert chain.head.digest == head
    return caught.value


def test_a_chain_grows_and_outlives_a_restart(tmp_path: Path) -> None:
    chain = opened(tmp_path)
    assert chain.head.digest == TOWN.roster.digest
    assert not chain.accept(TOWN.raw)
    assert [chain.accept(raw) for raw in THREE[1:]] == [True, True]
    assert [chain.accept(raw) for raw in THREE] == [False, False, False]
    again = opened(tmp_path)
    assert again.head.digest == chain.head.digest
    assert [roster.document.sequence for roster in again.rosters] == [1, 2, 3]


def test_a_number_is_not_skipped(tmp_path: Path) -> None:
    chain = opened(tmp_path)
    refused(chain, THREE[2], "roster 2 is the next one", Kind.BAD_INPUT)
    assert chain.accept(THREE[1])


def test_an_older_roster_is_no_way_back(tmp_path: Path) -> None:
    later = Chain(tmp_path / "later", succeed(TOWN.roster, THREE[1]))
    assert later.accept(THREE[2])
    refused(later, TOWN.raw, "an older one", Kind.CONFLICT)
    assert not later.accept(THREE[1])
    assert later.forks == ()
    refused(opened(tmp_path), make_roster().raw, "an older one", Kind.CONFLICT)


def test_a_fork_is_refused_kept_and_told(tmp_path: Path) -> None:
    chain = opened(tmp_path)
    for raw in THREE[1:]:
        chain.accept(raw)
    other = rotated(TOWN)[0]
    error = refused(chain, other, "two rosters 2 are signed", Kind.CONFLICT)
    assert chain.rosters[1].digest in error.hint
    digest = succeed(TOWN.roster, other).digest
    assert opened(tmp_path).forks == (digest,), "after a restart too"
    assert (tmp_path / "rosters" / f"fork-{digest}.json").read_bytes() == other
    assert opened(tmp_path).head.digest == chain.head.digest


def test_nobody_cries_fork_without_all_the_signatures(tmp_path: Path) -> None:
    chain = opened(tmp_path)
    chain.accept(THREE[1])
    refused(chain, Draft(TOWN.roster).sealed(ALL[:2]), "not signed by", Kind.DENIED)
    assert chain.forks == ()


def test_forks_are_kept_up_to_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain_module, "ROSTER_FORKS_KEPT", 2)
    chain = opened(tmp_path)
    chain.accept(THREE[1])
    for _ in range(3):
        refused(chain, rotated(TOWN)[0], "two rosters 2", Kind.CONFLICT)
    assert len(chain.forks) == 2


def test_a_chain_ends_somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain_module, "ROSTERS_MAX", 2)
    chain = opened(tmp_path)
    chain.accept(THREE[1])
    refused(chain, THREE[2], "follow each other already", Kind.LIMIT)


def test_a_full_disk_leaves_the_chain_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    chain = opened(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(chain_module, "write_atomically", refuse)
        refused(chain, THREE[1], "cannot be kept", Kind.UNAVAILABLE)
    assert opened(tmp_path).head.digest == TOWN.roster.digest
    assert chain.accept(THREE[1])


def test_a_kept_roster_that_is_damaged_or_gone_stops_the_start(tmp_path: Path) -> None:
    chain = opened(tmp_path)
    for raw in THREE[1:]:
        chain.accept(raw)
    second, third = sorted((tmp_path / "rosters").glob("*.json"))
    kept = second.read_bytes()

    def stops(why: str) -> None:
        with pytest.raises(SerambiError, match=why) as caught:
            opened(tmp_path)
        assert caught.value.kind == Kind.CORRUPT

    second.write_bytes(kept[:-1])
    stops("the signed envelope cannot be read")
    second.unlink()
    stops("roster 2 is the next one")
    third.rename(second)
    second.write_bytes(kept)
    second.rename(third)
    stops("another number")
    third.unlink()
    third.mkdir()
    stops("Is a directory")


def test_files_beside_it_are_no_rosters(tmp_path: Path) -> None:
    chain = opened(tmp_path)
    (tmp_path / "rosters" / ".0002.json.7.new").write_bytes(b"half of")
    chain.accept(THREE[1])
    assert opened(tmp_path).head.document.sequence == 2


def test_what_is_a_roster() -> None:
    assert is_roster(TOWN.raw)
    assert not is_roster(make_attestation(TOWN))
    assert not is_roster(b"{}")


@settings(max_examples=20, deadline=None)
@given(st.permutations(THREE), st.booleans())
def test_files_of_a_chain_may_come_in_any_order(raws: list[bytes], twice: bool) -> None:
    found = read_chain(raws * 2 if twice else raws)
    assert [roster.document.sequence for roster in found] == [1, 2, 3]


@pytest.mark.parametrize("left_out", [0, 1, 2])
def test_a_chain_with_a_hole_is_none(left_out: int) -> None:
    raws = [raw for number, raw in enumerate(THREE) if number != left_out]
    if left_out == 1:
        with pytest.raises(SerambiError, match="roster 2 is the next one"):
            read_chain(raws)
    else:
        assert len(read_chain(raws)) == 2


def test_a_chain_does_not_fork() -> None:
    for raws in itertools.permutations([*THREE, rotated(TOWN)[0]]):
        with pytest.raises(SerambiError):
            read_chain(raws)
    with pytest.raises(SerambiError, match="there is no roster"):
        read_chain([])


def test_a_chain_is_a_file_or_a_folder(tmp_path: Path) -> None:
    chain = opened(tmp_path)
    chain.accept(THREE[1])
    with pytest.raises(SerambiError):
        chain.accept(rotated(TOWN)[0])
    assert [r.digest for r in load_chain(tmp_path / "rosters")] == [chain.head.digest]
    (tmp_path / "rosters" / "first.json").write_bytes(TOWN.raw)
    assert [r.document.sequence for r in load_chain(tmp_path / "rosters")] == [1, 2]
    assert len(load_chain(tmp_path / "roster.json")) == 1
    with pytest.raises(SerambiError, match="cannot be read"):
        load_chain(tmp_path / "elsewhere.json")


def test_a_change_far_ahead_is_kept_like_any_other(tmp_path: Path) -> None:
    chain = opened(tmp_path)
    assert chain.accept(rotated(TOWN, at=NOW + 30 * 86_400)[0])
    assert chain.head.past.keys[TOWN.keys["kpu"].key_id].until == NOW + 30 * 86_400
