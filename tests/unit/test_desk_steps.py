"""The log of steps: subjects, numbers, keys that come again, and what is let go of."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, func, select

from serambi.base.errors import Kind, SerambiError
from serambi.center.database import desk_writes, open_database
from serambi.center.desk.alerts import Acknowledged, Alerts, Raised, Undone, answered
from serambi.center.desk.desk import READERS
from serambi.center.desk.happenings import Noted, Opened
from serambi.center.desk.kinds import RULES, AlertKind, IncidentType
from serambi.center.desk.meter import measure
from serambi.center.desk.steps import Body, Draft, Person, Step, Steps, once

BY = Person(account="jaga1", name="Petugas jaga 1", unit="Polres")
CALL = Raised(what=AlertKind.CALL, priority=2, text="Asap")
FIRE = Opened(type=IncidentType.FIRE, title="Api", priority=1)
DAY_MS = 86_400_000


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_database(tmp_path / "center.db")
    yield engine
    engine.dispose()


@pytest.fixture
def steps(engine: Engine) -> Steps:
    return Steps(engine, READERS)


def test_what_is_kept_is_what_is_read(steps: Steps) -> None:
    made = steps.append([Draft("incident", "i", FIRE), Draft("incident", "j", FIRE)], 5, BY)
    made += steps.append([Draft("incident", "i", Noted(text="Tanda 'petik' \u2603"))], 6)
    assert [step.number for step in made] == [1, 2, 1]
    assert steps.of("incident", ["i"]) == [made[0], made[2]]
    assert steps.of("incident", ["j", "i"]) == made
    assert steps.of("alert", ["i"]) == []


def test_numbers_count_within_a_stream(steps: Steps) -> None:
    drafts = [Draft("alert", "a", CALL), Draft("incident", "a", FIRE), Draft("alert", "b", CALL)]
    assert [step.number for step in steps.append(drafts, 1)] == [1, 1, 2]


def test_only_what_is_open_or_recent_is_loaded(steps: Steps) -> None:
    steps.append([Draft("alert", "waits", CALL), Draft("alert", "done", CALL)], 10)
    steps.append([Draft("alert", "done", Acknowledged(), open=False)], 20)
    steps.append([Draft("alert", "late", CALL, open=False)], 500)
    assert {step.subject for step in steps.open_or_since("alert", 100)} == {"waits", "late"}
    assert len(steps.open_or_since("alert", 20)) == 4
    assert steps.closed("alert", 5) == ["late", "done"]
    assert steps.closed("alert", 5, before=3) == ["done"]


def test_a_key_is_one_write(steps: Steps) -> None:
    write = once("jaga1", "k", "said")
    assert steps.seen(write) is None
    made = steps.append([Draft("alert", "a", CALL), Draft("alert", "b", CALL)], 1, BY, write)
    assert steps.seen(write) == made
    assert steps.seen(once("jaga2", "k", "said")) is None
    with pytest.raises(SerambiError) as caught:
        steps.seen(once("jaga1", "k", "else"))
    assert caught.value.kind is Kind.CONFLICT


def test_old_alerts_go_and_incidents_stay(steps: Steps, engine: Engine) -> None:
    steps.append([Draft("alert", "old", CALL)], 0, BY, once("a", "1"))
    steps.append([Draft("alert", "old", Acknowledged(), open=False)], 10, BY, once("a", "2"))
    steps.append([Draft("alert", "waits", CALL)], 0, BY, once("a", "3"))
    steps.append([Draft("alert", "young", CALL, open=False)], DAY_MS, BY, once("a", "4"))
    steps.append([Draft("incident", "i", FIRE, open=False)], 0, BY, once("a", "5"))
    steps.make_room(DAY_MS)
    assert steps.of("alert", ["old"]) == []
    assert len(steps.of("alert", ["waits", "young"]) + steps.of("incident", ["i"])) == 3
    with engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(desk_writes)).scalar() == 3
    assert steps.append([Draft("alert", "new", CALL)], DAY_MS)[0].number == 4


WHAT = st.sampled_from(list(AlertKind))
ANSWERS = st.lists(
    st.tuples(st.sampled_from(["acknowledge", "dismiss", "undo"]), st.integers(0, 9)), max_size=30
)


@settings(max_examples=60, deadline=None)
@given(kinds=st.lists(WHAT, min_size=1, max_size=10), answers=ANSWERS)
def test_no_alert_is_lost_whatever_is_answered(
    kinds: list[AlertKind], answers: list[tuple[str, int]]
) -> None:
    alerts = Alerts()
    count = 0

    def keep(subject: str, number: int, body: Body) -> None:
        nonlocal count
        count += 1
        alerts.apply(Step(count, "alert", subject, number, 1000, BY, body))

    for number, what in enumerate(kinds):
        keep(f"a{number}", number, Raised(what=what, priority=RULES[what].priority, site="s"))
    for answer, which in answers:
        try:
            found = answered(alerts, [f"a{which}"], answer, BY, 1000)  # type: ignore[arg-type]
        except SerambiError:
            continue  # nothing was to be answered
        for draft in found:
            before = alerts.find(draft.subject).state
            keep(draft.subject, which, draft.body)
            assert (before == "waiting") != isinstance(draft.body, Undone)
    waiting, others = alerts.waiting(), alerts.others()
    assert {one.id for one in waiting} ^ {one.id for one in others} == {
        f"a{n}" for n in range(len(kinds))
    }
    assert [one.priority for one in waiting] == sorted(one.priority for one in waiting)
    meter = measure(alerts.all(), 1000)
    assert meter.day == sum(meter.by_priority.values()) == len(kinds)
