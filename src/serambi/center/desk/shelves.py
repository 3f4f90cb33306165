"""Shelves: alerts of one kind from one place, laid aside for a while, with a reason and an end.

They are still written down; they only do not call anybody. P1 is never shelved.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, TypeAdapter

from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import SHELVES_MAX
from serambi.center.desk.kinds import RULES, AlertKind
from serambi.center.desk.steps import Body, Draft, Person, Step


class Shelved(Body):
    """`place` is a camera's id, or a site's for what concerns all of it."""

    kind: Literal["shelved"] = "shelved"
    what: AlertKind
    place: str
    until_ms: int
    reason: str


class Unshelved(Body):
    kind: Literal["unshelved"] = "unshelved"


BODIES: TypeAdapter[Body] = TypeAdapter(Annotated[Shelved | Unshelved, Field(discriminator="kind")])


class Shelf(BaseModel):
    """`since_ms`, `until_ms`: unix milliseconds."""

    id: str
    what: AlertKind
    place: str
    reason: str
    by: Person | None
    since_ms: int
    until_ms: int


class Shelves:
    """Those that are there, by kind and place."""

    def __init__(self) -> None:
        self._known: dict[str, Shelf] = {}

    def apply(self, step: Step) -> None:
        match step.body:
            case Shelved() as body:
                said = body.model_dump(exclude={"kind"})
                self._known[step.subject] = Shelf(
                    id=step.subject, by=step.by, since_ms=step.at_ms, **said
                )
            case Unshelved():
                self._known.pop(step.subject, None)

    def holds(self, what: AlertKind, place: str, now_ms: int) -> bool:
        shelf = self._known.get(shelf_id(what, place))
        return shelf is not None and shelf.until_ms > now_ms

    def all(self, now_ms: int) -> list[Shelf]:
        """Those that have not expired, the next to expire first."""
        found = [shelf for shelf in self._known.values() if shelf.until_ms > now_ms]
        return sorted(found, key=lambda shelf: shelf.until_ms)

    def expired(self, now_ms: int) -> list[Draft]:
        """What closes those whose time is over."""
        over = [shelf for shelf in self._known.values() if shelf.until_ms <= now_ms]
        return [Draft("shelf", shelf.id, Unshelved(), open=False) for shelf in over]

    def put(self, what: AlertKind, place: str, until_ms: int, reason: str, now_ms: int) -> Draft:
        """Raises `DENIED` for P1, `LIMIT`."""
        if RULES[what].priority == 1:
            raise SerambiError(Kind.DENIED, "P1 is never shelved", where="shelves")
        if len(self.all(now_ms)) >= SHELVES_MAX:
            raise SerambiError(Kind.LIMIT, f"at most {SHELVES_MAX} shelves", where="shelves")
        body = Shelved(what=what, place=place, until_ms=until_ms, reason=reason)
        return Draft("shelf", shelf_id(what, place), body, open=True)

    def take(self, shelf: str) -> Draft:
        """Raises `NOT_FOUND`."""
        if shelf not in self._known:
            raise SerambiError(Kind.NOT_FOUND, "there is no such shelf", where=shelf[:160])
        return Draft("shelf", shelf, Unshelved(), open=False)


def shelf_id(what: AlertKind, place: str) -> str:
    return f"{what}.{place}"
