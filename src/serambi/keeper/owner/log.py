"""Ledger entries in words that the owner reads."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from serambi.ledger.deleted import read_span
from serambi.ledger.entry import Entry
from serambi.web.times import Times

_ICONS = {
    "session_opened": "eye",
    "session_closed": "eyeoff",
    "refused": "no",
    "stopped": "hand",
    "resumed": "eye",
    "agreement_accepted": "pen",
    "agreement_revoked": "no",
    "roster_accepted": "pen",
    "history_differs": "no",
    "suspended": "no",
    "restored": "eye",
    "alert": "mark",
    "clock_reset": "mark",
    "deleted": "mark",
    "approved": "pen",
    "break_glass": "alarm",
    "justified": "pen",
    "started": "mark",
    "site_lost": "off",
    "site_heard": "eye",
    "account_link": "pen",
}
_ENDED_BY_VIEWER = "closed"
_WRITTEN = ("break_glass", "justified")
"""Entries whose detail stands for what a person wrote."""


@dataclass(frozen=True, slots=True)
class LogRow:
    time: str
    day: str
    iso: str
    icon: str
    text: str


class LogWords:
    """Turns entries into rows. `camera_name` maps a camera id to what it is called, or None;
    `who` a commitment to the words behind it, a name or a reason, or None once they are erased."""

    def __init__(
        self,
        times: Times,
        text: Callable[..., str],
        camera_name: Callable[[str], str | None],
        party_name: Callable[[str], str],
        who: Callable[[str], str | None],
    ) -> None:
        self._times = times
        self._text = text
        self._who = who
        self._camera_name = camera_name
        self._party_name = party_name

    def rows(self, entries: Iterable[Entry]) -> list[LogRow]:
        """Newest first, one row an entry."""
        return [self._row(entry) for entry in entries]

    def _row(self, entry: Entry) -> LogRow:
        at = entry.at_ms / 1000
        name = self._name(entry)
        return LogRow(
            time=self._times.minute(at),
            day=self._times.day(at),
            iso=self._times.iso(at),
            icon=_ICONS[entry.kind],
            text=self._text(
                f"owner.{name}",
                person=self._person(entry.person),
                camera=self._camera_name(entry.camera) or self._text("owner.a_hidden_camera"),
                agreement=entry.agreement,
                party=self._party_name(entry.party) if entry.party else "",
                reason=self._text(f"reason.{entry.reason}") if entry.reason else "",
                count=entry.detail,
                span=self._span(entry),
                why=self._person(entry.detail) if entry.kind in _WRITTEN else "",
            ),
        )

    def _person(self, person: str) -> str:
        return (self._who(person) or self._text("owner.name_erased")) if person else ""

    def _span(self, entry: Entry) -> str:
        """When what an entry `deleted` speaks of was recorded; nothing for any other."""
        span = read_span(entry.detail) if entry.kind == "deleted" else None
        return " – ".join(self._times.moment(at_ms / 1000) for at_ms in span or ())

    @staticmethod
    def _name(entry: Entry) -> str:
        if entry.kind == "session_closed" and entry.reason != _ENDED_BY_VIEWER:
            return "log_session_ended"
        if entry.kind in ("stopped", "resumed") and not entry.camera:
            return f"log_{entry.kind}_site"
        if entry.kind == "refused" and entry.detail:
            return "log_refused_many"
        return f"log_{entry.kind}"
