"""Saved layouts of the wall, and which of them each numbered monitor shows.

They belong to the room and not to a person: the next shift finds what this one arranged.
"""

from collections.abc import Sequence
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, Field, TypeAdapter

from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import LAYOUT_CAMERAS_MAX, LAYOUTS_MAX
from serambi.center.desk.happenings import FullLine
from serambi.center.desk.steps import Body, Draft, Person, Step

Tiles: TypeAlias = Literal[1, 4, 9, 16]
Cameras: TypeAlias = Annotated[tuple[str, ...], Field(min_length=1, max_length=LAYOUT_CAMERAS_MAX)]
# A view is asked for and written down at its owner each time: faster would be noise there.
TurnS: TypeAlias = Annotated[int, Field(ge=10, le=600)] | Literal[0]


class Arrangement(Body):
    """What a layout is. Cameras beyond `tiles` are on further pages; the next page comes by itself
    after `turn_s`, with 0 when somebody turns it."""

    name: FullLine
    tiles: Tiles
    cameras: Cameras
    turn_s: TurnS = 0


class Saved(Arrangement):
    kind: Literal["saved"] = "saved"


class Removed(Body):
    kind: Literal["removed"] = "removed"


class Shown(Body):
    """`layout` is "" when the monitor shows none."""

    kind: Literal["shown"] = "shown"
    layout: str


LAYOUT_BODIES: TypeAdapter[Body] = TypeAdapter(
    Annotated[Saved | Removed, Field(discriminator="kind")]
)
MONITOR_BODIES: TypeAdapter[Body] = TypeAdapter(Shown)


class Layout(BaseModel):
    """`number` stays the same for as long as it is there; `at_ms`: last saved, unix ms."""

    id: str
    number: int
    name: str
    tiles: Tiles
    cameras: tuple[str, ...]
    turn_s: int
    by: Person | None
    at_ms: int


class Monitor(BaseModel):
    """A screen by its number, and the id of the layout that it shows."""

    number: int
    layout: str
    by: Person | None
    at_ms: int


class Walls:
    """What is saved and shown now."""

    def __init__(self) -> None:
        self._layouts: dict[str, Layout] = {}
        self._monitors: dict[int, Monitor] = {}

    def apply(self, step: Step) -> None:
        match step.body:
            case Saved() as body:
                said = body.model_dump(exclude={"kind"})
                self._layouts[step.subject] = Layout(
                    id=step.subject, number=step.number, by=step.by, at_ms=step.at_ms, **said
                )
            case Removed():
                self._layouts.pop(step.subject, None)
            case Shown() as body:
                number = int(step.subject)
                self._monitors[number] = Monitor(
                    number=number, layout=body.layout, by=step.by, at_ms=step.at_ms
                )

    def layouts(self) -> list[Layout]:
        return sorted(self._layouts.values(), key=lambda layout: layout.number)

    def monitors(self) -> list[Monitor]:
        """Those that show a layout."""
        shown = (one for one in self._monitors.values() if one.layout in self._layouts)
        return sorted(shown, key=lambda monitor: monitor.number)

    def find(self, layout: str) -> Layout:
        """Raises `NOT_FOUND`."""
        if layout not in self._layouts:
            raise SerambiError(
                Kind.NOT_FOUND, "there is no such layout", where=layout[:160], hint="save it again"
            )
        return self._layouts[layout]

    def save(self, layout: str, said: Arrangement, *, new: bool) -> Sequence[Draft]:
        """Raises `NOT_FOUND` when one that is to be changed is gone, `LIMIT`."""
        if not new:
            self.find(layout)
        elif len(self._layouts) >= LAYOUTS_MAX:
            raise SerambiError(
                Kind.LIMIT, f"at most {LAYOUTS_MAX} layouts", hint="remove one of them"
            )
        return [Draft("layout", layout, Saved(**said.model_dump()), open=True)]

    def remove(self, layout: str) -> Sequence[Draft]:
        """Raises `NOT_FOUND`."""
        self.find(layout)
        return [Draft("layout", layout, Removed(), open=False)]

    def show(self, monitor: int, layout: str) -> Sequence[Draft]:
        """Raises `NOT_FOUND`."""
        if layout:
            self.find(layout)
        return [Draft("monitor", str(monitor), Shown(layout=layout), open=True)]
