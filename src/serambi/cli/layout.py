"""Lays the demo town out on disk: keys, roster, attestations, agreements, certificates, settings.

Laying out again over an existing folder keeps keys and signed documents and renews what a run
needs: certificates, ports, canaries, settings. Running the processes belongs to demo.py.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from serambi.agreement.attestation import Attestation, Place, read_attestation, seal_attestation
from serambi.agreement.instants import ALWAYS
from serambi.agreement.model import (
    PROHIBITED,
    Action,
    Agreement,
    Purpose,
    Retention,
    SharedSite,
    draft_statement,
    seal_agreement,
)
from serambi.base.errors import Kind, SerambiError
from serambi.base.files import write_atomically
from serambi.base.instants import instant_text
from serambi.base.words import Words
from serambi.center.public.papers import copy_complete
from serambi.cli import desks
from serambi.cli.scenery import approve, approved_picture, simulated
from serambi.identity.certificates import create_authority, ensure
from serambi.identity.keys import SigningKey
from serambi.identity.roster import (
    Party,
    Roster,
    RosterDocument,
    key_entry,
    read_roster,
    seal_roster,
)
from serambi.sim import town as towns
from serambi.sim.encode import Streams

FORMAT = "1\n"
_FOV_DEG = 80
_HEARTBEAT_S = 900
_ACTIONS: tuple[Action, ...] = ("live", "alerts", "playback")
_CENTER_HOURS = 72
_HOSTS = {"dns": ("localhost",), "ips": ("127.0.0.1",)}


@dataclass(frozen=True, slots=True)
class Ports:
    """Free ports of one run; `keepers` by site, `parties` by party: only those of the parties
    that run a process, and a town where none does has no witness in its roster. `desks`: likewise
    for the signing desks; one that is not named takes any."""

    center: int
    rtsp: int
    fabric: int
    keepers: dict[str, int]
    parties: dict[str, int] = field(default_factory=dict)
    desks: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Layout:
    """What is where, and the secrets of this run that the demo hands out."""

    folder: Path
    town: towns.Town
    ports: Ports
    roster: Roster
    canaries: dict[str, str]
    owner_tokens: dict[str, str]

    def keeper(self, site: str) -> Path:
        return self.folder / "sites" / site / "keeper"

    def courier(self, site: str) -> Path:
        return self.folder / "sites" / site / "courier"

    def party(self, party: str) -> Path:
        return self.folder / "parties" / party

    @property
    def center(self) -> Path:
        return self.folder / "center"


def lay_out(
    folder: Path,
    town: towns.Town,
    ports: Ports,
    loops: dict[str, Streams],
    now: float,
    *,
    scenes: bool = False,
    on_call: Path | None = None,
) -> Layout:
    """Write everything the processes need into `folder`. `loops`: camera id -> its pictures;
    `scenes`: these are the town's own, so that views can be compared with them and cameras turned
    away; `on_call`: the file of whom the center tells."""
    _claim(folder)
    keys = {party.id: _key(folder / "parties" / party.id / "key") for party in town.party}
    gateways = {site.id: _key(folder / "sites" / site.id / "keeper" / "key") for site in town.site}
    center = _key(folder / "center" / "key")
    witnesses = {party: _key(folder / "parties" / party / "witness") for party in ports.parties}
    roster = _roster(folder, town, keys, gateways, center, witnesses)
    _documents(folder, town, keys, roster, now)
    _certificates(folder, town, now)
    layout = Layout(
        folder=folder,
        town=town,
        ports=ports,
        roster=roster,
        canaries={camera.id: _canary() for camera in town.cameras},
        owner_tokens={site.id: secrets.token_urlsafe(24) for site in town.site},
    )
    passwords = {camera.id: secrets.token_urlsafe(12) for camera in town.cameras}
    for site in town.site:
        _site_settings(layout, site, passwords, views=scenes)
        if scenes:
            approve(layout.keeper(site.id), site.camera)
    tokens = {party: secrets.token_urlsafe(32) for party in ports.parties}
    for party, token in tokens.items():
        _party_settings(layout, party, token)
        desks.furnish(layout.party(party), party, folder, roster)
    _center_settings(layout, tokens, on_call)
    cameras = simulated(town.cameras, loops, passwords, layout.canaries, turn=scenes)
    simulator = {"cameras": cameras, "host": "127.0.0.1", "port": ports.rtsp}
    write_atomically(folder / "sim.json", json.dumps(simulator).encode(), mode=0o600)
    return layout


@contextlib.contextmanager
def sole_use(folder: Path) -> Iterator[None]:
    """Hold `folder`, made if need be, for one run alone; raises `CONFLICT` when another has it.
    The kernel lets go of it when the run ends, however it ends."""
    folder.mkdir(parents=True, exist_ok=True)
    held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SerambiError(
                Kind.CONFLICT,
                "another demo runs in this folder",
                where=str(folder),
                hint="end it first, or choose another folder with --data",
            ) from None
        yield
    finally:
        os.close(held)


def _claim(folder: Path) -> None:
    """A new or empty folder, or one that a demo of this format laid out."""
    folder.mkdir(parents=True, exist_ok=True)
    mark = folder / "format"
    if mark.exists():
        if mark.read_text() != FORMAT:
            raise SerambiError(
                Kind.BAD_INPUT,
                "the folder was made by another version of Serambi",
                where=str(folder),
                hint="choose another folder with --data",
            )
        return
    if any(folder.iterdir()):
        raise SerambiError(
            Kind.CONFLICT,
            "the folder is not empty and not a demo's",
            where=str(folder),
            hint="choose an empty or new folder with --data",
        )
    mark.write_text(FORMAT)


def _key(folder: Path) -> SigningKey:
    if not (folder / "key.pem").exists():
        SigningKey.generate().save(folder)
    return SigningKey.load(folder)


def _canary() -> str:
    """16 random bytes, none of them zero: they stand in the pictures as they are."""
    return bytes(secrets.choice(range(1, 256)) for _ in range(16)).hex()


def _roster(
    folder: Path,
    town: towns.Town,
    keys: dict[str, SigningKey],
    gateways: dict[str, SigningKey],
    center: SigningKey,
    witnesses: dict[str, SigningKey],
) -> Roster:
    path = folder / "roster.json"
    if not path.exists():
        owners = {site.id: site.owner for site in town.site}
        entries = [key_entry(key.public, party, "sign") for party, key in keys.items()]
        entries += [key_entry(k.public, owners[s], "gateway", s) for s, k in gateways.items()]
        entries.append(key_entry(center.public, town.center.party, "center"))
        entries += [key_entry(key.public, party, "witness") for party, key in witnesses.items()]
        document = RosterDocument(
            format=1,
            name=town.name,
            sequence=1,
            previous="",
            parties=tuple(Party(p.id, p.name, p.role, p.contact) for p in town.party),
            keys=tuple(entries),
        )
        write_atomically(path, seal_roster(document, list(keys.values())))
    return read_roster(path.read_bytes(), None)


def _documents(
    folder: Path, town: towns.Town, keys: dict[str, SigningKey], roster: Roster, now: float
) -> None:
    """Attestations and agreements, made once; a copy of each goes to the sites it concerns."""
    attestations = folder / "attestations"
    agreements = folder / "agreements"
    if not agreements.exists():
        attestations.mkdir()
        for site in town.site:
            for camera in site.camera:
                raw = _attestation(site, camera, keys, now + 365 * 86_400)
                write_atomically(attestations / f"{camera.id}.json", raw)
        staged = folder / "agreements.new"
        shutil.rmtree(staged, ignore_errors=True)
        staged.mkdir()
        for agreement in town.agreement:
            raw = _agreement(town, agreement, attestations, keys, roster, now)
            write_atomically(staged / f"{agreement.number}.json", raw)
        staged.rename(agreements)
    copy_complete(agreements, folder / "center" / "agreements", roster)
    for site in town.site:
        inbox = folder / "sites" / site.id / "keeper" / "inbox"
        if inbox.with_name("documents").exists():
            continue
        inbox.mkdir(parents=True, exist_ok=True)
        # Attestations first: the inbox is read in the order of names.
        for camera in site.camera:
            shutil.copy(attestations / f"{camera.id}.json", inbox / f"1-{camera.id}.json")
        for agreement in town.agreement:
            if site.id in agreement.sites:
                shutil.copy(agreements / f"{agreement.number}.json", inbox)


def _attestation(
    site: towns.Site, camera: towns.Camera, keys: dict[str, SigningKey], valid_until: float
) -> bytes:
    return seal_attestation(
        Attestation(
            format=1,
            camera=camera.id,
            site=site.id,
            owner=site.owner,
            number=camera.number,
            name=camera.name,
            facing=camera.facing,
            position=camera.position,
            heading_deg=camera.heading_deg,
            fov_deg=_FOV_DEG,
            reference_sha256=hashlib.sha256(approved_picture(camera).read_bytes()).hexdigest(),
            valid_until=instant_text(valid_until),
            place=Place(*camera.place) if camera.place else None,
        ),
        [keys[site.owner], keys[site.witness]],
    )


def _agreement(
    town: towns.Town,
    wanted: towns.Agreement,
    attestations: Path,
    keys: dict[str, SigningKey],
    roster: Roster,
    now: float,
) -> bytes:
    sites = [site for site in town.site if site.id in wanted.sites]
    outward = [camera for site in sites for camera in site.camera if camera.facing != "inside"]
    attested = {
        camera.id: read_attestation(
            (attestations / f"{camera.id}.json").read_bytes(), roster
        ).digest
        for camera in outward
    }
    agreement = Agreement(
        number=wanted.number,
        title=wanted.title,
        parties=tuple(party.id for party in town.party),
        viewer=town.center.party,
        purposes=tuple(Purpose(purpose.id, purpose.text) for purpose in wanted.purpose),
        legal_basis=wanted.legal_basis,
        sites=tuple(
            SharedSite(site.id, cameras, _ACTIONS[: 2 + played], town.zone, ALWAYS)
            for site in sites
            for played in (True, False)
            if (cameras := wanted.shares(site, played=played))
        ),
        retention=Retention(center_hours=_CENTER_HOURS),
        valid_from=instant_text(now - 60),
        valid_until=instant_text(now + wanted.days * 86_400),
        prohibited=PROHIBITED,
        heartbeat_s=_HEARTBEAT_S,
    )
    return seal_agreement(draft_statement(agreement, attested), [keys[p] for p in wanted.signed_by])


def _certificates(folder: Path, town: towns.Town, now: float) -> None:
    authority = folder / "center" / "authority"
    if not (authority / "ca.pem").exists():
        create_authority(authority, now)
    ensure(folder / "center" / "tls", authority, "center", now, **_HOSTS)
    renew_couriers(folder, town, now)


def renew_couriers(folder: Path, town: towns.Town, now: float) -> list[str]:
    """Renew what is nearly over of the couriers' certificates; they notice the new files by
    themselves. -> the sites that got a new one."""
    authority = folder / "center" / "authority"
    return [
        site.id
        for site in town.site
        if ensure(folder / "sites" / site.id / "courier" / "tls", authority, site.id, now, **_HOSTS)
    ]


def _toml(text: str) -> str:
    """A TOML basic string: JSON's quoting is a subset of it."""
    return json.dumps(text, ensure_ascii=False)


def _words(words: Words) -> str:
    return f"{{ id = {_toml(words.id)}, en = {_toml(words.en)} }}"


def _site_settings(
    layout: Layout, site: towns.Site, passwords: dict[str, str], *, views: bool
) -> None:
    folder = layout.keeper(site.id)
    owner = layout.roster.party(site.owner)
    token = hashlib.sha256(layout.owner_tokens[site.id].encode()).hexdigest()
    keeper = f"""format = 1
site = {_toml(site.id)}
owner = {_toml(site.owner)}
name = {_words(site.name)}
contact = {_words(owner.contact)}
zone = {_toml(layout.town.zone)}
owner_token_sha256 = "{token}"

[trust]
roster = {_toml(str(layout.folder / "roster.json"))}
genesis = "{layout.roster.digest}"

[http]
host = "127.0.0.1"
port = {layout.ports.keepers[site.id]}

[retention]
days = 1.0
gigabytes = 2.0

[analysis]
views = {"true" if views else "false"}
"""
    write_atomically(folder / "keeper.toml", keeper.encode())
    cameras = "".join(
        f"""[[camera]]
id = "{camera.id}"
number = {_toml(camera.number)}
name = {_words(camera.name)}
facing = "{camera.facing}"
main = "{rtsp_url(layout, camera)}/main"
sub = "{rtsp_url(layout, camera)}/sub"
user = "keeper"
password = {_toml(passwords[camera.id])}

"""
        for camera in site.camera
    )
    write_atomically(folder / "cameras.toml", cameras.encode(), mode=0o600)
    port = layout.ports.fabric
    courier = f"""site = {_toml(site.id)}
socket = "../keeper/courier.sock"
center = ["quic/localhost:{port}", "tls/localhost:{port}"]

[tls]
ca = "tls/ca.pem"
cert = "tls/cert.pem"
key = "tls/key.pem"
"""
    write_atomically(layout.courier(site.id) / "courier.toml", courier.encode())


def rtsp_url(layout: Layout, camera: towns.Camera) -> str:
    """The camera's address without stream and credentials."""
    return f"rtsp://127.0.0.1:{layout.ports.rtsp}/{camera.id}"


def _party_settings(layout: Layout, party: str, token: str) -> None:
    ports = layout.ports.parties
    peers = [f"http://127.0.0.1:{port}" for other, port in ports.items() if other != party]
    settings = f"""format = 1
party = {_toml(party)}
peers = {json.dumps(peers)}
[trust]
roster = "../../roster.json"
genesis = "{layout.roster.digest}"
[center]
url = "http://127.0.0.1:{layout.ports.center}"
[http]
port = {ports[party]}
[desk]
port = {layout.ports.desks.get(party, 0)}
zone = {_toml(layout.town.zone)}
"""
    write_atomically(layout.party(party) / "party.toml", settings.encode())
    write_atomically(layout.party(party) / "token", token.encode(), mode=0o600)


def _center_settings(layout: Layout, tokens: dict[str, str], on_call: Path | None) -> None:
    witnesses = ", ".join(
        f'{party} = "{hashlib.sha256(token.encode()).hexdigest()}"'
        for party, token in tokens.items()
    )
    settings = "" if on_call is None else f"on_call = {_toml(str(on_call.resolve()))}\n"
    settings += f"""party = {_toml(layout.town.center.party)}
host = "127.0.0.1"
port = {layout.ports.center}
roster = "../roster.json"
genesis = "{layout.roster.digest}"
listen = ["quic/127.0.0.1:{layout.ports.fabric}", "tls/127.0.0.1:{layout.ports.fabric}"]
authority = "authority"
names = ["localhost", "127.0.0.1"]
witnesses = {{ {witnesses} }}
map.geojson = "map.geojson"
# Whoever tries the demo carries no passkey for it. A real center leaves this out.
login = {{ passkey = "offered" }}
"""
    write_atomically(layout.center / "map.geojson", towns.DRAWING.read_bytes())
    write_atomically(layout.center / "center.toml", settings.encode())
