"""What benchmarks print: ratios and the JSON line that scripts read."""

import json
from pathlib import Path

import pytest

from benches import _report, page
from benches._report import Row, percentile, report


@pytest.fixture(autouse=True)
def _results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (_report, page):
        monkeypatch.setattr(module, "RESULTS", tmp_path / "bench")
    monkeypatch.setattr(page, "PAGE", tmp_path / "page.md")
    (tmp_path / "page.md").write_text("# Benchmarks\n\nHow.\n\n## older\n\nfigures\n")


def test_the_last_line_is_json_with_a_ratio_where_there_is_a_reference(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = [
        Row("record", 0.1, "cpu_pct_per_camera", "ffmpeg -c copy", 0.4, {"cameras": 10}),
        Row("lost", 0, "packets"),
    ]
    report("ingest", rows, as_json=True)
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["bench"] == "ingest"
    assert found["machine"]["cores"] > 0
    assert found["rows"][0] == {
        "case": "record",
        "value": 0.1,
        "unit": "cpu_pct_per_camera",
        "reference": "ffmpeg -c copy",
        "reference_value": 0.4,
        "ratio": 0.25,
        "cameras": 10,
    }
    assert found["rows"][1]["ratio"] is None


def test_without_json_there_is_only_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    report("ingest", [Row("lost", 0, "packets")], as_json=False)
    assert capsys.readouterr().out.splitlines() == [
        "case  value  unit     reference  its value  ratio",
        "lost  0      packets",
    ]


def test_percentile_is_a_value_that_was_measured() -> None:
    values = [float(n) for n in range(1, 101)]
    assert [percentile(values, share) for share in (0, 0.5, 0.95, 0.99, 1)] == [1, 50, 95, 99, 100]
    assert percentile([7.0], 0.99) == 7


def test_the_page_shows_what_was_measured(tmp_path: Path) -> None:
    assert page.main() == 1
    rows = [Row("record", 0.1234, "cpu_pct_per_camera", "ffmpeg -c copy", 0.4, {"cameras": 10})]
    report("ingest", rows, as_json=False)
    report("ledger", [Row("verify", 123_456.7, "entries_per_s")], as_json=False)
    assert page.main() == 0
    text = (tmp_path / "page.md").read_text()
    assert text.startswith("# Benchmarks\n\nHow.\n\n## ingest\n")
    assert "older" not in text
    assert (
        "| record (cameras 10) | 0.123 | cpu_pct_per_camera | ffmpeg -c copy | 0.4 | 0.308 |"
        in text
    )
    assert "| verify | 123,457 | entries_per_s |  |  |  |" in text
