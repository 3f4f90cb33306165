"""What a site tells the center: states and replies, as they arrive and behind a good signature.

An accepted state goes the whole way: into the center's memory and database, out through its API.
"""

from collections.abc import Iterator
from functools import cache
from random import Random
from typing import cast

from sqlalchemy import Engine, create_engine, delete
from sqlalchemy.pool import StaticPool

from fuzz import _json
from fuzz._target import Target, require
from fuzz._town import town
from serambi.base.canonical import encode
from serambi.base.clock import ManualClock
from serambi.base.limits import BATCH_MAX_BYTES, STATE_MAX_BYTES
from serambi.center.api import views
from serambi.center.database import schema, site_entries, site_epochs, site_states
from serambi.center.envelopes import open_signed
from serambi.center.ground import Ground
from serambi.center.ingest import Ingest
from serambi.center.journal import Journal
from serambi.center.sites import Sites
from serambi.fabric.messages import (
    BATCH_TYPE,
    REPLY_TYPE,
    STATE_TYPE,
    Batch,
    CameraState,
    Reply,
    Sector,
    SiteState,
    StreamShape,
    Waiting,
    epoch_of,
)
from serambi.identity import dsse
from serambi.ledger.entry import Entry
from tests.builders import NOW, PURPOSE, SITE, words

_FILE, _STATE, _REPLY, _BATCH = range(4)


def _state() -> SiteState:
    shape = StreamShape(1280, 720, 25)
    camera = CameraState(
        id="cam-1",
        number="101",
        name=words("Gerbang"),
        facing="street",
        agreement="2026-03",
        until_ms=int(NOW * 1000),
        actions=("live",),
        purposes=(PURPOSE,),
        state="open",
        since_ms=0,
        opens_ms=0,
        online=True,
        offline_since_ms=0,
        trouble="",
        main=shape,
        sub=shape,
        sector=Sector(-5.999843, 111.00009, 255, 80),
    )
    return SiteState(
        site=SITE,
        name=words("Gudang"),
        owner="kpu",
        contact=words("112"),
        seq=1,
        at_ms=int(NOW * 1000),
        waiting=(Waiting("2026-04", ("kpu",), 3),),
        cameras=(camera,),
        sessions=("5" * 32,),
    )


def _signed(payload_type: str, payload: bytes) -> bytes:
    return dsse.dump(dsse.sign(payload_type, payload, [town().gateways[SITE]]))


def seeds() -> Iterator[bytes]:
    state = encode(_state())
    reply = encode(Reply(SITE, "7" * 32, "5" * 32, True, "allowed", "2026-03", 1, 1))
    yield bytes([_FILE]) + _signed(STATE_TYPE, state)
    yield bytes([_FILE]) + _signed(REPLY_TYPE, reply)
    yield bytes([_STATE]) + state
    yield bytes([_REPLY]) + reply
    entries = tuple(Entry(kind="started", at_ms=at, site=SITE) for at in (1, 2))
    for since, first in ((0, 0), (5, 5), (0, 1)):
        yield bytes([_BATCH]) + encode(Batch(SITE, epoch_of(entries[0]), since, first, entries))


def check(raw: bytes) -> None:
    if not raw:
        return
    mode, body = raw[0] % 4, raw[1:]
    if mode == _BATCH:
        _check_batch(_signed(BATCH_TYPE, _json.canonical(body)))
        return
    if mode == _REPLY:
        body = _signed(REPLY_TYPE, _json.canonical(body))
        reply = open_signed(body, Reply, REPLY_TYPE, town().roster, SITE, STATE_MAX_BYTES)
        require(encode(reply) == dsse.load(body).payload, "a reply has a second spelling")
        return
    if mode == _STATE:
        body = _signed(STATE_TYPE, _json.canonical(body))
    sites = Sites(town().roster, _database(), ManualClock(NOW))
    sites.receive(SITE, body)
    for known in sites.all():
        require(known.state.site == SITE and known.state.owner == "kpu", "speaks for another")
        require(encode(known.state) == dsse.load(body).payload, "a state has a second spelling")
        for camera in views.cameras(town().roster, sites):
            camera.model_dump_json()
        for site in views.all_sites(town().roster, sites, Ground()):
            site.model_dump_json()


def _check_batch(raw: bytes) -> None:
    """Entries that a site logged: kept once, however often they come."""
    batch = open_signed(raw, Batch, BATCH_TYPE, town().roster, SITE, BATCH_MAX_BYTES)
    require(encode(batch) == dsse.load(raw).payload, "a batch has a second spelling")
    if batch.site != SITE:
        return
    # The journal is for alarms, which need another version of an entry first.
    journal = cast(Journal, None)
    ingest = Ingest(_database(), town().roster, town().center, journal, ManualClock(NOW))
    kept = ingest._committed(batch)
    require(ingest._committed(batch) == kept, "the same batch is kept twice")
    require(kept.next <= batch.first + len(batch.entries) or not batch.entries, "more is kept")


@cache
def _engine() -> Engine:
    engine = create_engine("sqlite://", poolclass=StaticPool)
    schema.create_all(engine)
    return engine


def _database() -> Engine:
    """One in memory, empty again."""
    with _engine().begin() as connection:
        for table in (site_states, site_entries, site_epochs):
            connection.execute(delete(table))
    return _engine()


def mutate(raw: bytes, rng: Random) -> bytes | None:
    return _json.mutate(raw, rng, prefix_bytes=1)


TARGET = Target(
    (
        "serambi.center.sites",
        "serambi.center.ingest",
        "serambi.center.envelopes",
        "serambi.center.api.views",
    ),
    seeds,
    check,
    max_bytes=8192,
    mutate=mutate,
)
