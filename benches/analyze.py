"""How many cameras one core analyzes at five pictures a second: decoding, motion grid, resting
things, tracks, tamper and view check, in one process and one thread, as at the gateway.
"""

import sys
import time
from fractions import Fraction

import av
import cv2
import numpy as np

from benches._report import Row, options, report, say
from benches._scenes import Director
from benches._stage import HIGH, WIDE, Luma, places
from benches._truths import RULES
from serambi.analytics.engine import EVERY_S, Engine
from serambi.analytics.view import ReferenceViews
from serambi.analytics.watch import ViewWatch
from serambi.media.pyav import LumaDecoder

FPS = 5
#: Kinds of scenes that take turns, as a town's cameras do: most of the time little happens.
KINDS = ("weather", "walk", "stand", "left")


def encoded(frames: list[Luma]) -> list[bytes]:
    """The pictures as a camera's substream would bring them."""
    coder = av.CodecContext.create("libx264", "w")
    coder.width, coder.height, coder.pix_fmt = WIDE, HIGH, "yuv420p"
    coder.framerate, coder.gop_size, coder.bit_rate = Fraction(FPS), 2 * FPS, 400_000
    coder.options = {"preset": "veryfast", "tune": "zerolatency", "threads": "1"}
    units = []
    for luma in frames:
        picture = np.concatenate([luma, np.full((HIGH // 2, WIDE), 128, np.uint8)])
        frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
        units += [bytes(packet) for packet in coder.encode(frame)]
    return units + [bytes(packet) for packet in coder.encode(None)]


def main() -> int:
    parser = options("Cameras a core that the analysis follows")
    asked = parser.parse_args()
    cv2.setNumThreads(1)
    stage = places(None)
    spent = {"decode": 0.0, "view check": 0.0, "engine": 0.0}
    pictures, slowest_s = 0, 0.0
    for index in range(40 if asked.full else 8):
        scene = Director(400 + index, stage).scene(KINDS[index % len(KINDS)])
        frames = [luma for _, luma in scene.frames()]
        units = encoded(frames)
        decoder, engine = LumaDecoder("h264"), Engine(RULES)
        watch = ViewWatch(ReferenceViews([frames[0]]))
        for number, unit in enumerate(units):
            began = time.process_time()
            decoded = decoder.decode(unit, number)
            t0 = time.process_time()
            spent["decode"] += t0 - began
            for _, luma in decoded:
                watch.update(luma, number * EVERY_S)
                t1 = time.process_time()
                engine.update(luma, number * EVERY_S)
                t2 = time.process_time()
                spent["view check"] += t1 - t0
                spent["engine"] += t2 - t1
                pictures += 1
                slowest_s = max(slowest_s, t2 - began)
        say(f"{scene.name}: {len(units)} pictures")
    total = sum(spent.values())
    rows = [
        Row("cameras a core", pictures / FPS / total, "cameras", "goal", 60.0),
        *(Row(f"{name}, a picture", s / pictures * 1000, "ms") for name, s in spent.items()),
        Row("slowest picture", slowest_s * 1000, "ms"),
    ]
    report("analyze", rows, as_json=asked.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
