"""A Blender stage: render settings, light of the hour, materials, plain shapes, one camera.

Lengths are meters, angles radians unless the name ends in ``_deg``, colors linear RGB.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy
import numpy as np

# isort: split
# These two exist only once bpy is imported.
import bmesh
from mathutils import Vector

Color = tuple[float, float, float]
Point = Sequence[float]

#: Lamps of the dusk were balanced against the dim sky with this one factor.
LAMP_FACTOR = 5.2


@dataclass(frozen=True)
class Paint:
    """A surface: color and how it breaks up (noise), shines (wet) and ripples (wave)."""

    color: Color
    rough: float = 0.8
    metal: float = 0.0
    glow: float = 0.0
    noise: float = 0.0
    scale: float = 6.0
    bump: float = 0.0
    wet: float = 0.0
    wave: float = 0.0


PALETTE: dict[str, Paint] = {
    "asphalt": Paint((0.07, 0.07, 0.072), 0.75, noise=0.35, scale=1.6, bump=0.5),
    "paving": Paint((0.30, 0.28, 0.26), 0.85, noise=0.35, scale=2.5, bump=0.4),
    "yard": Paint((0.20, 0.195, 0.185), 0.85, noise=0.35, scale=0.9, bump=0.35),
    "soil": Paint((0.12, 0.10, 0.07), 0.95, noise=0.4),
    "grass": Paint((0.05, 0.09, 0.03), 0.95, noise=0.5, scale=2, bump=0.6),
    "land": Paint((0.07, 0.075, 0.06), 0.95, noise=0.4, scale=0.05),
    "marking": Paint((0.55, 0.55, 0.52), 0.7, noise=0.4),
    "curb_black": Paint((0.03, 0.03, 0.03), 0.8),
    "curb_white": Paint((0.62, 0.62, 0.60), 0.8, noise=0.3),
    "wall": Paint((0.52, 0.50, 0.44), 0.9, noise=0.22, scale=0.7),
    "coping": Paint((0.25, 0.09, 0.06), 0.8),
    "skirt": Paint((0.16, 0.16, 0.17), 0.9),
    "pillar": Paint((0.42, 0.12, 0.08), 0.85, noise=0.25, scale=5),
    "concrete": Paint((0.30, 0.30, 0.29), 0.9, noise=0.3),
    "steel": Paint((0.28, 0.29, 0.30), 0.5, 0.6),
    "gate": Paint((0.08, 0.13, 0.10), 0.45, 0.5),
    "tile": Paint((0.20, 0.07, 0.04), 0.85, noise=0.4, scale=3, wave=3),
    "sheet_metal": Paint((0.36, 0.42, 0.45), 0.45, 0.5, wave=5),
    "roof_metal": Paint((0.30, 0.10, 0.07), 0.5, 0.3, wave=5),
    "canopy": Paint((0.25, 0.30, 0.33), 0.5, 0.5, wave=5),
    "door_metal": Paint((0.20, 0.28, 0.36), 0.5, 0.4),
    "door_rib": Paint((0.13, 0.19, 0.25), 0.5, 0.4),
    "shutter": Paint((0.16, 0.18, 0.20), 0.5, 0.4, wave=6),
    "hazard": Paint((0.70, 0.50, 0.03), 0.7),
    "wood": Paint((0.30, 0.20, 0.11), 0.9, noise=0.3),
    "card": Paint((0.36, 0.22, 0.10), 0.8, noise=0.12, scale=3),
    "tape": Paint((0.55, 0.48, 0.33), 0.3),
    "bark": Paint((0.09, 0.06, 0.04), 0.95, noise=0.5),
    "leaf": Paint((0.035, 0.085, 0.025), 0.7, noise=0.35, scale=1.5),
    "leaf_light": Paint((0.06, 0.12, 0.03), 0.7, noise=0.35, scale=1.5),
    "cable": Paint((0.01, 0.01, 0.01), 0.8),
    "glass": Paint((0.010, 0.012, 0.015), 0.08),
    "window": Paint((0.03, 0.04, 0.05), 0.1),
    "window_lit": Paint((1.0, 0.80, 0.50), 0.4, glow=1.4),
    "tyre": Paint((0.015, 0.015, 0.015), 0.9),
    "rim": Paint((0.40, 0.40, 0.42), 0.3, 0.8),
    "plate": Paint((0.80, 0.80, 0.80), 0.6),
    "seat": Paint((0.02, 0.02, 0.02), 0.6),
    "sign_blue": Paint((0.02, 0.09, 0.20), 0.5),
    "sign_white": Paint((0.90, 0.90, 0.88), 0.5),
    "sign_red": Paint((0.45, 0.04, 0.03), 0.5),
    "sign_gold": Paint((0.75, 0.50, 0.10), 0.4, 0.4),
    "plaster": Paint((0.66, 0.64, 0.58), 0.9, noise=0.08, scale=1.0),
    "ceiling": Paint((0.72, 0.72, 0.70), 0.95, noise=0.04),
    "floor_tile": Paint((0.55, 0.53, 0.48), 0.25, noise=0.10, scale=0.8),
    "floor_dark": Paint((0.22, 0.22, 0.22), 0.55, noise=0.3, scale=0.9, bump=0.1),
    "grout": Paint((0.30, 0.29, 0.27), 0.8),
    "desk_wood": Paint((0.26, 0.13, 0.06), 0.35, noise=0.3, scale=2),
    "chair": Paint((0.03, 0.05, 0.10), 0.8),
    "screen": Paint((0.55, 0.70, 0.90), 0.5, glow=1.1),
    "paper": Paint((0.80, 0.80, 0.78), 0.7),
    "box_white": Paint((0.70, 0.70, 0.67), 0.7, noise=0.06, scale=2),
}

#: What rain leaves on the ground at dusk: roughness of the puddles.
WET = {"asphalt": 0.11, "paving": 0.3, "yard": 0.2}


class Stage:
    """One scene under construction; `light` is "dusk", "day" or "inside"."""

    def __init__(self, light: str, seed: int) -> None:
        bpy.ops.wm.read_factory_settings(use_empty=True)
        self.light = light
        self.rng = random.Random(seed)
        self._materials: dict[str, Any] = {}
        self._settings()

    @property
    def dusk(self) -> bool:
        return self.light == "dusk"

    def _settings(self) -> None:
        scene = bpy.context.scene
        scene.render.engine = "CYCLES"
        cycles = scene.cycles
        cycles.device = "CPU"
        cycles.use_denoising = True
        cycles.denoiser = "OPENIMAGEDENOISE"
        cycles.max_bounces, cycles.diffuse_bounces, cycles.glossy_bounces = 4, 2, 2
        cycles.use_adaptive_sampling, cycles.adaptive_threshold = True, 0.08
        cycles.caustics_reflective = cycles.caustics_refractive = False
        cycles.sample_clamp_indirect = 4
        cycles.seed = 7
        scene.render.threads_mode, scene.render.threads = "FIXED", 2
        scene.view_settings.view_transform = "AgX"
        scene.view_settings.look = "AgX - Medium High Contrast"

    # -- materials ------------------------------------------------------------------

    def mat(self, name: str) -> Any:
        """The palette's material of that name, wet where the rain of the dusk left it."""
        paint = PALETTE[name]
        if self.dusk and name in WET:
            paint = Paint(**{**paint.__dict__, "wet": WET[name]})
        return self.paint(name, paint)

    def paint(self, name: str, paint: Paint) -> Any:
        """A material of its own, made once a name."""
        if name not in self._materials:
            self._materials[name] = _material(name, paint)
        return self._materials[name]

    def tint(self, color: Color, rough: float = 0.9, metal: float = 0.0, glow: float = 0.0) -> Any:
        return self.paint(f"tint{color}{rough}{metal}{glow}", Paint(color, rough, metal, glow))

    # -- shapes ---------------------------------------------------------------------

    def mesh(
        self,
        vertices: Sequence[Point],
        faces: Sequence[Sequence[int]],
        material: Any,
        at: Point = (0, 0, 0),
        turn: float = 0.0,
        bevel: float = 0.0,
    ) -> Any:
        body = bpy.data.meshes.new("mesh")
        body.from_pydata([tuple(v) for v in vertices], [], [tuple(f) for f in faces])
        body.update()
        thing = self._place(bpy.data.objects.new("mesh", body), material, at)
        thing.rotation_euler = (0, 0, turn)
        if bevel:
            modifier = thing.modifiers.new("bevel", "BEVEL")
            modifier.width, modifier.segments = bevel, 3
        return thing

    def box(
        self, at: Point, size: Point, material: Any, turn: float = 0.0, bevel: float = 0.0
    ) -> Any:
        x, y, z = (side / 2 for side in size)
        corners = [(-x, -y), (x, -y), (x, y), (-x, y)]
        vertices = [(a, b, -z) for a, b in corners] + [(a, b, z) for a, b in corners]
        faces = [(0, 3, 2, 1), (4, 5, 6, 7)]
        faces += [(i, (i + 1) % 4, (i + 1) % 4 + 4, i + 4) for i in range(4)]
        return self.mesh(vertices, faces, material, at, turn, bevel)

    def rod(
        self,
        a: Point,
        b: Point,
        radius: float,
        material: Any,
        sides: int = 10,
        radius_b: float | None = None,
    ) -> Any:
        start, end = Vector(a), Vector(b)
        along = end - start
        end_radius = radius if radius_b is None else radius_b

        def build(shape: Any) -> None:
            bmesh.ops.create_cone(
                shape,
                cap_ends=True,
                segments=sides,
                radius1=radius,
                radius2=end_radius,
                depth=along.length,
            )

        thing = self._smooth(build, material, (start + end) / 2)
        thing.rotation_euler = along.to_track_quat("Z", "Y").to_euler()
        return thing

    def ball(self, at: Point, radius: float, material: Any, scale: Point = (1, 1, 1)) -> Any:
        def build(shape: Any) -> None:
            bmesh.ops.create_uvsphere(shape, u_segments=16, v_segments=10, radius=radius)

        thing = self._smooth(build, material, at)
        thing.scale = tuple(scale)
        return thing

    def disc(self, at: Point, radius: float, height: float, material: Any) -> Any:
        low = (at[0], at[1], at[2] - height / 2)
        return self.rod(low, (at[0], at[1], at[2] + height / 2), radius, material, 48)

    def text(self, words: str, at: Point, size: float, material: Any, turn: float = 0.0) -> Any:
        """Upright lettering read from the side that `turn` = 0 puts at -y."""
        curve = bpy.data.curves.new("text", "FONT")
        curve.body, curve.size, curve.extrude = words, size, 0.01
        curve.align_x = curve.align_y = "CENTER"
        thing = self._place(bpy.data.objects.new("text", curve), material, at)
        thing.rotation_euler = (math.pi / 2, 0, turn)
        return thing

    def _smooth(self, build: Callable[[Any], None], material: Any, at: Point) -> Any:
        body = bpy.data.meshes.new("smooth")
        shape = bmesh.new()
        build(shape)
        shape.to_mesh(body)
        shape.free()
        for polygon in body.polygons:
            polygon.use_smooth = True
        return self._place(bpy.data.objects.new("smooth", body), material, at)

    def _place(self, thing: Any, material: Any, at: Point) -> Any:
        bpy.context.collection.objects.link(thing)
        thing.data.materials.append(material)
        thing.location = tuple(at)
        return thing

    # -- light ----------------------------------------------------------------------

    def lamp(
        self,
        kind: str,
        at: Point,
        power_w: float,
        color: Color,
        size: float = 0.3,
        aim: Point | None = None,
        cone_deg: float = 120,
        always: bool = False,
    ) -> None:
        """A light source; by day it stays off unless `always`."""
        if not (self.dusk or always):
            return
        light = bpy.data.lights.new("lamp", kind)
        light.energy, light.color = power_w * (LAMP_FACTOR if self.dusk else 1.0), color
        if kind == "AREA":
            light.size = size
        else:
            light.shadow_soft_size = size
        if kind == "SPOT":
            light.spot_size, light.spot_blend = math.radians(cone_deg), 0.6
        thing = bpy.data.objects.new("lamp", light)
        bpy.context.collection.objects.link(thing)
        thing.location = tuple(at)
        if aim is not None:
            thing.rotation_euler = _look(at, aim)

    def sky(self, sun_deg: float = 150, horizon: bool = True) -> None:
        """The sky of the hour, and hills along the horizon."""
        scene = bpy.context.scene
        scene.view_settings.exposure = {"day": -0.15, "dusk": 0.62}.get(self.light, 0.0)
        world = bpy.data.worlds.new("world")
        scene.world = world
        world.use_nodes = True
        tree = world.node_tree
        background = tree.nodes["Background"]
        if self.light == "day":
            _day_sky(tree, background, sun_deg)
        elif self.dusk:
            _dusk_sky(tree, background)
        else:
            background.inputs["Color"].default_value = (0.9, 0.95, 1.0, 1)
            background.inputs["Strength"].default_value = 0.25
        if not horizon:
            return
        self.box((0, 0, -0.35), (900, 900, 0.1), self.mat("land"))
        hill = self.tint((0.02, 0.035, 0.03) if self.dusk else (0.07, 0.10, 0.06), 1.0)
        for k in range(26):
            a, r = k * 0.2465, self.rng.uniform(190, 260)
            wide = self.rng.uniform(26, 50)
            self.ball(
                (math.cos(a) * r, math.sin(a) * r, -3),
                1,
                hill,
                (wide, wide, self.rng.uniform(9, 17)),
            )

    # -- camera and picture -----------------------------------------------------------

    def camera(self, at: Point, aim: Point, fov_deg: float) -> None:
        lens = bpy.data.cameras.new("camera")
        lens.angle = math.radians(fov_deg)
        thing = bpy.data.objects.new("camera", lens)
        bpy.context.collection.objects.link(thing)
        thing.location, thing.rotation_euler = tuple(at), _look(at, aim)
        bpy.context.scene.camera = thing

    def border(self, box: tuple[int, int, int, int], size: tuple[int, int]) -> None:
        """Render only this box of pixels (left, top, right, bottom)."""
        render, (wide, high) = bpy.context.scene.render, size
        render.use_border, render.use_crop_to_border = True, False
        render.border_min_x, render.border_max_x = box[0] / wide, box[2] / wide
        render.border_min_y, render.border_max_y = 1 - box[3] / high, 1 - box[1] / high

    def render(
        self, picture: Path, depth: Path | None, size: tuple[int, int], samples: int
    ) -> None:
        """Write the picture as PNG and, when asked for, camera depth in meters as EXR."""
        scene = bpy.context.scene
        scene.render.resolution_x, scene.render.resolution_y = size
        scene.cycles.samples = samples
        scene.render.image_settings.file_format = "PNG"
        scene.render.filepath = str(picture)
        if depth is not None:
            bpy.context.view_layer.use_pass_z = True
            scene.use_nodes = True
            nodes, links = scene.node_tree.nodes, scene.node_tree.links
            layers = nodes["Render Layers"]
            output = nodes.new("CompositorNodeOutputFile")
            output.base_path = str(depth.parent)
            output.format.file_format = "OPEN_EXR"
            output.format.color_depth = "32"
            output.file_slots[0].path = depth.stem
            links.new(layers.outputs["Depth"], output.inputs[0])
        bpy.ops.render.render(write_still=True)
        if depth is not None:
            numbered = depth.parent / f"{depth.stem}{scene.frame_current:04d}.exr"
            numbered.rename(depth)

    @staticmethod
    def depth_array(depth: Path, array: Path) -> None:
        """Turn the depth EXR into a float32 numpy file, first row at the top."""
        image = bpy.data.images.load(str(depth))
        wide, high = image.size
        pixels = np.empty(wide * high * image.channels, np.float32)
        image.pixels.foreach_get(pixels)
        np.save(array, pixels.reshape(high, wide, image.channels)[::-1, :, 0])


def _look(at: Point, aim: Point) -> Any:
    return (Vector(aim) - Vector(at)).to_track_quat("-Z", "Y").to_euler()


def _day_sky(tree: Any, background: Any, sun_deg: float) -> None:
    sky = tree.nodes.new("ShaderNodeTexSky")
    sky.sky_type = "NISHITA"
    sky.sun_elevation, sky.sun_rotation = math.radians(48), math.radians(sun_deg)
    sky.sun_intensity, sky.sun_size, sky.dust_density = 0.35, math.radians(1.5), 3
    tree.links.new(sky.outputs["Color"], background.inputs["Color"])
    background.inputs["Strength"].default_value = 0.17


def _dusk_sky(tree: Any, background: Any) -> None:
    place = tree.nodes.new("ShaderNodeTexCoord")
    split = tree.nodes.new("ShaderNodeSeparateXYZ")
    ramp = tree.nodes.new("ShaderNodeValToRGB")
    tree.links.new(place.outputs["Generated"], split.inputs[0])
    tree.links.new(split.outputs["Z"], ramp.inputs["Fac"])
    stops = ramp.color_ramp.elements
    stops[0].position, stops[0].color = 0.0, (0.42, 0.31, 0.30, 1)
    stops[1].position, stops[1].color = 0.5, (0.035, 0.075, 0.19, 1)
    stops.new(0.12).color = (0.20, 0.25, 0.40, 1)
    tree.links.new(ramp.outputs["Color"], background.inputs["Color"])
    background.inputs["Strength"].default_value = 0.55


def _material(name: str, paint: Paint) -> Any:
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    tree = material.node_tree
    surface = tree.nodes["Principled BSDF"]
    color = (*paint.color, 1)
    surface.inputs["Base Color"].default_value = color
    surface.inputs["Roughness"].default_value = paint.rough
    surface.inputs["Metallic"].default_value = paint.metal
    if paint.glow:
        surface.inputs["Emission Color"].default_value = color
        surface.inputs["Emission Strength"].default_value = paint.glow
    place = tree.nodes.new("ShaderNodeTexCoord").outputs["Object"]
    if paint.noise:
        low = tuple(c * (1 - paint.noise) for c in paint.color)
        high = tuple(min(1.0, c * (1 + paint.noise * 0.6)) for c in paint.color)
        ramp = _noise(tree, place, paint.scale, 8, (0.3, 0.72), (low, high))
        tree.links.new(ramp, surface.inputs["Base Color"])
    if paint.bump:
        grain = tree.nodes.new("ShaderNodeTexNoise")
        grain.inputs["Scale"].default_value = paint.scale * 14
        grain.inputs["Detail"].default_value = 4
        tree.links.new(place, grain.inputs["Vector"])
        _bump(tree, surface, grain.outputs["Fac"], paint.bump, 0.05)
    if paint.wet:
        ends = ((paint.rough,) * 3, (paint.wet,) * 3)
        ramp = _noise(tree, place, 0.35, 5, (0.42, 0.6), ends)
        tree.links.new(ramp, surface.inputs["Roughness"])
    if paint.wave:
        wave = tree.nodes.new("ShaderNodeTexWave")
        wave.wave_type, wave.bands_direction = "BANDS", "X"
        wave.inputs["Scale"].default_value = paint.wave
        tree.links.new(place, wave.inputs["Vector"])
        _bump(tree, surface, wave.outputs["Fac"], 0.9, 0.08)
    return material


def _noise(
    tree: Any,
    place: Any,
    scale: float,
    detail: float,
    stops: tuple[float, float],
    ends: tuple[Sequence[float], Sequence[float]],
) -> Any:
    noise = tree.nodes.new("ShaderNodeTexNoise")
    noise.inputs["Scale"].default_value, noise.inputs["Detail"].default_value = scale, detail
    tree.links.new(place, noise.inputs["Vector"])
    ramp = tree.nodes.new("ShaderNodeValToRGB")
    for element, position, color in zip(ramp.color_ramp.elements, stops, ends, strict=True):
        element.position, element.color = position, (*color, 1)
    tree.links.new(noise.outputs["Fac"], ramp.inputs["Fac"])
    return ramp.outputs["Color"]


def _bump(tree: Any, surface: Any, height: Any, strength: float, distance: float) -> None:
    bump = tree.nodes.new("ShaderNodeBump")
    bump.inputs["Strength"].default_value = strength
    bump.inputs["Distance"].default_value = distance
    tree.links.new(height, bump.inputs["Height"])
    tree.links.new(bump.outputs["Normal"], surface.inputs["Normal"])
