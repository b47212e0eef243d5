"""Renders a document as Markdown (CommonMark with tables).

Text from a spec is escaped, so that it cannot become markup or HTML in the reader's viewer.
Figures are given in words; the drawings are in the HTML form.
"""

import re

from clinical_assets.evidence.document import (
    CALLOUT_LABELS,
    Block,
    Bullets,
    Callout,
    Document,
    Facts,
    Figures,
    Paragraph,
    Section,
    Table,
    Text,
)

_SPECIAL = re.compile(r"([\\`*_\[\]<>|~#&])")
_STRONG = {"good", "bad", "caution"}


def render_markdown(document: Document) -> str:
    """The document as Markdown text ending in one newline; same document, same text."""
    parts = [
        f"# {escape(document.title)}",
        f"**{escape(document.kind)}** · {escape(document.subtitle)}",
    ]
    if document.badges:
        parts.append(" · ".join(escape(badge.text) for badge in document.badges))
    parts += [_callout(c) for c in document.callouts]
    if document.tiles:
        rows = "\n".join(
            f"| {escape(t.label)} | {escape(t.value)} | {escape(t.detail)} |"
            for t in document.tiles
        )
        parts.append(f"| Key figure | Value | |\n|---|---|---|\n{rows}")
    parts += [_section(i, s) for i, s in enumerate(document.sections, start=1)]
    parts.append(f"SHA-256 of the record behind this document: `{document.digest}`")
    return "\n\n".join(parts) + "\n"


def escape(text: str) -> str:
    r"""Text as literal Markdown on one line.

    >>> escape("<b>a|b</b>\nc")
    '\\<b\\>a\\|b\\</b\\> c'
    """
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def _section(index: int, section: Section) -> str:
    blocks = [_block(block) for block in section.blocks]
    return "\n\n".join([f"## {index}. {escape(section.title)}", *blocks])


def _block(block: Block) -> str:
    match block:
        case Paragraph(text):
            return escape(text)
        case Facts(rows):
            return "\n".join(f"- **{escape(name)}:** {_text(value)}" for name, value in rows)
        case Bullets(title, items):
            listed = "\n".join(f"- {escape(item)}" for item in items) or "- not answered"
            return f"**{escape(title)}**\n\n{listed}"
        case Table():
            return _table(block)
        case Callout():
            return _callout(block)
        case Figures(items):
            return "\n".join(
                f"- *Figure: {escape(f.title)}.* {escape(f.description)}" for f in items
            )


def _table(block: Table) -> str:
    head = "| " + " | ".join(escape(h) for h in block.headers) + " |"
    rule = "|" + "|".join("---:" if numeric else "---" for numeric in block.numeric)
    rows = ["| " + " | ".join(_text(c) for c in row) + " |" for row in block.rows]
    if not rows:
        rows = ["| " + " | ".join(["none", *[""] * (len(block.headers) - 1)]) + " |"]
    return f"*{escape(block.caption)}*\n\n" + "\n".join([head, rule + "|", *rows])


def _text(value: Text) -> str:
    if value.tone == "code" and value.text:
        literal = " ".join(value.text.split())
        return "`" + literal.replace("`", "'").replace("|", "/") + "`"
    if value.tone in _STRONG:
        return f"**{escape(value.text)}**"
    return escape(value.text)


def _callout(callout: Callout) -> str:
    return f"> **{CALLOUT_LABELS[callout.tone]}:** {escape(callout.text)}"
