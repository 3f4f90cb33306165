"""The way to the center and to the other parties' processes: plain HTTP requests that block.

Nothing that comes back is believed here; signatures are checked by who asked.
"""

import contextlib
import http.client
import json
import socket
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol
from urllib.parse import quote, urlsplit

from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import WITNESS_LOGS_MAX, WITNESS_TIMEOUT_S
from serambi.ledger.note import NOTE_MAX_BYTES, SIGNATURES_MAX, Note
from serambi.ledger.quorum import emit_notes
from serambi.ledger.tiles import BUNDLE_MAX_BYTES, Tile, decode_bundle

TAKEN = ""
AWAY = "the ledger's site does not answer"
_ANSWER_MAX_BYTES = 64 * 1024
_CHECKPOINTS_MAX_BYTES = WITNESS_LOGS_MAX * 1024
_ASKED_MAX_BYTES = 8 * 1024 * 1024


class Carrier(Protocol):
    """What a witness needs of whoever carries ledgers. Everything may raise `UNAVAILABLE`."""

    def checkpoints(self) -> dict[str, str]:
        """The newest signed checkpoint of each ledger, by origin."""
        ...

    def leaves(self, origin: str, tile: Tile) -> list[bytes]:
        """The entries of one bundle."""
        ...

    def hand_back(self, notes: Sequence[Note]) -> dict[str, str]:
        """Pass cosigned checkpoints, each to its ledger; -> what was said there, by origin:
        TAKEN, AWAY or a refusal in words."""
        ...

    def pass_on(self, document: bytes) -> None:
        """Pass a signed document to the sites."""
        ...

    def asked(self) -> list[bytes]:
        """What the center asks the parties to approve: signed envelopes."""
        ...


class HttpCarrier:
    """The center's `/ledger`, with this party's token. Keeps one connection; not for two threads
    at once."""

    def __init__(self, url: str, token: str, ca: Path | None = None) -> None:
        """`ca`: whose certificates to trust when the address is https, instead of the system's."""
        self._door = _Door(url, {"Authorization": f"Bearer {token}"}, ca)
        self._tag = ""
        self._known: dict[str, str] = {}

    def checkpoints(self) -> dict[str, str]:
        headers = {"If-None-Match": self._tag} if self._tag else {}
        status, tag, raw = self._door.ask(
            "GET", "/ledger/checkpoints", b"", headers, _CHECKPOINTS_MAX_BYTES
        )
        if status == 304:
            return self._known
        try:
            found = json.loads(raw)
        except ValueError as error:
            raise self._door.strange("no checkpoints") from error
        if not isinstance(found, dict) or not all(isinstance(v, str) for v in found.values()):
            raise self._door.strange("no checkpoints")
        self._known, self._tag = found, tag
        return found

    def leaves(self, origin: str, tile: Tile) -> list[bytes]:
        path = f"/ledger/{quote(origin)}/{tile.path}"
        _, _, raw = self._door.ask("GET", path, b"", {}, BUNDLE_MAX_BYTES)
        found = decode_bundle(raw, path)
        if len(found) != tile.width:
            raise self._door.strange(f"{len(found)} entries for {tile.path}")
        return found

    def cosigned(self, origin: str) -> bytes:
        """The parties' latest words on one ledger, as its folder keeps them."""
        limit = SIGNATURES_MAX * NOTE_MAX_BYTES
        return self._door.ask("GET", f"/ledger/{quote(origin)}/cosigned", b"", {}, limit)[2]

    def hand_back(self, notes: Sequence[Note]) -> dict[str, str]:
        body = emit_notes(notes)
        _, _, raw = self._door.ask("POST", "/ledger/cosigned", body, {}, _CHECKPOINTS_MAX_BYTES)
        try:
            answers = json.loads(raw)
            return {str(origin): _said(answer) for origin, answer in answers.items()}
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise self._door.strange("no answers") from error

    def pass_on(self, document: bytes) -> None:
        self._door.ask("POST", "/ledger/documents", document, {}, _ANSWER_MAX_BYTES)

    def asked(self) -> list[bytes]:
        _, _, raw = self._door.ask("GET", "/ledger/asked", b"", {}, _ASKED_MAX_BYTES)
        try:
            return [str(envelope).encode() for envelope in json.loads(raw).values()]
        except (ValueError, AttributeError) as error:
            raise self._door.strange("nothing that is asked") from error

    def close(self) -> None:
        """For good; a request in another thread ends with an error."""
        self._door.end()


def _said(answer: dict[str, object]) -> str:
    if answer["allowed"] is True:
        return TAKEN
    reason = str(answer["reason"])[:300]
    return AWAY if reason in ("unreachable", "bad_answer") else reason


class Peer:
    """Another party's process: hears revocations, checkpoints and papers."""

    def __init__(self, url: str, ca: Path | None = None) -> None:
        self._door = _Door(url, {}, ca)

    def tell_document(self, raw: bytes) -> None:
        """A revocation, or a paper for the signing desk. Raises `UNAVAILABLE` when it is not
        there, `CONFLICT` when it refuses."""
        self._post("/documents", raw)

    def tell_checkpoints(self, notes: bytes) -> None:
        """Raises like `tell_document`."""
        self._post("/checkpoints", notes)

    def close(self) -> None:
        """For good; a request in another thread ends with an error."""
        self._door.end()

    def _post(self, path: str, body: bytes) -> None:
        try:
            self._door.ask("POST", path, body, {}, _ANSWER_MAX_BYTES)
        finally:
            self._door.close()


class _Door:
    """One HTTP server."""

    def __init__(self, url: str, headers: dict[str, str], ca: Path | None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise SerambiError(
                Kind.BAD_INPUT, f"{url[:200]!r} is not an address", hint="http(s)://"
            )
        self._url = url
        self._base = parts.path.rstrip("/")
        self._headers = headers
        self._ended = False
        self._connection: http.client.HTTPConnection
        if parts.scheme == "https":
            context = ssl.create_default_context(cafile=ca)
            self._connection = http.client.HTTPSConnection(
                parts.hostname, parts.port, timeout=WITNESS_TIMEOUT_S, context=context
            )
        else:
            self._connection = http.client.HTTPConnection(
                parts.hostname, parts.port, timeout=WITNESS_TIMEOUT_S
            )

    def ask(
        self, method: str, path: str, body: bytes, headers: dict[str, str], max_bytes: int
    ) -> tuple[int, str, bytes]:
        """-> status (200 or 304), tag, body. Raises `UNAVAILABLE`, or `CONFLICT` for a refusal."""
        if self._ended:
            raise SerambiError(Kind.UNAVAILABLE, "this process is ending", where=self._url)
        request = method, self._base + path, body or None, {**self._headers, **headers}
        try:
            response, raw = self._once(request, max_bytes)
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise SerambiError(
                Kind.UNAVAILABLE, f"no answer: {error or type(error).__name__}", where=self._url
            ) from error
        if len(raw) > max_bytes:
            self._connection.close()
            raise self.strange(f"more than {max_bytes} bytes")
        if response.status in (200, 304):
            return response.status, response.getheader("ETag", ""), raw
        kind = Kind.UNAVAILABLE if response.status in (404, 429, 503) else Kind.CONFLICT
        said = raw[:300].decode("utf-8", "replace")
        raise SerambiError(kind, f"{method} {path}: {response.status} {said}", where=self._url)

    def _once(
        self, request: tuple[str, str, bytes | None, dict[str, str]], max_bytes: int
    ) -> tuple[http.client.HTTPResponse, bytes]:
        """Ask; once more when a connection that was kept had been closed meanwhile. Everything
        that is asked may be asked twice."""
        kept = self._connection.sock is not None
        try:
            self._connection.request(*request)
            response = self._connection.getresponse()
        except (ConnectionError, http.client.CannotSendRequest):
            self._connection.close()
            if not kept or self._ended:
                raise
            self._connection.request(*request)
            response = self._connection.getresponse()
        with response:
            return response, response.read(max_bytes + 1)

    def strange(self, what: str) -> SerambiError:
        return SerambiError(Kind.UNAVAILABLE, f"a strange answer: {what}", where=self._url)

    def close(self) -> None:
        """Let go of the connection; the next question makes another."""
        self._connection.close()

    def end(self) -> None:
        """Ask nothing any more; who waits in another thread is woken."""
        self._ended = True
        held = self._connection.sock
        if held is not None:
            with contextlib.suppress(OSError):
                held.shutdown(socket.SHUT_RDWR)
        self._connection.close()
