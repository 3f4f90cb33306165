"""One client's RTP session: numbers and times filled into a stream's packets, sender reports, and
what the camera's faults do to them on the way. How they travel is the carrier's affair.
"""

import asyncio
import secrets
import struct
from collections.abc import Callable
from itertools import pairwise
from random import Random

from serambi.base.clock import Clock
from serambi.sim.carrier import Carrier
from serambi.sim.faults import disturb
from serambi.sim.limits import LATE_MAX, REPORT_EVERY_S, STUCK_MAX_S
from serambi.sim.packetize import CANARY_BYTES
from serambi.sim.rtp import CLOCK_HZ, FRAME_BYTES, HEADER_BYTES, Template, sender_report
from serambi.sim.stream import Stream

_NUMBERS = struct.Struct("!HII")


class Sender:
    """A `stream.Player`; `drop` is called when the client takes nothing for too long."""

    def __init__(
        self, stream: Stream, carrier: Carrier, clock: Clock, drop: Callable[[], None]
    ) -> None:
        self.drop = drop
        self.ssrc = secrets.randbits(32)
        self.sequence = secrets.randbits(16)
        self._stream = stream
        self._carrier = carrier
        self._clock = clock
        self._offset = secrets.randbits(32)
        self._chance = Random(f"{stream.camera.faults.seed}/{stream.camera.id}/{stream.name}")
        self._waiting_for_key = True
        self._drained_at = clock.monotonic()
        self._packet_count = self._octet_count = 0
        self._report_at = 0.0
        self._late_at, self._late = 0.0, 0

    def timestamp(self, number: int) -> int:
        """RTP timestamp of the picture that unit `number` shows."""
        return self._at(self._stream.shown(number) * self._stream.ticks)

    def _at(self, ticks: int) -> int:
        moved = round(self._stream.camera.faults.timestamp_offset_s * CLOCK_HZ)
        return (self._offset + ticks + moved) & 0xFFFFFFFF

    def lose_place(self) -> None:
        self._waiting_for_key = True

    def deliver(self, number: int) -> None:
        stream, carrier = self._stream, self._carrier
        template = stream.template(number, framed=carrier.framed)
        count = len(template.heads)
        now = self._clock.monotonic()
        if carrier.clogged() or self._late >= LATE_MAX:
            # Too slow: whole pictures are left out, the gap in the sequence tells of it.
            self._waiting_for_key = True
            if now - self._drained_at > STUCK_MAX_S:
                self.drop()
                return
        else:
            self._drained_at = now
        if self._waiting_for_key and not (stream.is_key(number) and self._drained_at == now):
            if self._packet_count:
                self.sequence = (self.sequence + count) & 0xFFFF
                stream.camera.counts.not_taken += count
            return
        self._waiting_for_key = False
        if now >= self._report_at:
            self.report()
        packets = self._filled(template, number)
        self._packet_count += count
        self._octet_count += len(packets) - count * (HEADER_BYTES + FRAME_BYTES * carrier.framed)
        if stream.camera.faults.on_the_way or self._late:
            self._disturbed(packets, template)
        else:
            carrier.send(packets, template)

    def _filled(self, template: Template, number: int) -> bytearray:
        """The picture's packets with the camera's canary and this session's numbers."""
        packets = bytearray(template.packets)
        canary_at = template.canary_at
        packets[canary_at : canary_at + CANARY_BYTES] = self._stream.camera.canary
        timestamp, sequence, ssrc = self.timestamp(number), self.sequence, self.ssrc
        for head in template.heads:
            _NUMBERS.pack_into(packets, head + 2, sequence, timestamp, ssrc)
            sequence = (sequence + 1) & 0xFFFF
        self.sequence = sequence
        return packets

    def _disturbed(self, packets: bytearray, template: Template) -> None:
        """Send what the faults leave of a picture, late perhaps, but never before what was sent
        earlier."""
        faults, carrier = self._stream.camera.faults, self._carrier
        whole = [bytes(packets[begin:end]) for begin, end in pairwise(template.cuts)]
        kept = disturb(whole, faults, self._chance, in_order=carrier.framed)
        self._stream.camera.counts.left_out += len(whole) - len(kept)

        def act() -> None:
            self._late -= 1
            carrier.send_each(kept)

        self._late += 1
        if self._late == 1 and not faults.jitter_s:
            act()
            return
        loop = asyncio.get_running_loop()
        due = loop.time() + self._chance.uniform(0, faults.jitter_s)
        self._late_at = max(due, self._late_at + 1e-6)
        loop.call_at(self._late_at, act)

    def report_if_due(self) -> None:
        if self._clock.monotonic() >= self._report_at:
            self.report()

    def report(self) -> None:
        """A sender report, unless the camera sends none."""
        self._report_at = self._clock.monotonic() + REPORT_EVERY_S
        camera = self._stream.camera
        if not camera.faults.sender_reports:
            return
        # Picture k carries offset + k * ticks and was taken at k / fps: the same line for any
        # moment.
        timestamp = self._at(round(self._stream.media_s() * CLOCK_HZ))
        wall_s = camera.clock.now() + camera.faults.clock_offset_s
        self._carrier.report(
            sender_report(self.ssrc, wall_s, timestamp, self._packet_count, self._octet_count)
        )
