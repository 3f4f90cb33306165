"""Profile line 8 on a link that is really too narrow: 4 Mbps of pictures, 2 Mbps of link.

The ends are those of `benches/fabric.py`, which measures what is only counted here.
"""

import json
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from benches.fabric import RATE_BPS, ended
from serambi.identity.certificates import create_authority, ensure
from tests.fakes.network import HUB_ADDRESS, network

ROOT = Path(__file__).parents[2]
PORT = "7447"


def ends(folder: Path, stack: ExitStack, carrier: str) -> "subprocess.Popen[str]":
    """A center and a site at the ends of a thin link of their own; the center's process."""

    def end(role: str, name: str, last: str) -> list[str]:
        program = [sys.executable, "-m", "benches._fabric_ends", role, PORT]
        return [*program, str(folder / name), last]

    create_authority(folder / "authority", time.time())
    for name in ("center", "site-a"):
        ensure(folder / name, folder / "authority", name, time.time(), ips=[HUB_ADDRESS])
    env = {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    net = stack.enter_context(network())
    net.set_rate(RATE_BPS)
    center = net.command("hub", end("center", "center", "6"))
    hub = subprocess.Popen(center, stdout=subprocess.PIPE, text=True, env=env)
    stack.enter_context(ended(hub))
    assert hub.stdout is not None
    assert hub.stdout.readline().strip() == "ready"
    site = net.command("site", end("site", "site-a", carrier))
    stack.enter_context(ended(subprocess.Popen(site, text=True, env=env)))
    return hub


def test_line_8_pictures_give_way_are_counted_and_hold_up_no_command(tmp_path: Path) -> None:
    with ExitStack() as stack:
        # Both at the same time, each in a network of its own.
        hubs = {name: ends(tmp_path / name, stack, name) for name in ("quic", "tls")}
        for name, hub in hubs.items():
            assert hub.stdout is not None
            seen = json.loads(hub.stdout.readline())
            assert seen["commands"] > 3, name
            assert seen["lost_commands"] == 0, name
            assert seen["pictures"] > 0, name
            assert seen["lost_pictures"] > 0, name
