"""Breaking the glass at the center: who did, until when it runs, and who has yet to say why.

The site decides and remembers for itself; here an act is kept before the site is asked, so that
an answer that was lost leaves nobody without having to say why.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, delete, insert, select, update
from sqlalchemy.exc import OperationalError

from serambi.base.clock import Clock, unix_ms
from serambi.base.errors import Kind, SerambiError
from serambi.base.ids import new_id
from serambi.base.limits import (
    BREAK_GLASS_JUSTIFY_S,
    BREAK_GLASS_MAX_S,
    BREAK_GLASS_SHOWN,
    BREAK_GLASS_TEXT_MAX_CHARACTERS,
    BREAK_GLASS_TEXT_MIN_CHARACTERS,
    HISTORY_KEPT_S,
)
from serambi.center.accounts import MAY_BREAK_GLASS, MAY_CLOSE_ALL, Account
from serambi.center.asking import Asker
from serambi.center.database import break_glass
from serambi.center.journal import Journal
from serambi.center.session import Grounds, Session
from serambi.fabric.messages import Stream
from serambi.ledger.entry import Entry, EntryKind
from serambi.web.errors import ReasonedError


@dataclass(frozen=True, slots=True)
class Act:
    """One breaking of the glass. `why` was said before, `said` afterwards; `justified_ms` is 0
    until then. Times are unix milliseconds."""

    act: str
    account: str
    name: str
    unit: str
    site: str
    camera: str
    purpose: str
    agreement: str
    why: str
    at_ms: int
    justified_ms: int
    justified_by: str
    said: str

    @property
    def ends_ms(self) -> int:
        return self.at_ms + int(BREAK_GLASS_MAX_S * 1000)

    @property
    def due_ms(self) -> int:
        """By when it has to be justified."""
        return self.at_ms + int(BREAK_GLASS_JUSTIFY_S * 1000)


@dataclass(frozen=True, slots=True)
class _Said:
    """What a justification asks of the site, as `asking.Subject`."""

    grant: str
    owner: Account
    site: str
    camera: str
    purpose: str
    grounds: Grounds
    salt: str
    stream: Stream = "sub"
    action: str = "live"
    from_ms: int = 0
    to_ms: int = 0


class Glass:
    """The table `break_glass`, and what is said to sites and ledger about it."""

    def __init__(self, engine: Engine, journal: Journal, asker: Asker, clock: Clock) -> None:
        self._engine = engine
        self._journal = journal
        self._asker = asker
        self._clock = clock

    def check(self, owner: Account) -> None:
        """Raise `DENIED` (`locked`) for somebody who has not said why in time."""
        now_ms = unix_ms(self._clock.now())
        if any(act.due_ms <= now_ms for act in self._found(owner.account, owed=True)):
            raise ReasonedError(
                Kind.DENIED,
                "this account is locked until its break-glass is justified",
                "locked",
                where=f"account {owner.account}",
                hint="justify it, and views open again",
            )

    def anew(self, owner: Account, camera: str, why: str) -> Grounds:
        """Break the glass for `camera`; where an act of this person runs there, by that one.
        Raises `DENIED` for a role that may not, `BAD_INPUT` without a reason."""
        if owner.role not in MAY_BREAK_GLASS:
            raise ReasonedError(
                Kind.DENIED,
                f"the role {owner.role} does not break the glass",
                "role_glass",
                hint="ask an operator or a commander",
            )
        return self._running(owner, camera) or Grounds(act=new_id(), why=_text(why))

    def going_on(self, owner: Account, camera: str) -> Grounds:
        """The act of this person that runs at `camera`. Raises `DENIED` when it is over: a screen
        that asks again never breaks the glass by itself."""
        found = self._running(owner, camera)
        if found is None:
            raise ReasonedError(
                Kind.DENIED, "no break-glass of yours runs here", "break_glass_over", where=camera
            )
        return found

    def _running(self, owner: Account, camera: str) -> Grounds | None:
        now_ms = unix_ms(self._clock.now())
        for act in self._found(owner.account, owed=False):
            if act.camera == camera and now_ms < act.ends_ms:
                return Grounds(act=act.act, why=act.why)
        return None

    def begin(self, session: Session) -> bool:
        """Keep the act of a view that is about to be asked for; whether it is a new one. Raises
        `UNAVAILABLE` when the disk refuses: then nothing may be asked."""
        if not session.grounds.act or self._find(session.grounds.act):
            return False
        owner = session.owner
        row = {
            "act": session.grounds.act,
            "account": owner.account,
            "name": owner.name,
            "unit": owner.unit,
            "site": session.site,
            "camera": session.camera,
            "purpose": session.purpose,
            "agreement": "",
            "why": session.grounds.why,
            "at_ms": unix_ms(self._clock.now()),
            "justified_ms": 0,
            "justified_by": "",
            "said": "",
        }
        with self._database() as connection:
            connection.execute(insert(break_glass).values(row))
        return True

    def refused(self, session: Session) -> None:
        """The site said no: there is nothing to justify."""
        with self._database() as connection:
            connection.execute(delete(break_glass).where(break_glass.c.act == session.grounds.act))

    async def broken(self, session: Session) -> None:
        """The site said yes: into the ledger. Raises like `Journal.append`."""
        with self._database() as connection:
            connection.execute(
                update(break_glass)
                .where(break_glass.c.act == session.grounds.act)
                .values(agreement=session.agreement)
            )
        await self._journal.append(
            self._entry("break_glass", session, session.grant, session.agreement)
        )

    def listed(self, account: Account) -> list[Act]:
        """One's own acts, a commander's everybody's: first those to be justified, the oldest
        first, then the newest of the others."""
        whose = None if account.role in MAY_CLOSE_ALL else account.account
        return [*self._found(whose, owed=True), *self._found(whose, owed=False, justified=True)]

    async def justify(self, account: Account, act: str, text: str) -> Act:
        """Say why, to the site and into both ledgers. Raises `NOT_FOUND` for an act of others,
        `CONFLICT` when it was said already, `UNAVAILABLE` while the site cannot be reached."""
        found = self._find(act)
        if found is None or (
            found.account != account.account and account.role not in MAY_CLOSE_ALL
        ):
            raise SerambiError(Kind.NOT_FOUND, "there is no such break-glass", where=act[:64])
        if found.justified_ms:
            raise SerambiError(Kind.CONFLICT, "it was justified already", where=act[:64])
        grounds = Grounds(act=act, why=_text(text))
        said = _Said(act, account, found.site, found.camera, found.purpose, grounds, new_id())
        reply = await self._asker.ask("justify", said)
        # A question whose answer was lost may never have come there: then the site knows no act.
        if not reply.allowed and (found.agreement or reply.reason != "bad_request"):
            raise ReasonedError(
                Kind.UNAVAILABLE, "the site did not take it", reply.reason, hint="try again"
            )
        await self._journal.append(self._entry("justified", said, act, found.agreement))
        values = {
            "justified_ms": unix_ms(self._clock.now()),
            "justified_by": account.name,
            "said": grounds.why,
        }
        with self._database() as connection:
            connection.execute(update(break_glass).where(break_glass.c.act == act).values(values))
        return self._find(act) or found

    def _entry(self, kind: EntryKind, about: Session | _Said, view: str, agreement: str) -> Entry:
        """The same words become the same commitments as at the site (keeper/journal.py)."""
        names, act = self._journal.names, about.grounds.act
        return Entry(
            kind=kind,
            at_ms=self._journal.now_ms(),
            site=about.site,
            session=act,
            camera=about.camera,
            person=names.commit(view, about.owner.name, about.salt),
            unit=about.owner.unit,
            party=self._asker.party,
            purpose=about.purpose,
            agreement=agreement,
            detail=names.commit(f"{act} {kind}", about.grounds.why, about.salt),
        )

    def make_room(self) -> None:
        """Forget acts of more than HISTORY_KEPT_S ago that were justified: they name people."""
        oldest_ms = unix_ms(self._clock.now() - HISTORY_KEPT_S)
        said = break_glass.c.justified_ms
        with self._database() as connection:
            connection.execute(delete(break_glass).where(said > 0, said < oldest_ms))

    @contextmanager
    def _database(self) -> Iterator[Connection]:
        """A transaction; UNAVAILABLE while the disk refuses it."""
        try:
            with self._engine.begin() as connection:
                yield connection
        except OperationalError as error:
            raise SerambiError(
                Kind.UNAVAILABLE,
                f"who broke the glass cannot be kept or looked up: {error.orig}",
                hint="free space on the center's disk",
            ) from error

    def _find(self, act: str) -> Act | None:
        with self._database() as connection:
            row = connection.execute(select(break_glass).where(break_glass.c.act == act)).first()
        return Act(*row) if row else None

    def _found(self, account: str | None, *, owed: bool, justified: bool = False) -> Iterable[Act]:
        query = select(break_glass)
        if account is not None:
            query = query.where(break_glass.c.account == account)
        if owed:
            query = query.where(break_glass.c.justified_ms == 0).order_by(break_glass.c.at_ms)
        else:
            query = query.order_by(break_glass.c.at_ms.desc()).limit(BREAK_GLASS_SHOWN)
        if justified:
            query = query.where(break_glass.c.justified_ms > 0)
        with self._database() as connection:
            return [Act(*row) for row in connection.execute(query)]


def _text(why: str) -> str:
    """What a person wrote, without blanks around it. Raises `BAD_INPUT` when it says nothing."""
    text = why.strip()
    least, most = BREAK_GLASS_TEXT_MIN_CHARACTERS, BREAK_GLASS_TEXT_MAX_CHARACTERS
    if not least <= len(text) <= most:
        raise SerambiError(
            Kind.BAD_INPUT,
            f"a reason has {least} to {most} characters",
            hint="say what happens, so that others understand it later",
        )
    return text
