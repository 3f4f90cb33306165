"""The soak's town: the small town of the crash tests, starved, cut and filled as the machine lets
us. What is missing is said, and the faults that need it are left out."""

import contextlib
import re
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from serambi.cli.layout import Layout
from tests.crash.small_town import SHUT, TALL, SmallTown, running_town, wait_until
from tests.fakes import network as networks
from tests.fakes.network import HUB_ADDRESS, Network
from tests.simulation.tap import Taps, disguises, taps
from tests.soak import disk
from tests.soak.dates import Dates
from tests.soak.disk import SmallDisk
from tests.soak.papers import Papers
from tests.soak.viewers import Viewer

KEEPER, COURIER, CENTER, CAMERAS = f"{TALL}-keeper", f"{TALL}-courier", "center", "cameras"
PROCESSES = (CAMERAS, CENTER, KEEPER, COURIER, f"{SHUT}-keeper", f"{SHUT}-courier")
KEEPER_DISK_BYTES = 64 << 20
CENTER_DISK_BYTES = 32 << 20
RECOVERY_S = 60.0
_AROUND = 120


class Sieve:
    """Hears what a tap hears and keeps only which secrets were in it."""

    def __init__(self, secrets: dict[str, bytes]) -> None:
        self._wanted = [(name, way) for name, one in secrets.items() for way in disguises(one)]
        self._overlap = max(len(way) for _, way in self._wanted)
        self._rest = b""
        self.heard_bytes = 0
        self.found: dict[str, bytes] = {}
        """Which secrets were heard, each with what stood around it the first time."""

    def __iadd__(self, chunk: bytes) -> "Sieve":
        raw = self._rest + chunk
        self.heard_bytes += len(chunk)
        for name, way in self._wanted:
            if name not in self.found and (at := raw.find(way)) >= 0:
                self.found[name] = raw[max(0, at - _AROUND) : at + len(way) + _AROUND]
        self._rest = raw[-self._overlap :]
        return self

    def clear(self) -> None:
        self._rest = b""


class SoakTown(SmallTown):
    """As people see it, from where they are: the owner at the site, everybody else at the hub."""

    net: Network | None = None

    def owner(self, site: str, method: str, path: str, **more: Any) -> httpx.Response:
        with self.at_site():
            return super().owner(site, method, path, **more)

    @contextlib.contextmanager
    def at_site(self) -> Iterator[None]:
        with self.net.inside("site") if self.net else contextlib.nullcontext():
            yield


@dataclass
class World:
    """Everything a fault may touch, and what was done to it."""

    town: SoakTown
    papers: Papers
    net: Network | None
    keeper_disk: SmallDisk | None
    center_disk: SmallDisk | None
    keeper_date: Dates
    sieves: dict[str, Sieve]
    viewers: list[Viewer]
    missing: list[str]
    done: dict[str, int] = field(default_factory=dict)
    """What the ledger must tell: kind of entry -> how often it was caused and confirmed."""
    unsure: dict[str, int] = field(default_factory=dict)
    """And how often it was asked for without a clear answer."""
    troubled: list[tuple[float, float]] = field(default_factory=list)
    """When faults were (unix seconds): a gap in a recording must lie in one of them."""

    @property
    def layout(self) -> Layout:
        return self.town.layout

    def count(self, kind: str, *, sure: bool = True) -> None:
        kept = self.done if sure else self.unsure
        kept[kind] = kept.get(kind, 0) + 1

    def health(self, site: str) -> dict[str, Any]:
        """The owner's view of a site; empty when the keeper does not answer."""
        try:
            answer = self.town.owner(site, "GET", "/api/health")
            return dict(answer.json()) if answer.status_code == 200 else {}
        except (httpx.HTTPError, ValueError):
            return {}

    def is_well(self) -> str:
        """What is not as it should be; empty when all is."""
        for site in (TALL, SHUT):
            health = self.health(site)
            if health.get("status") != "ok":
                down = [c["number"] for c in health.get("cameras", []) if not c["recording"]]
                return f"{site} is {health.get('status', 'silent')}, not recorded: {down}"
        known = self.town.cameras()
        shut = [c for c in self.town.shared if known.get(c, {}).get("state") != "open"]
        away = [c for c in self.town.shared if not known.get(c, {}).get("online")]
        return f"not open {shut}, not online {away}" if shut or away else ""

    def recover(self) -> float:
        """Wait until all is well and every viewer sees pictures again -> seconds."""
        began = time.monotonic()
        said = ""

        def well() -> bool:
            nonlocal said
            said = self.is_well()
            return not said

        try:
            wait_until(well, "all is well", RECOVERY_S)
            seen = [viewer.pictures for viewer in self.viewers]
            said = "a viewer sees nothing"
            wait_until(
                lambda: all(v.pictures > n + 3 for v, n in zip(self.viewers, seen, strict=True)),
                "pictures",
                RECOVERY_S,
            )
        except AssertionError:
            raise AssertionError(f"not well after {RECOVERY_S:g} s: {said}") from None
        return time.monotonic() - began


def _put_on_network(layout: Layout) -> None:
    """Center and sites meet over the network instead of loopback."""
    for path in (layout.center / "center.toml", *_couriers(layout)):
        text = path.read_text()
        text = re.sub(r"(quic|tls)/(127\.0\.0\.1|localhost):", rf"\1/{HUB_ADDRESS}:", text)
        text = text.replace('"127.0.0.1"]', f'"127.0.0.1", "{HUB_ADDRESS}"]')
        path.write_text(text)


def _couriers(layout: Layout) -> list[Path]:
    return [layout.courier(site.id) / "courier.toml" for site in layout.town.site]


def _keep_little(layout: Layout) -> None:
    """Let retention have something to do."""
    path = layout.keeper(TALL) / "keeper.toml"
    path.write_text(path.read_text().replace("gigabytes = 2.0", "gigabytes = 0.02"))


@contextlib.contextmanager
def soak_town(folder: Path) -> Iterator[World]:
    """The town, running, with two people who watch."""
    lacks = [reason for reason in (networks.missing(), disk.missing()) if reason]
    with contextlib.ExitStack() as stack:
        net = None
        if not networks.missing():
            net = Network()
            stack.callback(net.close)
            stack.enter_context(net.inside("hub"))
        date = Dates(folder / "keeper.date")
        between = stack.enter_context(taps())
        mounted: dict[str, SmallDisk] = {}
        sieves: dict[str, Sieve] = {}
        # Entered first, so that it ends last: a disk is let go when nobody writes to it.
        disks = stack.enter_context(contextlib.ExitStack())

        def before(layout: Layout) -> None:
            if net:
                _put_on_network(layout)
            _keep_little(layout)
            if not disk.missing():
                for name, place, size in (
                    ("keeper", layout.keeper(TALL), KEEPER_DISK_BYTES),
                    ("center", layout.center, CENTER_DISK_BYTES),
                ):
                    mounted[name] = SmallDisk(place, folder / f"{name}.img", size)
                    disks.callback(_keep_and_close, mounted[name], folder / f"{name}-left")
            between.put_between(layout)
            _listen_in(layout, between, sieves)

        def wrap(name: str, argv: Sequence[str]) -> Sequence[str]:
            if name == KEEPER:
                argv = date.command(argv)
            return net.command("hub" if name == CENTER else "site", argv) if net else argv

        town = stack.enter_context(running_town(folder, before, wrap=wrap, kind=partial(_at, net)))
        assert isinstance(town, SoakTown)
        viewers = [Viewer(town, camera) for camera in town.shared]
        for viewer in viewers:
            watching = viewer.start()
            stack.callback(watching.cancel)
        yield World(
            town=town,
            papers=Papers(town.layout),
            net=net,
            keeper_disk=mounted.get("keeper"),
            center_disk=mounted.get("center"),
            keeper_date=date,
            sieves=sieves,
            viewers=viewers,
            missing=lacks,
        )


def _at(net: Network | None, *parts: Any) -> SoakTown:
    town = SoakTown(*parts)
    town.net = net
    return town


def _listen_in(layout: Layout, between: Taps, sieves: dict[str, Sieve]) -> None:
    """What unshared cameras are called and show must never pass; what shared ones show must."""
    town = layout.town
    for site in town.site:
        secrets = {}
        for camera in town.cameras:
            if town.shared(site, camera) and site.id == TALL:
                secrets[f"+{camera.id}"] = bytes.fromhex(layout.canaries[camera.id])
                continue
            if camera.id in {c.id for s in town.site for c in s.camera if town.shared(s, c)}:
                continue
            texts = (camera.id, camera.number, camera.name.id, camera.name.en)
            secrets[camera.id] = bytes.fromhex(layout.canaries[camera.id])
            secrets |= {f"{camera.id}: {text}": text.encode() for text in texts}
        sieve = sieves[site.id] = Sieve(secrets)
        between.sites[site.id].to_courier = sieve  # type: ignore[assignment]


def _keep_and_close(small: SmallDisk, left: Path) -> None:
    """What lay on the disk is kept beside it, for whoever looks for a reason."""
    small.free()
    subprocess.run(["cp", "-a", str(small.folder), str(left)], check=False)
    small.close()
