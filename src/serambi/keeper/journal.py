"""The keeper's hand on its ledger: turns what happened into entries, in order, off the loop."""

import asyncio
from typing import Protocol

import msgspec

from serambi.ledger.entry import Entry, EntryKind, commit
from serambi.ledger.store import LedgerStore

_PAGE = 256


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


class Journal:
    """Appends one entry at a time; on return it is on the disk."""

    def __init__(self, store: LedgerStore, site: str, salt: bytes) -> None:
        self._store = store
        self._site = site
        self._salt = salt
        self._order = asyncio.Lock()

    async def write(
        self,
        kind: EntryKind,
        view: View | None = None,
        *,
        camera: str = "",
        agreement: str = "",
        reason: str = "",
        party: str = "",
        detail: str = "",
    ) -> None:
        """Durable on return. A camera that no agreement names appears only as a salted
        commitment: a mirror of this ledger must not learn of it."""
        camera = view.camera if view else camera
        if camera and not agreement:
            camera = commit(self._salt, camera)
        async with self._order:
            entry = Entry(
                kind=kind,
                at_ms=self._store.stamp(),
                site=self._site,
                session=view.session if view else "",
                camera=camera,
                person=view.person if view else "",
                unit=view.unit if view else "",
                party=view.party if view else party,
                purpose=view.purpose if view else "",
                agreement=agreement,
                reason=str(reason),
                detail=detail,
            )
            await asyncio.to_thread(self._store.append, [entry])

    async def close_dangling(self) -> None:
        """After a crash: views that were opened and never closed ended with the process."""
        open_views: dict[str, Entry] = {}
        for entry in self._since_last_start():
            if entry.kind == "session_opened":
                open_views[entry.session] = entry
            elif entry.kind == "session_closed":
                open_views.pop(entry.session, None)
        if open_views:
            async with self._order:
                at_ms = self._store.stamp()
                closing = [
                    msgspec.structs.replace(
                        entry, kind="session_closed", at_ms=at_ms, reason="restarted"
                    )
                    for entry in open_views.values()
                ]
                await asyncio.to_thread(self._store.append, closing)

    def _since_last_start(self) -> list[Entry]:
        """Entries since the start before this one, oldest first."""
        found: list[Entry] = []
        end = self._store.size
        while end:
            start = max(0, end - _PAGE)
            for entry in reversed(self._store.entries(start, end)):
                if entry.kind == "started":
                    return found[::-1]
                found.append(entry)
            end = start
        return found[::-1]

    @property
    def store(self) -> LedgerStore:
        """For reading."""
        return self._store
