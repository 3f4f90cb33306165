"""What is done to the town. Each fault is done and undone; what must hold while it lasts is
asserted here, what must hold afterwards by `checks`."""

import json
import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from serambi.base.limits import RECONSIDER_EVERY_S
from serambi.identity.certificates import issue
from serambi.sim.encode import encode
from serambi.sim.encoder import Settings
from serambi.sim.loop_file import write
from tests.crash.small_town import TALL, wait_until
from tests.fakes.network import HUB_ADDRESS
from tests.simulation.sim_town import Painted
from tests.soak import hostile
from tests.soak.processes import used_cpu_s
from tests.soak.town import CAMERAS, CENTER, KEEPER, PROCESSES, World

Fault = Callable[[World, random.Random], str]
"""Does it and undoes it -> what exactly it was, for the line that is printed."""

_NOTICED_S = 20.0
_START_S = 120.0
"""On a machine that gives it next to nothing: loading the code alone takes a second of CPU."""
_START_CPU_S = 10.0


def _kill(process: str) -> Fault:
    def fault(world: World, chance: random.Random) -> str:
        world.town.kill(process)
        return f"SIGKILL {process}"

    return fault


def kill_any(world: World, chance: random.Random) -> str:
    """Any process, perhaps twice in a row."""
    process = chance.choice(PROCESSES)
    for _ in range(times := chance.choice((1, 1, 2))):
        world.town.kill(process)
        time.sleep(chance.random())
    return f"SIGKILL {process} x{times}"


def freeze(world: World, chance: random.Random) -> str:
    """It stands still for a while, as on a machine that swaps."""
    return _freeze(world, chance.choice(PROCESSES), chance.uniform(1, 9))


def freeze_center(world: World, chance: random.Random) -> str:
    """What is sent to it meanwhile piles up at every hop."""
    return _freeze(world, CENTER, chance.uniform(2, 6))


def _freeze(world: World, process: str, seconds: float) -> str:
    pid = world.town.pid(process)
    os.kill(pid, signal.SIGSTOP)
    try:
        time.sleep(seconds)
    finally:
        os.kill(pid, signal.SIGCONT)
    return f"SIGSTOP {process} for {seconds:.1f} s"


def restart_center(world: World, chance: random.Random) -> str:
    world.town.signal(CENTER, signal.SIGTERM)
    return "the center is ended in good order"


def cut(world: World, chance: random.Random) -> str:
    assert world.net
    seconds = chance.uniform(3, 15)
    world.net.cut()
    try:
        time.sleep(seconds)
    finally:
        world.net.heal()
    return f"no packet passes for {seconds:.1f} s"


def throttle(world: World, chance: random.Random) -> str:
    """The narrower one cannot carry what is watched."""
    assert world.net
    rate_bps, seconds = chance.choice((2_000_000, 300_000)), chance.uniform(4, 10)
    world.net.set_rate(rate_bps)
    try:
        time.sleep(seconds)
    finally:
        world.net.set_rate(None)
    return f"{rate_bps // 1000} kbps for {seconds:.1f} s"


def fill_keeper(world: World, chance: random.Random) -> str:
    """Full to the last byte: it says so, a Stop acts, a start succeeds."""
    disk = world.keeper_disk
    assert disk
    taken = disk.fill()
    try:
        wait_until(lambda: world.health(TALL).get("status") == "degraded", "it is said", _NOTICED_S)
        _stop(world, None)
        wait_until(lambda: not _watched(world), "a Stop acts on a full disk", _NOTICED_S)
        world.town.kill(KEEPER)
        disk.fill()
        wait_until(lambda: world.health(TALL).get("status"), "it starts on a full disk", _START_S)
        cost_s = used_cpu_s(world.town.pid(KEEPER))
        assert cost_s < _START_CPU_S, f"a start on a full disk took {cost_s:.1f} s of CPU"
        assert world.health(TALL)["status"] == "degraded"
        assert not _watched(world), "a Stop was forgotten"
    finally:
        disk.free()
    wait_until(lambda: _resume(world, None), "a Stop is lifted", _NOTICED_S)
    return f"the keeper's disk is full ({taken >> 20} MiB taken), Stop, SIGKILL, start"


def fill_center(world: World, chance: random.Random) -> str:
    disk = world.center_disk
    assert disk
    taken = disk.fill()
    try:
        time.sleep(chance.uniform(1, 4))
        world.town.kill(CENTER)
        disk.fill()
        wait_until(lambda: _center_answers(world), "the center starts on a full disk")
        time.sleep(chance.uniform(1, 3))
    finally:
        disk.free()
    return f"the center's disk is full ({taken >> 20} MiB taken), SIGKILL, start"


def _center_answers(world: World) -> bool:
    try:
        return world.town.ask("GET", "/api/health").status_code == 200
    except httpx.HTTPError:
        return False


def _watched(world: World) -> list[str]:
    answer = world.town.owner(TALL, "GET", "/api/viewers")
    assert answer.status_code == 200, answer.text
    return [viewer["session"] for viewer in answer.json()]


def step_date(world: World, chance: random.Random) -> str:
    """Of the keeper alone. Back: it denies, and records on. A little ahead: the center's requests
    have run out. When it is set right again, so is everything."""
    offset_s = chance.choice((-3600.0, -30.0, chance.uniform(3, 8)))
    world.keeper_date.set(offset_s)
    try:
        if offset_s < 0:
            wait_until(lambda: not _watched(world), "no view with a date set back", _NOTICED_S)
        time.sleep(chance.uniform(3, 6))
        assert all(c["recording"] for c in world.health(TALL)["cameras"])
    finally:
        world.keeper_date.set(0.0)
        time.sleep(world.keeper_date.seen_within_s)
    return f"the keeper's date is {offset_s:+.0f} s off"


def slew_date(world: World, chance: random.Random) -> str:
    """As a time server sets it: nothing may end."""
    before = {viewer.session for viewer in world.viewers}
    for tenth in (1, 2, 3, 2, 1, 0, -1, -2, -1, 0):
        world.keeper_date.set(tenth / 10)
        time.sleep(0.6)
    # Not all that the keeper lists: what a cut ended at the center is closed there when it can be.
    assert before == {viewer.session for viewer in world.viewers}, "a view ended by it"
    assert before <= set(_watched(world)), "a view that goes on is not listed"
    return "the keeper's date is drawn by 0.3 s to and fro"


def hostile_input(world: World, chance: random.Random) -> str:
    """Every door at once, and the inbox."""
    town, ports = world.town, world.layout.ports
    host = HUB_ADDRESS if world.net else "127.0.0.1"
    payloads = [*hostile.HTTP, *(hostile.noise(chance) for _ in range(10))]
    taken = hostile.throw_at(ports.center, payloads, chance, "127.0.0.1")
    taken += hostile.throw_at(ports.fabric, payloads, chance, host)
    with town.at_site():
        for port in ports.keepers.values():
            taken += hostile.throw_at(port, payloads, chance, "127.0.0.1")
        taken += hostile.throw_at(ports.rtsp, payloads, chance, "127.0.0.1")
    for _ in range(3):
        hostile.throw_at_socket(world.layout.keeper(TALL) / "courier.sock", chance)
    inbox = world.layout.keeper(TALL) / "inbox"
    for number, content in enumerate(hostile.BAD_FILES):
        (inbox / f"bad-{number}.json").write_bytes(content)
    wait_until(lambda: not list(inbox.glob("bad-*")), "the inbox is cleared", _NOTICED_S)
    for refused in (inbox / "refused").glob("bad-*"):
        refused.unlink()
    assert taken > 20
    return f"nonsense at every door, {taken} connections"


def hostile_cameras(world: World, chance: random.Random) -> str:
    """In the cameras' place something else answers."""
    world.town.hold(CAMERAS)
    try:
        with world.town.at_site(), hostile.bad_camera(world.layout.ports.rtsp, chance) as asked:
            wait_until(lambda: len(asked) >= 6, "the keeper asks", _NOTICED_S)
    finally:
        world.town.let_go(CAMERAS)
    return f"nonsense instead of cameras, {len(asked)} times"


def other_pictures(world: World, chance: random.Random) -> str:
    """The cameras come back with other parameter sets: another profile, another rate."""
    path = world.layout.folder / "sim.json"
    settings = json.loads(path.read_text())
    other = Path(settings["cameras"][0]["main"]).with_name("other.sim")
    if not other.exists():
        scene = Painted(7)
        pictures = (scene.render(n) for n in range(scene.frames))
        write(other, encode(pictures, _OTHER, _OTHER, 1, "Lain")[0])
    for camera in settings["cameras"]:
        camera["main"], other = str(other), Path(camera["main"])
    path.write_text(json.dumps(settings))
    world.town.kill(CAMERAS)
    return "cameras restart with other parameter sets"


class _Other(Settings):
    @property
    def gop(self) -> int:
        return self.fps


_OTHER = _Other(320, 180, 20, 90_000, "main", "superfast")


def stop_and_resume(world: World, chance: random.Random) -> str:
    camera = chance.choice([None, *world.town.shared])
    _stop(world, camera)
    assert not [v for v in _watched(world) if camera is None]
    time.sleep(chance.uniform(0.5, 3))
    assert _resume(world, camera)
    return f"the owner stops {camera or 'the site'} and resumes"


def _stop(world: World, camera: str | None) -> None:
    body = {"camera": camera} if camera else {}
    answer = world.town.owner(TALL, "POST", "/api/stop", json=body)
    assert answer.status_code in (200, 503), answer.text
    world.count("stopped", sure=answer.status_code == 200)


def _resume(world: World, camera: str | None) -> bool:
    body = {"camera": camera} if camera else {}
    answer = world.town.owner(TALL, "POST", "/api/resume", json=body)
    if answer.status_code < 300:
        world.count("resumed")
        return True
    return False


def revoke_and_agree(world: World, chance: random.Random) -> str:
    """Into the inbox or at the owner's page; then all sign anew."""
    party = chance.choice([party.id for party in world.layout.town.party])
    by_hand = chance.random() < 0.5
    _deliver(world, "revocation", world.papers.revoke(party), by_hand=by_hand)
    wait_until(lambda: not _watched(world), "a revocation ends the views", _NOTICED_S)
    world.count("agreement_revoked")
    number, raw = world.papers.agree()
    _deliver(world, "agreement", raw, by_hand=not by_hand)
    wait_until(lambda: number in _agreements(world), "the new agreement counts", _NOTICED_S)
    world.count("agreement_accepted")
    way = "into the inbox" if by_hand else "at the owner's page"
    return f"{party} revokes {way}, all agree anew"


def _agreements(world: World) -> set[str]:
    return {camera["agreement"] for camera in world.town.cameras().values()}


def _deliver(world: World, name: str, raw: bytes, *, by_hand: bool) -> None:
    if by_hand:
        # Copied slowly: half of it is there when the keeper looks.
        path = world.layout.keeper(TALL) / "inbox" / f"{name}.json"
        path.write_bytes(raw[: len(raw) // 2])
        time.sleep(1.2)
        path.write_bytes(raw)
        return
    world.town.owner(TALL, "POST", "/api/documents", content=raw).raise_for_status()


def renew_certificates(world: World, chance: random.Random) -> str:
    """A courier gets a new key and certificate while it runs."""
    folder = world.layout.courier(TALL) / "tls"
    before = (folder / "cert.pem").read_bytes()
    hosts = {"dns": ("localhost",), "ips": ("127.0.0.1",)}
    issue(folder, world.layout.center / "authority", TALL, time.time(), **hosts)
    assert (folder / "cert.pem").read_bytes() != before
    time.sleep(RECONSIDER_EVERY_S)
    return "the courier's certificate is renewed"


def available(world: World) -> dict[str, Fault]:
    """The faults that this machine lets us do, in the order in which each is done once."""
    faults: dict[str, Fault] = {f"kill {name}": _kill(name) for name in PROCESSES[:4]}
    if world.net:
        faults |= {"cut": cut, "throttle": throttle}
    if world.keeper_disk:
        faults |= {"full disk, keeper": fill_keeper, "full disk, center": fill_center}
    return faults | {
        "date": step_date,
        "slew": slew_date,
        "hostile input": hostile_input,
        "hostile cameras": hostile_cameras,
        "stop": stop_and_resume,
        "freeze": freeze,
        "freeze center": freeze_center,
        "other pictures": other_pictures,
        "revoke": revoke_and_agree,
        "certificate": renew_certificates,
        "center restart": restart_center,
        "kill any": kill_any,
    }
