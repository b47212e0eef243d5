"""Renders a document as plain text for a terminal or a print-out: no colour, no markup.

A row of a table becomes a block of named lines, so that nothing is cut where the terminal is
narrow. Figures are given in words. Control and direction marks in any text are shown, not obeyed.
"""

import textwrap
from collections.abc import Iterator

from clinical_assets.evidence.document import (
    CALLOUT_LABELS,
    Block,
    Bullets,
    Callout,
    Document,
    Facts,
    Figures,
    Paragraph,
    Table,
)
from clinical_assets.evidence.wording import one_line


def render_text(document: Document, *, width: int = 100) -> str:
    """The document as text ending in one newline; same document and width, same text."""
    return "\n".join(_lines(document, width)).rstrip("\n") + "\n"


def _lines(document: Document, width: int) -> Iterator[str]:
    yield from _wrapped(f"{document.kind}: {document.title}", width)
    yield from _wrapped(document.subtitle, width)
    for badge in document.badges:
        yield from _wrapped(f"[{badge.text}]", width)
    for tile in document.tiles:
        yield from _wrapped(f"{tile.label}: {tile.value} ({tile.detail})", width)
    for callout in document.callouts:
        yield from _block(callout, width)
    for index, section in enumerate(document.sections, start=1):
        title = one_line(f"{index}. {section.title}")
        yield from ("", title, "─" * len(title))
        for block in section.blocks:
            yield from _block(block, width)
    yield ""
    yield f"SHA-256 of the record behind this document: {document.digest}"


def _block(block: Block, width: int) -> Iterator[str]:
    match block:
        case Paragraph(text):
            yield from _wrapped(text, width)
        case Facts(rows):
            for name, value in rows:
                yield from _wrapped(f"{name}: {value.text}", width)
        case Bullets(title, items):
            yield from _wrapped(title, width)
            for item in items or ("not answered",):
                yield from _wrapped(item, width, "- ")
        case Table():
            yield from _table(block, width)
        case Callout(tone, text):
            yield from _wrapped(f"{CALLOUT_LABELS[tone].upper()}: {text}", width, "! ")
        case Figures(items):
            for figure in items:
                yield from _wrapped(f"Figure: {figure.title}. {figure.description}", width)


def _table(block: Table, width: int) -> Iterator[str]:
    yield from _wrapped(f"{block.caption}:", width)
    for row in block.rows:
        for place, (header, value) in enumerate(zip(block.headers, row, strict=True)):
            bullet = "" if place else "- "
            yield from _wrapped(f"{header}: {value.text or '–'}", width, bullet or "  ")
    if not block.rows:
        yield "- none"


def _wrapped(text: str, width: int, first: str = "") -> list[str]:
    return textwrap.wrap(
        one_line(text),
        width,
        initial_indent=first,
        subsequent_indent=" " * len(first),
        break_long_words=False,  # a digest stays whole
        break_on_hyphens=False,
    )
