"""What a site keeps no longer: recordings and names whose time is over, and the entries that say
which recordings are gone.

Which go is decided in recording/retention.py and ledger/names.py.
"""

import asyncio
import logging
import math
from collections.abc import Callable

from serambi.base.clock import Clock
from serambi.base.errors import SerambiError
from serambi.base.limits import DELETIONS_TOLD_EVERY_S
from serambi.fabric.messages import SiteState
from serambi.keeper.journal import Journal
from serambi.keeper.watch import CameraWatch
from serambi.ledger.deleted import span_text

log = logging.getLogger(__name__)


class Cleaning:
    """One site's. `state`: what the center is told, for the cameras that an agreement names."""

    def __init__(
        self,
        watch: CameraWatch,
        journal: Journal,
        clock: Clock,
        state: Callable[[], SiteState],
    ) -> None:
        self._watch = watch
        self._journal = journal
        self._clock = clock
        self._state = state
        self._told_at = -math.inf

    async def make_room(self) -> None:
        """One pass. Never raises for the disk: what it refuses waits for the next one."""
        await asyncio.to_thread(self._watch.make_room)
        try:
            await asyncio.to_thread(self._journal.names.make_room)
        except SerambiError as error:
            log.warning("old names stay for now: %s", error)
        if self._clock.monotonic() - self._told_at >= DELETIONS_TOLD_EVERY_S:
            await self._tell()

    async def _tell(self) -> None:
        """What has been deleted since it was last told becomes entries: one a camera and reason,
        however many segments. It stands in the index until they are durable, so that neither a
        crash nor a full disk loses it; a crash in between tells it twice, with the same span."""
        index = self._watch.index
        try:
            gone = await asyncio.to_thread(index.deletions)
            named = {camera.id: camera.agreement for camera in self._state().cameras}
            entries = [
                self._journal.entry(
                    "deleted",
                    camera=one.camera,
                    agreement=named.get(one.camera, ""),
                    reason=one.why,
                    detail=span_text(one.from_us // 1000, -(-one.until_us // 1000)),
                )
                for one in gone
            ]
            if entries:
                await self._journal.write(*entries)
                await asyncio.to_thread(index.told, gone)
        except SerambiError as error:
            log.error("what was deleted is written down later: %s", error)
            return
        self._told_at = self._clock.monotonic()
