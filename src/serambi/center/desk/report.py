"""An incident as a document to print: what happened, who did what, and how long it took.

The same incident gives the same bytes. It carries the hash of its timeline, so that a copy can be
compared with what the center holds.
"""

import hashlib
import io
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from xml.sax.saxutils import escape
from zoneinfo import ZoneInfo

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from serambi.base.canonical import encode
from serambi.center.desk.incidents import Incident
from serambi.center.desk.lines import Lines
from serambi.center.desk.steps import Person
from serambi.web.printed_pdf import install_fonts

_ZONE, _ZONE_NAME = ZoneInfo("Asia/Jakarta"), "WIB"
_WIDTH = A4[0] - 36 * mm
_LINE = colors.HexColor("#c3ccd4")
_DIM = colors.HexColor("#4a5763")
_TEXT = ParagraphStyle("text", fontName="Noto", fontSize=9.5, leading=13)
_QUIET = ParagraphStyle("quiet", parent=_TEXT, textColor=_DIM)
_TITLE = ParagraphStyle("title", parent=_TEXT, fontName="Noto-Bold", fontSize=17, leading=22)
_HEAD = ParagraphStyle(
    "head", parent=_TEXT, fontName="Noto-Bold", fontSize=11.5, leading=15, spaceBefore=12
)


def timeline_hash(incident: Incident) -> str:
    """SHA-256 over the timeline as canonical JSON, in hexadecimal."""
    lines = [entry.model_dump(mode="json") for entry in incident.timeline]
    return hashlib.sha256(encode(lines)).hexdigest()


def incident_report(incident: Incident, place: str, lines: Lines) -> bytes:
    """The PDF; `place` is what people call the incident's place. Blocks: call it in a thread."""
    install_fonts()
    story: list[Any] = [
        Paragraph(escape(incident.title), _TITLE),
        Spacer(1, 2 * mm),
        _facts(incident, place, lines),
        *_durations(incident, lines),
        *_checklist(incident, lines),
        *_tasks(incident, lines),
        *_participants(incident, lines),
        *_timeline(incident, lines),
        Spacer(1, 6 * mm),
        Paragraph(lines.word("report_hash", hash=timeline_hash(incident)), _TEXT),
        Paragraph(lines.word("report_hash_why", id=incident.id), _QUIET),
    ]
    head = lines.word("report_title", number=f"{incident.number:03}")

    def frame(canvas: Any, document: Any) -> None:
        canvas.setFont("Noto", 8)
        canvas.setFillColor(_DIM)
        canvas.drawString(18 * mm, A4[1] - 12 * mm, f"Serambi · {head}")
        page = lines.word("report_page", n=document.page)
        canvas.drawRightString(A4[0] - 18 * mm, 10 * mm, page)
        canvas.drawString(18 * mm, 10 * mm, timeline_hash(incident)[:16])

    out = io.BytesIO()
    margins = {"leftMargin": 18 * mm, "rightMargin": 18 * mm, "topMargin": 20 * mm}
    SimpleDocTemplate(out, pagesize=A4, title=head, lang="", invariant=1, **margins).build(
        story, onFirstPage=frame, onLaterPages=frame
    )
    return out.getvalue()


def _moment(at_ms: int) -> str:
    at = datetime.fromtimestamp(at_ms / 1000, _ZONE)
    return f"{at:%Y-%m-%d %H.%M.%S} {_ZONE_NAME}"


def _time(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, _ZONE):%H.%M.%S}"


def _who(by: Person | None) -> str:
    return "" if by is None else f"{by.name}, {by.unit}"


def _facts(incident: Incident, place: str, lines: Lines) -> Table:
    closed = lines.word("report_open")
    if incident.closed_ms and incident.outcome:
        outcome = lines.word(f"outcome_{incident.outcome}")
        closed = f"{_moment(incident.closed_ms)}, {_who(incident.closed_by)} · {outcome}"
    return _table(
        [
            (lines.word("type"), f"P{incident.priority} · {lines.word(f'type_{incident.type}')}"),
            (lines.word("place"), place),
            (
                lines.word("report_opened"),
                f"{_moment(incident.opened_ms)}, {_who(incident.opened_by)}",
            ),
            (lines.word("report_closed"), closed),
        ],
        (0.2, 0.8),
    )


def _durations(incident: Incident, lines: Lines) -> list[Any]:
    found = incident.durations.model_dump()
    rows = [
        (lines.word(name), lines.word("not_yet") if ms is None else _span(ms))
        for name, ms in found.items()
    ]
    return [Paragraph(lines.word("times"), _HEAD), _table(rows, (0.2, 0.8))]


def _span(ms: int) -> str:
    minutes, seconds = divmod(ms // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}"


def _checklist(incident: Incident, lines: Lines) -> list[Any]:
    rows = [
        (
            lines.item(item.id),
            lines.word(f"state_word_{item.state}"),
            f"{_time(item.at_ms)} {_who(item.by)}" if item.at_ms else "",
        )
        for item in incident.checklist
    ]
    return [Paragraph(lines.word("checklist"), _HEAD), _table(rows, (0.5, 0.15, 0.35))]


def _tasks(incident: Incident, lines: Lines) -> list[Any]:
    rows = [
        (
            task.text,
            ", ".join(filter(None, (task.who, task.party))),
            lines.word("due", time=_time(task.due_ms)),
            lines.word(f"state_word_{task.state}")
            + (f" {_time(task.at_ms)}" if task.at_ms else ""),
        )
        for task in incident.tasks
    ]
    if not rows:
        return []
    return [Paragraph(lines.word("tasks"), _HEAD), _table(rows, (0.35, 0.25, 0.2, 0.2))]


def _participants(incident: Incident, lines: Lines) -> list[Any]:
    rows = [
        (one.party, one.who, f"{lines.word(f'is_{one.state}')} {_time(one.since_ms)}")
        for one in incident.participants
    ]
    if not rows:
        return []
    return [Paragraph(lines.word("participants"), _HEAD), _table(rows, (0.25, 0.4, 0.35))]


def _timeline(incident: Incident, lines: Lines) -> list[Any]:
    rows = []
    for entry in incident.timeline:
        title, text = lines.line(entry.said)
        rows.append((_moment(entry.at_ms), _who(entry.by), "\n".join(filter(None, (title, text)))))
    return [Paragraph(lines.word("timeline"), _HEAD), _table(rows, (0.24, 0.24, 0.52))]


def _table(rows: Iterable[Sequence[str]], shares: Sequence[float]) -> Table:
    cells = [
        [Paragraph(escape(text).replace("\n", "<br/>"), _TEXT) for text in row] for row in rows
    ]
    style = TableStyle(
        [
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LINEBELOW", (0, 0), (-1, -1), 0.4, _LINE),
            ("LEFTPADDING", (0, 0), (-1, -1), 0),
            ("TOPPADDING", (0, 0), (-1, -1), 2),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
        ]
    )
    return Table(cells, colWidths=[share * _WIDTH for share in shares], style=style, hAlign="LEFT")
