"""`python3 dev.py soak`: faults at random against a running town, everything checked after each.

    python3 dev.py soak [--minutes 30] [--seed N] [--only NAME[;NAME]] [--folder DIR]

Each fault is done once, then they come at random. Exit code 1 when anything does not hold; the
folder is kept then.
"""

import argparse
import ctypes
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from serambi.base.errors import SerambiError
from tests.soak.checks import Checks
from tests.soak.faults import Fault, available
from tests.soak.town import World, soak_town

_CLONE_NEWNS = 0x00020000
_WRONG_MAX = 12
_FINDINGS = (AssertionError, OSError, LookupError, ValueError, httpx.HTTPError, SerambiError)


@dataclass
class Outcome:
    """What came of a run."""

    faults: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


def mounts_of_our_own() -> None:
    """What is mounted from now on is seen by this process and its children alone, and is gone
    with them, however they end."""
    if os.geteuid() == 0 and not ctypes.CDLL(None).unshare(_CLONE_NEWNS):
        subprocess.run(["mount", "--make-rprivate", "/"], check=False)


def plan(faults: dict[str, Fault], only: list[str], chance: random.Random) -> Iterator[str]:
    """Names of faults, without end: each once, then any. `only` is a list to be done, once."""
    if only:
        yield from only
        return
    once = list(faults)
    chance.shuffle(once)
    yield from once
    while True:
        yield chance.choice(list(faults))


def run(world: World, checks: Checks, options: argparse.Namespace) -> Outcome:
    """Until time is up, or too much is wrong."""
    chance = random.Random(options.seed)
    outcome = Outcome()
    end = time.monotonic() + options.minutes * 60
    faults = available(world)
    world.troubled.append((0.0, time.time()))
    world.recover()
    checks.settle()
    outcome.wrong += [f"before any fault: {what}" for what in checks.run()]
    only = [name.strip() for name in options.only.split(";") if name.strip()]
    for number, name in enumerate(plan(faults, only, chance), 1):
        if time.monotonic() >= end or len(outcome.wrong) >= _WRONG_MAX:
            break
        wrong, line = _one(world, checks, faults[name], chance)
        outcome.faults[name] += 1
        outcome.wrong += [f"#{number} {name}: {what}" for what in wrong]
        print(f"#{number:<3} {time.strftime('%H:%M:%S')} {line}", flush=True)
        for what in wrong:
            print(f"     WRONG {what}", flush=True)
    return outcome


def _one(
    world: World, checks: Checks, fault: Fault, chance: random.Random
) -> tuple[list[str], str]:
    began = time.time()
    world.troubled.append((began, float("inf")))
    line, wrong, recovered_s = "", [], 0.0
    try:
        line = fault(world, chance)
    except _FINDINGS as error:  # the run goes on
        traceback.print_exc()
        wrong.append(f"during the fault: {error!r}")
    try:
        recovered_s = world.recover()
        world.troubled[-1] = (began, time.time())
        checks.settle()
        wrong += checks.run()
    except _FINDINGS as error:
        traceback.print_exc()
        wrong.append(f"afterwards: {error!r}")
        world.troubled[-1] = (began, time.time())
    state = "ok" if not wrong else "WRONG"
    return wrong, f"{state:5} {line or fault.__doc__} (well again after {recovered_s:.1f} s)"


def summarize(world: World, checks: Checks, outcome: Outcome) -> None:
    print("\nfaults: " + ", ".join(f"{name} {n}" for name, n in outcome.faults.most_common()))
    print(
        f"views opened: {len(world.town.opened)}, pictures seen: "
        f"{sum(viewer.pictures for viewer in world.viewers)}"
    )
    for site, recordings in checks.recordings.items():
        print(
            f"{site}: {recordings.fragments} fragments compared with their hashes, "
            f"{recordings.decoded} pictures decoded"
        )
    for folder, entries in checks.entries.items():
        print(f"ledger of {folder.parent.name}: {len(entries)} entries, verified")
    for site, sieve in world.sieves.items():
        print(f"{site}: {sieve.heard_bytes} bytes from keeper to courier, searched")
    for line in checks.lives.longest():
        print(line)
    print(f"{len(outcome.wrong)} violations" if outcome.wrong else "no violation")


def main() -> int:
    parser = argparse.ArgumentParser(prog="soak", description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, default=30.0, help="how long (30)")
    parser.add_argument("--seed", type=int, default=None, help="repeats a run's choices")
    parser.add_argument(
        "--only", default="", help="these faults, once each, by name, with ; between"
    )
    parser.add_argument("--folder", type=Path, default=None, help="where to work; kept")
    options = parser.parse_args()
    if options.seed is None:
        options.seed = random.SystemRandom().randrange(1 << 32)
    mounts_of_our_own()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="serambi-soak-"))
    folder.mkdir(parents=True, exist_ok=True)
    print(f"seed {options.seed}, {options.minutes:g} minutes, in {folder}", flush=True)
    outcome = Outcome(wrong=["it ended before its end"])
    try:
        with soak_town(folder) as world:
            for reason in world.missing:
                print(f"left out: {reason}", flush=True)
            checks = Checks(world)
            outcome = run(world, checks, options)
            summarize(world, checks, outcome)
    finally:
        if outcome.wrong:
            print(f"kept: {folder}", flush=True)
        elif options.folder is None:
            shutil.rmtree(folder, ignore_errors=True)
    return 1 if outcome.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
