"""Which branches of the modules under test the kept inputs reach: a replay under coverage.

python -m fuzz._covered NAME FOLDER -> one line of JSON: branches there are, branches reached.
"""

import argparse
import contextlib
import json
import logging
import time
from pathlib import Path

import coverage

from fuzz._target import ROOT, load

_REPLAY_S = 60.0


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    measured = coverage.Coverage(
        data_file=None, config_file=False, branch=True, include=[str(ROOT / "src" / "*")]
    )
    logging.disable()
    measured.start()
    target = load(options.name)
    until = time.monotonic() + _REPLAY_S
    for part in ("seeds", "corpus"):
        for path in sorted((options.folder / part / options.name).iterdir()):
            # What is found was kept by the engine; here only the way there counts.
            with contextlib.suppress(Exception):
                target.check(path.read_bytes())
            if time.monotonic() > until:
                break
    measured.stop()
    report = options.folder / f"{options.name}-coverage.json"
    source = ROOT / "src"
    files = [source.joinpath(*module.split(".")) for module in target.modules]
    include = [f"{file}/*" if file.is_dir() else f"{file}.py" for file in files]
    measured.json_report(include=include, outfile=str(report))
    totals = json.loads(report.read_text())["totals"]
    print(json.dumps({"there": totals["num_branches"], "reached": totals["covered_branches"]}))


if __name__ == "__main__":
    main()
