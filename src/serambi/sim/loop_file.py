"""A `.sim` file: one encoded stream that runs in a loop, access units in Annex B.

Layout: magic, u32 header length, header (JSON), access units back to back. The header carries
the SHA-256 of the rest, so that a half-written or damaged file is never served.
"""

import hashlib
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from serambi.base.errors import Kind, SerambiError
from serambi.sim.codec import H264, Codec, codec_named
from serambi.sim.limits import LOOP_FILE_MAX_BYTES, LOOP_UNITS_MAX, SHIFT_MAX

_MAGIC = b"SERSIM1\n"


@dataclass(frozen=True, slots=True)
class Unit:
    """One encoded picture. `shift`: by how many pictures it is shown later than its place in the
    loop says, below zero for a B picture and zero throughout a stream without them."""

    key: bool
    nals: tuple[bytes, ...]
    shift: int = 0


@dataclass(frozen=True, slots=True)
class Loop:
    """A stream without an end: `units[k]` is sent as number k modulo the length, and shows frame
    number k + its shift. `lead` is by how many pictures sending must lag, so that none leaves
    before it is taken. `derived` is room for what others make of the loop once, for as long as
    it lives."""

    width: int
    height: int
    fps: int
    units: tuple[Unit, ...]
    codec: Codec = H264
    lead: int = field(init=False)
    derived: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "lead", max((unit.shift for unit in self.units), default=0))

    @property
    def parameter_sets(self) -> tuple[bytes, ...]:
        """One of each kind, in the codec's order."""
        nals, kind = self.units[0].nals, self.codec.kind
        return tuple(
            next(nal for nal in nals if kind(nal) == wanted) for wanted in self.codec.parameter_sets
        )


class _Header(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    width: int
    height: int
    fps: int
    units: list[tuple[int, bool]]  # length in bytes, key
    sha256: str
    codec: str = H264.name
    shifts: list[int] = []  # none: all are zero


def split_annex_b(unit: bytes) -> tuple[bytes, ...]:
    """NAL units of an access unit in Annex B, without start codes."""
    # A NAL never ends in zero, so zeros before a start code belong to the start code.
    return tuple(nal for part in unit.split(b"\0\0\1") if (nal := part.rstrip(b"\0")))


def dump(loop: Loop) -> bytes:
    """The file's bytes."""
    raws = [b"".join(b"\0\0\0\1" + nal for nal in unit.nals) for unit in loop.units]
    body = b"".join(raws)
    shifts = [unit.shift for unit in loop.units]
    header = msgspec.json.encode(
        _Header(
            loop.width,
            loop.height,
            loop.fps,
            [(len(raw), unit.key) for raw, unit in zip(raws, loop.units, strict=True)],
            hashlib.sha256(body).hexdigest(),
            loop.codec.name,
            shifts if any(shifts) else [],
        )
    )
    return _MAGIC + len(header).to_bytes(4, "big") + header + body


def load(raw: bytes, where: str = "") -> Loop:
    """Read what `dump` wrote; anything else raises `SerambiError(CORRUPT)`."""

    def corrupt(why: str) -> SerambiError:
        return SerambiError(
            Kind.CORRUPT, f"not a usable loop: {why}", where=where, hint="delete it; it is remade"
        )

    start = len(_MAGIC) + 4
    if len(raw) > LOOP_FILE_MAX_BYTES or not raw.startswith(_MAGIC) or len(raw) < start:
        raise corrupt("wrong beginning or size")
    end = start + int.from_bytes(raw[len(_MAGIC) : start], "big")
    try:
        header = msgspec.json.decode(raw[start:end], type=_Header, strict=True)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise corrupt(f"header: {error}") from error
    if hashlib.sha256(raw[end:]).hexdigest() != header.sha256:
        raise corrupt("checksum differs")
    if not 0 < len(header.units) <= LOOP_UNITS_MAX or header.fps not in range(1, 121):
        raise corrupt("no pictures, too many, or an impossible rate")
    if any(size <= 0 for size, _ in header.units) or end + sum(
        size for size, _ in header.units
    ) != len(raw):
        raise corrupt("lengths do not add up")
    shifts = header.shifts or [0] * len(header.units)
    if len(shifts) != len(header.units) or any(abs(shift) > SHIFT_MAX for shift in shifts):
        raise corrupt("the order of pictures")
    try:
        codec = codec_named(header.codec)
    except SerambiError as error:
        raise corrupt(error.what) from error
    units = []
    for (size, key), shift in zip(header.units, shifts, strict=True):
        units.append(Unit(key, split_annex_b(raw[end : end + size]), shift))
        end += size
    if not units[0].key or not codec.begins_stream(units[0].nals):
        raise corrupt("does not begin with a key picture and its parameter sets")
    return Loop(header.width, header.height, header.fps, tuple(units), codec)


def read(path: Path) -> Loop:
    """Load a file; missing or unreadable raises `SerambiError(NOT_FOUND)`."""
    try:
        if path.stat().st_size > LOOP_FILE_MAX_BYTES:
            raise SerambiError(Kind.LIMIT, "loop is too large", where=str(path))
        raw = path.read_bytes()
    except OSError as error:
        raise SerambiError(
            Kind.NOT_FOUND, f"cannot read loop: {error.strerror}", where=str(path)
        ) from error
    return load(raw, str(path))


def write(path: Path, loop: Loop) -> None:
    """Write whole or not at all; several processes may write the same file at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=path.name, suffix=".part", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(dump(loop))
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
