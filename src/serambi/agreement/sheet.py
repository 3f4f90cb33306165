"""An agreement on one page for those who are about to sign it: five questions, each answered in
sentences of either language. `page.py` says the same as a list of facts."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from serambi.agreement.attestation import Attestation
from serambi.agreement.model import SharedSite, SignedAgreement
from serambi.agreement.page import (
    ACTIONS,
    NEVER,
    conditions_text,
    emergency_text,
    hours_text,
)
from serambi.base.words import Language, Words
from serambi.identity.roster import Roster

_FACING = {
    "street": Words("menghadap jalan", "facing the street"),
    "yard": Words("menghadap halaman", "facing the yard"),
    "inside": Words("menghadap ke dalam", "facing inside"),
}
_SAY = {
    "sees": Words("Melihat apa", "Sees what"),
    "records": Words("Merekam apa", "Records what"),
    "who": Words("Siapa", "Who"),
    "until": Words("Sampai kapan", "Until when"),
    "never": Words("Tidak pernah", "Never"),
    "lead": Words(
        "{viewer} boleh {may} lewat kamera di bawah ini (jumlah: {cameras}).",
        "{viewer} may {may} through the cameras below (in all: {cameras}).",
    ),
    "camera": Words("Kamera {number} {name}, {facing}", "Camera {number} {name}, {facing}"),
    "unknown": Words(
        "Kamera {camera}: pernyataannya belum ada di meja ini",
        "Camera {camera}: its attestation is not at this desk yet",
    ),
    "site": Words(
        "Di {site}, milik {owner}: {may}; {hours}", "At {site}, owned by {owner}: {may}; {hours}"
    ),
    "needs": Words("Setiap tayangan di {site} perlu {needs}", "Each view at {site} needs {needs}"),
    "emergency": Words("Akses darurat di {site}: {text}", "Break-glass at {site}: {text}"),
    "stays": Words(
        "Rekaman tetap di kotak pemiliknya", "Recordings stay in the box of their owner"
    ),
    "playback": Words("{viewer} boleh memutar rekaman", "{viewer} may play recordings"),
    "no_playback": Words("Tidak ada yang memutarnya dari jauh", "Nobody plays them from afar"),
    "export": Words(
        "{viewer} boleh meminta salinan sebagai bukti", "{viewer} may ask for copies as evidence"
    ),
    "copies": Words(
        "Salinan di {viewer} dihapus setelah {hours} jam",
        "Copies at {viewer} are deleted after {hours} hours",
    ),
    "no_copies": Words("Tidak ada salinan di {viewer}", "No copies are kept at {viewer}"),
    "viewer": Words("Hanya {viewer} boleh meminta: {role}", "Only {viewer} may ask: {role}"),
    "purpose": Words("Hanya untuk: {text}", "Only for: {text}"),
    "basis": Words("Dasar hukum: {text}", "Legal basis: {text}"),
    "seen": Words(
        "Setiap kali melihat tercatat, dan pemilik melihatnya saat itu juga",
        "Every view is written down, and the owner sees it while it happens",
    ),
    "span": Words("Dari {begin} sampai {end}", "From {begin} until {end}"),
    "by_itself": Words(
        "Berakhir sendiri, juga bila sambungan putus",
        "It ends by itself, also when the connection is lost",
    ),
    "alone": Words(
        "Setiap pihak dapat menghentikannya sendiri, kapan saja, tanpa alasan",
        "Any party may end it alone, at any time, without a reason",
    ),
    "heartbeat": Words(
        "Pencabutan yang ditahan siapa pun menghentikan berbagi dalam {minutes} menit",
        "A revocation that anybody holds back stops sharing within {minutes} minutes",
    ),
    "and": Words("{first} dan {last}", "{first} and {last}"),
    "no_ptz": Words("menggerakkan kamera", "moving a camera"),
}


@dataclass(frozen=True, slots=True)
class Section:
    """One question and its answers; `key` is `sees`, `records`, `who`, `until` or `never`."""

    key: str
    title: str
    lines: tuple[str, ...]


def lead(signed: SignedAgreement, roster: Roster, language: Language) -> str:
    """The whole in one sentence."""
    agreement = signed.agreement
    return _say(
        "lead",
        language,
        viewer=_name(agreement.viewer, roster, language),
        may=_may({action for site in agreement.sites for action in site.actions}, language),
        cameras=len(signed.attested),
    )


def sections(
    signed: SignedAgreement,
    roster: Roster,
    attestations: Mapping[str, Attestation],
    language: Language,
    moment: Callable[[float], str],
) -> tuple[Section, ...]:
    """The five answers. `attestations`: by camera, those the agreement refers to, as far as they
    are known; a camera without one is said to be unknown, never left out. `moment` writes unix
    seconds as people read them, with the zone."""
    answers = {
        "sees": _sees(signed, roster, attestations, language),
        "records": _records(signed, roster, language),
        "who": _who(signed, roster, language),
        "until": _until(signed, language, moment),
        "never": _never(signed, language),
    }
    return tuple(
        Section(key, _SAY[key].in_language(language), tuple(lines))
        for key, lines in answers.items()
    )


def _sees(
    signed: SignedAgreement,
    roster: Roster,
    attestations: Mapping[str, Attestation],
    language: Language,
) -> Iterator[str]:
    for site in signed.agreement.sites:
        for camera in site.cameras:
            yield _camera(camera, attestations.get(camera), language)
        yield _say(
            "site",
            language,
            site=site.site,
            owner=_name(roster.owner(site.site) or "", roster, language),
            may=_may(set(site.actions), language),
            hours=hours_text(site, language),
        )
        if needs := conditions_text(site, language):
            yield _say("needs", language, site=site.site, needs=needs)
        if site.break_glass:
            yield _say("emergency", language, site=site.site, text=emergency_text(language))


def _camera(camera: str, known: Attestation | None, language: Language) -> str:
    if known is None:
        return _say("unknown", language, camera=camera)
    return _say(
        "camera",
        language,
        number=known.number,
        name=known.name.in_language(language),
        facing=_FACING[known.facing].in_language(language),
    )


def _records(signed: SignedAgreement, roster: Roster, language: Language) -> Iterator[str]:
    agreement = signed.agreement
    viewer = _name(agreement.viewer, roster, language)
    yield _say("stays", language)
    wide = _with("playback", agreement.sites)
    yield _say("playback" if wide else "no_playback", language, viewer=viewer)
    if _with("export", agreement.sites):
        yield _say("export", language, viewer=viewer)
    hours = agreement.retention.center_hours
    yield _say("copies" if hours else "no_copies", language, viewer=viewer, hours=hours)


def _who(signed: SignedAgreement, roster: Roster, language: Language) -> Iterator[str]:
    agreement = signed.agreement
    viewer = roster.party(agreement.viewer)
    name, role = viewer.name.in_language(language), viewer.role.in_language(language)
    yield _say("viewer", language, viewer=name, role=role)
    for purpose in agreement.purposes:
        yield _say("purpose", language, text=purpose.text.in_language(language))
    yield _say("basis", language, text=agreement.legal_basis.in_language(language))
    yield _say("seen", language)


def _until(
    signed: SignedAgreement, language: Language, moment: Callable[[float], str]
) -> Iterator[str]:
    begin, end = moment(signed.valid_from), moment(signed.valid_until)
    yield _say("span", language, begin=begin, end=end)
    yield _say("by_itself", language)
    yield _say("alone", language)
    yield _say("heartbeat", language, minutes=-(-signed.agreement.heartbeat_s // 60))


def _never(signed: SignedAgreement, language: Language) -> Iterator[str]:
    for name in signed.agreement.prohibited:
        yield NEVER[name].in_language(language)
    if not _with("ptz", signed.agreement.sites):
        yield _say("no_ptz", language)


def _with(action: str, sites: tuple[SharedSite, ...]) -> bool:
    return any(action in site.actions for site in sites)


def _may(actions: set[str], language: Language) -> str:
    named = [text.in_language(language) for name, text in ACTIONS.items() if name in actions]
    *first, last = named
    return _say("and", language, first=", ".join(first), last=last) if first else last


def _name(party: str, roster: Roster, language: Language) -> str:
    return roster.party(party).name.in_language(language)


def _say(key: str, language: Language, **values: object) -> str:
    return _SAY[key].in_language(language).format(**values)
