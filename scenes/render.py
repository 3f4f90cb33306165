"""Render the pictures that `serambi.sim.scene` plays: run once, offline, with Blender's bpy.

    python scenes/render.py raw [view ...]      # Cycles: backgrounds and depth into --work
    python scenes/render.py parcel              # Cycles: the parcel at the gate
    python scenes/render.py sprites [sheet ...] # Cycles: actors into --work
    python scenes/render.py finish              # lens, grade, packing into the package

See README.md beside this file.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

SIZE = (1280, 720)
ROOT = Path(__file__).resolve().parent.parent
SHIPPED = ROOT / "src" / "serambi" / "sim" / "scenes"


def raw(names: list[str], work: Path, samples: int, scale: float) -> None:
    from stage import Stage
    from views import VIEWS

    for name in names or list(VIEWS):
        started, view = time.monotonic(), VIEWS[name]
        stage = Stage(view.light, view.seed)
        view.place(stage)
        stage.camera(view.at, view.aim, view.fov_deg)
        size = (round(SIZE[0] * scale), round(SIZE[1] * scale))
        stage.render(work / f"{name}.png", work / f"{name}.exr", size, samples)
        stage.depth_array(work / f"{name}.exr", work / f"{name}.npy")
        print(f"{name}: {time.monotonic() - started:.0f} s", flush=True)


def parcel(work: Path, samples: int) -> None:
    """The parcel of the scene "gate", rendered into the place where it will lie."""
    from finish import parcel_border
    from props import parcel as build
    from stage import Stage
    from views import PARCEL_AT, VIEWS

    view = VIEWS["gate"]
    stage = Stage(view.light, view.seed)
    view.place(stage)
    build(stage, *PARCEL_AT)
    stage.camera(view.at, view.aim, view.fov_deg)
    stage.border(parcel_border(view, SIZE), SIZE)
    stage.render(work / "gate_parcel.png", work / "gate_parcel.exr", SIZE, samples)
    stage.depth_array(work / "gate_parcel.exr", work / "gate_parcel.npy")


def sprites(names: list[str], work: Path, samples: int) -> None:
    from sheets import SHEETS, render_sheet

    for name in names or list(SHEETS):
        started = time.monotonic()
        render_sheet(SHEETS[name], work, samples)
        print(f"{name}: {time.monotonic() - started:.0f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("step", choices=("raw", "parcel", "sprites", "finish"))
    parser.add_argument("names", nargs="*")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "scenes")
    parser.add_argument("--samples", type=int, default=18)
    parser.add_argument("--scale", type=float, default=1.0, help="smaller raw previews")
    options = parser.parse_args()
    work = options.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    if options.step == "raw":
        raw(options.names, work, options.samples, options.scale)
    elif options.step == "parcel":
        parcel(work, options.samples)
    elif options.step == "sprites":
        sprites(options.names, work, options.samples)
    else:
        from finish import finish

        finish(work, SHIPPED)


if __name__ == "__main__":
    main()
