"""Signed questions to the sites, and answers: they count only when the gateway signed them."""

from typing import Literal, Protocol

from serambi.agreement.request import Kind, Step, seal_request
from serambi.base.clock import Clock, unix_ms
from serambi.base.errors import Kind as ErrorKind
from serambi.base.errors import SerambiError
from serambi.base.ids import new_id
from serambi.base.limits import COMMAND_MAX_BYTES, COMMAND_TIMEOUT_S, REQUEST_TTL_MAX_S
from serambi.center.accounts import Account
from serambi.center.envelopes import open_signed
from serambi.center.session import Grounds
from serambi.fabric.messages import REPLY_TYPE, Reply, Request, Stream
from serambi.fabric.port import CenterLink
from serambi.identity.keys import SigningKey
from serambi.identity.roster import Roster


class Subject(Protocol):
    """What a request is about: an open session or one that is wanted."""

    @property
    def grant(self) -> str: ...
    @property
    def owner(self) -> Account: ...
    @property
    def site(self) -> str: ...
    @property
    def camera(self) -> str: ...
    @property
    def stream(self) -> Stream: ...
    @property
    def action(self) -> str: ...
    @property
    def purpose(self) -> str: ...
    @property
    def salt(self) -> str: ...
    @property
    def from_ms(self) -> int: ...
    @property
    def to_ms(self) -> int: ...
    @property
    def grounds(self) -> Grounds: ...


class Asker:
    """The center's voice: its key, its party, its way to the sites."""

    def __init__(
        self, link: CenterLink, key: SigningKey, roster: Roster, party: str, clock: Clock
    ) -> None:
        self.party = party
        self._link = link
        self._key = key
        self._roster = roster
        self._clock = clock

    async def ask(
        self, kind: Literal["open", "renew", "close", "list", "justify"], subject: Subject
    ) -> Reply:
        """The site's answer. Asks a second time when the first question came too late.

        Raises `UNAVAILABLE` when the site does not answer, `DENIED` or `BAD_INPUT` when the answer
        is not its gateway's, or not to this question.
        """
        reply = await self._once(kind, subject)
        if not reply.allowed and reply.reason == "request_expired":
            reply = await self._once(kind, subject)
        return reply

    async def fetch(self, subject: Subject, at_us: int, step: Step, size_bytes: int) -> bytes:
        """The next window of an open playback (fabric/windows.py). Raises `UNAVAILABLE` when the
        site gives none now; what it is, is not looked at."""
        request = self._request("fetch", subject, at_us, step, size_bytes)
        raw = seal_request(request, self._key)
        return await self._link.fetch(subject.site, subject.camera, subject.grant, raw)

    def _request(
        self, kind: Kind, subject: Subject, at_us: int = 0, step: Step = "", size_bytes: int = 0
    ) -> Request:
        now_ms = unix_ms(self._clock.now())
        return Request(
            kind=kind,
            session=subject.grant,
            site=subject.site,
            camera=subject.camera,
            action=subject.action,
            stream=subject.stream,
            purpose=subject.purpose,
            person=subject.owner.name,
            unit=subject.owner.unit,
            party=self.party,
            nonce=new_id(),
            issued_ms=now_ms,
            expires_ms=now_ms + int(REQUEST_TTL_MAX_S * 1000),
            salt=subject.salt,
            from_ms=subject.from_ms,
            to_ms=subject.to_ms,
            at_us=at_us,
            step=step,
            size_bytes=size_bytes,
            incident=subject.grounds.incident,
            act=subject.grounds.act,
            why=subject.grounds.why,
        )

    async def _once(self, kind: Kind, subject: Subject) -> Reply:
        request = self._request(kind, subject)
        reply = await self._command(subject.site, seal_request(request, self._key))
        if reply.nonce != request.nonce or reply.session != request.session:
            raise SerambiError(
                ErrorKind.DENIED,
                "the answer belongs to another question",
                where=f"site {subject.site}",
                hint="tell the site's owner",
            )
        return reply

    async def deliver(self, site: str, document: bytes) -> Reply:
        """Pass a signed document on; the site's answer. Raises like `ask`."""
        return await self._command(site, document)

    async def _command(self, site: str, raw: bytes) -> Reply:
        answer = await self._link.command(site, raw, COMMAND_TIMEOUT_S)
        reply = open_signed(answer, Reply, REPLY_TYPE, self._roster, site, COMMAND_MAX_BYTES)
        if reply.site != site:
            raise SerambiError(
                ErrorKind.DENIED, "the answer speaks for another site", where=f"site {site}"
            )
        return reply
