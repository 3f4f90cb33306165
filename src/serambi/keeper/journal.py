"""The keeper's hand on its ledger: turns what happened into entries, in order, off the loop."""

import asyncio
import itertools
import logging
from collections import deque
from collections.abc import Iterable
from typing import Literal, Protocol

import msgspec

from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import ENTRIES_OWED, PLAYBACK_LEDGER_ENTRIES
from serambi.ledger.entry import Entry, EntryKind, commit
from serambi.ledger.names import Names
from serambi.ledger.store import LedgerStore
from serambi.ledger.views import HOLD_KINDS, left_open, newest_first, shut_spans

log = logging.getLogger(__name__)

_BATCH = 256


class View(Protocol):
    """What a request and an open session have in common."""

    @property
    def session(self) -> str: ...
    @property
    def camera(self) -> str: ...
    @property
    def purpose(self) -> str: ...
    @property
    def person(self) -> str: ...
    @property
    def unit(self) -> str: ...
    @property
    def party(self) -> str: ...
    @property
    def salt(self) -> str: ...


class Saying(View, Protocol):
    """A request in which a person breaks the glass, or says why they did."""

    @property
    def act(self) -> str: ...
    @property
    def why(self) -> str: ...


class Journal:
    """Appends entries in order; `write` returns when they are on the disk.

    What has already happened (a view closed, a stop) is noted instead: while the disk refuses,
    it waits here, bounded, and goes before whatever is written next. Who watched stands in the
    entries as a commitment, in `names` as a name.
    """

    def __init__(self, store: LedgerStore, names: Names, site: str, salt: bytes) -> None:
        self._store = store
        self.names = names
        self._site = site
        self._salt = salt
        self._order = asyncio.Lock()
        self._owed: deque[Entry] = deque(maxlen=ENTRIES_OWED)
        self.refused = False
        """Whether the disk refused entries that wait for it still."""
        self.unpublished = False
        """Whether the disk refused the newest entries a place among the older ones."""

    @property
    def owed(self) -> int:
        """How many entries the disk has not taken yet."""
        return len(self._owed)

    def entry(
        self,
        kind: EntryKind,
        view: View | None = None,
        *,
        camera: str = "",
        agreement: str = "",
        reason: str = "",
        party: str = "",
        detail: str = "",
    ) -> Entry:
        """An entry without its time. A camera that no agreement names appears only as a salted
        commitment: a mirror of this ledger must not learn of it."""
        camera = view.camera if view else camera
        if camera and not agreement:
            camera = self.commitment(kind, camera)
        return Entry(
            kind=kind,
            at_ms=0,
            site=self._site,
            session=view.session if view else "",
            camera=camera,
            person=self.names.commit(view.session, view.person, view.salt) if view else "",
            unit=view.unit if view else "",
            party=view.party if view else party,
            purpose=view.purpose if view else "",
            agreement=agreement,
            reason=str(reason),
            detail=detail,
        )

    def said(
        self, kind: Literal["break_glass", "justified"], view: Saying, agreement: str
    ) -> Entry:
        """An entry about an act. What the person wrote is kept as names are: in the entry stands a
        commitment, the same in the center's ledger."""
        told = self.names.commit(f"{view.act} {kind}", view.why, view.salt)
        entry = self.entry(kind, view, agreement=agreement, detail=told)
        return msgspec.structs.replace(entry, session=view.act)

    def commitment(self, kind: EntryKind, camera: str) -> str:
        """What stands in this ledger for a camera that was never agreed. Another one in each kind
        of entry: who asks for a name and is refused must not find it again in a stop."""
        return commit(self._salt, f"{kind} {camera}")

    async def write(self, *entries: Entry) -> None:
        """Durable on return, all or none, and the names in them. Raises `SerambiError` when the
        disk refuses: what was to follow from these entries must then not happen."""
        async with self._order:
            await asyncio.to_thread(self.names.save)
            await self._pay()
            await self._append(self._stamped(entries))

    async def note(self, *entries: Entry) -> bool:
        """Write down what has happened; whether it is on the disk now. Never raises for the
        disk: what it refuses waits, and a name that it refuses holds no entry up."""
        async with self._order:
            await self._save_names()
            first = not self._owed
            try:
                self._owed.extend(self._stamped(entries))
            except SerambiError:
                self._owed.extend(entries)
            try:
                await self._pay()
            except SerambiError as error:
                if first or entries:
                    log.error("the ledger cannot be written, %d entries wait: %s", self.owed, error)
        return not self._owed

    async def _save_names(self) -> None:
        try:
            await asyncio.to_thread(self.names.save)
        except SerambiError as error:
            log.error("names wait: %s", error)

    def _stamped(self, entries: Iterable[Entry]) -> list[Entry]:
        at_ms = self._store.stamp()
        return [msgspec.structs.replace(entry, at_ms=entry.at_ms or at_ms) for entry in entries]

    async def _pay(self) -> None:
        while self._owed:
            try:
                batch = self._stamped(itertools.islice(self._owed, _BATCH))
                latest = itertools.accumulate((entry.at_ms for entry in batch), max)
                await self._append(
                    [
                        msgspec.structs.replace(e, at_ms=at)
                        for e, at in zip(batch, latest, strict=True)
                    ]
                )
            except SerambiError:
                self.refused = True
                raise
            for _ in batch:
                self._owed.popleft()
        self.refused = False

    async def _append(self, entries: list[Entry]) -> None:
        for start in range(0, len(entries), _BATCH):
            await asyncio.to_thread(self._store.append, entries[start : start + _BATCH])

    async def begin(self) -> None:
        """The process starts: views that a crash left open ended with it. On a disk that refuses
        this waits, as everything that has happened."""
        ended = [
            msgspec.structs.replace(entry, kind="session_closed", at_ms=0, reason="restarted")
            for entry in await asyncio.to_thread(left_open, self._store)
        ]
        await self.note(*ended, self.entry("started"))

    def stops_since(self, since: float, cameras: Iterable[str]) -> dict[str, float]:
        """The owner's stops that were written here since `since` (unix seconds) and not lifted:
        camera id, or "" for the whole site -> unix seconds. A full disk may have taken the entry
        and refused the file that remembers stops."""
        names: dict[str, str] = {"": ""}
        for camera in cameras:
            for kind in ("stopped", "resumed"):
                names[self.commitment(kind, camera)] = names[camera] = camera
        stops: dict[str, float] = {}
        newer = itertools.takewhile(lambda e: e.at_ms >= since * 1000, newest_first(self._store))
        for entry in reversed(list(newer)):
            key = names.get(entry.camera)
            if key is not None and entry.kind == "stopped":
                stops.setdefault(key, entry.at_ms / 1000)
            elif key is not None and entry.kind == "resumed":
                stops = {other: at for other, at in stops.items() if key and other != key}
        return stops

    def shut_spans(self, camera: str, since: float) -> list[tuple[float, float]]:
        """When the owner had stopped this camera or the whole site, or its view was suspended,
        from `since` on (unix seconds), as the ledger says it; for a camera that is not held now.
        Raises LIMIT when the ledger has too much to say about that time."""
        meant = {"": "", camera: camera}
        kinds: tuple[EntryKind, ...] = ("stopped", "resumed", "suspended", "restored")
        for kind in kinds:
            meant[self.commitment(kind, camera)] = camera
        newer = itertools.takewhile(lambda e: e.at_ms >= since * 1000, newest_first(self._store))
        found = []
        for count, entry in enumerate(newer):
            if count >= PLAYBACK_LEDGER_ENTRIES:
                raise SerambiError(Kind.LIMIT, "the ledger has too many entries since then")
            if entry.kind in HOLD_KINDS and entry.camera in meant:
                found.append(msgspec.structs.replace(entry, camera=meant[entry.camera]))
        return shut_spans(reversed(found), camera)

    async def publish(self) -> None:
        """Put into tiles what is durable already, for whoever reads the ledger's folder. Raises
        `SerambiError` when the disk refuses; nothing is lost by that."""
        try:
            await asyncio.to_thread(self._store.publish)
        except SerambiError:
            self.unpublished = True
            raise
        self.unpublished = False

    @property
    def store(self) -> LedgerStore:
        """For reading."""
        return self._store
