"""How much may be on its way: bounded whatever the link does, and open again when it recovers."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from serambi.fabric import flow as flow_module
from serambi.fabric.flow import Flow
from tests.unit.fabric_tasks import eventually

KB = 1024


class Link:
    """A flow, its clock, and the echo questions that were asked."""

    def __init__(self) -> None:
        self.now = 0.0
        self.asked: list[int] = []
        self.flow = Flow(lambda: self.now, self.asked.append)

    def send(self, size_bytes: int) -> None:
        self.flow.sent(size_bytes)

    def echo(self, after_s: float, *, came: bool = True) -> None:
        self.now += after_s
        self.flow.echoed(self.asked[-1], came=came)

    async def has_room(self) -> bool:
        room = asyncio.ensure_future(self.flow.room())
        for _ in range(3):
            await asyncio.sleep(0)
        if room.done():
            return True
        room.cancel()
        await asyncio.wait([room])
        return False


async def test_without_an_echo_only_so_much_is_sent() -> None:
    link = Link()
    sent = 0
    while await link.has_room():
        link.send(10 * KB)
        sent += 10 * KB
    assert link.flow.on_the_way_bytes == sent
    assert 256 * KB <= sent < 266 * KB
    assert len(link.asked) == 1, "one question at a time"


async def test_an_echo_makes_room_and_counts_what_was_sent_before_it_was_asked() -> None:
    link = Link()
    link.send(10 * KB)
    link.send(20 * KB)
    link.echo(0.01)
    assert (link.flow.arrived_bytes, link.flow.on_the_way_bytes) == (10 * KB, 20 * KB)


async def test_whoever_waits_for_room_is_woken_by_the_echo() -> None:
    link = Link()
    link.send(300 * KB)
    room = asyncio.ensure_future(link.flow.room())
    await asyncio.sleep(0)
    assert not room.done()
    link.echo(0.01)
    await asyncio.wait_for(room, 5)


async def test_a_slow_link_gets_less_and_a_quick_one_more() -> None:
    slow, quick = Link(), Link()
    for link, after_s in ((slow, 1.0), (quick, 0.01)):
        for _ in range(12):
            while await link.has_room():
                link.send(10 * KB)
            link.echo(after_s)
    assert slow.flow.limit_bytes == 64 * KB
    assert quick.flow.limit_bytes == 8 * KB * KB


async def test_an_echo_that_never_comes_leaves_little_and_does_not_stop_for_ever() -> None:
    link = Link()
    link.send(300 * KB)
    assert not await link.has_room()
    link.echo(4.0, came=False)
    assert await link.has_room()
    assert link.flow.limit_bytes == 64 * KB
    assert link.flow.arrived_bytes == 0, "lost is not arrived"


async def test_a_question_that_found_no_room_is_asked_again_and_makes_none() -> None:
    link = Link()
    link.send(300 * KB)
    for asked in (1, 2, 3):
        assert not await link.has_room()
        assert len(link.asked) == asked
        link.echo(0.1, came=False)
    assert not await link.has_room()
    link.echo(0.1)
    assert await link.has_room()


async def test_arrival_is_believed_only_from_an_echo() -> None:
    link = Link()
    link.send(10 * KB)
    arrived = asyncio.ensure_future(link.flow.arrived(link.flow.sent_bytes))
    await asyncio.sleep(0)
    link.echo(4.0, came=False)
    await eventually(lambda: len(link.asked) == 2, "it asks again")
    assert not arrived.done()
    link.echo(0.1)
    await asyncio.wait_for(arrived, 5)


async def test_an_answer_to_an_older_question_says_nothing() -> None:
    link = Link()
    link.send(10 * KB)
    link.echo(2.0, came=False)
    link.send(10 * KB)
    link.flow.echoed(1, came=True)
    assert link.flow.arrived_bytes == 0


@given(
    st.lists(
        st.one_of(
            st.integers(1, 200 * KB), st.tuples(st.floats(0, 5), st.booleans()), st.just(None)
        ),
        max_size=60,
    )
)
def test_the_limit_holds_whatever_the_link_does(
    steps: list[int | tuple[float, bool] | None],
) -> None:
    async def run() -> None:
        link = Link()
        for step in steps:
            if isinstance(step, int):
                if await link.has_room():
                    before = link.flow.on_the_way_bytes
                    assert before < link.flow.limit_bytes
                    link.send(step)
            elif step is not None and link.asked:
                link.echo(step[0], came=step[1])
            assert 0 <= link.flow.arrived_bytes <= link.flow.sent_bytes
            assert flow_module._MIN_BYTES <= link.flow.limit_bytes <= flow_module._MAX_BYTES

    asyncio.run(run())


async def test_questions_are_few_on_a_quick_link() -> None:
    link = Link()
    for _ in range(10):
        link.send(KB)
        link.echo(0.001)
    assert len(link.asked) == 1
    link.now += 0.1
    link.send(KB)
    assert len(link.asked) == 2
