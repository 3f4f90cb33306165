"""A printed document as PDF, A4. The same document gives the same bytes."""

import io
from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import CondPageBreak, Paragraph, SimpleDocTemplate, Spacer
from reportlab.platypus import Table as Grid

from serambi.web.printed import Blank, Block, Exact, Facts, Printed, Table
from serambi.web.words import FOLDER

_FONTS = FOLDER.parent / "static" / "fonts"
_MARGIN = 18 * mm
_PADDING = 6  # what reportlab leaves within the margins
_WIDTH = A4[0] - 2 * (_MARGIN + _PADDING)
_TITLE_NEEDS = 45 * mm
_LINE = colors.HexColor("#c3ccd4")
_DIM = colors.HexColor("#4a5763")
_TEXT = ParagraphStyle("text", fontName="Noto", fontSize=9.5, leading=13)
_QUIET = ParagraphStyle("quiet", parent=_TEXT, textColor=_DIM, fontSize=8.5, leading=12)
_SMALL = ParagraphStyle("small", parent=_TEXT, fontSize=7, leading=9)
_TITLE = ParagraphStyle("title", parent=_TEXT, fontName="Noto-Bold", fontSize=17, leading=22)
_LEAD = ParagraphStyle("lead", parent=_TEXT, fontSize=10, leading=14, spaceBefore=4)
_HEAD = ParagraphStyle(
    "head", parent=_TEXT, fontName="Noto-Bold", fontSize=11.5, leading=15, spaceBefore=12
)
_LABEL = ParagraphStyle("label", parent=_TEXT, fontName="Noto-Bold")


def printed_pdf(printed: Printed) -> bytes:
    """The PDF. Blocks, for a long document a second or so: call it in a thread."""
    install_fonts()
    story: list[Any] = [Paragraph(_safe(printed.title), _TITLE)]
    if printed.lead:
        story.append(Paragraph(_safe(printed.lead), _LEAD))
    for section in printed.sections:
        # No title at the foot of a page, away from what it is about.
        story += [CondPageBreak(_TITLE_NEEDS), Paragraph(_safe(section.title), _HEAD)]
        for block in section.blocks:
            story += [_block(block), Spacer(1, 1.5 * mm)]

    def frame(canvas: Any, document: Any) -> None:
        canvas.setFont("Noto", 7.5)
        canvas.setFillColor(_DIM)
        left = _MARGIN + _PADDING
        canvas.drawString(left, A4[1] - 12 * mm, printed.head)
        canvas.drawString(left, 10 * mm, printed.foot)
        canvas.drawRightString(A4[0] - left, 10 * mm, str(document.page))

    out = io.BytesIO()
    margins = {"leftMargin": _MARGIN, "rightMargin": _MARGIN, "topMargin": 20 * mm}
    SimpleDocTemplate(
        out, pagesize=A4, title=printed.title, subject=printed.foot, lang="", invariant=1, **margins
    ).build(story, onFirstPage=frame, onLaterPages=frame)
    return out.getvalue()


def _block(block: Block) -> Any:
    match block:
        case Table():
            return _table(block)
        case Facts(rows):
            return _facts(rows)
        case Blank():
            return _blank(block)
        case Exact(text):
            style = ParagraphStyle("exact", parent=_TEXT, fontSize=8, leading=11)
            return _boxed([[Paragraph(_safe(text), style)]], [_WIDTH])
        case _:
            return Paragraph(_safe(block), _TEXT)


def _table(block: Table) -> Grid:
    style = _SMALL if block.small else _TEXT
    bold = ParagraphStyle("bold", parent=style, fontName="Noto-Bold")

    def cells(row: tuple[str, ...], look: ParagraphStyle) -> list[Paragraph]:
        right = ParagraphStyle("right", parent=look, alignment=2)
        return [Paragraph(_safe(cell), right if at in block.right else look)
                for at, cell in enumerate(row)]  # fmt: skip

    last = len(block.rows) - 1
    rows = [cells(block.heads, bold)]
    rows += [
        cells(row, bold if block.summed and at == last else style)
        for at, row in enumerate(block.rows)
    ]
    padding = 1 if block.small else 3
    return Grid(
        rows,
        colWidths=[share * _WIDTH for share in block.shares],
        repeatRows=1,
        hAlign="LEFT",
        style=[
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LINEBELOW", (0, 0), (-1, 0), 0.8, colors.black),
            ("LINEBELOW", (0, 1), (-1, -1), 0.4, _LINE),
            ("LEFTPADDING", (0, 0), (0, -1), 0),
            ("LEFTPADDING", (1, 0), (-1, -1), 0),
            ("RIGHTPADDING", (0, 0), (-2, -1), 2 * padding),
            ("RIGHTPADDING", (-1, 0), (-1, -1), 0),
            ("TOPPADDING", (0, 0), (-1, -1), 2),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
        ],
    )


def _facts(rows: tuple[tuple[str, str], ...]) -> Grid:
    return Grid(
        [[Paragraph(_safe(label), _QUIET), Paragraph(_safe(text), _TEXT)] for label, text in rows],
        colWidths=[0.28 * _WIDTH, 0.72 * _WIDTH],
        hAlign="LEFT",
        style=[
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LINEBELOW", (0, 0), (-1, -1), 0.4, _LINE),
            ("LEFTPADDING", (0, 0), (-1, -1), 0),
            ("TOPPADDING", (0, 0), (-1, -1), 2),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
        ],
    )


def _blank(block: Blank) -> Grid:
    """An empty box under its label, so that nobody takes it for filled."""
    room = Spacer(1, block.lines * 7 * mm)
    label = [Paragraph(_safe(block.label), _LABEL)] if block.label else []
    return _boxed([[[*label, Paragraph(_safe(block.hint), _QUIET), room]]], [_WIDTH])


def _boxed(rows: list[Any], widths: list[float]) -> Grid:
    return Grid(rows, colWidths=widths, hAlign="LEFT", style=[("BOX", (0, 0), (-1, -1), 0.6, _DIM)])


def _safe(text: str) -> str:
    return escape(text).replace("\n", "<br/>")


def install_fonts() -> None:
    """`Noto` and `Noto-Bold`, for every PDF that is made here."""
    if "Noto" not in pdfmetrics.getRegisteredFontNames():
        pdfmetrics.registerFont(TTFont("Noto", _FONTS / "noto-sans-regular.ttf"))
        pdfmetrics.registerFont(TTFont("Noto-Bold", _FONTS / "noto-sans-bold.ttf"))
