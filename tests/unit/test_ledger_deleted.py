"""The times in an entry `deleted`: one way to write them, and nothing else is read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serambi.ledger.deleted import read_span, span_text


def test_whole_seconds_that_hold_the_span() -> None:
    text = span_text(1_790_000_000_999, 1_790_000_001_001)
    assert text == "2026-09-21T14:13:20Z/2026-09-21T14:13:22Z"
    assert read_span(text) == (1_790_000_000_000, 1_790_000_002_000)


@given(st.integers(-(2**60), 2**60), st.integers(0, 2**60))
def test_whatever_is_written_reads_back(begin_ms: int, length_ms: int) -> None:
    span = read_span(span_text(begin_ms, begin_ms + length_ms))
    assert span is not None
    assert span_text(*span) == span_text(begin_ms, begin_ms + length_ms)


@pytest.mark.parametrize(
    "detail",
    [
        "",
        "2026-09-21T14:13:20Z",
        "2026-09-21T14:13:22Z/2026-09-21T14:13:20Z",
        "2026-13-21T14:13:20Z/2026-13-21T14:13:22Z",
        "1969-09-21T14:13:20Z/2026-09-21T14:13:22Z",
        "2026-09-21T14:13:20Z/2026-09-21T14:13:22Z\n",
        "٢٠٢٦-09-21T14:13:20Z/2026-09-21T14:13:22Z",
    ],
)
def test_anything_else_is_no_span(detail: str) -> None:
    assert read_span(detail) is None
