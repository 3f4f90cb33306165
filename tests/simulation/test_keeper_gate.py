"""The gate: a keeper as it runs, and a malicious center that holds the center's own key.

Every picture of every stream carries 16 bytes of its own; what the courier was able to read is
searched for them.
"""

import asyncio
import itertools
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from serambi.agreement.instants import Hours
from serambi.agreement.model import SharedSite, read_agreement
from serambi.agreement.request import REQUEST_TYPE
from serambi.agreement.revocation import Revocation, seal_revocation
from serambi.base.clock import ManualClock
from serambi.base.errors import Kind, SerambiError
from serambi.base.ids import new_id
from serambi.base.instants import instant_text
from serambi.base.limits import COMMAND_MAX_BYTES, INBOX_SETTLED_S
from serambi.fabric import sockets
from serambi.fabric.frames import Command, encode
from serambi.identity import dsse
from serambi.identity.keys import SigningKey
from serambi.keeper.keeper import Keeper
from serambi.ledger.verify import verify
from tests.builders import NOW, SITE, Town, make_request, make_revocation
from tests.fakes.keeper_courier import Courier, connected, running_keeper
from tests.fakes.keeper_site import (
    FACINGS,
    INSIDE,
    PRIVATE,
    SHARED,
    WAITING,
    FakeCameras,
    Site,
    canary_of,
    fill_disk,
    ledger_of,
)
from tests.unit.fabric_tasks import LIMIT_S, eventually

STREAMS = ("main", "sub")
UNSHARED = (WAITING, INSIDE, PRIVATE)
WEEKDAYS = tuple(Hours((day,), "06:00", "18:00") for day in ("mon", "tue", "wed", "thu", "fri"))


@asynccontextmanager
async def at_work(
    site: Site, clock: ManualClock, cameras: FakeCameras | None = None
) -> AsyncIterator[tuple[Keeper, Courier]]:
    async with (
        running_keeper(site, clock, cameras or FakeCameras(steady=True)) as keeper,
        connected(site) as courier,
    ):
        yield keeper, courier


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    site = Site(tmp_path / "keeper")
    site.put_documents()
    return site


def leaked(courier: Courier, cameras: tuple[str, ...]) -> list[tuple[str, str]]:
    """Streams of which the courier was able to read a picture."""
    return [(c, s) for c in cameras for s in STREAMS if canary_of(c, s) in courier.seen]


async def test_only_what_was_agreed_passes_whatever_the_center_asks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serambi.keeper.sessions.REFUSALS_LOGGED_PER_MINUTE", 150)
    begin, end = NOW - 3600, NOW + 20 * 86_400
    site = Site(
        tmp_path / "keeper",
        sites=(SharedSite(SITE, SHARED, ("live",), "Asia/Jakarta", WEEKDAYS),),
        valid_from=begin,
        valid_until=end,
    )
    site.put_documents()
    clock = ManualClock(begin - 1800)
    tried = allowed = 0
    async with at_work(site, clock) as (keeper, courier):
        await eventually(
            lambda: all(keeper.hub.prelude(c, s) for c in FACINGS for s in STREAMS),
            "every camera sends",
        )
        for at, open_now in ((begin - 1800, False), (NOW, True), (NOW + 3600, False), (end, False)):
            clock.step(at)
            for camera, action, purpose, stream, party in itertools.product(
                (*FACINGS, "no-such"),
                ("live", "playback", "export"),
                ("routine_watch", "curiosity"),
                STREAMS,
                ("polres", "kpu"),
            ):
                agreed = (camera in SHARED, action, purpose, party) == (
                    (True, "live", "routine_watch", "polres")
                )
                reply = await courier.ask(
                    clock, camera, action=action, purpose=purpose, stream=stream, party=party
                )
                tried += 1
                allowed += reply.allowed
                asked = (at, camera, action, purpose, stream, party, reply.reason)
                assert reply.allowed == (agreed and open_now), asked
                if camera not in SHARED and party == "polres":
                    assert (reply.reason, reply.agreement) == ("no_agreement", ""), asked
            if open_now:
                await eventually(
                    lambda: len(leaked(courier, SHARED)) == 4, "the shared ones are found"
                )
            expected = 4 if open_now else 0
            await eventually(lambda n=expected: len(keeper.sessions.all()) == n, "views end")  # type: ignore[misc]
        assert (tried, allowed) == (4 * 6 * 3 * 2 * 2 * 2, 4)
        # Each frame of the end of hours is out; from then on there is nothing, and never was
        # anything of the others.
        assert leaked(courier, UNSHARED) == []
        for name in (*UNSHARED, "secret-of"):
            assert name.encode() not in courier.seen, "not even its name"
        named = {entry.camera for entry in ledger_of(keeper)}
        assert not named & {*UNSHARED, "no-such"}
    assert verify(site.folder / "ledger", site.town.roster).ok


def _payload(raw: bytes) -> dict[str, object]:
    return dict(msgspec.json.decode(dsse.load(raw).payload))


def _altered(town: Town, **changes: object) -> bytes:
    """Signed for one thing, changed to another on the way."""
    envelope = dsse.load(make_request(town, "cam-1"))
    payload = msgspec.json.encode({**_payload(dsse.dump(envelope)), **changes}, order="sorted")
    return dsse.dump(msgspec.structs.replace(envelope, payload=payload))


def _under_anothers_name(town: Town) -> bytes:
    envelope = dsse.load(make_request(town, key=SigningKey.generate()))
    (_, signature) = envelope.signatures[0]
    return dsse.dump(
        msgspec.structs.replace(envelope, signatures=((town.center.key_id, signature),))
    )


def _twice_signed(town: Town) -> bytes:
    return dsse.dump(dsse.add_signature(dsse.load(make_request(town)), town.keys["kpu"]))


def _unsigned(town: Town) -> bytes:
    envelope = dsse.load(make_request(town))
    return dsse.dump(msgspec.structs.replace(envelope, signatures=()))


def _sealed(town: Town, payload: bytes) -> bytes:
    return dsse.dump(dsse.sign(REQUEST_TYPE, payload, [town.center]))


def forgeries(town: Town) -> dict[str, tuple[bytes, str]]:
    """Name -> (request, the reason it is refused for)."""
    later = int((NOW + 60) * 1000)
    return {
        "random key": (make_request(town, key=SigningKey.generate()), "unknown_key"),
        "a party's key": (make_request(town, key=town.keys["polres"]), "unknown_key"),
        "the owner's key": (make_request(town, key=town.keys["kpu"]), "unknown_key"),
        "a gateway's key": (make_request(town, key=town.gateways[SITE]), "unknown_key"),
        "the center's name, another key": (_under_anothers_name(town), "bad_signature"),
        "another camera than signed": (_altered(town, camera="cam-2"), "bad_signature"),
        "another action than signed": (_altered(town, action="export"), "bad_signature"),
        "another site than signed": (_altered(town, site="elsewhere"), "bad_signature"),
        "another time than signed": (_altered(town, expires_ms=later), "bad_signature"),
        "two signatures": (_twice_signed(town), "bad_request"),
        "no signature": (_unsigned(town), "bad_request"),
        "expired": (make_request(town, now=NOW - 10), "request_expired"),
        "from the future": (make_request(town, now=NOW + 10), "request_expired"),
        "lives too long": (make_request(town, expires_ms=later), "request_expired"),
        "ends before it begins": (make_request(town, expires_ms=1), "request_expired"),
        "another site": (make_request(town, site="elsewhere"), "other_site"),
        "in another's name": (make_request(town, party="kpu"), "party"),
        "a long name": (make_request(town, person="x" * 100_000), "bad_request"),
        "huge": (b"x" * COMMAND_MAX_BYTES, "bad_request"),
        "nothing": (b"", "bad_request"),
        "garbage": (bytes(range(256)), "bad_request"),
        "deep": (b"[" * 100_000, "bad_request"),
        "signed garbage": (_sealed(town, b"\xff\x00"), "bad_request"),
        "signed but not a request": (_sealed(town, b"{}"), "bad_request"),
        "spaces": (make_request(town).replace(b'":', b'": ', 1), "bad_request"),
    }


async def test_forged_requests_are_refused_with_a_reason_and_written(
    site: Site, clock: ManualClock
) -> None:
    async with at_work(site, clock) as (keeper, courier):
        for name, (raw, reason) in forgeries(site.town).items():
            reply = await courier.command(raw)
            assert (reply.allowed, reply.reason) == (False, reason), name
            entry = ledger_of(keeper)[-1]
            assert (entry.kind, entry.reason) == ("refused", reason), name
        good = make_request(site.town)
        assert (await courier.command(good)).allowed
        await courier.flows("cam-1")
        replayed = await courier.command(good)
        assert (replayed.allowed, replayed.reason) == (False, "replayed")
        assert ledger_of(keeper)[-1].reason == "replayed"
        # A document of the center's own making is no document.
        odd = dsse.dump(dsse.sign("application/json", b"{}", [site.town.center]))
        assert not (await courier.command(odd)).allowed
        assert len(keeper.sessions.all()) == 1
        assert leaked(courier, UNSHARED) == []
        assert leaked(courier, SHARED) == [("cam-1", "sub")]
    assert verify(site.folder / "ledger", site.town.roster).ok


async def test_after_a_stop_nothing_more_of_that_camera_can_be_read(
    site: Site, clock: ManualClock
) -> None:
    async with at_work(site, clock, FakeCameras(steady=True, period_s=0.004)) as (keeper, courier):
        for camera in SHARED:
            for stream in STREAMS:
                assert (await courier.ask(clock, camera, stream=stream)).allowed
            await courier.flows(camera)
        stopped = await keeper.stop("cam-1")
        for _ in range(5):  # what the courier has read is counted before we look
            await asyncio.sleep(0)
        counted = courier.count("cam-1")
        assert (stopped.sessions, stopped.people) == (2, 1)
        await courier.flows("cam-2", 30)
        assert courier.count("cam-1") == counted
        assert (await courier.ask(clock)).reason == "stopped"
        await eventually(
            lambda: (
                {c.id: c.state for c in courier.states[-1].cameras}
                == {"cam-1": "stopped", "cam-2": "open"}
            ),
            "the center is told",
        )
        assert len(courier.states[-1].sessions) == 2
        await keeper.resume("cam-1")
        assert courier.count("cam-1") == counted, "views do not come back by themselves"
        assert (await courier.ask(clock)).allowed
        await courier.flows("cam-1")
        told = [(e.kind, e.camera, e.reason) for e in ledger_of(keeper)[-6:]]
        assert told == [
            ("session_closed", "cam-1", "stopped"),
            ("session_closed", "cam-1", "stopped"),
            ("stopped", "cam-1", ""),
            ("refused", "cam-1", "stopped"),
            ("resumed", "cam-1", ""),
            ("session_opened", "cam-1", ""),
        ]


async def test_a_courier_that_does_not_read_is_cut_off(site: Site, clock: ManualClock) -> None:
    loop = asyncio.get_running_loop()
    cameras = FakeCameras(steady=True, period_s=0.004)
    async with running_keeper(site, clock, cameras) as keeper:
        held = await sockets.reach(site.folder / "courier.sock")
        try:
            await loop.sock_sendall(held.pair, encode(Command(1, make_request(site.town))))
            await eventually(lambda: keeper.last_picture, "pictures wait for the courier")
            await eventually(lambda: _waiting(held.pair) > 1, "something can be read")
            await asyncio.wait_for(keeper.stop(None), LIMIT_S)
            end = await asyncio.wait_for(loop.sock_recv(held.pair, 1 << 20), LIMIT_S)
            assert end == b"", "what was not read by then is gone"
        finally:
            held.close()
        assert [e.kind for e in ledger_of(keeper)][-2:] == ["session_closed", "stopped"]
        async with connected(site) as courier:
            assert (await courier.ask(clock)).reason == "stopped"
            assert leaked(courier, tuple(FACINGS)) == []


def _waiting(pair: socket.socket) -> int:
    try:
        return len(pair.recv(2, socket.MSG_PEEK | socket.MSG_DONTWAIT))
    except BlockingIOError:
        return 0


async def test_without_the_center_the_lamp_is_honest_and_stop_works(
    site: Site, clock: ManualClock
) -> None:
    async with at_work(site, clock) as (keeper, courier):
        assert keeper.lamp() == "none"
        await courier.client.tell_link(up=True)
        await eventually(lambda: not keeper.center_lost, "the center is there")
        assert (await courier.ask(clock)).allowed
        assert keeper.lamp() == "on"
        clock.advance(5)
        await courier.client.tell_link(up=False)
        await eventually(lambda: keeper.center_lost, "the center is gone")
        assert (keeper.lamp(), keeper.center_lost) == ("unknown", NOW + 5)
        await keeper.stop(None)
        assert keeper.lamp() == "stopped"
        assert [(e.kind, e.reason, e.party) for e in ledger_of(keeper)[-2:]] == [
            ("session_closed", "stopped", "polres"),
            ("stopped", "", "kpu"),
        ]
        await keeper.resume(None)
        assert keeper.lamp() == "none"


async def test_a_clock_that_runs_back_denies_and_ends(site: Site, clock: ManualClock) -> None:
    async with at_work(site, clock) as (keeper, courier):
        assert (await courier.ask(clock)).allowed
        clock.step(NOW - 0.9)
        assert (await courier.ask(clock, "cam-2")).allowed
        clock.step(NOW + 50)
        keeper.state()
        clock.step(NOW + 48.9)
        await eventually(lambda: not keeper.sessions.all(), "views end")
        # Closed first, written after.
        await eventually(
            lambda: [e.kind for e in ledger_of(keeper)].count("session_closed") == 2, "written"
        )
        reply = await courier.ask(clock)
        assert (reply.allowed, reply.reason) == (False, "clock")
        told = [(e.kind, e.reason) for e in ledger_of(keeper)[-3:]]
        assert told == [*[("session_closed", "clock")] * 2, ("refused", "clock")]
        await keeper._see_clock()
    clock.step(NOW + 10)
    async with at_work(site, clock) as (keeper, courier):
        reply = await courier.ask(clock)
        assert (reply.allowed, reply.reason) == (False, "clock"), "remembered over the restart"
        clock.step(NOW + 50)
        assert (await courier.ask(clock)).allowed
    assert verify(site.folder / "ledger", site.town.roster).ok


async def test_a_keeper_that_died_tells_the_truth_when_it_comes_back(
    site: Site, clock: ManualClock
) -> None:
    site.folder.joinpath("documents").rename(site.folder / "by-hand")
    inbox = site.folder / "inbox"
    inbox.mkdir()
    for path in (site.folder / "by-hand").iterdir():
        # Attestations first is no rule of the inbox; agreements may come before.
        path.rename(inbox / path.name)
    async with at_work(site, clock) as (keeper, courier):
        await eventually(lambda: not any(p.is_file() for p in inbox.iterdir()), "the inbox is read")
        session = await courier.ask(clock)
        assert session.allowed
        await keeper.stop("cam-2")
        before = ledger_of(keeper)
        accepted = [e.agreement for e in before if e.kind == "agreement_accepted"]
        assert sorted(accepted) == ["2026-03", "2026-05"]
    clock.advance(30)
    async with at_work(site, clock) as (keeper, courier):
        await eventually(lambda: courier.states, "a state")
        after = ledger_of(keeper)[len(before) :]
        assert [(e.kind, e.reason) for e in after] == [
            ("session_closed", "restarted"),
            ("started", ""),
        ]
        assert after[0].session == session.session
        assert (await courier.ask(clock, "cam-2")).reason == "stopped"
        renewed = await courier.ask(clock, kind="renew", session=session.session)
        assert (renewed.allowed, renewed.reason) == (False, "bad_request")
        assert (await courier.ask(clock)).allowed
        await courier.command(site.agreement)
        accepted = [e.agreement for e in ledger_of(keeper) if e.kind == "agreement_accepted"]
        assert sorted(accepted) == ["2026-03", "2026-05"], "not written twice"
    assert verify(site.folder / "ledger", site.town.roster).ok


async def test_a_revocation_ends_views_whichever_way_it_comes(
    site: Site, clock: ManualClock
) -> None:
    signed = read_agreement(site.agreement, site.town.roster)
    async with at_work(site, clock) as (keeper, courier):
        inbox = site.folder / "inbox"
        (inbox / "rubbish.json").write_bytes(b"{")
        (inbox / "large.json").write_bytes(b"x" * (1 << 20) + b"x")
        assert (await courier.ask(clock)).allowed
        forged = Revocation(1, signed.digest, "2026-03", "bawaslu", instant_text(NOW))
        for key in (site.town.center, site.town.keys["polres"], SigningKey.generate()):
            assert not (await courier.command(seal_revocation(forged, key))).allowed
        assert len(keeper.sessions.all()) == 1
        (inbox / "revocation.json").write_bytes(make_revocation(site.town, signed, "bawaslu"))
        await eventually(lambda: not keeper.sessions.all(), "the view ends")
        reply = await courier.ask(clock)
        assert (reply.reason, reply.agreement) == ("revoked", "2026-03")

        def told() -> list[tuple[str, str, str]]:
            # Views end before anything is written: the document's entry may come later.
            kept = [e for e in ledger_of(keeper) if e.kind != "refused"]
            return sorted((e.kind, e.reason, e.party) for e in kept[-2:])

        wanted = [("agreement_revoked", "", "bawaslu"), ("session_closed", "revoked", "polres")]
        await eventually(lambda: told() == wanted, "both are written down")
        refused = inbox / "refused"
        await eventually(lambda: (refused / "large.json").exists(), "the inbox is read")

        def all_read() -> bool:
            # A file rests from when it was first seen, which may be only now.
            clock.advance(INBOX_SETTLED_S)
            return not any(path.is_file() for path in inbox.iterdir())

        await eventually(all_read, "all is read")
        assert sorted(path.name for path in refused.iterdir()) == [
            "large.json",
            "large.json.why.txt",
            "rubbish.json",
            "rubbish.json.why.txt",
        ]
        assert "cannot be read" in (refused / "rubbish.json.why.txt").read_text()
        assert "larger than" in (refused / "large.json.why.txt").read_text()
        await eventually(
            lambda: {c.state for c in courier.states[-1].cameras} == {"revoked"},
            "the state says it",
        )
    async with at_work(site, clock) as (keeper, courier):
        assert (await courier.ask(clock)).reason == "revoked", "through a restart"


async def test_a_full_disk_opens_nothing_and_stops_all_the_same(
    site: Site, clock: ManualClock
) -> None:
    async with at_work(site, clock) as (keeper, courier):
        assert (await courier.ask(clock)).allowed
        await courier.flows("cam-1")
        fill_disk(keeper)
        refused = await courier.ask(clock, "cam-2")
        assert (refused.allowed, refused.reason) == (False, "error")
        assert courier.count("cam-2") == 0
        with pytest.raises(SerambiError, match="sharing is stopped") as caught:
            await keeper.stop(None)
        assert caught.value.kind == Kind.UNAVAILABLE
        assert keeper.disk_refuses
        assert (keeper.lamp(), keeper.sessions.all()) == ("stopped", ())
        assert not keeper.release.is_open("cam-1", "sub")
        assert (await courier.ask(clock)).reason == "stopped"
        fill_disk(keeper, full=False)
        await keeper._catch_up()
        assert not keeper.disk_refuses
        assert [(e.kind, e.reason) for e in ledger_of(keeper)[-3:]] == [
            ("session_closed", "stopped"),
            ("stopped", ""),
            ("refused", "stopped"),
        ]
    async with at_work(site, clock) as (keeper, courier):
        assert (await courier.ask(clock, session=new_id())).reason == "stopped"
    assert verify(site.folder / "ledger", site.town.roster).ok


async def test_a_stop_holds_when_not_even_itself_can_be_kept(
    site: Site, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    async with at_work(site, clock) as (keeper, courier):
        assert (await courier.ask(clock)).allowed
        with monkeypatch.context() as disk:
            disk.setattr("serambi.base.kept.write_atomically", full)
            with pytest.raises(SerambiError, match="the disk refused"):
                await keeper.stop("cam-1")
            assert keeper.sessions.all() == ()
            with pytest.raises(SerambiError, match="No space left"):
                await keeper.resume("cam-1")
            assert (await courier.ask(clock)).reason == "stopped"
        await keeper.stop("cam-1")
        assert not keeper.disk_refuses
    async with at_work(site, clock) as (keeper, courier):
        assert (await courier.ask(clock)).reason == "stopped"
