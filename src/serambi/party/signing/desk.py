"""The signing desk: an institution's people in front of its papers. Plain pages and forms, served
from the institution's own machine; no script, and no page of anybody else's can act here."""

import asyncio
from pathlib import Path

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from serambi.agreement.instants import DAYS
from serambi.base.clock import Clock
from serambi.base.errors import Kind, SerambiError
from serambi.base.words import Language
from serambi.party.signing.accounts import Accounts
from serambi.party.signing.delivery import Delivery
from serambi.party.signing.drafting import (
    ACTIONS,
    CONDITIONS,
    PURPOSES,
    Fields,
    draft_from,
    fields_of,
    one,
    outward,
)
from serambi.party.signing.hand import Hand, Shown
from serambi.party.signing.page import PageBuilder
from serambi.party.signing.paper_pdf import paper_pdf
from serambi.party.signing.record import Record
from serambi.party.signing.roster_desk import RosterDesk, RosterPages, Surroundings
from serambi.web.errors import STATUS
from serambi.web.login import Gate
from serambi.web.passwords import FailureLimit
from serambi.web.plain import PlainPages
from serambi.web.times import Times
from serambi.web.words import Words, choose_language

_KEY = "key"
_APPROVE = "approve"
_WRONG_SECRET = "signing.wrong_secret"


class Desk:
    """The pages of one institution. Whoever calls has made sure that the request comes from a page
    of this desk; `account` is who is signed in."""

    def __init__(
        self,
        hand: Hand,
        delivery: Delivery,
        accounts: Accounts,
        record: Record,
        gate: Gate,
        words: Words,
        clock: Clock,
        zone: str,
        roster: RosterPages,
    ) -> None:
        self.hand = hand
        self.gate = gate
        self._delivery = delivery
        self._accounts = accounts
        self._record = record
        self._words = words
        self._clock = clock
        self._zone = zone
        self._failures = FailureLimit(clock)
        self._pages = PlainPages(Path(__file__).parent / "templates", words, clock, zone)
        around = Surroundings(
            self.render, self._pages.text, accounts, record, self._failures, clock, zone
        )
        self.roster = RosterDesk(roster, around)

    # -- rendering ----------------------------------------------------------------------

    def render(self, request: Request, name: str, status: int = 200, **values: object) -> Response:
        return self._pages.render(
            request,
            name,
            status,
            party_name=self._party_name(choose_language(request)),
            path=_page_of(request),
            account=self._account(request),
            **values,
        )

    def _account(self, request: Request) -> str:
        try:
            login = self.gate.identify(request)
        except SerambiError:
            return ""
        return login.account if login else ""

    def _party_name(self, language: Language) -> str:
        papers = self.hand.papers
        return papers.roster.party(papers.party).name.in_language(language)

    def _builder(self, request: Request) -> PageBuilder:
        language = choose_language(request)
        times, text = Times(self._zone, language), self._pages.text(language)
        return PageBuilder(self.hand, self._delivery, self._record, times, text, language)

    def trouble(self, request: Request, error: SerambiError) -> Response:
        """A refusal as a page: what it means in the reader's language, and the exact words."""
        known = f"signing.trouble_{error.kind}"
        return self.render(
            request, "trouble.html", STATUS[error.kind], said=known, exact=str(error)
        )

    # -- signing in -----------------------------------------------------------------------

    def login_page(self, request: Request, wrong: str = "", status: int = 401) -> Response:
        nobody = not self._accounts.any()
        return self.render(request, "login.html", status, wrong=wrong, nobody=nobody)

    async def login(self, request: Request, account: str, password: str) -> Response:
        address = request.client.host if request.client else "unknown"
        try:
            self._failures.check(account, address)
        except SerambiError:
            return self.login_page(request, "signing.login_wait", 429)
        self._failures.failed(account, address)
        if not await self._accounts.check(account, password):
            return self.login_page(request, "signing.login_wrong")
        self._failures.succeeded(account, address)
        response = RedirectResponse("/", 303)
        self.gate.sign_in(response, account)
        return response

    def logout(self, request: Request) -> Response:
        response = RedirectResponse("/", 303)
        self.gate.sign_out(request, response)
        return response

    # -- reading --------------------------------------------------------------------------

    def home(self, request: Request) -> Response:
        builder = self._builder(request)
        return self.render(
            request,
            "home.html",
            groups=builder.lines(),
            approvals=builder.approvals(),
            rosters_waiting=self.roster.waiting_for_us(),
            forks=self.roster.forks,
        )

    def approval(
        self, request: Request, digest: str, wrong: str = "", status: int = 200
    ) -> Response:
        """What the center asks of this institution."""
        view = self._builder(request).approval(self.hand.approvals.find(digest)[0])
        return self.render(request, "approval.html", status, view=view, wrong=wrong)

    def paper(self, request: Request, digest: str, wrong: str = "", status: int = 200) -> Response:
        view = self._builder(request).paper(digest)
        return self.render(request, "paper.html", status, view=view, wrong=wrong)

    def closing(
        self, request: Request, digest: str, wrong: str = "", status: int = 200
    ) -> Response:
        """One confirmation before what cannot be undone."""
        view = self._builder(request).paper(digest)
        if not (view.can_withdraw or view.can_revoke):
            return RedirectResponse(f"/papers/{digest}", 303)
        return self.render(request, "closing.html", status, view=view, wrong=wrong)

    def file(self, digest: str) -> Response:
        """The paper as the parties exchange it."""
        signed, raw = self.hand.papers.agreement(digest)
        return _download(raw, "application/json", f"{signed.agreement.number}.json")

    def revocation(self, digest: str, party: str) -> Response:
        raw = self.hand.revocations.all().get(f"{digest}-{party}")
        if raw is None:
            raise SerambiError(Kind.NOT_FOUND, "there is no such revocation", where=digest[:16])
        return _download(raw, "application/json", f"{digest[:16]}-{party}.json")

    def pdf(self, request: Request, digest: str) -> Response:
        signed, _ = self.hand.papers.agreement(digest)
        attested = self._builder(request).attested(signed)
        raw = paper_pdf(signed, self.hand.papers.roster, attested, self._words)
        return _download(raw, "application/pdf", f"{signed.agreement.number}.pdf")

    # -- acting ---------------------------------------------------------------------------

    async def take(self, account: str, raw: bytes) -> Response:
        """A file that somebody of the institution brings."""
        if await asyncio.to_thread(self.roster.hand.bring, raw):
            await asyncio.to_thread(self._record.add, account, "take", "roster")
            return RedirectResponse("/roster", 303)
        digest = await asyncio.to_thread(self.hand.bring, raw)
        if not digest:
            return RedirectResponse("/", 303)
        await asyncio.to_thread(self._record.add, account, "take", digest)
        return RedirectResponse(f"/papers/{digest}", 303)

    async def act(
        self, request: Request, account: str, what: str, shown: Shown, text: str, secret: str
    ) -> Response:
        """Sign, refuse, remark, propose or revoke: with the secret that the person types now."""
        approves = what == _APPROVE
        again = self.approval if approves else self.closing if what == "revoke" else self.paper
        try:
            self._failures.check(_KEY)
        except SerambiError:
            return again(request, shown.digest, "signing.login_wait", 429)
        try:
            passphrase = await self._passphrase(account, secret)
            await asyncio.to_thread(self._act, account, what, shown, text, passphrase)
        except SerambiError as error:
            if error.kind is Kind.CONFLICT:
                return again(request, shown.digest, "signing.changed", 409)
            if error.kind not in (Kind.CORRUPT, Kind.UNAUTHENTICATED):
                raise
            self._failures.failed(_KEY)
            return again(request, shown.digest, _WRONG_SECRET, 403)
        return RedirectResponse(f"/{'approvals' if approves else 'papers'}/{shown.digest}", 303)

    async def approve(self, request: Request, account: str, digest: str, secret: str) -> Response:
        """Approve what is asked: with the secret that the person types now."""
        return await self.act(request, account, _APPROVE, Shown(digest, ""), "", secret)

    async def _passphrase(self, account: str, secret: str) -> bytes | None:
        """What opens the key. A key that lies open is not used without the person's own password
        either: who has only a browser that is signed in cannot sign."""
        if await asyncio.to_thread(lambda: self.hand.key_is_encrypted):
            return secret.encode()
        if not await self._accounts.check(account, secret):
            raise SerambiError(Kind.UNAUTHENTICATED, "this is not the account's password")
        return None

    def _act(
        self, account: str, what: str, shown: Shown, text: str, passphrase: bytes | None
    ) -> None:
        if what == "sign":
            self.hand.sign(shown, passphrase)
        elif what == "revoke":
            self.hand.revoke(shown, passphrase)
        elif what == _APPROVE:
            self.hand.approve(shown.digest, passphrase)
        elif what in ("refusal", "remark", "proposal"):
            self.hand.say(what, shown, text, passphrase)  # type: ignore[arg-type]
        else:
            raise SerambiError(Kind.BAD_INPUT, f"{what[:20]!r} is nothing that is done here")
        self._record.add(account, what, shown.digest)

    # -- drafting -------------------------------------------------------------------------

    def draft_page(
        self, request: Request, fields: Fields, wrong: str = "", status: int = 200
    ) -> Response:
        papers = self.hand.papers
        language = choose_language(request)
        return self.render(
            request,
            "draft.html",
            status,
            f=fields,
            one=lambda name: one(fields, name),
            parties=[(p.id, p.name.in_language(language)) for p in papers.roster.parties],
            sites=outward(papers.attestations()),
            actions=ACTIONS,
            conditions=CONDITIONS,
            days=DAYS,
            purposes=range(PURPOSES),
            zone=self._zone,
            wrong=wrong,
        )

    def draft_again(self, request: Request, digest: str) -> Response:
        """The form, filled in with another version or with what is usual."""
        if digest:
            signed, _ = self.hand.papers.agreement(digest)
            return self.draft_page(request, fields_of(signed, self._zone))
        usual = {
            "party": [party.id for party in self.hand.papers.roster.parties],
            "center_hours": ["72"],
            "heartbeat_s": ["900"],
        }
        for site in outward(self.hand.papers.attestations()):
            usual |= {f"{site}:day": list(DAYS), f"{site}:action": ["live"]}
            usual |= {f"{site}:opens": ["00:00"], f"{site}:closes": ["00:00"]}
        return self.draft_page(request, usual)

    async def draft(self, request: Request, account: str, fields: Fields) -> Response:
        attestations = self.hand.papers.attestations()
        try:
            raw = draft_from(fields, attestations, self._zone)
            digest = await asyncio.to_thread(self.hand.papers.take, raw)
        except SerambiError as error:
            return self.draft_page(request, fields, str(error), STATUS[error.kind])
        await asyncio.to_thread(self._record.add, account, "draft", digest)
        return RedirectResponse(f"/papers/{digest}", 303)


def _page_of(request: Request) -> str:
    """The address of the page that is shown, which is not always the one a form was sent to."""
    path = request.url.path
    acts = path.startswith(("/papers/", "/roster/next/", "/roster/requests/", "/roster/bring"))
    return path.rpartition("/")[0] if acts and request.method == "POST" else path


def _download(raw: bytes, media_type: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(raw, media_type=media_type, headers=headers)
