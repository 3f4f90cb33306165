"""Figures from entries: they add up over time and over ledgers, and no entry can be left out."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from serambi.ledger.audit import UNANSWERED
from serambi.ledger.deleted import span_text
from serambi.ledger.entry import Entry, EntryKind, commit
from serambi.ledger.figures import OPEN, Counted, Deletion, Figures, UnitViews, site_of, total
from serambi.ledger.recount import COMPARED_AFTER_MS, Period, Recount, compare, recount

START_MS = 1_790_000_000_000
HOUR_MS = 3_600_000
ALL = Period(START_MS, START_MS + 100 * HOUR_MS)
LATER_MS = START_MS + 200 * HOUR_MS


def entry(kind: EntryKind, hour: float, *, site: str = "gudang", **fields: Any) -> Entry:
    return Entry(kind=kind, at_ms=START_MS + int(hour * HOUR_MS), site=site, **fields)


def opened(hour: float, session: str, **fields: Any) -> Entry:
    fields = {"unit": "Regu 1", "party": "polres", "camera": "cam-1", **fields}
    return entry("session_opened", hour, session=session, **fields)


def closed(hour: float, session: str) -> Entry:
    return entry("session_closed", hour, session=session, reason="closed")


def of(*entries: Entry, period: Period = ALL, now_ms: int = LATER_MS) -> Figures:
    return recount(entries, period, now_ms)


def test_view_hours_by_unit() -> None:
    figures = of(
        opened(1, "a"),
        opened(2, "b", unit="Penyidik"),
        closed(3, "a"),
        opened(3, "c"),
        closed(3.5, "c"),
        closed(3, "b"),
    )
    assert figures.units == (
        UnitViews("Regu 1", "polres", 2, int(2.5 * HOUR_MS)),
        UnitViews("Penyidik", "polres", 1, HOUR_MS),
    )
    assert (figures.views, figures.watched_ms, figures.open_views) == (3, int(3.5 * HOUR_MS), 0)


def test_a_view_that_is_open_counts_until_now() -> None:
    figures = of(opened(1, "a"), now_ms=START_MS + 4 * HOUR_MS)
    assert (figures.watched_ms, figures.open_views) == (3 * HOUR_MS, 1)
    assert of(opened(1, "a")).watched_ms == 99 * HOUR_MS, "no longer than the period"


def test_what_is_no_figure_counts_as_an_entry_only() -> None:
    figures = of(entry("clock_reset", 1), entry("roster_accepted", 2))
    assert figures == replace(of(), entries=2)


def test_a_question_without_an_answer_is_remembered_within_the_period() -> None:
    work = Recount(Period(START_MS, START_MS + 2 * HOUR_MS))
    for hour, session in ((1, "a"), (3, "b")):
        work.add(entry("refused", hour, session=session, reason=UNANSWERED))
    work.add(entry("refused", 1, session="c", reason="out_of_hours"))
    assert work.unanswered == {"a"}


def deleted(hour: float, camera: str, begin_s: int, end_s: int, **fields: Any) -> Entry:
    fields = {"reason": "retention", **fields}
    return entry(
        "deleted", hour, camera=camera, detail=span_text(begin_s * 1000, end_s * 1000), **fields
    )


def test_what_a_site_deleted_is_counted() -> None:
    hidden = commit(b"s" * 16, "never agreed")
    figures = of(
        deleted(1, "cam-2", 50, 60),
        deleted(1, "cam-1", 10, 20, reason="disk_full"),
        deleted(2, "cam-2", 60, 70),
        deleted(2, "cam-2", 60, 70),
        deleted(200, "cam-1", 20, 90),
        deleted(3, hidden, 1, 2),
        entry("deleted", 3, camera="cam-1", detail="long ago"),
    )
    assert figures.deletions == (
        Deletion("gudang", "cam-1", "disk_full", 10_000, 20_000),
        Deletion("gudang", "cam-2", "retention", 50_000, 70_000),
    )
    other = of(deleted(1, "cam-9", 1, 2, site="alun"))
    counted = [Counted(f"kpu/{site}/keeper", 0, 1, f) for site, f in (("b", figures), ("a", other))]
    assert total(counted).deletions == other.deletions + figures.deletions


def test_suspensions_by_reason() -> None:
    hidden = commit(b"s" * 16, "never agreed")
    figures = of(
        entry("suspended", 1, camera="cam-1", reason="view_changed"),
        entry("restored", 2, camera="cam-1"),
        entry("suspended", 3, camera="cam-2", reason="view_changed"),
        entry("suspended", 3, camera="cam-2", reason="view_unclear"),
        entry("suspended", 3, camera=hidden, reason="view_unclear"),
        entry("suspended", 200, camera="cam-1", reason="view_changed"),
    )
    assert figures.suspensions == {"view_changed": 2, "view_unclear": 1}
    both = [Counted(f"kpu/{site}/keeper", 0, 1, figures) for site in ("a", "b")]
    assert total(both).suspensions == {"view_changed": 4, "view_unclear": 2}


def test_a_stop_lasts_until_it_is_lifted() -> None:
    (stop,) = of(entry("stopped", 1, camera="cam-1"), entry("resumed", 3, camera="cam-1")).stops
    assert stop.end_ms - stop.begin_ms == 2 * HOUR_MS


def test_a_view_whose_process_died_ends_at_the_restart() -> None:
    figures = of(opened(1, "a"), entry("started", 2), closed(9, "a"))
    assert (figures.watched_ms, figures.open_views, figures.starts) == (HOUR_MS, 0, {"gudang": 1})


def test_a_view_counts_in_the_period_in_which_it_was_opened_and_its_time_in_both() -> None:
    entries = (opened(1, "a"), closed(5, "a"))
    early = of(*entries, period=Period(ALL.start_ms, START_MS + 2 * HOUR_MS))
    late = of(*entries, period=Period(START_MS + 2 * HOUR_MS, ALL.end_ms))
    assert (early.views, early.watched_ms) == (1, HOUR_MS)
    assert (late.views, late.watched_ms) == (0, 3 * HOUR_MS)


def test_refusals_by_reason_a_flood_with_its_number() -> None:
    figures = of(
        entry("refused", 1, reason="hours"),
        entry("refused", 2, reason="limit", detail="1234"),
        entry("refused", 2, reason="limit", detail="live"),
        entry("refused", 3, reason="limit", detail="9" * 5000),
    )
    assert figures.refusals == {"limit": 1236, "hours": 1}
    assert figures.refused == 1237


def test_stops_with_their_length() -> None:
    hidden = commit(b"s" * 16, "cam-9")
    figures = of(
        entry("stopped", 1, camera="cam-1", party="kpu"),
        entry("stopped", 2, camera="cam-1", party="kpu"),
        entry("stopped", 2, camera=hidden, party="kpu"),
        entry("resumed", 3, camera="cam-1", party="kpu"),
        entry("stopped", 4, party="kpu"),
        entry("stopped", 5, camera="cam-2", party="kpu"),
        entry("resumed", 6, party="kpu"),
        entry("started", 7),
        entry("stopped", 8, camera="cam-2", party="kpu"),
        entry("resumed", 9, camera="cam-1", party="kpu"),
        entry("stopped", 9, camera="", site="kantor"),
    )
    assert [(s.site, s.camera, (s.end_ms - s.begin_ms) / HOUR_MS) for s in figures.stops[:3]] == [
        ("gudang", "cam-1", 2),
        ("gudang", "", 2),
        ("gudang", "cam-2", 1),
    ]
    assert [(s.site, s.camera, s.end_ms) for s in figures.stops[3:]] == [
        ("gudang", "cam-2", OPEN),
        ("kantor", "", OPEN),
    ]


def test_outages_papers_and_alarms() -> None:
    figures = of(
        entry("agreement_accepted", 1, agreement="k-1"),
        entry("agreement_revoked", 2, agreement="k-1", party="kpu"),
        entry("site_lost", 3),
        entry("site_lost", 4),
        entry("site_heard", 5),
        entry("site_lost", 6),
        entry("started", 7, site=""),
        entry("site_heard", 8),
        entry("site_lost", 9),
        entry("history_differs", 9),
    )
    assert [(paper.agreement, paper.party) for paper in figures.agreements] == [("k-1", "")]
    assert [(paper.agreement, paper.party) for paper in figures.revocations] == [("k-1", "kpu")]
    lasted = [(o.end_ms - o.begin_ms) // HOUR_MS for o in figures.outages[:2]]
    assert (lasted, figures.outages[2].end_ms) == ([2, 1], OPEN)
    assert (figures.histories_differ, figures.exports, figures.break_glass) == (1, 0, 0)


def test_every_breaking_of_the_glass_counts_and_every_reason() -> None:
    figures = of(
        entry("break_glass", -1),
        entry("break_glass", 1, session="a"),
        entry("break_glass", 2, session="b"),
        entry("justified", 3, session="a"),
    )
    assert (figures.break_glass, figures.justified) == (2, 1)
    town = total(
        [Counted("kpu/gudang/keeper", 0, 4, figures), Counted("polres/center", 0, 4, figures)]
    )
    assert (town.break_glass, town.justified) == (2, 1)


@pytest.mark.parametrize(
    "entries",
    [
        [closed(1, "never opened")],
        [opened(1, "a"), opened(2, "a"), closed(3, "a")],
        [opened(1, "a"), closed(0.9999, "a")],
        [entry("site_heard", 1), entry("resumed", 1, camera="cam-1")],
    ],
    ids=["closed only", "opened twice", "clock ran back", "ended only"],
)
def test_odd_entries_count_nothing_twice(entries: list[Entry]) -> None:
    figures = of(*entries)
    assert figures.views <= 1
    assert 0 <= figures.watched_ms <= 2 * HOUR_MS
    assert not figures.stops
    assert not figures.outages


KINDS = st.sampled_from(
    ["session_opened", "session_closed", "refused", "stopped", "resumed", "started",
     "agreement_accepted", "agreement_revoked", "site_lost", "site_heard", "history_differs"]
)  # fmt: skip
NAMES = st.sampled_from(["a", "b", "c", ""])
ENTRIES = st.lists(
    st.builds(
        Entry,
        kind=KINDS,
        at_ms=st.integers(START_MS, START_MS + 1000),
        site=st.just("gudang"),
        session=NAMES,
        camera=NAMES,
        unit=NAMES,
        reason=NAMES,
    ),
    max_size=40,
).map(lambda entries: sorted(entries, key=lambda each: each.at_ms))
EDGE = st.integers(START_MS - 10, START_MS + 1010)


@given(ENTRIES, EDGE, st.integers(START_MS + 1000, START_MS + 2000))
def test_two_periods_add_up_to_the_whole(entries: list[Entry], edge: int, now_ms: int) -> None:
    before, after = Period(0, edge), Period(edge, 2**53)
    first, second = (recount(entries, period, now_ms) for period in (before, after))
    whole = recount(entries, Period(0, 2**53), now_ms)
    assert first.entries + second.entries == whole.entries == len(entries)
    assert first.views + second.views == whole.views
    assert first.watched_ms + second.watched_ms == whole.watched_ms
    assert first.refused + second.refused == whole.refused
    assert (*first.stops, *second.stops) == whole.stops
    assert (*first.outages, *second.outages) == whole.outages
    assert (*first.revocations, *second.revocations) == whole.revocations


@given(ENTRIES, st.data())
def test_a_missing_entry_changes_a_figure(entries: list[Entry], data: st.DataObject) -> None:
    if entries:
        gone = data.draw(st.integers(0, len(entries) - 1))
        left = entries[:gone] + entries[gone + 1 :]
        assert recount(left, ALL, LATER_MS) != recount(entries, ALL, LATER_MS)


@given(st.permutations(["kpu/gudang/keeper", "kpu/kantor/keeper", "polres/center"]), ENTRIES)
def test_the_order_of_ledgers_does_not_matter(order: list[str], entries: list[Entry]) -> None:
    def counted(origin: str) -> Counted:
        there = [replace(each, site=site_of(origin) or each.site) for each in entries]
        return Counted(origin, 0, len(there), recount(there, ALL, LATER_MS))

    assert total(map(counted, order)) == total(map(counted, sorted(order)))


def test_the_sites_count_views_and_the_center_outages() -> None:
    entries = [opened(1, "a"), closed(2, "a"), entry("site_lost", 3), entry("stopped", 4)]
    origins = ("kpu/gudang/keeper", "polres/center")
    parts = [Counted(origin, 0, 4, of(*entries)) for origin in origins]
    figures = total(parts)
    assert (figures.views, figures.watched_ms, figures.entries) == (1, HOUR_MS, 8)
    assert (len(figures.outages), len(figures.stops)) == (1, 1)


def test_a_town_adds_up_its_sites_and_the_most_comes_first() -> None:
    units = (
        UnitViews("A", "polres", 1, 5),
        UnitViews("B", "polres", 1, 9),
        UnitViews("C", "polres", 3, 5),
    )
    site = Figures(units=units, refusals={"expired": 2}, starts={"pasar": 1})
    other = Figures(refusals={"stopped": 3}, starts={"gudang": 4})
    center = Figures(refusals={"stopped": 9}, starts={"center": 9}, exports=9, histories_differ=1)
    town = total(
        [
            Counted("kpu/gudang/keeper", 0, 1, site),
            Counted("kpu/pasar/keeper", 0, 1, other),
            Counted("pemkot/center", 0, 1, center),
        ]
    )
    assert [unit.unit for unit in town.units] == ["B", "C", "A"]
    assert list(town.refusals.items()) == [("stopped", 3), ("expired", 2)]
    assert list(town.starts.items()) == [("gudang", 4), ("pasar", 1)]
    assert (town.exports, town.histories_differ) == (0, 1)
    assert [site_of(origin) for origin in ("kpu/pasar/keeper", "pemkot/center")] == ["pasar", ""]


def folded(entries: Sequence[Entry]) -> Recount:
    work = Recount(ALL)
    for each in entries:
        work.add(each)
    return work


def test_views_that_one_ledger_alone_knows() -> None:
    site = folded([opened(1, "both"), opened(2, "site")])
    center = folded([opened(1, "both"), opened(3, "center"), opened(4, "elsewhere", site="kantor")])
    found = compare("gudang", site, center, ALL, LATER_MS)
    assert (found.both, found.site_only, found.center_only) == (1, 1, 1)


def test_the_last_minute_is_not_judged() -> None:
    now_ms = START_MS + 2 * HOUR_MS
    center = folded([opened(2, "a")])
    for late_ms, judged in ((COMPARED_AFTER_MS, 0), (COMPARED_AFTER_MS + 1, 1)):
        found = compare("gudang", folded([]), center, ALL, now_ms + late_ms)
        assert found.center_only == judged
