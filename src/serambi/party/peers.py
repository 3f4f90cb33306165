"""What a party tells the other parties by itself, around the center: revocations until each has
heard them, now and then the states of its copies, so that two pasts meet, and the papers of the
signing desk."""

import logging
from collections.abc import Callable, Iterable
from itertools import chain

from serambi.base.clock import Clock
from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import BACKOFF_FIRST_S, BACKOFF_MAX_S, WITNESS_COMPARE_EVERY_S
from serambi.party.carrier import Peer
from serambi.party.rosters import Rosters
from serambi.party.signing.papers import Papers
from serambi.party.witness import Witness

log = logging.getLogger(__name__)


class _Told:
    """What one other party has heard, and when to try it again."""

    def __init__(self, url: str, peer: Peer) -> None:
        self.url = url
        self.peer = peer
        self.revocations: set[str] = set()
        self.compared_at = float("-inf")
        self.again_at = float("-inf")
        self.wait_s = BACKOFF_FIRST_S
        self.rosters = 0
        self.papers: dict[str, int] = {}
        self.papers_at = float("-inf")


class Peers:
    """All other parties' processes. One thread calls `step`."""

    def __init__(
        self,
        urls: Iterable[str],
        clock: Clock,
        papers: Papers | None = None,
        rosters: Rosters | None = None,
        more: Callable[[], Iterable[tuple[str, bytes]]] = tuple,
    ) -> None:
        """`more`: (name, file) of what else they may hear now."""
        self._more = more
        self._rosters = rosters
        self._clock = clock
        self._papers = papers
        self._all = [_Told(url, Peer(url)) for url in urls]

    def step(self, witness: Witness) -> None:
        """Tell each what it has not heard. One that is away is left alone for a while."""
        for told in self._all:
            now = self._clock.monotonic()
            if now < told.again_at:
                continue
            try:
                self._tell(told, witness, now)
                told.wait_s = BACKOFF_FIRST_S
                self._tell_rosters(told)
                self._tell_papers(told, now)
            except SerambiError as error:
                log.info("%s has not heard everything: %s", told.url, error)
                told.again_at = now + told.wait_s
                told.wait_s = min(told.wait_s * 2, BACKOFF_MAX_S)

    def close(self) -> None:
        """What is being told in another thread ends with an error."""
        for told in self._all:
            told.peer.close()

    def _tell(self, told: _Told, witness: Witness, now: float) -> None:
        for name, raw in witness.revocations.all().items():
            if name in told.revocations:
                continue
            try:
                told.peer.tell_document(raw)
            except SerambiError as error:
                if error.kind is Kind.UNAVAILABLE:
                    raise
                log.warning("%s does not take a revocation: %s", told.url, error)
            told.revocations.add(name)
        if now - told.compared_at >= WITNESS_COMPARE_EVERY_S and (notes := witness.notes()):
            told.compared_at = now
            told.peer.tell_checkpoints(notes)

    def _tell_rosters(self, told: _Told) -> None:
        for raw in self._rosters.files()[told.rosters :] if self._rosters else ():
            try:
                told.peer.tell_document(raw)
            except SerambiError as error:
                if error.kind is Kind.UNAVAILABLE:
                    raise
                log.warning("%s does not take a roster: %s", told.url, error)
            told.rosters += 1

    def _tell_papers(self, told: _Told, now: float) -> None:
        """Last, and with a patience of its own: a desk that is full, or that refuses, keeps no
        revocation from its party."""
        if now < told.papers_at:
            return
        papers = self._papers.to_tell() if self._papers else ()
        for digest, raw in chain(self._more(), papers):
            if told.papers.get(digest) == len(raw):
                continue  # only signatures are ever added, so a file of the same size is the same
            try:
                told.peer.tell_document(raw)
            except SerambiError as error:
                log.info("%s does not take a paper: %s", told.url, error)
                if error.kind is Kind.UNAVAILABLE:
                    told.papers_at = now + BACKOFF_MAX_S
                    return
            told.papers[digest] = len(raw)
