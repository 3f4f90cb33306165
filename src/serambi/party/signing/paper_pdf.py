"""An agreement to print and sign by hand: both languages, and on every page the hash of what the
keys sign. The same agreement gives the same bytes, so that anybody can make it again and compare.
"""

import io
from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.platypus import PageBreak, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from serambi.agreement.attestation import Attestation
from serambi.agreement.model import SignedAgreement
from serambi.agreement.sheet import lead, sections
from serambi.base.words import Language
from serambi.identity.roster import Roster
from serambi.web.printed_pdf import install_fonts
from serambi.web.times import Times
from serambi.web.words import LANGUAGES, Words

_DIM = colors.HexColor("#4a5763")
_TEXT = ParagraphStyle("text", fontName="Noto", fontSize=10, leading=14)
_ITEM = ParagraphStyle("item", parent=_TEXT, leftIndent=10, bulletIndent=0)
_QUIET = ParagraphStyle("quiet", parent=_TEXT, textColor=_DIM, fontSize=8.5, leading=12)
_TITLE = ParagraphStyle("title", parent=_TEXT, fontName="Noto-Bold", fontSize=17, leading=22)
_HEAD = ParagraphStyle(
    "head", parent=_TEXT, fontName="Noto-Bold", fontSize=11.5, leading=15, spaceBefore=8
)


def paper_pdf(
    signed: SignedAgreement,
    roster: Roster,
    attestations: Mapping[str, Attestation],
    words: Words,
) -> bytes:
    """The PDF. `attestations`: by camera, those the agreement refers to. Blocks: call it in a
    thread."""
    install_fonts()
    story: list[Any] = []
    for language in LANGUAGES:
        story += [PageBreak()] if story else []
        story += _part(signed, roster, attestations, words, language)
    number, digest = signed.agreement.number, signed.digest

    def frame(canvas: Any, document: Any) -> None:
        canvas.setFont("Noto", 7.5)
        canvas.setFillColor(_DIM)
        canvas.drawString(18 * mm, A4[1] - 12 * mm, f"Serambi · {number}")
        canvas.drawString(18 * mm, 10 * mm, f"sha256 {digest}")
        canvas.drawRightString(A4[0] - 18 * mm, 10 * mm, str(document.page))

    out = io.BytesIO()
    margins = {"leftMargin": 18 * mm, "rightMargin": 18 * mm, "topMargin": 20 * mm}
    SimpleDocTemplate(
        out, pagesize=A4, title=number, subject=f"sha256 {digest}", lang="", invariant=1, **margins
    ).build(story, onFirstPage=frame, onLaterPages=frame)
    return out.getvalue()


def _part(
    signed: SignedAgreement,
    roster: Roster,
    attestations: Mapping[str, Attestation],
    words: Words,
    language: Language,
) -> list[Any]:
    agreement = signed.agreement
    story: list[Any] = [
        Paragraph(escape(agreement.title.in_language(language)), _TITLE),
        Paragraph(words.text(language, "signing.pdf_number", number=agreement.number), _QUIET),
        Spacer(1, 2 * mm),
        Paragraph(escape(lead(signed, roster, language)), _TEXT),
    ]
    moment = Times(agreement.sites[0].zone, language).moment
    for section in sections(signed, roster, attestations, language, moment):
        story.append(Paragraph(escape(section.title), _HEAD))
        story += [Paragraph(escape(line), _ITEM, bulletText="•") for line in section.lines]
    story += [
        Paragraph(words.text(language, "signing.pdf_signatures"), _HEAD),
        _signatures(signed, roster, language),
        Spacer(1, 4 * mm),
        Paragraph(words.text(language, "signing.pdf_bound", digest=signed.digest), _QUIET),
    ]
    return story


def _signatures(signed: SignedAgreement, roster: Roster, language: Language) -> Table:
    """Room for ink. Who has signed with a key stands in the file, which goes on changing."""
    parties = [roster.party(party) for party in signed.agreement.parties]
    cells = [
        [
            Paragraph(escape(party.name.in_language(language)), _TEXT),
            Paragraph(escape(party.role.in_language(language)), _QUIET),
            "",
        ]
        for party in parties
    ]
    width = A4[0] - 36 * mm
    style = TableStyle(
        [
            ("LINEBELOW", (2, 0), (2, -1), 0.4, _DIM),
            ("VALIGN", (0, 0), (-1, -1), "BOTTOM"),
            ("LEFTPADDING", (0, 0), (-1, -1), 0),
        ]
    )
    shares = [0.3 * width, 0.35 * width, 0.35 * width]
    return Table(cells, colWidths=shares, rowHeights=12 * mm, style=style, hAlign="LEFT")
