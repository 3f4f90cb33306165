"""What happens at the desk, step by step: durable before anybody is told, never changed.

Alerts, incidents, shelves, handovers and layouts are streams of steps; what they are now is the
fold of their steps, in the siblings. Nothing here knows what a step means.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, TypeAdapter
from sqlalchemy import (
    Connection,
    Engine,
    Row,
    Select,
    delete,
    func,
    insert,
    or_,
    select,
    tuple_,
    update,
)

from serambi.base.errors import Kind, SerambiError
from serambi.center.database import desk_steps, desk_subjects, desk_writes

Stream: TypeAlias = Literal["alert", "shelf", "incident", "handover", "layout", "monitor"]


class Body(BaseModel):
    """What one step says; subclasses name themselves by `kind`."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Person(BaseModel):
    """Who did it, as the account was called at that time."""

    model_config = ConfigDict(frozen=True)

    account: str
    name: str
    unit: str


@dataclass(frozen=True, slots=True)
class Draft:
    """A step that is proposed. `open`: whether the subject is still worked on after it; None
    leaves it as it was, and a new subject is open."""

    stream: Stream
    subject: str
    body: Body
    open: bool | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """A step that is kept. `id` rises over all streams; `number` counts the stream's subjects;
    `by` is None when no person did it."""

    id: int
    stream: Stream
    subject: str
    number: int
    at_ms: int
    by: Person | None
    body: Body


@dataclass(frozen=True, slots=True)
class Once:
    """A person's write that may arrive several times: its key, and a digest of what it says."""

    account: str
    key: str
    said: str


def once(account: str, key: str, *said: object) -> Once:
    """`said`: everything that the write says; the same key with something else is refused."""
    digest = hashlib.sha256(repr(said).encode()).hexdigest()
    return Once(account, key, digest)


class Steps:
    """The tables `desk_*`. `readers` read the bodies of each stream.

    `engine` must be a durable one: `append` promises that a power cut takes nothing back.
    """

    def __init__(self, engine: Engine, readers: Mapping[str, TypeAdapter[Any]]) -> None:
        self._engine = engine
        self._readers = readers

    def seen(self, write: Once) -> list[Step] | None:
        """What this write has done already; None when it is new. Raises `CONFLICT` when its key
        was used for something else."""
        with self._engine.connect() as connection:
            known = connection.execute(
                select(desk_writes)
                .where(desk_writes.c.account == write.account)
                .where(desk_writes.c.key == write.key)
            ).first()
        if known is None:
            return None
        if known.said != write.said:
            raise SerambiError(
                Kind.CONFLICT,
                "this key was used for another write",
                where="Idempotency-Key",
                hint="make a new key for each thing that is written",
            )
        return self._read(_all_steps().where(desk_steps.c.write_id == known.id))

    def append(
        self,
        drafts: Sequence[Draft],
        at_ms: int,
        by: Person | None = None,
        write: Once | None = None,
    ) -> list[Step]:
        """Keep all of them or none; returns when they are durable."""
        with self._engine.begin() as connection:
            write_id = None if write is None else self._begin(connection, write)
            return [self._keep(connection, draft, at_ms, by, write_id) for draft in drafts]

    def _begin(self, connection: Connection, write: Once) -> int:
        row = {"account": write.account, "key": write.key, "said": write.said}
        made = connection.execute(insert(desk_writes).values(row).returning(desk_writes.c.id))
        return int(made.scalar_one())

    def _keep(
        self,
        connection: Connection,
        draft: Draft,
        at_ms: int,
        by: Person | None,
        write_id: int | None,
    ) -> Step:
        number = self._number(connection, draft)
        who = by or Person(account="", name="", unit="")
        row = {
            "stream": draft.stream,
            "subject": draft.subject,
            "at_ms": at_ms,
            **who.model_dump(),
            "write_id": write_id,
            "body": draft.body.model_dump_json(),
        }
        made = connection.execute(insert(desk_steps).values(row).returning(desk_steps.c.id))
        return Step(
            int(made.scalar_one()), draft.stream, draft.subject, number, at_ms, by, draft.body
        )

    def _number(self, connection: Connection, draft: Draft) -> int:
        """The subject's number; its row is made or, where the draft says so, opened or closed."""
        this = (desk_subjects.c.stream == draft.stream, desk_subjects.c.subject == draft.subject)
        number = connection.execute(select(desk_subjects.c.number).where(*this)).scalar()
        if number is None:
            highest = select(func.coalesce(func.max(desk_subjects.c.number), 0))
            highest = highest.where(desk_subjects.c.stream == draft.stream)
            number = int(connection.execute(highest).scalar_one()) + 1
            row = {
                "stream": draft.stream,
                "subject": draft.subject,
                "number": number,
                "is_open": draft.open is not False,
            }
            connection.execute(insert(desk_subjects).values(row))
        elif draft.open is not None:
            connection.execute(update(desk_subjects).where(*this).values(is_open=draft.open))
        return int(number)

    def of(self, stream: Stream, subjects: Iterable[str]) -> list[Step]:
        """All steps of these subjects, oldest first."""
        keys = [(stream, subject) for subject in subjects]
        this = tuple_(desk_steps.c.stream, desk_steps.c.subject).in_(keys)
        return self._read(_all_steps().where(this))

    def open_or_since(self, stream: Stream, since_ms: int) -> list[Step]:
        """All steps of what is still worked on, and of what something happened to since then."""
        lately = select(desk_steps.c.subject).where(
            desk_steps.c.stream == stream, desk_steps.c.at_ms >= since_ms
        )
        wanted = or_(desk_subjects.c.is_open, desk_steps.c.subject.in_(lately))
        return self._read(_all_steps().where(desk_steps.c.stream == stream).where(wanted))

    def closed(self, stream: Stream, count: int, before: int | None = None) -> list[str]:
        """Subjects that nobody works on any more, highest number first, below number `before`."""
        wanted = (
            select(desk_subjects.c.subject)
            .where(desk_subjects.c.stream == stream, desk_subjects.c.is_open.is_(False))
            .order_by(desk_subjects.c.number.desc())
            .limit(count)
        )
        if before is not None:
            wanted = wanted.where(desk_subjects.c.number < before)
        with self._engine.connect() as connection:
            return list(connection.execute(wanted).scalars())

    def make_room(self, before_ms: int) -> None:
        """Remove closed alerts, shelves and layouts of which nothing has happened since then, with
        what says that their writes were done. Incidents and handovers stay."""
        old = (
            select(desk_subjects.c.stream, desk_subjects.c.subject)
            .join(desk_steps, _SAME_SUBJECT)
            .where(desk_subjects.c.stream.in_(("alert", "shelf", "layout")))
            .where(desk_subjects.c.is_open.is_(False))
            .group_by(desk_subjects.c.stream, desk_subjects.c.subject)
            .having(func.max(desk_steps.c.at_ms) < before_ms)
        )
        with self._engine.begin() as connection:
            for stream, subject in connection.execute(old).all():
                for table in (desk_steps, desk_subjects):
                    gone = (table.c.stream == stream, table.c.subject == subject)
                    connection.execute(delete(table).where(*gone))
            used = select(desk_steps.c.write_id).where(desk_steps.c.write_id.is_not(None))
            connection.execute(delete(desk_writes).where(desk_writes.c.id.not_in(used)))

    def _read(self, wanted: "Select[Any]") -> list[Step]:
        with self._engine.connect() as connection:
            rows = connection.execute(wanted).all()
        return [self._step(row) for row in rows]

    def _step(self, row: "Row[Any]") -> Step:
        by = Person(account=row.account, name=row.name, unit=row.unit) if row.account else None
        body = self._readers[row.stream].validate_json(row.body)
        return Step(row.id, row.stream, row.subject, row.number, row.at_ms, by, body)


_SAME_SUBJECT = (desk_subjects.c.stream == desk_steps.c.stream) & (
    desk_subjects.c.subject == desk_steps.c.subject
)


def _all_steps() -> "Select[Any]":
    return (
        select(desk_steps, desk_subjects.c.number)
        .join(desk_subjects, _SAME_SUBJECT)
        .order_by(desk_steps.c.id)
    )


Apply: TypeAlias = Callable[[Step], None]
"""Takes a step into the state that it belongs to."""
