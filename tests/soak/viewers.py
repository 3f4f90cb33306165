"""People who watch all the time: whatever ends their view, they ask again."""

import asyncio
import contextlib
from concurrent.futures import Future
from dataclasses import dataclass

import httpx
from websockets.exceptions import WebSocketException

from tests.crash.small_town import SmallTown

_AGAIN_S = 0.3
_SILENT_S = 8.0


@dataclass
class Viewer:
    """One screen with one camera; runs in the town's loop."""

    town: SmallTown
    camera: str
    stream: str = "sub"
    session: str = ""
    """The one that it looks at, or looked at last."""
    pictures: int = 0
    views: int = 0
    strange: int = 0
    """Pictures of another camera: there must be none."""

    def start(self) -> "Future[None]":
        return self.town.run(self._watch())

    async def _watch(self) -> None:
        while True:
            session = await self._open()
            if session:
                self.views += 1
                self.session = session
                # What becomes of a view is not this person's question: the checks ask it.
                with contextlib.suppress(OSError, WebSocketException, TimeoutError):
                    await self._look(session)
            await asyncio.sleep(_AGAIN_S)

    async def _open(self) -> str:
        wish = {
            "camera": self.camera,
            "action": "live",
            "purpose": "routine_watch",
            "stream": self.stream,
        }
        try:
            answer = await asyncio.to_thread(self.town.ask, "POST", "/api/sessions", json=wish)
        except httpx.HTTPError:
            return ""
        if answer.status_code != 201:
            return ""
        session = str(answer.json()["id"])
        self.town.opened.append(session)
        return session

    async def _look(self, session: str) -> None:
        async with self.town.watching(session) as socket:
            while True:
                async with asyncio.timeout(_SILENT_S):
                    message = await socket.recv()
                if isinstance(message, bytes) and message[:1] == b"\x02":
                    self.pictures += 1
                    self.strange += self.town.canary(self.camera) not in message
