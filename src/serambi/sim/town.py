"""The demo town as values: who is in it, which sites and cameras, which agreements. No files are
written here, no keys made; `cli/layout.py` does that."""

import hashlib
import tomllib
from pathlib import Path
from typing import Any, Literal

import msgspec

from serambi.base.words import Words

TOWN = Path(__file__).with_name("town.toml")
DRAWING = Path(__file__).with_name("town.geojson")
"""Its streets and houses; longitude, latitude."""


class Party(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    name: Words
    role: Words
    contact: Words


class Center(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    party: str
    unit: str


class Account(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`unit` is the center's own where it is left out; a participant's is their party."""

    account: str
    role: str
    name: str
    unit: str = ""


class Purpose(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    text: Words


class Agreement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`days` from the demo's start to the sunset; `signed_by` may lack parties. `playback`: numbers
    of the cameras whose recordings may be played too."""

    number: str
    title: Words
    legal_basis: Words
    sites: tuple[str, ...]
    signed_by: tuple[str, ...]
    days: float
    purpose: tuple[Purpose, ...]
    playback: tuple[str, ...] = ()

    def shares(self, site: "Site", *, played: bool) -> tuple[str, ...]:
        """The cameras of a site that it opens: those whose recordings may be played, or others."""
        return tuple(
            camera.id
            for camera in site.camera
            if camera.facing != "inside" and (camera.number in self.playback) == played
        )


class Camera(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`codec` is the main stream's; the sub stream is H.264 always. `zones` and `rules` are what
    the analysis at the site watches, as in its rules files. `place`: latitude and longitude in
    degrees."""

    number: str
    scene: str
    facing: Literal["street", "yard", "inside"]
    heading_deg: int
    position: Words
    name: Words
    place: tuple[float, float] | None = None
    codec: Literal["h264", "h265"] = "h264"
    zones: tuple[dict[str, Any], ...] = ()
    rules: tuple[dict[str, Any], ...] = ()

    @property
    def id(self) -> str:
        """Opaque and of one length: it says nothing about the site, the facing or the number."""
        return "cam-" + hashlib.sha256(f"demo camera {self.number}".encode()).hexdigest()[:12]


class Site(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`witness` is the party that attests the cameras together with the owner."""

    id: str
    owner: str
    witness: str
    name: Words
    camera: tuple[Camera, ...]


class Town(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: int
    name: Words
    zone: str
    seed: int
    party: tuple[Party, ...]
    center: Center
    account: tuple[Account, ...]
    agreement: tuple[Agreement, ...]
    site: tuple[Site, ...]

    @property
    def cameras(self) -> tuple[Camera, ...]:
        return tuple(camera for site in self.site for camera in site.camera)

    def shared(self, site: Site, camera: Camera) -> bool:
        """Whether a fully signed agreement opens this camera."""
        everyone = {party.id for party in self.party}
        return camera.facing != "inside" and any(
            site.id in agreement.sites and everyone == set(agreement.signed_by)
            for agreement in self.agreement
        )


def read_town(path: Path = TOWN) -> Town:
    """The town described in a TOML file; raises msgspec's error with the field's place."""
    return msgspec.convert(tomllib.loads(path.read_text("utf-8")), Town)
