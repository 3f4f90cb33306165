"""Where the bars of the page's two charts lie, in the units of their SVG. Each has a table that
says the same; drawing and words belong to the template."""

from collections.abc import Sequence
from dataclasses import dataclass

_LABEL = 196
_BARS = 300
_STEPS = (0.1, 0.2, 0.5, 1, 2, 5)
_SUNSET_LEFT = 190
_SUNSET_WIDTH = 690
ROW = 40


@dataclass(frozen=True, slots=True)
class Bar:
    """`label` at the left, `said` behind the bar's end."""

    y: int
    x: float
    width: float
    label: str
    said: str


@dataclass(frozen=True, slots=True)
class Tick:
    x: float
    label: str


@dataclass(frozen=True, slots=True)
class Bars:
    height: int
    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]


@dataclass(frozen=True, slots=True)
class Sunset:
    """One agreement: from `x` on, over for `past`, still to go for `left`."""

    y: int
    label: str
    x: float
    past: float
    left: float
    said: str
    end: str


@dataclass(frozen=True, slots=True)
class Sunsets:
    height: int
    now: float
    rows: tuple[Sunset, ...]
    ticks: tuple[Tick, ...]


def bars(rows: Sequence[tuple[str, float, str]], number: str = "{:g}") -> Bars:
    """(label, value, what is said of it) from the largest down -> the chart; `number` formats the
    scale."""
    most = max((value for _, value, _ in rows), default=0.0) or 1.0
    step = _step(most)
    scale = _BARS / (step * -(-most // step))
    drawn = tuple(
        Bar(at * ROW, _LABEL, max(1.0, round(value * scale, 1)), label, said)
        for at, (label, value, said) in enumerate(rows)
    )
    ticks = tuple(
        Tick(round(_LABEL + at * step * scale, 1), number.format(round(at * step, 6)))
        for at in range(int(-(-most // step)) + 1)
    )
    return Bars(len(rows) * ROW, drawn, ticks)


def _step(most: float) -> float:
    """A round distance between the lines of a scale, so that there are at most six."""
    size = 1.0
    while True:
        for step in _STEPS:
            if most <= 5 * step * size:
                return step * size
        size *= 10


def sunsets(
    rows: Sequence[tuple[str, float, float, str, str]],
    now: float,
    marks: Sequence[tuple[float, str]],
) -> Sunsets:
    """(label, begin, end, what is left, when it ends) in unix seconds -> the chart; `marks` are the
    beginnings of months, with names."""
    begin = min((row[1] for row in rows), default=now)
    end = max([now, *(row[2] for row in rows)])
    scale = _SUNSET_WIDTH / max(end - begin, 1.0)

    def x(at: float) -> float:
        return round(_SUNSET_LEFT + (min(max(at, begin), end) - begin) * scale, 1)

    drawn = tuple(
        Sunset(
            y=34 + at * 44,
            label=label,
            x=x(start),
            past=round(max(0.0, x(min(now, stop)) - x(start)), 1),
            left=round(max(0.0, x(stop) - x(max(now, start))), 1),
            said=said,
            end=ends,
        )
        for at, (label, start, stop, said, ends) in enumerate(rows)
    )
    ticks = tuple(Tick(x(at), name) for at, name in marks if begin <= at <= end)
    return Sunsets(len(rows) * 44 + 44, x(now), drawn, ticks)
