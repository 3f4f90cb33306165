"""The parties at their desks: agreements drafted, signed and revoked with the command line."""

import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from click.testing import CliRunner

from serambi.base.instants import instant_text
from serambi.cli.agreement import agreement_group
from serambi.sim.town import read_town
from tests.e2e.town import Camera, Town

ZONE = "Asia/Jakarta"
ALWAYS = ("00:00", "24:00")


def closed_a_minute_ago(now: float) -> tuple[str, str]:
    """Two hours of every day whose end has just passed."""
    wall = datetime.fromtimestamp(now, ZoneInfo(ZONE))
    return f"{wall - timedelta(hours=2):%H:%M}", f"{wall:%H:%M}"


class Desk:
    """Everybody's papers of one town, in a folder of their own."""

    def __init__(self, town: Town, folder: Path) -> None:
        self.town = town
        self.folder = folder
        self.parties = [party.id for party in read_town().party]
        self._roster = str(town.folder / "roster.json")
        self._attested = str(town.folder / "attestations")

    def agree(
        self,
        number: str,
        camera: Camera,
        *,
        lasts_s: float,
        hours: tuple[str, str] = ALWAYS,
        break_glass: bool = False,
    ) -> Path:
        """An agreement over one camera, signed by all five from now on for `lasts_s`."""
        draft, file = self.folder / f"{number}.toml", self.folder / f"{number}.json"
        text = self._draft(number, camera, lasts_s, hours)
        if break_glass:
            text = text.replace("[[sites.hours]]", "break_glass = true\n\n[[sites.hours]]")
        draft.write_text(text, "utf-8")
        common = ["--roster", self._roster, "--attestations", self._attested]
        self._run(["new", "--from", str(draft), "--out", str(file), *common])
        for party in self.parties:
            self._run(["sign", str(file), "--key", self._key(party), *common])
        return file

    def revoke(self, file: Path, party: str) -> bytes:
        """The revocation of the agreement in `file` by one party."""
        out = file.with_suffix(f".{party}.revocation.json")
        named = ["--key", self._key(party), "--roster", self._roster, "--out", str(out)]
        self._run(["revoke", str(file), *named])
        return out.read_bytes()

    def confirm(self, camera: Camera, *parties: str) -> bytes:
        """These parties say that the camera stands as it was attested."""
        out = self.folder / f"{camera.number}.confirmation.json"
        attested = Path(self._attested) / f"{camera.id}.json"
        keys = [word for party in parties for word in ("--key", self._key(party))]
        named = [*keys, "--roster", self._roster, "--out", str(out)]
        self._run(["confirm-view", str(attested), *named])
        return out.read_bytes()

    def _key(self, party: str) -> str:
        return str(self.town.folder / "parties" / party / "key")

    @staticmethod
    def _run(arguments: Sequence[str]) -> None:
        done = CliRunner().invoke(agreement_group, list(arguments))
        assert done.exit_code == 0, (arguments, done.output, done.exception)

    def _draft(self, number: str, camera: Camera, lasts_s: float, hours: tuple[str, str]) -> str:
        now = time.time()
        parties = ", ".join(f'"{party}"' for party in self.parties)
        opens, closes = hours
        return f"""
number = "{number}"
title = {{ id = "Halaman depan kantor", en = "The front of the office" }}
parties = [{parties}]
viewer = "polres"
legal_basis = {{ id = "Kesepakatan lima lembaga", en = "Accord of the five institutions" }}
valid_from = "{instant_text(now - 60)}"
valid_until = "{instant_text(now + lasts_s)}"

[[purposes]]
id = "routine_watch"
text = {{ id = "Pengamanan halaman depan kantor pemilu", en = "Protecting the election office" }}

[[sites]]
site = "{camera.site}"
cameras = ["{camera.id}"]
actions = ["live"]
zone = "{ZONE}"

[[sites.hours]]
days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
from = "{opens}"
to = "{closes}"
"""
