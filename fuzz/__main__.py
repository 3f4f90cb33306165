"""`python3 dev.py fuzz`: hostile bytes at one target or all, one process each.

Prints executions, branches reached in the modules under test, the longest input, growth of memory
and findings; exit code 1 on a finding, whose input is kept.
"""

import argparse
import importlib.util
import json
import os
import secrets
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from fuzz._target import ROOT, load, names

_HEADS = (
    "target", "executions", "per s", "refused", "branches", "share", "longest", "growth", "findings"
)  # fmt: skip
# What libFuzzer writes when it ends the process itself.
_ARTIFACTS = ("crash", "timeout", "oom", "leak", "slow-unit")


@dataclass(frozen=True, slots=True)
class Ended:
    """How one target's run ended: a row of the table, findings as lines for people."""

    cells: tuple[str, ...]
    findings: tuple[str, ...]


def main() -> None:
    options = _options()
    if options.input is not None:
        _reproduce(options.target, options.input)
        return
    if importlib.util.find_spec("atheris") is None:
        raise SystemExit("fuzzing needs atheris, which is made for Linux on x86-64 (Python < 3.14)")
    folder: Path = options.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    chosen = options.target or names()
    print(f"seed {options.seed}; inputs and logs in {folder}", flush=True)
    print(_row(_HEADS), flush=True)
    found: list[str] = []
    with ThreadPoolExecutor(options.jobs) as pool:
        for ended in pool.map(lambda name: _run(name, folder, options), chosen):
            print(_row(ended.cells), flush=True)
            found += ended.findings
    for line in found:
        print(line)
    raise SystemExit(1 if found else 0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="dev.py fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0, help="for each target (default 1)")
    parser.add_argument("--target", action="append", choices=names(), help="this one; may repeat")
    parser.add_argument("--seed", type=int, default=secrets.randbits(31), help="of the mutations")
    parser.add_argument("--jobs", type=int, default=1, help="targets at the same time (default 1)")
    parser.add_argument("--runs", type=int, default=0, help="end after this many executions")
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "fuzz", help="for results")
    parser.add_argument("--input", type=Path, help="try this one input and show what happens")
    options = parser.parse_args()
    if options.input is not None and len(options.target or ()) != 1:
        parser.error("--input needs the one --target that it is for")
    if not 0 < options.minutes < 100_000 or not 1 <= options.jobs <= 64:
        parser.error("--minutes must be more than 0, --jobs 1 to 64")
    return options


def _row(cells: tuple[str, ...]) -> str:
    first, *rest = cells
    return f"{first:15}" + "".join(f"{cell:>13}" for cell in rest)


def _run(name: str, folder: Path, options: argparse.Namespace) -> Ended:
    """One target in its process, then its branches counted in another."""
    results = folder / f"{name}.json"
    results.unlink(missing_ok=True)
    before = _artifacts(name, folder)
    command = [sys.executable, "-m", "fuzz._engine", name, str(folder)]
    limits = [f"--seconds={options.minutes * 60}", f"--runs={options.runs}"]
    with (folder / f"{name}.log").open("wb") as log:
        done = subprocess.run(
            [*command, *limits, f"--seed={options.seed}"],
            cwd=ROOT,
            stdout=log,
            stderr=log,
            check=False,
        )
    died = sorted(_artifacts(name, folder) - before)
    lines = [_how_to(name, "the process died", path) for path in died]
    if not results.exists():
        if not lines:
            lines = [f"{name}: ended with exit code {done.returncode}; see {folder}/{name}.log"]
        return Ended((name, *["-"] * (len(_HEADS) - 2), str(len(lines))), tuple(lines))
    figures = json.loads(results.read_text())
    lines += [_how_to(name, place, Path(path)) for place, path in figures["findings"].items()]
    there, reached = _branches(name, folder)
    cells = (
        name,
        f"{figures['executions']:,}",
        f"{figures['per_s']:,.0f}",
        f"{figures['refused']:,}",
        f"{reached} of {there}",
        f"{100 * reached / max(there, 1):.1f} %",
        f"{figures['longest_ms']:.0f} ms",
        f"{figures['growth_mb']:.1f} MB",
        str(len(lines)),
    )
    return Ended(cells, tuple(lines))


def _artifacts(name: str, folder: Path) -> set[Path]:
    return {p for kind in _ARTIFACTS for p in (folder / "findings").glob(f"{name}-{kind}-*")}


def _how_to(name: str, place: str, path: Path) -> str:
    return f"{name}: {place}\n  python3 dev.py fuzz --target {name} --input {path}"


def _branches(name: str, folder: Path) -> tuple[int, int]:
    """Branches in the modules under test, and how many of them the kept inputs reach."""
    command = [sys.executable, "-m", "fuzz._covered", name, str(folder)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True, env=os.environ)
    counted = json.loads(done.stdout.splitlines()[-1])
    return counted["there"], counted["reached"]


def _reproduce(targets: list[str], path: Path) -> None:
    """What one input does, with the whole traceback if it is a finding."""
    from serambi.base.errors import SerambiError

    try:
        load(targets[0]).check(path.read_bytes())
    except SerambiError as error:
        print(f"refused: {error}")
    else:
        print("accepted")


if __name__ == "__main__":
    main()
