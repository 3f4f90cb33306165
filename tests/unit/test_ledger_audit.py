"""Two logs of the same views: whatever was left out, made up or told differently is found."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from serambi.base.clock import ManualClock
from serambi.base.errors import SerambiError
from serambi.cli.ledger import ledger_group
from serambi.identity.keys import SigningKey
from serambi.ledger.audit import TOLERANCE_MS, UNANSWERED, Audit, all_entries, audit, site_of
from serambi.ledger.entry import Entry
from serambi.ledger.store import LedgerStore
from tests.builders import NOW, SITE, Town, make_roster

AT = int(NOW * 1000)
LATE = Entry(kind="started", at_ms=AT + 10 * TOLERANCE_MS)


def view(session: str, **changes: object) -> Entry:
    entry = Entry(
        kind="session_opened",
        at_ms=AT,
        site=SITE,
        session=session,
        camera="cam-1",
        person="Sari",
        unit="Pusat Komando",
        party="polres",
        purpose="routine_watch",
        agreement="A-1",
    )
    return replace(entry, **changes)


def test_the_same_views_in_both_are_well() -> None:
    keeper = [view("a"), view("b"), LATE]
    center = [view("b", at_ms=AT + 3, detail="live"), view("a"), view("x", site="pasar"), LATE]
    work, alarms = audit(keeper, center, SITE)
    assert (work.matched, work.unmatched(), alarms) == (2, 0, [])


@given(st.permutations(range(12)), st.integers(0, 5))
def test_an_omission_is_found_on_either_side(order: list[int], missing: int) -> None:
    logs = [[view(str(n)) for n in order if n < 6], [view(str(n - 6)) for n in order if n >= 6]]
    for at, other in ((0, "site's"), (1, "center's")):
        short = [list(log) for log in logs]
        short[at] = [entry for entry in short[at] if entry.session != str(missing)]
        _, alarms = audit([*short[0], LATE], [*short[1], LATE], SITE)
        assert len(alarms) == 1
        assert f"view {missing} of {SITE}" in alarms[0]
        assert f"the {other} log omits it" in alarms[0]


@pytest.mark.parametrize("name", ["camera", "person", "unit", "party", "purpose", "agreement"])
def test_a_field_told_differently_is_found(name: str) -> None:
    _, alarms = audit([view("a"), LATE], [view("a", **{name: "other"}), LATE], SITE)
    assert len(alarms) == 1
    assert f"the {name} is " in alarms[0]
    assert "'other' at the center" in alarms[0]


@pytest.mark.parametrize("by", ["incident 12", "break_glass abc"])
def test_what_a_view_was_opened_by_is_compared(by: str) -> None:
    here, there = view("a", detail=by), view("a", detail=f"live {by}")
    assert audit([here, LATE], [there, LATE], SITE)[1] == []
    for keeper, center in ((here, view("a", detail="live")), (view("a"), there)):
        _, alarms = audit([keeper, LATE], [center, LATE], SITE)
        assert len(alarms) == 1
        assert "the grounds is " in alarms[0]


def test_a_question_whose_answer_was_lost_is_no_omission() -> None:
    lost = view("a", kind="refused", reason=UNANSWERED, agreement="")
    for center in ([lost, LATE], [lost, LATE][::-1]):
        work, alarms = audit([view("a"), LATE], center, SITE)
        assert (work.matched, alarms) == (1, [])
    assert audit([LATE], [lost, LATE], SITE)[1] == []
    other = replace(lost, reason="out_of_hours")
    assert len(audit([view("a"), LATE], [other, LATE], SITE)[1]) == 1


def test_what_the_other_log_cannot_have_yet_is_not_judged() -> None:
    work = Audit(SITE)
    work.add_keeper([view("a")])
    work.add_center([view("b")])
    assert work.alarms(AT + TOLERANCE_MS - 1, AT + TOLERANCE_MS - 1) == []
    assert work.unmatched() == 2
    assert len(work.alarms(AT + TOLERANCE_MS, AT + TOLERANCE_MS)) == 2


def test_what_is_as_old_as_the_question_is_judged() -> None:
    work = Audit(SITE)
    work.add_keeper([view("a")])
    work.add_center([view("b")])
    assert len(work.alarms(LATE.at_ms, LATE.at_ms, since_ms=AT)) == 2
    assert work.alarms(LATE.at_ms, LATE.at_ms, since_ms=AT + 1) == []


def test_the_center_may_be_read_first_and_only_views_of_the_site_count() -> None:
    work = Audit(SITE)
    work.add_center([view("a")])
    work.add_keeper([view("a"), view("b", kind="refused"), view("c", site="pasar")])
    assert (work.matched, work.unmatched()) == (1, 0)


def test_one_session_opened_twice_is_found() -> None:
    _, alarms = audit([view("a"), view("a"), LATE], [view("a"), LATE], SITE)
    assert alarms == []  # the same entry twice before its counterpart is one view
    work = Audit(SITE)
    work.add_keeper([view("a")])
    work.add_center([view("a")])
    work.add_keeper([view("a")])
    assert len(work.alarms(LATE.at_ms, LATE.at_ms)) == 1


def test_entries_that_wait_for_their_tiles_are_compared_too(tmp_path: Path) -> None:
    entries = [view(str(number)) for number in range(3)]
    key = SigningKey.generate()
    with LedgerStore.open(tmp_path, f"kpu/{SITE}/keeper", key, ManualClock(NOW)) as store:
        store.append(entries[:1])
        store.publish()
        store.append(entries[1:])
        assert all_entries(tmp_path) == entries
    assert all_entries(tmp_path) == entries


def test_an_origin_says_whose_ledger_it_is() -> None:
    assert (site_of(f"kpu/{SITE}/keeper"), site_of("polres/center")) == (SITE, "")
    for origin in ("polres", "kpu/gudang-kpu/center", "a/b/c/keeper", ""):
        with pytest.raises(SerambiError, match="neither a keeper nor a center"):
            site_of(origin)


# -- as people call it --------------------------------------------------------------------


def written(town: Town, folder: Path, entries: list[Entry]) -> Path:
    keeper = folder.name == "keeper"
    origin = f"kpu/{SITE}/keeper" if keeper else "polres/center"
    key = town.gateways[SITE] if keeper else town.center
    with LedgerStore.open(folder, origin, key, ManualClock(NOW)) as store:
        store.append(entries)
    return folder


def test_the_command_compares_two_folders(tmp_path: Path) -> None:
    town = make_roster()
    roster = tmp_path / "roster.json"
    roster.write_bytes(town.raw)
    keeper = written(town, tmp_path / "keeper", [view("a"), view("c"), LATE])
    center = written(town, tmp_path / "center", [view("a"), LATE, view("d", at_ms=LATE.at_ms)])

    def run(*folders: Path) -> tuple[int, str]:
        arguments = ["audit", *(str(folder) for folder in folders), "--trust", str(roster)]
        result = CliRunner().invoke(ledger_group, arguments)
        return result.exit_code, result.output

    code, said = run(keeper, center)
    assert code == 1
    assert f"ALARM: view c of {SITE} was opened at the site, and the center's log omits it" in said
    assert "1 views are newer than the other log, and not judged." in said
    assert said.splitlines()[-1] == "DIFFERENT: 1 views compared, 1 alarms"
    code, said = run(center, keeper)
    assert code == 1
    assert "name the site's ledger first" in said
    honest = written(town, tmp_path / "honest" / "center", [view("a"), view("c"), LATE])
    assert run(keeper, honest)[0] == 0
    next((honest / "tile/0").rglob("*.p/*")).write_bytes(b"x" * 96)
    code, said = run(keeper, honest)
    assert code == 1
    assert "NOT VALID" in said
