"""The courier: carries what the keeper hands out to the center, and commands back.

It holds nothing: no camera's password, no recording, no decision. Started anew, it is as good as
before. When the keeper is silent, so is the courier.
"""

import asyncio
import logging
from dataclasses import dataclass
from pathlib import Path

from serambi.base.errors import SerambiError
from serambi.base.limits import BATCH_TIMEOUT_S, RECEIPT_MAX_BYTES
from serambi.base.process import until_told_to_end
from serambi.base.tasks import keep_running
from serambi.courier.config import CourierConfig, read_config
from serambi.fabric.frames import Batch, Live, Receipt, State
from serambi.fabric.port import SiteLink
from serambi.fabric.uplink import UplinkClient
from serambi.fabric.zenoh_site import ZenohSite

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


class Courier:
    """The two ends, joined."""

    def __init__(self, link: SiteLink, uplink: UplinkClient) -> None:
        self._link = link
        self._uplink = uplink
        self._batches: asyncio.Queue[Batch] = asyncio.Queue(1)
        self.carried = Carried()

    async def run(self) -> None:
        """Carry until cancelled. Each part is supervised."""
        async with asyncio.TaskGroup() as group:
            group.create_task(keep_running("link to the center", self._link.run))
            group.create_task(keep_running("socket to the keeper", self._carry))
            group.create_task(keep_running("batches", self._submit))
            group.create_task(keep_running("counts", self._tell_counts))
            group.create_task(keep_running("link's state", self._tell_link))

    async def _carry(self) -> None:
        async for said in self._uplink.frames():
            try:
                await self._pass_on(said)
            except SerambiError as error:
                self.carried.refused += 1
                log.warning("not carried: %s", error)

    async def _pass_on(self, said: object) -> None:
        match said:
            case State(raw):
                await self._link.publish_state(raw)
                self.carried.states += 1
            case Live(camera, stream, message):
                await self._link.publish_live(camera, stream, message)
                self.carried.live += 1
                self.carried.live_bytes += len(message)
            case Batch():
                self._take_batch(said)
            case _:
                self._link.forget_state()

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
                "in the last minute: %d states, %d live messages (%d bytes), %d not carried",
                now.states,
                now.live,
                now.live_bytes,
                now.refused,
            )


def build(config: CourierConfig) -> Courier:
    """A courier with its real ends; inside a running event loop."""
    uplink = UplinkClient(config.socket)
    return Courier(ZenohSite(config.site, config.center, config.tls, uplink.command), uplink)


async def run(config_path: Path) -> None:
    """`serambi courier --config FILE`, until SIGTERM or SIGINT. Raises BAD_INPUT for wrong
    settings."""
    courier = build(read_config(config_path))
    async with asyncio.TaskGroup() as group:
        work = group.create_task(courier.run())
        await until_told_to_end()
        work.cancel()
