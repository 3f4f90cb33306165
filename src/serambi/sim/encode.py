"""Scenes and videos -> loops on disk, made once and kept.

Main stream: every picture at full size. Sub stream: every second one at half size. Both carry
the main stream's frame number. What does not belong here: drawing scenes, serving them.
"""

import hashlib
import json
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any, Protocol

import av
import cv2
import numpy as np

from serambi.base.errors import Kind, SerambiError
from serambi.sim import counter, loop_file
from serambi.sim.codec import H264
from serambi.sim.counter import Picture
from serambi.sim.encoder import Settings, StreamEncoder
from serambi.sim.limits import FPS, FRAMES, HEIGHT, SUB_HEIGHT, SUB_WIDTH, WIDTH
from serambi.sim.loop_file import Loop
from serambi.sim.video import video_pictures

VIDEO_FRAMES = FRAMES // 2
"""Real videos loop after 12 s: fourteen of them are encoded before the first demo with them."""
CODE_VERSION = 1  # raise it when the same scene would encode to something else


class Scene(Protocol):
    """What a scene must offer: a loop of BGR pictures, the same for the same n."""

    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def fps(self) -> int: ...
    @property
    def frames(self) -> int: ...
    def render(self, n: int) -> Any: ...


Opener = Callable[[str, int], Scene]  # (name, seed); a module-level function, for other processes
Progress = Callable[[str], None]


# A view opens at a key picture and decodes what follows: the shorter the group, the sooner.
MAIN = Settings(WIDTH, HEIGHT, FPS, 1_800_000, "high", gop_s=1)
SUB = Settings(SUB_WIDTH, SUB_HEIGHT, FPS // 2, 350_000, "main")


@dataclass(frozen=True, slots=True)
class Streams:
    """Where the two loops of a camera lie."""

    main: Path
    sub: Path


@dataclass(frozen=True, slots=True)
class Job:
    """One camera's loop: a scene by name and seed, or a video file."""

    name: str
    seed: int = 0
    camera_tag: int = 0
    label: str = ""
    video: Path | None = None
    codec: str = H264.name  # of the main stream; the sub stream is H.264 always


def default_cache() -> Path:
    """`$XDG_CACHE_HOME/serambi/scenes`, else `~/.cache/serambi/scenes`."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "serambi" / "scenes"


def open_default(name: str, seed: int) -> Scene:
    """A scene of the town."""
    from importlib import import_module  # scenes are heavy, and not needed to serve

    scene: Scene = import_module("serambi.sim.scene").open_scene(name, seed)
    return scene


def encode(
    pictures: Iterable[Picture], main: Settings, sub: Settings, camera_tag: int, label: str
) -> tuple[Loop, Loop]:
    """Number, name and encode pictures; main and sub loop."""
    encoders = StreamEncoder(main), StreamEncoder(sub)
    for n, painted in enumerate(pictures):
        picture = painted.copy()
        if label:
            counter.draw_name(picture, label)
        if n % 2 == 0:
            size = sub.width, sub.height
            small = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
            counter.draw(small, camera_tag, n)
            encoders[1].push(small)
        counter.draw(picture, camera_tag, n)
        encoders[0].push(picture)
    return encoders[0].finish(), encoders[1].finish()


def _paths(cache: Path, determined_by: dict[str, object]) -> Streams:
    settings = {"code": CODE_VERSION, "encoder": av.library_versions.get("libavcodec")}
    raw = json.dumps({**determined_by, **settings}, sort_keys=True, default=repr).encode()
    digest = hashlib.sha256(raw).hexdigest()[:32]
    return Streams(cache / f"{digest}-main.sim", cache / f"{digest}-sub.sim")


def _usable(path: Path) -> bool:
    try:
        loop_file.read(path)
    except SerambiError:
        return False
    return True


def _make(
    streams: Streams, job: Job, main: Settings, sub: Settings, pictures: Iterator[Picture]
) -> Streams:
    if not (_usable(streams.main) and _usable(streams.sub)):
        loops = encode(pictures, main, sub, job.camera_tag, job.label)
        loop_file.write(streams.main, loops[0])
        loop_file.write(streams.sub, loops[1])
    return streams


def encode_scene(job: Job, cache: Path, opener: Opener = open_default) -> Streams:
    """Both loops of a scene, from the cache when they are there and whole."""
    scene = opener(job.name, job.seed)
    main, sub = settings_for(scene.width, scene.height, scene.fps)
    main = replace(main, codec=job.codec)
    # Three pictures tell a repainted scene from an old one without painting it all.
    probes = hashlib.sha256()
    for part in range(3):
        probes.update(scene.render(scene.frames * part // 3).tobytes())
    streams = _paths(
        cache,
        {"scene": job.name, "seed": job.seed, "tag": job.camera_tag, "label": job.label}
        | {"pictures": probes.hexdigest(), "frames": scene.frames, "main": main, "sub": sub},
    )
    return _make(streams, job, main, sub, (scene.render(n) for n in range(scene.frames)))


def encode_video(
    path: Path,
    cache: Path,
    camera_tag: int = 0,
    label: str = "",
    frames: int = VIDEO_FRAMES,
    codec: str = H264.name,
) -> Streams:
    """Both loops of a real video: fitted into 1280x720, 20 a second, repeated or cut to 12 s.

    Raises `SerambiError` when the file is missing or not a video.
    """
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise SerambiError(
            Kind.NOT_FOUND, f"cannot read video: {error.strerror}", where=str(path)
        ) from error
    key = {"video": digest, "tag": camera_tag, "label": label, "frames": frames}
    main = replace(MAIN, codec=codec)
    streams = _paths(cache, key | {"main": main, "sub": SUB})
    job = Job(path.name, 0, camera_tag, label, path, codec)
    return _make(streams, job, main, SUB, video_pictures(path, WIDTH, HEIGHT, FPS, frames))


def settings_for(width: int, height: int, fps: int) -> tuple[Settings, Settings]:
    """Main and sub settings of a scene of this size; the town's own are `MAIN` and `SUB`."""
    if (width, height, fps) == (WIDTH, HEIGHT, FPS):
        return MAIN, SUB
    return (
        Settings(width, height, fps, 600_000, "high"),
        Settings(max(320, width // 4 * 2), max(180, height // 4 * 2), fps // 2, 200_000, "main"),
    )


@dataclass(frozen=True, slots=True)
class _Failed:
    """A `SerambiError` on its way from another process: the error itself cannot be pickled."""

    kind: Kind
    what: str
    where: str
    hint: str


def _end_with_parent() -> None:
    """In a process that paints: one whose parent was killed must not paint on."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_leave_after, args=(parent.sentinel,), daemon=True).start()


def _leave_after(parent: int) -> None:
    wait([parent])
    os._exit(1)


def _work(job: Job, cache: Path, opener: Opener) -> Streams | _Failed:
    cv2.setNumThreads(1)
    try:
        if job.video is not None:
            return encode_video(job.video, cache, job.camera_tag, job.label, codec=job.codec)
        return encode_scene(job, cache, opener)
    except SerambiError as error:
        return _Failed(error.kind, error.what, error.where, error.hint)


def encode_all(
    jobs: Sequence[Job],
    cache: Path,
    progress: Progress,
    *,
    opener: Opener = open_default,
    processes: int = 2,
) -> list[Streams]:
    """Every job's loops, in the jobs' order, in `processes` processes; one line for each."""
    done: dict[int, Streams] = {}
    with ProcessPoolExecutor(
        max_workers=processes,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_end_with_parent,
    ) as pool:
        futures = {pool.submit(_work, job, cache, opener): i for i, job in enumerate(jobs)}
        try:
            for future in as_completed(futures):
                i = futures[future]
                result = future.result()
                if isinstance(result, _Failed):
                    raise SerambiError(
                        result.kind, result.what, where=result.where, hint=result.hint
                    )
                done[i] = result
                progress(f"{len(done)}/{len(jobs)} {jobs[i].name}")
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [done[i] for i in range(len(jobs))]
