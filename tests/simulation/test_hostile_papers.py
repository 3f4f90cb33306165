"""Broken agreements and broken signatures, handed to a running keeper at its API: each is refused
in its own words, and none of them opens a camera."""

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from serambi.agreement.attestation import ATTESTATION_TYPE
from serambi.agreement.model import AGREEMENT_TYPE
from serambi.agreement.revocation import REVOCATION_TYPE, Revocation
from serambi.base.canonical import encode
from serambi.base.clock import ManualClock
from serambi.identity import dsse
from serambi.identity.keys import SigningKey
from tests.builders import NOW, Town, make_agreement, make_attestation
from tests.fakes.keeper_site import FakeCameras, Site
from tests.simulation.hostile import OWNER, at_work, check_said, promised

Change = Callable[[dict[str, Any]], object]


def signed(town: Town, payload: bytes, payload_type: str = AGREEMENT_TYPE) -> bytes:
    """By every party, whatever it is."""
    return dsse.dump(dsse.sign(payload_type, payload, town.keys.values()))


def changed(town: Town, change: Change) -> bytes:
    """A good agreement of cam-1 with one thing changed, and all signatures over it."""
    raw = make_agreement(town, attestations=[make_attestation(town)], number="2026-09")
    statement = msgspec.json.decode(dsse.load(raw).payload)
    change(statement)
    return signed(town, encode(statement))


def _agreed(change: Change) -> Change:
    return lambda statement: change(statement["predicate"])


def _set(**fields: Any) -> Change:
    return _agreed(lambda agreement: agreement.update(fields))


def _in_site(**fields: Any) -> Change:
    return _agreed(lambda agreement: agreement["sites"][0].update(fields))


AGREEMENTS: dict[str, Change] = {
    "an end before the beginning": _set(valid_until="2020-01-01T00:00:00Z"),
    "a day that does not exist": _set(valid_until="2027-02-30T00:00:00Z"),
    "a vague purpose": _set(
        purposes=[{"id": "safety", "text": {"id": "keamanan umum", "en": "public safety"}}]
    ),
    "a field for audio": _set(audio=True),
    "a shorter list of prohibitions": _set(prohibited=["inside"]),
    "one party only": _set(parties=["kpu"], viewer="kpu"),
    "a party that nobody knows": _set(parties=["kpu", "polres", "siapa"]),
    "a time zone that nobody knows": _in_site(zone="Asia/Atlantis"),
    "hours that cannot be read": _in_site(hours=[{"days": ["mon"], "from": "9", "to": "25:00"}]),
    "a camera named twice": _in_site(cameras=["cam-1", "cam-1"]),
    "a site of somebody else": _in_site(site="pasar"),
    "cameras without their attestations": lambda statement: statement.update(subject=[]),
    "another version": lambda statement: statement.update(predicateType="https://x.example/v9"),
}


def _with(raw: bytes, **fields: Any) -> bytes:
    """The envelope with other fields, encoded well."""
    return encode({**msgspec.json.decode(raw), **fields})


def signatures(site: Site) -> dict[str, bytes]:
    town, raw = site.town, site.agreement
    stranger = SigningKey.generate()
    envelope = dsse.load(raw)
    key_id, signature = envelope.signatures[0]
    bad = dsse.Envelope(envelope.payload_type, envelope.payload, ((key_id, signature[::-1]),))
    short = [{"keyid": key_id, "sig": base64.b64encode(signature[:40]).decode()}]
    twice = msgspec.json.decode(raw)["signatures"]
    revocation = encode(Revocation(1, "00" * 32, "2026-03", "kpu", "2026-11-23T10:40:00Z"))
    return {
        "a signature that does not verify": dsse.dump(bad),
        "a stranger's signature": dsse.dump(
            dsse.sign(envelope.payload_type, envelope.payload, [stranger])
        ),
        "no signature": dsse.dump(dsse.sign(envelope.payload_type, envelope.payload, [])),
        "half a signature": _with(raw, signatures=short),
        "a signature twice": _with(raw, signatures=[*twice, twice[0]]),
        "base64 that is none": _with(raw, payload="%%%"),
        "base64 in a second spelling": _with(
            raw, payload=base64.b64encode(b"x").decode()[:-3] + "B=="
        ),
        "an envelope with an unknown field": _with(raw, extra=1),
        "an envelope that is no JSON": b"\x00\x01\x02",
        "an envelope with blanks": raw.replace(b'","', b'", "', 1),
        "a document of another kind": signed(town, b"{}", "application/vnd.example+json"),
        "a revocation by somebody else": dsse.dump(
            dsse.sign(REVOCATION_TYPE, revocation, [town.keys["polres"]])
        ),
        "an attestation by its owner alone": make_attestation(town, "cam-1", signed_by=("kpu",)),
        "an attestation by no owner": signed(
            town,
            dsse.load(make_attestation(town)).payload.replace(b'"kpu"', b'"polres"'),
            ATTESTATION_TYPE,
        ),
    }


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Nothing is agreed yet."""
    site = Site(tmp_path / "keeper")
    (site.folder / "documents").mkdir()
    for camera, raw in site.attestations.items():
        (site.folder / "documents" / f"attestation-{camera}.json").write_bytes(raw)
    return site


async def test_broken_papers(site: Site) -> None:
    agreements = {name: changed(site.town, change) for name, change in AGREEMENTS.items()}
    sections = {"Agreements": agreements, "Signatures": signatures(site)}
    clock = ManualClock(NOW)
    async with at_work(site, clock, FakeCameras(steady=True)) as work:
        for heading, papers in sections.items():
            messages = promised(heading)
            assert messages.keys() == papers.keys()
            for name, raw in papers.items():
                answer = await work.http.post("/api/documents", headers=OWNER, content=raw)
                assert answer.status_code in (400, 403, 404), f"{name}: {answer.text}"
                error = answer.json()["error"]
                assert error["hint"], f"{name}: {error}"
                check_said(f"{error['where']}: {error['what']} ({error['hint']})", messages[name])
        for action in ("live", "playback"):
            assert (await work.courier.ask(clock, action=action)).reason == "no_agreement"
        await work.check_nothing_shared()
        # The control: the same keeper takes the good one, and it opens the camera.
        answer = await work.http.post("/api/documents", headers=OWNER, content=site.agreement)
        assert answer.json() == {"change": "agreement_accepted", "agreement": "2026-03"}
        assert (await work.courier.ask(clock)).allowed
        await work.courier.flows("cam-1")
