"""The simulator's RTSP server: any number of cameras behind one port.

URLs are `/<camera>/main` and `/<camera>/sub`. RTP travels inside the connection or as datagrams.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from serambi.base.clock import Clock
from serambi.base.errors import Kind, SerambiError
from serambi.sim.limits import SESSION_TIMEOUT_S
from serambi.sim.schedule import Schedule
from serambi.sim.session import Connection
from serambi.sim.stream import Camera


class Server:
    """A running server; made by `listen`."""

    def __init__(self, cameras: dict[str, Camera], port: int) -> None:
        self.cameras = cameras
        self.port = port
        self.connections: set[Connection] = set()


@asynccontextmanager
async def listen(
    cameras: Iterable[Camera],
    clock: Clock,
    host: str = "127.0.0.1",
    port: int = 0,
    session_timeout_s: float = SESSION_TIMEOUT_S,
) -> AsyncIterator[Server]:
    """Serve for as long as the block runs; port 0 takes a free one (`server.port`).

    On leaving every client is cut off and every task has ended. Raises
    `SerambiError(UNAVAILABLE)` when the port cannot be had.
    """
    by_id = {camera.id: camera for camera in cameras}
    server = Server(by_id, port)
    loop = asyncio.get_running_loop()
    try:
        listener = await loop.create_server(
            lambda: Connection(by_id, server.connections, clock, session_timeout_s), host, port
        )
    except OSError as error:
        raise SerambiError(
            Kind.UNAVAILABLE,
            f"cannot listen: {error.strerror}",
            where=f"{host}:{port}",
            hint="choose another port, or 0 for any free one",
        ) from error
    server.port = listener.sockets[0].getsockname()[1]
    schedule = Schedule()
    for camera in by_id.values():
        for stream in camera.streams.values():
            stream.on_start = schedule.add
    try:
        yield server
    finally:
        schedule.close()
        listener.close()
        for connection in tuple(server.connections):
            connection.drop()
        await asyncio.sleep(0)  # aborted transports report their end in the next turn
        await listener.wait_closed()
