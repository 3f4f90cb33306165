"""The owner's cameras: read, recorded, watched over; trouble of one is no trouble of another."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from serambi.base.clock import ManualClock
from serambi.keeper.hub import Hub
from serambi.keeper.watch import CameraWatch
from serambi.recording.disk import Disk
from tests.builders import NOW, Town, make_roster
from tests.clips import clip
from tests.fakes.keeper_http import BEARER, box
from tests.fakes.keeper_site import FakeCameras, Site
from tests.unit.fabric_tasks import eventually

FILM = clip(20, width=64, height=48, gop=5)
LATER = tuple(
    replace(u, pts=u.pts + 90_000, dts=u.dts + 90_000, wall_us=u.wall_us + 1_000_000)
    for u in FILM.units
)


@pytest.fixture(scope="module")
def town() -> Town:
    return make_roster()


class Post:
    def __init__(self, folder: Path, town: Town) -> None:
        self.site = Site(folder / "keeper", town)
        self.cameras = FakeCameras()
        self.offered: list[tuple[str, str]] = []
        self.hub = Hub(
            asyncio.get_running_loop(),
            lambda c, s, message, key: self.offered.append((c, s)),
            lambda camera, stream: True,
        )
        self.clock = ManualClock(NOW)
        self.watch = CameraWatch(self.site.config, self.hub, self.clock, self.cameras)


@pytest.fixture
async def post(tmp_path: Path, town: Town) -> AsyncIterator[Post]:
    post = Post(tmp_path, town)
    post.watch.start()
    await eventually(lambda: post.watch.recording_begun, "the recordings are checked")
    yield post
    post.watch.close()


def watch_both(post: Post, camera: str) -> None:
    for stream in ("main", "sub"):
        post.hub.prelude(camera, stream)


async def live(post: Post, camera: str) -> None:
    for stream in ("main", "sub"):
        post.cameras.put(camera, stream, *FILM.items())
    await eventually(lambda: post.watch.watched(camera).online, f"{camera} is there")


async def test_each_camera_is_opened_with_its_own_credentials(post: Post) -> None:
    assert post.cameras.credentials == {("viewer", f"secret-of-cam-{n}") for n in range(1, 6)}
    assert len(post.cameras.sources) == 10
    assert post.watch.cameras() == ("cam-1", "cam-2", "cam-3", "cam-4", "cam-5")


async def test_a_camera_before_its_first_picture(post: Post) -> None:
    watched = post.watch.watched("cam-1")
    assert (watched.online, watched.recording, watched.trouble) == (False, False, "")
    assert (watched.main.width, watched.main.fps) == (0, 0)


async def test_pictures_go_to_the_hub_and_the_main_stream_to_the_disk(post: Post) -> None:
    watch_both(post, "cam-1")
    await live(post, "cam-1")
    await eventually(lambda: len(post.offered) >= 2 * 22, "all is offered")
    assert set(post.offered) == {("cam-1", "main"), ("cam-1", "sub")}
    watched = post.watch.watched("cam-1")
    assert (watched.online, watched.recording, watched.recording_trouble) == (True, True, "")
    assert (watched.main.width, watched.main.height) == (64, 48)
    files = list((post.site.folder / "recordings").rglob("*.mp4"))
    assert {path.parent.name for path in files} == {"cam-1"}, "one recording, of main"
    assert not post.watch.watched("cam-2").online


async def test_one_stream_down_is_said_and_leaves_the_others(post: Post) -> None:
    await live(post, "cam-1")
    await live(post, "cam-2")
    post.cameras.fail("cam-1", "sub", "the camera hung up")
    await eventually(lambda: not post.watch.watched("cam-1").online, "it is seen")
    watched = post.watch.watched("cam-1")
    assert (watched.trouble, watched.offline_since) == ("the camera hung up", NOW)
    assert watched.recording, "the main stream still comes"
    assert post.watch.watched("cam-2").online
    await eventually(lambda: not post.hub.prelude("cam-1", "sub"), "nothing stale is left")
    assert post.hub.prelude("cam-1", "main")


async def test_a_full_disk_ends_recording_visibly_and_live_goes_on(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(Disk, "append", full)
        watch_both(post, "cam-1")
        await live(post, "cam-1")
        await eventually(lambda: post.watch.watched("cam-1").recording_trouble, "it is seen")
        watched = post.watch.watched("cam-1")
        assert watched.recording_trouble == "cannot record: No space left on device"
        assert (watched.online, watched.recording) == (True, False)
        await eventually(lambda: len(post.offered) >= 2 * 22, "live goes on")
    post.cameras.put("cam-1", "main", *LATER)
    await eventually(lambda: post.watch.watched("cam-1").recording, "it records again")
    assert post.watch.watched("cam-1").recording_trouble == ""


async def test_the_owner_sees_what_is_not_recorded(
    tmp_path: Path, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    site = Site(tmp_path / "keeper", town)
    site.put_documents()
    async with box(site) as home:
        watch = home.keeper.watch
        watch.start()
        await eventually(lambda: watch.recording_begun, "the recordings are checked")
        for camera in watch.cameras():
            for stream in ("main", "sub"):
                home.cameras.put(camera, stream, *FILM.items())
        await eventually(lambda: all(watch.watched(c).online for c in watch.cameras()), "all live")
        health = (await home.http.get("/api/health", headers=BEARER)).json()
        assert (health["status"], health["cameras"][1]["recording"]) == ("ok", True)
        monkeypatch.setattr(Disk, "append", full)
        home.cameras.put("cam-2", "main", *LATER)
        await eventually(lambda: watch.watched("cam-2").recording_trouble, "the disk is full")
        health = (await home.http.get("/api/health", headers=BEARER)).json()
        camera = health["cameras"][1]
        assert (health["status"], camera["online"], camera["recording"]) == (
            "degraded",
            True,
            False,
        )
        assert "No space left" in camera["recording_trouble"]
        page = (await home.http.get("/?lang=en", headers=BEARER)).text
        assert "Not being recorded: camera 102." in page
        await home.keeper.stop(None)
        page = (await home.http.get("/?lang=en", headers=BEARER)).text
        assert "Running, 4 of 5 cameras" in page
        monkeypatch.undo()


async def test_old_recordings_make_room(post: Post) -> None:
    await live(post, "cam-1")
    post.cameras.put("cam-1", "main", FILM.config, *LATER)
    await eventually(lambda: len(post.watch.index.segments("cam-1")) == 2, "two are recorded")
    old, newest = post.watch.index.segments("cam-1")
    post.clock.advance(365 * 86_400)
    post.watch.make_room()
    assert [segment.path for segment in post.watch.index.segments("cam-1")] == [newest.path]
    folder = post.site.folder / "recordings"
    assert not (folder / old.path).exists()
    assert (folder / newest.path).exists()


async def test_closing_before_starting_is_no_error(tmp_path: Path, town: Town) -> None:
    Post(tmp_path, town).watch.close()
