"""Which sessions there were: for people at the center. The proof is the ledger, not this table."""

from collections.abc import Mapping
from typing import Protocol

from sqlalchemy import Engine, insert, select, update

from serambi.base.clock import Clock, unix_ms
from serambi.center.accounts import Account
from serambi.center.database import sessions


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
        with self._engine.begin() as connection:
            connection.execute(insert(sessions).values(row))

    def closed(self, reasons: Mapping[str, str]) -> None:
        """These sessions are over, by id; all of them in one write."""
        now_ms = unix_ms(self._clock.now())
        with self._engine.begin() as connection:
            for session, reason in reasons.items():
                ended = {"closed_ms": now_ms, "reason": reason}
                this = sessions.c.session == session
                connection.execute(update(sessions).where(this).values(ended))

    def close_left_open(self) -> list[str]:
        """At start: sessions that a dead center left open are over. Returns their ids."""
        with self._engine.connect() as connection:
            found = connection.execute(
                select(sessions.c.session).where(sessions.c.closed_ms.is_(None))
            ).scalars()
            left = [str(session) for session in found]
        self.closed(dict.fromkeys(left, "center_restarted"))
        return left
