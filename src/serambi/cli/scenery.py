"""What the demo's cameras see: the simulator's settings, and what each site compares with and
watches for. The rest of the town is `layout.py`."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from serambi.base.files import write_atomically
from serambi.sim import town as towns
from serambi.sim.encode import Streams


def approved_picture(camera: towns.Camera) -> Path:
    """The picture by which a camera is attested: its place, empty."""
    return Path(towns.__file__).parent / "scenes" / f"{camera.scene}.webp"


def approve(keeper: Path, cameras: Sequence[towns.Camera]) -> None:
    """Put approved pictures and rules into a keeper's folder."""
    references, rules = keeper / "references", keeper / "rules"
    for folder in (references, rules):
        folder.mkdir(parents=True, exist_ok=True)
    for camera in cameras:
        if camera.facing == "inside":
            continue
        raw = approved_picture(camera).read_bytes()
        path = references / f"{hashlib.sha256(raw).hexdigest()}.webp"
        if not path.exists():
            write_atomically(path, raw)
        if camera.rules:
            document = {"zones": camera.zones, "rules": camera.rules}
            write_atomically(rules / f"{camera.id}.json", json.dumps(document).encode())


def simulated(
    cameras: Sequence[towns.Camera],
    loops: Mapping[str, Streams],
    passwords: Mapping[str, str],
    canaries: Mapping[str, str],
    *,
    turn: bool,
) -> list[dict[str, Any]]:
    """The cameras as the simulator's settings name them; `turn`: they can be turned away."""
    return [
        {
            "id": camera.id,
            "user": "keeper",
            "password": passwords[camera.id],
            "canary": canaries[camera.id],
            "main": str(loops[camera.id].main),
            "sub": str(loops[camera.id].sub),
        }
        | (_turned(cameras, camera, loops) if turn else {})
        for camera in cameras
    ]


def _turned(
    cameras: Sequence[towns.Camera], camera: towns.Camera, loops: Mapping[str, Streams]
) -> dict[str, str]:
    """Turned away, a camera shows what the next one of its kind sees."""
    alike = [c for c in cameras if c.codec == camera.codec and c.facing != "inside"]
    later = alike.index(camera) + 1 if camera in alike else 0
    other = loops[alike[later % len(alike)].id] if alike else loops[camera.id]
    return {"changed": str(other.main), "changed_sub": str(other.sub)}
