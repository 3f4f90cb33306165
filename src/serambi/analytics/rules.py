"""Zones, lines and rules as a document, strict; and the rules that hold where none is given."""

import re
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import DOCUMENT_MAX_BYTES

_Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Point = tuple[_Share, _Share]

ZonesRule = Literal[
    "left_object", "removed_object", "loitering", "line", "zone", "crowd", "motion", "tamper"
]
_AFTER_S: dict[str, float] = {
    "left_object": 10.0,
    "removed_object": 10.0,
    "loitering": 20.0,
    "crowd": 5.0,
    "zone": 0.6,
}
_NAME_MAX_CHARACTERS = 64
_PLACES_MAX = 32
_CORNERS_MAX = 64
_RULES_MAX = 64
_ERROR_MAX_CHARACTERS = 300
_TIME = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]|24:00")

_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=_NAME_MAX_CHARACTERS)]


class Zone(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A polygon; coordinates are shares of width and height from the upper left corner."""

    name: _Name
    polygon: Annotated[tuple[Point, ...], msgspec.Meta(min_length=3, max_length=_CORNERS_MAX)]


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Crossed `forward` by what passes from its left to its right, looking from start to end."""

    name: _Name
    start: Point = msgspec.field(name="from")
    end: Point = msgspec.field(name="to")


class RuleSetting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One rule at one place: `zone` or `line` by name, the whole picture without. `after_s`: how
    long it must hold; `count`: how many make a crowd; `direction` of a line, both without;
    `hours`: local "HH:MM" to "HH:MM", may run over midnight, always without."""

    rule: ZonesRule
    zone: str | None = None
    line: str | None = None
    after_s: Annotated[float, msgspec.Meta(ge=0, le=3600)] | None = None
    count: Annotated[int, msgspec.Meta(ge=2, le=100)] = 5
    direction: Literal["forward", "backward"] | None = None
    hours: tuple[str, str] | None = None

    @property
    def place(self) -> str:
        return self.line or self.zone or ""

    @property
    def wait_s(self) -> float:
        """`after_s`, or the rule's usual one."""
        return _AFTER_S.get(self.rule, 0.0) if self.after_s is None else self.after_s

    def holds_at(self, minute: int | None) -> bool:
        """Whether the hours cover this minute of the day; None: the time is not known, and an
        alert too many does less harm than one missing."""
        if self.hours is None or minute is None:
            return True
        first, last = (_minute(h) for h in self.hours)
        return first <= minute < last if first <= last else minute >= first or minute < last


DEFAULT_RULES = tuple(
    RuleSetting(rule=rule)
    for rule in ("motion", "left_object", "removed_object", "loitering", "tamper")
)


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The document. Without `rules`: the usual ones, and every line is watched."""

    zones: Annotated[tuple[Zone, ...], msgspec.Meta(max_length=_PLACES_MAX)] = ()
    lines: Annotated[tuple[Line, ...], msgspec.Meta(max_length=_PLACES_MAX)] = ()
    rules: Annotated[tuple[RuleSetting, ...], msgspec.Meta(max_length=_RULES_MAX)] | None = None

    @property
    def settings(self) -> tuple[RuleSetting, ...]:
        if self.rules is not None:
            return self.rules
        watched = tuple(RuleSetting(rule="line", line=line.name) for line in self.lines)
        return DEFAULT_RULES + watched

    def zone(self, name: str) -> Zone:
        return next(zone for zone in self.zones if zone.name == name)

    def line(self, name: str) -> Line:
        return next(line for line in self.lines if line.name == name)


def parse_rules(raw: bytes, where: str = "") -> Rules:
    """Raises `SerambiError` that names the field, when the document is not exactly right."""
    if len(raw) > DOCUMENT_MAX_BYTES:
        raise SerambiError(Kind.LIMIT, "the rules are too long", where=where)
    try:
        rules = msgspec.json.decode(raw, type=Rules)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        # Cut short: the text may quote a field's name, however long that is.
        said = str(error)[:_ERROR_MAX_CHARACTERS]
        raise SerambiError(Kind.BAD_INPUT, f"not rules: {said}", where=where) from None
    _check(rules, where)
    return rules


def read_rules(path: Path) -> Rules:
    """Rules from a file."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise SerambiError(
            Kind.BAD_INPUT, f"cannot be read: {error.strerror}", where=str(path)
        ) from None
    return parse_rules(raw, where=str(path))


def _check(rules: Rules, where: str) -> None:
    def wrong(what: str) -> SerambiError:
        return SerambiError(Kind.BAD_INPUT, what, where=where)

    for names in ([z.name for z in rules.zones], [line.name for line in rules.lines]):
        if len(set(names)) < len(names):
            raise wrong("two zones or two lines have one name")
    zones, lines = {z.name for z in rules.zones}, {line.name for line in rules.lines}
    for setting in rules.settings:
        if setting.rule == "line":
            if setting.line not in lines or setting.zone is not None:
                raise wrong("a rule for a line must name one of the lines")
        elif setting.line is not None:
            raise wrong(f"the rule {setting.rule} goes with a zone, not with a line")
        elif setting.zone is not None and setting.zone not in zones:
            raise wrong(f"there is no zone {setting.zone[:40]!r}")
        for hour in setting.hours or ():
            _minute(hour, where)


def _minute(text: str, where: str = "") -> int:
    """The minute of the day that `HH:MM` says, up to 24:00."""
    if not _TIME.fullmatch(text):
        raise SerambiError(
            Kind.BAD_INPUT, f"{text[:40]!r} is no time of day: write HH:MM", where=where
        )
    return int(text[:2]) * 60 + int(text[3:])
