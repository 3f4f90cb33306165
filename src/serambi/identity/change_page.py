"""A change of the roster in plain words, for those who are about to sign it."""

from collections.abc import Iterator

from serambi.base.words import Language, Words
from serambi.identity.roster import Key, Roster

_USES = {
    "sign": Words("tanda tangan", "signatures"),
    "center": Words("pusat", "the center"),
    "gateway": Words("gerbang", "the gateway"),
    "witness": Words("saksi", "the witness"),
}
_HEAD = Words(
    "Daftar pihak nomor {number}, menggantikan nomor {before}, berlaku sejak {at}.",
    "Roster number {number}, in place of number {before}, in force from {at}.",
)
_JOINS = Words("{party} bergabung.", "{party} joins.")
_LEAVES = Words(
    "{party} keluar. Perjanjian yang menyebutnya berakhir pada {at}.",
    "{party} leaves. Agreements that name it end at {at}.",
)
_RENAMED = Words("Keterangan tentang {party} berubah.", "What is said of {party} changes.")
_COMES = Words(
    "Kunci baru milik {party} untuk {use}: {key}.", "A new key of {party} for {use}: {key}."
)
_GOES = Words(
    "Kunci {party} untuk {use} tidak dipakai lagi: {key}.",
    "A key of {party} for {use} is no longer used: {key}.",
)
_LOST = Words(
    "Kunci {key} milik {party} hilang sejak {since}. Apa yang ditandatanganinya sejak itu tidak "
    "berlaku.",
    "Key {key} of {party} is lost since {since}. What it has signed since does not count.",
)
_CONFIRMED = Words(
    "{person} dari {party} telah mencocokkan sidik kunci baru {key}: {sha256}.",
    "{person} of {party} has compared the fingerprint of the new key {key}: {sha256}.",
)


def change_lines(before: Roster, after: Roster, language: Language) -> list[str]:
    """What changes from `before` to `after`, one sentence a line; the first says which roster."""
    return list(_lines(before, after, language))


def use_words(key: Key, language: Language) -> str:
    """What a key is for: `signatures`, `the gateway gudang-kpu`."""
    return _USES[key.use].in_language(language) + (f" {key.site}" if key.site else "")


def _lines(before: Roster, after: Roster, language: Language) -> Iterator[str]:
    def say(words: Words, **values: object) -> str:
        return words.in_language(language).format(**values)

    def name(party: str) -> str:
        found = after.find_party(party) or before.find_party(party)
        return f"{found.name.in_language(language)} ({party})" if found else party

    def of_key(words: Words, key: Key) -> str:
        return say(words, party=name(key.party), use=use_words(key, language), key=key.key_id)

    number, change = after.document.sequence, after.document.change
    yield say(_HEAD, number=number, before=number - 1, at=change.at if change else "")
    had = {party.id: party for party in before.parties}
    has = {party.id: party for party in after.parties}
    yield from (say(_JOINS, party=name(party)) for party in has if party not in had)
    at = change.at if change else ""
    yield from (say(_LEAVES, party=name(party), at=at) for party in had if party not in has)
    for party in had:
        if has.get(party, had[party]) != had[party]:
            yield say(_RENAMED, party=name(party))
    yield from (of_key(_COMES, k) for k in after.document.keys if before.entry(k.key_id) is None)
    yield from (of_key(_GOES, k) for k in before.document.keys if after.entry(k.key_id) is None)
    for loss in change.lost if change else ():
        whose = name(before.signer(loss.key_id))
        yield say(_LOST, key=loss.key_id, party=whose, since=loss.since)
    for confirmed in change.confirmed if change else ():
        yield say(
            _CONFIRMED,
            person=confirmed.person,
            party=name(confirmed.party),
            key=confirmed.key_id,
            sha256=confirmed.sha256,
        )
