"""Whom to tell at each institution: the ways that lead to whoever is on call there.

The file holds passwords, so it is refused where others can read it, and no address or secret of it
is ever in an error, a log or an answer.
"""

import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import msgspec

from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import REACH_INSTITUTIONS_MAX, REACH_WAYS_MAX
from serambi.base.toml import read_toml
from serambi.identity.roster import Party
from serambi.web.words import Language

_HINT = "compare with docs/reference/reach.md"
_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,40}\Z")
_SECRET_MIN_CHARACTERS = 32
_HERE = frozenset({"127.0.0.1", "::1", "localhost"})


class Way(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One way to whoever is on call: an address that Apprise knows, or a webhook with the secret
    that signs what is sent there. `name` is what people read, "surel piket" for example."""

    name: str
    apprise: str = ""
    webhook: str = ""
    secret: str = ""


class Institution(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`quiet`: from when until when nothing but P1 is sent, `HH:MM` in the center's zone.
    `sign_in`: its people have accounts, so that what is sent opens nothing by itself."""

    party: str
    way: tuple[Way, ...]
    language: Language = "id"
    quiet: tuple[str, str] | None = None
    sign_in: bool = False

    def quiet_until(self, now: datetime) -> datetime | None:
        """When the quiet that holds at `now` is over; None when none holds."""
        if self.quiet is None:
            return None
        begin, end = (time.fromisoformat(at) for at in self.quiet)
        at = now.time()
        inside = begin <= at < end if begin <= end else at >= begin or at < end
        if not inside:
            return None
        over = now.replace(hour=end.hour, minute=end.minute, second=0, microsecond=0)
        return over if over > now else over + timedelta(days=1)


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: int
    url: str
    institution: tuple[Institution, ...] = ()


@dataclass(frozen=True, slots=True)
class OnCall:
    """`url` is the center's address as the institutions reach it; `zone` that of quiet hours."""

    url: str
    zone: ZoneInfo
    _by_name: dict[str, Institution]

    def find(self, party: str) -> Institution | None:
        """The institution that a person wrote: its id or its name, in either language."""
        return self._by_name.get(party.strip().casefold())


def read_on_call(path: Path | None, parties: Iterable[Party], zone: str) -> OnCall:
    """The file of lists; without one nobody is told. Raises `DENIED` where others can read it, and
    `BAD_INPUT` naming what is wrong, never its value."""
    if path is None:
        return OnCall("", ZoneInfo(zone), {})
    raw = read_toml(path, _HINT, "the lists of who is on call")
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise SerambiError(
            Kind.DENIED,
            "others can read the lists of who is on call",
            where=str(path),
            hint=f"chmod 600 {path}",
        )
    try:
        file = msgspec.convert(raw, _File)
    except msgspec.ValidationError as error:
        # What msgspec says names types and places; the part behind a quote may be a value.
        raise _wrong(path, re.sub(r"'[^']*'", "…", str(error))) from None
    known = {party.id: party for party in parties}
    for what in _faults(file, known):
        raise _wrong(path, what)
    by_name = {
        name.casefold(): one
        for one in file.institution
        for name in (one.party, known[one.party].name.id, known[one.party].name.en)
    }
    return OnCall(file.url.rstrip("/"), ZoneInfo(zone), by_name)


def _wrong(path: Path, what: str) -> SerambiError:
    return SerambiError(Kind.BAD_INPUT, what, where=str(path), hint=_HINT)


def _faults(file: _File, known: dict[str, Party]) -> Iterable[str]:
    if file.format != 1:
        yield "format must be 1"
    if not _is_address(file.url):
        yield "url must be https://HOST, the center's address for participants"
    if len(file.institution) > REACH_INSTITUTIONS_MAX:
        yield f"there are more than {REACH_INSTITUTIONS_MAX} institutions"
    parties = [one.party for one in file.institution]
    if len(set(parties)) != len(parties):
        yield "an institution has two lists"
    for one in file.institution:
        if one.party not in known:
            yield f"the roster has no party {one.party[:80]!r}"
        if not 1 <= len(one.way) <= REACH_WAYS_MAX:
            yield f"{one.party} must have 1 to {REACH_WAYS_MAX} ways"
        if len({way.name for way in one.way}) != len(one.way):
            yield f"{one.party} has two ways of one name"
        if one.quiet is not None and not all(map(_is_time, one.quiet)):
            yield f"{one.party}: quiet must be two times such as 22:00"
        for way in one.way:
            yield from (f"{one.party}: {fault}" for fault in _faults_of(way))


def _faults_of(way: Way) -> Iterable[str]:
    if not _NAME.match(way.name):
        yield "a way's name is a line of 1 to 40 characters"
    if bool(way.apprise) == bool(way.webhook):
        yield f"{way.name[:40]} must have either apprise or webhook"
    if way.webhook and not _is_address(way.webhook):
        yield f"{way.name[:40]}: webhook must be https://, or on this machine"
    if bool(way.webhook) != bool(way.secret):
        yield f"{way.name[:40]}: a webhook has a secret, and nothing else has one"
    if way.secret and len(way.secret) < _SECRET_MIN_CHARACTERS:
        yield f"{way.name[:40]}: the secret has less than {_SECRET_MIN_CHARACTERS} characters"


def _is_address(url: str) -> bool:
    """Over TLS, or within this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and host in _HERE))


def _is_time(text: str) -> bool:
    return re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", text) is not None
