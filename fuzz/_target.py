"""What a target is, and how it says that a promise was broken."""

import ast
import importlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from random import Random

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared" / "data"
"""Test material by path; where it is absent the seeds written here must do."""


class Broken(Exception):
    """The code under test did something that it promises never to do."""


@dataclass(frozen=True, slots=True)
class Target:
    """`check` takes any bytes and returns, or raises `SerambiError` (the input was refused in plain
    words); `Broken` and every other exception is a finding. `modules` are under test: packages
    or modules whose branches are counted. `max_bytes` bounds an input. `mutate`, where bytes at
    random would rarely get past the first check, changes an input along its structure, or
    answers None where there is none."""

    modules: tuple[str, ...]
    seeds: Callable[[], Iterable[bytes]]
    check: Callable[[bytes], None]
    max_bytes: int = 4096
    mutate: Callable[[bytes, Random], bytes | None] | None = None


def require(holds: bool, what: str) -> None:
    """Raise `Broken` unless `holds`."""
    if not holds:
        raise Broken(what)


def names() -> list[str]:
    """Every target, as it is called on the command line."""
    modules = Path(__file__).parent.glob("[!_]*.py")
    return sorted(module.stem.replace("_", "-") for module in modules)


def load(name: str) -> Target:
    """The target called `name`; imports the code that it tries."""
    target = importlib.import_module(f"fuzz.{name.replace('-', '_')}").TARGET
    if not isinstance(target, Target):
        raise TypeError(f"{name} has no target")
    return target


def shared(*patterns: str) -> Iterable[bytes]:
    """The contents of the test material's files that match, in order."""
    for pattern in patterns:
        for path in sorted(SHARED.glob(pattern)):
            if path.is_file():
                yield path.read_bytes()


def go_corpus(*patterns: str) -> Iterable[tuple[bytes, ...]]:
    """As `shared`, for files of Go's fuzzer: the strings and byte strings of each."""
    for raw in shared(*patterns):
        lines = (line.partition("(") for line in raw.decode().splitlines())
        yield tuple(
            ast.literal_eval(f"b{literal[:-1]}")
            for kind, _, literal in lines
            if kind in ("string", "[]byte")
        )
