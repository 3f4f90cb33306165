"""A keeper with its analyst, both as they run: a camera that sees something else is not shared."""

import asyncio
import hashlib
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from serambi.agreement.confirmation import Confirmation, seal_confirmation
from serambi.base.clock import ManualClock
from serambi.base.instants import instant_text
from serambi.keeper.keeper import Keeper
from serambi.media.access_unit import AccessUnit
from tests.builders import NOW, SITE, make_attestation
from tests.fakes.films import approved, film
from tests.fakes.keeper_courier import Courier, connected, running_keeper
from tests.fakes.keeper_site import FakeCameras, Site, ledger_of
from tests.unit.fabric_tasks import eventually

CAM = "cam-1"
LIMIT_S = 30.0
GATE = hashlib.sha256(approved("gate")).hexdigest()


class Scene:
    """A site whose cam-1 is attested with the picture of the gate."""

    def __init__(self, folder: Path) -> None:
        self.site = Site(folder)
        self.site.attestations[CAM] = make_attestation(
            self.site.town, CAM, number="101", reference_sha256=GATE
        )
        self.site.agreement = self.site.agree("cam-1", "cam-2")
        self.site.put_documents()
        (folder / "references").mkdir()
        self.reference = folder / "references" / f"{GATE}.webp"
        self.reference.write_bytes(approved("gate"))
        with (folder / "keeper.toml").open("a") as settings:
            settings.write("\n[analysis]\nviews = true\n")
        self.clock = ManualClock(NOW)
        self.cameras = FakeCameras()

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[tuple[Keeper, Courier]]:
        async with (
            running_keeper(self.site, self.clock, self.cameras) as keeper,
            connected(self.site) as courier,
        ):
            await eventually(lambda: keeper.lookout.strain.running, "the analyst runs", LIMIT_S)
            yield keeper, courier

    def connect(self, scene: str) -> None:
        self.cameras.put(CAM, "sub", film(scene)[0])

    async def shows(self, keeper: Keeper, scene: str, wanted: str, *, dark: bool = False) -> None:
        """Until the keeper has seen it: a key picture every two seconds of its clock."""
        for _ in range(8):
            self.clock.advance(2.0)
            first = film(scene, dark=dark)[1][0]
            wall_us = int(self.clock.now() * 1e6)
            unit = AccessUnit(first.pts, first.dts, True, wall_us, first.data)
            before = keeper.lookout.sights.heard(CAM)
            self.cameras.put(CAM, "sub", unit)
            await eventually(partial(_heard_since, keeper, before), "a look", LIMIT_S)
            if keeper.lookout.sight(CAM) == wanted:
                return
        raise AssertionError(f"{keeper.lookout.sight(CAM)} instead of {wanted}")

    @staticmethod
    def kinds(keeper: Keeper) -> list[tuple[str, str]]:
        return [
            (entry.kind, entry.reason)
            for entry in ledger_of(keeper)
            if entry.kind in ("suspended", "restored", "alert")
        ]


def _heard_since(keeper: Keeper, before_s: float) -> bool:
    return keeper.lookout.sights.heard(CAM) > before_s


def analysts() -> list[int]:
    """Processes of this test that look at pictures."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return [
        int(pid)
        for pid in children
        if b"serambi.keeper.analysis.child" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path / "keeper")


async def test_a_turned_camera_is_shut_until_two_parties_have_looked(scene: Scene) -> None:
    clock = scene.clock
    async with scene.at_work() as (keeper, courier):
        scene.connect("gate")
        await eventually(lambda: keeper.state().suspensions, "nobody has looked yet")
        assert (await courier.ask(clock, CAM)).reason == "suspended"
        await scene.shows(keeper, "gate", "match")
        assert (await courier.ask(clock, CAM)).allowed
        assert keeper.sessions.all()
        await scene.shows(keeper, "dock", "changed")
        await eventually(lambda: not keeper.sessions.all(), "the view is closed")
        assert (await courier.ask(clock, CAM)).reason == "suspended"
        # A main stream alone shows what nobody has looked at.
        scene.cameras.put("cam-2", "main", film("gate")[0])
        await eventually(lambda: "cam-2" in keeper.state().suspensions, "doubt is not shared")
        assert (await courier.ask(clock, "cam-2")).reason == "suspended"
        told = next(c for c in keeper.site_state().cameras if c.id == CAM)
        assert told.state == "suspended"
        await eventually(
            lambda: scene.kinds(keeper) == [("suspended", "view_changed")], "the ledger"
        )
        assert keeper.lookout.sights.picture(CAM).startswith(b"\xff\xd8")
        # The picture itself goes nowhere.
        assert keeper.lookout.sights.picture(CAM)[:64] not in courier.seen
        await scene.shows(keeper, "gate", "changed")
    # A restart forgets nothing, and turning it back is not enough.
    async with scene.at_work() as (keeper, courier):
        scene.connect("gate")
        await scene.shows(keeper, "gate", "changed")
        digest = scene.site.digests[CAM]
        clock.advance(1)
        said = Confirmation(1, SITE, CAM, digest, instant_text(clock.now()))
        keys = scene.site.town.sign_keys(("kpu", "bawaslu"))
        await keeper.accept(seal_confirmation(said, keys))
        await eventually(lambda: keeper.lookout.sight(CAM) != "changed", "it is looked at again")
        await scene.shows(keeper, "gate", "match")
        assert (await courier.ask(clock, CAM)).allowed
        # The same word does not undo the next change; a new one does, without a restart.
        await scene.shows(keeper, "dock", "changed")
        await keeper.accept(seal_confirmation(said, keys))
        await scene.shows(keeper, "gate", "changed")
        clock.advance(1)
        anew = Confirmation(1, SITE, CAM, digest, instant_text(clock.now()))
        await keeper.accept(seal_confirmation(anew, keys))
        await eventually(lambda: keeper.lookout.sight(CAM) != "changed", "it is looked at again")
        await scene.shows(keeper, "gate", "match")
        assert (await courier.ask(clock, CAM)).allowed


async def test_what_cannot_be_told_pauses_and_goes_on_by_itself(scene: Scene) -> None:
    async with scene.at_work() as (keeper, courier):
        scene.connect("gate")
        await scene.shows(keeper, "gate", "match")
        await scene.shows(keeper, "gate", "undecidable", dark=True)
        assert (await courier.ask(scene.clock, CAM)).reason == "suspended"
        await scene.shows(keeper, "gate", "match")
        assert (await courier.ask(scene.clock, CAM)).allowed
        wanted = [("suspended", "view_unclear"), ("restored", "")]
        await eventually(lambda: scene.kinds(keeper) == wanted, "the ledger", LIMIT_S)


async def test_what_matches_again_after_a_restart_is_restored_in_the_ledger_too(
    scene: Scene,
) -> None:
    async with scene.at_work() as (keeper, _):
        scene.connect("gate")
        await scene.shows(keeper, "gate", "undecidable", dark=True)
        await eventually(lambda: len(scene.kinds(keeper)) == 1, "the ledger", LIMIT_S)
    async with scene.at_work() as (keeper, _):
        scene.connect("gate")
        await scene.shows(keeper, "gate", "match")
        wanted = [("suspended", "view_unclear"), ("restored", "")]
        await eventually(lambda: scene.kinds(keeper) == wanted, "the ledger", LIMIT_S)


async def test_an_analyst_that_is_killed_comes_back_and_changes_nothing(scene: Scene) -> None:
    async with scene.at_work() as (keeper, courier):
        scene.connect("gate")
        await scene.shows(keeper, "gate", "match")
        (analyst,) = analysts()
        os.kill(analyst, signal.SIGKILL)
        await eventually(lambda: not keeper.lookout.strain.running, "it is gone", LIMIT_S)
        assert (await courier.ask(scene.clock, CAM)).allowed, "what was seen still holds"
        await eventually(lambda: keeper.lookout.strain.running, "it is back", LIMIT_S)
        await scene.shows(keeper, "dock", "changed")


async def test_without_the_approved_picture_nothing_is_shared(scene: Scene) -> None:
    scene.reference.write_bytes(approved("dock"))
    async with scene.at_work() as (keeper, courier):
        scene.connect("gate")
        await eventually(lambda: keeper.lookout.trouble(CAM), "it is said why")
        assert "not the one that was attested" in keeper.lookout.trouble(CAM)
        assert (await courier.ask(scene.clock, CAM)).reason == "suspended"
        scene.reference.unlink()
        assert keeper.lookout.approved(CAM) is None


async def test_a_rule_that_is_met_is_an_entry_and_only_once(scene: Scene) -> None:
    (scene.site.folder / "rules").mkdir()
    rules = {"rules": [{"rule": "tamper"}]}
    (scene.site.folder / "rules" / f"{CAM}.json").write_text(json.dumps(rules))
    async with scene.at_work() as (keeper, _):
        scene.connect("gate")
        for turn in range(2):
            await _play(scene, keeper, "gate", 30.0)
            await _play(scene, keeper, "gate", 30.0, dark=True)
            if not turn:
                await eventually(
                    lambda: ("alert", "tamper") in scene.kinds(keeper), "an alert", LIMIT_S
                )
        assert scene.kinds(keeper).count(("alert", "tamper")) == 1
        (entry,) = [e for e in ledger_of(keeper) if e.kind == "alert"]
        # No agreement gives alerts of this camera: whoever mirrors the ledger learns no name.
        assert entry.camera.startswith("commitment:")
        assert entry.agreement == ""


async def _play(
    scene: Scene, keeper: Keeper, place: str, duration_s: float, *, dark: bool = False
) -> None:
    """Five pictures a second of the clock, a key picture each second."""
    units = film(place, dark=dark)[1]
    for number in range(round(duration_s * 5)):
        scene.clock.advance(0.2)
        unit = units[number % 5]
        wall_us = int(scene.clock.now() * 1e6)
        scene.cameras.put(CAM, "sub", AccessUnit(unit.pts, unit.dts, unit.key, wall_us, unit.data))
        await eventually(
            lambda: scene.cameras.sources[CAM, "sub"].items.empty(), "it is taken", LIMIT_S
        )
        await asyncio.sleep(0)
    await eventually(lambda: keeper.lookout.strain.running, "it runs")
