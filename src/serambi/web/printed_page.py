"""A printed document as a page of its own: no script, nothing from elsewhere but one sheet of
styles, or none at all where that is put into it."""

from collections.abc import Sequence
from html import escape
from typing import assert_never

from serambi.base.words import Language
from serambi.web.printed import Blank, Block, Exact, Facts, Printed, Section, Table
from serambi.web.words import FOLDER

STYLES = "/static/printed.css"
MARK = "/static/mark.svg"


def printed_page(
    printed: Printed,
    language: Language,
    links: Sequence[tuple[str, str]] = (),
    *,
    alone: bool = False,
) -> str:
    """The HTML. `links`: (address, words) above the title, not on paper. `alone`: with its styles
    in it, for a file."""
    style = f'<link rel="icon" href="{MARK}"><link rel="stylesheet" href="{STYLES}">'
    if alone:
        style = f"<style>{(FOLDER.parent / 'static' / 'printed.css').read_text('utf-8')}</style>"
    ways = "".join(f'<a href="{escape(to)}">{escape(words)}</a>' for to, words in links)
    parts = [
        f'<!doctype html>\n<html lang="{language}"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width,initial-scale=1">',
        f"<title>{escape(printed.title)}</title>{style}</head><body>",
        f"<nav>{ways}</nav>" if ways else "",
        f'<p class="quiet">{escape(printed.head)}</p><main><h1>{escape(printed.title)}</h1>',
        f"<p>{escape(printed.lead)}</p>" if printed.lead else "",
        *map(_section, printed.sections),
        f'</main><p class="quiet">{escape(printed.foot)}</p></body></html>\n',
    ]
    return "\n".join(part for part in parts if part)


def _section(section: Section) -> str:
    return "\n".join(
        [f"<section><h2>{escape(section.title)}</h2>", *map(_block, section.blocks), "</section>"]
    )


def _block(block: Block) -> str:
    match block:
        case Table():
            return _table(block)
        case Facts(rows):
            cells = "".join(
                f'<tr><th scope="row">{escape(label)}</th><td>{escape(text)}</td></tr>'
                for label, text in rows
            )
            return f'<table class="facts"><tbody>{cells}</tbody></table>'
        case Blank(label, hint, lines):
            named = f"<b>{escape(label)}</b>" if label else ""
            return (
                f'<div class="blank">{named}<span class="quiet">{escape(hint)}</span>'
                f"{'<i></i>' * lines}</div>"
            )
        case Exact(text):
            return f"<pre>{escape(text)}</pre>"
        case str():
            return f"<p>{escape(block)}</p>"
        case _:
            assert_never(block)


def _table(block: Table) -> str:
    looks = [' class="r"' if at in block.right else "" for at in range(len(block.heads))]
    heads = "".join(
        f'<th scope="col"{look}>{escape(head)}</th>'
        for head, look in zip(block.heads, looks, strict=True)
    )
    rows = "".join(
        "<tr>"
        + "".join(f"<td{look}>{escape(cell)}</td>" for cell, look in zip(row, looks, strict=True))
        + "</tr>"
        for row in block.rows
    )
    small = ' class="small"' if block.small else ""
    return (
        f'<div class="wide"><table{small}><thead><tr>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )
