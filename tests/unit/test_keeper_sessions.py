"""Sessions: decided, written, opened; closed, written. In that order, whatever happens between."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from serambi.agreement import decide as decide_module
from serambi.agreement.decide import Reason
from serambi.agreement.instants import Hours
from serambi.base.ids import new_id
from serambi.base.limits import GRANT_S, LIVE_GRANT_MAX_S
from serambi.keeper import sessions as sessions_module
from serambi.keeper.session import Outcome
from tests.builders import (
    NOW,
    make_attestation,
)
from tests.fakes.keeper_desk import CAMERAS, KeeperDesk

DAY = tuple(Hours((day,), "06:00", "18:00") for day in ("mon", "tue", "wed", "thu", "fri"))


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[KeeperDesk]:
    desk = KeeperDesk(tmp_path)
    yield desk
    desk.journal.store.close()


async def test_the_entry_is_durable_before_the_first_byte_leaves(desk: KeeperDesk) -> None:
    outcome = await desk.ask()
    assert outcome == Outcome(
        True, Reason.ALLOWED, outcome.nonce, outcome.session, "2026-03", NOW + GRANT_S
    )
    assert desk.events == [
        "durable session_opened",
        "out cam-1/sub config",
        "out cam-1/sub key",
    ]
    (entry,) = desk.ledger
    assert (entry.camera, entry.agreement) == ("cam-1", "2026-03")
    assert desk.journal.names.who(entry.person) == "petugas1"
    assert (entry.unit, entry.party, entry.purpose) == ("Regu jaga", "polres", "routine_watch")
    assert entry.session == outcome.session
    assert desk.changes == 1


@pytest.mark.parametrize("happens", ["stop", "camera", "revoke", "clock"])
async def test_what_happens_while_the_entry_is_written_counts(
    desk: KeeperDesk, happens: str
) -> None:
    def meanwhile() -> None:
        if happens == "stop":
            desk.stops["*"] = NOW
        elif happens == "camera":
            desk.stops["cam-1"] = NOW
        elif happens == "revoke":
            desk.revoke(0)
        else:
            desk.clock_ok = False

    desk.journal.store.before = meanwhile  # type: ignore[attr-defined]
    outcome = await desk.ask()
    reason = {"stop": "stopped", "camera": "stopped", "revoke": "revoked", "clock": "clock"}
    assert (outcome.allowed, outcome.reason) == (False, reason[happens])
    assert desk.watcher.out == []
    assert desk.sessions.all() == ()
    assert desk.told == [("session_opened", ""), ("session_closed", reason[happens])]


async def test_what_cannot_be_written_down_is_not_opened(desk: KeeperDesk) -> None:
    desk.journal.store.full = True  # type: ignore[attr-defined]
    outcome = await desk.ask()
    assert (outcome.allowed, outcome.reason, outcome.until) == (False, Reason.ERROR, 0.0)
    assert desk.watcher.out == []
    assert not desk.release.is_open("cam-1", "sub")
    assert desk.sessions.all() == ()
    desk.journal.store.full = False  # type: ignore[attr-defined]
    await desk.opened()
    assert desk.told == [("session_opened", "")]


async def test_a_full_disk_shuts_at_once_and_is_written_down_later(desk: KeeperDesk) -> None:
    await desk.opened()
    await desk.opened("cam-2")
    desk.journal.store.full = True  # type: ignore[attr-defined]
    desk.stops["cam-1"] = NOW
    stopped = await desk.sessions.stop(["cam-1"])
    assert (stopped.sessions, stopped.people) == (1, 1)
    assert not desk.release.is_open("cam-1", "sub")
    desk.revoke(0)
    await desk.sessions.reconsider()
    assert desk.sessions.all() == ()
    assert not desk.release.is_open("cam-2", "sub")
    assert (await desk.ask()).reason == Reason.REVOKED
    assert desk.journal.owed == 3
    desk.journal.store.full = False  # type: ignore[attr-defined]
    assert await desk.journal.note()
    assert desk.told[2:] == [
        ("session_closed", "stopped"),
        ("session_closed", "revoked"),
        ("refused", "revoked"),
    ]


async def test_renewing_keeps_a_view_that_would_end(desk: KeeperDesk) -> None:
    session = await desk.opened()
    desk.clock.advance(GRANT_S - 1)
    kept = await desk.ask(kind="renew", session=session)
    assert kept.allowed
    assert kept.until == NOW + 2 * GRANT_S - 1
    desk.clock.advance(GRANT_S - 1)
    await desk.sessions.reconsider()
    assert desk.release.is_open("cam-1", "sub")
    desk.clock.advance(1)
    assert not desk.release.is_open("cam-1", "sub"), "the door does not wait for anybody"
    await desk.sessions.reconsider()
    assert desk.told == [("session_opened", ""), ("session_closed", "not_renewed")]


@pytest.mark.parametrize("kind", ["renew", "close"])
async def test_only_the_very_same_view_is_renewed_or_closed(desk: KeeperDesk, kind: str) -> None:
    session = await desk.opened()
    for field, value in (
        ("camera", "cam-2"),
        ("stream", "main"),
        ("action", "playback"),
        ("purpose", "something_else"),
        ("person", "petugas2"),
        ("unit", "Regu lain"),
        ("session", "0" * 32),
    ):
        outcome = await desk.ask(**{"kind": kind, "session": session, field: value})
        assert (outcome.allowed, outcome.reason) == (False, Reason.BAD_REQUEST), field
        (still,) = desk.sessions.all()
        assert still.granted == NOW + GRANT_S
        assert desk.release.is_open("cam-1", "sub")
        assert desk.told[-1] == ("refused", "bad_request")


async def test_closing_shuts_and_is_written(desk: KeeperDesk) -> None:
    session = await desk.opened()
    assert (await desk.ask(kind="close", session=session)).allowed
    assert desk.events[-2:] == ["shut cam-1/sub", "durable session_closed closed"]
    again = await desk.ask(kind="close", session=session)
    assert (again.allowed, again.reason) == (False, Reason.BAD_REQUEST)


async def test_a_session_id_is_used_once(desk: KeeperDesk) -> None:
    session = await desk.opened()
    assert (await desk.ask(session=session)).reason == Reason.BAD_REQUEST
    assert (await desk.ask("cam-2", session=session)).reason == Reason.BAD_REQUEST
    other = new_id()
    both = await asyncio.gather(desk.ask(session=other), desk.ask("cam-2", session=other))
    assert sorted(o.allowed for o in both) == [False, True]


async def test_renewal_ends_the_view_when_it_is_no_longer_allowed(desk: KeeperDesk) -> None:
    session = await desk.opened()
    desk.stops["*"] = NOW
    outcome = await desk.ask(kind="renew", session=session)
    assert (outcome.allowed, outcome.reason) == (False, Reason.STOPPED)
    assert not desk.release.is_open("cam-1", "sub")
    assert desk.told[-1] == ("session_closed", "stopped")


async def test_the_end_of_the_hours_ends_the_view_unasked(tmp_path: Path) -> None:
    desk = KeeperDesk(tmp_path, hours=DAY)
    try:
        closes = NOW + 20 * 60  # 18:00 in Jakarta
        desk.clock.advance(20 * 60 - 30)
        outcome = await desk.ask()
        assert (outcome.allowed, outcome.until) == (True, closes)
        desk.clock.step(closes - 0.001)
        assert desk.release.is_open("cam-1", "sub")
        desk.clock.step(closes)
        assert not desk.release.is_open("cam-1", "sub")
        await desk.sessions.reconsider()
        assert desk.told[-1] == ("session_closed", "out_of_hours")
    finally:
        desk.journal.store.close()


async def test_a_live_grant_lasts_so_long_and_no_renewal_makes_it_longer(
    desk: KeeperDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert LIVE_GRANT_MAX_S <= 24 * 3600
    for module in (decide_module, sessions_module):
        monkeypatch.setattr(module, "LIVE_GRANT_MAX_S", 150.0)
    session = await desk.opened()
    for _ in range(3):
        desk.clock.advance(45)
        outcome = await desk.ask(kind="renew", session=session)
        assert outcome.allowed
        assert outcome.until <= NOW + 150
    desk.clock.step(NOW + 150)
    assert not desk.release.is_open("cam-1", "sub")
    await desk.sessions.reconsider()
    assert desk.told[-1] == ("session_closed", "expired")


async def test_views_are_bounded(desk: KeeperDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions_module, "SESSIONS_PER_SITE", 2)
    outcomes = await asyncio.gather(*(desk.ask() for _ in range(4)))
    assert sorted(str(o.reason) for o in outcomes) == ["allowed", "allowed", "limit", "limit"]
    assert len(desk.sessions.all()) == 2
    await desk.ask(kind="close", session=desk.sessions.all()[0].session)
    await desk.opened()


async def test_a_flood_of_refusals_becomes_one_entry(
    desk: KeeperDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions_module, "REFUSALS_LOGGED_PER_MINUTE", 3)
    for _ in range(8):
        assert (await desk.sessions.handle(b"rubbish")).reason == Reason.BAD_REQUEST
    await desk.sessions.flush_refusals()
    assert desk.told == [("refused", "bad_request")] * 3
    desk.clock.advance(61)
    assert not (await desk.ask(action="export")).allowed
    await desk.sessions.flush_refusals()
    await desk.sessions.flush_refusals()
    assert desk.told[3:] == [("refused", "action"), ("refused", "limit")]
    assert desk.ledger[-1].detail == "5"


async def test_an_endless_flood_is_summed_up_every_minute(
    desk: KeeperDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions_module, "REFUSALS_LOGGED_PER_MINUTE", 2)
    for _ in range(40):
        await desk.sessions.handle(b"rubbish")
        desk.clock.advance(5)
        await desk.sessions.flush_refusals()
    sums = [int(e.detail) for e in desk.ledger if e.reason == "limit"]
    assert len(sums) >= 2
    assert 40 - 12 <= sum(sums) + desk.told.count(("refused", "bad_request")) <= 40


async def test_a_camera_never_agreed_is_a_commitment(desk: KeeperDesk) -> None:
    for camera in ("cam-9", "cam-9", "no-such"):
        outcome = await desk.ask(camera)
        assert (outcome.allowed, outcome.reason) == (False, Reason.NO_AGREEMENT)
        assert outcome.agreement == ""
    one, same, other = desk.ledger
    assert one.camera.startswith("commitment:")
    assert one.camera == same.camera == desk.journal.commitment("refused", "cam-9") != other.camera
    written = b"".join(p.read_bytes() for p in desk.journal.store._folder.rglob("*") if p.is_file())
    assert b"cam-9" not in written
    assert b"no-such" not in written


def _revoke(desk: KeeperDesk) -> None:
    desk.revoke(0)


def _stop(desk: KeeperDesk) -> None:
    desk.stops["*"] = NOW


def _back(desk: KeeperDesk) -> None:
    desk.clock_ok = False


def _sunset(desk: KeeperDesk) -> None:
    desk.clock.step(NOW + 30 * 86_400)


def _attest_anew(desk: KeeperDesk) -> None:
    desk.attestations[0] = make_attestation(desk.town, "cam-1", heading_deg=1)
    desk.attestations[1] = make_attestation(desk.town, "cam-2", heading_deg=1)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_revoke, "revoked"),
        (_stop, "stopped"),
        (_back, "clock"),
        (_sunset, "expired"),
        (_attest_anew, "not_attested"),
    ],
)
async def test_every_change_is_seen_when_looking_again(
    desk: KeeperDesk, change: Callable[[KeeperDesk], None], reason: str
) -> None:
    await desk.opened()
    await desk.opened("cam-2", stream="main")
    change(desk)
    del desk.events[:]
    await desk.sessions.reconsider()
    assert desk.sessions.all() == ()
    assert sorted(desk.events[:2]) == ["shut cam-1/sub", "shut cam-2/main"]
    assert desk.events[2:] == [f"durable session_closed {reason}"] * 2
    await desk.sessions.reconsider()
    assert len(desk.ledger) == 4


async def test_two_views_of_one_stream_end_on_their_own(desk: KeeperDesk) -> None:
    first = await desk.opened()
    desk.clock.advance(10)
    second = await desk.opened(person="petugas2")
    await desk.ask(kind="close", session=second, person="petugas2")
    assert "shut cam-1/sub" not in desk.events
    assert [s.session for s in desk.sessions.all()] == [first]
    assert desk.release.is_open("cam-1", "sub")
    desk.clock.step(NOW + GRANT_S)
    assert not desk.release.is_open("cam-1", "sub"), "as long as its own grant, not the other's"


async def test_the_longer_view_keeps_the_stream(desk: KeeperDesk) -> None:
    await desk.opened()
    desk.clock.advance(30)
    second = await desk.opened(person="petugas2")
    desk.clock.advance(31)
    await desk.sessions.reconsider()
    assert [s.session for s in desk.sessions.all()] == [second]
    assert desk.release.is_open("cam-1", "sub")
    assert desk.told[-1] == ("session_closed", "not_renewed")


async def test_a_shorter_agreement_moves_the_end_of_an_open_view(desk: KeeperDesk) -> None:
    session = await desk.opened()
    desk.attestations[0] = desk.attestations[0]
    desk.agreements[0] = desk.agree("2026-03", valid_until=NOW + 20)
    await desk.sessions.reconsider()
    (view,) = desk.sessions.all()
    assert (view.session, view.ends) == (session, NOW + 20)
    desk.clock.advance(20)
    assert not desk.release.is_open("cam-1", "sub")


async def test_a_revoked_agreement_ends_its_views_though_another_would_allow_them(
    desk: KeeperDesk,
) -> None:
    desk.agreements.append(desk.agree("2026-09", valid_until=NOW + 86_400 / 2))
    session = await desk.opened()
    assert desk.ledger[0].agreement == "2026-03"
    desk.revoke(0)
    renewed = await desk.ask(kind="renew", session=session)
    assert (renewed.allowed, renewed.reason) == (False, Reason.REVOKED)
    outcome = await desk.ask()
    assert (outcome.allowed, outcome.agreement) == (True, "2026-09")


async def test_several_at_once_end_each_view_once(desk: KeeperDesk) -> None:
    for camera in CAMERAS:
        await desk.opened(camera)
    desk.clock.advance(GRANT_S)
    desk.stops["cam-2"] = NOW
    await asyncio.gather(
        desk.sessions.reconsider(), desk.sessions.stop(["cam-2"]), desk.sessions.reconsider()
    )
    closed = [e for e in desk.ledger if e.kind == "session_closed"]
    assert sorted((e.camera, e.reason) for e in closed) == [
        ("cam-1", "not_renewed"),
        ("cam-2", "stopped"),
    ]


async def test_a_view_opened_while_the_stream_is_being_shut_gets_its_pictures(
    desk: KeeperDesk,
) -> None:
    first = await desk.opened()
    purge = desk.watcher.stop_stream
    late: list[Outcome] = []

    async def opened_meanwhile(camera: str, stream: str | None = None) -> float:
        desk.watcher.stop_stream = purge  # type: ignore[method-assign]
        late.append(await desk.ask(person="petugas2"))
        # As if the door had been shut in the moment after: nothing of that view is left.
        desk.release._until.clear()
        del desk.watcher.out[:]
        return 0.0

    desk.watcher.stop_stream = opened_meanwhile  # type: ignore[method-assign]
    await desk.ask(kind="close", session=first)
    assert late[0].allowed
    assert desk.release.is_open("cam-1", "sub")
    assert [message for _, _, message, _ in desk.watcher.out] == [b"config", b"key"]


async def test_a_stop_shuts_all_streams_and_counts_people(desk: KeeperDesk) -> None:
    await desk.opened()
    await desk.opened(stream="main")
    await desk.opened("cam-2", person="petugas2")
    desk.stops["*"] = NOW
    stopped = await desk.sessions.stop([*CAMERAS, "cam-5"])
    assert (stopped.sessions, stopped.people) == (3, 2)
    assert sorted(e for e in desk.events if e.startswith("shut")) == [
        "shut cam-1/*",
        "shut cam-2/*",
    ], "cam-5 was never open: the courier must not hear of it"
    assert (await desk.ask()).reason == Reason.STOPPED


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"action": "playback"}, Reason.ACTION),
        ({"purpose": "curiosity"}, Reason.PURPOSE),
        ({"party": "kpu"}, Reason.PARTY),
        ({"site": "elsewhere"}, Reason.OTHER_SITE),
    ],
)
async def test_refusals_are_answered_and_written(
    desk: KeeperDesk, changes: dict[str, str], reason: Reason
) -> None:
    outcome = await desk.ask(**changes)
    assert (outcome.allowed, outcome.reason) == (False, reason)
    assert desk.told == [("refused", reason)]
    assert desk.watcher.out == []


async def test_the_owner_reads_how_many_were_cut_off_even_if_the_clockwork_was_faster(
    desk: KeeperDesk,
) -> None:
    session = await desk.opened()
    assert session
    stopping = desk.sessions.stop(["cam-1"])
    desk.stops["cam-1"] = NOW
    await desk.sessions.reconsider()
    assert desk.sessions.all() == ()
    stopped = await stopping
    assert (stopped.sessions, stopped.people) == (1, 1)
