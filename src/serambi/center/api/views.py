"""From verified states to what the HTTP interface says."""

from serambi.agreement.attestation import Place
from serambi.center.api import models
from serambi.center.ground import Ground
from serambi.center.session import Session
from serambi.center.sites import Site, Sites
from serambi.fabric.messages import CameraState, Sector, StreamShape, Words
from serambi.identity.roster import Roster


def party(roster: Roster, party_id: str) -> models.Party:
    """A party by its name in the roster; one that left it is called by its id."""
    found = roster.find_party(party_id)
    if found is None:
        return models.Party(id=party_id, name=models.Text(id=party_id, en=party_id))
    return models.Party(id=party_id, name=models.Text(id=found.name.id, en=found.name.en))


def _text(words: Words) -> models.Text:
    return models.Text(id=words.id, en=words.en)


def _shape(shape: StreamShape) -> models.Shape:
    return models.Shape(width=shape.width, height=shape.height, fps=shape.fps)


def _place(place: Place | None) -> models.Place | None:
    if place is None:
        return None
    return models.Place(latitude_deg=place.latitude_deg, longitude_deg=place.longitude_deg)


def _sector(sector: Sector | None) -> models.Sector | None:
    if sector is None:
        return None
    return models.Sector(
        latitude_deg=sector.latitude_deg,
        longitude_deg=sector.longitude_deg,
        heading_deg=sector.heading_deg,
        fov_deg=sector.fov_deg,
    )


def site(roster: Roster, known: Site, cameras: int, place: Place | None) -> models.Site:
    state = known.state
    return models.Site(
        id=state.site,
        name=_text(state.name),
        owner=state.owner,
        owner_name=party(roster, state.owner).name,
        contact=_text(state.contact),
        online=known.online,
        since_ms=known.since_ms,
        waiting=[
            models.Waiting(
                agreement=waiting.agreement,
                missing=[party(roster, missing) for missing in waiting.missing],
                parties=waiting.parties,
            )
            for waiting in state.waiting
        ],
        cameras=cameras,
        place=_place(place),
    )


def camera(roster: Roster, known: Site, state: CameraState) -> models.Camera:
    away_since = known.since_ms if state.online else state.offline_since_ms
    online = known.online and state.online
    return models.Camera(
        id=state.id,
        number=state.number,
        name=_text(state.name),
        site=known.state.site,
        site_name=_text(known.state.name),
        owner=known.state.owner,
        owner_name=party(roster, known.state.owner).name,
        contact=_text(known.state.contact),
        facing=state.facing,
        agreement=state.agreement,
        until_ms=state.until_ms,
        actions=list(state.actions),
        purposes=[models.Purpose(id=p.id, text=_text(p.text)) for p in state.purposes],
        incident_needed=state.incident_needed,
        four_eyes=state.four_eyes,
        break_glass=state.break_glass,
        state=state.state,
        since_ms=state.since_ms,
        opens_ms=state.opens_ms,
        online=online,
        offline_since_ms=0 if online else away_since,
        trouble=state.trouble if known.online else "site_offline",
        streams=models.Streams(main=_shape(state.main), sub=_shape(state.sub)),
        sector=_sector(state.sector),
    )


def cameras(roster: Roster, sites: Sites) -> list[models.Camera]:
    return [camera(roster, known, state) for known, state in sites.cameras()]


def all_sites(roster: Roster, sites: Sites, ground: Ground) -> list[models.Site]:
    counts: dict[str, int] = {}
    for known, _ in sites.cameras():
        counts[known.state.site] = counts.get(known.state.site, 0) + 1
    return [
        site(roster, known, counts.get(known.state.site, 0), ground.places.get(known.state.site))
        for known in sites.all()
    ]


def session(found: Session) -> models.Session:
    return models.Session(
        id=found.id,
        camera=found.camera,
        stream=found.stream,
        action=found.action,
        purpose=found.purpose,
        agreement=found.agreement,
        until_ms=found.until_ms,
        incident=found.grounds.incident,
        act=found.grounds.act,
    )
