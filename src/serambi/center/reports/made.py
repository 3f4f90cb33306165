"""Makes the law's documents from a running center: counts the last twelve months in short turns,
one count at a time, so that nothing else waits."""

import asyncio
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from serambi.base.clock import Clock, unix_ms
from serambi.base.limits import YEAR_EVERY_S
from serambi.base.words import Language
from serambi.center.config import CenterConfig
from serambi.center.public.counting import Tally, to_the_end
from serambi.center.public.shown import Shown
from serambi.center.reports.documents import Document, make
from serambi.center.reports.facts import Facts, Shared, attested, in_force
from serambi.center.sites import Sites
from serambi.ledger.figures import total
from serambi.ledger.recount import Period, Recount
from serambi.web.printed import Printed
from serambi.web.words import PRINTED, Words

_YEAR = timedelta(days=365)


class LegalReports:
    """Those of the center with these settings."""

    def __init__(self, shown: Shown, sites: Sites, config: CenterConfig, clock: Clock) -> None:
        self._shown = shown
        self._sites = sites
        self._config = config
        self._clock = clock
        self.words = Words.load(PRINTED)
        self._turn = asyncio.Lock()
        self._tally: tuple[Period, Tally[Recount]] | None = None
        self._facts: tuple[float, Facts] | None = None

    async def printed(self, document: Document, language: Language) -> Printed:
        """The document, its figures at most YEAR_EVERY_S old. Raises `UNAVAILABLE` while there is
        too much to count: the next call goes on from there."""
        async with self._turn:
            now_s = self._clock.monotonic()
            if self._facts is None or now_s - self._facts[0] >= YEAR_EVERY_S:
                self._facts = now_s, await self._gathered()
            facts = self._facts[1]
        return await asyncio.to_thread(make, document, facts, self.words, language)

    async def _gathered(self) -> Facts:
        period, tally = self._twelve_months()
        behind = await to_the_end(tally, self._clock)
        return await asyncio.to_thread(self._facts_of, period, tally, behind)

    def _twelve_months(self) -> tuple[Period, Tally[Recount]]:
        """From a year before this morning on; the same count all day long."""
        zone = ZoneInfo(self._config.zone)
        now = datetime.fromtimestamp(self._clock.now(), zone)
        morning = now.replace(hour=0, minute=0, second=0, microsecond=0)
        edges = (morning - _YEAR, morning + timedelta(days=1))
        period = Period(*(unix_ms(at.timestamp()) for at in edges))
        if self._tally is None or self._tally[0] != period:
            self._tally = (
                period,
                Tally(self._shown.books, period, lambda: Recount(period, comparing=False)),
            )
        return self._tally

    def _facts_of(self, period: Period, tally: Tally[Recount], behind: int) -> Facts:
        shown, now = self._shown, self._clock.now()
        shown.papers.refresh()
        figures = total(tally.counted(unix_ms(now)))
        states = [camera for _, camera in self._sites.cameras()]
        revoked = {paper.agreement for paper in figures.revocations}
        revoked |= {camera.agreement for camera in states if camera.state == "revoked"}
        signed = [paper.signed for paper in shown.papers.all()]
        agreements = in_force(signed, revoked, now)
        return Facts(
            roster=shown.roster,
            center=self._config.party,
            zone=self._config.zone,
            made=now,
            agreements=agreements,
            cameras=[
                Shared(
                    number=camera.number,
                    name=camera.name,
                    owner=known.state.owner,
                    facing=camera.facing,
                    agreement=camera.agreement,
                    attestation=attested(agreements, camera.id, camera.agreement),
                )
                for known, camera in sorted(
                    self._sites.cameras(), key=lambda row: (row[1].number, row[1].id)
                )
                if camera.until_ms > unix_ms(now) and camera.agreement not in revoked
            ],
            figures=figures,
            since_ms=period.start_ms,
            until_ms=unix_ms(now),
            behind=behind,
            config=self._config,
        )
