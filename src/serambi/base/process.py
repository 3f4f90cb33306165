"""What every Serambi process does alike: its log lines, and ending when told to."""

import asyncio
import ctypes
import faulthandler
import logging
import os
import signal
import sys
import time
from typing import NoReturn

from serambi.base.limits import MALLOC_HEAPS_MAX, MALLOC_KEEPS_MAX_BYTES

# Of glibc's mallopt(3).
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8


def keep_memory_flat() -> None:
    """What is freed goes back to the kernel, as long as this process lives. Call it before the
    first thread.

    glibc raises the size from which that holds to the largest buffer it has seen, up to 32 MiB: a
    link that stands still and moves on then leaves its buffers' places in the heap for good, in a
    heap for each of the link's threads. Does nothing where the C library has no such rule.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, MALLOC_KEEPS_MAX_BYTES)
        mallopt(_M_ARENA_MAX, MALLOC_HEAPS_MAX)


def start_log(process: str) -> None:
    """Log lines to standard error: time in UTC, process, level, message. Never a secret."""
    logging.basicConfig(
        level=logging.INFO,
        stream=sys.stderr,
        format=f"%(asctime)s.%(msecs)03dZ {process} %(levelname)s %(message)s",
        datefmt="%Y-%m-%dT%H:%M:%S",
    )
    logging.Formatter.converter = time.gmtime
    faulthandler.enable(2)  # a crash in a library names its place
    # It logs every request with its address, and addresses may hold codes.
    logging.getLogger("httpx").setLevel(logging.WARNING)


async def until_told_to_end() -> None:
    """Return at SIGTERM or SIGINT; the caller then closes what it holds."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    try:
        await told.wait()
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


def leave(code: int = 0) -> NoReturn:
    """End the process at once, after everything has been closed. Threads may still hang in a
    library that gave no answer; if Python took them down one by one, a native frame in such a
    thread would end the process with an abort instead of `code`."""
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)
