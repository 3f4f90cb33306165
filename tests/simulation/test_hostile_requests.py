"""Broken requests and broken clocks, at the socket of a running keeper: every one is refused with
a reason of its own, which people read in their language, and opens nothing."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from serambi.agreement.request import REQUEST_TYPE
from serambi.base.canonical import encode
from serambi.base.clock import ManualClock
from serambi.base.ids import new_id
from serambi.fabric.messages import Reply
from serambi.identity import dsse
from serambi.identity.keys import SigningKey
from serambi.ledger.verify import verify
from serambi.web.words import Words
from tests.builders import NOW, Town, make_request
from tests.fakes.keeper_site import FakeCameras, Site, ledger_of
from tests.simulation.hostile import AtWork, at_work, promised
from tests.unit.fabric_tasks import eventually

Make = Callable[[Town], bytes]


def _signed(town: Town, payload: bytes) -> bytes:
    return dsse.dump(dsse.sign(REQUEST_TYPE, payload, [town.center]))


def _with(**changes: Any) -> Make:
    return lambda town: make_request(town, **changes)


def _payload(change: Callable[[dict[str, Any]], bytes]) -> Make:
    """A payload that is no request, behind the center's good signature."""

    def make(town: Town) -> bytes:
        return _signed(town, change(msgspec.json.decode(dsse.load(make_request(town)).payload)))

    return make


def _tampered(town: Town) -> bytes:
    envelope = dsse.load(make_request(town))
    payload = envelope.payload.replace(b'"cam-1"', b'"cam-2"')
    return dsse.dump(msgspec.structs.replace(envelope, payload=payload))


# What a reason is called in `words` -> the ways to get there.
REQUESTS: dict[str, tuple[Make, ...]] = {
    "bad_request": (
        lambda town: b"",
        lambda town: b"\x00" * 500,
        lambda town: b"[" * 50_000,
        _payload(lambda fields: json.dumps(fields).encode()),  # not canonical
        _payload(lambda fields: encode({**fields, "audio": True})),
        _payload(lambda fields: encode({**fields, "issued_ms": "now"})),
        _with(person="x" * 600),
        _with(kind="renew"),
    ),
    "unknown_key": (_with(key=SigningKey.generate()),),
    "bad_signature": (_tampered,),
    "other_site": (_with(site="pasar"),),
    "request_expired": (
        _with(now=NOW - 10),
        _with(now=NOW + 10),
        _with(expires_ms=int(NOW * 1000) + 3_600_000),
        _with(expires_ms=int(NOW * 1000) - 1),
        _with(issued_ms=-(2**53) + 1),
    ),
    "party": (_with(party="kpu"),),
    "action": (_with(action="playback"), _with(action="\x00")),
    "purpose": (_with(purpose="curiosity"),),
    "no_agreement": (_with(camera="no-such"), _with(camera="../../cam-1"), _with(camera="*")),
}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    site = Site(tmp_path / "keeper")
    site.put_documents()
    return site


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


def check_promised(heading: str, reasons: set[str]) -> None:
    """The page promises the words that the screens show for these reasons, in English; there are
    Indonesian ones too."""
    words = Words.load()
    said = {words.text("en", f"reason.{reason}") for reason in reasons}
    assert said == set(promised(heading).values())
    assert len({words.text("id", f"reason.{reason}") for reason in reasons}) == len(reasons)


async def test_broken_requests(site: Site, clock: ManualClock) -> None:
    check_promised("Requests", {*REQUESTS, "replayed"})
    async with at_work(site, clock, FakeCameras(steady=True)) as work:
        for reason, ways in REQUESTS.items():
            for number, make in enumerate(ways):
                reply = await work.courier.command(make(site.town))
                assert (reply.allowed, reply.reason) == (False, reason), f"{reason} {number}"
        once = make_request(site.town, camera="no-such")
        assert (await work.courier.command(once)).reason == "no_agreement"
        assert (await work.courier.command(once)).reason == "replayed"
        await work.check_nothing_shared()
        written = {e.reason for e in ledger_of(work.keeper) if e.kind == "refused"}
        assert written == {*REQUESTS, "replayed"}
        assert (await work.courier.ask(clock)).allowed
        await work.courier.flows("cam-1")
    assert verify(site.folder / "ledger", site.town.roster).ok


async def _asked(work: AtWork, clock: ManualClock) -> Reply:
    return await work.courier.ask(clock, session=new_id())


async def test_broken_clocks(site: Site, clock: ManualClock) -> None:
    """A center that follows the box's own clock does not help: the box does not believe it."""
    check_promised("Clocks", {"clock", "expired", "not_yet", "request_expired"})
    cases = {
        "back an hour": (NOW - 3600, "clock"),
        "at the beginning of time": (0.0, "clock"),
        "before there was time": (-3600.0, "clock"),
        "far ahead": (NOW + 60 * 86_400, "expired"),
        "right again, after it was far ahead": (NOW + 60, "clock"),
    }
    async with at_work(site, clock, FakeCameras(steady=True)) as work:
        assert (await _asked(work, clock)).allowed
        await work.courier.flows("cam-1")
        for name, (at, reason) in cases.items():
            clock.step(at)
            reply = await _asked(work, clock)
            assert (reply.allowed, reply.reason) == (False, reason), name
            await eventually(lambda: work.keeper.sessions.all() == (), "open views end")
            assert (await work.health())["site"] == "gudang-kpu", name
        work.keeper.durable.save()  # as it does every ten seconds
    # Not even a new start makes a clock right that is behind what the box has seen.
    async with at_work(site, clock, FakeCameras(steady=True)) as work:
        assert (await _asked(work, clock)).reason == "clock"
        late = make_request(site.town, now=clock.now() - 30)
        assert (await work.courier.command(late)).reason == "request_expired"
        await work.check_nothing_shared()
    assert verify(site.folder / "ledger", site.town.roster).ok


async def test_an_agreement_that_begins_later(tmp_path: Path, clock: ManualClock) -> None:
    site = Site(tmp_path / "keeper", valid_from=NOW + 3600)
    site.put_documents()
    async with at_work(site, clock, FakeCameras(steady=True)) as work:
        assert (await _asked(work, clock)).reason == "not_yet"
        await work.check_nothing_shared()
