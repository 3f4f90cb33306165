"""What the analysis at the sites noticed, as alerts: read from the history that they deliver, each
entry once, however often center or link break in between.
"""

import asyncio
import contextlib
import hashlib
import re

from serambi.base.clock import Clock, unix_ms
from serambi.base.limits import DETECTIONS_LOOK_EVERY_S, DETECTIONS_REREAD_S
from serambi.center.desk.desk import Desk
from serambi.center.desk.kinds import AlertKind
from serambi.center.entries import KeptEntry, SiteEntries
from serambi.ledger.entry import COMMITMENT_PREFIX

_KINDS: dict[str, AlertKind] = {
    "left_object": AlertKind.LEFT_OBJECT,
    "removed_object": AlertKind.REMOVED_OBJECT,
    "loitering": AlertKind.LOITERING,
    "line": AlertKind.LINE_CROSSED,
    "zone": AlertKind.ZONE_ENTERED,
    "crowd": AlertKind.CROWD,
    "tamper": AlertKind.TAMPER,
}
"""Motion alone asks nothing of a person."""

_PLACE = re.compile(r"(?:^| )place=(.*?)(?: \w+=|$)")


class Detections:
    """`run` must run; `arrived` says that entries have come."""

    def __init__(self, entries: SiteEntries, desk: Desk, clock: Clock) -> None:
        self._entries = entries
        self._desk = desk
        self._clock = clock
        self._wake = asyncio.Event()

    def arrived(self) -> None:
        """In the event loop: look now."""
        self._wake.set()

    async def run(self) -> None:
        """Until cancelled. At the start what came lately is read again: a center that died between
        keeping an entry and raising its alert raises it now."""
        since_ms = unix_ms(self._clock.now() - DETECTIONS_REREAD_S)
        after = await asyncio.to_thread(self._entries.last_before, since_ms)
        while True:
            self._wake.clear()
            page = await asyncio.to_thread(self._entries.after, after)
            for kept in page:
                self._raise(kept)
                after = kept.id
            if not page:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(DETECTIONS_LOOK_EVERY_S):
                        await self._wake.wait()

    def _raise(self, kept: KeptEntry) -> None:
        entry = kept.entry
        what = _KINDS.get(entry.reason) if entry.kind == "alert" else None
        if what is None or not entry.camera or entry.camera.startswith(COMMITMENT_PREFIX):
            return
        place = _PLACE.search(entry.detail)
        self._desk.raise_alert(
            what,
            site=entry.site,
            camera=entry.camera,
            text=place[1] if place else "",
            subject=_subject(kept),
        )


def _subject(kept: KeptEntry) -> str:
    """The alert's name, always the same for the same entry."""
    name = f"{kept.entry.site} {kept.epoch} {kept.seq}"
    return hashlib.sha256(name.encode()).hexdigest()[:32]
