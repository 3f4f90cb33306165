"""An agreement's page: what those who sign it read, in both languages."""

from typing import Any

import pytest

from serambi.agreement.instants import ALWAYS, DAYS, Hours
from serambi.agreement.model import PROHIBITED, Retention, read_agreement
from serambi.agreement.page import Row, rows, title
from serambi.base.words import Language
from tests.builders import SITE, make_agreement, make_roster

TOWN = make_roster()
LANGUAGES: tuple[Language, ...] = ("id", "en")


def page(language: Language = "en", **changes: Any) -> list[Row]:
    return rows(read_agreement(make_agreement(TOWN, **changes), TOWN.roster), TOWN.roster, language)


def said(label: str, **changes: Any) -> str:
    return next(row.text for row in page(**changes) if row.label == label)


def test_it_says_who_sees_what_until_when_and_what_never() -> None:
    town = TOWN.roster
    kpu, bawaslu, polres = (town.party(p).name.en for p in ("kpu", "bawaslu", "polres"))
    agreement = read_agreement(make_agreement(TOWN), town).agreement
    assert page() == [
        Row("Who may see", polres, topic="who"),
        Row("What for", agreement.purposes[0].text.en, topic="what_for"),
        Row("Legal basis", agreement.legal_basis.en, topic="basis"),
        Row("What is shared", f"{SITE} (owner {kpu})", topic="what"),
        Row("Cameras", "1 (cam-1)", 1, "cameras"),
        Row("Allowed", "look live", 1, "may"),
        Row("Hours", "at all times (Asia/Jakarta)", 1, "hours"),
        Row("Copies at the center", "deleted after 72 hours", topic="copies"),
        Row("Valid", "2026-11-22 17:40:00 until 2026-12-23 17:40:00 (Asia/Jakarta)", topic="when"),
        Row(
            "Never",
            "pictures from inside buildings, sound, face matching, watch lists, "
            "bulk collection of pictures, tracking of staff",
            topic="never",
        ),
        Row("Ending it", "any party may revoke it alone at any time", topic="ending"),
        Row("Signed by", f"{kpu}, {bawaslu}, {polres}", topic="signed"),
        Row("", "All parties have signed"),
    ]


def test_it_says_who_has_not_signed_yet() -> None:
    kpu, bawaslu, polres = (TOWN.roster.party(p).name.en for p in ("kpu", "bawaslu", "polres"))
    assert page(signed_by=["kpu"])[-2:] == [
        Row("Signed by", kpu, topic="signed"),
        Row("Still to sign", f"{bawaslu}, {polres}", topic="missing"),
    ]
    assert page(signed_by=[])[-2] == Row("Signed by", "nobody", topic="signed")


def test_every_action_and_prohibition_has_words_in_both_languages() -> None:
    actions = ("live", "playback", "alerts", "ptz", "export")
    for language in LANGUAGES:
        texts = [row.text for row in page(language, actions=actions)]
        assert all(texts)
        assert len(texts[5].split(", ")) == len(actions)
        never = next(text for text in texts if text.count(", ") == len(PROHIBITED) - 1)
        assert "_" not in never
    assert page("id")[0].label == "Yang boleh melihat"
    assert page("id")[-1] == Row("", "Semua pihak sudah menandatangani")


def test_no_copies_are_said_to_be_none() -> None:
    assert said("Copies at the center", retention=Retention(0)) == "none are kept"
    assert said("Copies at the center", retention=Retention(1)) == "deleted after 1 hours"


@pytest.mark.parametrize(
    ("hours", "text"),
    [
        (ALWAYS, "at all times"),
        ([Hours(DAYS, "06:00", "06:00")], "at all times"),
        ([Hours(DAYS, "18:00", "06:00")], "every day 18:00-06:00"),
        ([Hours(DAYS[:2], "00:00", "24:00")], "Mon, Tue 00:00-24:00"),
        ([Hours(("sun", "sat"), "06:00", "06:00")], "Sat, Sun 06:00-06:00"),
        (
            [Hours(DAYS, "00:00", "08:00"), Hours(DAYS, "20:00", "24:00")],
            "every day 00:00-08:00; every day 20:00-24:00",
        ),
    ],
)
def test_hours_in_words(hours: list[Hours], text: str) -> None:
    assert said("Hours", hours=hours) == f"{text} (Asia/Jakarta)"


def test_no_hours_mean_never_and_name_no_zone() -> None:
    assert said("Hours", hours=[]) == "never"


def test_its_title_names_it() -> None:
    signed = read_agreement(make_agreement(TOWN), TOWN.roster)
    assert title(signed, "en") == f"2026-03: {signed.agreement.title.en}"
    assert title(signed, "id") == f"2026-03: {signed.agreement.title.id}"


def test_conditions_are_told_where_there_are_any() -> None:
    conditions = {"incident_needed": True, "four_eyes": True, "break_glass": True}
    found = page(conditions=conditions)
    assert Row(
        "A view needs", "an open incident, the approval of another party", 1, "conditions"
    ) in (found)
    emergency = next(row for row in found if row.topic == "emergency")
    assert "for 15 minutes, live only" in emergency.text
    topics = {row.topic for row in page("id", conditions={"four_eyes": True})}
    assert "conditions" in topics
    assert "emergency" not in topics
