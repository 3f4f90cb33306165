"""The socket between keeper and courier, over real sockets."""

import asyncio
import os
import socket
import stat
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from serambi.base.errors import Kind, SerambiError
from serambi.fabric import frames, sockets, uplink
from serambi.fabric.frames import Answer, Batch, Command, Live, Purge, Receipt, State
from serambi.fabric.uplink import UplinkServer
from serambi.fabric.uplink_client import Lost, UplinkClient
from tests.unit.fabric_tasks import LIMIT_S, eventually, running

BIG = b"\x02" * 2_000_000


async def echo(raw: bytes) -> bytes:
    return raw[::-1]


@asynccontextmanager
async def silent_courier(path: Path) -> AsyncIterator[socket.socket]:
    """A courier that connects and reads nothing by itself."""
    introduction = await asyncio.to_thread(sockets.connect, path)
    try:
        yield introduction.pair
    finally:
        introduction.close()


async def read(sock: socket.socket) -> frames.Frame | None:
    return await asyncio.wait_for(sockets.read_frame(sock), LIMIT_S)


async def is_cut_off(sock: socket.socket) -> bool:
    """Whatever still lies in the buffer is read first, so True means: nothing was left."""
    return await asyncio.wait_for(asyncio.get_running_loop().sock_recv(sock, 1), LIMIT_S) == b""


async def collect(client: UplinkClient, into: list[object]) -> None:
    async for frame in client.frames():
        into.append(frame)


async def test_states_and_pictures_reach_the_courier_and_commands_the_keeper(
    tmp_path: Path,
) -> None:
    server = UplinkServer(tmp_path / "s", echo)
    client = UplinkClient(tmp_path / "s")
    got: list[object] = []
    async with running(server.run(), collect(client, got)):
        await eventually(lambda: client.connected, "the courier connects")
        server.send_state(b"state")
        await eventually(lambda: got, "the state arrives")
        server.offer("cam", "main", BIG, key=True)
        await eventually(lambda: len(got) == 2, "the picture arrives")
        assert got == [State(b"state"), Live("cam", "main", BIG)]
        answers = await asyncio.gather(*(client.command(b"%03d" % n) for n in range(100)))
        assert answers == [(b"%03d" % n)[::-1] for n in range(100)]


async def test_the_socket_is_for_its_owner_only_and_goes_with_the_keeper(tmp_path: Path) -> None:
    path = tmp_path / "s"
    server = UplinkServer(path, echo)
    async with running(server.run()):
        await server.ready()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not path.exists()


async def test_a_dead_keepers_socket_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    server = UplinkServer(path, echo)
    async with running(server.run()):
        await server.ready()
        async with silent_courier(path):
            await eventually(lambda: server.connected, "the courier connects")


async def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "s"
    path.write_text("precious")
    with pytest.raises(SerambiError) as caught:
        await UplinkServer(path, echo).run()
    assert caught.value.kind is Kind.UNAVAILABLE
    assert path.read_text() == "precious"


async def test_a_path_longer_than_the_kernel_allows_works(tmp_path: Path) -> None:
    folder = tmp_path / ("a" * 90) / ("b" * 90)
    folder.mkdir(parents=True)
    path = folder / "courier.sock"
    assert len(os.fsencode(path)) > 107
    server, client = UplinkServer(path, echo), UplinkClient(path)
    async with running(server.run(), collect(client, [])):
        await eventually(lambda: client.connected, "the courier connects")
        assert await client.command(b"ab") == b"ba"


async def test_another_users_process_is_turned_away() -> None:
    class Stranger(socket.socket):
        def getsockopt(self, *_: object) -> bytes:  # type: ignore[override]
            return struct.pack("3i", 1, os.getuid() + 4242, 1)

    with Stranger(socket.AF_UNIX) as peer, pytest.raises(SerambiError) as caught:
        sockets.introduce(peer)
    assert caught.value.kind is Kind.DENIED


async def test_a_new_courier_replaces_the_old_one(tmp_path: Path) -> None:
    server = UplinkServer(tmp_path / "s", echo)
    async with running(server.run()):
        await server.ready()
        async with silent_courier(tmp_path / "s") as old:
            await eventually(lambda: server.connected, "the first courier connects")
            async with silent_courier(tmp_path / "s") as new:
                assert await is_cut_off(old)
                server.send_state(b"state")
                assert await read(new) == State(b"state")


async def test_a_courier_that_dies_is_noticed(tmp_path: Path) -> None:
    server = UplinkServer(tmp_path / "s", echo)
    async with running(server.run()):
        await server.ready()
        async with silent_courier(tmp_path / "s"):
            await eventually(lambda: server.connected, "the courier connects")
        await eventually(lambda: not server.connected, "its end is noticed")


async def test_a_courier_that_dies_during_a_command_holds_up_nobody(tmp_path: Path) -> None:
    links: list[bool] = []
    go = asyncio.Event()
    begun: list[bytes] = []

    async def slow(raw: bytes) -> bytes:
        begun.append(raw)
        if raw == b"first":
            await go.wait()
        return raw

    server = UplinkServer(tmp_path / "s", slow, links.append)
    async with running(server.run()):
        await server.ready()
        async with silent_courier(tmp_path / "s") as old:
            loop = asyncio.get_running_loop()
            await loop.sock_sendall(old, frames.encode(Command(1, b"first")))
            await eventually(lambda: begun, "the keeper works on the command")
        await eventually(lambda: not server.connected, "its end is noticed")
        async with silent_courier(tmp_path / "s") as new:
            await loop.sock_sendall(new, frames.encode(Command(1, b"second")))
            assert await read(new) == Answer(1, True, b"second")
            go.set()
            # The dead courier's answer goes to nobody, though the number is the same.
            await loop.sock_sendall(new, frames.encode(Command(2, b"third")))
            assert await read(new) == Answer(2, True, b"third")
            assert server.connected


@pytest.mark.parametrize(
    "raw",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\xff\xff\xff\xff\x01",
        b"\x00\x00\x00\x05\x01abcd",
        frames.encode(State(b"a courier has no state")),
        frames.encode(Live("cam", "main", b"nor pictures")),
    ],
)
async def test_a_courier_that_sends_anything_but_commands_is_cut_off(
    tmp_path: Path, raw: bytes
) -> None:
    server = UplinkServer(tmp_path / "s", echo)
    async with running(server.run()):
        await server.ready()
        async with silent_courier(tmp_path / "s") as courier:
            await asyncio.get_running_loop().sock_sendall(courier, raw)
            assert await is_cut_off(courier)
        client = UplinkClient(tmp_path / "s")
        async with running(collect(client, [])):
            await eventually(lambda: client.connected, "the next courier is served")
            assert await client.command(b"ab") == b"ba"


async def test_half_a_frame_is_no_command(tmp_path: Path) -> None:
    asked: list[bytes] = []

    async def remember(raw: bytes) -> bytes:
        asked.append(raw)
        return raw

    server = UplinkServer(tmp_path / "s", remember)
    async with running(server.run()):
        await server.ready()
        async with silent_courier(tmp_path / "s") as courier:
            await asyncio.get_running_loop().sock_sendall(
                courier, frames.encode(Command(1, b"abc"))[:-1]
            )
            courier.shutdown(socket.SHUT_WR)
            assert await is_cut_off(courier)
    assert asked == []


async def test_stop_cuts_off_a_courier_that_does_not_read_and_nothing_stays_readable(
    tmp_path: Path,
) -> None:
    server = UplinkServer(tmp_path / "s", echo)
    async with running(server.run()):
        await server.ready()
        async with silent_courier(tmp_path / "s") as courier:
            await eventually(lambda: server.connected, "the courier connects")
            for _ in range(10):
                server.offer("cam", "main", BIG, key=True)
            connection = server._connection
            assert connection is not None
            await eventually(
                lambda: sockets.unread_bytes(connection.ours) > 0, "pictures lie in the buffer"
            )
            duration_s = await server.stop_stream("cam")
            assert duration_s >= uplink.STOP_LIMIT_S
            assert not server.connected
            assert courier.recv(1 << 20) == b"", "a picture was readable after Stop"


async def test_stop_also_cuts_off_a_courier_that_left_one_small_message_unread(
    tmp_path: Path,
) -> None:
    server = UplinkServer(tmp_path / "s", echo)
    async with running(server.run()):
        await server.ready()
        async with silent_courier(tmp_path / "s") as courier:
            await eventually(lambda: server.connected, "the courier connects")
            server.offer("cam", "main", b"\x02small", key=True)
            connection = server._connection
            assert connection is not None
            await eventually(
                lambda: sockets.unread_bytes(connection.ours) > 0, "it lies in the buffer"
            )
            await server.stop_stream("cam", "main")
            assert courier.recv(1 << 20) == b""


async def test_stop_waits_for_the_message_in_flight_and_purges_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uplink, "STOP_LIMIT_S", LIMIT_S)
    server = UplinkServer(tmp_path / "s", echo)
    async with running(server.run()):
        await server.ready()
        async with silent_courier(tmp_path / "s") as courier:
            await eventually(lambda: server.connected, "the courier connects")
            connection = server._connection
            assert connection is not None
            for _ in range(10):
                server.offer("cam", "main", BIG, key=True)
            server.offer("other", "main", b"\x02other", key=True)
            await eventually(lambda: connection.writing, "the first message is being written")
            stop = asyncio.ensure_future(server.stop_stream("cam"))
            await asyncio.sleep(0)
            assert not stop.done()
            assert await read(courier) == Live("cam", "main", BIG)
            assert await read(courier) == Purge("cam", None)
            await asyncio.wait_for(stop, LIMIT_S)
            assert server.connected
            assert await read(courier) == Live("other", "main", b"\x02other")
            server.send_state(b"after")
            assert await read(courier) == State(b"after"), "a purged picture came after Stop"


async def test_a_cancelled_stop_leaves_no_picture_behind(tmp_path: Path) -> None:
    server = UplinkServer(tmp_path / "s", echo)
    async with running(server.run()):
        await server.ready()
        async with silent_courier(tmp_path / "s") as courier:
            await eventually(lambda: server.connected, "the courier connects")
            connection = server._connection
            assert connection is not None
            server.offer("cam", "main", BIG, key=True)
            await eventually(lambda: connection.writing, "the message is being written")
            stop = asyncio.ensure_future(server.stop_stream("cam"))
            await asyncio.sleep(0)
            stop.cancel()
            await asyncio.wait([stop])
            assert courier.recv(1 << 20) == b""


async def test_stop_without_a_courier_is_immediate(tmp_path: Path) -> None:
    assert await UplinkServer(tmp_path / "s", echo).stop_stream("cam") == 0.0


async def test_state_and_answers_overtake_pictures(tmp_path: Path) -> None:
    server = UplinkServer(tmp_path / "s", echo)
    async with running(server.run()):
        await server.ready()
        async with silent_courier(tmp_path / "s") as courier:
            await eventually(lambda: server.connected, "the courier connects")
            connection = server._connection
            assert connection is not None
            for _ in range(5):
                server.offer("cam", "main", BIG, key=True)
            await eventually(lambda: connection.writing, "the first picture is being written")
            await asyncio.get_running_loop().sock_sendall(courier, frames.encode(Command(9, b"ab")))
            server.send_state(b"state")
            await eventually(
                lambda: connection.outbox._answers, "the answer waits behind the picture"
            )
            assert isinstance(await read(courier), Live)
            assert await read(courier) == Answer(9, True, b"ba")
            assert await read(courier) == State(b"state")
            assert isinstance(await read(courier), Live)


async def test_what_is_offered_without_a_courier_goes_nowhere(tmp_path: Path) -> None:
    server = UplinkServer(tmp_path / "s", echo)
    async with running(server.run()):
        await server.ready()
        server.offer("cam", "main", b"\x02early", key=True)
        server.send_state(b"newest")
        async with silent_courier(tmp_path / "s") as courier:
            assert await read(courier) == State(b"newest")
            server.offer("cam", "main", b"\x02late", key=True)
            assert await read(courier) == Live("cam", "main", b"\x02late")


async def test_a_failing_keeper_answers_in_words(tmp_path: Path) -> None:
    async def fail(raw: bytes) -> bytes:
        if raw == b"known":
            raise SerambiError(Kind.DENIED, "not today")
        raise ValueError("a secret of the keeper's inside")

    server, client = UplinkServer(tmp_path / "s", fail), UplinkClient(tmp_path / "s")
    async with running(server.run(), collect(client, [])):
        await eventually(lambda: client.connected, "the courier connects")
        with pytest.raises(SerambiError, match="not today"):
            await client.command(b"known")
        with pytest.raises(SerambiError) as caught:
            await client.command(b"unknown")
        assert caught.value.kind is Kind.UNAVAILABLE
        assert "secret" not in str(caught.value)


async def test_a_command_has_a_time_limit(tmp_path: Path) -> None:
    never = asyncio.Event()

    async def wait(raw: bytes) -> bytes:
        await never.wait()
        return raw

    server, client = UplinkServer(tmp_path / "s", wait), UplinkClient(tmp_path / "s")
    async with running(server.run(), collect(client, [])):
        await eventually(lambda: client.connected, "the courier connects")
        with pytest.raises(SerambiError) as caught:
            await client.command(b"x", timeout_s=0.05)
        assert caught.value.kind is Kind.UNAVAILABLE
        never.set()
        assert await client.command(b"y") == b"y"


async def test_without_a_keeper_a_command_says_so_at_once(tmp_path: Path) -> None:
    with pytest.raises(SerambiError) as caught:
        await UplinkClient(tmp_path / "s").command(b"x")
    assert caught.value.kind is Kind.UNAVAILABLE
    assert caught.value.hint


async def test_the_courier_comes_back_to_a_new_keeper_and_says_what_was_lost(
    tmp_path: Path,
) -> None:
    got: list[object] = []
    client = UplinkClient(tmp_path / "s")
    async with running(collect(client, got)):
        for turn in (b"first", b"second"):
            server = UplinkServer(tmp_path / "s", echo)
            server.send_state(turn)
            async with running(server.run()):
                await eventually(partial(got.__contains__, State(turn)), "the state arrives")
        await eventually(lambda: len(got) == 4, "the second keeper is lost too")
    assert [type(frame) for frame in got] == [State, Lost, State, Lost]


async def test_an_impostor_without_a_greeting_is_not_a_keeper(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as impostor:
        impostor.bind(str(path))
        impostor.listen()

        def answer() -> None:
            peer, _ = impostor.accept()
            with peer:
                peer.sendall(b"HTTP/1.1 200 OK\r\n\r\n")

        speaking = asyncio.create_task(asyncio.to_thread(answer))
        with pytest.raises(SerambiError) as caught:
            await asyncio.to_thread(sockets.connect, path)
        await speaking
    assert caught.value.kind is Kind.UNAVAILABLE


async def answer(client: UplinkClient, got: list[object], *receipts: tuple[bool, bytes]) -> None:
    """Give one receipt for each batch that comes."""
    for number, (ok, raw) in enumerate(receipts, 1):
        await eventually(partial(_many, got, number), "a batch arrives")
        await client.tell_receipt(Receipt(batches(got)[-1].id, ok, raw))


def _many(got: list[object], count: int) -> bool:
    return len(batches(got)) >= count


def batches(got: list[object]) -> list[Batch]:
    return [frame for frame in got if isinstance(frame, Batch)]


async def test_a_batch_gets_its_receipt(tmp_path: Path) -> None:
    server, client = UplinkServer(tmp_path / "s", echo), UplinkClient(tmp_path / "s")
    got: list[object] = []
    async with running(server.run(), collect(client, got)):
        await eventually(lambda: client.connected, "the courier connects")
        async with running(answer(client, got, (True, b"kept"), (False, b"no center"))):
            assert await server.submit(b"entries") == b"kept"
            with pytest.raises(SerambiError, match="no center") as caught:
                await server.submit(b"more")
        assert caught.value.kind is Kind.UNAVAILABLE
        assert [batch.raw for batch in batches(got)] == [b"entries", b"more"]
        # A receipt that nobody waits for, as after the keeper gave up, harms nothing.
        await client.tell_receipt(Receipt(1, True, b"late"))
        assert await client.command(b"ab") == b"ba"
        with pytest.raises(SerambiError, match=r"none within 0\.05 s"):
            await server.submit(b"unanswered", 0.05)


async def test_a_batch_without_a_courier_or_with_one_that_dies_fails_at_once(
    tmp_path: Path,
) -> None:
    server = UplinkServer(tmp_path / "s", echo)
    with pytest.raises(SerambiError, match="no courier is connected"):
        await server.submit(b"entries")
    async with running(server.run()):
        await server.ready()
        async with silent_courier(tmp_path / "s") as courier:
            await eventually(lambda: server.connected, "the courier connects")
            waiting = asyncio.ensure_future(server.submit(b"entries", LIMIT_S))
            assert isinstance(await read(courier), Batch)
        with pytest.raises(SerambiError, match="the courier is gone"):
            await waiting
