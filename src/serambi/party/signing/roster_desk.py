"""The roster's pages at the signing desk: today's, what is proposed, who was invited. Like all of
the desk: plain forms, and every act needs a secret typed for it."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from serambi.base.clock import Clock
from serambi.base.errors import Kind, SerambiError
from serambi.base.instants import instant_text
from serambi.base.limits import INVITATION_TTL_S
from serambi.base.words import Language
from serambi.party.invitations import Refused
from serambi.party.rosters import Rosters
from serambi.party.signing.accounts import Accounts
from serambi.party.signing.hand import Shown
from serambi.party.signing.record import Record
from serambi.party.signing.roster_hand import RosterHand, Secret
from serambi.party.signing.roster_page import RosterPageBuilder
from serambi.web.errors import STATUS
from serambi.web.passwords import FailureLimit
from serambi.web.plain import Text
from serambi.web.times import Times
from serambi.web.words import choose_language

CHANGES = ("rotate", "leave", "lost", "invite")
_KEY = "key"
_CHANGED = "signing.changed"
_WEEK_S = 7 * 24 * 3600.0
Fields = Mapping[str, str]


class Render(Protocol):
    def __call__(
        self, request: Request, name: str, status: int = 200, **values: object
    ) -> Response: ...


@dataclass(frozen=True, slots=True)
class RosterPages:
    """What the pages are about."""

    hand: RosterHand
    rosters: Rosters


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the pages share with the rest of the desk."""

    render: Render
    text: Callable[[Language], Text]
    accounts: Accounts
    record: Record
    failures: FailureLimit
    clock: Clock
    zone: str


class RosterDesk:
    """Whoever calls has made sure that the request comes from a page of this desk; `account` is
    who is signed in."""

    def __init__(self, pages: RosterPages, around: Surroundings) -> None:
        self.hand = pages.hand
        self._rosters = pages.rosters
        self._around = around

    @property
    def forks(self) -> tuple[str, ...]:
        """Digests of signed rosters that were refused because another one holds."""
        return self._rosters.forks

    def waiting_for_us(self) -> int:
        """How many things of the roster wait for this institution."""
        proposals = sum(bool(self.hand.wanted(each)) for each in self.hand.proposals.all())
        return proposals + len(self.hand.invitations.presented())

    def _builder(self, request: Request) -> RosterPageBuilder:
        language = choose_language(request)
        times = Times(self._around.zone, language)
        return RosterPageBuilder(
            self.hand, self._rosters, times, self._around.text(language), language
        )

    # -- reading --------------------------------------------------------------------------

    def home(self, request: Request, wrong: str = "", status: int = 200) -> Response:
        builder = self._builder(request)
        head = self._rosters.head
        fingerprint, own_request = builder.own_request()
        return self._around.render(
            request,
            "roster.html",
            status,
            number=head.document.sequence,
            digest=head.digest,
            parties=builder.parties(),
            proposals=builder.proposals(),
            invitations=builder.invitations(),
            forks=self.forks,
            restart=self._rosters.restart_needed,
            own_fingerprint=fingerprint,
            own_request=own_request,
            wrong=wrong,
        )

    def proposal(
        self, request: Request, digest: str, wrong: str = "", status: int = 200
    ) -> Response:
        view = self._builder(request).proposal(self.hand.proposals.find(digest))
        return self._around.render(request, "roster_next.html", status, view=view, wrong=wrong)

    def file(self, digest: str) -> Response:
        """The proposed roster as the parties exchange it."""
        proposal = self.hand.proposals.find(digest)
        name = f"roster-{proposal.after.document.sequence:04}.json"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(proposal.raw, media_type="application/json", headers=headers)

    def change(self, request: Request, what: str, wrong: str = "", status: int = 200) -> Response:
        """The form for one kind of change."""
        if what not in CHANGES:
            raise SerambiError(Kind.NOT_FOUND, "there is no such change", where=what[:20])
        return self._around.render(
            request,
            "roster_change.html",
            status,
            what=what,
            at=self._local(self._around.clock.now() + _WEEK_S),
            now=self._local(self._around.clock.now()),
            zone=self._around.zone,
            wrong=wrong,
        )

    def request(
        self, request: Request, digest: str, wrong: str = "", status: int = 200
    ) -> Response:
        """A request whose fingerprint is to be compared."""
        view = self._builder(request).request(digest)
        return self._around.render(request, "roster_request.html", status, view=view, wrong=wrong)

    # -- acting ---------------------------------------------------------------------------

    async def bring(self, request: Request, account: str, raw: bytes) -> Response:
        """A roster or a request, pasted as text."""
        try:
            if not await asyncio.to_thread(self.hand.bring, raw.strip()):
                raise SerambiError(Kind.BAD_INPUT, "this is neither a roster nor a request")
        except SerambiError as error:
            return self.home(request, self._said(request, error), STATUS[error.kind])
        await asyncio.to_thread(self._around.record.add, account, "take", "roster")
        return RedirectResponse("/roster", 303)

    async def answer(
        self, request: Request, account: str, what: str, shown: Shown, fields: Fields
    ) -> Response:
        """Sign or refuse a proposed roster."""

        def act(secret: Secret) -> str:
            if what == "sign":
                self.hand.sign(shown, secret)
            elif what == "refusal":
                self.hand.refuse(shown, fields["text"], secret)
            else:
                raise SerambiError(Kind.BAD_INPUT, f"{what[:20]!r} is nothing that is done here")
            return shown.digest

        def again(wrong: str, status: int) -> Response:
            return self.proposal(request, shown.digest, wrong, status)

        return await self._act(request, account, what, fields, act, again)

    async def propose(self, request: Request, account: str, what: str, fields: Fields) -> Response:
        """Propose a change of our own, ask for one with a code, or invite somebody."""

        def again(wrong: str, status: int) -> Response:
            return self.change(request, what, wrong, status)

        if what == "invite":
            return await self._invite(request, account, fields, again)

        def act(secret: Secret) -> str:
            if what == "rotate":
                return self.hand.rotate(self._instant(fields["at"]), _new(fields), secret)
            if what == "leave":
                return self.hand.leave(self._instant(fields["at"]), secret)
            if what != "lost":
                raise SerambiError(Kind.NOT_FOUND, "there is no such change", where=what[:20])
            if not secret.password:
                raise SerambiError(Kind.UNAUTHENTICATED, "this is not the account's password")
            self.hand.enroll(fields["code"], self._instant(fields["since"]), _new(fields))
            return "roster"

        return await self._act(request, account, what, fields, act, again)

    async def _invite(
        self,
        request: Request,
        account: str,
        fields: Fields,
        again: Callable[[str, int], Response],
    ) -> Response:
        """The code is shown in the answer itself and never again."""
        code = ""

        def act(secret: Secret) -> str:
            nonlocal code
            if not secret.password:
                raise SerambiError(Kind.UNAUTHENTICATED, "this is not the account's password")
            code = self.hand.invitations.invite(fields["party"].strip(), account)
            return "roster"

        done = await self._act(request, account, "invite", fields, act, again)
        if not code:
            return done
        return self._around.render(
            request,
            "roster_code.html",
            code=code,
            party=fields["party"].strip(),
            hours=int(INVITATION_TTL_S // 3600),
        )

    async def settle(
        self, request: Request, account: str, what: str, digest: str, fields: Fields
    ) -> Response:
        """Confirm a fingerprint that was compared, or say that it differs."""

        def act(secret: Secret) -> str:
            if what == "reject":
                if not secret.password:
                    raise SerambiError(Kind.UNAUTHENTICATED, "this is not the account's password")
                self.hand.invitations.reject(digest)
                return "roster"
            if what != "confirm":
                raise SerambiError(Kind.NOT_FOUND, "nothing like this is done", where=what[:20])
            return self.hand.confirm(digest, account, fields["name"], fields["typed"], secret)

        def again(wrong: str, status: int) -> Response:
            return self.request(request, digest, wrong, status)

        return await self._act(request, account, what, fields, act, again)

    async def _act(
        self,
        request: Request,
        account: str,
        what: str,
        fields: Fields,
        act: Callable[[Secret], str],
        again: Callable[[str, int], Response],
    ) -> Response:
        """Do it with the secret that the person types now; what was wrong is said on the form."""
        failures = self._around.failures
        try:
            failures.check(_KEY)
        except SerambiError:
            return again(self._text(request, "signing.login_wait"), 429)
        password = await self._around.accounts.check(account, fields["secret"])
        try:
            done = await asyncio.to_thread(act, Secret(fields["secret"], password))
        except SerambiError as error:
            if error.kind is Kind.NOT_FOUND:
                raise
            if error.kind is Kind.UNAUTHENTICATED:
                failures.failed(_KEY)
                return again(self._text(request, "signing.wrong_secret"), 403)
            changed = error.kind is Kind.CONFLICT
            said = self._text(request, _CHANGED) if changed else self._said(request, error)
            try:
                return again(said, STATUS[error.kind])
            except SerambiError:
                return self.home(request, said, STATUS[error.kind])  # the form itself is gone
        await asyncio.to_thread(self._around.record.add, account, what, done)
        waits = done != "roster" and any(p.digest == done for p in self.hand.proposals.all())
        return RedirectResponse(f"/roster/next/{done}" if waits else "/roster", 303)

    # -- words ----------------------------------------------------------------------------

    def _text(self, request: Request, name: str) -> str:
        return self._around.text(choose_language(request))(name)

    def _said(self, request: Request, error: SerambiError) -> str:
        """What went wrong in the reader's language; the exact words where there are none."""
        if isinstance(error, Refused):
            return self._text(request, f"roster.refused_{error.reason}")
        return f"{self._text(request, f'signing.trouble_{error.kind}')} {error}"

    # -- times ----------------------------------------------------------------------------

    def _local(self, at: float) -> str:
        """As a form's field takes it."""
        wall = datetime.fromtimestamp(at, ZoneInfo(self._around.zone))
        return wall.strftime("%Y-%m-%dT%H:%M")

    def _instant(self, text: str) -> str:
        try:
            wall = datetime.strptime(text, "%Y-%m-%dT%H:%M")
        except ValueError as error:
            raise SerambiError(
                Kind.BAD_INPUT,
                f"{text[:40]!r} is not a day and a time",
                hint="write it as 2026-12-01T08:00",
            ) from error
        return instant_text(wall.replace(tzinfo=ZoneInfo(self._around.zone)).timestamp())


def _new(fields: Fields) -> str:
    """The passphrase of a new key, typed twice."""
    if fields["passphrase"] != fields["again"]:
        raise SerambiError(Kind.BAD_INPUT, "the two passphrases differ", hint="type them anew")
    return fields["passphrase"]
