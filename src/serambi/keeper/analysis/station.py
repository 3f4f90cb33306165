"""One camera in the analyst: decoded, looked at, answered. No socket and no clock here."""

from datetime import datetime
from zoneinfo import ZoneInfo

import cv2
import numpy as np
from numpy.typing import NDArray

from serambi.analytics.engine import Engine
from serambi.analytics.events import Event
from serambi.analytics.rules import parse_rules
from serambi.analytics.view import ReferenceViews, Sight
from serambi.analytics.watch import ViewWatch
from serambi.base.errors import Kind, SerambiError
from serambi.keeper.analysis.messages import Config, FromAnalyst, Happened, Moved, Seen, Unit, Watch
from serambi.media.pyav import LumaDecoder

Luma = NDArray[np.uint8]

_CODECS = {"avc1": "h264", "hvc1": "hevc"}
_JPEG_QUALITY = 80
_SMALL = (640, 360)


class Station:
    """`take` pictures; without rules only key pictures are decoded, for the view alone."""

    def __init__(self, watch: Watch) -> None:
        """Raises `SerambiError` for rules or approved pictures that cannot be read."""
        self.camera = watch.camera
        self._zone = ZoneInfo(watch.zone)
        self._engine = Engine(parse_rules(watch.rules.encode(), "rules")) if watch.rules else None
        approved = [_brightness(raw, watch.camera) for raw in watch.references]
        self._view = ViewWatch(ReferenceViews(approved)) if approved else None
        self._decoder: LumaDecoder | None = None
        self._whole = False
        self._next_s = -1e9

    def configure(self, config: Config) -> None:
        """What follows is decoded with this. Raises `SerambiError` for an unknown codec."""
        name = config.codec.partition(".")[0]
        self._decoder = LumaDecoder(_CODECS.get(name, name), config.record)
        self._whole = False

    def take(self, unit: Unit, every_s: float) -> list[FromAnalyst]:
        """What this picture says. The engine looks at most once in `every_s`."""
        decoder = self._decoder
        if decoder is None or not (unit.key or (self._engine and self._whole)):
            return []
        self._whole = True
        answers: list[FromAnalyst] = []
        for _, luma in decoder.decode(unit.data, int(unit.at_s * 90_000)):
            if unit.key and self._view is not None:
                answers.append(self._look(self._view, luma, unit.at_s))
            if self._engine is not None and unit.at_s >= self._next_s:
                self._next_s = max(self._next_s + every_s, unit.at_s + every_s / 2)
                answers += self._follow(self._engine, luma, unit)
        return answers

    def _look(self, view: ViewWatch, luma: Luma, at_s: float) -> Seen:
        other = view.update(luma, at_s)
        last = view.last
        picture = _jpeg(luma) if other and view.sight is not Sight.MATCH else b""
        return Seen(self.camera, view.sight.value, last.shift, last.roll_deg, last.zoom, picture)

    def _follow(self, engine: Engine, luma: Luma, unit: Unit) -> list[FromAnalyst]:
        local = datetime.fromtimestamp(unit.wall_us / 1e6, self._zone)
        events = engine.update(luma, unit.at_s, local.hour * 60 + local.minute)
        answers: list[FromAnalyst] = [self._happened(event) for event in events]
        answers += [Moved(self.camera, each.second, each.cells) for each in engine.take_seconds()]
        return answers

    def _happened(self, event: Event) -> Happened:
        over = event.end_s is not None
        at_s = event.start_s if event.end_s is None else event.end_s
        return Happened(
            self.camera, event.rule, event.place, event.kind, at_s, event.since_s, event.box,
            event.confidence, over,
        )  # fmt: skip


def _brightness(raw: bytes, camera: str) -> Luma:
    """An approved picture, as small as the substreams it is compared with."""
    picture = cv2.imdecode(np.frombuffer(raw, np.uint8), cv2.IMREAD_GRAYSCALE) if raw else None
    if picture is None:
        raise SerambiError(
            Kind.BAD_INPUT,
            "the approved picture cannot be read",
            where=f"camera {camera}",
            hint="use the file that was attested: WebP, JPEG or PNG",
        )
    if picture.shape[1] > _SMALL[0]:
        high = round(picture.shape[0] * _SMALL[0] / picture.shape[1])
        picture = cv2.resize(picture, (_SMALL[0], high), interpolation=cv2.INTER_AREA)
    return np.asarray(picture, np.uint8)


def _jpeg(luma: Luma) -> bytes:
    done, raw = cv2.imencode(".jpg", luma, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    return raw.tobytes() if done else b""
