"""What is not shared does not leave: every byte between keeper and courier, and every message that
a courier publishes, is kept and searched while all that is shared is being watched."""

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from serambi.courier.config import read_config
from serambi.courier.main import Courier
from serambi.fabric.frames import Batch
from serambi.fabric.port import SiteLink
from serambi.fabric.uplink_client import UplinkClient
from serambi.fabric.zenoh_site import ZenohSite
from serambi.sim.town import Camera
from tests.crash.small_town import SHUT, TALL, SmallTown, running_town, see_pictures, wait_until
from tests.simulation.tap import Tap, Taps, disguises, occurs, payload, taps

PICTURES = 8


@pytest.fixture(scope="module")
def tapped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[SmallTown, Taps]]:
    with (
        taps() as between,
        running_town(tmp_path_factory.mktemp("tapped"), between.put_between) as town,
    ):
        yield town, between


async def _watch_all(town: SmallTown, cameras: list[str], stream: str) -> None:
    async def watch(camera: str) -> None:
        session = await asyncio.to_thread(town.open_view, camera, stream)
        async with town.watching(session) as socket:
            await see_pictures(socket, town.canary(camera), PICTURES)
        await asyncio.to_thread(town.ask, "DELETE", f"/api/sessions/{session}")

    await asyncio.gather(*(watch(camera) for camera in cameras))


def _names(camera: Camera) -> list[bytes]:
    """All that could tell that a camera exists."""
    return [text.encode() for text in (camera.id, camera.number, camera.name.id, camera.name.en)]


def _unshared(town: SmallTown) -> list[Camera]:
    return [c for c in town.layout.town.cameras if c.id in town.unshared]


def _heard(tap: Tap) -> bytes:
    return bytes(tap.to_courier + tap.to_keeper)


def test_a_disguised_secret_is_found() -> None:
    secret = bytes(range(100, 116))
    for disguise in disguises(secret):
        assert len(disguise) >= 16
        assert occurs(secret, b"before" + disguise + b"after")
    assert not occurs(secret, secret[:-1] + secret[:-1].hex().encode())


async def test_between_keeper_and_courier_there_is_only_what_is_watched(
    tapped: tuple[SmallTown, Taps],
) -> None:
    town, between = tapped
    tap = between.sites[TALL]
    first, second = town.shared
    already = {live.camera for live in tap.live()}
    await _watch_all(town, [first], "sub")
    between.settle()
    assert occurs(town.canary(first), _heard(tap))
    # Shared, but nobody has opened it yet.
    assert second in already or not occurs(town.canary(second), _heard(tap))
    for stream in ("sub", "main"):
        await _watch_all(town, town.shared, stream)
    between.settle()
    heard = _heard(tap)
    for camera in town.shared:
        assert occurs(town.canary(camera), heard)
    assert {live.camera for live in tap.live()} == set(town.shared)
    assert any(isinstance(frame, Batch) for frame in tap.frames())
    assert {live.stream for live in tap.live()} == {"main", "sub"}
    for unshared in _unshared(town):
        assert not occurs(town.canary(unshared.id), heard)
        for name in _names(unshared):
            assert not occurs(name, heard)
            assert not any(name in payload(state) for state in tap.states())


async def test_the_cameras_that_are_not_shared_do_send_pictures(
    tapped: tuple[SmallTown, Taps],
) -> None:
    """Else their absence everywhere would prove nothing."""
    town, _ = tapped
    for site in town.layout.town.site:
        for camera in site.camera:
            folder = town.layout.keeper(site.id) / "recordings" / camera.id

            def recorded(folder: Path = folder, canary: bytes = town.canary(camera.id)) -> bool:
                return any(canary in path.read_bytes() for path in folder.glob("*.mp4"))

            await asyncio.to_thread(wait_until, recorded, f"{camera.id} is recorded")


async def test_a_waiting_site_says_that_it_waits_and_nothing_else(
    tapped: tuple[SmallTown, Taps],
) -> None:
    town, between = tapped
    tap = between.sites[SHUT]
    heard = await asyncio.to_thread(
        wait_until, lambda: _heard(tap) if len(tap.states()) > 2 else b"", "some states"
    )
    assert not tap.live()
    # Not even what it was told to stop, or when it was started.
    assert not any(isinstance(frame, Batch) for frame in tap.frames())
    for camera in town.layout.town.cameras:
        assert not occurs(town.canary(camera.id), heard)
    for unshared in _unshared(town):
        assert not any(occurs(name, heard) for name in _names(unshared))
        assert not any(
            name in payload(state) for state in tap.states() for name in _names(unshared)
        )
    said = [payload(state) for state in tap.states()]
    assert all(b'"cameras":[]' in each for each in said)
    # Its first states may come before it has read its documents.
    waits = [b'"waiting":[{"agreement":"k-2"' in each for each in said]
    assert waits[-1]
    assert waits == sorted(waits)


class Recording:
    """A `SiteLink` that keeps what is published and passes it on to the real one."""

    def __init__(self, link: SiteLink) -> None:
        self._link = link
        self.published: list[bytes] = []
        self.streams: set[tuple[str, str]] = set()

    async def run(self) -> None:
        await self._link.run()

    @property
    def connected(self) -> bool:
        return self._link.connected

    async def publish_state(self, raw: bytes) -> None:
        self.published.append(raw)
        await self._link.publish_state(raw)

    async def publish_live(self, camera: str, stream: str, message: bytes) -> None:
        self.published.append(message)
        self.streams.add((camera, stream))
        await self._link.publish_live(camera, stream, message)

    async def submit_batch(self, raw: bytes, timeout_s: float) -> bytes:
        self.published.append(raw)
        return await self._link.submit_batch(raw, timeout_s)

    def purge(self, camera: str, stream: str | None) -> None:
        self._link.purge(camera, stream)

    def forget_state(self) -> None:
        self._link.forget_state()


async def test_a_courier_publishes_only_what_is_watched(tapped: tuple[SmallTown, Taps]) -> None:
    town, _ = tapped
    name = f"{TALL}-courier"
    await asyncio.to_thread(town.hold, name)
    config = read_config(town.layout.courier(TALL) / "courier.toml")
    uplink = UplinkClient(config.socket)
    link = Recording(ZenohSite(config.site, config.center, config.tls, uplink.command))
    running = asyncio.create_task(Courier(link, uplink).run())
    try:
        await _watch_all(town, town.shared, "sub")
    finally:
        running.cancel()
        await asyncio.wait([running])
        await asyncio.to_thread(town.let_go, name)
    everything = b"".join(link.published)
    assert link.streams == {(camera, "sub") for camera in town.shared}
    for camera in town.shared:
        assert occurs(town.canary(camera), everything)
    for unshared in _unshared(town):
        assert not occurs(town.canary(unshared.id), everything)
        assert not any(occurs(name, everything) for name in _names(unshared))


def _all_of(folder: Path) -> dict[Path, bytes]:
    """Every file as it is now; looked at again when a tile gave way to a wider one meanwhile."""
    for _ in range(20):
        with contextlib.suppress(FileNotFoundError):
            return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    raise AssertionError(f"{folder} does not stand still")


async def test_the_center_keeps_nothing_about_what_was_never_agreed(
    tapped: tuple[SmallTown, Taps],
) -> None:
    town, _ = tapped
    await _watch_all(town, town.shared[:1], "sub")
    logs = town.layout.folder / "logs"
    kept = _all_of(town.layout.center) | {logs / "center.log": (logs / "center.log").read_bytes()}
    assert {"center.db", "checkpoint", "center.log"} <= {path.name for path in kept}
    shared = [c for c in town.layout.town.cameras if c.id in town.shared]
    # The search finds what is there.
    assert any(occurs(shared[0].id.encode(), raw) for raw in kept.values())
    for unshared in _unshared(town):
        for name in [*_names(unshared), town.canary(unshared.id)]:
            found = [str(path) for path, raw in kept.items() if occurs(name, raw)]
            assert not found, (name, found)
    for camera in shared:
        # Pictures pass through; none is kept.
        assert not any(occurs(town.canary(camera.id), raw) for raw in kept.values())
