"""What a PDF says, as far as a test needs it: ASCII, in the order it was set."""

import base64
import re
import zlib


def text_of(raw: bytes) -> str:
    """What the pages say, without spaces, which stand where a line was set."""
    said = []
    for stream in re.findall(rb"stream\r?\n(.*?)endstream", raw, re.DOTALL):
        coded = stream.strip().removesuffix(b"~>")
        if len(coded) == len(stream.strip()):
            continue  # a font
        page = zlib.decompress(base64.a85decode(coded))
        said += re.findall(rb"\(((?:\\.|[^()\\])*)\) Tj", page)
    plain = re.sub(rb"\\([()\\])", rb"\1", b" ".join(said))
    return plain.decode("ascii", "ignore").replace(" ", "")


def spoken(text: str) -> str:
    """A text as `text_of` has it."""
    return text.encode("ascii", "ignore").decode().replace(" ", "").replace("\n", "")
