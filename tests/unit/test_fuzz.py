"""Every fuzzing target runs, a few inputs each, so that none of them rots."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

from fuzz import __main__ as command
from fuzz._target import ROOT, Broken, Target, names, require
from serambi.base.errors import Kind, SerambiError

_RUNS = 300

needs_atheris = pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None, reason="atheris is made for Linux on x86-64"
)


def fuzz(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "fuzz", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@needs_atheris
def test_every_target_runs_and_finds_nothing(tmp_path: Path) -> None:
    done = fuzz("--runs", str(_RUNS), "--seed", "1", "--jobs", "2", "--folder", str(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    for name in names():
        row = next(line for line in done.stdout.splitlines() if line.startswith(f"{name} "))
        executions, *_, findings = re.split(r"  +", row)[1:]
        assert int(executions.replace(",", "")) >= _RUNS
        assert findings == "0"
        reached, there = re.search(r"(\d+) of (\d+)", row).groups()  # type: ignore[union-attr]
        assert int(reached) >= int(there) // 2, row


def test_one_input_can_be_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "found"
    path.write_bytes(b"neither")
    done = fuzz("--target", "wire", "--input", str(path))
    assert done.returncode == 0
    assert done.stdout.startswith("refused: ")


def test_an_input_without_its_target_is_no_use() -> None:
    done = fuzz("--input", "found")
    assert done.returncode == 2
    assert "the one --target" in done.stderr


def hostile(raw: bytes) -> None:
    """Breaks in every way there is."""
    if raw.startswith(b"long"):
        raise SerambiError(Kind.BAD_INPUT, "x" * 2000)
    if raw.startswith(b"error"):
        raise SerambiError(Kind.BAD_INPUT, "refused")
    if raw.startswith(b"crash"):
        raise ValueError("escaped")
    require(not raw.startswith(b"broken"), "a promise")


@needs_atheris
def test_whatever_is_no_plain_refusal_is_kept_in_its_shortest_form(tmp_path: Path) -> None:
    from fuzz._engine import Limits, Watched

    watched = Watched("odd", Target((), lambda: (), hostile), Limits(1e9, 0), tmp_path)
    for raw in (b"good", b"error", b"long", b"crash by far too long", b"crash", b"broken"):
        watched(raw)
    assert (watched.executions, watched.refused) == (6, 2)
    kept = {place: path.read_bytes() for place, path in watched.findings.items()}
    assert sorted(kept.values()) == [b"broken", b"crash", b"long"]
    assert kept["a promise"] == b"broken"
    for path in watched.findings.values():
        assert path.with_name(f"{path.name}.txt").is_file()


@needs_atheris
def test_an_input_that_takes_too_long_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fuzz import _engine

    monkeypatch.setattr(_engine, "INPUT_LIMIT_S", -1.0)
    watched = _engine.Watched(
        "slow", Target((), lambda: (), hostile), _engine.Limits(1e9, 0), tmp_path
    )
    watched(b"good")
    assert list(watched.findings) == ["slow"]


def test_a_finding_says_how_to_try_it_again() -> None:
    line = command._how_to("wire", "a promise", Path("build/fuzz/findings/wire-1"))
    assert "python3 dev.py fuzz --target wire --input build/fuzz/findings/wire-1" in line
    with pytest.raises(Broken, match="a promise"):
        hostile(b"broken")
