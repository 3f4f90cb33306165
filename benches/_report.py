"""What every benchmark prints: a table for people and, with `--json`, one line for scripts.

A figure stands beside its reference, measured in the same run, because machines are noisy and only
the ratio travels. Progress goes to standard error.
"""

import argparse
import json
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parents[1] / "build" / "bench"


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. `reference` names what it is compared with ("" for none), `reference_value` is
    in the same unit; `more` are further keys of the JSON form, such as `cameras` or `engine`."""

    case: str
    value: float
    unit: str
    reference: str = ""
    reference_value: float | None = None
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def ratio(self) -> float | None:
        """Ours divided by the reference."""
        return self.value / self.reference_value if self.reference_value else None


def options(description: str) -> argparse.ArgumentParser:
    """The options that all benchmarks share."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--full", action="store_true", help="the long form")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    return parser


def say(line: str) -> None:
    """Progress."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def machine() -> dict[str, Any]:
    """What the figures were measured on; nothing that names the machine."""
    model = ""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text().splitlines()
        model = next((line.partition(":")[2].strip() for line in lines if "model name" in line), "")
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
    }


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` (0 to 1) of `values` lie: nearest rank, no interpolation."""
    ordered = sorted(values)
    return ordered[max(0, min(len(ordered) - 1, int(share * len(ordered) + 0.999999) - 1))]


def report(bench: str, rows: Sequence[Row], *, as_json: bool) -> None:
    """Print the table, then, if asked, the JSON object as the last line. The newest result of each
    benchmark is kept in RESULTS, for the page that is made of them."""
    heads = ("case", "value", "unit", "reference", "its value", "ratio")
    table = [heads, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in table) for column in range(len(heads))]
    for line in table:
        sys.stdout.write("  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip())
        sys.stdout.write("\n")
    plain = {"bench": bench, "machine": machine(), "rows": [_plain(row) for row in rows]}
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{bench}.json").write_text(json.dumps(plain, indent=1) + "\n")
    if as_json:
        sys.stdout.write(json.dumps(plain) + "\n")
    sys.stdout.flush()


def _plain(row: Row) -> dict[str, Any]:
    return {
        "case": row.case,
        "value": row.value,
        "unit": row.unit,
        "reference": row.reference,
        "reference_value": row.reference_value,
        "ratio": row.ratio,
        **row.more,
    }


def _cells(row: Row) -> tuple[str, ...]:
    def figure(value: float | None) -> str:
        return "" if value is None else f"{value:.4g}"

    return (
        row.case,
        figure(row.value),
        row.unit,
        row.reference,
        figure(row.reference_value),
        figure(row.ratio),
    )
