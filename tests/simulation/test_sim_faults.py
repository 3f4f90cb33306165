"""Each fault of a simulated camera, seen from the wire; UDP sessions from begin to end."""

import asyncio
import base64
import hashlib
import socket
import struct
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest

from serambi.base.clock import ManualClock, SystemClock
from serambi.base.errors import SerambiError
from serambi.sim.digest import Challenge
from serambi.sim.faults import NONE, Faults
from serambi.sim.loop_file import Loop
from serambi.sim.rtsp import Server, listen
from serambi.sim.stream import Camera
from tests.simulation.sim_town import Client, camera, connected, small_loops


@pytest.fixture(scope="module")
def loops() -> dict[str, Loop]:
    return small_loops()


@asynccontextmanager
async def watching(made: Camera, *, udp: bool = False) -> AsyncIterator[tuple[Server, Client]]:
    """A client that plays the main stream."""
    async with listen([made], SystemClock()) as server, connected(server.port) as client:
        played = await (client.play(client.open_ports()) if udp else client.play())
        assert played.status == 200
        yield server, client


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def pictures(client: Client, count: int) -> list[int]:
    """Timestamps of the next pictures, counted from the first."""
    found = [(await client.picture()).timestamp for _ in range(count)]
    return [(at - found[0] + 2**31) % 2**32 - 2**31 for at in found]


def gaps(sequences: list[int]) -> int:
    return sum((b - a - 1) % 65536 for a, b in pairwise(sequences))


async def packets(client: Client, count: int) -> list[int]:
    """Sequence numbers of the next RTP packets, whatever is in them."""
    found: list[int] = []
    while len(found) < count:
        channel, packet = await client.packet()
        if channel == 0:
            found.append(struct.unpack_from("!H", packet, 2)[0])
    return found


# UDP


async def test_datagrams_come_from_the_ports_that_were_named(loops: dict[str, Loop]) -> None:
    made = camera(loops)
    async with watching(made, udp=True) as (server, client):
        ours = {sock.getsockname()[1] for sock in client.datagrams}
        fields = dict(part.split("=") for part in client.transport.split(";") if "=" in part)
        ports = [int(port) for port in fields["server_port"].split("-")]
        assert {int(port) for port in fields["client_port"].split("-")} == ours
        assert ports == [ports[0], ports[0] + 1]
        assert ports[0] % 2 == 0
        loop = asyncio.get_running_loop()
        for sock, port in zip(client.datagrams, ports, strict=True):
            _, address = await loop.sock_recvfrom(sock, 2048)
            assert address == ("127.0.0.1", port)
        await packets(client, 30)
        assert (await client.ask("TEARDOWN")).status == 200
        await until(lambda: not server.connections)
        with socket.socket(type=socket.SOCK_DGRAM) as again:
            again.bind(("127.0.0.1", ports[0]))  # nothing holds it any more
    assert made.counts.sent >= 30


async def test_datagrams_are_those_of_the_connection(loops: dict[str, Loop]) -> None:
    faults = Faults(payload_max_bytes=300)
    async with watching(camera(loops, faults=faults), udp=True) as (_, client):
        picture = await client.picture()
        kinds = [nal[0] & 0x1F for nal in picture.nals()]
        assert kinds == [7, 8, 6, 5]
        assert max(map(len, picture.parts)) == 300
        await pictures(client, 3)
        assert gaps(client.sequences) == 0


async def test_a_client_that_stops_listening_harms_nobody(loops: dict[str, Loop]) -> None:
    made = camera(loops)
    async with watching(made, udp=True) as (_, client), connected(client.port) as other:
        client.close_ports()
        await other.play()
        await until(lambda: made.counts.not_taken > 3)
        await pictures(other, 5)
        assert (await client.ask("GET_PARAMETER")).status == 200


async def test_a_session_over_udp_ends_without_a_sign_of_life(loops: dict[str, Loop]) -> None:
    clock = ManualClock(1_790_000_000.0)
    async with (
        listen([camera(loops)], clock, session_timeout_s=0.2) as server,
        connected(server.port) as client,
    ):
        await client.play(client.open_ports())
        fields = dict(part.split("=") for part in client.transport.split(";") if "=" in part)
        rtcp = int(fields["server_port"].split("-")[1])
        (connection,) = server.connections
        for _ in range(3):  # receiver reports alone keep it alive
            clock.advance(0.15)
            client.datagrams[1].sendto(b"\x80\xc9\0\1abcd", ("127.0.0.1", rtcp))
            await until(lambda: connection._heard_at == clock.monotonic())
        await pictures(client, 10)  # the watchdog has looked in the meantime
        assert server.connections
        clock.advance(0.3)
        await until(lambda: not server.connections)


async def test_a_refused_transport_is_461(loops: dict[str, Loop]) -> None:
    made = camera(loops)
    async with listen([made], SystemClock()) as server, connected(server.port) as client:
        await client.login()
        made.apply(Faults(refuse_transport="tcp"))
        assert (await client.ask("SETUP", Transport="RTP/AVP/TCP;unicast")).status == 461
        made.apply(Faults(refuse_transport="udp"))
        assert (await client.ask("SETUP", Transport=client.open_ports())).status == 461


# On the way


@pytest.mark.parametrize("udp", [False, True], ids=["tcp", "udp"])
async def test_loss_leaves_gaps_and_is_counted(loops: dict[str, Loop], udp: bool) -> None:
    made = camera(loops, faults=Faults(loss_percent=10, payload_max_bytes=100, seed=3))
    async with watching(made, udp=udp) as (_, client):
        found = await packets(client, 600)
        assert found == sorted(found, key=lambda n: (n - found[0]) % 65536)
        lost = gaps(found)
        assert 20 < lost < 120
        assert made.counts.left_out >= lost


async def test_reordering_is_for_datagrams_only(loops: dict[str, Loop]) -> None:
    faults = Faults(reorder_percent=30, payload_max_bytes=100)
    async with watching(camera(loops, faults=faults)) as (_, client):
        await pictures(client, 10)
        assert gaps(client.sequences) == 0
    async with watching(camera(loops, faults=faults), udp=True) as (_, client):
        found = await packets(client, 300)
        steps = [(b - a + 2**15) % 65536 - 2**15 for a, b in pairwise(found)]
        assert sum(step < 0 for step in steps) > 20
        assert len(set(found)) == len(found)


async def test_jitter_moves_pictures_but_not_their_order(loops: dict[str, Loop]) -> None:
    async with watching(camera(loops, faults=Faults(jitter_s=0.2))) as (_, client):
        assert await pictures(client, 20) == [n * 4500 for n in range(20)]
        assert gaps(client.sequences) == 0


# Clock


async def test_without_sender_reports_there_are_none(loops: dict[str, Loop]) -> None:
    async with watching(camera(loops, faults=Faults(sender_reports=False))) as (_, client):
        await pictures(client, 5)
        assert client.reports == []


async def test_a_clock_that_is_wrong_is_wrong_in_the_reports(loops: dict[str, Loop]) -> None:
    async with watching(camera(loops, faults=Faults(clock_offset_s=3600))) as (_, client):
        await pictures(client, 2)
        (ntp,) = struct.unpack_from("!Q", client.reports[0], 8)
        assert 3590 < ntp / 2**32 - 2_208_988_800 - time.time() < 3610


async def test_timestamps_can_step_in_mid_stream(loops: dict[str, Loop]) -> None:
    made = camera(loops)
    async with watching(made) as (_, client):
        before = await client.picture()
        made.apply(Faults(timestamp_offset_s=100))
        step = 0
        while step < 50 * 90_000:
            after = await client.picture()
            step = (after.timestamp - before.timestamp) % 2**32
        assert 100 * 90_000 < step < 105 * 90_000


async def test_timestamps_can_repeat(loops: dict[str, Loop]) -> None:
    async with watching(camera(loops, faults=Faults(repeat_timestamp_every=4))) as (_, client):
        found = await pictures(client, 16)
    steps = [b - a for a, b in pairwise(found)]
    assert steps.count(0) in (3, 4)
    assert set(steps) == {0, 4500, 9000}


def test_a_clock_drifts_from_when_it_is_told_to(loops: dict[str, Loop]) -> None:
    clock = ManualClock(1000.0)
    made = camera(loops, clock=clock)
    stream = made.streams["main"]
    clock.advance(100)
    assert (made.clock.now(), stream.media_s()) == (1100, 1100)
    for faults, passed, due_s in ((Faults(drift_ppm=100_000), 11, 1.1), (NONE, 10, 1.1)):
        made.apply(faults)
        before = stream.media_s()
        stream.next_frame = round(before * 20) + 22
        assert stream.due_in_s() == pytest.approx(due_s)
        clock.advance(10)
        assert stream.media_s() - before == pytest.approx(passed)
        assert stream.due_in_s() == pytest.approx(due_s - passed)


# Pictures and packets


async def test_a_frozen_camera_may_go_on_reporting(
    loops: dict[str, Loop], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serambi.sim.sender.REPORT_EVERY_S", 0.1)
    made = camera(loops)
    async with watching(made) as (_, client):
        await client.picture()
        made.apply(Faults(frozen=True))
        reports = 0
        while reports < 5:
            channel, _ = await client.packet()
            reports = reports + 1 if channel == 1 else 0
        made.apply(NONE)
        assert (await client.picture()).nals()[0][0] & 0x1F == 7


async def test_parameter_sets_change_at_a_key_picture(loops: dict[str, Loop]) -> None:
    others = small_loops(seed=2, profile="main")
    made = camera(loops | {"changed:main": others["main"]})
    sets = [list(found["main"].parameter_sets) for found in (loops, others)]
    assert sets[0] != sets[1]
    async with watching(made) as (server, client):
        assert (await client.picture()).nals()[:2] == sets[0]
        for faults, wanted in ((Faults(changed=True), sets[1]), (NONE, sets[0])):
            made.apply(faults)
            nals = (await client.picture()).nals()
            while nals[:2] != wanted:
                assert nals[0][0] & 0x1F != 7
                nals = (await client.picture()).nals()
        assert gaps(client.sequences) == 0
        assert server.connections
    with pytest.raises(SerambiError, match="no changed loop"):
        camera(loops, faults=Faults(changed=True))
    with pytest.raises(SerambiError, match="same rate and codec"):
        camera(loops | {"changed:main": loops["sub"]})


async def test_a_marker_on_sei_ends_the_picture_too_early(loops: dict[str, Loop]) -> None:
    async with watching(camera(loops, faults=Faults(marker_on_sei=True))) as (_, client):
        halves = [await client.picture() for _ in range(4)]
    assert [half.nals()[-1][0] & 0x1F for half in halves] == [6, 5, 6, 1]
    assert halves[0].timestamp == halves[1].timestamp


async def test_a_bare_description_has_no_parameter_sets(loops: dict[str, Loop]) -> None:
    made = camera(loops, faults=Faults(bare_description=True))
    async with listen([made], SystemClock()) as server, connected(server.port) as client:
        assert b"sprop" not in (await client.login()).body
        client.nonce = ""
        await client.play()
        assert (await client.picture()).nals()[0][0] & 0x1F == 7


# Logins


def _digest(algorithm: str, header: str, method: str, url: str) -> str:
    """RFC 7616 with qop, written apart from the simulator."""
    hashed = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}[algorithm]

    def h(text: str) -> str:
        return hashed(text.encode()).hexdigest()

    nonce = header.partition('nonce="')[2].partition('"')[0]
    realm = header.partition('realm="')[2].partition('"')[0]
    proof = h(f"{h(f'u:{realm}:p')}:{nonce}:00000001:abc:auth:{h(f'{method}:{url}')}")
    return (
        f'Digest username="u", realm="{realm}", nonce="{nonce}", uri="{url}", qop=auth, '
        f'nc=00000001, cnonce="abc", algorithm={algorithm}, response="{proof}"'
    )


@pytest.mark.parametrize(
    ("manner", "offers", "accepts"),
    [
        ("digest", ["MD5"], {"MD5"}),
        ("digest-sha256", ["SHA-256"], {"SHA-256"}),
        ("digest-either", ["SHA-256", "MD5"], {"MD5", "SHA-256"}),
        ("basic", ["Basic"], {"Basic"}),
        ("both", ["MD5", "Basic"], {"MD5", "Basic"}),
        ("basic-behind-digest", ["MD5", "Basic"], {"Basic"}),
    ],
)
def test_logins(manner: str, offers: list[str], accepts: set[str]) -> None:
    challenge = Challenge(manner)
    said = challenge.headers
    assert [next(o for o in ("SHA-256", "MD5", "Basic") if o in line) for line in said] == offers
    url = "rtsp://x/a/main"
    proofs = {name: _digest(name, said[0], "PLAY", url) for name in ("MD5", "SHA-256")}
    proofs["Basic"] = "Basic " + base64.b64encode(b"u:p").decode()
    for name, proof in proofs.items():
        assert challenge.accepts(proof, "u", "p", "PLAY", url) == (name in accepts), name
        assert not challenge.accepts(proof, "u", "q", "PLAY", url)


def test_no_login_and_unknown_ones() -> None:
    assert Challenge("none").accepts("", "u", "p", "PLAY", "rtsp://x")
    with pytest.raises(SerambiError, match="no login is called"):
        Challenge("handshake")
