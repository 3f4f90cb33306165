"""Instants and hours, in zones that know daylight saving time and in one that does not."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from serambi.agreement.instants import (
    ALWAYS,
    DAYS,
    Hours,
    check_hours,
    check_zone,
    is_open,
    open_until,
    opens_next,
)
from serambi.base.errors import Kind, SerambiError
from serambi.base.instants import instant, instant_text

ZONES = [
    "Asia/Jakarta",
    "Asia/Jayapura",
    "Europe/Berlin",
    "America/Santiago",
    "Australia/Lord_Howe",
    "UTC",
]
NIGHT = [Hours(DAYS, "22:00", "05:00")]
OFFICE = [Hours(("mon", "tue", "wed", "thu", "fri"), "08:00", "16:30")]
WEEK_S = 7 * 86_400


def at(text: str, zone: str = "UTC", fold: int = 0) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp()


def test_an_instant_goes_there_and_back() -> None:
    assert instant("2026-11-23T10:40:00Z", "x") == at("2026-11-23T10:40:00")
    assert instant_text(at("2026-11-23T10:40:00") + 0.9) == "2026-11-23T10:40:00Z"


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-23T10:40:00+00:00",
        "2026-11-23T10:40:00z",
        "2026-11-23 10:40:00Z",
        "2026-11-23T10:40:00.0Z",
        "2026-11-23T10:40Z",
        "2026-11-23T10:40:60Z",
        "2026-02-30T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "2026-11-23T24:00:00Z",
        "1969-12-31T23:59:59Z",
        "3000-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "2026-11-23T10:40:00Z\n",
        "٢٠٢٦-11-23T10:40:00Z",
        "",
    ],
)
def test_other_spellings_of_an_instant_are_refused(text: str) -> None:
    with pytest.raises(SerambiError) as caught:
        instant(text, "valid_until")
    assert caught.value.kind == Kind.BAD_INPUT
    assert "valid_until" in str(caught.value)


@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2999, 12, 31)))
def test_every_second_has_one_spelling(moment: datetime) -> None:
    text = instant_text(moment.replace(tzinfo=UTC).timestamp())
    assert instant_text(instant(text, "x")) == text


@pytest.mark.parametrize("zone", [*ZONES, "America/Argentina/Buenos_Aires", "Etc/GMT+7"])
def test_zones_have_their_iana_names(zone: str) -> None:
    check_zone(zone)


@pytest.mark.parametrize(
    "zone",
    [
        "WIB",
        "Asia/Blitar",
        "localtime",
        "posix/Asia/Jakarta",
        "../Asia/Jakarta",
        "/etc/localtime",
        "Asia",
        "",
        "Asia/",
        "Asia/Jakarta\n",
        "posixrules",
        "Asia/../Asia/Jakarta",
        "Asia/J\x00",
    ],
)
def test_other_zones_are_refused(zone: str) -> None:
    with pytest.raises(SerambiError, match="Asia/Jakarta"):
        check_zone(zone)


@pytest.mark.parametrize(
    "span",
    [
        Hours(DAYS, "8:00", "16:00"),
        Hours(DAYS, "08:00", "16:60"),
        Hours(DAYS, "08:00", "24:01"),
        Hours(DAYS, "24:00", "06:00"),
        Hours(DAYS, "08:00", "1٦:00"),
        Hours(DAYS, "08:00\n", "16:00"),
        Hours((), "08:00", "16:00"),
        Hours(("mon", "mon"), "08:00", "16:00"),
    ],
)
def test_hours_that_cannot_be_read_are_refused(span: Hours) -> None:
    with pytest.raises(SerambiError):
        check_hours([span])


def test_hours_that_can_be_read_pass() -> None:
    check_hours([*NIGHT, *OFFICE, *ALWAYS, Hours(("sun",), "08:00", "08:00")])


def test_office_hours_close_in_the_afternoon_and_over_the_weekend() -> None:
    friday = at("2026-11-27T16:00", "Asia/Jakarta")
    assert open_until(OFFICE, "Asia/Jakarta", friday) == friday + 1800
    assert open_until(OFFICE, "Asia/Jakarta", friday + 1800) == 0.0
    monday = at("2026-11-30T08:00", "Asia/Jakarta")
    assert opens_next(OFFICE, "Asia/Jakarta", friday + 1800) == monday
    assert opens_next(OFFICE, "Asia/Jakarta", friday) == monday


def test_a_night_belongs_to_the_day_it_begins_on() -> None:
    friday_night = [Hours(("fri",), "22:00", "05:00")]
    saturday = at("2026-11-28T04:59", "Asia/Jakarta")
    assert open_until(friday_night, "Asia/Jakarta", saturday) == saturday + 60
    assert open_until(friday_night, "Asia/Jakarta", saturday + 60) == 0.0
    assert open_until(friday_night, "Asia/Jakarta", at("2026-11-27T04:00", "Asia/Jakarta")) == 0.0


def test_touching_hours_are_one() -> None:
    day = [Hours(("mon",), "08:00", "12:00"), Hours(("mon",), "12:00", "24:00")]
    day.append(Hours(("tue",), "00:00", "01:00"))
    monday = at("2026-11-23T09:00", "Asia/Jakarta")
    assert open_until(day, "Asia/Jakarta", monday) == at("2026-11-24T01:00", "Asia/Jakarta")


def test_hours_that_meet_themselves_last_a_day() -> None:
    watch = [Hours(("mon",), "08:00", "08:00")]
    monday = at("2026-11-23T08:00", "Asia/Jakarta")
    assert open_until(watch, "Asia/Jakarta", monday) == monday + 86_400


def test_always_is_a_week_ahead_and_never_is_never() -> None:
    now = at("2026-11-23T10:40")
    assert open_until(ALWAYS, "Asia/Jakarta", now) == now + WEEK_S
    assert opens_next(ALWAYS, "Asia/Jakarta", now) == 0.0
    assert open_until([], "Asia/Jakarta", now) == 0.0
    assert opens_next([], "Asia/Jakarta", now) == 0.0


def test_a_minute_that_happens_twice_is_open_twice() -> None:
    # Berlin, 25 October 2026: 02:00 to 03:00 happens twice.
    early = [Hours(("sun",), "02:15", "02:45")]
    first = at("2026-10-25T02:15", "Europe/Berlin")
    second = at("2026-10-25T02:15", "Europe/Berlin", fold=1)
    assert second == first + 3600
    assert opens_next(early, "Europe/Berlin", first - 60) == first
    assert open_until(early, "Europe/Berlin", first) == first + 1800
    assert opens_next(early, "Europe/Berlin", first) == second
    assert open_until(early, "Europe/Berlin", second) == second + 1800


def test_the_clock_going_back_into_closed_hours_closes() -> None:
    # From 02:30 on: the first 02:30 opens, 03:00 becomes 02:00 and closes, the second opens.
    late = [Hours(("sun",), "02:30", "06:00")]
    first = at("2026-10-25T02:30", "Europe/Berlin")
    assert open_until(late, "Europe/Berlin", first) == first + 1800
    assert opens_next(late, "Europe/Berlin", first) == first + 3600


def test_a_minute_that_is_skipped_is_never_open() -> None:
    # Berlin, 29 March 2026: 02:00 becomes 03:00.
    gap = [Hours(("sun",), "02:15", "02:45")]
    before = at("2026-03-29T01:59", "Europe/Berlin")
    next_week = at("2026-04-05T02:15", "Europe/Berlin")
    assert opens_next(gap, "Europe/Berlin", before - 3600) in (0.0, next_week)
    through = [Hours(("sun",), "02:15", "03:30")]
    assert opens_next(through, "Europe/Berlin", before) == before + 60
    assert open_until(through, "Europe/Berlin", before + 60) == before + 60 + 1800


def test_a_day_that_begins_at_one_in_the_morning() -> None:
    # Santiago, 6 September 2026: midnight does not exist.
    sunday = [Hours(("sun",), "00:00", "24:00")]
    midnight = at("2026-09-06T01:00", "America/Santiago")
    assert opens_next(sunday, "America/Santiago", midnight - 7200) == midnight
    assert open_until(sunday, "America/Santiago", midnight) == midnight + 23 * 3600


clocks = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59))
spans = st.builds(
    Hours,
    st.lists(st.sampled_from(DAYS), min_size=1, unique=True).map(tuple),
    clocks,
    st.one_of(clocks, st.just("24:00")),
)
# Around the changes of 2026, where mistakes would be.
moments = st.one_of(
    st.integers(int(at("2026-01-01T00:00")), int(at("2027-01-01T00:00"))),
    *(
        st.integers(int(at(day)) - 90_000, int(at(day)) + 90_000)
        for day in ("2026-03-29T01:00", "2026-10-25T01:00", "2026-04-05T03:00", "2026-09-06T04:00")
    ),
)


def wall(zone: str, moment: float) -> datetime:
    return datetime.fromtimestamp(moment, ZoneInfo(zone))


@given(st.lists(spans, max_size=3), st.sampled_from(ZONES), moments, st.data())
@example([Hours(("sun",), "02:30", "06:00")], "Europe/Berlin", 1792888200, None)
def test_open_until_is_the_first_instant_at_which_the_wall_clock_says_no(
    hours: list[Hours], zone: str, now: int, data: st.DataObject | None
) -> None:
    until = open_until(hours, zone, now)
    if not is_open(hours, wall(zone, now)):
        assert until == 0.0
        return
    assert now < until <= now + WEEK_S + 86_400
    assert is_open(hours, wall(zone, until - 1))
    if until < now + WEEK_S:
        assert not is_open(hours, wall(zone, until))
    if data is not None:
        assert is_open(hours, wall(zone, data.draw(st.integers(now, int(until) - 1))))


@given(st.lists(spans, max_size=3), st.sampled_from(ZONES), moments, st.data())
def test_opens_next_is_the_first_instant_at_which_it_opens(
    hours: list[Hours], zone: str, now: int, data: st.DataObject
) -> None:
    opens = opens_next(hours, zone, now)
    if not opens:
        return
    assert opens > now
    assert is_open(hours, wall(zone, opens))
    assert not is_open(hours, wall(zone, opens - 1))
    if not is_open(hours, wall(zone, now)):
        between = data.draw(st.integers(now, int(opens) - 1))
        assert not is_open(hours, wall(zone, between))


@given(st.lists(spans, max_size=3), st.sampled_from(ZONES), moments, st.floats(0, 0.999_999))
def test_a_part_of_a_second_changes_nothing(
    hours: list[Hours], zone: str, now: int, part: float
) -> None:
    assert open_until(hours, zone, now + part) == open_until(hours, zone, now)


@given(spans)
def test_hours_repeat_weekly_where_no_clock_changes(span: Hours) -> None:
    now = at("2026-11-23T10:40")
    here, later = (open_until([span], "Asia/Jakarta", t) for t in (now, now + WEEK_S))
    assert (later - here if here else later) in (WEEK_S, 0.0)
