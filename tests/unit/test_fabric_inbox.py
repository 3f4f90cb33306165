"""Hand-over from other threads, and watches: bounded, counted, closed for good."""

import asyncio
import threading

import pytest

from serambi.base.errors import Kind, SerambiError
from serambi.fabric.blocking import within
from serambi.fabric.inbox import Inbox, RingWatch
from tests.unit.fabric_tasks import eventually


async def test_items_of_another_thread_are_delivered_in_order_on_the_loop() -> None:
    got: list[tuple[int, int]] = []
    inbox: Inbox[int] = Inbox(
        asyncio.get_running_loop(), lambda n: got.append((n, threading.get_ident())), 1000
    )

    def fill() -> None:
        for number in range(1000):
            inbox.put(number)

    await asyncio.to_thread(fill)
    await eventually(lambda: len(got) == 1000, "all are delivered")
    assert got == [(n, threading.get_ident()) for n in range(1000)]
    assert inbox.dropped == 0


async def test_a_full_inbox_keeps_the_newest_and_counts() -> None:
    got: list[int] = []
    inbox: Inbox[int] = Inbox(asyncio.get_running_loop(), got.append, 3)
    for number in range(10):
        inbox.put(number)
    await asyncio.sleep(0)
    assert got == [7, 8, 9]
    assert inbox.dropped == 7


async def test_a_closed_inbox_delivers_nothing() -> None:
    got: list[int] = []
    inbox: Inbox[int] = Inbox(asyncio.get_running_loop(), got.append, 3)
    inbox.put(1)
    inbox.close()
    inbox.put(2)
    await asyncio.sleep(0)
    assert got == []


async def test_closing_while_delivering_ends_the_delivery() -> None:
    got: list[int] = []

    def take(number: int) -> None:
        got.append(number)
        inbox.close()

    inbox: Inbox[int] = Inbox(asyncio.get_running_loop(), take, 3)
    inbox.put(1)
    inbox.put(2)
    await asyncio.sleep(0)
    assert got == [1]


def test_an_inbox_of_a_closed_loop_is_silent() -> None:
    loop = asyncio.new_event_loop()
    inbox: Inbox[int] = Inbox(loop, lambda _: None, 3)
    loop.close()
    inbox.put(1)


async def test_a_watch_ends_when_closed_even_while_somebody_waits() -> None:
    gone: list[RingWatch] = []
    watch = RingWatch(2, gone.append)
    waiting = asyncio.ensure_future(anext(watch))
    await asyncio.sleep(0)
    watch.close()
    watch.close()
    with pytest.raises(StopAsyncIteration):
        await waiting
    assert gone == [watch]


async def test_what_comes_after_closing_is_not_given() -> None:
    watch = RingWatch(2, lambda _: None)
    watch.push(b"before")
    watch.close()
    watch.push(b"after")
    with pytest.raises(StopAsyncIteration):
        await anext(watch)


async def test_a_call_that_blocks_is_given_up_and_its_late_result_handed_over() -> None:
    go = threading.Event()
    late: list[str] = []

    def block() -> str:
        go.wait(10)
        return "late"

    with pytest.raises(SerambiError) as caught:
        await within(0.01, block, "waiting", late=late.append)
    assert caught.value.kind is Kind.UNAVAILABLE
    assert late == []
    go.set()
    await eventually(lambda: late == ["late"], "the late result is handed over")


async def test_an_error_of_a_blocking_call_reaches_the_caller() -> None:
    def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await within(10, fail, "failing")
