"""The owner's page over HTTP: plain pages and forms that need no script and no center."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response

from serambi.base.errors import Kind, SerambiError
from serambi.base.words import Language
from serambi.keeper.keeper import Keeper
from serambi.keeper.owner.log import LogWords
from serambi.keeper.owner.page import Facts, PageBuilder
from serambi.ledger.entry import EntryKind
from serambi.web.login import Gate, digest_of
from serambi.web.passwords import FailureLimit
from serambi.web.plain import PlainPages
from serambi.web.times import Times
from serambi.web.words import Words, choose_language

log = logging.getLogger(__name__)

_LOG_ROWS = 8
_LOG_PAGE = 100
_HIDING: tuple[EntryKind, ...] = (
    "refused", "stopped", "resumed", "suspended", "restored", "alert", "deleted",
)  # fmt: skip
"""Kinds of entries in which a camera that no agreement names is a commitment."""


class OwnerPages:
    """Renders for one keeper."""

    def __init__(self, keeper: Keeper, gate: Gate, words: Words, failures: FailureLimit) -> None:
        self._keeper = keeper
        self._gate = gate
        self._failures = failures
        folder = Path(__file__).parent / "templates"
        self._pages = PlainPages(folder, words, keeper.clock, keeper.config.zone)

    # -- rendering ----------------------------------------------------------------------

    def _render(self, request: Request, name: str, status: int = 200, **values: object) -> Response:
        site = self._keeper.config.name.in_language(choose_language(request))
        return self._pages.render(request, name, status, site_name=site, **values)

    def _party_name(self, language: Language) -> Callable[[str], str]:
        def name(party: str) -> str:
            known = self._keeper.documents.roster.find_party(party)
            return known.name.in_language(language) if known else party

        return name

    def _log_words(self, language: Language) -> LogWords:
        names = {
            camera.id: f"{camera.number} {camera.name.in_language(language)}"
            for camera in self._keeper.config.cameras
        }
        # The owner knows what the commitments of this box stand for; nobody else does.
        hide = self._keeper.journal.commitment
        names |= {hide(kind, camera): name for camera, name in names.items() for kind in _HIDING}
        return LogWords(
            Times(self._keeper.config.zone, language),
            self._pages.text(language),
            names.get,
            self._party_name(language),
            self._keeper.journal.names.who,
        )

    def _view(self, request: Request) -> object:
        keeper = self._keeper
        language = choose_language(request)
        watched = {camera: keeper.watch.watched(camera) for camera in keeper.watch.cameras()}
        facts = Facts(
            now=keeper.clock.now(),
            site=keeper.site_state(),
            sessions=keeper.sessions.all(),
            stops=keeper.durable.stops,
            last_stop=keeper.last_stop,
            center_lost=keeper.center_lost,
            last_picture=keeper.last_picture,
            recording=frozenset(c for c, watched in watched.items() if watched.recording),
            refused_by_disk=frozenset(c for c, w in watched.items() if w.recording_trouble),
            waiting=keeper.report.waiting(keeper.state()),
            disk_refuses=keeper.disk_refuses,
            clock_behind=bool(keeper.clock_trouble),
            acts=keeper.glass.all(),
            warnings=keeper.warnings.unseen(),
        )
        text = self._pages.text(language)
        named = self._party_name(language)
        who = keeper.journal.names.who
        builder = PageBuilder(keeper.config, facts, text, language, named, who)
        times = Times(keeper.config.zone, language)
        store = keeper.journal.store
        newest = reversed(store.entries(max(0, store.size - _LOG_ROWS), store.size))
        today = [e for e in newest if times.same_day(e.at_ms / 1000, facts.now)]
        return builder.view(self._log_words(language).rows(today))

    # -- pages --------------------------------------------------------------------------

    def home(self, request: Request) -> Response:
        if self._gate.identify(request) is None:
            return self._sign_in_first(request)
        response = self._render(request, "home.html", view=self._view(request), signed_in=True)
        self._remember(request, response)
        return response

    def _sign_in_first(self, request: Request) -> Response:
        return self._render(request, "login.html", 401, wrong="", signed_in=False)

    def _remember(self, request: Request, response: Response) -> None:
        """A browser driven with a bearer token gets a cookie, so that its forms work too."""
        login = self._gate.identify(request)
        if login is not None and login.bearer:
            self._gate.sign_in(response, login.account)

    def log(self, request: Request, before: int | None = None) -> Response:
        if self._gate.identify(request) is None:
            return self._sign_in_first(request)
        store = self._keeper.journal.store
        end = store.size if before is None else max(0, min(before, store.size))
        start = max(0, end - _LOG_PAGE)
        rows = self._log_words(choose_language(request)).rows(reversed(store.entries(start, end)))
        older = start if start else None
        return self._render(request, "log.html", rows=rows, older=older, signed_in=True)

    def view(self, request: Request, camera: str) -> Response:
        """The approved picture beside the newest one that did not match."""
        if self._gate.identify(request) is None:
            return self._sign_in_first(request)
        lookout = self._keeper.lookout
        known = next((c for c in self._keeper.config.cameras if c.id == camera), None)
        sight = lookout.sight(camera)
        if known is None or sight is None:
            return RedirectResponse("/", 303)
        text = self._pages.text(choose_language(request))
        return self._render(
            request,
            "view.html",
            title=text("owner.view_title", number=known.number),
            text=text(f"owner.view_{sight}"),
            camera=camera,
            has_approved=lookout.approved(camera) is not None,
            has_now=bool(lookout.sights.picture(camera)),
            signed_in=True,
        )

    def picture(self, request: Request, camera: str, which: str) -> Response:
        """One of the two pictures: for the owner alone."""
        self._gate.require(request)
        lookout = self._keeper.lookout
        headers = {"Cache-Control": "no-store"}
        approved = lookout.approved(camera)
        if which == "approved" and approved is not None:
            return FileResponse(approved, headers=headers)
        raw = lookout.sights.picture(camera)
        if which == "now" and raw:
            return Response(raw, media_type="image/jpeg", headers=headers)
        raise SerambiError(Kind.NOT_FOUND, "there is no such picture", where="the owner's page")

    def confirm(self, request: Request, camera: str = "") -> Response:
        if self._gate.identify(request) is None:
            return self._sign_in_first(request)
        text = self._pages.text(choose_language(request))
        shared = {c.id: c for c in self._keeper.site_state().cameras}
        if camera not in shared:
            camera = ""
        sessions = [s for s in self._keeper.sessions.all() if camera in ("", s.camera)]
        people = len({(s.person, s.unit) for s in sessions})
        if camera:
            number = shared[camera].number
            question = text("owner.confirm_camera", number=number)
            closes = text("owner.confirm_closes_one", number=number)
        else:
            question = text("owner.confirm_site")
            closes = text("owner.confirm_closes", cameras=len(shared))
        cut = (
            text("owner.confirm_cuts", people=people) if people else text("owner.confirm_cuts_none")
        )
        return self._render(
            request, "confirm.html", question=question, closes=f"{closes} {cut}", camera=camera
        )

    async def stop(self, request: Request, camera: str) -> Response:
        if self._gate.identify(request) is None:
            return self._sign_in_first(request)
        if not camera or camera in self._keeper.watch.cameras():
            return await self._then_home(self._keeper.stop(camera or None))
        return RedirectResponse("/", 303)

    async def resume(self, request: Request, camera: str) -> Response:
        if self._gate.identify(request) is None:
            return self._sign_in_first(request)
        if not camera or camera in self._keeper.watch.cameras():
            return await self._then_home(self._keeper.resume(camera or None))
        return RedirectResponse("/", 303)

    async def seen(self, request: Request, key: str) -> Response:
        """The owner has seen a warning and knows what to do."""
        if self._gate.identify(request) is None:
            return self._sign_in_first(request)
        return await self._then_home(asyncio.to_thread(self._keeper.warnings.seen, key))

    async def _then_home(self, done: Awaitable[object]) -> Response:
        """The page itself says what a full disk did not take."""
        try:
            await done
        except SerambiError as error:
            if error.kind != Kind.UNAVAILABLE:
                raise
            log.error("%s", error)
        return RedirectResponse("/", 303)

    def login(self, request: Request, token: str) -> Response:
        address = request.client.host if request.client else "unknown"
        try:
            self._failures.check(address)
        except SerambiError:
            wrong = "owner.login_wait"
            return self._render(request, "login.html", 429, wrong=wrong, signed_in=False)
        if digest_of(token) != self._keeper.config.owner_token_sha256:
            self._failures.failed(address)
            wrong = "owner.login_wrong"
            return self._render(request, "login.html", 401, wrong=wrong, signed_in=False)
        response = RedirectResponse("/", 303)
        self._gate.sign_in(response, "owner")
        return response

    def logout(self, request: Request) -> Response:
        response = RedirectResponse("/", 303)
        self._gate.sign_out(request, response)
        return response


def owner_router(pages: OwnerPages) -> APIRouter:
    """The addresses of the owner's page; not part of the API's description."""
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    def home(request: Request) -> Response:
        return pages.home(request)

    @router.get("/log")
    def log(request: Request, before: int | None = None) -> Response:
        return pages.log(request, before)

    @router.get("/view")
    def view(request: Request, camera: str = "") -> Response:
        return pages.view(request, camera)

    @router.get("/view/{which}")
    def picture(request: Request, which: str, camera: str = "") -> Response:
        return pages.picture(request, camera, which)

    @router.get("/stop")
    def confirm(request: Request, camera: str = "") -> Response:
        return pages.confirm(request, camera)

    @router.post("/stop")
    async def stop(request: Request, camera: Annotated[str, Form()] = "") -> Response:
        return await pages.stop(request, camera)

    @router.post("/resume")
    async def resume(request: Request, camera: Annotated[str, Form()] = "") -> Response:
        return await pages.resume(request, camera)

    @router.post("/warnings/seen")
    async def seen(request: Request, key: Annotated[str, Form()] = "") -> Response:
        return await pages.seen(request, key)

    @router.post("/login")
    def login(request: Request, token: Annotated[str, Form()] = "") -> Response:
        return pages.login(request, token)

    @router.get("/signin")
    def signin(request: Request, code: str = "") -> Response:
        return pages.login(request, code)

    @router.post("/logout")
    def logout(request: Request) -> Response:
        return pages.logout(request)

    return router
