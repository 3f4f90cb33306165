"""The least that sending can cost in one asyncio process: the same block to every connection, 25
times a second, nothing else. `python -m benches._copy BLOCK_BYTES [CERTIFICATE KEY]` prints its
port and serves until standard input ends; whoever connects has its first line answered and then
receives WebSocket messages."""

import asyncio
import ssl
import sys
from typing import ClassVar

_EVERY_S = 0.04


class Copy(asyncio.Protocol):
    """One connection."""

    open: ClassVar[set[asyncio.Transport]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
        self.open.add(self.transport)

    def connection_lost(self, error: Exception | None) -> None:
        self.open.discard(self.transport)


async def _send(size_bytes: int) -> None:
    message = b"\x82\x7e" + size_bytes.to_bytes(2, "big") + bytes(size_bytes)
    loop = asyncio.get_running_loop()
    due = loop.time()
    while True:
        for transport in tuple(Copy.open):
            transport.write(message)
        due += _EVERY_S
        await asyncio.sleep(max(0.0, due - loop.time()))


async def _serve(size_bytes: int, pair: list[str]) -> None:
    context = None
    if pair:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*pair)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Copy, "127.0.0.1", 0, ssl=context)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    async with asyncio.TaskGroup() as group:
        sending = group.create_task(_send(size_bytes))
        ended = asyncio.Event()
        loop.add_reader(sys.stdin.fileno(), ended.set)
        await ended.wait()
        loop.remove_reader(sys.stdin.fileno())
        sending.cancel()
    server.close()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), sys.argv[2:]))
