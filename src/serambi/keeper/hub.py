"""From the camera threads to the event loop: each picture is encoded once, kept in the cache of
its group of pictures, and offered to the release door. Deciding does not belong here."""

import asyncio
import threading
from collections.abc import Callable

from serambi.base.limits import SOURCE_QUEUE_UNITS
from serambi.media.access_unit import AccessUnit, VideoConfig
from serambi.media.gop import GopCache
from serambi.media.wire import MessageBuilder

Offer = Callable[[str, str, bytes, bool], None]


class _Channel:
    """One stream of one camera."""

    def __init__(self) -> None:
        self.builder = MessageBuilder()
        self.cache = GopCache()
        self.config: VideoConfig | None = None
        self.config_message = b""
        self.pending = 0
        self.skipping = False


class Hub:
    """`push` is called in camera threads; everything else belongs to the event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, offer: Offer) -> None:
        self._loop = loop
        self._offer = offer
        self._lock = threading.Lock()
        self._channels: dict[tuple[str, str], _Channel] = {}
        self.dropped = 0

    def push(self, camera: str, stream: str, item: VideoConfig | AccessUnit) -> None:
        """Take one item from a camera thread. When the event loop falls behind by more than
        SOURCE_QUEUE_UNITS pictures, live skips to the next key frame; recording is not touched."""
        with self._lock:
            channel = self._channels.setdefault((camera, stream), _Channel())
            if isinstance(item, AccessUnit):
                if channel.pending >= SOURCE_QUEUE_UNITS:
                    channel.skipping = True
                if channel.skipping and not (item.key and channel.pending == 0):
                    self.dropped += 1
                    return
                channel.skipping = False
            channel.pending += 1
            message = channel.builder.build(item)
        try:
            self._loop.call_soon_threadsafe(self._accept, camera, stream, channel, item, message)
        except RuntimeError:
            return  # the loop has ended: the process is on its way out

    def _accept(
        self,
        camera: str,
        stream: str,
        channel: _Channel,
        item: VideoConfig | AccessUnit,
        message: bytes,
    ) -> None:
        with self._lock:
            channel.pending -= 1
        if isinstance(item, VideoConfig):
            channel.config, channel.config_message = item, message
            channel.cache.push_config(message)
        else:
            if item.key and channel.config_message:
                # The way to the center may lose messages; without this one nothing can be shown.
                self._offer(camera, stream, channel.config_message, True)
            channel.cache.push_unit(message, key=item.key)
        self._offer(camera, stream, message, isinstance(item, VideoConfig) or item.key)

    def prelude(self, camera: str, stream: str) -> tuple[bytes, ...]:
        """Configuration and pictures since the last key frame; empty before the first one."""
        channel = self._channels.get((camera, stream))
        return channel.cache.messages() if channel else ()

    def config(self, camera: str, stream: str) -> VideoConfig | None:
        """The newest configuration a stream has sent, for its size."""
        channel = self._channels.get((camera, stream))
        return channel.config if channel else None

    def forget(self, camera: str, stream: str) -> None:
        """A camera went away: its last pictures must not greet the next viewer as live."""
        channel = self._channels.get((camera, stream))
        if channel:
            channel.cache.clear()
