"""The report of an incident: a PDF that holds what happened, in both languages, and its hash."""

from pathlib import Path
from typing import get_args

import pytest

from serambi.center.database import open_database
from serambi.center.desk import happenings as h
from serambi.center.desk.desk import READERS
from serambi.center.desk.incidents import Incident, fold
from serambi.center.desk.kinds import AlertKind, IncidentType
from serambi.center.desk.lines import Lines
from serambi.center.desk.report import incident_report, timeline_hash
from serambi.center.desk.steps import Body, Draft, Person, Steps
from serambi.web.words import LANGUAGES, Language, Words
from tests.fakes.pdf import text_of

UNION = get_args(h.Happening)[0]
AT_MS = 1_795_000_000_000
BY = Person(account="jaga1", name="Petugas <jaga> 1", unit="Polres")
SAID: list[Body] = [
    h.Opened(type=IncidentType.SUSPICIOUS_PARCEL, title="Kardus & kotak di gerbang", priority=1),
    h.AlertAdded(
        alert="a",
        what=AlertKind.LEFT_OBJECT,
        priority=1,
        camera="gate",
        text="Diam 60 detik",
        at_ms=AT_MS - 46_000,
    ),
    h.Noted(text="Gerbang ditutup.\nStaf lewat pintu timur."),
    h.Attached(file="ab" * 32, name="foto.png", type="image/png", size_bytes=9),
    h.ViewOpened(camera="gate", person=BY),
    h.ItemAdded(item="own", text="Telepon wali kota"),
    h.ItemSet(item="keep_away", state="done"),
    h.ItemSet(item="own", state="skipped"),
    h.ItemSet(item="own", state="open"),
    h.TaskAdded(task="t", text="Garis aman 50 m", who="Regu 2", party="Polres", due_ms=AT_MS),
    h.TaskLate(task="t"),
    h.TaskSet(task="t", state="done"),
    h.TaskSet(task="t", state="open"),
    h.Joined(participant="p", party="KPU", who="Pos jaga"),
    h.ParticipantSet(participant="p", state="on_site"),
    h.CameraTurned(camera="gate", state="offline"),
    h.CameraTurned(camera="gate", state="stopped"),
    h.CameraTurned(camera="gate", state="never_heard_of"),
    h.CameraTurned(camera="gate", state="open"),
    h.Closed(outcome="false_alarm", text="Paket tertinggal"),
    h.Reopened(),
    h.ReachAsked(participant="p"),
    h.ReachHeld(participant="p", asked=1, until_ms=AT_MS),
    h.Told(participant="p", asked=1, way="surel"),
    h.Told(participant="p", asked=1, way="papan", why="refused"),
]


@pytest.fixture(scope="module")
def incident(tmp_path_factory: pytest.TempPathFactory) -> Incident:
    """With every kind of step that there is."""
    path: Path = tmp_path_factory.mktemp("desk") / "center.db"
    engine = open_database(path)
    steps = Steps(engine, READERS)
    for n, body in enumerate(SAID):
        steps.append([Draft("incident", "i1", body)], AT_MS + n * 1000, BY)
    kept = fold(steps.of("incident", ["i1"]))
    engine.dispose()
    return kept


def lines(incident: Incident, language: Language) -> Lines:
    return Lines(Words.load(), language, incident, lambda camera: f"no. {camera}")


def test_every_step_has_a_line_in_both_languages(incident: Incident) -> None:
    kinds = {entry.said.kind for entry in incident.timeline}
    assert kinds == {variant.model_fields["kind"].default for variant in get_args(UNION)}
    for language in LANGUAGES:
        for entry in incident.timeline:
            title, text = lines(incident, language).line(entry.said)
            assert title.strip()
            assert "{" not in title + text


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_report_says_what_happened(incident: Incident, language: Language) -> None:
    raw = incident_report(incident, "Gudang", lines(incident, language))
    assert raw.startswith(b"%PDF-")
    text = text_of(raw)
    for said in ("Kardus & kotak di gerbang", "Petugas <jaga> 1", "Gudang", "Regu 2", "00:00:47"):
        assert said.replace(" ", "") in text, said
    assert timeline_hash(incident) in text
    words = {"id": "Jalannya kejadian", "en": "Timeline"}
    assert words[language].replace(" ", "") in text


def test_the_same_incident_gives_the_same_bytes_and_another_another_hash(
    incident: Incident,
) -> None:
    once = incident_report(incident, "Gudang", lines(incident, "id"))
    assert incident_report(incident, "Gudang", lines(incident, "id")) == once
    changed = incident.model_copy(update={"timeline": incident.timeline[:-1]})
    assert timeline_hash(changed) != timeline_hash(incident)
