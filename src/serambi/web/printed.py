"""A document to print, without its looks: `printed_pdf.py` sets it on paper, `printed_page.py` as
a page. Whoever makes one gives it sentences; nothing here knows what it is about."""

from collections.abc import Sequence
from dataclasses import dataclass

from serambi.base.limits import PRINTED_ROWS_MAX


@dataclass(frozen=True, slots=True)
class Table:
    """`shares` of the width by column, 1 in all; numbers stand `right`; `small` for many columns;
    `summed` when the last row is the sum of those above."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    shares: tuple[float, ...]
    right: frozenset[int] = frozenset()
    small: bool = False
    summed: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """Values by their labels."""

    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Blank:
    """What only a person can fill in: a label (none where the section's title says it), what
    belongs there, and room for so many lines."""

    label: str
    hint: str
    lines: int = 2


@dataclass(frozen=True, slots=True)
class Exact:
    """Lines to be compared or typed sign by sign."""

    text: str


Block = str | Table | Facts | Blank | Exact


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Printed:
    """`head` and `foot` stand on every page, the `lead` under the title."""

    title: str
    lead: str
    head: str
    foot: str
    sections: tuple[Section, ...] = ()


def table(
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    shares: Sequence[float],
    *,
    right: Sequence[int] = (),
    none: str,
    more: str,
) -> tuple[Block, ...]:
    """A table with at most PRINTED_ROWS_MAX rows, and below it what `more` says of the others
    (`{rows}` is their number); the sentence `none` where there is no row."""
    if not rows:
        return (none,)
    shown = tuple(tuple(row) for row in rows[:PRINTED_ROWS_MAX])
    made = Table(tuple(heads), shown, tuple(shares), frozenset(right))
    left = len(rows) - len(shown)
    return (made, more.replace("{rows}", str(left))) if left else (made,)
