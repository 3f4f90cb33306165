"""Zones, lines and rules, as an owner writes them and the analyst reads them.

What is accepted means the same when it is written again, names only places that there are, and
answers for every minute of the day.
"""

from collections.abc import Iterator
from random import Random

import msgspec

from fuzz import _json
from fuzz._target import Target, require
from serambi.analytics.rules import Rules, parse_rules

_GATE = b'{"name": "gate", "polygon": [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]}'
_FENCE = b'{"name": "fence", "from": [0.1, 0.2], "to": [0.9, 0.2]}'
_MINUTES = (None, 0, 1, 719, 1439)
_NAME_MAX_CHARACTERS = 64


def seeds() -> Iterator[bytes]:
    yield b"{}"
    yield b'{"zones": [%s], "lines": [%s]}' % (_GATE, _FENCE)
    yield b'{"zones": [%s], "lines": [%s], "rules": [%s, %s, %s]}' % (
        _GATE,
        _FENCE,
        b'{"rule": "left_object", "zone": "gate", "after_s": 20, "hours": ["18:00", "06:00"]}',
        b'{"rule": "line", "line": "fence", "direction": "forward"}',
        b'{"rule": "crowd", "count": 7, "hours": ["00:00", "24:00"]}',
    )
    yield b'{"rules": [{"rule": "motion"}, {"rule": "tamper"}]}'
    yield b'{"zones": [%s, %s]}' % (_GATE, _GATE)
    yield b'{"rules": ' + b"[" * 1500


def check(raw: bytes) -> None:
    rules = parse_rules(raw, where="rules.json")
    again = msgspec.json.encode(rules)
    require(parse_rules(again) == rules, "rules mean something else when they come back")
    _check_names(rules)
    for setting in rules.settings:
        if setting.zone is not None:
            require(rules.zone(setting.zone).name == setting.zone, "a rule for another zone")
        if setting.line is not None:
            require(rules.line(setting.line).name == setting.line, "a rule for another line")
        require((setting.place == "") == (setting.zone is setting.line is None), "a nameless place")
        require(0 <= setting.wait_s <= 3600, "a rule that waits for ever")
        held = [setting.holds_at(minute) for minute in _MINUTES]
        require(held[0], "a rule that does not hold when the time is not known")


def _check_names(rules: Rules) -> None:
    names = [*(zone.name for zone in rules.zones), *(line.name for line in rules.lines)]
    require(all(0 < len(name) <= _NAME_MAX_CHARACTERS for name in names), "a name without bounds")
    shares = [xy for zone in rules.zones for point in zone.polygon for xy in point]
    shares += [xy for line in rules.lines for point in (line.start, line.end) for xy in point]
    require(all(0 <= share <= 1 for share in shares), "a place outside the picture")


def mutate(raw: bytes, rng: Random) -> bytes | None:
    return _json.mutate(raw, rng)


TARGET = Target(("serambi.analytics.rules",), seeds, check, mutate=mutate)
