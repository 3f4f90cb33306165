"""Scenes and videos -> loops on disk."""

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serambi.base.errors import Kind, SerambiError
from serambi.sim import counter, encode, loop_file
from serambi.sim.bench_loop import bench_loop
from serambi.sim.encode import Job, encode_all, encode_scene, encode_video
from serambi.sim.encoder import Settings, StreamEncoder
from serambi.sim.loop_file import Loop
from serambi.sim.video import letterbox, video_pictures
from tests.simulation.sim_town import TAG, Painted, open_painted

JOB = Job("painted", 3, TAG, "Gerbang")
SHARED_VIDEO = (
    Path(os.environ.get("SERAMBI_TEST_DATA", Path(__file__).parents[2].parent / "shared" / "data"))
    / "video"
    / "car-detection.mp4"
)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scenes")


@pytest.fixture(scope="module")
def loops(cache: Path) -> tuple[Loop, Loop]:
    streams = encode_scene(JOB, cache, open_painted)
    return loop_file.read(streams.main), loop_file.read(streams.sub)


def annex_b(loop: Loop) -> bytes:
    return b"".join(b"\0\0\0\1" + nal for unit in loop.units for nal in unit.nals)


def numbers(loop: Loop) -> list[tuple[int, int] | None]:
    decoder: Any = av.CodecContext.create(loop.codec.decoder, "r")
    frames = []
    for unit in loop.units:
        raw = b"".join(b"\0\0\0\1" + nal for nal in unit.nals)
        frames += decoder.decode(av.Packet(raw))
    frames += decoder.decode(None)
    return [counter.read(np.asarray(f.to_ndarray(format="bgr24"))) for f in frames]


def test_every_picture_is_numbered_in_both_streams(loops: tuple[Loop, Loop]) -> None:
    assert numbers(loops[0]) == [(TAG, n) for n in range(40)]
    assert numbers(loops[1]) == [(TAG, n) for n in range(0, 40, 2)]


def test_shape_of_the_stream(loops: tuple[Loop, Loop]) -> None:
    for loop, profile in zip(loops, (100, 77), strict=True):
        assert [i for i, unit in enumerate(loop.units) if unit.key] == [0]
        kinds = [[nal[0] & 0x1F for nal in unit.nals] for unit in loop.units]
        assert kinds[0] == [7, 8, 5]
        assert all(kind == [1] for kind in kinds[1:])
        assert loop.parameter_sets[0][1] == profile


@pytest.mark.parametrize(("codec", "b_frames"), [("h265", 0), ("h264", 2), ("h265", 2)])
def test_other_codecs_and_orders_keep_their_numbers(codec: str, b_frames: int) -> None:
    coder = StreamEncoder(Settings(320, 180, 10, 300_000, "main", codec=codec, b_frames=b_frames))
    for n in range(40):
        picture = Painted().render(n)
        counter.draw(picture, TAG, n)
        coder.push(picture)
    loop = coder.finish()
    assert [i for i, unit in enumerate(loop.units) if unit.key] == [0, 20]
    assert sorted(i + unit.shift for i, unit in enumerate(loop.units)) == list(range(40))
    assert loop.lead == b_frames
    assert numbers(loop) == [(TAG, n) for n in range(40)]
    again = loop_file.load(loop_file.dump(loop))
    assert again == loop
    assert (again.lead, again.codec.name) == (b_frames, codec)


def test_the_main_stream_of_a_scene_may_be_h265(tmp_path: Path) -> None:
    job = replace(JOB, codec="h265")
    streams = encode_scene(job, tmp_path, open_painted)
    main, sub = loop_file.read(streams.main), loop_file.read(streams.sub)
    assert (main.codec.name, sub.codec.name) == ("h265", "h264")
    assert encode_scene(JOB, tmp_path, open_painted) != streams


def test_the_loop_for_benchmarks_is_made_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serambi.sim.bench_loop.FRAMES", 20)
    small = Settings(320, 180, 5, 300_000, "high", "ultrafast")
    path = bench_loop(cache=tmp_path, settings=small)
    written = path.stat().st_mtime_ns
    assert bench_loop(cache=tmp_path, settings=small) == path
    assert path.stat().st_mtime_ns == written
    loop = loop_file.read(path)
    assert numbers(loop) == [(0, n) for n in range(20)]
    assert [i for i, unit in enumerate(loop.units) if unit.key] == [0, 10]
    with pytest.raises(SerambiError, match="no codec"):
        bench_loop("av1", cache=tmp_path, settings=small)


@pytest.mark.parametrize(
    "change",
    [{"codec": "av1"}, {"shifts": [1, 2]}, {"shifts": [99]}, {"codec": "h265"}],
    ids=["codec", "too many", "too far", "wrong"],
)
def test_other_headers_that_lie_are_corrupt(change: dict[str, object]) -> None:
    body = b"\0\0\0\1\x67a\0\0\0\1\x68b\0\0\0\1\x65c"
    header = {"width": 1, "height": 1, "fps": 20, "units": [[len(body), True]]}
    header |= {"sha256": hashlib.sha256(body).hexdigest()}
    for wrong in ({}, change):
        raw = json.dumps(header | wrong).encode()
        whole = b"SERSIM1\n" + len(raw).to_bytes(4, "big") + raw + body
        if not wrong:
            assert loop_file.load(whole).units[0].shift == 0
            continue
        with pytest.raises(SerambiError, match="not a usable loop"):
            loop_file.load(whole)


def test_settings_of_the_town() -> None:
    assert encode.settings_for(1280, 720, 20) == (encode.MAIN, encode.SUB)
    assert (encode.MAIN.gop, encode.SUB.gop) == (20, 20)


@pytest.mark.parametrize("size", [(1280, 720), (640, 360)])
def test_low_bitrate_noise_leaves_the_counter_readable(size: tuple[int, int]) -> None:
    settings = Settings(*size, 10, 150_000, "main")
    random = np.random.default_rng(5)
    coder = StreamEncoder(settings)
    for n in range(12):
        picture = random.integers(0, 256, (size[1], size[0], 3), np.uint8)
        counter.draw(picture, 9, n * 41)
        coder.push(picture)
    assert numbers(coder.finish()) == [(9, n * 41) for n in range(12)]


def test_cache_is_used_and_a_damaged_file_is_remade(tmp_path: Path) -> None:
    painted: list[int] = []

    class Counted(Painted):
        def render(self, n: int) -> counter.Picture:
            painted.append(n)
            return super().render(n)

    def run() -> encode.Streams:
        painted.clear()
        return encode_scene(JOB, tmp_path, lambda name, seed: Counted(seed))

    first = run()
    assert len(painted) == 3 + 40
    assert run() == first
    assert len(painted) == 3
    good = first.main.read_bytes()
    first.main.write_bytes(good[:-1] + b"x")
    assert run() == first
    assert len(painted) == 3 + 40
    assert first.main.read_bytes() == good
    assert len(list(tmp_path.iterdir())) == 2


def test_every_cause_gives_another_file(cache: Path, loops: tuple[Loop, Loop]) -> None:
    def name(job: Job, seed: int = 3) -> str:
        return encode_scene(job, cache, lambda *_: Painted(seed)).main.name

    names = {name(JOB), name(JOB, seed=4), name(Job("painted", 3, TAG + 1, "Gerbang"))}
    names |= {name(Job("painted", 3, TAG, "Pasar")), name(Job("other", 3, TAG, "Gerbang"))}
    assert len(names) == 5


def test_racing_writers_leave_a_whole_file(tmp_path: Path, loops: tuple[Loop, Loop]) -> None:
    path = tmp_path / "new" / "a.sim"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: loop_file.write(path, loops[0]), range(24)))
    assert loop_file.read(path) == loops[0]
    assert [entry.name for entry in path.parent.iterdir()] == ["a.sim"]


def test_two_processes_keep_the_order_and_tell_progress(tmp_path: Path) -> None:
    told: list[str] = []
    jobs = [Job("east", 1), Job("west", 2)]
    streams = encode_all(jobs, tmp_path, told.append, opener=open_painted)
    assert sorted(line.split()[0] for line in told) == ["1/2", "2/2"]
    assert [s.main for s in streams] == [
        encode_scene(job, tmp_path, open_painted).main for job in jobs
    ]


def test_a_failing_job_is_heard_of(tmp_path: Path) -> None:
    with pytest.raises(SerambiError, match="cannot read video") as caught:
        encode_all([Job("gone", video=tmp_path / "gone.mp4")], tmp_path, print, processes=1)
    assert caught.value.kind == Kind.NOT_FOUND


@given(cut=st.integers(0, 2000))
def test_a_cut_file_is_corrupt(cut: int) -> None:
    nals = (b"\x67abc", b"\x68de", b"\x65" + b"x" * 2000)
    whole = loop_file.dump(Loop(320, 180, 20, (loop_file.Unit(True, nals),)))
    assert loop_file.load(whole).units[0].nals == nals
    with pytest.raises(SerambiError) as caught:
        loop_file.load(whole[:cut])
    assert caught.value.kind == Kind.CORRUPT


@given(raw=st.binary(max_size=200))
def test_garbage_is_corrupt(raw: bytes) -> None:
    for text in (raw, b"SERSIM1\n" + raw):
        with pytest.raises(SerambiError):
            loop_file.load(text)


def test_lengths_that_lie_are_corrupt() -> None:
    body = b"\0\0\0\1\x67a\0\0\0\1\x68b\0\0\0\1\x65c"
    for units in ([[5, True]], [[len(body) + 1, True]], [[-1, True], [len(body) + 1, True]], []):
        header = json.dumps(
            {"width": 1, "height": 1, "fps": 20, "units": units}
            | {"sha256": hashlib.sha256(body).hexdigest()}
        ).encode()
        with pytest.raises(SerambiError):
            loop_file.load(b"SERSIM1\n" + len(header).to_bytes(4, "big") + header + body)


def test_default_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert encode.default_cache() == tmp_path / "serambi" / "scenes"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert encode.default_cache().parts[-3:] == (".cache", "serambi", "scenes")


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half a second at 10 pictures a second, 160x160, each brighter than the one before."""
    path = tmp_path_factory.mktemp("video") / "ramp.mp4"
    with av.open(str(path), "w") as box:
        stream = box.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 160, 160, "yuv420p"
        for n in range(5):
            frame = av.VideoFrame.from_ndarray(
                np.full((160, 160, 3), 40 * n + 20, np.uint8), "bgr24"
            )
            frame.pts, frame.time_base = n, Fraction(1, 10)
            box.mux(stream.encode(frame))
        box.mux(stream.encode(None))
    return path


def levels(pictures: Iterator[counter.Picture]) -> list[int]:
    return [round((float(p[90, 160].mean()) - 20) / 40) for p in pictures]


def test_video_is_brought_to_rate_and_repeated(video: Path) -> None:
    found = levels(video_pictures(video, 320, 180, 20, 20))
    assert len(found) == 20
    assert found[:8] == [0, 0, 1, 1, 2, 2, 3, 3]
    start = found.index(0, 5)
    assert found[start : start + 4] == [0, 0, 1, 1]


def test_video_is_cut_to_a_lower_rate(video: Path) -> None:
    assert levels(video_pictures(video, 320, 180, 5, 3)) == [0, 2, 4]


def test_letterbox_keeps_proportions() -> None:
    fitted = letterbox(np.full((160, 160, 3), 200, np.uint8), 320, 180)
    assert fitted.shape == (180, 320, 3)
    assert np.nonzero(fitted[90, :, 0])[0].tolist() == list(range(70, 250))


def test_encode_video_is_cached_by_content(video: Path, tmp_path: Path) -> None:
    streams = encode_video(video, tmp_path, 4, frames=4)
    assert numbers(loop_file.read(streams.main)) == [(4, n) for n in range(4)]
    moved = shutil.copy(video, tmp_path / "other.mp4")
    assert encode_video(Path(moved), tmp_path, 4, frames=4) == streams


@pytest.mark.parametrize("content", [b"", b"not a video" * 99])
def test_not_a_video(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    with pytest.raises(SerambiError, match="cannot be decoded"):
        encode_video(path, tmp_path, frames=2)


@pytest.mark.skipif(not SHARED_VIDEO.exists(), reason="no shared video beside the repository")
def test_real_video() -> None:
    pictures = list(video_pictures(SHARED_VIDEO, 1280, 720, 20, 6))
    assert len(pictures) == 6
    assert pictures[0].std() > 5


@pytest.mark.skipif(shutil.which("ffprobe") is None, reason="ffprobe is not installed")
def test_ffprobe_agrees(loops: tuple[Loop, Loop], tmp_path: Path) -> None:
    path = tmp_path / "main.h264"
    path.write_bytes(annex_b(loops[0]))
    told = subprocess.run(
        [
            *("ffprobe", "-v", "error", "-of", "json", str(path), "-show_entries"),
            "frame=pict_type:stream=profile,has_b_frames",
        ],
        capture_output=True,
        check=True,
        timeout=20,
    )
    assert told.stderr == b""
    found = json.loads(told.stdout)
    assert "".join(frame["pict_type"] for frame in found["frames"]) == "I" + "P" * 39
    assert found["streams"][0]["profile"] == "High"
    assert found["streams"][0]["has_b_frames"] == 0
