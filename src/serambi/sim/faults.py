"""What can be wrong with a simulated camera, as values: set in its configuration, or changed while
it runs by the command `fault`. How a camera that talks nonsense talks: `hostile.py`.

Chances come from a generator seeded with `seed`, the camera and its stream, so that a run can be
repeated.
"""

from collections.abc import Sequence
from random import Random
from typing import Literal

import msgspec

from serambi.base.errors import Kind, SerambiError
from serambi.sim.limits import JITTER_MAX_S, RTP_PAYLOAD_MAX_BYTES, RTP_PAYLOAD_MIN_BYTES
from serambi.sim.packetize import Shape


class Faults(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """None by default.

    On the way: `loss_percent` of the RTP packets are left out, their sequence numbers missing;
    `reorder_percent` come after their neighbor (UDP only); a picture leaves up to `jitter_s` late,
    never before an older one.

    Clock: the camera's runs `drift_ppm` fast, from when this is set; `clock_offset_s` is added to
    the wall clock in its sender reports, `timestamp_offset_s` to its RTP timestamps (changing them
    on a running camera makes a step); each `repeat_timestamp_every` pictures one has the timestamp
    of the one before (0: never); `sender_reports` false: none are sent.

    Pictures: `frozen` sends none and goes on with sender reports; `changed` shows the loop
    `changed` of the configuration from its next key picture on: new parameter sets in mid-stream.

    Packets: `payload_max_bytes`, `aggregate`, `wrong_fragment_type`, `marker_on_sei` as in `Shape`.

    Signaling: `refuse_transport` is answered 461; `bare_description` has no parameter sets.
    """

    seed: int = 0
    loss_percent: float = 0.0
    reorder_percent: float = 0.0
    jitter_s: float = 0.0
    drift_ppm: float = 0.0
    clock_offset_s: float = 0.0
    timestamp_offset_s: float = 0.0
    repeat_timestamp_every: int = 0
    sender_reports: bool = True
    frozen: bool = False
    changed: bool = False
    payload_max_bytes: int = RTP_PAYLOAD_MAX_BYTES
    aggregate: bool = False
    wrong_fragment_type: bool = False
    marker_on_sei: bool = False
    refuse_transport: Literal["", "tcp", "udp"] = ""
    bare_description: bool = False

    def __post_init__(self) -> None:
        ranges = {
            "loss_percent": (0, 100),
            "reorder_percent": (0, 100),
            "jitter_s": (0, JITTER_MAX_S),
            "drift_ppm": (-100_000, 100_000),
            "clock_offset_s": (-1e9, 1e9),
            "timestamp_offset_s": (-1e9, 1e9),
            "repeat_timestamp_every": (0, 1_000_000),
            "payload_max_bytes": (RTP_PAYLOAD_MIN_BYTES, RTP_PAYLOAD_MAX_BYTES),
        }
        for name, (least, most) in ranges.items():
            if not least <= getattr(self, name) <= most:
                raise SerambiError(Kind.BAD_INPUT, f"{name} must lie in {least} to {most}")

    @property
    def shape(self) -> Shape:
        return Shape(
            self.payload_max_bytes, self.aggregate, self.wrong_fragment_type, self.marker_on_sei
        )

    @property
    def on_the_way(self) -> bool:
        """Whether something happens to packets between camera and client."""
        return bool(self.loss_percent or self.reorder_percent or self.jitter_s)


NONE = Faults()


def disturb(
    packets: Sequence[bytes], faults: Faults, chance: Random, *, in_order: bool
) -> list[bytes]:
    """A picture's packets as they arrive: some left out and, unless `in_order`, some behind their
    neighbor."""
    kept = [packet for packet in packets if chance.random() * 100 >= faults.loss_percent]
    if not in_order:
        at = 0
        while at < len(kept) - 1:
            if chance.random() * 100 < faults.reorder_percent:
                kept[at], kept[at + 1] = kept[at + 1], kept[at]
                at += 1
            at += 1
    return kept
