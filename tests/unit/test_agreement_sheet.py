"""The page that is read before signing: every question answered, in both languages."""

import re
from typing import Any

import pytest

from serambi.agreement.instants import ALWAYS, Hours
from serambi.agreement.model import SharedSite, read_agreement
from serambi.agreement.page import NEVER
from serambi.agreement.sheet import lead, sections
from serambi.base.words import Language
from tests.builders import NOW, SITE, attested, make_agreement, make_attestation, make_roster

TOWN = make_roster()
NIGHT = (Hours(("mon", "tue"), "18:00", "06:00"),)


def told(language: Language, **changes: Any) -> dict[str, str]:
    attestation = make_attestation(TOWN)
    raw = make_agreement(TOWN, ["cam-1"], attestations=[attestation], **changes)
    signed = read_agreement(raw, TOWN.roster)
    known = {c: a.attestation for c, a in attested(TOWN, [attestation]).items()}
    found = sections(signed, TOWN.roster, known, language, lambda at: f"t{at - NOW:+.0f}")
    text = {section.key: "\n".join(section.lines) for section in found}
    text["lead"] = lead(signed, TOWN.roster, language)
    assert not re.search(r"[{}]", "".join(text.values()))
    return text


@pytest.mark.parametrize("language", ["id", "en"])
def test_five_questions_and_what_can_never_be(language: Language) -> None:
    text = told(language)
    assert list(text) == ["sees", "records", "who", "until", "never", "lead"]
    assert f"Gerbang utama ({language})" in text["sees"]
    assert "101" in text["sees"]
    for words in NEVER.values():
        assert words.in_language(language) in text["never"]
    assert f"t-{86_400}" in text["until"]
    assert f"t+{30 * 86_400}" in text["until"]
    assert " 15 " in text["until"]
    assert " 16 " in told(language, heartbeat_s=901)["until"]


def test_what_is_agreed_is_said_and_what_is_not_is_denied() -> None:
    wide = SharedSite(SITE, ("cam-1",), ("live", "playback", "ptz", "export"), "UTC", NIGHT)
    text = told("en", sites=(wide,))
    assert "look live, play recordings, move the camera and copy" in text["lead"]
    assert "Mon, Tue 18:00-06:00 (UTC)" in text["sees"]
    assert "may play recordings" in text["records"]
    assert "may ask for copies" in text["records"]
    assert "moving a camera" not in text["never"]
    narrow = told("en")
    assert "Nobody plays them" in narrow["records"]
    assert "moving a camera" in narrow["never"]


def test_a_camera_without_its_attestation_is_named_all_the_same() -> None:
    sites = (SharedSite(SITE, ("cam-1", "cam-7"), ("live",), "UTC", ALWAYS),)
    assert "cam-7: its attestation is not at this desk" in told("en", sites=sites)["sees"]


@pytest.mark.parametrize("language", ["id", "en"])
def test_what_a_view_needs_and_who_may_pass_it_over(language: Language) -> None:
    conditions = {"incident_needed": True, "four_eyes": True, "break_glass": True}
    lines = told(language, conditions=conditions)["sees"].splitlines()
    plain = told(language)["sees"].splitlines()
    assert lines[: len(plain)] == plain
    needs, emergency = lines[len(plain) :]
    assert ("insiden" if language == "id" else "incident") in needs
    assert "15" in emergency
