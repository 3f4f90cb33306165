"""The steps of an incident in words, one line each; the web app's own are in ui/src/incidents."""

from collections.abc import Callable

from serambi.center.desk import happenings as h
from serambi.center.desk.incidents import Incident
from serambi.web.words import Language, Words

Camera = Callable[[str], str]
"""A camera's id -> what people call it."""


class Lines:
    """Words for one incident in one language."""

    def __init__(
        self, words: Words, language: Language, incident: Incident, camera: Camera
    ) -> None:
        self._words = words
        self._language = language
        self._incident = incident
        self._camera = camera

    def word(self, name: str, **values: object) -> str:
        """A text of the screens about incidents."""
        return self._words.text(self._language, f"incidents.{name}", **values)

    def kind(self, what: str) -> str:
        """What an alert is called."""
        return self._words.text(self._language, f"alerts.kind_{what}")

    def item(self, item: str) -> str:
        """A step of the checklist."""
        own = next((one.text for one in self._incident.checklist if one.id == item), "")
        return own or self.word(f"check_{item}")

    def line(self, said: h.Happening) -> tuple[str, str]:
        """What happened, and what was said about it."""
        match said:
            case h.Opened():
                return self.word("said_opened"), said.title
            case h.AlertAdded():
                what = self.kind(said.what)
                return self.word(
                    "said_alert_added", priority=f"P{said.priority}", what=what
                ), said.text
            case h.Noted():
                return self.word("said_noted"), said.text
            case h.Attached():
                return self.word("said_attached"), f"{said.name}\nSHA-256 {said.file}"
            case h.ItemAdded():
                return self.word("said_item_added", text=said.text), ""
            case h.ItemSet():
                return self.word(f"said_item_{said.state}", text=self.item(said.item)), ""
            case h.TaskAdded() | h.TaskSet() | h.TaskLate():
                return self._task(said)
            case h.Joined() | h.ParticipantSet():
                return self._participant(said)
            case h.ReachAsked() | h.ReachHeld() | h.Told():
                return self._reach(said)
            case h.CameraTurned():
                return self._turn(said)
            case h.ViewOpened():
                number = self._camera(said.camera)
                who = f"{said.person.name}, {said.person.unit}"
                return self.word("said_view", number=number), who
            case h.Closed():
                outcome = self.word(f"outcome_{said.outcome}")
                return self.word("said_closed", outcome=outcome), said.text
            case h.Reopened():
                return self.word("said_reopened"), ""

    def _task(self, said: h.TaskAdded | h.TaskSet | h.TaskLate) -> tuple[str, str]:
        task = next(one for one in self._incident.tasks if one.id == said.task)
        if isinstance(said, h.TaskAdded):
            who = ", ".join(filter(None, (task.who, task.party)))
            return self.word("said_task_added", text=task.text), who
        name = f"said_task_{said.state}" if isinstance(said, h.TaskSet) else "said_task_late"
        return self.word(name, text=task.text), ""

    def _participant(self, said: h.Joined | h.ParticipantSet) -> tuple[str, str]:
        known = self._incident.participants
        one = next(one for one in known if one.id == said.participant)
        title = self.word("said_participant", who=one.who, party=one.party)
        return title, self.word(f"is_{said.state}")

    def _reach(self, said: h.ReachAsked | h.ReachHeld | h.Told) -> tuple[str, str]:
        known = self._incident.participants
        one = next(one for one in known if one.id == said.participant)
        names = {"who": one.who, "party": one.party}
        if isinstance(said, h.ReachAsked):
            return self.word("said_reach_asked", **names), ""
        if isinstance(said, h.ReachHeld):
            return self.word("said_reach_held", **names), ""
        name = "said_not_told" if said.why else "said_told"
        return self.word(name, way=said.way, **names), self._why(said.why)

    def _why(self, why: str) -> str:
        return self.word(f"not_told_{why}") if why else ""

    def _turn(self, said: h.CameraTurned) -> tuple[str, str]:
        title = self.word("said_camera", number=self._camera(said.camera))
        if said.state in ("open", "offline"):
            return title, self.word(f"said_camera_{said.state}")
        return title, self.word("said_camera_other", state=self._reason(said.state))

    def _reason(self, state: str) -> str:
        name = f"reason.{state}"
        return self._words.text(self._language, name) if name in self._words.names() else state
