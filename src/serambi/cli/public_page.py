"""The transparency page as an auditor gets hold of it: saved, or from its address, and then with
the center's log. Nothing that comes is believed; `audit_public.py` judges it."""

import contextlib
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

import httpx
import msgspec

from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import DOCUMENT_MAX_BYTES, PUBLIC_DOCUMENT_MAX_BYTES
from serambi.center.public.document import FORMAT, Document
from serambi.identity.roster import Roster, read_roster
from serambi.ledger.note import NOTE_MAX_BYTES
from serambi.ledger.tiles import BUNDLE_MAX_BYTES, Tile, decode_bundle
from serambi.ledger.verify import keys_of_origin
from serambi.party.mirror import Mirror

_TIMEOUT_S = 30.0
_AGAIN_S = 1.0
_PATIENCE_S = 90.0
_PAGE = "/transparency"
_HINT = "name an address such as https://CENTER/transparency, or the transparency.json of one"


@dataclass(frozen=True, slots=True)
class PublicPage:
    """`center_log`: a copy of the center's log, where the page came from its address."""

    document: Document
    roster: Roster
    center_log: Path | None


@contextlib.contextmanager
def public_page(where: str, trust: Roster | None) -> Iterator[PublicPage]:
    """The page at an address or in a file; what was copied is gone afterwards. Without `trust` the
    page's own roster is taken, which an address offers. Raises `SerambiError`."""
    if not where.startswith(("http://", "https://")):
        document = _document(_read(Path(where)), where)
        if trust is None:
            raise SerambiError(
                Kind.BAD_INPUT, "a saved page needs --trust", where=where[:200], hint=_HINT
            )
        yield PublicPage(document, trust, None)
        return
    with (
        httpx.Client(timeout=_TIMEOUT_S) as client,
        tempfile.TemporaryDirectory(prefix="serambi-public-") as folder,
    ):
        site = _Address(client, where)
        document = _document(site.get(".json", PUBLIC_DOCUMENT_MAX_BYTES), where)
        roster = trust or read_roster(site.get("/roster.json", DOCUMENT_MAX_BYTES), None)
        yield PublicPage(document, roster, _copy(site, document, roster, Path(folder)))


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(PUBLIC_DOCUMENT_MAX_BYTES + 1)
    except OSError as error:
        raise SerambiError(
            Kind.BAD_INPUT, f"the page cannot be read: {error.strerror}", where=str(path)[:200]
        ) from error


def _document(raw: bytes, where: str) -> Document:
    try:
        document = msgspec.json.decode(raw, type=Document)
    except msgspec.MsgspecError as error:
        raise SerambiError(
            Kind.BAD_INPUT, "this is no transparency page", where=where[:200], hint=_HINT
        ) from error
    if document.format != FORMAT:
        raise SerambiError(
            Kind.CONFLICT,
            f"the page is of format {document.format}, this program knows {FORMAT}",
            where=where[:200],
            hint="use the newer program",
        )
    return document


class _Address:
    """What lies at a page's address. Raises `SerambiError` for whatever is not as it should be."""

    def __init__(self, client: httpx.Client, where: str) -> None:
        parts = urlsplit(where)
        self._client = client
        self._base = f"{parts.scheme}://{parts.netloc}{_PAGE}"
        self._query = f"?{parts.query}" if parts.query else ""
        if parts.path.rstrip("/").removesuffix(".json") != _PAGE:
            raise SerambiError(
                Kind.BAD_INPUT, "this is no page's address", where=where[:200], hint=_HINT
            )

    def get(self, path: str, max_bytes: int) -> bytes:
        """The whole answer; asks again for a while when it is one too many for the center."""
        address = self._base + path + (self._query if path == ".json" else "")
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            status, raw = self._ask(address, max_bytes)
            if status == 429 and time.monotonic() < deadline:
                time.sleep(_AGAIN_S)
                continue
            if status != 200:
                raise SerambiError(
                    Kind.UNAVAILABLE, f"the center answered {status}", where=address[:200]
                )
            return raw

    def _ask(self, address: str, max_bytes: int) -> tuple[int, bytes]:
        found = bytearray()
        try:
            with self._client.stream("GET", address) as answer:
                for piece in answer.iter_bytes():
                    found += piece
                    if len(found) > max_bytes:
                        raise SerambiError(
                            Kind.LIMIT, "the answer is too long", where=address[:200]
                        )
                return answer.status_code, bytes(found)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise SerambiError(
                Kind.UNAVAILABLE,
                f"the center cannot be reached: {error}",
                where=address[:200],
                hint="look at the address and the network",
            ) from error


def _copy(site: _Address, document: Document, roster: Roster, folder: Path) -> Path:
    """The center's log, grown until it has all that the page has counted."""
    origin = f"{document.center}/center"
    base = f"/ledger/{quote(origin)}/"
    wanted = max((c.upto for c in document.ledgers if c.origin == origin), default=0)

    def leaves(tile: Tile) -> list[bytes]:
        found = decode_bundle(site.get(base + tile.path, BUNDLE_MAX_BYTES), tile.path)
        return found[: tile.width]

    copy = Mirror(folder, origin, keys_of_origin(origin, roster))
    deadline = time.monotonic() + _TIMEOUT_S
    while True:
        checkpoint, note = copy.parse(site.get(base + "checkpoint", NOTE_MAX_BYTES))
        if checkpoint.size >= wanted or time.monotonic() > deadline:
            copy.extend(checkpoint, note, leaves)
            return folder
        time.sleep(_AGAIN_S)  # its newest entries are about to be in tiles
