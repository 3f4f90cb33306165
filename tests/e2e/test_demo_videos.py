"""The demo over real videos instead of its painted scenes."""

from pathlib import Path

import pytest

from tests.e2e.conftest import OpenWall
from tests.e2e.screen import AGREED, check_pictures
from tests.e2e.town import running_town

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def test_with_videos_every_agreed_camera_moves(
    tmp_path: Path, shared_data: Path, open_wall: OpenWall
) -> None:
    videos = shared_data / "video"
    if not videos.is_dir():
        pytest.skip(f"no videos at {videos}")
    with running_town(tmp_path / "town", "--videos", str(videos)) as filmed:
        screen = open_wall(filmed)
        assert {camera.number for camera in filmed.shared} == AGREED
        check_pictures(screen, filmed.shared)
        # The page goes before the town, so that it has nothing to complain of.
        screen.page.close()
