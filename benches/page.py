"""`docs/reference/benchmarks.md` from the newest result of each benchmark in `build/bench`.

What stands above the first table is left as it is."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benches._report import RESULTS, say

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "benchmarks.md"
_NAMED = frozenset({"case", "value", "unit", "reference", "reference_value", "ratio"})


def figure(value: float | None) -> str:
    """Three digits that count."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def section(result: dict[str, Any], measured: str) -> str:
    """One benchmark as a table."""
    machine = result["machine"]
    lines = [
        f"## {result['bench']}",
        "",
        f"{measured}, {machine['cores']} cores of {machine['cpu'] or 'an unnamed processor'}, "
        f"Python {machine['python']}.",
        "",
        "| Case | Ours | Unit | Beside | Its figure | Ratio |",
        "|---|---|---|---|---|---|",
    ]
    for row in result["rows"]:
        more = ", ".join(f"{key} {value}" for key, value in row.items() if key not in _NAMED)
        case = f"{row['case']} ({more})" if more else row["case"]
        cells = (
            case,
            figure(row["value"]),
            row["unit"],
            row["reference"],
            figure(row["reference_value"]),
            figure(row["ratio"]),
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Write the page; exit 1 when there is no result to make it from."""
    sections = []
    for path in sorted(RESULTS.glob("*.json")):
        measured = datetime.fromtimestamp(path.stat().st_mtime, UTC).date().isoformat()
        sections.append(section(json.loads(path.read_text()), measured))
    if not sections:
        say("no results in build/bench: run python3 dev.py bench NAME first")
        return 1
    introduction = PAGE.read_text().partition("\n## ")[0].rstrip("\n") + "\n"
    PAGE.write_text("\n".join([introduction, *sections]))
    say(f"{len(sections)} benchmarks are in docs/reference/benchmarks.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
