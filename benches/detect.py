"""How well the analysis sees: precision, recall, delay and false alarms an hour, by rule and scene.

Scenes are drawn from `--seed`: rendered and real backgrounds, people, things, weather, tampering.
"""

import json
import math
import sys
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2

from benches._report import machine, options, say
from benches._scenes import Director, Scene
from benches._stage import Place, places
from benches._truths import RULES, fits
from benches._views import view_checks
from serambi.analytics.engine import Engine
from serambi.analytics.events import Event

VIDEOS = Path(__file__).resolve().parents[2] / "shared" / "data" / "video"
RULE_NAMES = (
    "left_object", "removed_object", "loitering", "line", "zone", "crowd", "motion", "tamper"
)  # fmt: skip
#: Scenes of each kind in the default run and with --full.
COUNTS = {
    "left": (60, 600), "taken": (60, 600), "stand": (40, 400), "walk": (30, 300),
    "crowd": (70, 400), "weather": (20, 400), "ghosts": (20, 200), "parking": (20, 200),
    "sitting": (15, 200), "tamper": (66, 660),
}  # fmt: skip


@dataclass
class Tally:
    """What came out for one rule, in one kind of scene or in all."""

    positives: int = 0
    found: int = 0
    false: int = 0
    hours: float = 0.0
    delays_s: list[float] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        self.positives += other.positives
        self.found += other.found
        self.false += other.false
        self.hours += other.hours
        self.delays_s += other.delays_s

    def figures(self) -> dict[str, Any]:
        """The JSON form; None where nothing was there to measure."""
        alarms = self.found + self.false
        delays = sorted(self.delays_s)
        return {
            "positives": self.positives,
            "recall": round(self.found / self.positives, 4) if self.positives else None,
            "precision": round(self.found / alarms, 4) if alarms else None,
            "delay_s": round(delays[int(0.95 * (len(delays) - 1))], 2) if delays else None,
            "false": self.false,
            "hours": round(self.hours, 2),
            "false_per_hour": round(self.false / self.hours, 3) if self.hours else None,
            "false_per_hour_upper95": round(upper95(self.false) / self.hours, 3)
            if self.hours
            else None,
        }


def upper95(count: int) -> float:
    """Upper end of the one-sided 95 % interval of a Poisson mean after `count` events."""
    low, high = float(count), count + 10 * math.sqrt(count + 1) + 10
    for _ in range(80):
        mean = (low + high) / 2
        term = total = math.exp(-mean)
        for k in range(1, count + 1):
            term *= mean / k
            total += term
        low, high = (mean, high) if total > 0.05 else (low, mean)
    return high


def judge(scene: Scene, events: list[Event]) -> dict[str, Tally]:
    """Truths and events of one scene put together, each truth with at most one event; a motion
    or crowd event may cover several truths."""
    tallies = {rule: Tally(hours=scene.length_s / 3600) for rule in RULE_NAMES}
    used: set[int] = set()
    for truth in sorted(scene.truths, key=lambda t: t.may):
        hits = [i for i, event in enumerate(events) if fits(truth, event)]
        if truth.rule not in ("motion", "crowd", "tamper"):
            hits = [i for i in hits if i not in used][:1]
        used.update(hits)
        if truth.may:
            continue
        tally = tallies[truth.rule]
        tally.positives += 1
        if hits:
            tally.found += 1
            tally.delays_s.append(max(0.0, events[hits[0]].start_s - truth.due_s))
    for index, event in enumerate(events):
        if index not in used:
            tallies[event.rule].false += 1
    return tallies


_places: list[Place] = []


def _prepare() -> None:
    cv2.setNumThreads(1)
    _places.extend(places(VIDEOS if VIDEOS.is_dir() else None))


def play(task: tuple[str, int]) -> tuple[str, str, dict[str, Tally]]:
    """Draw and analyze one scene; its kind, its name and what came out."""
    kind, seed = task
    scene = Director(seed, _places).scene(kind)
    engine = Engine(RULES)
    events: dict[int, Event] = {}  # an event comes twice, when it begins and when it is over
    for t_s, luma in scene.frames():
        events.update({id(event): event for event in engine.update(luma, t_s)})
    engine.finish()
    return kind, scene.name, judge(scene, list(events.values()))


def main() -> int:
    parser = options("Precision, recall, delay and false alarms of the analysis")
    parser.add_argument("--seed", type=int, default=1, help="which scenes")
    asked = parser.parse_args()
    tasks = [
        (kind, asked.seed * 1_000_003 + 7919 * position + index)
        for position, (kind, counts) in enumerate(COUNTS.items())
        for index in range(counts[1 if asked.full else 0])
    ]
    by_scene: dict[str, dict[str, Tally]] = defaultdict(lambda: defaultdict(Tally))
    total: dict[str, Tally] = defaultdict(Tally)
    with ProcessPoolExecutor(2, get_context("spawn"), initializer=_prepare) as pool:
        for number, (kind, _, tallies) in enumerate(pool.map(play, tasks, chunksize=4), start=1):
            for rule, tally in tallies.items():
                by_scene[kind][rule].add(tally)
                total[rule].add(tally)
            if number % 50 == 0:
                say(f"{number} of {len(tasks)} scenes")
    _prepare()
    views = view_checks(asked.seed, _places, 20_000 if asked.full else 600)
    total["view"] = Tally(
        views.positives, views.caught, views.false, views.checks / 60, views.delays_s
    )
    _print(by_scene, total, f"view: {views.checks} checks, {views.false} false suspensions")
    if asked.json:
        rules = {rule: tally.figures() for rule, tally in total.items()}
        rules["view"]["checks"] = views.checks
        rules["view"]["false_upper95_share"] = upper95(views.false) / views.checks
        scenes = {
            kind: {rule: tally.figures() for rule, tally in tallies.items()}
            for kind, tallies in by_scene.items()
        }
        line = {
            "bench": "detect", "seed": asked.seed, "machine": machine(), "rules": rules,
            "scenes": scenes,
        }  # fmt: skip
        sys.stdout.write(json.dumps(line) + "\n")
    return 0


def _print(by_scene: dict[str, dict[str, Tally]], total: dict[str, Tally], last: str) -> None:
    heads = ("rule", "scene", "positives", "recall", "precision", "delay_s", "false", "hours",
             "false_per_hour", "false_per_hour_upper95")  # fmt: skip
    rows: list[tuple[str, ...]] = [heads]
    for rule, tally in total.items():
        rows.append(_cells(rule, "all", tally))
        rows += [
            _cells("", kind, tallies[rule])
            for kind, tallies in by_scene.items()
            if rule in tallies and (tallies[rule].positives or tallies[rule].false)
        ]
    widths = [max(len(row[i]) for row in rows) for i in range(len(heads))]
    for row in rows:
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        sys.stdout.write(line.rstrip() + "\n")
    sys.stdout.write(last + "\n")


def _cells(rule: str, scene: str, tally: Tally) -> tuple[str, ...]:
    figures = tally.figures()
    names = ("positives", "recall", "precision", "delay_s", "false", "hours", "false_per_hour",
             "false_per_hour_upper95")  # fmt: skip
    return (rule, scene, *("" if figures[n] is None else str(figures[n]) for n in names))


if __name__ == "__main__":
    sys.exit(main())
