"""Which cameras are suspended for what they show, and for how long."""

from pathlib import Path

import pytest

from serambi.base.clock import ManualClock
from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import ANALYST_STALE_S
from serambi.keeper.analysis.sights import Sights
from tests.builders import NOW

CAM = "cam-1"
OLD, NEW = "aa" * 32, "bb" * 32


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def sights(tmp_path: Path, clock: ManualClock) -> Sights:
    return Sights(tmp_path, [CAM], clock)


def test_what_nobody_has_looked_at_is_not_shared(sights: Sights, clock: ManualClock) -> None:
    assert sights.sight(CAM) == "unseen"
    assert sights.suspended([CAM]) == {CAM: NOW}
    assert sights.seen(CAM, "match", b"", OLD)
    assert sights.suspended([CAM]) == {}
    clock.advance(1)
    sights.connected(CAM)
    assert sights.suspended([CAM]) == {CAM: NOW + 1}


def test_a_camera_that_sends_nothing_shows_nothing(sights: Sights) -> None:
    assert sights.suspended([]) == {}


def test_one_that_is_not_checked_is_nobodys_business(sights: Sights) -> None:
    assert sights.sight("cam-9") is None
    assert not sights.seen("cam-9", "changed", b"", OLD)
    sights.connected("cam-9")
    assert sights.picture("cam-9") == b""
    assert "cam-9" not in sights.suspended(["cam-9"])
    assert list(sights.checked) == [CAM]


def test_what_cannot_be_told_ends_with_a_match(sights: Sights, clock: ManualClock) -> None:
    sights.seen(CAM, "match", b"", OLD)
    clock.advance(5)
    assert sights.seen(CAM, "undecidable", b"jpeg", OLD)
    assert not sights.seen(CAM, "undecidable", b"", OLD)
    assert sights.suspended([CAM]) == {CAM: NOW + 5}
    assert sights.picture(CAM) == b"jpeg"
    assert sights.seen(CAM, "match", b"", OLD)
    assert sights.suspended([CAM]) == {}


def test_an_analysis_that_says_nothing_any_more_is_doubt(
    sights: Sights, clock: ManualClock
) -> None:
    sights.seen(CAM, "match", b"", OLD)
    clock.advance(ANALYST_STALE_S)
    assert sights.suspended([CAM]) == {}
    clock.advance(1)
    assert sights.suspended([CAM]) == {CAM: NOW}
    sights.seen(CAM, "match", b"", OLD)
    assert sights.suspended([CAM]) == {}


def test_a_change_outlives_a_match_and_a_restart(
    sights: Sights, clock: ManualClock, tmp_path: Path
) -> None:
    sights.seen(CAM, "changed", b"jpeg", OLD)
    sights.save()
    clock.advance(60)
    sights.seen(CAM, "match", b"", OLD)
    assert sights.sight(CAM) == "changed"
    again = Sights(tmp_path, [CAM], clock)
    assert again.sight(CAM) == "changed"
    assert again.changed_at(CAM) == NOW
    assert again.suspended([]) == {CAM: NOW}


def test_what_the_ledger_was_told_outlives_a_restart(
    sights: Sights, clock: ManualClock, tmp_path: Path
) -> None:
    """Otherwise a view that cannot be told, and matches after the restart, stays suspended in the
    ledger for ever."""
    assert sights.told(CAM) == "match"
    sights.tell(CAM, "undecidable")
    sights.save()
    again = Sights(tmp_path, [CAM], clock)
    assert again.told(CAM) == "undecidable"
    again.tell(CAM, "match")
    again.save()
    assert Sights(tmp_path, [CAM], clock).told(CAM) == "match"


def test_a_file_of_before_there_was_a_memory_of_that_is_read(
    tmp_path: Path, clock: ManualClock
) -> None:
    (tmp_path / "sights.json").write_bytes(b'{"changed":{},"format":1}')
    assert Sights(tmp_path, [CAM], clock).told(CAM) == "match"


def test_a_confirmation_ends_it_and_the_camera_is_looked_at_first(
    sights: Sights, tmp_path: Path, clock: ManualClock
) -> None:
    sights.seen(CAM, "changed", b"", OLD)
    sights.save()
    sights.confirmed(CAM)
    sights.save()
    assert sights.sight(CAM) == "unseen"
    assert CAM in sights.suspended([CAM])
    assert sights.changed_at(CAM) == 0
    assert Sights(tmp_path, [CAM], clock).sight(CAM) == "unseen"


def test_another_attestation_ends_it_the_same_one_does_not(sights: Sights) -> None:
    sights.seen(CAM, "changed", b"", OLD)
    assert sights.reattested({CAM: OLD}) == []
    assert sights.reattested({}) == []
    assert sights.sight(CAM) == "changed"
    assert sights.reattested({CAM: NEW}) == [CAM]
    assert sights.sight(CAM) == "unseen"


@pytest.mark.parametrize("raw", [b"", b"{}", b'{"changed":{},"format":2}', b"\xff"])
def test_what_cannot_be_read_stops_the_start(
    raw: bytes, tmp_path: Path, clock: ManualClock
) -> None:
    (tmp_path / "sights.json").write_bytes(raw)
    with pytest.raises(SerambiError, match="views have changed is not known") as caught:
        Sights(tmp_path, [CAM], clock)
    assert caught.value.kind is Kind.CORRUPT


def test_a_disk_that_refuses_is_said_and_tried_again(
    sights: Sights, tmp_path: Path, clock: ManualClock
) -> None:
    sights.seen(CAM, "changed", b"", OLD)
    blocked = tmp_path / "sights.json"
    blocked.mkdir()
    with pytest.raises(SerambiError, match="cannot be kept"):
        sights.save()
    assert sights.sight(CAM) == "changed"
    blocked.rmdir()
    sights.save()
    assert Sights(tmp_path, [CAM], clock).sight(CAM) == "changed"
