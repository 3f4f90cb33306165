"""From raw renders to what ships: lens, glow, grade, occluder depth, camera, packed sprites."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]

#: Barrel distortion of the cheap lens; `serambi.sim.projection` applies the same.
LENS_K = 0.07
#: Depth in 8 bits: `value` = 255 * log(z / NEAR) / log(FAR / NEAR); 255 never occludes.
NEAR_M, FAR_M = 1.0, 160.0
#: What lies lower than this over the ground cannot hide an actor that stands on it.
LOW_M = 0.13


def finish(work: Path, shipped: Path) -> None:
    from views import VIEWS

    shipped.mkdir(parents=True, exist_ok=True)
    for name, view in VIEWS.items():
        if not (work / f"{name}.png").exists():
            print(f"{name}: not rendered yet")
            continue
        camera = camera_of(view.at, view.aim, view.fov_deg)
        camera |= {"light": view.light, "mono": view.mono}
        (shipped / f"{name}.json").write_text(json.dumps(camera, indent=1) + "\n")
        picture = through_lens(cv2.imread(str(work / f"{name}.png")).astype(np.float32))
        picture = np.clip(picture, 0, 255)
        quality = [cv2.IMWRITE_WEBP_QUALITY, 90]
        if view.light == "day":  # the renderer's film curve leaves daylight a little dull
            picture = 255 * 1.03 * (picture / 255) ** 0.93
        cv2.imwrite(str(shipped / f"{name}.webp"), grade(picture, view.mono), quality)
        depth = through_lens(np.load(work / f"{name}.npy"), cv2.INTER_NEAREST)
        cv2.imwrite(
            str(shipped / f"{name}_depth.png"),
            occluders(depth, camera),
            [cv2.IMWRITE_PNG_COMPRESSION, 9],
        )
    if (work / "gate_parcel.png").exists():
        finish_parcel(work, shipped)
    for path in sorted(work.glob("sheet_*.json")):
        pack(json.loads(path.read_text()), work, shipped)


def parcel_border(view: Any, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """The box of raw pixels that the parcel and its shadow touch."""
    from views import PARCEL_AT

    camera = camera_of(view.at, view.aim, view.fov_deg)
    point = np.array(camera["rotation"]) @ (*PARCEL_AT, 0.25) + np.array(camera["translation"])
    x, y, _ = np.array(camera["matrix"]) @ point / point[2]
    reach = 0.95 * camera["matrix"][0][0] / point[2]
    return (
        int(x - reach),
        int(y - reach),
        min(int(x + reach), size[0]),
        min(int(y + reach), size[1]),
    )


def finish_parcel(work: Path, shipped: Path) -> None:
    """Cut the parcel out of its render: a patch with soft edges, and its depth."""
    from views import VIEWS

    view = VIEWS["gate"]
    left, top, right, bottom = parcel_border(view, (1280, 720))
    raw = cv2.imread(str(work / "gate.png")).astype(np.float32)
    part = cv2.imread(str(work / "gate_parcel.png")).astype(np.float32)
    raw[top:bottom, left:right] = part[top:bottom, left:right]
    depth = np.load(work / "gate.npy")
    depth[top:bottom, left:right] = np.load(work / "gate_parcel.npy")[top:bottom, left:right]
    soft = np.zeros(raw.shape[:2], np.float32)
    soft[top + 14 : bottom - 14, left + 14 : right - 14] = 255
    soft = through_lens(cv2.GaussianBlur(soft, (0, 0), 5))
    rows, columns = np.flatnonzero(soft.max(1) > 2), np.flatnonzero(soft.max(0) > 2)
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    patch = np.dstack([grade(through_lens(raw), view.mono), soft.astype(np.uint8)])[box]
    codes = occluders(
        through_lens(depth, cv2.INTER_NEAREST), camera_of(view.at, view.aim, view.fov_deg)
    )[box]
    cv2.imwrite(str(shipped / "gate_parcel.webp"), patch, [cv2.IMWRITE_WEBP_QUALITY, 92])
    cv2.imwrite(str(shipped / "gate_parcel_depth.png"), codes)
    at = {"at": [int(columns[0]), int(rows[0])]}
    (shipped / "gate_parcel.json").write_text(json.dumps(at) + "\n")


def camera_of(at: tuple[float, ...], aim: tuple[float, ...], fov_deg: float) -> dict[str, Any]:
    """World to camera (x right, y down, z ahead) and pinhole matrix for 1280x720."""
    eye = np.array(at, float)
    ahead = np.array(aim, float) - eye
    ahead /= np.linalg.norm(ahead)
    right = np.cross(ahead, (0, 0, 1))
    right /= np.linalg.norm(right)
    turn = np.stack([right, np.cross(ahead, right), ahead])
    focal = 640 / math.tan(math.radians(fov_deg) / 2)
    return {
        "matrix": [[focal, 0, 640], [0, focal, 360], [0, 0, 1]],
        "rotation": np.round(turn, 9).tolist(),
        "translation": np.round(-turn @ eye, 9).tolist(),
        "lens_k": LENS_K,
    }


def _source(shape: tuple[int, ...]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    high, wide = shape[:2]
    y, x = np.mgrid[0:high, 0:wide].astype(np.float32)
    half = wide / 2
    u, v = (x - wide / 2) / half, (y - high / 2) / half
    swell = (1 + LENS_K * (u * u + v * v)) / (1 + LENS_K * (1 + (high / wide) ** 2))
    return u * swell * half + wide / 2, v * swell * half + high / 2


def through_lens(picture: NDArray[np.float32], how: int = cv2.INTER_CUBIC) -> NDArray[np.float32]:
    if picture.shape[:2] != (720, 1280):
        picture = cv2.resize(picture, (1280, 720), interpolation=how)
    x, y = _source(picture.shape)
    return cv2.remap(picture, x, y, how, borderMode=cv2.BORDER_REPLICATE)


def grade(picture: NDArray[np.float32], mono: bool) -> Image:
    """Vignette, the glow of lamps on a cheap lens, a little sharpening; gray for night vision."""
    high, wide = picture.shape[:2]
    y, x = np.mgrid[0:high, 0:wide].astype(np.float32)
    r2 = ((x - wide / 2) ** 2 + (y - high / 2) ** 2) / (wide / 2) ** 2
    picture = picture * (1 - 0.2 * np.clip(r2 - 0.25, 0, 2))[..., None]
    bright = np.clip(picture - 215, 0, 40) * 6
    picture = picture + cv2.GaussianBlur(bright, (0, 0), 12) * 0.38
    picture = picture + 0.45 * (picture - cv2.GaussianBlur(picture, (0, 0), 1.3))
    if mono:
        gray = picture @ np.array([0.25, 0.5, 0.25], np.float32) * 1.08 + 4
        picture = np.repeat(gray[..., None], 3, 2)
    return np.clip(picture, 0, 255).astype(np.uint8)


def occluders(depth: NDArray[np.float32], camera: dict[str, Any]) -> Image:
    """Depth of everything that can stand before an actor; ground and sky become 255."""
    x, y = _source(depth.shape)
    matrix, turn = np.array(camera["matrix"]), np.array(camera["rotation"])
    rays = np.stack(
        [(x - matrix[0, 2]) / matrix[0, 0], (y - matrix[1, 2]) / matrix[1, 1], np.ones_like(x)], -1
    )
    eye = -turn.T @ np.array(camera["translation"])
    height = (rays * depth[..., None]) @ turn[:, 2] + eye[2]
    code = np.log(np.clip(depth, NEAR_M, FAR_M) / NEAR_M) / math.log(FAR_M / NEAR_M) * 254
    code[(height < LOW_M) | (depth > FAR_M)] = 255
    return np.round(code).astype(np.uint8)


def pack(sheet: dict[str, Any], work: Path, shipped: Path) -> None:
    """One WebP with alpha and one with paint weights a sheet; elevations one under another."""
    name, colors, paints = sheet["name"], [], []
    for elevation in sheet["elevations_deg"]:
        stem = f"sheet_{name}_{elevation}"
        if not (work / f"{stem}_paint.png").exists():
            return
        colors.append(cv2.imread(str(work / f"{stem}.png"), cv2.IMREAD_UNCHANGED))
        paints.append(cv2.imread(str(work / f"{stem}_paint.png")))
    color, paint = np.vstack(colors), np.vstack(paints)
    sheet["columns"] = color.shape[1] // sheet["cell"][0]
    # The hour changes an actor's light, not its shape: one set of paints serves both.
    shape = name.replace("_day", "_dusk")
    sheet["paint"] = f"sprite_{shape}_paint.webp"
    cv2.imwrite(str(shipped / f"sprite_{name}.webp"), color, [cv2.IMWRITE_WEBP_QUALITY, 85])
    if shape == name:
        cv2.imwrite(str(shipped / sheet["paint"]), paint, [cv2.IMWRITE_WEBP_QUALITY, 60])
    (shipped / f"sprite_{name}.json").write_text(json.dumps(sheet) + "\n")
