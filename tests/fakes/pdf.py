"""What a document to print says, and what its PDF does, as far as a test needs it: ASCII, in the
order it was set."""

import base64
import re
import zlib

from serambi.web.printed import Printed, Table


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


def tables(printed: Printed) -> list[Table]:
    """All of them, in their order."""
    return [b for section in printed.sections for b in section.blocks if isinstance(b, Table)]
