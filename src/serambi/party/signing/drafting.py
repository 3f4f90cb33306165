"""The drafting form: plain fields <-> the schema of a draft. The form has no field for what cannot
be agreed to; cameras that look inside, or that nobody attested, cannot be ticked."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from serambi.agreement.attestation import SignedAttestation
from serambi.agreement.draft import agreement_of
from serambi.agreement.instants import DAYS
from serambi.agreement.model import (
    Agreement,
    SignedAgreement,
    check_attested,
    draft_statement,
    seal_agreement,
)
from serambi.base.errors import Kind, SerambiError
from serambi.base.instants import instant_text

Fields = Mapping[str, Sequence[str]]
"""A form as it came: each field's values."""

PURPOSES = 3
"""Rows for purposes; more than these need a file."""
ACTIONS = ("live", "playback", "alerts", "ptz", "export")
CONDITIONS = ("incident_needed", "four_eyes", "break_glass")
_FORM = "%Y-%m-%dT%H:%M"


def one(fields: Fields, name: str) -> str:
    """The field's value, empty when there is none."""
    values = fields.get(name, ())
    return values[0].strip() if values else ""


def outward(attestations: Mapping[str, SignedAttestation]) -> dict[str, list[SignedAttestation]]:
    """Site -> the cameras that may be offered, by number."""
    found: dict[str, list[SignedAttestation]] = {}
    for signed in sorted(attestations.values(), key=lambda a: a.attestation.number):
        if signed.attestation.facing != "inside":
            found.setdefault(signed.attestation.site, []).append(signed)
    return found


def draft_from(fields: Fields, attestations: Mapping[str, SignedAttestation], zone: str) -> bytes:
    """An agreement's file without signatures. Raises `SerambiError` saying what is wrong."""
    agreement = agreement_of(_plain(fields, sorted(outward(attestations)), zone), "the form")
    check_attested(agreement, attestations)
    cameras = [camera for site in agreement.sites for camera in site.cameras]
    attested = {camera: attestations[camera].digest for camera in cameras}
    return seal_agreement(draft_statement(agreement, attested), [])


def fields_of(signed: SignedAgreement, zone: str) -> dict[str, list[str]]:
    """The form that would draft this agreement again, times on the clocks of `zone`: as much of it
    as the form can say; its page shows every difference."""
    agreement = signed.agreement
    found = {
        "number": [agreement.number],
        "title_id": [agreement.title.id],
        "title_en": [agreement.title.en],
        "party": list(agreement.parties),
        "viewer": [agreement.viewer],
        "basis_id": [agreement.legal_basis.id],
        "basis_en": [agreement.legal_basis.en],
        "valid_from": [_local(signed.valid_from, zone)],
        "valid_until": [_local(signed.valid_until, zone)],
        "center_hours": [str(agreement.retention.center_hours)],
        "heartbeat_s": [str(agreement.heartbeat_s)],
    }
    for row, purpose in enumerate(agreement.purposes[:PURPOSES]):
        found[f"purpose_{row}"] = [purpose.id]
        found[f"purpose_{row}_id"] = [purpose.text.id]
        found[f"purpose_{row}_en"] = [purpose.text.en]
    found |= _site_fields(agreement)
    return found


def _site_fields(agreement: Agreement) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for site in agreement.sites:
        span = site.hours[0] if site.hours else None
        found[f"{site.site}:camera"] = list(site.cameras)
        found[f"{site.site}:action"] = list(site.actions)
        found[f"{site.site}:condition"] = [name for name in CONDITIONS if getattr(site, name)]
        found[f"{site.site}:day"] = list(span.days) if span else []
        found[f"{site.site}:opens"] = [span.opens if span else ""]
        # A field for a time knows no 24:00; the same as the beginning means the whole day.
        found[f"{site.site}:closes"] = [span.closes.replace("24:00", "00:00") if span else ""]
    return found


def _plain(fields: Fields, sites: Sequence[str], zone: str) -> dict[str, Any]:
    return {
        "number": one(fields, "number"),
        "title": _words(fields, "title"),
        "parties": list(fields.get("party", ())),
        "viewer": one(fields, "viewer"),
        "purposes": [
            {"id": one(fields, f"purpose_{row}"), "text": _words(fields, f"purpose_{row}")}
            for row in range(PURPOSES)
            if one(fields, f"purpose_{row}")
        ],
        "legal_basis": _words(fields, "basis"),
        "sites": [
            {
                "site": site,
                "cameras": list(fields.get(f"{site}:camera", ())),
                "actions": list(fields.get(f"{site}:action", ())),
                "zone": zone,
                "hours": [_hours(fields, site)],
                **dict.fromkeys(fields.get(f"{site}:condition", ()), True),
            }
            for site in sites
            if fields.get(f"{site}:camera")
        ],
        "retention": {"center_hours": _number(fields, "center_hours")},
        "valid_from": _instant(fields, "valid_from", zone),
        "valid_until": _instant(fields, "valid_until", zone),
        "heartbeat_s": _number(fields, "heartbeat_s"),
    }


def _hours(fields: Fields, site: str) -> dict[str, Any]:
    """In the order of the week, `24:00` for the end of a day."""
    ticked = fields.get(f"{site}:day", ())
    opens, closes = one(fields, f"{site}:opens"), one(fields, f"{site}:closes")
    closes = "24:00" if closes == "00:00" and opens == "00:00" else closes
    return {"days": [day for day in DAYS if day in ticked], "from": opens, "to": closes}


def _words(fields: Fields, name: str) -> dict[str, str]:
    return {"id": one(fields, f"{name}_id"), "en": one(fields, f"{name}_en")}


def _number(fields: Fields, name: str) -> int:
    text = one(fields, name)
    if not (text.isascii() and text.isdigit() and len(text) <= 6):
        raise SerambiError(Kind.BAD_INPUT, f"{name} {text[:20]!r} is not a number", where=name)
    return int(text)


def _instant(fields: Fields, name: str, zone: str) -> str:
    text = one(fields, name)
    try:
        at = datetime.strptime(text[:16], _FORM).replace(tzinfo=ZoneInfo(zone))
        return instant_text(at.astimezone(UTC).timestamp())
    except (ValueError, OverflowError) as error:
        raise SerambiError(
            Kind.BAD_INPUT, f"{name} {text[:20]!r} is not a day and time", where=name
        ) from error


def _local(at: float, zone: str) -> str:
    return datetime.fromtimestamp(at, ZoneInfo(zone)).strftime(_FORM)
