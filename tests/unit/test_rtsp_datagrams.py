"""Many datagrams with one system call: nothing lost, nothing mixed, whatever sizes they have."""

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serambi.base.limits import UDP_BATCHES_AT_ONCE
from serambi.camera.rtsp.datagrams import Datagrams, gather

_SEGMENT = 103  # UDP_SEGMENT, linux/udp.h


@contextmanager
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as inbox,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as outbox,
    ):
        inbox.bind(("127.0.0.1", 0))
        inbox.setblocking(False)
        inbox.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        outbox.connect(inbox.getsockname())
        yield inbox, outbox


def apart(runs: Iterator[tuple[bytes | memoryview, int]]) -> list[bytes]:
    return [bytes(data[at : at + size]) for data, size in runs for at in range(0, len(data), size)]


@pytest.fixture(scope="module")
def datagrams() -> Datagrams:
    return Datagrams(8)


@given(st.lists(st.integers(1, 1500), max_size=60), st.booleans())
def test_every_datagram_comes_once_and_in_order(sizes: list[int], offload: bool) -> None:
    sent = [bytes([number % 251]) * size for number, size in enumerate(sizes)]
    with pair() as (inbox, outbox):
        if offload:
            gather(inbox)
        for each in sent:
            outbox.send(each)
        assert apart(Datagrams(8).receive(inbox)) == sent


@given(st.lists(st.tuples(st.integers(1, 30), st.integers(20, 1400), st.integers(1, 1400))))
def test_bursts_that_the_kernel_put_together_are_taken_apart_again(
    bursts: list[tuple[int, int, int]],
) -> None:
    datagrams = Datagrams(4)
    with pair() as (inbox, outbox):
        gather(inbox)
        sent = []
        for number, (count, size, last) in enumerate(bursts[:20]):
            burst = [bytes([number, each]) * (size // 2) for each in range(count)]
            burst.append(b"\xff" * min(last, len(burst[0])))
            segment = struct.pack("H", len(burst[0]))
            outbox.sendmsg([b"".join(burst)], [(socket.IPPROTO_UDP, _SEGMENT, segment)])
            sent += burst
        assert apart(datagrams.receive(inbox)) == sent
        assert apart(datagrams.receive(inbox)) == []


def test_those_of_one_size_come_together(datagrams: Datagrams) -> None:
    with pair() as (inbox, outbox):
        for size in (700, 700, 700, 30, 900, 900):
            outbox.send(bytes(size))
        found = [(len(data), size) for data, size in datagrams.receive(inbox)]
    assert found == [(2100, 700), (30, 30), (1800, 900)]


def test_an_empty_datagram_is_nothing(datagrams: Datagrams) -> None:
    with pair() as (inbox, outbox):
        for each in (b"one", b"", b"two"):
            outbox.send(each)
        assert apart(datagrams.receive(inbox)) == [b"one", b"two"]


def test_the_largest_datagram_is_whole(datagrams: Datagrams) -> None:
    with pair() as (inbox, outbox):
        outbox.send(b"x" * 65_507)
        assert apart(datagrams.receive(inbox)) == [b"x" * 65_507]


def test_a_flood_does_not_keep_the_others_waiting() -> None:
    most = UDP_BATCHES_AT_ONCE * 2
    with pair() as (inbox, outbox):
        for number in range(most + 5):
            outbox.send(bytes([number]))
        datagrams = Datagrams(2)
        assert len(apart(datagrams.receive(inbox))) == most
        assert len(apart(datagrams.receive(inbox))) == 5


def test_an_unreachable_peer_is_an_error_of_the_socket(datagrams: Datagrams) -> None:
    with pair() as (inbox, outbox):
        here = outbox.getsockname()
        inbox.connect(here)
        outbox.close()
        inbox.send(b"anybody?")
        with pytest.raises(ConnectionRefusedError):
            list(datagrams.receive(inbox))
        assert list(datagrams.receive(inbox)) == []


def test_a_kernel_without_offload_is_no_error() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as other:
        gather(other)
