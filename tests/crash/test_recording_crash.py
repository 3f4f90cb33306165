"""A recording process is killed: only the group of pictures it was gathering is lost."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from serambi.recording.fsck import check_recordings
from serambi.recording.index import Index
from tests.clips import clip, decoded

ROOT = Path(__file__).resolve().parents[2]


def _record_and_kill(folder: Path, count: int, *more: str) -> None:
    path = os.pathsep.join((str(ROOT / "src"), str(ROOT)))
    with subprocess.Popen(
        [sys.executable, "-m", "tests.crash.recording_writer", str(folder), str(count), *more],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path},
    ) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == b"written\n"
        finally:
            process.kill()


@pytest.mark.parametrize("torn_bytes", [0, 5000])
@pytest.mark.parametrize("synced", [["synced"], []])
def test_a_kill_in_the_middle_of_a_group_loses_that_group_only(
    tmp_path: Path, torn_bytes: int, synced: list[str]
) -> None:
    """Whether the index knows a part of the file or nothing of it."""
    _record_and_kill(tmp_path, 90, *synced)
    (path,) = (tmp_path / "gate").glob("*.mp4")
    with path.open("ab") as file:
        # What a power cut in the middle of a write would leave behind it.
        file.write((path.read_bytes()[-9000:] + bytes(9000))[:torn_bytes])
    index = Index(tmp_path / "index.db")
    try:
        assert check_recordings(tmp_path, index).cut_bytes == torn_bytes
        (segment,) = index.segments("gate")
        assert [one.units for one in index.fragments(segment.id)] == [25, 25, 25]
    finally:
        index.close()
    frames = decoded(path.read_bytes())
    assert [round(at * clip().fps) for at, _ in frames] == list(range(75))
