"""The courier: carries what the keeper hands out to the center, and commands back.

It holds nothing: no camera's password, no recording, no decision. Started anew, it is as good as
before. When the keeper is silent, so is the courier.
"""

import asyncio
import logging
from collections.abc import Awaitable
from dataclasses import dataclass
from pathlib import Path

from serambi.base.errors import SerambiError
from serambi.base.limits import BATCH_TIMEOUT_S, COURIER_WAIT_MAX_S, RECEIPT_MAX_BYTES
from serambi.base.process import keep_memory_flat, until_told_to_end
from serambi.base.tasks import keep_running
from serambi.courier.config import CourierConfig, read_config
from serambi.fabric.frames import Batch, Live, Purge, Receipt, State
from serambi.fabric.outbox import Outbox
from serambi.fabric.port import SiteLink
from serambi.fabric.uplink_client import UplinkClient
from serambi.fabric.zenoh_site import ZenohSite
from serambi.media.wire import begins

log = logging.getLogger(__name__)

COUNTS_EVERY_S = 60.0
LINK_EVERY_S = 0.5


@dataclass(slots=True)
class Carried:
    """What was carried since the last line in the log; never what it said."""

    states: int = 0
    live: int = 0
    live_bytes: int = 0
    refused: int = 0
    dropped: int = 0


class Courier:
    """The two ends, joined. What the keeper says is read at once, always: a Stop never waits
    behind pictures, and what waits here is forgotten when the keeper says so."""

    def __init__(self, link: SiteLink, uplink: UplinkClient) -> None:
        self._link = link
        self._uplink = uplink
        clock = asyncio.get_running_loop().time
        self._pictures = Outbox(wait_s=COURIER_WAIT_MAX_S, now=clock)
        self._picture_waits = asyncio.Event()
        self._newest: bytes | None = None
        self._state_waits = asyncio.Event()
        self._batches: asyncio.Queue[Batch] = asyncio.Queue(1)
        self.carried = Carried()

    async def run(self) -> None:
        """Carry until cancelled. Each part is supervised."""
        async with asyncio.TaskGroup() as group:
            group.create_task(keep_running("link to the center", self._link.run))
            group.create_task(keep_running("socket to the keeper", self._carry))
            group.create_task(keep_running("states", self._send_states))
            group.create_task(keep_running("pictures", self._send_pictures))
            group.create_task(keep_running("batches", self._submit))
            group.create_task(keep_running("counts", self._tell_counts))
            group.create_task(keep_running("link's state", self._tell_link))

    async def _carry(self) -> None:
        async for said in self._uplink.frames():
            match said:
                case State(raw):
                    self._newest = raw
                    self._state_waits.set()
                case Live():
                    self._keep(said)
                case Purge(camera, stream):
                    self._pictures.purge(camera, stream)
                    self._link.purge(camera, stream)
                case Batch():
                    self._take_batch(said)
                case _:
                    self._newest = None
                    self._pictures.clear_pictures()
                    self._link.forget_state()

    def _keep(self, live: Live) -> None:
        """A link that is behind loses pictures up to the next key frame."""
        before = self._pictures.dropped
        self._pictures.put_live(live, key=begins(live.message))
        self.carried.dropped += self._pictures.dropped - before
        self._picture_waits.set()

    async def _send_states(self) -> None:
        while True:
            await self._state_waits.wait()
            self._state_waits.clear()
            newest, self._newest = self._newest, None
            if newest is not None:
                await self._pass_on(self._link.publish_state(newest))
                self.carried.states += 1

    async def _send_pictures(self) -> None:
        while True:
            live = self._pictures.next()
            if not isinstance(live, Live):
                self._picture_waits.clear()
                await self._picture_waits.wait()
                continue
            await self._pass_on(self._link.publish_live(live.camera, live.stream, live.message))
            self.carried.live += 1
            self.carried.live_bytes += len(live.message)

    async def _pass_on(self, sending: Awaitable[None]) -> None:
        try:
            await sending
        except SerambiError as error:
            self.carried.refused += 1
            log.warning("not carried: %s", error)

    def _take_batch(self, batch: Batch) -> None:
        """The keeper has one on its way at a time; one that it gave up makes room for the next."""
        if self._batches.full():
            self._batches.get_nowait()
        self._batches.put_nowait(batch)

    async def _submit(self) -> None:
        """Ledger entries, on the side: pictures and commands do not wait for their receipt."""
        while True:
            batch = await self._batches.get()
            try:
                raw = await self._link.submit_batch(batch.raw, BATCH_TIMEOUT_S)
                receipt = Receipt(batch.id, True, raw)
            except SerambiError as error:
                receipt = Receipt(batch.id, False, str(error).encode()[:RECEIPT_MAX_BYTES])
            await self._uplink.tell_receipt(receipt)

    async def _tell_link(self) -> None:
        while True:
            await self._uplink.tell_link(up=self._link.connected)
            await asyncio.sleep(LINK_EVERY_S)

    async def _tell_counts(self) -> None:
        while True:
            await asyncio.sleep(COUNTS_EVERY_S)
            now, self.carried = self.carried, Carried()
            log.info(
                "last minute: %d states, %d live messages (%d bytes), %d refused, %d dropped",
                now.states,
                now.live,
                now.live_bytes,
                now.refused,
                now.dropped,
            )


def build(config: CourierConfig) -> Courier:
    """A courier with its real ends; inside a running event loop."""
    uplink = UplinkClient(config.socket)
    return Courier(
        ZenohSite(config.site, config.center, config.tls, uplink.command, uplink.fetch), uplink
    )


async def run(config_path: Path) -> None:
    """`serambi courier --config FILE`, until SIGTERM or SIGINT. Raises BAD_INPUT for wrong
    settings."""
    keep_memory_flat()
    courier = build(read_config(config_path))
    async with asyncio.TaskGroup() as group:
        work = group.create_task(courier.run())
        await until_told_to_end()
        work.cancel()
