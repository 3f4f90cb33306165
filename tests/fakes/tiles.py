"""The smallest archive of map tiles that there is: one picture, which is the whole world."""

import struct

import cv2
import numpy as np

LAND = (31, 94, 63)
"""Red, green, blue of every pixel."""
_HEADER_BYTES = 127
_NO_COMPRESSION, _PNG = 1, 2
_WORLD_E7 = (-1_800_000_000, -850_000_000, 1_800_000_000, 850_000_000)


def one_tile() -> bytes:
    """PMTiles, version 3: header, directory, metadata, the tile of zoom 0."""
    red, green, blue = LAND
    picture = np.full((256, 256, 3), (blue, green, red), np.uint8)
    tile = cv2.imencode(".png", picture)[1].tobytes()
    # One entry: tile 0, once, so many bytes, at the beginning of the tiles.
    directory = b"\x01\x00\x01" + _varint(len(tile)) + b"\x01"
    metadata = b"{}"
    behind_directory = _HEADER_BYTES + len(directory)
    tiles_at = behind_directory + len(metadata)
    header = struct.pack(
        "<7sB11Q6B4iB2i",
        b"PMTiles",
        3,
        *(_HEADER_BYTES, len(directory)),
        *(behind_directory, len(metadata)),
        *(tiles_at, 0),
        *(tiles_at, len(tile)),
        *(1, 1, 1),
        *(1, _NO_COMPRESSION, _NO_COMPRESSION, _PNG, 0, 0),
        *_WORLD_E7,
        *(0, 0, 0),
    )
    assert len(header) == _HEADER_BYTES
    return header + directory + metadata + tile


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*found, number])
