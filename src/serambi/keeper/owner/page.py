"""What the owner's page says, as plain values: the templates only lay them out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from serambi.base.words import Language
from serambi.fabric.messages import SiteState
from serambi.keeper.config import KeeperConfig
from serambi.keeper.glass import Act
from serambi.keeper.owner.log import LogRow
from serambi.keeper.session import Session, Stopped
from serambi.keeper.warnings import Warned
from serambi.web.plain import Text
from serambi.web.times import Times

_WATCHABLE = ("open", "incident_needed", "four_eyes")


@dataclass(frozen=True, slots=True)
class Facts:
    """The keeper's state at one moment, as the page needs it. Times in unix seconds."""

    now: float
    site: SiteState
    sessions: tuple[Session, ...]
    stops: dict[str, float]
    last_stop: Stopped | None
    center_lost: float
    """Since when the center is out of reach; 0 while it is there."""
    last_picture: float
    """When the last picture went out; 0 for never."""
    recording: frozenset[str]
    refused_by_disk: frozenset[str]
    """Cameras whose pictures the disk does not take."""
    waiting: Mapping[str, tuple[str, ...]]
    """Camera -> parties that have still to sign an agreement that names it."""
    disk_refuses: bool
    """Whether the disk has refused entries of the log, or a stop."""
    clock_behind: bool
    """Whether the date lies behind one that was seen before."""
    acts: tuple[Act, ...]
    """Who broke the glass of late, or has yet to say why."""
    warnings: tuple[Warned, ...] = ()
    """Signs of two histories that nobody has seen yet."""


@dataclass(frozen=True, slots=True)
class Lamp:
    state: str
    icon: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class AlarmRow:
    """One breaking of the glass that the owner has to see; `loud` while views are open by it."""

    loud: bool
    title: str
    text: str
    why: str


@dataclass(frozen=True, slots=True)
class WarningRow:
    """A sign of two histories; `key` goes with the form that says it was seen."""

    key: str
    title: str
    text: str
    todo: str
    about: str


@dataclass(frozen=True, slots=True)
class PersonRow:
    who: str
    cameras: tuple[str, ...]
    purpose: str
    since: str


@dataclass(frozen=True, slots=True)
class CameraRow:
    id: str
    number: str
    name: str
    state: str
    icon: str
    text: str
    can_stop: bool
    can_resume: bool
    can_compare: bool


@dataclass(frozen=True, slots=True)
class View:
    lamp: Lamp
    center_away: str
    troubles: tuple[str, ...]
    alarms: tuple[AlarmRow, ...]
    warnings: tuple[WarningRow, ...]
    certain: tuple[tuple[str, str], ...]
    people: tuple[PersonRow, ...]
    people_title: str
    cameras: tuple[CameraRow, ...]
    log: tuple[LogRow, ...]
    site_stopped: bool
    can_stop: bool


class PageBuilder:
    """Builds the view for one language. `text(name, **values)` gives a screen text, `who` the words
    behind a commitment."""

    def __init__(
        self,
        config: KeeperConfig,
        facts: Facts,
        text: Text,
        language: Language,
        party_name: Callable[[str], str],
        who: Callable[[str], str | None],
    ) -> None:
        self._who = who
        self._config = config
        self._facts = facts
        self._text = text
        self._language: Language = language
        self._party_name = party_name
        self._times = Times(config.zone, language)
        self._shared = {camera.id: camera for camera in facts.site.cameras}

    def view(self, log: Sequence[LogRow]) -> View:
        facts = self._facts
        site_stopped = "*" in facts.stops and bool(self._shared)
        return View(
            lamp=self._lamp(site_stopped),
            center_away=self._times.second(facts.center_lost) if facts.center_lost else "",
            troubles=self._troubles(),
            alarms=self._alarms(),
            warnings=tuple(self._warning(each) for each in facts.warnings),
            certain=self._certain(site_stopped),
            people=self._people(),
            people_title=self._text("owner.viewers_last" if self._unknown else "owner.viewers"),
            cameras=self._cameras(),
            log=tuple(log),
            site_stopped=site_stopped,
            can_stop=bool(self._shared),
        )

    @property
    def _unknown(self) -> bool:
        """Views were open when the center fell silent: what its screens show is not known."""
        return bool(self._facts.center_lost and self._facts.sessions)

    def _lamp(self, site_stopped: bool) -> Lamp:
        facts, text = self._facts, self._text
        if site_stopped:
            done = facts.last_stop
            title = (
                text("owner.lamp_stopped_in", seconds=self._decimal(done.seconds))
                if done
                else text("owner.lamp_stopped")
            )
            when = self._times.second(facts.stops["*"])
            return Lamp("stopped", "hand", title, text("owner.lamp_stopped_text", time=when))
        if self._unknown:
            return Lamp(
                "unknown", "what", text("owner.lamp_unknown"), text("owner.lamp_unknown_text")
            )
        if self._broken:
            numbers = ", ".join(sorted({self._number(act.camera) for act in self._broken}))
            said = text("owner.lamp_broken_text", cameras=numbers)
            return Lamp("broken", "alarm", text("owner.lamp_broken"), said)
        if facts.sessions:
            watched = len({session.camera for session in facts.sessions})
            said = text(
                "owner.lamp_on_text",
                people=len(self._people()),
                watched=watched,
                shared=len(self._shared),
            )
            return Lamp("on", "eye", text("owner.lamp_on"), said)
        name = "owner.lamp_none_text" if self._shared else "owner.lamp_none_waiting"
        return Lamp("none", "eyeoff", text("owner.lamp_none"), text(name))

    @property
    def _broken(self) -> list[Act]:
        """Acts by which views are open now."""
        running = {session.act for session in self._facts.sessions}
        return [act for act in self._facts.acts if act.act in running]

    def _alarms(self) -> tuple[AlarmRow, ...]:
        """Those that are under way, then those without a reason; the newest first."""
        broken = self._broken
        owed = [act for act in self._facts.acts if not act.justified_ms and act not in broken]
        return tuple(self._alarm(act, act in broken) for act in (*broken[::-1], *owed[::-1]))

    def _alarm(self, act: Act, loud: bool) -> AlarmRow:
        text, times = self._text, self._times
        late = self._facts.now >= act.justify_by
        state = "now" if loud else "late" if late else "owed"
        return AlarmRow(
            loud=loud,
            title=text(f"owner.glass_{state}", number=self._number(act.camera)),
            text=text(
                f"owner.glass_{state}_text",
                person=self._who(act.person) or text("owner.name_erased"),
                unit=act.unit,
                party=self._party_name(act.party),
                time=times.second(act.at_ms / 1000),
                day=times.day(act.at_ms / 1000),
                ends=times.second(act.ends),
                due=times.day(act.justify_by),
            ),
            why=text("owner.glass_why", why=self._who(act.why) or text("owner.name_erased")),
        )

    def _warning(self, warned: Warned) -> WarningRow:
        text, times = self._text, self._times
        return WarningRow(
            key=warned.key,
            title=text(f"owner.warn_{warned.kind}"),
            text=text(
                f"owner.warn_{warned.kind}_text",
                party=self._party_name(warned.party),
                when=times.moment(warned.at),
            ),
            todo=text("owner.warn_do_roster" if warned.kind == "roster" else "owner.warn_do"),
            about=warned.about,
        )

    def _decimal(self, value: float) -> str:
        shown = f"{max(value, 0.1):.1f}"
        return shown.replace(".", ",") if self._language == "id" else shown

    def _troubles(self) -> tuple[str, ...]:
        """What the owner has to see to, in words."""
        found = []
        if self._facts.clock_behind:
            found.append(self._text("owner.clock_trouble"))
        if self._facts.disk_refuses:
            found.append(self._text("owner.disk_trouble"))
        if self._facts.refused_by_disk:
            numbers = ", ".join(sorted(self._number(c) for c in self._facts.refused_by_disk))
            found.append(self._text("owner.not_recorded", cameras=numbers))
        return tuple(found)

    def _certain(self, site_stopped: bool) -> tuple[tuple[str, str], ...]:
        if not (site_stopped or self._unknown):
            return ()
        facts, text = self._facts, self._text
        rows: list[tuple[str, str]] = []
        if site_stopped:
            when = self._times.second(facts.stops["*"])
            rows.append((text("owner.certain_out"), text("owner.certain_out_none", time=when)))
            if facts.last_stop:
                cut = text(
                    "owner.certain_cut_text",
                    people=facts.last_stop.people,
                    views=facts.last_stop.sessions,
                )
                rows.append((text("owner.certain_cut"), cut))
        else:
            when = self._times.second(facts.last_picture)
            rows.append((text("owner.certain_out"), text("owner.certain_out_last", time=when)))
            ends = self._times.second(max(session.ends for session in facts.sessions))
            rows.append((text("owner.certain_grant"), text("owner.certain_grant_text", time=ends)))
        recording, every = len(facts.recording), len(self._config.cameras)
        name = "certain_recording_text" if recording == every else "certain_recording_some"
        said = text(f"owner.{name}", cameras=recording, all=every)
        rows.append((text("owner.certain_recording"), said))
        return tuple(rows)

    def _people(self) -> tuple[PersonRow, ...]:
        """One row a person and purpose, with all the cameras they watch."""
        groups: dict[tuple[str, str, str], list[Session]] = {}
        for session in self._facts.sessions:
            key = (session.person, session.party, session.purpose)
            groups.setdefault(key, []).append(session)
        rows = []
        for (person, party, purpose), sessions in groups.items():
            since = min(session.opened for session in sessions)
            minutes = int((self._facts.now - since) // 60)
            told = self._text("owner.since", time=self._times.minute(since), minutes=minutes)
            rows.append(
                PersonRow(
                    who=f"{person}, {self._party_name(party)}",
                    cameras=tuple(sorted({self._number(s.camera) for s in sessions})),
                    purpose=self._purpose(sessions[0].camera, purpose),
                    since=told,
                )
            )
        return tuple(rows)

    def _number(self, camera: str) -> str:
        return next((c.number for c in self._config.cameras if c.id == camera), "?")

    def _purpose(self, camera: str, purpose: str) -> str:
        shared = self._shared.get(camera)
        for known in shared.purposes if shared else ():
            if known.id == purpose:
                return known.text.in_language(self._language)
        return purpose

    def _cameras(self) -> tuple[CameraRow, ...]:
        watched = {session.camera for session in self._facts.sessions}
        rows = []
        for camera in self._config.cameras:
            state, icon, told = "private", "lock", self._text("owner.camera_private")
            shared = self._shared.get(camera.id)
            missing = self._facts.waiting.get(camera.id, ())
            if shared:
                state = shared.state
                icon, told = self._shared_text(camera.id, camera.id in watched)
            elif camera.facing == "inside":
                told = self._text("owner.camera_inside")
            elif missing:
                names = ", ".join(self._party_name(party) for party in missing)
                icon, told = "pen", self._text("owner.camera_waiting", missing=names)
            rows.append(
                CameraRow(
                    id=camera.id,
                    number=camera.number,
                    name=camera.name.in_language(self._language),
                    state=state,
                    icon=icon,
                    text=told,
                    can_stop=shared is not None and not {camera.id, "*"} & self._facts.stops.keys(),
                    can_compare=state == "suspended",
                    can_resume=camera.id in self._facts.stops and "*" not in self._facts.stops,
                )
            )
        return tuple(rows)

    def _shared_text(self, camera: str, watched: bool) -> tuple[str, str]:
        shared = self._shared[camera]
        if shared.state == "stopped":
            when = self._times.second(shared.since_ms / 1000)
            return "hand", self._text("owner.camera_stopped", time=when)
        if camera in {act.camera for act in self._broken}:
            return "alarm", self._text("owner.camera_broken")
        # One that needs an incident or an approval is closed for an ordinary look only.
        if watched and shared.online and shared.state in _WATCHABLE:
            return "eye", self._text("owner.camera_watched")
        if shared.state != "open":
            reason = self._text(f"reason.{shared.state}")
            return "no", self._text("owner.camera_closed", reason=reason)
        if not shared.online:
            return "off", self._text("owner.camera_offline", trouble=shared.trouble)
        return "eyeoff", self._text("owner.camera_open")
