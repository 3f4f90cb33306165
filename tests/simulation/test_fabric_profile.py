"""The mandatory profile of the fabric, line by line, on real Zenoh over the loopback.

Not here: ranges, the issue of certificates, a saturated link.
"""

import ast
import asyncio
import json
import threading
import time
from pathlib import Path

import pytest
import zenoh

from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import (
    COMMAND_MAX_BYTES,
    LIVE_MESSAGE_MAX_BYTES,
    STATE_MAX_BYTES,
    VIEWER_QUEUE_MESSAGES,
)
from serambi.fabric import keys, profile
from serambi.fabric.port import TlsFiles
from serambi.fabric.zenoh_site import ZenohSite
from tests.simulation.fabric_town import OTHER, SITE, Authority, Road, Town, free_port, town
from tests.unit.fabric_tasks import eventually, running

FABRIC = Path(profile.__file__).parent
PICTURE = b"\x02" + bytes(200_000)


async def seen_by(watch: object, site: ZenohSite) -> None:
    """Publish until the subscription has reached the site: from then on messages count."""
    assert watch is not None

    async with asyncio.timeout(10):
        while True:
            before = site.counts.live_sent
            await site.publish_live("cam", "main", b"\x02probe")
            if site.counts.live_sent > before:
                return
            await asyncio.sleep(0.02)


async def unseen_by(site: ZenohSite) -> None:
    """Publish until the end of the last subscription has reached the site."""
    async with asyncio.timeout(10):
        while True:
            before = site.counts.live_unwatched
            await site.publish_live("cam", "main", b"\x02probe")
            if site.counts.live_unwatched > before:
                return
            await asyncio.sleep(0.02)


class Raw:
    """A Zenoh session with a site's certificate that keeps to none of our manners."""

    def __init__(self, place: Town, name: str) -> None:
        config = profile.site_config((place.quic,), place.authority.issue(name))
        self.session = zenoh.open(config)

    async def __aenter__(self) -> zenoh.Session:
        return self.session

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self.session.close)


async def raw(place: Town, name: str) -> Raw:
    return await asyncio.to_thread(Raw, place, name)


# -- 1: every put DROP, BLOCK only on queries ------------------------------------------------


async def test_line_1_every_put_is_drop_and_pictures_come_last(tmp_path: Path) -> None:
    async with town(tmp_path) as place:
        session = place.center._session
        assert session is not None
        heard: list[zenoh.Sample] = []
        subscriber = session.declare_subscriber(keys.everything(SITE), heard.append)
        async with place.connected(place.site()) as site:
            await seen_by(subscriber, site)
            wanted = {keys.state(SITE), keys.live(SITE, "cam", "main")}
            async with asyncio.timeout(10):
                # DROP may lose the first of each, so both are said until they are heard.
                while {str(sample.key_expr) for sample in heard} != wanted:
                    await site.publish_state(b"state")
                    await site.publish_live("cam", "main", b"\x02probe")
                    await asyncio.sleep(0.02)
        for sample in heard:
            assert sample.congestion_control == zenoh.CongestionControl.DROP
            state = str(sample.key_expr) == keys.state(SITE)
            assert sample.priority == (profile.STATE_PRIORITY if state else profile.LIVE_PRIORITY)


def test_line_1_block_is_used_in_a_get_and_nowhere_else() -> None:
    inside_get = everywhere = 0
    for path in FABRIC.glob("*.py"):
        tree = ast.parse(path.read_text())
        everywhere += sum(_blocks(node) for node in ast.walk(tree))
        for call in ast.walk(tree):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
                inside_get += sum(_blocks(k.value) for k in call.keywords) * (
                    call.func.attr == "get"
                )
    # Of the center's commands, and of a site's echo behind recorded windows.
    assert inside_get == everywhere == 2


def _blocks(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and node.attr.startswith("BLOCK")


async def test_line_1_a_dead_link_holds_up_nobody(tmp_path: Path) -> None:
    async with town(tmp_path) as place:
        road = Road(place.port)
        async with running(road.run()):
            await eventually(lambda: road.port, "the road is open")
            site = place.site(endpoints=(f"tls/127.0.0.1:{road.port}",))
            async with place.connected(site):
                watch = place.center.watch(SITE, "cam", "main")
                await seen_by(watch, site)
                road.open.clear()
                async with asyncio.timeout(10):
                    for _ in range(20):
                        await site.publish_live("cam", "main", PICTURE * 5)
                        await site.publish_state(b"state")
                with pytest.raises(SerambiError) as caught:
                    await place.center.command(SITE, b"x", 0.3)
                assert caught.value.kind is Kind.UNAVAILABLE
                road.open.set()


# -- 3: a ring for live, no work in callbacks ------------------------------------------------


async def test_line_3_a_slow_watch_keeps_the_newest_and_counts_the_rest(tmp_path: Path) -> None:
    async with town(tmp_path) as place, place.connected(place.site()) as site:
        slow, quick = (place.center.watch(SITE, "cam", "main") for _ in range(2))
        await seen_by(slow, site)
        number = 0
        last = b""
        while slow.dropped < 10:
            last = b"\x02%06d" % number
            await site.publish_live("cam", "main", last)
            number += 1
            async with asyncio.timeout(10):
                while await anext(quick) != last:
                    pass
        kept = [await anext(slow) for _ in range(VIEWER_QUEUE_MESSAGES)]
        assert kept == [b"\x02%06d" % n for n in range(number - VIEWER_QUEUE_MESSAGES, number)]
        assert quick.dropped == 0


async def test_line_3_handlers_run_on_the_event_loop(tmp_path: Path) -> None:
    async with town(tmp_path) as place:
        threads: set[int] = set()
        place.center.on_state(lambda *_: threads.add(threading.get_ident()))
        place.center.on_presence(lambda *_: threads.add(threading.get_ident()))
        async with place.connected(place.site()) as site:
            await site.publish_state(b"state")
            await eventually(lambda: (SITE, b"state") in place.states, "the state arrives")
        assert threads == {threading.get_ident()}


# -- 4: couriers are clients, QUIC first, two TLS links as fallback --------------------------


async def test_line_4_quic_is_taken_when_it_works(tmp_path: Path) -> None:
    async with town(tmp_path) as place:
        site = place.site(endpoints=(place.tls, place.quic))
        async with place.connected(site):
            assert [link.partition("/")[0] for link in site.links] == ["quic"]


async def test_line_4_without_quic_two_tls_links_part_control_from_pictures(
    tmp_path: Path,
) -> None:
    async with town(tmp_path) as place:
        dead = f"quic/127.0.0.1:{free_port()}"
        site = place.site(endpoints=(dead, place.tls))
        async with place.connected(site):
            await eventually(
                lambda: sorted(site.links) == [f"{place.tls}?prio=0-4", f"{place.tls}?prio=5-7"],
                "two links are up",
            )
            await site.publish_state(b"state")
            await eventually(lambda: (SITE, b"state") in place.states, "the state arrives")
            assert await place.center.command(SITE, b"ab", 3) == b"ba"


@pytest.mark.parametrize("role", ["center", "site"])
def test_line_4_no_scouting_no_gossip_no_shared_memory_no_peer(role: str, tmp_path: Path) -> None:
    tls = Authority(tmp_path).issue("x")
    address = ("quic/127.0.0.1:1", "tls/127.0.0.1:1")
    if role == "center":
        config = profile.center_config(address, tls, frozenset({SITE}))
    else:
        config = profile.site_config(address, tls)

    def setting(key: str) -> object:
        return json.loads(config.get_json(key))

    assert setting("mode") == {"center": "router", "site": "client"}[role]
    assert setting("scouting/multicast/enabled") is False
    assert setting("scouting/gossip/enabled") is False
    assert setting("transport/shared_memory/enabled") is False
    assert setting("transport/link/protocols") == ["quic", "tls"]
    assert setting("transport/link/tls/enable_mtls") is True
    assert setting("transport/link/tls/verify_name_on_connect") is True
    assert setting("transport/link/tls/close_link_on_expiration") is True


# -- 5: one subscription per stream ----------------------------------------------------------


async def test_line_5_what_nobody_watches_does_not_cross(tmp_path: Path) -> None:
    async with town(tmp_path) as place:
        road = Road(place.port)
        async with running(road.run()):
            await eventually(lambda: road.port, "the road is open")
            site = place.site(endpoints=(f"tls/127.0.0.1:{road.port}",))
            async with place.connected(site):
                # A fresh stream's first messages may cross, until the center has answered that
                # nobody watches; the fence shows that it has.
                await unseen_by(site)
                await site.publish_state(b"before")
                await eventually(lambda: (SITE, b"before") in place.states, "the fence arrives")
                await place.center.command(SITE, b"x", 3)
                before = road.up_bytes
                for _ in range(50):
                    await site.publish_live("cam", "main", PICTURE)
                await site.publish_state(b"fence")
                await eventually(lambda: (SITE, b"fence") in place.states, "the fence arrives")
                assert road.up_bytes - before < len(PICTURE)


async def test_line_5_two_watchers_cost_one_copy_and_the_last_ends_it(tmp_path: Path) -> None:
    async with town(tmp_path) as place:
        road = Road(place.port)
        async with running(road.run()):
            await eventually(lambda: road.port, "the road is open")
            site = place.site(endpoints=(f"tls/127.0.0.1:{road.port}",))
            async with place.connected(site):
                watches = [place.center.watch(SITE, "cam", "main") for _ in range(2)]
                await seen_by(watches, site)
                before = road.up_bytes
                for number in range(10):
                    sent = b"\x02%d" % number + PICTURE
                    await site.publish_live("cam", "main", sent)
                    for watch in watches:
                        async with asyncio.timeout(10):
                            while await anext(watch) != sent:
                                pass
                assert 10 * len(PICTURE) < road.up_bytes - before < 15 * len(PICTURE)
                watches[0].close()
                await site.publish_live("cam", "main", b"\x02still")
                assert await asyncio.wait_for(anext(watches[1]), 10) == b"\x02still"
                watches[1].close()
                with pytest.raises(StopAsyncIteration):
                    await anext(watches[1])
                await unseen_by(site)


# -- 6: the access list proves where a message comes from ------------------------------------


async def test_line_6_a_site_cannot_speak_as_another(tmp_path: Path) -> None:
    async with town(tmp_path) as place, await raw(place, OTHER) as liar:
        watch = place.center.watch(SITE, "cam", "main")
        held = [
            liar.liveliness().declare_token(keys.here(SITE)),
            liar.declare_queryable(keys.command(SITE), lambda q: q.reply(q.key_expr, b"lie")),
        ]
        # The same session's own state is the fence: what it lied before must have arrived too.
        liar.put(keys.state(SITE), b"lie")
        liar.put(keys.live(SITE, "cam", "main"), b"lie")
        await eventually(
            lambda: liar.put(keys.state(OTHER), b"truth") or place.states, "its own state arrives"
        )
        with pytest.raises(SerambiError) as caught:
            await place.center.command(SITE, b"x", 0.5)
        assert caught.value.kind is Kind.UNAVAILABLE
        assert {site for site, _ in place.states} == {OTHER}
        assert (SITE, True) not in place.presence
        watch.close()
        with pytest.raises(StopAsyncIteration):
            await anext(watch)
        assert watch.dropped == 0
        assert held


async def test_line_6_a_site_cannot_listen_to_another_or_command_it(tmp_path: Path) -> None:
    async with (
        town(tmp_path) as place,
        place.connected(place.site()) as site,
        await raw(place, OTHER) as spy,
    ):
        heard: list[object] = []
        held = [spy.declare_subscriber(k, heard.append) for k in ("**", keys.everything(SITE))]
        for number in range(20):
            await site.publish_live("cam", "main", b"\x02secret")
            await site.publish_state(b"%d" % number)
        await eventually(lambda: (SITE, b"19") in place.states, "the center hears the states")

        def ask() -> list[object]:
            replies = spy.get(keys.command(SITE), payload=b"x", timeout=0.5)
            return [reply.ok for reply in replies if reply.ok is not None]

        assert await asyncio.to_thread(ask) == []
        assert heard == []
        assert site.counts.commands == 0
        assert held


async def test_line_6_an_unknown_name_may_say_nothing(tmp_path: Path) -> None:
    async with town(tmp_path) as place, await raw(place, "stranger") as stranger:
        held = stranger.liveliness().declare_token(keys.here("stranger"))
        for site in (SITE, "stranger"):
            stranger.put(keys.state(site), b"lie")
        async with place.connected(place.site()) as honest:
            await honest.publish_state(b"truth")
            await eventually(lambda: place.states, "an honest state arrives")
        assert place.states == [(SITE, b"truth")]
        assert "stranger" not in {name for name, _ in place.presence}
        assert held


@pytest.mark.parametrize("protocol", ["quic", "tls"])
async def test_line_6_a_certificate_of_another_authority_gets_no_connection(
    tmp_path: Path, protocol: str
) -> None:
    async with town(tmp_path) as place:
        tls = Authority(tmp_path / "forger").issue(SITE)
        # It trusts the center's authority, so that the center is the one who refuses.
        tls = TlsFiles(place.authority.issue("center", "ca-only").ca, tls.cert, tls.key)
        await refused(place, profile.site_config((f"{protocol}/127.0.0.1:{place.port}",), tls))


@pytest.mark.parametrize("protocol", ["quic", "tls"])
async def test_line_6_without_a_certificate_there_is_no_connection(
    tmp_path: Path, protocol: str
) -> None:
    async with town(tmp_path) as place:
        tls = place.authority.issue(SITE)
        config = profile.site_config((f"{protocol}/127.0.0.1:{place.port}",), tls)
        config.insert_json5("transport/link/tls", json.dumps({"root_ca_certificate": str(tls.ca)}))
        await refused(place, config)


@pytest.mark.parametrize("protocol", ["quic", "tls"])
async def test_line_6_a_courier_does_not_believe_a_forged_center(
    tmp_path: Path, protocol: str
) -> None:
    async with town(tmp_path) as place:
        tls = place.authority.issue(SITE)
        other = Authority(tmp_path / "other").issue(SITE)
        tls = TlsFiles(other.ca, tls.cert, tls.key)
        await refused(place, profile.site_config((f"{protocol}/127.0.0.1:{place.port}",), tls))


async def refused(place: Town, config: zenoh.Config) -> None:
    with pytest.raises(zenoh.ZError):
        await asyncio.to_thread(zenoh.open, config)
    assert place.center._session is not None
    assert place.center._session.info.links() == []


# -- 8: receivers report what arrived; limits speak ------------------------------------------


async def test_line_8_the_sender_counts_what_left_and_the_receiver_what_it_lost(
    tmp_path: Path,
) -> None:
    async with town(tmp_path) as place, place.connected(place.site()) as site:
        await unseen_by(site)
        assert site.counts.live_sent == 0
        watch = place.center.watch(SITE, "cam", "main")
        await seen_by(watch, site)
        assert site.counts.live_sent_bytes == site.counts.live_sent * len(b"\x02probe")
        assert watch.dropped == 0


async def test_line_8_what_is_too_large_is_said_at_once(tmp_path: Path) -> None:
    async with town(tmp_path) as place, place.connected(place.site()) as site:
        for attempt in (
            site.publish_state(bytes(STATE_MAX_BYTES + 1)),
            site.publish_live("cam", "main", bytes(LIVE_MESSAGE_MAX_BYTES + 1)),
            place.center.command(SITE, bytes(COMMAND_MAX_BYTES + 1), 1),
        ):
            with pytest.raises(SerambiError) as caught:
                await attempt
            assert caught.value.kind is Kind.LIMIT
        watch = place.center.watch(SITE, "cam", "main")
        await seen_by(watch, site)
        largest = bytes(LIVE_MESSAGE_MAX_BYTES)
        async with asyncio.timeout(10):
            # A burst of this size may be dropped on a busy machine: DROP is not a promise.
            while True:
                await site.publish_live("cam", "main", largest)
                await site.publish_live("cam", "main", b"\x02end")
                got = await anext(watch)
                while got not in (largest, b"\x02end"):
                    got = await anext(watch)
                if got == largest:
                    break


async def test_a_fabric_that_cannot_listen_says_so(tmp_path: Path) -> None:
    async with town(tmp_path) as place:
        second = place.center.__class__(
            (place.tls,), place.authority.issue("center"), frozenset({SITE})
        )
        began = time.monotonic()
        with pytest.raises(SerambiError) as caught:
            await second.run()
        assert caught.value.kind is Kind.UNAVAILABLE
        assert str(place.port) in caught.value.where
        assert time.monotonic() - began < 30
