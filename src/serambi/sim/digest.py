"""HTTP digest authentication (RFC 2617, MD5) as cameras do it."""

import hashlib
import hmac
import re
import secrets

REALM = "Serambi simulator"
_FIELD = re.compile(r'([A-Za-z0-9]+)=(?:"([^"]*)"|([^\s,"]*))(?:\s*,\s*|\s*\Z)')


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def response_hash(
    user: str, password: str, realm: str, nonce: str, method: str, url: str, extra: str = ""
) -> str:
    """The value of `response`; `extra` is `nc:cnonce:qop` when the client uses qop."""
    secret = _md5(f"{user}:{realm}:{password}")
    middle = f"{nonce}:{extra}" if extra else nonce
    return _md5(f"{secret}:{middle}:{_md5(f'{method}:{url}')}")


class Challenge:
    """One connection's nonce, and the check of answers to it."""

    def __init__(self) -> None:
        self._nonce = secrets.token_hex(16)

    @property
    def header(self) -> str:
        return f'Digest realm="{REALM}", nonce="{self._nonce}", algorithm=MD5'

    def accepts(self, header: str, user: str, password: str, method: str, url: str) -> bool:
        """Whether an Authorization header proves knowledge of the password for this request."""
        scheme, _, rest = header.partition(" ")
        if scheme.lower() != "digest":
            return False
        fields = {m[1].lower(): m[2] if m[2] is not None else m[3] for m in _FIELD.finditer(rest)}
        extra = ""
        if "qop" in fields:
            extra = ":".join(fields.get(name, "") for name in ("nc", "cnonce", "qop"))
        expected = response_hash(user, password, REALM, self._nonce, method, url, extra)
        return (
            fields.get("username") == user
            and fields.get("realm") == REALM
            and fields.get("nonce") == self._nonce
            and fields.get("uri") == url
            and hmac.compare_digest(fields.get("response", "").encode(), expected.encode())
        )
