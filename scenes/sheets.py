"""Sprite sheets: every actor at many angles, on one transparent render per sheet.

Each cell is one parallel-projected view from `elevation_deg` above. A second, flat render
of the same cells holds where the tintable paints are (red, green and blue weights).
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

import vehicles
from people import BENDING, RIDING, STANDING, person, walking
from stage import PALETTE, Paint, Stage

# isort: split
# Both exist only once stage has imported bpy.
import bpy
from mathutils import Vector

STRIDE_PHASES = 8

#: Neutral paints of the parts that the compositor tints.
PALETTE.update(
    {
        "skin": Paint((0.33, 0.17, 0.10), 0.6),
        "role_top": Paint((0.45, 0.45, 0.45), 0.9),
        "role_legs": Paint((0.4501, 0.4501, 0.4501), 0.9),
        "role_head": Paint((0.4502, 0.4502, 0.4502), 0.8),
    }
)
BODY = (0.45, 0.45, 0.46)
ROLES = {"role_top": (1, 0, 0), "role_legs": (0, 1, 0), "role_head": (0, 0, 1)}


@dataclass(frozen=True)
class Sheet:
    """One sheet: `angles` views from front (0) to back (180), mirrored for the other side."""

    name: str
    actor: str
    light: str
    elevations_deg: tuple[int, ...]
    angles: int
    phases: int  # cells per angle: phases of the stride, or 1
    cell: tuple[int, int]  # pixels
    scale: float  # pixels per meter
    origin: tuple[int, int]  # the actor's ground point in the cell, from the top left


def _vehicle(actor: str, light: str, cell: tuple[int, int], scale: float, foot: int) -> Sheet:
    return Sheet(
        f"{actor}_{light}", actor, light, (12, 28), 17, 1, cell, scale, (cell[0] // 2, foot)
    )


def _walker(actor: str, light: str) -> Sheet:
    near = light == "inside"
    cell, scale = ((120, 240), 125.0) if near else ((84, 160), 84.0)
    if actor == "porter":  # arms and carton reach out
        cell = (round(1.36 * scale / 2) * 2, cell[1])
    return Sheet(
        f"{actor}_{light}",
        actor,
        light,
        (24 if near else 20,),
        9,
        STRIDE_PHASES + 1,
        cell,
        scale,
        (cell[0] // 2, cell[1] - round(scale * 0.2)),
    )


SHEETS: dict[str, Sheet] = {
    sheet.name: sheet
    for sheet in (
        *(_walker(a, "dusk") for a in ("man", "hijab", "porter")),
        *(_walker(a, "day") for a in ("man", "hijab")),
        *(_walker(a, "inside") for a in ("man", "hijab", "porter")),
        *(_vehicle("car", light, (300, 236), 60.0, 160) for light in ("dusk", "day")),
        *(_vehicle("bike", light, (180, 188), 76.0, 140) for light in ("dusk", "day")),
        _vehicle("truck", "dusk", (384, 320), 42.0, 216),
        _vehicle("forklift", "dusk", (224, 220), 50.0, 156),
    )
}


def _build(s: Stage, sheet: Sheet, x: float, y: float, turn: float, phase: int) -> None:
    lights = sheet.light == "dusk"
    if sheet.actor == "bike":
        vehicles.scooter(s, x, y, turn, BODY, lights)
        seat = (x - 0.28 * math.cos(turn), y - 0.28 * math.sin(turn))
        person(s, *seat, turn, RIDING, base=-0.06, helmet=True)
    elif sheet.actor in ("car", "truck", "forklift"):
        getattr(vehicles, sheet.actor)(s, x, y, turn, BODY, lights)
    else:
        carry = sheet.actor == "porter"
        kind = "cap" if carry else sheet.actor
        pose = walking(phase / STRIDE_PHASES, carry)
        if phase == STRIDE_PHASES:  # the extra cell: at rest; the porter bends to put down
            pose = BENDING if carry else STANDING
        person(s, x, y, turn, pose, kind, carry and phase < STRIDE_PHASES)


def render_sheet(sheet: Sheet, work: Path, samples: int) -> None:
    for elevation in sheet.elevations_deg:
        stem = f"sheet_{sheet.name}_{elevation}"
        s = Stage(sheet.light, 3)
        columns, rows = _cells(s, sheet, elevation)
        _look_down(sheet, elevation, columns, rows)
        _light(s)
        scene = bpy.context.scene
        scene.render.film_transparent = True
        scene.render.image_settings.color_mode = "RGBA"
        size = (columns * sheet.cell[0], rows * sheet.cell[1])
        s.render(work / f"{stem}.png", None, size, samples)
        _flatten(s)
        s.render(work / f"{stem}_paint.png", None, size, 8)
    (work / f"sheet_{sheet.name}.json").write_text(json.dumps(asdict(sheet)))


def _cells(s: Stage, sheet: Sheet, elevation: int) -> tuple[int, int]:
    """Columns are phases (or angles when there is one phase), rows are angles."""
    if sheet.phases == 1:
        columns = 6
        rows = math.ceil(sheet.angles / columns)
    else:
        columns, rows = sheet.phases, sheet.angles
    wide, high = (side / sheet.scale for side in sheet.cell)
    drop = math.sin(math.radians(elevation))
    for i in range(sheet.angles * sheet.phases):
        angle, phase = divmod(i, sheet.phases)
        column, row = (angle % columns, angle // columns) if sheet.phases == 1 else (phase, angle)
        # The viewer stands at -y: angle 0 faces it, 180 turns its back.
        turn = -math.pi / 2 + math.pi * angle / (sheet.angles - 1)
        _build(s, sheet, column * wide, -row * high / drop, turn, phase)
    return columns, rows


def _look_down(sheet: Sheet, elevation: int, columns: int, rows: int) -> None:
    """A parallel camera that sees exactly the grid of cells."""
    wide, high = (side / sheet.scale for side in sheet.cell)
    up = math.radians(elevation)
    lens = bpy.data.cameras.new("sheet")
    lens.type, lens.clip_end = "ORTHO", 2000
    lens.ortho_scale = max(columns * wide, rows * high)
    camera = bpy.data.objects.new("sheet", lens)
    bpy.context.collection.objects.link(camera)
    # The view's up axis, and where the middle of the grid lies seen from the first cell.
    upward = Vector((0, math.sin(up), math.cos(up)))
    right = Vector((1, 0, 0))
    dx = (columns * sheet.cell[0] / 2 - sheet.origin[0]) / sheet.scale
    dy = (sheet.origin[1] - rows * sheet.cell[1] / 2) / sheet.scale
    back = Vector((0, -math.cos(up), math.sin(up)))
    camera.location = right * dx + upward * dy + back * 400
    camera.rotation_euler = (math.pi / 2 - up, 0, 0)
    bpy.context.scene.camera = camera


def _light(s: Stage) -> None:
    """Sky of the hour and one broad key from above left, no ground."""
    s.sky(sun_deg=150, horizon=False)
    key = bpy.data.lights.new("key", "SUN")
    key.angle = 0.5
    key.energy = {"dusk": 1.5, "day": 1.2, "inside": 1.6}[s.light]
    key.color = (1.0, 0.78, 0.52) if s.dusk else (1.0, 0.97, 0.92)
    thing = bpy.data.objects.new("key", key)
    bpy.context.collection.objects.link(thing)
    thing.rotation_euler = (math.radians(38), math.radians(-22), 0)
    if s.light == "inside":
        bpy.context.scene.world.node_tree.nodes["Background"].inputs["Strength"].default_value = 0.6
    for lamp in [o for o in bpy.data.objects if o.type == "LIGHT" and o.data.type == "SPOT"]:
        bpy.data.objects.remove(lamp)


def _flatten(s: Stage) -> None:
    """Every material gives off its paint weights and nothing else."""
    scene = bpy.context.scene
    scene.view_settings.view_transform, scene.view_settings.look = "Raw", "None"
    scene.view_settings.exposure = 0
    scene.cycles.use_denoising = False
    scene.cycles.max_bounces = 0
    body = f"tint{BODY}{0.25}{0.3}{0.0}"
    for material in bpy.data.materials:
        weights = ROLES.get(material.name, (0, 0, 1) if material.name == body else (0, 0, 0))
        tree = material.node_tree
        emission = tree.nodes.new("ShaderNodeEmission")
        emission.inputs["Color"].default_value = (*weights, 1)
        tree.links.new(emission.outputs[0], tree.nodes["Material Output"].inputs["Surface"])
