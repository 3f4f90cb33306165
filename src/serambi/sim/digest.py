"""How cameras ask who is there: HTTP digest (RFC 7616, MD5 and SHA-256) and basic (RFC 7617)."""

import base64
import hashlib
import hmac
import re
import secrets

from serambi.base.errors import Kind, SerambiError

REALM = "Serambi simulator"
_FIELD = re.compile(r'([A-Za-z0-9-]+)=(?:"([^"]*)"|([^\s,"]*))(?:\s*,\s*|\s*\Z)')
_HASHES = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}

# What is offered, in this order, and what is accepted.
MANNERS: dict[str, tuple[tuple[str, ...], frozenset[str]]] = {
    "digest": (("MD5",), frozenset({"MD5"})),
    "digest-sha256": (("SHA-256",), frozenset({"SHA-256"})),
    "digest-either": (("SHA-256", "MD5"), frozenset({"SHA-256", "MD5"})),
    "basic": (("basic",), frozenset({"basic"})),
    "both": (("MD5", "basic"), frozenset({"MD5", "basic"})),
    # Set to Basic, offers Digest all the same and refuses every answer to it.
    "basic-behind-digest": (("MD5", "basic"), frozenset({"basic"})),
    "none": ((), frozenset()),
}


def response_hash(
    user: str,
    password: str,
    realm: str,
    nonce: str,
    method: str,
    url: str,
    extra: str = "",
    algorithm: str = "MD5",
) -> str:
    """The value of `response`; `extra` is `nc:cnonce:qop` when the client uses qop."""

    def digest(text: str) -> str:
        return _HASHES[algorithm](text.encode(), usedforsecurity=False).hexdigest()

    secret = digest(f"{user}:{realm}:{password}")
    middle = f"{nonce}:{extra}" if extra else nonce
    return digest(f"{secret}:{middle}:{digest(f'{method}:{url}')}")


class Challenge:
    """One connection's nonce, and the check of answers to it, in one of MANNERS."""

    def __init__(self, manner: str = "digest") -> None:
        if manner not in MANNERS:
            known = ", ".join(MANNERS)
            raise SerambiError(Kind.BAD_INPUT, f"no login is called {manner!r}", hint=known)
        self._offered, self._accepted = MANNERS[manner]
        self._nonce = secrets.token_hex(16)

    @property
    def headers(self) -> list[str]:
        """Values of WWW-Authenticate."""
        qop = ', qop="auth"' if "SHA-256" in self._offered else ""
        return [
            f'Basic realm="{REALM}"'
            if offer == "basic"
            else f'Digest realm="{REALM}", nonce="{self._nonce}", algorithm={offer}{qop}'
            for offer in self._offered
        ]

    def accepts(self, header: str, user: str, password: str, method: str, url: str) -> bool:
        """Whether an Authorization header proves knowledge of the password for this request."""
        if not self._offered:
            return True
        scheme, _, rest = header.partition(" ")
        if scheme.lower() == "basic" and "basic" in self._accepted:
            proof = base64.b64encode(f"{user}:{password}".encode())
            return hmac.compare_digest(rest.strip().encode(), proof)
        if scheme.lower() != "digest":
            return False
        fields = {m[1].lower(): m[2] if m[2] is not None else m[3] for m in _FIELD.finditer(rest)}
        algorithm = fields.get("algorithm", "MD5")
        if algorithm not in self._accepted:
            return False
        extra = ""
        if "qop" in fields:
            extra = ":".join(fields.get(name, "") for name in ("nc", "cnonce", "qop"))
        expected = response_hash(user, password, REALM, self._nonce, method, url, extra, algorithm)
        return (
            fields.get("username") == user
            and fields.get("realm") == REALM
            and fields.get("nonce") == self._nonce
            and fields.get("uri") == url
            and hmac.compare_digest(fields.get("response", "").encode(), expected.encode())
        )
