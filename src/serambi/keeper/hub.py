"""From the camera threads to the event loop. Each stream's current group of pictures is kept, as
references; messages are built only for a stream that is watched, once, and offered to the release
door. Deciding does not belong here."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable

from serambi.base.errors import Kind, SerambiError
from serambi.base.limits import ACCESS_UNIT_MAX_BYTES, SOURCE_QUEUE_UNITS
from serambi.media.access_unit import AccessUnit, VideoConfig
from serambi.media.gop import GopCache
from serambi.media.wire import MessageBuilder, again

UNWATCHED_S = 10.0
"""How long after it was last open a stream counts as watched."""

Offer = Callable[[str, str, bytes, bool], None]
IsOpen = Callable[[str, str], bool]

_Item = VideoConfig | AccessUnit


class _Channel:
    """One stream of one camera. `queue` holds what the event loop has not taken yet; it fills only
    while the stream is `watched`."""

    def __init__(self, camera: str, stream: str) -> None:
        self.name = (camera, stream)
        self.builder = MessageBuilder()
        self.cache: GopCache[VideoConfig, AccessUnit] = GopCache()
        self.newest: VideoConfig | None = None
        self.queue: deque[_Item] = deque()
        self.watched = False
        self.skipping = False
        self.open_s = 0.0
        self.config_again: bytes | None = None


class Hub:
    """`push` and `forget` are for camera threads; everything else belongs to the event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, offer: Offer, is_open: IsOpen) -> None:
        self._loop = loop
        self._offer = offer
        self._is_open = is_open
        self._lock = threading.Lock()
        self._channels: dict[tuple[str, str], _Channel] = {}
        self._due: dict[_Channel, None] = {}
        self._woken = False
        self.dropped = 0

    def push(self, camera: str, stream: str, item: _Item) -> None:
        """Take one item from a camera thread. When the event loop falls behind by more than
        SOURCE_QUEUE_UNITS pictures, live skips to the next key frame; recording is not touched.
        Raises `LIMIT` for a unit larger than ACCESS_UNIT_MAX_BYTES."""
        with self._lock:
            channel = self._channels.get((camera, stream))
            if channel is None:
                channel = self._channels[camera, stream] = _Channel(camera, stream)
            if isinstance(item, AccessUnit):
                size_bytes = len(item.data)
                if size_bytes > ACCESS_UNIT_MAX_BYTES:
                    raise SerambiError(Kind.LIMIT, f"a picture has {size_bytes} bytes")
                channel.cache.push_unit(item, size_bytes, key=item.key)
            else:
                channel.newest = item
                channel.cache.push_config(item)
            if not channel.watched or not self._has_room(channel, item):
                return
            channel.queue.append(item)
            self._due[channel] = None
            if self._woken:
                return
            self._woken = True
        try:
            self._loop.call_soon_threadsafe(self._pass_on)
        except RuntimeError:
            return  # the loop has ended: the process is on its way out

    def _has_room(self, channel: _Channel, item: _Item) -> bool:
        if isinstance(item, VideoConfig):
            return True
        if len(channel.queue) >= SOURCE_QUEUE_UNITS:
            channel.skipping = True
        if channel.skipping and not (item.key and not channel.queue):
            self.dropped += 1
            return False
        channel.skipping = False
        return True

    def _pass_on(self) -> None:
        """Offer what has come since the last time, of every stream that is watched."""
        with self._lock:
            self._woken = False
            taken = [(channel, tuple(channel.queue)) for channel in self._due]
            for channel in self._due:
                channel.queue.clear()
            self._due.clear()
        now_s = self._loop.time()
        for channel, items in taken:
            if self._is_open(*channel.name):
                channel.open_s = now_s
                for item in items:
                    self._pass(channel, item)
            elif now_s - channel.open_s > UNWATCHED_S:
                # Not at once: an end that has just passed may still be moved.
                self._close(channel)

    def _pass(self, channel: _Channel, item: _Item) -> None:
        message = channel.builder.build(item)
        if isinstance(item, VideoConfig):
            channel.config_again = again(message)
            self._offer(*channel.name, message, True)
            return
        if item.key and channel.config_again is not None:
            # Repeated with every key frame: live may be dropped on the way, and whoever missed
            # the configuration would see nothing for ever.
            self._offer(*channel.name, channel.config_again, True)
        self._offer(*channel.name, message, item.key)

    def _close(self, channel: _Channel) -> None:
        with self._lock:
            channel.watched = channel.skipping = False
            channel.queue.clear()
            self._due.pop(channel, None)

    def prelude(self, camera: str, stream: str) -> tuple[bytes, ...]:
        """Configuration and pictures since the last key frame, for whoever opens the stream in
        the same turn of the loop; what comes after them is offered. Empty before the first
        configuration."""
        with self._lock:
            channel = self._channels.get((camera, stream))
            if channel is None:
                channel = self._channels[camera, stream] = _Channel(camera, stream)
            channel.watched, channel.skipping = True, False
            channel.open_s = self._loop.time()
            # What waits is in the cache as well, or older than what is.
            channel.queue.clear()
            items = channel.cache.content()
        messages = tuple(channel.builder.build(item) for item in items)
        if messages:
            channel.config_again = again(messages[0])
        return messages

    def config(self, camera: str, stream: str) -> VideoConfig | None:
        """The newest configuration a stream has sent, for its size."""
        channel = self._channels.get((camera, stream))
        return channel.newest if channel else None

    def forget(self, camera: str, stream: str) -> None:
        """A camera went away: its last pictures must not greet the next viewer as live."""
        with self._lock:
            channel = self._channels.get((camera, stream))
            if channel is not None:
                channel.cache.clear()
