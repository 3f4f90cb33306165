"""The rules document: strict, and every error says where."""

import pytest

from serambi.analytics.rules import DEFAULT_RULES, Rules, RuleSetting, parse_rules
from serambi.analytics.zones import contains
from serambi.base.errors import SerambiError

GOOD = b"""{
  "zones": [{"name": "gate", "polygon": [[0.1, 0.2], [0.9, 0.2], [0.5, 0.9]]}],
  "lines": [{"name": "kerb", "from": [0, 0.5], "to": [1, 0.5]}],
  "rules": [{"rule": "left_object", "zone": "gate", "after_s": 20},
            {"rule": "line", "line": "kerb", "direction": "forward"},
            {"rule": "crowd", "count": 3, "hours": ["18:00", "06:00"]}]
}"""


def test_a_document_is_read_with_its_names_and_usual_values() -> None:
    rules = parse_rules(GOOD)
    left, line, crowd = rules.settings
    assert (left.place, left.wait_s) == ("gate", 20)
    assert (line.place, line.direction) == ("kerb", "forward")
    assert (crowd.place, crowd.count, crowd.wait_s) == ("", 3, 5.0)
    assert rules.zone("gate").polygon[2] == (0.5, 0.9)
    assert rules.line("kerb").end == (1, 0.5)


def test_without_rules_the_usual_ones_hold_and_lines_are_watched() -> None:
    assert Rules().settings == DEFAULT_RULES
    settings = parse_rules(b'{"lines": [{"name": "a", "from": [0, 0], "to": [1, 1]}]}').settings
    assert settings[-1] == RuleSetting(rule="line", line="a")


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"{", "not rules"),
        (b'{"zone": []}', "zone"),
        (b'{"zones": [{"name": "a", "polygon": [[0, 0], [1, 1]]}]}', "zones"),
        (b'{"lines": [{"name": "a", "from": [0, 0], "to": [1, 1.5]}]}', "lines"),
        (b'{"rules": [{"rule": "faces"}]}', "faces"),
        (b'{"rules": [{"rule": "line"}]}', "must name"),
        (b'{"rules": [{"rule": "zone", "zone": "nowhere"}]}', "nowhere"),
        (b'{"rules": [{"rule": "motion", "line": "a"}]}', "with a zone"),
        (b'{"rules": [{"rule": "motion", "hours": ["8:00", "09:00"]}]}', "HH:MM"),
        (b'{"rules": [{"rule": "motion", "hours": ["25:00", "09:00"]}]}', "25:00"),
        (
            b'{"lines": [{"name": "a", "from": [0, 0], "to": [1, 1]},'
            b' {"name": "a", "from": [0, 0], "to": [1, 1]}]}',
            "one name",
        ),
    ],
)
def test_what_is_wrong_is_said(raw: bytes, said: str) -> None:
    with pytest.raises(SerambiError) as caught:
        parse_rules(raw, where="rules.json")
    assert said in str(caught.value)
    assert caught.value.where == "rules.json"


@pytest.mark.parametrize(
    ("hours", "minute", "holds"),
    [
        (("08:00", "17:00"), 8 * 60, True),
        (("08:00", "17:00"), 17 * 60, False),
        (("22:00", "05:00"), 23 * 60, True),
        (("22:00", "05:00"), 4 * 60, True),
        (("22:00", "05:00"), 12 * 60, False),
        (("22:00", "05:00"), None, True),
        (None, 12 * 60, True),
    ],
)
def test_hours_may_run_over_midnight(
    hours: tuple[str, str] | None, minute: int | None, holds: bool
) -> None:
    assert RuleSetting(rule="motion", hours=hours).holds_at(minute) is holds


def test_a_point_is_in_a_polygon_or_not() -> None:
    zone = parse_rules(GOOD).zone("gate")
    assert contains(zone, (50, 40), (100, 100))
    assert not contains(zone, (12, 80), (100, 100))
    assert contains(None, (99, 99), (100, 100))
