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
            await _relay(reader, writer, port, delay_s)
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


async def _relay(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int, delay_s: float
) -> None:
    """A word goes over a connection of its own: the one before it has been closed for idling by
    the time it is let through."""
    back: asyncio.StreamWriter | None = None
    answers: asyncio.Task[None] | None = None
    try:
        while chunk := await reader.read(_READ_BYTES):
            is_word = chunk.startswith(_WORD)
            if is_word:
                await asyncio.sleep(delay_s)
            if back is None or answers is None or is_word or answers.done():
                if answers is not None:
                    answers.cancel()
                if back is not None:
                    back.close()
                there, back = await asyncio.open_connection("127.0.0.1", port)
                answers = asyncio.ensure_future(_copy(there, writer))
            back.write(chunk)
            await back.drain()
    finally:
        if answers is not None:
            answers.cancel()
        if back is not None:
            back.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while chunk := await reader.read(_READ_BYTES):
            writer.write(chunk)
            await writer.drain()


async def _end(server: asyncio.Server) -> None:
    server.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
