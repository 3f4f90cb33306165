"""HTTP authentication as RTSP uses it (RFC 7616, 2617, 7617): digest and basic."""

import base64
import hashlib
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, replace

# A pair or a scheme's name, from the beginning of a word on and in one way only: a hostile header
# must not make the search take long (found by fuzzing: 4 kB of blanks took for ever).
_PART = re.compile(
    r"""(?<![\w-])(?:([a-z-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))|(digest|basic)\b)""",
    re.IGNORECASE,
)
_HASHES = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}
_VALUE_MAX = 1024
_RENEWALS_MAX = 2


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way in that a camera offers. `algorithm` is "" for basic; `qop` is "auth" or ""."""

    scheme: str
    realm: str
    nonce: str = ""
    algorithm: str = ""
    session: bool = False
    opaque: str = ""
    qop: str = ""
    stale: bool = False


def parse_challenges(headers: Iterable[str]) -> list[Challenge]:
    """What WWW-Authenticate headers offer, several in one header too, in their order. What cannot
    be answered is left out: other schemes, other algorithms, other qualities of protection."""
    found = []
    for header in headers:
        schemes: list[tuple[str, dict[str, str]]] = []
        for name, quoted, plain, scheme in _PART.findall(header):
            if scheme:
                schemes.append((scheme.lower(), {}))
            elif schemes:
                value = re.sub(r"\\(.)", r"\1", quoted) or plain
                schemes[-1][1][name.lower()] = value[:_VALUE_MAX]
        challenges = (_challenge(scheme, pairs) for scheme, pairs in schemes)
        found += [challenge for challenge in challenges if challenge is not None]
    return found


def _challenge(scheme: str, pairs: dict[str, str]) -> Challenge | None:
    realm = pairs.get("realm", "")
    if scheme == "basic":
        return Challenge("basic", realm)
    algorithm = pairs.get("algorithm", "MD5").upper()
    session = algorithm.endswith("-SESS")
    algorithm = algorithm.removesuffix("-SESS")
    qops = {qop.strip().lower() for qop in pairs.get("qop", "").split(",") if qop.strip()}
    if algorithm not in _HASHES or (qops and "auth" not in qops) or not pairs.get("nonce"):
        return None
    return Challenge(
        scheme="digest",
        realm=realm,
        nonce=pairs["nonce"],
        algorithm=algorithm,
        session=session,
        opaque=pairs.get("opaque", ""),
        qop="auth" if qops else "",
        stale=pairs.get("stale", "").lower() == "true",
    )


class Authenticator:
    """Answers the challenges of one connection. The best way in is tried first: digest with
    SHA-256, digest with MD5, basic. One that was refused is not tried again, unless the camera says
    that only its nonce was stale; then comes the next (Hikvision offers digest and takes only
    basic: go2rtc#2232)."""

    def __init__(self, user: str, password: str) -> None:
        self._user = user
        self._password = password
        self._using: Challenge | None = None
        self._refused: set[tuple[str, str]] = set()
        self._renewals = 0
        self._worked = False
        self._count = 0
        self._cnonce = secrets.token_hex(8)

    def challenged(self, headers: Iterable[str]) -> bool:
        """A 401 came with these headers: whether there is something left to try."""
        offered = parse_challenges(headers)
        if self._using is not None:
            renewed = _renewal(self._using, offered, worked=self._worked)
            if renewed is not None and self._renewals < _RENEWALS_MAX:
                self._renewals += 1
                self._use(renewed)
                return True
            self._refused.add(_way(self._using))
        self._renewals, self._worked = 0, False
        left = [challenge for challenge in offered if _way(challenge) not in self._refused]
        if not left or not self._user:
            self._using = None
            return False
        self._use(min(left, key=_rank))
        return True

    def accepted(self) -> None:
        """A request was let through: when its nonce has grown old, the same way in is tried with a
        new one, even if the camera does not say `stale`."""
        self._renewals = 0
        self._worked = self._using is not None

    def header(self, method: str, url: str) -> str:
        """The Authorization header for a request, "" before the first challenge."""
        if self._using is None:
            return ""
        if self._using.scheme == "basic":
            login = f"{self._user}:{self._password}".encode()
            return f"Basic {base64.b64encode(login).decode()}"
        return self._digest(self._using, method, url)

    def _use(self, challenge: Challenge) -> None:
        self._using = replace(challenge, stale=False)
        self._count = 0

    def _digest(self, with_: Challenge, method: str, url: str) -> str:
        self._count += 1
        count = f"{self._count:08x}"
        make = _HASHES[with_.algorithm]

        def digest(*parts: str) -> str:
            return make(":".join(parts).encode()).hexdigest()

        secret = digest(self._user, with_.realm, self._password)
        if with_.session:
            secret = digest(secret, with_.nonce, self._cnonce)
        asked = digest(method, url)
        if with_.qop:
            proof = digest(secret, with_.nonce, count, self._cnonce, with_.qop, asked)
        else:
            proof = digest(secret, with_.nonce, asked)
        fields = [
            f'username="{_quoted(self._user)}"',
            f'realm="{_quoted(with_.realm)}"',
            f'nonce="{_quoted(with_.nonce)}"',
            f'uri="{_quoted(url)}"',
            f'response="{proof}"',
        ]
        if with_.algorithm != "MD5" or with_.session:
            fields.append(f"algorithm={with_.algorithm}{'-sess' if with_.session else ''}")
        if with_.opaque:
            fields.append(f'opaque="{_quoted(with_.opaque)}"')
        if with_.qop:
            fields += [f"qop={with_.qop}", f"nc={count}"]
        if with_.qop or with_.session:
            fields.append(f'cnonce="{self._cnonce}"')
        return "Digest " + ", ".join(fields)


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _way(challenge: Challenge) -> tuple[str, str]:
    return challenge.scheme, challenge.algorithm


def _rank(challenge: Challenge) -> int:
    return {"SHA-256": 0, "MD5": 1, "": 2}[challenge.algorithm]


def _renewal(used: Challenge, offered: list[Challenge], *, worked: bool) -> Challenge | None:
    """The same way in, offered again because its nonce had grown old."""
    same = (challenge for challenge in offered if _way(challenge) == _way(used))
    return next((c for c in same if c.stale or (worked and c.nonce != used.nonce)), None)
