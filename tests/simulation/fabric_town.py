"""A center and couriers on the loopback, with throwaway certificates; and a road that counts."""

import asyncio
import contextlib
import datetime as dt
import ipaddress
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from serambi.fabric.port import TlsFiles
from serambi.fabric.zenoh_center import ZenohCenter
from serambi.fabric.zenoh_site import ZenohSite
from tests.unit.fabric_tasks import eventually, running

SITE = "site-a"
OTHER = "site-b"


class Authority:
    """A certificate authority for one test."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        self._certificate = (
            self._builder("test authority", "test authority", self._key.public_key())
            .add_extension(x509.BasicConstraints(True, None), True)
            .add_extension(usage, True)
            .sign(self._key, hashes.SHA256())
        )

    def issue(self, name: str, folder: str | None = None) -> TlsFiles:
        """Certificate and key of `name`; a second call renews them in place."""
        home = self._folder / (folder or name)
        home.mkdir(parents=True, exist_ok=True)
        key = ec.generate_private_key(ec.SECP256R1())
        names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        certificate = (
            self._builder(name, "test authority", key.public_key())
            .add_extension(x509.BasicConstraints(False, None), True)
            .add_extension(x509.SubjectAlternativeName(names), False)
            .add_extension(x509.ExtendedKeyUsage(usages), False)
            .sign(self._key, hashes.SHA256())
        )
        files = TlsFiles(home / "ca.pem", home / "cert.pem", home / "key.pem")
        files.ca.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))
        files.cert.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        files.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return files

    @staticmethod
    def _builder(
        name: str, issuer: str, public: ec.EllipticCurvePublicKey
    ) -> x509.CertificateBuilder:
        now = dt.datetime.now(dt.UTC)

        def named(text: str) -> x509.Name:
            return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

        return (
            x509.CertificateBuilder()
            .subject_name(named(name))
            .issuer_name(named(issuer))
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(now + dt.timedelta(hours=20))
        )


def free_port() -> int:
    """A port that is free for TCP and for UDP."""
    while True:
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", 0))
            port = int(tcp.getsockname()[1])
            with contextlib.suppress(OSError):
                udp.bind(("127.0.0.1", port))
                return port


class Road:
    """A TCP relay before the center: counts what a site sends, and can be blocked."""

    def __init__(self, to_port: int) -> None:
        self._to_port = to_port
        self.port = 0
        self.up_bytes = 0
        self.open = asyncio.Event()
        self.open.set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            await asyncio.Event().wait()
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _carry(self, site: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        on = None
        try:
            center, on = await asyncio.open_connection("127.0.0.1", self._to_port)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump(site, on, True))
                group.create_task(self._pump(center, back, False))
        except* OSError:
            pass
        finally:
            self._tasks.discard(task)
            for writer in (back, on):
                if writer is not None:
                    writer.transport.abort()

    async def _pump(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, up: bool
    ) -> None:
        while raw := await source.read(65_536):
            if up:
                await self.open.wait()
                self.up_bytes += len(raw)
            target.write(raw)
            await target.drain()
        target.transport.abort()


async def backwards(raw: bytes) -> bytes:
    return raw[::-1]


@dataclass
class Town:
    """A running center, and where couriers reach it."""

    authority: Authority
    center: ZenohCenter
    port: int
    states: list[tuple[str, bytes]] = field(default_factory=list)
    presence: list[tuple[str, bool]] = field(default_factory=list)

    @property
    def quic(self) -> str:
        return f"quic/127.0.0.1:{self.port}"

    @property
    def tls(self) -> str:
        return f"tls/127.0.0.1:{self.port}"

    def site(
        self,
        name: str = SITE,
        endpoints: tuple[str, ...] = (),
        on_command: Callable[[bytes], Awaitable[bytes]] = backwards,
    ) -> ZenohSite:
        """A courier's link that is not running yet; over QUIC unless told otherwise."""
        tls = self.authority.issue(name)
        return ZenohSite(name, endpoints or (self.quic,), tls, on_command)

    @asynccontextmanager
    async def connected(self, site: ZenohSite, name: str = SITE) -> AsyncIterator[ZenohSite]:
        """Run `site`'s link for the length of a block, beginning when the center sees it."""
        before = len(self.presence)
        async with running(site.run()):
            await eventually(
                lambda: (name, True) in self.presence[before:], f"{name} is seen by the center"
            )
            yield site


@asynccontextmanager
async def town(folder: Path, *sites: str) -> AsyncIterator[Town]:
    authority = Authority(folder)
    port = free_port()
    listen = (f"quic/127.0.0.1:{port}", f"tls/127.0.0.1:{port}")
    center = ZenohCenter(listen, authority.issue("center"), frozenset(sites or (SITE, OTHER)))
    place = Town(authority, center, port)
    center.on_state(lambda site, raw: place.states.append((site, raw)))
    center.on_presence(lambda site, online: place.presence.append((site, online)))
    async with running(center.run()):
        await asyncio.wait_for(center.ready(), 10)
        yield place
