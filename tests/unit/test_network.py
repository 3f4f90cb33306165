"""The network for tests: it carries, is starved, is cut, and leaves nothing behind."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from tests.fakes.network import HUB_ADDRESS, SITE_ADDRESS, Network, network

PORT = 7000


@pytest.fixture
def net() -> Iterator[Network]:
    with network() as made:
        yield made


@pytest.fixture
def ends(net: Network) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Datagrams from the site to the hub."""
    with net.inside("hub"):
        hub = socket.socket(type=socket.SOCK_DGRAM)
        hub.bind((HUB_ADDRESS, PORT))
    with net.inside("site"):
        site = socket.socket(type=socket.SOCK_DGRAM)
        site.connect((HUB_ADDRESS, PORT))
    with hub, site:
        hub.settimeout(5)
        yield site, hub


def test_it_carries_and_counts(net: Network, ends: tuple[socket.socket, socket.socket]) -> None:
    site, hub = ends
    before = net.trunk()
    site.send(bytes(1000))
    raw, (address, _) = hub.recvfrom(2000)
    assert raw == bytes(1000)
    assert address == SITE_ADDRESS
    assert net.trunk().up_bytes - before.up_bytes >= 1028


def test_a_cut_swallows_and_heals(net: Network, ends: tuple[socket.socket, socket.socket]) -> None:
    site, hub = ends
    site.send(b"before")
    assert hub.recv(100) == b"before"
    net.cut()
    site.send(b"lost")
    hub.settimeout(0.2)
    with pytest.raises(TimeoutError):
        hub.recv(100)
    net.heal()
    site.send(b"after")
    hub.settimeout(5)
    assert hub.recv(100) == b"after"


def test_a_rate_holds_back(net: Network, ends: tuple[socket.socket, socket.socket]) -> None:
    """A lower bound on time alone: no machine is too slow for it."""
    site, hub = ends
    net.set_rate(800_000, queue_ms=2000)
    began = time.monotonic()
    for _ in range(30):
        site.send(bytes(1400))
    for _ in range(30):
        hub.recv(2000)
    assert time.monotonic() - began > 0.2
    net.set_rate(100_000_000)
    net.set_rate(None)
    net.set_rate(None)
    site.send(b"free")
    assert hub.recv(100) == b"free"


def test_a_process_inside_is_nowhere_else(net: Network) -> None:
    listing = net.command("site", ["ip", "-brief", "address"])
    seen = subprocess.run(listing, capture_output=True, text=True, check=True).stdout
    assert SITE_ADDRESS in seen
    assert HUB_ADDRESS not in seen
    out = "import socket; socket.create_connection(('192.0.2.1', 9), 2)"
    lost = subprocess.run(
        net.command("site", [sys.executable, "-c", out]), capture_output=True, text=True
    )
    assert lost.returncode != 0


def test_only_the_thread_that_enters_is_inside(net: Network) -> None:
    def here() -> str:
        return os.readlink("/proc/thread-self/ns/net")

    outside, seen = here(), []
    started, go = threading.Event(), threading.Event()

    def other() -> None:
        started.set()
        assert go.wait(5)
        seen.append(here())

    thread = threading.Thread(target=other)
    thread.start()
    started.wait(5)
    with net.inside("hub"):
        assert here() != outside
        go.set()
        thread.join()
    assert seen == [outside]
    assert here() == outside


def test_nothing_of_it_shows_from_outside_or_stays() -> None:
    with network() as net:
        path = net._path("hub")
        namespace = os.readlink(path)
        assert namespace.startswith("net:")
        listed = subprocess.run(["ip", "-brief", "address"], capture_output=True, text=True)
        assert listed.returncode == 0
        assert SITE_ADDRESS not in listed.stdout
    assert not os.path.lexists(path) or os.readlink(path) != namespace
