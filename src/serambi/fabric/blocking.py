"""Calls into Zenoh that may block: each in a thread, none without a time limit."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

from serambi.base.errors import Kind, SerambiError

T = TypeVar("T")


async def within(
    limit_s: float, call: Callable[[], T], what: str, late: Callable[[T], object] | None = None
) -> T:
    """Run `call` in a daemon thread and give its result; exceptions pass through.

    After `limit_s`, or when cancelled, the caller goes on without it (UNAVAILABLE) and `late`
    is given the result should it still come: an opened session must not be left behind.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()
    lock = threading.Lock()
    given_up = False

    def settle(result: T | None, error: BaseException | None) -> None:
        if done.done():  # given up while the result was on its way
            if error is None and late is not None:
                threading.Thread(target=late, args=(result,), daemon=True).start()
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type]

    def work() -> None:
        result: T | None = None
        failure: BaseException | None = None
        try:
            result = call()
        except BaseException as error:  # noqa: BLE001 - carried to the caller, whatever it is
            failure = error
        with lock:
            if not given_up:
                with contextlib.suppress(RuntimeError):
                    loop.call_soon_threadsafe(settle, result, failure)
                return
        if failure is None and late is not None:
            late(result)  # type: ignore[arg-type]

    threading.Thread(target=work, name=f"fabric: {what}", daemon=True).start()
    try:
        async with asyncio.timeout(limit_s):
            return await done
    except TimeoutError:
        raise SerambiError(
            Kind.UNAVAILABLE, f"{what} took longer than {limit_s:g} s", hint="it is tried again"
        ) from None
    finally:
        with lock:
            given_up = True
