"""Breaking the glass: which acts there were, which still run, who has yet to say why.

An act opens live views of one camera, for whoever broke the glass, for minutes; what it may waive
is decided in agreement/decide. It is remembered here before it opens anything, so that neither a
restart nor a full disk makes anybody forget to ask for the reason.
"""

import asyncio
import contextlib
import logging
import re
import threading
from collections.abc import Mapping
from pathlib import Path

import msgspec

from serambi.agreement.decide import Ask, Reason
from serambi.agreement.request import Request
from serambi.base.clock import Clock, unix_ms
from serambi.base.errors import Kind, SerambiError
from serambi.base.kept import StateFile
from serambi.base.limits import (
    BREAK_GLASS_AGAIN_S,
    BREAK_GLASS_JUSTIFY_S,
    BREAK_GLASS_KEPT,
    BREAK_GLASS_MAX_S,
    BREAK_GLASS_PER_DAY,
    BREAK_GLASS_TEXT_MAX_CHARACTERS,
    BREAK_GLASS_TEXT_MIN_CHARACTERS,
)
from serambi.keeper.journal import Journal
from serambi.ledger.entry import Entry, commit

log = logging.getLogger(__name__)

_FILE = "break-glass.json"
_FILE_MAX_BYTES = 1024 * 1024
_ACT = re.compile(r"[0-9a-f]{32}\Z")
_DAY_S = 24 * 3600.0


class Act(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One breaking of the glass. `holder` and `person` stand for whoever did it: the first the
    same in every act of theirs at this site, the second as in the ledger; `why` is the ledger's
    commitment to the reason. `justified_ms` is 0 until they have said why."""

    act: str
    at_ms: int
    camera: str
    purpose: str
    party: str
    unit: str
    agreement: str
    holder: str
    person: str
    why: str
    justified_ms: int = 0

    @property
    def ends(self) -> float:
        """When what it opened is over, unix seconds."""
        return self.at_ms / 1000 + BREAK_GLASS_MAX_S

    @property
    def justify_by(self) -> float:
        """By when the reason has to be given, unix seconds."""
        return self.at_ms / 1000 + BREAK_GLASS_JUSTIFY_S


class _Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: int
    acts: tuple[Act, ...]


class Glass:
    """The acts of one site, in memory and in a file. A file that cannot be read refuses to start:
    doubt is not shared. Any thread may read."""

    def __init__(self, folder: Path, salt: bytes, clock: Clock, journal: Journal) -> None:
        self._file = StateFile(
            folder / _FILE, _Kept, what="who broke the glass", max_bytes=_FILE_MAX_BYTES
        )
        self._salt = salt
        self._clock = clock
        self._journal = journal
        self._disk = threading.Lock()
        found = self._file.read()
        # Replaced as a whole: pages read it outside the event loop.
        self._acts: dict[str, Act] = {act.act: act for act in found.acts} if found else {}

    def all(self) -> tuple[Act, ...]:
        """Those that run, that are to be justified, or that are younger than a day; the oldest
        first."""
        return tuple(self._acts.values())

    def find(self, act: str) -> Act | None:
        return self._acts.get(act)

    def justify_by(self) -> Mapping[str, float]:
        """Holder -> by when their oldest act without a reason needs one, unix seconds."""
        due: dict[str, float] = {}
        for act in self.all():
            if not act.justified_ms:
                due[act.holder] = min(act.justify_by, due.get(act.holder, act.justify_by))
        return due

    def ask(self, request: Request) -> Ask:
        """What a request asks of the decision; one that breaks the glass now asks from now on."""
        broken_at = 0.0
        if request.act:
            known = self.find(request.act)
            broken_at = known.at_ms / 1000 if known else self._clock.now()
        return Ask(
            camera=request.camera,
            action=request.action,
            purpose=request.purpose,
            party=request.party,
            unit=request.unit,
            holder=self.holder(request),
            incident=request.incident,
            broken_at=broken_at,
        )

    def holder(self, request: Request) -> str:
        """Who is to watch, so that the file holds no name."""
        return commit(self._salt, f"holder {request.party} {request.unit} {request.person}")

    def check(self, request: Request) -> Reason:
        """Whether the act that a request names can be broken now, or is one that runs for the very
        same person and camera."""
        if not request.act:
            return Reason.BAD_REQUEST if request.why else Reason.ALLOWED
        if not _ACT.match(request.act) or not told(request.why):
            return Reason.BAD_REQUEST
        known = self.find(request.act)
        if known is not None:
            same = (known.camera, known.holder) == (request.camera, self.holder(request))
            return Reason.ALLOWED if same else Reason.BAD_REQUEST
        now = self._clock.now()
        recent = [act for act in self.all() if act.at_ms / 1000 > now - _DAY_S]
        again = any(
            act.camera == request.camera and act.at_ms / 1000 > now - BREAK_GLASS_AGAIN_S
            for act in recent
        )
        full = len(recent) >= BREAK_GLASS_PER_DAY or len(self._young()) >= BREAK_GLASS_KEPT
        return Reason.BREAK_GLASS_LIMIT if again or full else Reason.ALLOWED

    async def write(self, request: Request, opened: Entry) -> None:
        """Durable on return: the entry `opened` of a view, and before it the breaking of the glass
        that the view is, if it is one. Raises `SerambiError`, and then nothing may be opened."""
        if not request.act:
            await self._journal.write(opened)
            return
        if self.find(request.act):
            await self._journal.write(opened)
        else:
            await self._break(request, opened)
        if self.find(request.act) is None:
            # Two views of one act at once, and the disk refused the first.
            raise SerambiError(Kind.UNAVAILABLE, "the glass was not broken after all")

    async def _break(self, request: Request, opened: Entry) -> None:
        broken = self._journal.said("break_glass", request, opened.agreement)
        act = self._act(request, broken)
        self._acts = {**self._young(), act.act: act}
        try:
            await asyncio.to_thread(self._save)
            await self._journal.write(broken, opened)
        except SerambiError:
            self._acts = {name: other for name, other in self._acts.items() if name != act.act}
            await self._keep()
            raise

    def _act(self, request: Request, broken: Entry) -> Act:
        return Act(
            act=request.act,
            at_ms=unix_ms(self._clock.now()),
            camera=request.camera,
            purpose=request.purpose,
            party=request.party,
            unit=request.unit,
            agreement=broken.agreement,
            holder=self.holder(request),
            person=broken.person,
            why=broken.detail,
        )

    async def justify(self, request: Request) -> tuple[Reason, str]:
        """Take the reason that a person gives afterwards: durable on return, once for each act.
        -> whether it is taken, and the agreement it was under."""
        act = self.find(request.act)
        same = act and (act.camera, act.party) == (request.camera, request.party)
        if act is None or not same or not told(request.why):
            return Reason.BAD_REQUEST, ""
        if not act.justified_ms:
            try:
                await self._journal.write(self._journal.said("justified", request, act.agreement))
            except SerambiError as error:
                log.error("a reason is not taken, because it cannot be written down: %s", error)
                return Reason.ERROR, act.agreement
            said = msgspec.structs.replace(act, justified_ms=unix_ms(self._clock.now()))
            self._acts = {**self._acts, act.act: said}
            await self._keep()
        return Reason.ALLOWED, act.agreement

    def _save(self) -> None:
        with self._disk:
            self._file.write(_Kept(1, self.all()))

    async def _keep(self) -> None:
        """What the disk refuses now is written with the next act; until then a restart would ask
        for a reason once more."""
        with contextlib.suppress(SerambiError):
            await asyncio.to_thread(self._save)

    def _young(self) -> dict[str, Act]:
        now = self._clock.now()
        return {
            name: act
            for name, act in self._acts.items()
            if not act.justified_ms or act.at_ms / 1000 > now - _DAY_S
        }


def told(why: str) -> bool:
    """Whether a reason says anything, and not too much."""
    least, most = BREAK_GLASS_TEXT_MIN_CHARACTERS, BREAK_GLASS_TEXT_MAX_CHARACTERS
    return least <= len(why.strip()) and len(why) <= most
