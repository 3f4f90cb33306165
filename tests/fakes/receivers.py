"""Where messages to people arrive in tests: a mail server and a web server on this machine."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Post:
    """One request as it came; header names in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Hook:
    """A web server that keeps what is posted. `answers` are the next status codes, 204 once they
    are used up; with `silent` it takes connections and never answers."""

    port: int = 0
    posts: list[Post] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    silent: bool = False

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        pairs = (line.split(": ", 1) for line in head[1:] if line)
        headers = {name.lower(): value for name, value in pairs}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        self.posts.append(Post(head[0].split()[1], headers, body))
        if self.silent:
            await reader.read()
            return
        status = self.answers.pop(0) if self.answers else 204
        writer.write(
            f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()
        )
        await writer.drain()


@dataclass
class Mailbox:
    """A mail server that takes everything, or refuses every sender."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    refuse: bool = False

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        def say(line: str) -> None:
            writer.write(f"{line}\r\n".encode())

        say("220 mail.test")
        while line := await reader.readline():
            verb = line[:4].upper()
            if verb == b"QUIT":
                say("221 bye")
                return
            if verb == b"MAIL" and self.refuse:
                say("550 no")
            elif verb == b"DATA":
                say("354 go on")
                raw = (await reader.readuntil(b"\r\n.\r\n"))[:-3]
                found = message_from_bytes(raw, policy=policy.default)
                assert isinstance(found, EmailMessage)
                self.mails.append(found)
                say("250 taken")
            else:
                say("250 mail.test")


@asynccontextmanager
async def listening(receiver: Hook | Mailbox) -> AsyncIterator[None]:
    """Let it receive, on the port that it had before or any free one."""
    talking: set[asyncio.StreamWriter] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talking.add(writer)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await receiver.talk(reader, writer)
        finally:
            talking.discard(writer)
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", receiver.port)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield
    finally:
        server.close()
        for writer in list(talking):
            writer.transport.abort()
        await server.wait_closed()
