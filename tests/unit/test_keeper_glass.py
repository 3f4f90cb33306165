"""Breaking the glass at the keeper: remembered, written, opened; bounded, and a reason is owed."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from serambi.agreement.decide import Reason
from serambi.agreement.instants import DAYS, Hours
from serambi.base.errors import Kind, SerambiError
from serambi.base.ids import new_id
from serambi.base.limits import (
    BREAK_GLASS_AGAIN_S,
    BREAK_GLASS_JUSTIFY_S,
    BREAK_GLASS_MAX_S,
    GRANT_S,
)
from serambi.keeper import glass as glass_module
from serambi.keeper.glass import Glass
from serambi.keeper.session import Outcome
from tests.builders import NOW
from tests.fakes.keeper_desk import KeeperDesk

WHY = "Orang memanjat pagar gudang, Pak Budi menelepon"
SAID = "Laporan 12: pencuri ditangkap pukul 22.10"
SALT = "5a" * 16
CLOSED = {"incident_needed": True, "break_glass": True}


def opened_desk(folder: Path, conditions: dict[str, bool]) -> KeeperDesk:
    return KeeperDesk(folder, hours=[Hours(DAYS, "22:00", "05:00")], conditions=conditions)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[KeeperDesk]:
    desk = opened_desk(tmp_path, CLOSED)
    yield desk
    desk.close()


async def broken(desk: KeeperDesk, camera: str = "cam-1", **changes: Any) -> Outcome:
    return await desk.ask(camera, **{"act": new_id(), "why": WHY, "salt": SALT, **changes})


async def justified(desk: KeeperDesk, act: str, **changes: Any) -> Outcome:
    said = {"kind": "justify", "session": act, "act": act, "why": SAID, "salt": SALT}
    return await desk.ask(**{**said, **changes})


async def test_it_is_written_before_the_view_and_the_view_before_the_first_byte(
    desk: KeeperDesk,
) -> None:
    assert (await desk.ask()).reason == Reason.OUT_OF_HOURS
    act = new_id()
    outcome = await broken(desk, act=act)
    assert (outcome.allowed, outcome.until) == (True, NOW + GRANT_S)
    assert desk.events[1:] == [
        "durable break_glass",
        "durable session_opened",
        "out cam-1/sub config",
        "out cam-1/sub key",
    ]
    glass, view = desk.ledger[1:]
    assert (glass.session, glass.camera, glass.agreement) == (act, "cam-1", "2026-03")
    assert (glass.unit, glass.party, glass.person) == ("Regu jaga", "polres", view.person)
    assert view.detail == f"break_glass {act}"
    assert view.session == outcome.session


async def test_the_ledger_has_a_commitment_and_the_owner_reads_the_words(desk: KeeperDesk) -> None:
    await broken(desk)
    glass = desk.ledger[0]
    assert glass.detail.startswith("commitment:")
    assert desk.journal.names.who(glass.detail) == WHY
    desk.journal.names.forget(WHY)
    assert desk.journal.names.who(glass.detail) is None


async def test_a_view_under_it_is_renewed_and_ends_after_a_quarter_of_an_hour(
    desk: KeeperDesk,
) -> None:
    act = new_id()
    session = (await broken(desk, act=act)).session
    for _ in range(19):
        desk.clock.advance(45)
        kept = await broken(desk, act=act, kind="renew", session=session)
        assert kept.allowed
        assert kept.until <= NOW + BREAK_GLASS_MAX_S
    desk.clock.step(NOW + BREAK_GLASS_MAX_S)
    assert not desk.release.is_open("cam-1", "sub")
    await desk.sessions.reconsider()
    assert desk.told[-1] == ("session_closed", "break_glass_over")
    assert (await broken(desk, act=act)).reason == Reason.BREAK_GLASS_OVER


async def test_the_other_stream_is_no_second_act(desk: KeeperDesk) -> None:
    act = new_id()
    await broken(desk, act=act)
    desk.clock.advance(600)
    main = await broken(desk, act=act, stream="main")
    assert main.allowed
    (of_main,) = [s for s in desk.sessions.all() if s.stream == "main"]
    assert of_main.until == NOW + BREAK_GLASS_MAX_S
    assert [kind for kind, _ in desk.told].count("break_glass") == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"act": "short"},
        {"act": "AB" * 16},
        {"act": "", "why": WHY},
        {"why": ""},
        {"why": " " * 40},
        {"why": "tolong!"},
        {"why": "x" * 501},
    ],
)
async def test_without_a_name_and_a_reason_no_glass_is_broken(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    desk = KeeperDesk(tmp_path, conditions={"break_glass": True})
    try:
        assert (await broken(desk, **changes)).reason == Reason.BAD_REQUEST
        assert desk.glass.all() == ()
    finally:
        desk.close()


@pytest.mark.parametrize(
    "changes",
    [{"camera": "cam-2"}, {"person": "petugas2"}, {"unit": "Regu lain"}],
)
async def test_an_act_is_of_one_person_and_one_camera(
    desk: KeeperDesk, changes: dict[str, Any]
) -> None:
    act = new_id()
    await broken(desk, act=act)
    assert (await broken(desk, **{"act": act, **changes})).reason == Reason.BAD_REQUEST


async def test_an_agreement_without_it_gives_none(tmp_path: Path) -> None:
    desk = opened_desk(tmp_path, {"incident_needed": True})
    try:
        assert (await broken(desk)).reason == Reason.NO_BREAK_GLASS
        assert desk.told == [("refused", "no_break_glass")]
        assert desk.glass.all() == ()
    finally:
        desk.close()


async def test_recordings_are_never_opened_by_it(desk: KeeperDesk) -> None:
    for kind in ("open", "list"):
        asked: dict[str, Any] = {
            "kind": kind,
            "action": "playback",
            "stream": "main",
            "from_ms": 1,
            "to_ms": 2,
        }
        assert not (await broken(desk, **asked)).allowed
    assert desk.glass.all() == ()


async def test_the_same_camera_is_not_opened_so_again_within_the_hour(desk: KeeperDesk) -> None:
    await broken(desk)
    desk.clock.advance(BREAK_GLASS_AGAIN_S - 1)
    assert (await broken(desk)).reason == Reason.BREAK_GLASS_LIMIT
    assert (await broken(desk, "cam-2")).allowed
    desk.clock.advance(1)
    assert (await broken(desk)).allowed


async def test_a_site_is_opened_so_seldom(
    desk: KeeperDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(glass_module, "BREAK_GLASS_PER_DAY", 2)
    for _ in range(2):
        assert (await broken(desk)).allowed
        desk.clock.advance(BREAK_GLASS_AGAIN_S)
    assert (await broken(desk)).reason == Reason.BREAK_GLASS_LIMIT
    desk.clock.advance(22 * 3600)
    assert (await broken(desk)).allowed


async def test_what_is_remembered_is_bounded(
    desk: KeeperDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(glass_module, "BREAK_GLASS_KEPT", 1)
    act = new_id()
    await broken(desk, act=act)
    desk.clock.advance(25 * 3600)
    assert (await broken(desk)).reason == Reason.BREAK_GLASS_LIMIT
    await justified(desk, act)
    assert (await broken(desk)).allowed
    assert len(desk.glass.all()) == 1


async def test_a_disk_that_refuses_opens_nothing(desk: KeeperDesk) -> None:
    desk.journal.store.full = True  # type: ignore[attr-defined]
    assert (await broken(desk)).reason == Reason.ERROR
    assert (desk.watcher.out, desk.glass.all(), desk.sessions.all()) == ([], (), ())
    desk.journal.store.full = False  # type: ignore[attr-defined]
    assert (await broken(desk)).allowed


async def test_two_at_once_are_one_act(desk: KeeperDesk) -> None:
    act = new_id()
    both = await asyncio.gather(broken(desk, act=act), broken(desk, act=act, stream="main"))
    assert [outcome.allowed for outcome in both] == [True, True]
    assert [kind for kind, _ in desk.told].count("break_glass") == 1


async def test_the_second_of_an_act_that_was_not_written_opens_nothing(desk: KeeperDesk) -> None:
    def full() -> None:
        desk.journal.store.full = True  # type: ignore[attr-defined]

    desk.journal.store.before = full  # type: ignore[attr-defined]
    act = new_id()
    both = await asyncio.gather(broken(desk, act=act), broken(desk, act=act, stream="main"))
    assert [outcome.reason for outcome in both] == [Reason.ERROR, Reason.ERROR]
    assert (desk.watcher.out, desk.sessions.all()) == ([], ())


async def test_a_stop_is_stronger(desk: KeeperDesk) -> None:
    def stop() -> None:
        desk.stops["*"] = NOW

    desk.journal.store.before = stop  # type: ignore[attr-defined]
    assert (await broken(desk)).reason == Reason.STOPPED
    assert desk.watcher.out == []
    assert [kind for kind, _ in desk.told] == ["break_glass", "session_opened", "session_closed"]


async def test_a_reason_is_owed_for_a_week_and_then_the_person_sees_nothing(
    tmp_path: Path,
) -> None:
    desk = KeeperDesk(tmp_path, conditions={"break_glass": True})
    try:
        act = new_id()
        await broken(desk, act=act)
        desk.clock.advance(BREAK_GLASS_JUSTIFY_S - 1)
        assert (await desk.ask()).allowed
        desk.clock.advance(1)
        await desk.sessions.reconsider()
        assert desk.told[-1] == ("session_closed", "locked")
        assert (await desk.ask()).reason == Reason.LOCKED
        assert (await desk.ask(person="petugas2")).allowed
        assert (await justified(desk, act)).allowed
        assert (await desk.ask()).allowed
    finally:
        desk.close()


async def test_the_reason_stands_in_the_ledger_once(desk: KeeperDesk) -> None:
    act = new_id()
    await broken(desk, act=act)
    for _ in range(2):
        outcome = await justified(desk, act, person="komandan")
        assert (outcome.allowed, outcome.agreement) == (True, "2026-03")
    (said,) = [entry for entry in desk.ledger if entry.kind == "justified"]
    assert (said.session, said.camera) == (act, "cam-1")
    assert desk.journal.names.who(said.detail) == SAID
    assert desk.journal.names.who(said.person) == "komandan"
    assert desk.glass.justify_by() == {}


@pytest.mark.parametrize(
    "changes",
    [{"act": "ab" * 16}, {"camera": "cam-2"}, {"why": "maaf"}, {"why": "x" * 501}],
)
async def test_a_reason_for_nothing_or_without_words_is_refused(
    desk: KeeperDesk, changes: dict[str, Any]
) -> None:
    act = new_id()
    await broken(desk, act=act)
    assert (await justified(desk, **{"act": act, **changes})).reason == Reason.BAD_REQUEST
    assert list(desk.glass.justify_by().values()) == [NOW + BREAK_GLASS_JUSTIFY_S]


async def test_a_reason_that_cannot_be_written_is_still_owed(desk: KeeperDesk) -> None:
    act = new_id()
    await broken(desk, act=act)
    desk.journal.store.full = True  # type: ignore[attr-defined]
    assert (await justified(desk, act)).reason == Reason.ERROR
    assert desk.glass.justify_by() != {}


async def test_a_restart_forgets_nothing_and_the_file_names_nobody(
    desk: KeeperDesk, tmp_path: Path
) -> None:
    act = new_id()
    await broken(desk, act=act)
    again = Glass(tmp_path, b"salt" * 4, desk.clock, desk.journal)
    assert again.all() == desk.glass.all()
    raw = (tmp_path / "break-glass.json").read_bytes()
    assert b"petugas1" not in raw
    assert b"Budi" not in raw
    await justified(desk, act)
    assert Glass(tmp_path, b"salt" * 4, desk.clock, desk.journal).justify_by() == {}


async def test_a_file_that_cannot_be_read_stops_the_start(desk: KeeperDesk, tmp_path: Path) -> None:
    (tmp_path / "break-glass.json").write_text("{}")
    with pytest.raises(SerambiError, match="who broke the glass is not known") as caught:
        Glass(tmp_path, b"salt" * 4, desk.clock, desk.journal)
    assert caught.value.kind == Kind.CORRUPT
