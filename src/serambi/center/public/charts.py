"""How long the bars of the page's two charts are, in the units of their SVG. The words beside them
are HTML, and a table says the same: nothing is to be read from a drawing alone."""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH = 1000
"""Of each drawing; it is stretched to the room there is."""


@dataclass(frozen=True, slots=True)
class Bar:
    label: str
    width: float
    said: str


@dataclass(frozen=True, slots=True)
class Term:
    """An agreement: from `x` on, over for `past`, still to go for `left`."""

    label: str
    x: float
    past: float
    left: float
    said: str


@dataclass(frozen=True, slots=True)
class Terms:
    """Agreements on one scale from `begin` to `end` (unix seconds), with the place of today and of
    the months' beginnings."""

    rows: tuple[Term, ...]
    now: float
    ticks: tuple[float, ...]
    begin: float
    end: float


def bars(rows: Sequence[tuple[str, float, str]]) -> tuple[Bar, ...]:
    """(label, value, what is said of it) -> bars; the longest has the whole width, and none is too
    short to be seen."""
    most = max((value for _, value, _ in rows), default=0.0) or 1.0
    return tuple(
        Bar(label, max(3.0, round(value / most * WIDTH, 1)), said) for label, value, said in rows
    )


def terms(
    rows: Sequence[tuple[str, float, float, str]], now: float, months: Sequence[float]
) -> Terms:
    """(label, begin, end, what is said of it), times in unix seconds -> the terms."""
    begin = min((start for _, start, _, _ in rows), default=now)
    end = max([now, *(stop for _, _, stop, _ in rows)])
    scale = WIDTH / max(end - begin, 1.0)

    def x(at: float) -> float:
        return round((min(max(at, begin), end) - begin) * scale, 1)

    drawn = tuple(
        Term(
            label=label,
            x=x(start),
            past=round(max(0.0, x(min(now, stop)) - x(start)), 1),
            left=round(max(0.0, x(stop) - x(max(now, start))), 1),
            said=said,
        )
        for label, start, stop, said in rows
    )
    ticks = tuple(x(at) for at in months if begin < at < end)
    return Terms(drawn, x(now), ticks, begin, end)
