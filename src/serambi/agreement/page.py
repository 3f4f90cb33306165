"""An agreement in plain words on one page, in either language, for those who sign it and for the
public that it is about."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from serambi.agreement.instants import DAYS, Hours
from serambi.agreement.model import SharedSite, SignedAgreement
from serambi.base.limits import BREAK_GLASS_MAX_S
from serambi.base.words import Language, Words
from serambi.identity.roster import Roster

ACTIONS = {
    "live": Words("melihat langsung", "look live"),
    "playback": Words("memutar rekaman", "play recordings"),
    "alerts": Words("menerima peringatan", "receive alerts"),
    "ptz": Words("menggerakkan kamera", "move the camera"),
    "export": Words("menyalin rekaman sebagai bukti", "copy recordings as evidence"),
}
NEVER = {
    "inside": Words("gambar dari dalam gedung", "pictures from inside buildings"),
    "audio": Words("suara", "sound"),
    "face_matching": Words("pencocokan wajah", "face matching"),
    "watch_list": Words("daftar orang yang dicari", "watch lists"),
    "bulk_frames": Words("pengambilan gambar secara massal", "bulk collection of pictures"),
    "staff_tracking": Words("pemantauan pegawai", "tracking of staff"),
}
_DAYS = {
    "mon": Words("Sen", "Mon"),
    "tue": Words("Sel", "Tue"),
    "wed": Words("Rab", "Wed"),
    "thu": Words("Kam", "Thu"),
    "fri": Words("Jum", "Fri"),
    "sat": Words("Sab", "Sat"),
    "sun": Words("Min", "Sun"),
}
_WORDS = {
    "who": Words("Yang boleh melihat", "Who may see"),
    "what_for": Words("Untuk apa", "What for"),
    "basis": Words("Dasar hukum", "Legal basis"),
    "what": Words("Yang dibagikan", "What is shared"),
    "owner": Words("pemilik", "owner"),
    "cameras": Words("Kamera", "Cameras"),
    "may": Words("Boleh", "Allowed"),
    "hours": Words("Jam", "Hours"),
    "always": Words("setiap saat", "at all times"),
    "no_hours": Words("tidak pernah", "never"),
    "daily": Words("setiap hari", "every day"),
    "conditions": Words("Syarat tiap tayangan", "A view needs"),
    "incident_needed": Words("insiden yang masih terbuka", "an open incident"),
    "four_eyes": Words("persetujuan pihak lain", "the approval of another party"),
    "emergency": Words("Akses darurat", "Break-glass"),
    "emergency_text": Words(
        "jam dan syarat boleh dilewati, {minutes} menit, hanya tayangan langsung; "
        "pemilik seketika diberi tahu",
        "hours and conditions may be passed over, for {minutes} minutes, live only; "
        "the owner is alarmed at once",
    ),
    "copies": Words("Salinan di pusat", "Copies at the center"),
    "copies_text": Words("dihapus setelah {hours} jam", "deleted after {hours} hours"),
    "no_copies": Words("tidak disimpan", "none are kept"),
    "when": Words("Berlaku", "Valid"),
    "until": Words("sampai", "until"),
    "never": Words("Tidak pernah", "Never"),
    "ending": Words("Penghentian", "Ending it"),
    "ending_text": Words(
        "setiap pihak dapat mencabutnya sendiri kapan saja",
        "any party may revoke it alone at any time",
    ),
    "signed": Words("Sudah menandatangani", "Signed by"),
    "missing": Words("Belum menandatangani", "Still to sign"),
    "nobody": Words("tidak ada", "nobody"),
    "everybody": Words("semua pihak sudah menandatangani", "all parties have signed"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the page, perhaps without a label; `depth` is 1 for what belongs to the line
    above; `topic` is the same in both languages."""

    label: str
    text: str
    depth: int = 0
    topic: str = ""


def rows(signed: SignedAgreement, roster: Roster, language: Language) -> list[Row]:
    """The page below its title: who sees what, until when, what never, who signed."""
    return list(_rows(signed, roster, language))


def _rows(signed: SignedAgreement, roster: Roster, language: Language) -> Iterator[Row]:
    def row(key: str, text: str, depth: int = 0) -> Row:
        return Row(_say(key, language), text, depth, key)

    def names(parties: tuple[str, ...]) -> str:
        return ", ".join(roster.party(p).name.in_language(language) for p in parties)

    agreement = signed.agreement
    yield row("who", names((agreement.viewer,)))
    for purpose in agreement.purposes:
        yield row("what_for", purpose.text.in_language(language))
    yield row("basis", agreement.legal_basis.in_language(language))
    for site in agreement.sites:
        owner = names((roster.owner(site.site) or "",))
        yield row("what", f"{site.site} ({_say('owner', language)} {owner})")
        may = ", ".join(ACTIONS[action].in_language(language) for action in site.actions)
        yield row("cameras", f"{len(site.cameras)} ({', '.join(site.cameras)})", 1)
        yield row("may", may, 1)
        yield row("hours", hours_text(site, language), 1)
        if needs := conditions_text(site, language):
            yield row("conditions", needs, 1)
        if site.break_glass:
            yield row("emergency", emergency_text(language), 1)
    hours = agreement.retention.center_hours
    kept = _say("copies_text", language).format(hours=hours)
    yield row("copies", kept if hours else _say("no_copies", language))
    zone = agreement.sites[0].zone
    begin, end = (_moment(at, zone) for at in (signed.valid_from, signed.valid_until))
    yield row("when", f"{begin} {_say('until', language)} {end} ({zone})")
    yield row("never", ", ".join(NEVER[n].in_language(language) for n in agreement.prohibited))
    yield row("ending", _say("ending_text", language))
    yield row("signed", names(signed.signed_by) or _say("nobody", language))
    if signed.missing:
        yield row("missing", names(signed.missing))
    else:
        yield Row("", _say("everybody", language).capitalize())


def title(signed: SignedAgreement, language: Language) -> str:
    """The page's first line."""
    agreement = signed.agreement
    return f"{agreement.number}: {agreement.title.in_language(language)}"


def _say(key: str, language: Language) -> str:
    return _WORDS[key].in_language(language)


def hours_text(site: SharedSite, language: Language) -> str:
    """`daily 18:00-06:00 (Asia/Jakarta)`"""
    if not site.hours:
        return _WORDS["no_hours"].in_language(language)
    return "; ".join(_span(span, language) for span in site.hours) + f" ({site.zone})"


def conditions_text(site: SharedSite, language: Language) -> str:
    """What a view needs beside the right hour; empty when nothing."""
    named = {"incident_needed": site.incident_needed, "four_eyes": site.four_eyes}
    return ", ".join(_say(key, language) for key, needed in named.items() if needed)


def emergency_text(language: Language) -> str:
    """What breaking the glass means."""
    minutes = round(BREAK_GLASS_MAX_S / 60)
    return _say("emergency_text", language).format(minutes=minutes)


def _span(span: Hours, language: Language) -> str:
    every_day = set(span.days) == set(DAYS)
    if every_day and (span.opens == span.closes or (span.opens, span.closes) == ("00:00", "24:00")):
        return _WORDS["always"].in_language(language)
    days = ", ".join(_DAYS[day].in_language(language) for day in DAYS if day in span.days)
    if every_day:
        days = _WORDS["daily"].in_language(language)
    return f"{days} {span.opens}-{span.closes}"


def _moment(at: float, zone: str) -> str:
    return datetime.fromtimestamp(at, ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M:%S")
