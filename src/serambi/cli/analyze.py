"""`serambi analyze`: the gateway's analysis on a video file, one line for each event."""

import json
from pathlib import Path
from typing import Any

import click

from serambi.analytics.engine import EVERY_S, Engine
from serambi.analytics.events import Event
from serambi.analytics.rules import Rules, read_rules
from serambi.media.pyav import luma_of_file


@click.command()
@click.argument("video", type=click.Path(exists=True, path_type=Path, dir_okay=False))
@click.option("--rules", type=click.Path(path_type=Path, dir_okay=False), help="zones and rules")
@click.option("--json", "as_json", is_flag=True, help="one JSON object a line")
def analyze(video: Path, rules: Path | None, as_json: bool) -> None:
    """Say what the analysis at the gateway sees in VIDEO."""
    engine = Engine(read_rules(rules) if rules else Rules())
    size = (1, 1)
    for t_s, luma in luma_of_file(str(video), EVERY_S):
        size = (luma.shape[1], luma.shape[0])
        _print(engine.update(luma, t_s), size, as_json)
    _print(engine.finish(), size, as_json)


def _print(events: list[Event], size: tuple[int, int], as_json: bool) -> None:
    for event in events:
        if event.end_s is not None:
            click.echo(json.dumps(as_line(event, size)) if as_json else _in_words(event))


def as_line(event: Event, size: tuple[int, int]) -> dict[str, Any]:
    """The JSON form; `box` in pixels of the source: left, top, right, bottom."""
    wide, high = size
    left, top, right, bottom = event.box
    return {
        "rule": event.rule,
        "t_start_s": round(event.start_s, 2),
        "t_end_s": round(event.end_s or event.start_s, 2),
        "t_since_s": round(event.since_s, 2),
        "box": [round(left * wide), round(top * high), round(right * wide), round(bottom * high)],
        "confidence": event.confidence,
        "place": event.place,
        "kind": event.kind,
    }


def _in_words(event: Event) -> str:
    place = f" at {event.place}" if event.place else ""
    kind = f" ({event.kind})" if event.kind else ""
    over = event.end_s or event.start_s
    return f"{event.start_s:8.1f} s to {over:8.1f} s  {event.rule}{kind}{place}"
