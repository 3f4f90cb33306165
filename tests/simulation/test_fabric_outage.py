"""Processes die and come back: presence, reconnection, renewal, new sites."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
import zenoh

from serambi.base.errors import Kind, SerambiError
from serambi.fabric import keys, profile
from serambi.fabric.port import TlsFiles
from serambi.fabric.zenoh_session import shut
from serambi.fabric.zenoh_site import ZenohSite
from tests.simulation.fabric_town import OTHER, SITE, Authority, Town, backwards, free_port, town
from tests.unit.fabric_tasks import eventually, running

ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def process(role: str, where: str, tls: TlsFiles) -> AsyncIterator[Process]:
    """One end of the fabric in its own process; killed with SIGKILL at the end of the block."""
    host = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.simulation.fabric_host", role, where),
        *map(str, (tls.ca, tls.cert, tls.key)),
        stdout=PIPE,
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"},
    )
    try:
        yield host
    finally:
        host.kill()
        await host.communicate()


async def line(host: Process, wanted: str) -> None:
    """Read the process's lines until `wanted`."""
    assert host.stdout is not None
    async with asyncio.timeout(20):
        while raw := await host.stdout.readline():
            if raw.decode().strip() == wanted:
                return
    raise AssertionError(f"the process ended without saying {wanted!r}")


async def speak(site: ZenohSite) -> None:
    while True:
        await site.publish_state(b"alive")
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("protocol", ["quic", "tls"])
async def test_a_courier_comes_back_by_itself_after_the_center_was_killed(
    tmp_path: Path, protocol: str
) -> None:
    authority = Authority(tmp_path)
    port = free_port()
    tls = authority.issue("center")
    endpoints = (f"{protocol}/127.0.0.1:{port}",)
    site = ZenohSite(SITE, endpoints, authority.issue(SITE), backwards)
    async with running(site.run(), speak(site)):
        for _ in range(2):  # the second time it comes back
            async with process("center", str(port), tls) as host:
                await line(host, f"presence {SITE} True")
                await line(host, f"state {SITE} alive")


async def test_a_courier_that_starts_before_the_center_waits_for_it(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    port = free_port()
    endpoints = (f"tls/127.0.0.1:{port}",)
    site = ZenohSite(SITE, endpoints, authority.issue(SITE), backwards)
    async with running(site.run(), speak(site)):
        await site.publish_live("cam", "main", b"\x02nobody")
        assert not site.connected
        async with process("center", str(port), authority.issue("center")) as host:
            await line(host, f"state {SITE} alive")


def comes(place: Town, since: int) -> bool:
    return (SITE, True) in place.presence[since:]


# Over QUIC a death shows only when the lease of 4 s ends.
@pytest.mark.parametrize(("protocol", "turns"), [("quic", 1), ("tls", 2)])
async def test_presence_ends_when_the_courier_is_killed_and_comes_back(
    tmp_path: Path, protocol: str, turns: int
) -> None:
    async with town(tmp_path) as place:
        tls = place.authority.issue(SITE)
        endpoint = f"{protocol}/127.0.0.1:{place.port}"
        for _ in range(turns):
            seen = len(place.presence)
            async with process("site", endpoint, tls):
                await eventually(partial(comes, place, seen), "it is seen")
            await eventually(
                lambda: place.presence and place.presence[-1] == (SITE, False), "it is missed"
            )
            with pytest.raises(SerambiError) as caught:
                await place.center.command(SITE, b"x", 0.3)
            assert caught.value.kind is Kind.UNAVAILABLE
            assert SITE in caught.value.where
            assert caught.value.hint


async def test_the_newest_state_is_given_until_it_is_forgotten(tmp_path: Path) -> None:
    async with town(tmp_path) as place, place.connected(place.site()) as site:
        with pytest.raises(SerambiError):
            await place.center.newest_state(SITE, 1)
        await site.publish_state(b"old")
        await site.publish_state(b"new")
        assert await place.center.newest_state(SITE, 3) == b"new"
        site.forget_state()
        with pytest.raises(SerambiError):
            await place.center.newest_state(SITE, 1)


async def test_a_command_that_the_keeper_refuses_says_why(tmp_path: Path) -> None:
    async def refuse(raw: bytes) -> bytes:
        raise SerambiError(Kind.UNAVAILABLE, "the keeper sleeps")

    async with town(tmp_path) as place, place.connected(place.site(on_command=refuse)):
        with pytest.raises(SerambiError, match="the keeper sleeps") as caught:
            await place.center.command(SITE, b"x", 3)
        assert caught.value.kind is Kind.UNAVAILABLE


async def test_many_commands_at_once_are_each_answered(tmp_path: Path) -> None:
    async with town(tmp_path) as place, place.connected(place.site()):
        asked = [b"%03d" % number for number in range(24)]
        answers = await asyncio.gather(*(place.center.command(SITE, a, 5) for a in asked))
        assert answers == [a[::-1] for a in asked]


async def test_a_site_that_is_not_in_the_roster_is_never_asked(tmp_path: Path) -> None:
    async with town(tmp_path, SITE) as place:
        with pytest.raises(SerambiError, match="roster"):
            await place.center.command(OTHER, b"x", 1)


async def test_a_renewed_certificate_is_taken_up_without_a_restart(tmp_path: Path) -> None:
    async with town(tmp_path) as place, place.connected(place.site()) as site:
        seen = len(place.presence)
        place.authority.issue(SITE)
        await eventually(
            lambda: place.presence[seen:] == [(SITE, False), (SITE, True)], "it comes anew"
        )
        assert await place.center.command(SITE, b"ab", 3) == b"ba"
        assert site.connected


async def test_a_new_site_is_let_in_and_what_is_watched_stays_watched(tmp_path: Path) -> None:
    async with town(tmp_path, SITE) as place, place.connected(place.site()) as site:
        watch = place.center.watch(SITE, "cam", "main")
        seen = len(place.presence)
        place.center.set_sites(frozenset({SITE, OTHER}))
        await eventually(lambda: (SITE, True) in place.presence[seen:], "the old site is back")
        async with place.connected(place.site(OTHER), OTHER) as other:
            await other.publish_state(b"new here")
            await eventually(lambda: (OTHER, b"new here") in place.states, "it is heard")
        async with asyncio.timeout(10):
            got = asyncio.ensure_future(anext(watch))
            while not got.done():
                await site.publish_live("cam", "main", b"\x02still")
                await asyncio.wait([got], timeout=0.05)
        assert got.result() == b"\x02still"


async def test_closing_ends_within_its_time_limit_and_leaves_no_presence(tmp_path: Path) -> None:
    async with town(tmp_path) as place:
        async with asyncio.timeout(20), place.connected(place.site()):
            pass
        await eventually(lambda: place.presence[-1] == (SITE, False), "it is gone")


async def test_a_center_that_answers_nothing_over_a_link_that_stands_is_left_and_reached_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(profile, "HEAR_EVERY_S", 0.05)
    authority = Authority(tmp_path)
    listen = (f"quic/127.0.0.1:{free_port()}",)
    config = profile.center_config(listen, authority.issue("center"), frozenset({SITE}))
    router = await asyncio.to_thread(zenoh.open, config)
    came: list[bool] = []
    tokens = router.liveliness().declare_subscriber(
        keys.here(SITE), lambda sample: came.append(sample.kind == zenoh.SampleKind.PUT)
    )
    try:
        async with running(ZenohSite(SITE, listen, authority.issue(SITE), backwards).run()):
            await eventually(lambda: came[:1] == [True], "the courier comes")
            # Nothing answers its echo: it leaves by itself, and comes back by itself.
            await eventually(lambda: came[:3] == [True, False, True], "it comes anew")
            heard: list[int] = []

            def answer(query: zenoh.Query) -> None:
                heard.append(len(came))
                with query:
                    query.reply(query.key_expr, b"")

            answers = router.declare_queryable(keys.echo(SITE), answer)
            # Once it is answered, it stays.
            enough = 3 * profile.DEAF_AFTER
            await eventually(
                lambda: len(heard) > enough and heard[-enough] == heard[-1], "it is heard and stays"
            )
            assert answers
    finally:
        assert tokens
        await asyncio.to_thread(shut, router)
