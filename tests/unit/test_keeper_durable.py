"""What the keeper remembers through a restart."""

from pathlib import Path

import pytest

from serambi.base.errors import Kind, SerambiError
from serambi.keeper.durable import SITE, Durable


def test_stops_survive_a_restart_and_keep_their_first_time(tmp_path: Path) -> None:
    first = Durable(tmp_path)
    first.stop("cam-1", 1000.0)
    first.stop("cam-1", 2000.0)
    first.stop(SITE, 1500.0)
    assert Durable(tmp_path).stops == {"cam-1": 1000.0, SITE: 1500.0}


def test_resuming_one_camera_leaves_the_others(tmp_path: Path) -> None:
    durable = Durable(tmp_path)
    durable.stop("cam-1", 1000.0)
    durable.stop("cam-2", 1000.0)
    durable.resume("cam-1")
    durable.resume("cam-9")
    assert Durable(tmp_path).stops == {"cam-2": 1000.0}


def test_resuming_the_site_lifts_every_stop(tmp_path: Path) -> None:
    durable = Durable(tmp_path)
    durable.stop("cam-1", 1000.0)
    durable.stop(SITE, 1000.0)
    durable.resume(SITE)
    assert Durable(tmp_path).stops == {}


def test_the_high_water_mark_only_rises(tmp_path: Path) -> None:
    durable = Durable(tmp_path)
    durable.saw_clock(1000.0)
    durable.saw_clock(900.0)
    assert Durable(tmp_path).clock_high_water == 1000.0


def test_the_salt_is_made_once_and_kept_private(tmp_path: Path) -> None:
    salt = Durable(tmp_path).salt
    assert len(salt) == 16
    assert Durable(tmp_path).salt == salt
    assert (tmp_path / "durable.json").stat().st_mode & 0o777 == 0o600
    (tmp_path / "other").mkdir()
    assert Durable(tmp_path / "other").salt != salt


def test_a_memory_that_cannot_be_read_refuses_to_start(tmp_path: Path) -> None:
    Durable(tmp_path).stop("cam-1", 1000.0)
    path = tmp_path / "durable.json"
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(SerambiError, match="what the owner has stopped is not known") as caught:
        Durable(tmp_path)
    assert caught.value.kind == Kind.CORRUPT
    assert caught.value.where == str(path)
    assert "backup" in caught.value.hint
