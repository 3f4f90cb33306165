"""Who watched for what in which month: adds up to the year's figures, over months and ledgers."""

from collections import Counter
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from serambi.ledger.audit import UNANSWERED
from serambi.ledger.entry import Entry
from serambi.ledger.yearly import Use, YearRecount, months_of, uses

ZONE = ZoneInfo("Asia/Jakarta")
MONTHS = months_of(2026, ZONE)
START_MS, END_MS = MONTHS[0].start_ms, MONTHS[-1].end_ms
DAY_MS = 86_400_000
UNITS = ("Regu 1", "Penyidik")
PURPOSES = ("traffic", "incident")


def opened(at_ms: int, session: str, unit: str = "Regu 1", purpose: str = "traffic") -> Entry:
    return Entry(
        kind="session_opened", at_ms=at_ms, session=session, unit=unit, party="polres",
        purpose=purpose,
    )  # fmt: skip


def closed(at_ms: int, session: str) -> Entry:
    return Entry(kind="session_closed", at_ms=at_ms, session=session, reason="closed")


def counted(*entries: Entry) -> YearRecount:
    work = YearRecount(MONTHS)
    for entry in sorted(entries, key=lambda entry: entry.at_ms):
        work.add(entry)
    return work


def test_months_meet_and_have_their_days() -> None:
    assert [(month.end_ms - month.start_ms) // DAY_MS for month in MONTHS] == [
        31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31,
    ]  # fmt: skip
    assert all(one.end_ms == next_.start_ms for one, next_ in pairwise(MONTHS))
    assert START_MS == 1_767_200_400_000  # midnight in Jakarta


def test_a_view_over_midnight_counts_in_both_months_and_was_opened_in_one() -> None:
    midnight = MONTHS[4].start_ms
    work = counted(opened(midnight - 3000, "a"), closed(midnight + 2000, "a"))
    (use,) = uses([work], END_MS)
    assert (use.unit, use.party, use.purpose) == ("Regu 1", "polres", "traffic")
    assert {at: n for at, n in enumerate(use.views) if n} == {3: 1}
    assert {at: ms for at, ms in enumerate(use.watched_ms) if ms} == {3: 3000, 4: 2000}


def test_a_view_from_the_year_before_is_watched_and_was_not_opened() -> None:
    (use,) = uses([counted(opened(START_MS - 5, "a"), closed(START_MS + 7, "a"))], END_MS)
    assert (sum(use.views), use.watched_ms[0]) == (0, 7)


def test_a_year_remembers_no_single_view() -> None:
    work = counted(opened(START_MS, "a"), closed(START_MS + 5, "a"))
    work.add(Entry(kind="refused", at_ms=START_MS, session="b", reason=UNANSWERED))
    assert (work.sessions, work.unanswered) == ({}, set())


def test_the_longest_watched_comes_first_then_the_most_viewed() -> None:
    said = [("a", "A", 5), ("b", "B", 9), ("c", "C", 3), ("d", "C", 2)]
    views = [opened(START_MS, name, unit) for name, unit, _ in said]
    work = counted(*views, *(closed(START_MS + ms, name) for name, _, ms in reversed(said)))
    assert [use.unit for use in uses([work], END_MS)] == ["B", "C", "A"]


def test_the_use_of_two_sites_is_one() -> None:
    works = [counted(opened(START_MS, "a"), closed(START_MS + n, "a")) for n in (5, 7)]
    assert uses(works, END_MS) == (
        Use("polres", "Regu 1", "traffic", (2, *[0] * 11), (12, *[0] * 11)),
    )
    assert uses([], END_MS) == ()


@given(
    st.lists(
        st.tuples(
            st.integers(START_MS - 40 * DAY_MS, END_MS + DAY_MS),
            st.integers(0, 70 * DAY_MS),
            st.sampled_from(UNITS),
            st.sampled_from(PURPOSES),
        ),
        max_size=30,
    ),
    st.booleans(),
)
def test_it_adds_up_whatever_was_watched(
    views: list[tuple[int, int, str, str]], last_stays_open: bool
) -> None:
    """Counted by hand, month by month, beside it."""
    now_ms = END_MS + 100 * DAY_MS
    entries, watched, begun = [], Counter[tuple[str, str, int]](), Counter[tuple[str, str, int]]()
    for number, (at_ms, length_ms, unit, purpose) in enumerate(views):
        stays = last_stays_open and number == len(views) - 1
        until_ms = now_ms if stays else at_ms + length_ms
        entries.append(opened(at_ms, str(number), unit, purpose))
        if not stays:
            entries.append(closed(until_ms, str(number)))
        for at, month in enumerate(MONTHS):
            span_ms = min(until_ms, month.end_ms) - max(at_ms, month.start_ms)
            watched[unit, purpose, at] += max(0, span_ms)
            begun[unit, purpose, at] += month.start_ms <= at_ms < month.end_ms
    work = YearRecount(MONTHS)
    for entry in sorted(entries, key=lambda entry: (entry.at_ms, entry.kind != "session_opened")):
        work.add(entry)
    found = uses([work], now_ms)
    for use in found:
        key = (use.unit, use.purpose)
        assert use.watched_ms == tuple(watched[*key, at] for at in range(12))
        assert use.views == tuple(begun[*key, at] for at in range(12))
    figures = work.figures(now_ms)
    assert sum(sum(use.watched_ms) for use in found) == sum(watched.values()) == figures.watched_ms
    assert sum(sum(use.views) for use in found) == sum(begun.values()) == figures.views
