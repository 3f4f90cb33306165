"""A relay between a party and the center that lets the party's word through late."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_WORD = b"POST /ledger/cosigned "
_READ_BYTES = 65_536


@contextmanager
def slow_relay(port: int, delay_s: float) -> Iterator[int]:
    """-> the port to speak to instead of `port`; every cosignature takes `delay_s` longer."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="slow relay")
    thread.start()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            there, back = await asyncio.open_connection("127.0.0.1", port)
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(_copy(reader, back, delay_s))
                    group.create_task(_copy(there, writer, 0.0))
            except* OSError:
                pass
            finally:
                back.close()
        writer.close()

    async def start() -> asyncio.Server:
        return await asyncio.start_server(serve, "127.0.0.1", 0)

    server = asyncio.run_coroutine_threadsafe(start(), loop).result()
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        asyncio.run_coroutine_threadsafe(_end(server), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay_s: float) -> None:
    while chunk := await reader.read(_READ_BYTES):
        if delay_s and chunk.startswith(_WORD):
            await asyncio.sleep(delay_s)
        writer.write(chunk)
        await writer.drain()
    writer.close()


async def _end(server: asyncio.Server) -> None:
    server.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
