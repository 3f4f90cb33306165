"""The gate again, and a malicious center that breaks the glass at everything there is."""

import itertools
from pathlib import Path

from serambi.agreement.instants import Hours
from serambi.agreement.model import SharedSite
from serambi.base.clock import ManualClock
from serambi.base.ids import new_id
from serambi.base.limits import BREAK_GLASS_MAX_S
from serambi.ledger.verify import verify
from tests.builders import NOW, SITE
from tests.fakes.keeper_courier import connected, running_keeper
from tests.fakes.keeper_site import FACINGS, FakeCameras, Site, canary_of, ledger_of
from tests.unit.fabric_tasks import eventually

NIGHT = (Hours(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), "22:00", "05:00"),)
STREAMS = ("main", "sub")
WHY = "Orang memanjat pagar gudang"


async def test_a_broken_glass_opens_the_one_camera_that_was_agreed_to_and_no_other(
    tmp_path: Path,
) -> None:
    site = Site(
        tmp_path / "keeper",
        sites=(
            SharedSite(
                SITE, ("cam-1",), ("live",), "Asia/Jakarta", NIGHT, True, True, break_glass=True
            ),
            SharedSite(SITE, ("cam-2",), ("live",), "Asia/Jakarta", NIGHT),
        ),
    )
    site.put_documents()
    clock = ManualClock(NOW)
    cameras = FakeCameras(steady=True)
    async with running_keeper(site, clock, cameras) as keeper, connected(site) as courier:
        await eventually(
            lambda: all(keeper.hub.prelude(c, s) for c in FACINGS for s in STREAMS),
            "every camera sends",
        )
        for camera, action, purpose, stream, party in itertools.product(
            (*FACINGS, "no-such"),
            ("live", "playback", "export"),
            ("routine_watch", "curiosity"),
            STREAMS,
            ("polres", "kpu"),
        ):
            act = "5a" * 16 if camera == "cam-1" else new_id()
            asked = {"action": action, "purpose": purpose, "stream": stream, "party": party}
            reply = await courier.ask(clock, camera, act=act, why=WHY, **asked)
            agreed = (camera, action, purpose, party) == (
                ("cam-1", "live", "routine_watch", "polres")
            )
            assert reply.allowed == agreed, (camera, asked, reply.reason)
        await eventually(
            lambda: all(canary_of("cam-1", s) in courier.seen for s in STREAMS), "it is open"
        )
        await keeper.stop("cam-1")
        again = await courier.ask(clock, "cam-1", act="5a" * 16, why=WHY)
        assert again.reason == "stopped", "the owner's Stop is stronger"
        await keeper.resume("cam-1")
        assert (await courier.ask(clock, "cam-1", act="5a" * 16, why=WHY)).allowed
        clock.step(NOW + BREAK_GLASS_MAX_S)
        await eventually(lambda: not keeper.sessions.all(), "it ends")
        others = [c for c in FACINGS if c != "cam-1"]
        assert not [c for c in others for s in STREAMS if canary_of(c, s) in courier.seen]
        kinds = [entry.kind for entry in ledger_of(keeper)]
        assert kinds.count("break_glass") == 1
        assert WHY.encode() not in b"".join(
            path.read_bytes() for path in (site.folder / "ledger").rglob("*") if path.is_file()
        )
    assert verify(site.folder / "ledger", site.town.roster).ok
