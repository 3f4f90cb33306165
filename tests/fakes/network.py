"""A small network of our own to starve and to cut: site - mid - hub, in namespaces of the kernel.

    with network() as net:
        net.set_rate(2_000_000)                      # the trunk, mid - hub, each direction
        net.cut(); net.heal()                        # packets vanish at mid; links stay up
        with net.inside("hub"): ...                  # this thread's new sockets and processes
        subprocess.Popen(net.command("site", argv))  # a process inside; its pid is its own
        net.trunk().up_bytes                         # what went from mid to the hub so far

The namespaces have no names and no files: they live as long as this object or a process inside
them, so that even a killed test leaves nothing behind. Their addresses exist nowhere else, and no
road leads out. Needs root, `ip` and `tc` (`missing` says what is not there). Call `inside` from
any thread; nothing else here is for several threads at once.
"""

import ctypes
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

Place = Literal["site", "mid", "hub"]
SITE_ADDRESS = "10.73.1.2"
HUB_ADDRESS = "10.73.2.2"

_PLACES: tuple[Place, ...] = ("site", "mid", "hub")
_CLONE_NEWNET = 0x40000000
_QUEUE_MS = 100
_BURST_MIN_BYTES = 4096
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Carried:
    """Bytes over the trunk since its birth, headers of IP and Ethernet included."""

    up_bytes: int
    down_bytes: int


class Network:
    """Three namespaces in a row. Use `network()`, which ends it."""

    def __init__(self) -> None:
        self._namespaces = {place: _new_namespace() for place in _PLACES}
        self._limited = False
        for place in _PLACES:
            self._do(place, "ip", "link", "set", "lo", "up")
        for number, end in ((1, "site"), (2, "hub")):
            self._do("mid", "ip", "link", "add", end, "type", "veth", "peer", "name", "up0")
            self._do("mid", "ip", "link", "set", "up0", "netns", self._path(end))
            for place, device, last in (("mid", end, 1), (end, "up0", 2)):
                address = f"10.73.{number}.{last}/24"
                self._do(place, "ip", "address", "add", address, "dev", device)
                self._do(place, "ip", "link", "set", device, "up")
            self._do(end, "ip", "route", "add", "default", "via", f"10.73.{number}.1")
        self.heal()

    def close(self) -> None:
        """Let go; what still runs inside keeps its namespace until it ends."""
        for descriptor in self._namespaces.values():
            os.close(descriptor)
        self._namespaces.clear()

    def set_rate(self, rate_bps: int | None, *, queue_ms: int = _QUEUE_MS) -> None:
        """Bits per second of the trunk in each direction, or no limit; may change at any time.
        What waits for more than `queue_ms` is dropped, as in a modem."""
        for device in ("site", "hub"):
            if rate_bps is None:
                if self._limited:
                    self._do("mid", "tc", "qdisc", "del", "dev", device, "root")
                continue
            burst_bytes = max(_BURST_MIN_BYTES, rate_bps // 8 // 100)
            shape = f"tbf rate {rate_bps}bit burst {burst_bytes} latency {queue_ms}ms"
            self._do("mid", "tc", "qdisc", "replace", "dev", device, "root", *shape.split())
        self._limited = rate_bps is not None

    def cut(self) -> None:
        """From now on every packet vanishes without a word, as when a fiber is dug up far away."""
        self._forward(False)

    def heal(self) -> None:
        self._forward(True)

    def _forward(self, on: bool) -> None:
        with self.inside("mid"):
            # /proc/thread-self, not /proc/sys of the process: each thread has its own network.
            Path("/proc/sys/net/ipv4/ip_forward").write_text("1" if on else "0")

    def trunk(self) -> Carried:
        """Counted at mid's end of the trunk; what `set_rate` dropped is not in it."""
        with self.inside("mid"):
            lines = Path("/proc/thread-self/net/dev").read_text().splitlines()
        fields = next(line for line in lines if line.strip().startswith("hub:")).split()
        return Carried(up_bytes=int(fields[9]), down_bytes=int(fields[1]))

    @contextmanager
    def inside(self, place: Place) -> Iterator[None]:
        """This thread is at `place`: sockets, processes and threads that it makes belong there,
        for their whole life. Everything else it does is as before."""
        outside = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            _enter(self._namespaces[place])
            try:
                yield
            finally:
                _enter(outside)
        finally:
            os.close(outside)

    def command(self, place: Place, argv: Sequence[str]) -> list[str]:
        """`argv` made to run at `place`, as the very process that is started."""
        return ["nsenter", f"--net={self._path(place)}", "--", *argv]

    def _path(self, place: str) -> str:
        return f"/proc/{os.getpid()}/fd/{self._namespaces[place]}"  # type: ignore[index]

    def _do(self, place: str, *argv: str) -> None:
        with self.inside(place):  # type: ignore[arg-type]
            done = subprocess.run(argv, capture_output=True, text=True, timeout=20)
        if done.returncode:
            raise RuntimeError(f"{' '.join(argv)}: {done.stderr.strip()}")


def missing() -> str:
    """Why such a network cannot be made here; empty when it can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    for program in ("ip", "tc", "nsenter"):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    try:
        os.close(_new_namespace())
    except OSError as error:
        return f"the kernel makes no network namespace: {error}"
    return ""


@contextmanager
def network() -> Iterator[Network]:
    """A network for the length of a block; skips the test where none can be made."""
    if reason := missing():
        pytest.skip(reason)
    made = Network()
    try:
        yield made
    finally:
        made.close()


def _new_namespace() -> int:
    """A descriptor that keeps a new, empty network namespace alive."""
    made: list[int | OSError] = []

    def make() -> None:
        if _libc.unshare(_CLONE_NEWNET):
            made.append(OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno())))
        else:
            made.append(os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC))

    # A thread of its own: it leaves the network of the others, and then ends.
    thread = threading.Thread(target=make, name="new network")
    thread.start()
    thread.join()
    (result,) = made
    if isinstance(result, OSError):
        raise result
    return result


def _enter(descriptor: int) -> None:
    if _libc.setns(descriptor, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
