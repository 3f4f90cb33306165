"""Which sessions there were: for people at the center. The proof is the ledger, not this table:
what the disk refuses here is missing here, and nothing else fails for it."""

import logging
from collections.abc import Mapping
from typing import Protocol

from sqlalchemy import Engine, Executable, delete, insert, update
from sqlalchemy.exc import OperationalError

from serambi.base.clock import Clock, unix_ms
from serambi.base.limits import HISTORY_KEPT_S
from serambi.center.accounts import Account
from serambi.center.database import sessions

log = logging.getLogger(__name__)


class Opened(Protocol):
    """What is kept of a session."""

    @property
    def grant(self) -> str: ...
    @property
    def owner(self) -> Account: ...
    @property
    def site(self) -> str: ...
    @property
    def camera(self) -> str: ...
    @property
    def stream(self) -> str: ...
    @property
    def action(self) -> str: ...
    @property
    def purpose(self) -> str: ...
    @property
    def agreement(self) -> str: ...


class History:
    """The table `sessions`."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def opened(self, session: Opened) -> None:
        row = {
            "session": session.grant,
            "account": session.owner.account,
            "site": session.site,
            "camera": session.camera,
            "stream": session.stream,
            "action": session.action,
            "purpose": session.purpose,
            "agreement": session.agreement,
            "opened_ms": unix_ms(self._clock.now()),
        }
        self._do(insert(sessions).values(row))

    def closed(self, reasons: Mapping[str, str]) -> None:
        """These sessions are over, by id; all of them in one write."""
        self._do(
            *(
                update(sessions).where(sessions.c.session == session).values(self._ended(reason))
                for session, reason in reasons.items()
            )
        )

    def close_left_open(self) -> None:
        """At start: sessions that a dead center left open are over."""
        self._do(
            update(sessions)
            .where(sessions.c.closed_ms.is_(None))
            .values(self._ended("center_restarted"))
        )

    def make_room(self) -> None:
        """Forget the sessions of more than HISTORY_KEPT_S ago: they name accounts."""
        oldest_ms = unix_ms(self._clock.now() - HISTORY_KEPT_S)
        self._do(
            delete(sessions).where(
                sessions.c.closed_ms.is_not(None), sessions.c.closed_ms < oldest_ms
            )
        )

    def _ended(self, reason: str) -> dict[str, object]:
        return {"closed_ms": unix_ms(self._clock.now()), "reason": reason}

    def _do(self, *statements: Executable) -> None:
        try:
            with self._engine.begin() as connection:
                for statement in statements:
                    connection.execute(statement)
        except OperationalError as error:
            log.error("the history of sessions cannot be written: %s", error.orig)
