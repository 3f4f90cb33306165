"""Real clips against their annotated truth, through the command that people use."""

import json
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from click.testing import CliRunner

from serambi.cli.main import main

from .analytics_scenes import Plane, box, frames

TOLERANCE_S = 1.0


def lines(video: Path, rules: dict[str, Any], folder: Path) -> list[dict[str, Any]]:
    path = folder / "rules.json"
    path.write_text(json.dumps(rules))
    done = CliRunner().invoke(main, ["analyze", str(video), "--rules", str(path), "--json"])
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.output.splitlines()]


def clip(shared_data: Path, name: str) -> tuple[Path, dict[str, Any]]:
    video = shared_data / "video" / f"{name}.mp4"
    if not video.exists():
        pytest.skip(f"no {video.name} in the shared test material")
    truth: dict[str, Any] = json.loads(video.with_suffix(".gt.json").read_text())
    return video, truth


def test_people_one_by_one(shared_data: Path, tmp_path: Path) -> None:
    video, truth = clip(shared_data, "one-by-one-person-detection")
    waits = (10, 15, 20, 25, 30)
    rules = [{"rule": "loitering", "after_s": wait} for wait in waits]
    more = [{"rule": rule} for rule in ("motion", "left_object", "removed_object", "tamper")]
    found = lines(video, {"rules": rules + more}, tmp_path)
    motion = [(e["t_start_s"], e["t_end_s"]) for e in found if e["rule"] == "motion"]
    expected = truth["expected"]["motion_intervals_s"]
    assert np.abs(np.array(motion) - np.array(expected)).max() < TOLERANCE_S
    loitering = [e for e in found if e["rule"] == "loitering"]
    number = sum(truth["expected"]["loitering_whole_frame_zone"].values())
    assert len(loitering) == number
    for event in loitering:  # as long after the beginning of a visit as one of the rules says
        begins = [v["t_in"] for v in truth["visits"]]
        since = min(begins, key=lambda t: abs(t - event["t_since_s"]))
        assert event["t_since_s"] == pytest.approx(since, abs=TOLERANCE_S)
        assert round(event["t_start_s"] - event["t_since_s"]) in waits
    assert {e["rule"] for e in found} == {"motion", "loitering"}


def test_cars_under_automatic_exposure(shared_data: Path, tmp_path: Path) -> None:
    video, truth = clip(shared_data, "car-detection")
    line = {"name": "middle", "from": [0, 0.5], "to": [1, 0.5]}
    names = ("motion", "left_object", "removed_object", "loitering", "tamper")
    rules = [{"rule": "line", "line": "middle"}, *({"rule": name} for name in names)]
    found = lines(video, {"lines": [line], "rules": rules}, tmp_path)
    crossings = [e["kind"] for e in found if e["rule"] == "line"]
    expected = truth["expected"]["line_crossings_at_y_216"]
    assert crossings.count("backward") == expected["up"]
    assert crossings.count("forward") == expected["down"]
    motion = [(e["t_start_s"], e["t_end_s"]) for e in found if e["rule"] == "motion"]
    assert np.abs(np.array(motion) - truth["expected"]["motion_intervals_s"]).max() < TOLERANCE_S
    assert {e["rule"] for e in found} == {"line", "motion"}


def test_pulsing_key_frames_are_nothing_and_a_swinging_cable_is_motion(shared_data: Path) -> None:
    folder = shared_data / "signed-video" / "onvif"
    if not folder.exists():
        pytest.skip("no signed videos in the shared test material")
    still = CliRunner().invoke(main, ["analyze", str(folder / "test_h264.mp4"), "--json"])
    assert (still.exit_code, still.output) == (0, "")
    cable = CliRunner().invoke(main, ["analyze", str(folder / "test_h265.mp4"), "--json"])
    events = [json.loads(line) for line in cable.output.splitlines()]
    assert [e["rule"] for e in events] == ["motion"]
    assert events[0]["t_start_s"] < 1.5
    assert events[0]["t_end_s"] > 9.5


def test_a_file_made_here_in_pixels_and_in_words(tmp_path: Path) -> None:
    video = tmp_path / "bag.mp4"

    def draw(frame: Plane, t_s: float) -> None:
        if t_s >= 8:
            box(frame, 160, 150, 20, 18, 220)

    with av.open(str(video), "w") as out:
        stream = out.add_stream("libx264", rate=5)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for _, luma in frames(26, draw):
            picture = np.concatenate([luma, np.full((90, 320), 128, np.uint8)])
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="yuv420p")))
        out.mux(stream.encode(None))
    found = lines(video, {"rules": [{"rule": "left_object", "after_s": 6}]}, tmp_path)
    assert [e["rule"] for e in found] == ["left_object"]
    assert found[0]["t_start_s"] == pytest.approx(14.5, abs=2.5)
    assert np.abs(np.array(found[0]["box"]) - (150, 132, 170, 150)).max() <= 5
    done = CliRunner().invoke(main, ["analyze", str(video)])
    assert "left_object" in done.output


def test_what_is_no_video_is_said_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "text.mp4"
    path.write_text("no video")
    done = CliRunner().invoke(main, ["analyze", str(path)])
    assert done.exit_code == 1
    assert "no video" in done.output
