"""One target in a process of its own: atheris makes inputs, this counts, times and keeps findings.

Started by `__main__.py`; leaves its figures in FOLDER/NAME.json and what it found, with how it
ended, in FOLDER/findings. Inputs that reached new code are kept in FOLDER/corpus/NAME and are the
seeds of the next run.
"""

import argparse
import hashlib
import json
import logging
import os
import sys
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import atheris

from fuzz._target import ROOT, Broken, Target, load

INPUT_LIMIT_S = 1.0
"""Processor time that one input may take."""

GROWTH_LIMIT_MB = 64.0
"""How much the process may grow after it has warmed up; libFuzzer's own corpus is in it."""

_HANG_S = 30
_WARM_SHARE = 0.2
_LOOK_EVERY = 128
_ERROR_MAX_CHARACTERS = 1000
_FINDINGS_MAX = 20


@dataclass
class Limits:
    """When to end: after `seconds` or, where given, after `runs` executions."""

    seconds: float
    runs: int


@dataclass
class Watched:
    """`check` of a target, counted. Called by atheris with each input; ends the process."""

    name: str
    target: Target
    limits: Limits
    folder: Path
    executions: int = 0
    refused: int = 0
    longest_s: float = 0.0
    findings: dict[str, Path] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._began = time.monotonic()
        self._warm_mb = 0.0

    def __call__(self, raw: bytes) -> None:
        """One input."""
        before = time.process_time()
        self._try(raw)
        took_s = time.process_time() - before
        self.executions += 1
        self.longest_s = max(self.longest_s, took_s)
        if took_s > INPUT_LIMIT_S:
            self._keep(raw, "slow", f"this input took {took_s:.1f} s of processor time")
        if self.executions % _LOOK_EVERY == 0 or self.executions == self.limits.runs:
            self._look(raw)

    def _try(self, raw: bytes) -> None:
        from serambi.base.errors import SerambiError

        try:
            self.target.check(raw)
        except SerambiError as error:
            self.refused += 1
            if len(str(error)) > _ERROR_MAX_CHARACTERS:
                broken = Broken(f"an error of {len(str(error))} characters")
                self._keep(raw, _place(error) + " (long text)", _told(broken.with_traceback(None)))
        except Exception as error:  # noqa: BLE001 (whatever escapes is what is looked for)
            self._keep(raw, _place(error), _told(error))

    def _keep(self, raw: bytes, place: str, text: str) -> None:
        """Keep the shortest input for each place that something went wrong at."""
        known = self.findings.get(place)
        if known is None and len(self.findings) >= _FINDINGS_MAX:
            return
        path = known or self.folder / "findings" / f"{self.name}-{_digest(raw)[:12]}"
        if known is None or len(raw) < path.stat().st_size:
            self.findings[place] = path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(raw)
            path.with_name(f"{path.name}.txt").write_text(f"{place}\n{text}\n")

    def _look(self, raw: bytes) -> None:
        elapsed_s = time.monotonic() - self._began
        share = max(elapsed_s / self.limits.seconds, self.executions / (self.limits.runs or 1e18))
        if not self._warm_mb and share >= _WARM_SHARE:
            self._warm_mb = _rss_mb()
        if share >= 1:
            self._end(raw, elapsed_s)

    def _end(self, raw: bytes, elapsed_s: float) -> None:
        growth_mb = max(0.0, _rss_mb() - self._warm_mb)
        if growth_mb > GROWTH_LIMIT_MB:
            self._keep(raw, "growth", f"the process grew by {growth_mb:.0f} MB; the last input")
        figures = {
            "executions": self.executions,
            "per_s": self.executions / elapsed_s,
            "refused": self.refused,
            "longest_ms": self.longest_s * 1000,
            "growth_mb": growth_mb,
            "findings": {place: str(path) for place, path in self.findings.items()},
        }
        (self.folder / f"{self.name}.json").write_text(json.dumps(figures))
        # libFuzzer has nothing more to say, and its own end would look like a crash.
        os._exit(0)


def _place(error: BaseException) -> str:
    """Which error, and where: two inputs that end alike are one finding."""
    if isinstance(error, Broken):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if frame.filename.startswith(str(ROOT / "src"))]
    last = (ours or frames)[-1]
    return f"{type(error).__name__} at {Path(last.filename).name}:{last.lineno}"


def _told(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


def _digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def _rss_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def write_seeds(target: Target, folder: Path) -> None:
    """The target's own seeds as files, each once."""
    folder.mkdir(parents=True, exist_ok=True)
    for raw in target.seeds():
        (folder / _digest(raw)[:16]).write_bytes(raw[: target.max_bytes])


def _mutator(target: Target) -> dict[str, Any]:
    """How atheris is told of a target's own mutations: half of them, the other half by bytes."""
    mutate = target.mutate
    if mutate is None:
        return {}

    def custom(raw: bytes, max_size: int, seed: int) -> bytes:
        rng = Random(seed)
        made = mutate(bytes(raw), rng) if rng.random() < 0.5 else None
        if made is None or len(made) > max_size:
            return bytes(atheris.Mutate(raw, max_size))
        return made

    return {"custom_mutator": custom}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--runs", type=int, default=0)
    parser.add_argument("--seed", type=int, required=True)
    options = parser.parse_args()
    folder: Path = options.folder
    logging.disable()  # what is logged about each bad input
    with atheris.instrument_imports(include=["serambi"]):
        target = load(options.name)
    corpus, seeds = (folder / part / options.name for part in ("corpus", "seeds"))
    corpus.mkdir(parents=True, exist_ok=True)
    write_seeds(target, seeds)
    (folder / "findings").mkdir(exist_ok=True)
    watched = Watched(options.name, target, Limits(options.seconds, options.runs), folder)
    arguments = [
        sys.argv[0],
        f"-seed={options.seed}",
        f"-max_len={target.max_bytes}",
        f"-timeout={_HANG_S}",
        "-rss_limit_mb=2048",
        f"-artifact_prefix={folder / 'findings' / options.name}-",
        str(corpus),
        str(seeds),
    ]
    atheris.Setup(arguments, watched, **_mutator(target))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
