"""How long a Stop, a revocation and a sunset take until the last byte has left.

Fifty viewers of two main streams (3 Mbps), of whom five read 10 kB a second and one reads nothing.
Real keeper, courier, center and cameras; the viewers are a process of their own. Three places:
`keeper`, the last picture that could be read from the keeper's socket (a listener stands between
keeper and courier); `viewers`, the last byte of a picture that reached any viewer's machine, read
or not; `center`, the last moment at which the center's kernel still held a byte for any of them,
the reason that ends the view included. The clock starts when the question leaves (Stop,
revocation) or at the agreement's last instant. A figure is the slowest viewer of a round. Beside
it: the same round with one quick viewer. `--full` takes 20 rounds of each, and two networks with
a trunk of 2 Mbps between gateway and center.
"""

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benches._report import Row, options, percentile, report, say
from benches._town import SITE, BenchTown, bench_town
from serambi.cli.layout import Layout
from serambi.fabric import frames
from tests.fakes.network import Network, missing
from tests.simulation.tap import taps

PLACES = ("keeper", "viewers", "center")
CAUSES = ("stop", "revocation", "sunset")
_CROWD = ["quick"] * 44 + ["slow"] * 5 + ["dead"]
_ONE = ["quick"]
_WARM_S = 1.2
_AFTER_S = 1.0
_SUNSET_S = 6.0
_SLOW_TRUNK_BPS = 2_000_000


class Stamps(bytearray):
    """What a tap keeps of the keeper's words: when the last picture was read, and the rest of a
    frame that is not whole yet."""

    last_picture_at = 0.0

    def __iadd__(self, chunk: bytes) -> "Stamps":  # type: ignore[misc,override]
        self.extend(chunk)
        now = time.monotonic()
        at = 0
        while at + frames.HEAD_BYTES <= len(self):
            kind, size = frames.read_head(bytes(self[at : at + frames.HEAD_BYTES]))
            picture = kind == frames.LIVE_KIND
            if picture:
                self.last_picture_at = now
            if at + frames.HEAD_BYTES + size > len(self):
                break
            at += frames.HEAD_BYTES + size
        del self[:at]
        return self


@dataclass
class Rounds:
    """Milliseconds by (cause, place), each from the slowest viewer of a round."""

    taken: dict[tuple[str, str], list[float]] = field(default_factory=dict)

    def add(self, cause: str, place: str, ended: float, began: float) -> None:
        self.taken.setdefault((cause, place), []).append(max(0.0, ended - began) * 1000)


@dataclass
class Bench:
    """One town under test."""

    town: BenchTown
    stamps: Stamps
    agreement: bytes = b""

    def round(self, cause: str, kinds: list[str], rounds: Rounds) -> None:
        """Agree if need be, open, watch, end by `cause`, and look."""
        until = int(time.time()) + (_SUNSET_S + len(kinds) * 0.1 if cause == "sunset" else 86_400)
        if not self.agreement or cause == "sunset":
            self._end_old()
            self.agreement = self.town.agree(until)
        self.town.watch(kinds)
        began = self._end_by(cause, until)
        time.sleep(_AFTER_S)
        told = self.town.hub.ask(do="tell")
        rounds.add(cause, "keeper", self.stamps.last_picture_at, began)
        rounds.add(cause, "viewers", max(v["last_picture_at"] for v in told["viewers"]), began)
        rounds.add(cause, "center", told["held_at"], began)
        empty = [v["kind"] for v in told["viewers"] if not v["bytes"]]
        if empty:
            raise RuntimeError(f"nothing ever reached {len(empty)} viewers")
        self.town.hub.ask(do="leave")
        if cause == "stop":
            self.town.keeper("POST", "/api/resume")
            self.town.until_open()

    def _end_by(self, cause: str, until: float) -> float:
        """-> the monotonic second at which it had to end."""
        if cause == "sunset":
            left_s = until - time.time()
            if left_s < _WARM_S:
                raise RuntimeError("opening took too long for this sunset")
            began = time.monotonic() + left_s
            time.sleep(left_s)
            self.agreement = b""
            return began
        time.sleep(_WARM_S)
        path = "/api/stop" if cause == "stop" else "/api/documents"
        body = self.town.revocation(self.agreement) if cause == "revocation" else None
        url = f"http://127.0.0.1:{self.town.layout.ports.keepers[SITE]}{path}"
        token = self.town.layout.owner_tokens[SITE]
        began, _ = self.town.site.timed("POST", url, token, body)
        if cause == "revocation":
            self.agreement = b""
        return began

    def _end_old(self) -> None:
        if self.agreement:
            self.town.keeper("POST", "/api/documents", self.town.revocation(self.agreement))
            self.agreement = b""


@contextmanager
def bench(net: Network | None) -> Iterator[Bench]:
    stamps = Stamps()
    with tempfile.TemporaryDirectory() as folder, taps() as made:

        def between(layout: Layout) -> None:
            made.put_between(layout)
            made.sites[SITE].to_courier = stamps

        with bench_town(Path(folder), net, between) as town:
            yield Bench(town, stamps)


def measure(count: int, net: Network | None, causes: tuple[str, ...]) -> tuple[Rounds, Rounds]:
    """-> the crowd's rounds and those of one quick viewer, in turn."""
    crowd, one = Rounds(), Rounds()
    with bench(net) as made:
        for cause in causes:
            for number in range(count):
                made.round(cause, _CROWD, crowd)
                if number < max(2, count // 4):
                    made.round(cause, _ONE, one)
            say(f"{cause}: {count} rounds")
    return crowd, one


def rows(where: str, crowd: Rounds, one: Rounds) -> list[Row]:
    made = []
    for (cause, place), taken in crowd.taken.items():
        beside = one.taken[cause, place]
        made.append(
            Row(
                f"{cause}, {place}{where}, p99",
                percentile(taken, 0.99),
                "ms",
                "one quick viewer, worst",
                max(beside),
                {"p50_ms": round(percentile(taken, 0.5), 1), "rounds": len(taken)},
            )
        )
    return made


def main(argv: list[str]) -> None:
    parser = options("Stop, revocation and sunset until the last byte has left.")
    parser.add_argument("--rounds", type=int, help="of each cause (5, with --full 20)")
    chosen = parser.parse_args(argv)
    count = chosen.rounds or (20 if chosen.full else 5)
    found = rows("", *measure(count, None, CAUSES))
    if chosen.full:
        if reason := missing():
            say(f"two networks are left out: {reason}")
        else:
            net = Network()
            try:
                net.set_rate(_SLOW_TRUNK_BPS)
                slow = measure(max(3, count // 2), net, ("stop", "revocation"))
            finally:
                net.close()
            found += rows(" over 2 Mbps", *slow)
    report("stop", found, as_json=chosen.json)


if __name__ == "__main__":
    main(sys.argv[1:])
