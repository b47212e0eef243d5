"""A readable document as data: sections of paragraphs, facts, tables, notes and figures.

Cards and datasheets are laid out once into a :class:`Document`; Markdown and HTML both render
that object, so no form can drop what another one shows (P11-14). Text is plain text: escaping is
the renderers' duty.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

Tone = Literal["", "good", "bad", "caution", "muted", "code", "number"]
Shade = Literal["good", "bad", "caution", "note"]

CALLOUT_LABELS: dict[Shade, str] = {
    "good": "Finding",
    "bad": "Attention",
    "caution": "Caution",
    "note": "Note",
}


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of text with its tone; ``code`` is for digests and identifiers."""

    text: str
    tone: Tone = ""


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text."""

    text: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Named facts, one a line."""

    rows: tuple[tuple[str, Text], ...]


@dataclass(frozen=True, slots=True)
class Bullets:
    """A named list."""

    title: str
    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table with its caption; every row has as many cells as there are headers."""

    caption: str
    headers: tuple[str, ...]
    rows: tuple[tuple[Text, ...], ...]

    @property
    def numeric(self) -> tuple[bool, ...]:
        """By column: whether it holds numbers, and is therefore set to the right."""
        columns = range(len(self.headers))
        return tuple(any(row[i].tone == "number" for row in self.rows) for i in columns)


@dataclass(frozen=True, slots=True)
class Callout:
    """A statement that must not be overlooked."""

    tone: Shade
    text: str


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawing (SVG text) with what it shows in words, for forms and readers without it."""

    title: str
    description: str
    svg: str
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Figures:
    """Drawings that belong side by side."""

    items: tuple[Figure, ...]


Block = Paragraph | Facts | Bullets | Table | Callout | Figures


@dataclass(frozen=True, slots=True)
class Section:
    """A numbered part; ``anchor`` is its address within the page."""

    anchor: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Tile:
    """A key figure at the head of the document."""

    label: str
    value: str
    detail: str


@dataclass(frozen=True, slots=True)
class Document:
    """The whole document; ``digest`` is the SHA-256 of the record that it renders."""

    kind: str
    title: str
    subtitle: str
    badges: tuple[Text, ...]
    tiles: tuple[Tile, ...]
    callouts: tuple[Callout, ...]
    sections: tuple[Section, ...]
    digest: str


def cell(value: str, tone: Tone = "") -> Text:
    """A table cell; text that says that something is missing or hidden is muted."""
    if not tone and value.startswith(("suppressed", "not answered", "not computed", "–")):
        return Text(value, "muted")
    return Text(value, tone)


def table(caption: str, headers: Sequence[str], rows: Iterable[Sequence[str | Text]]) -> Table:
    """A table whose plain strings become cells.

    Raises:
        ValueError: a row is longer or shorter than the headers.
    """
    cells = tuple(tuple(c if isinstance(c, Text) else cell(c) for c in row) for row in rows)
    if any(len(row) != len(headers) for row in cells):
        raise ValueError(f"table {caption!r}: a row does not fit the headers")
    return Table(caption, tuple(headers), cells)


def facts(*rows: tuple[str, str | Text]) -> Facts:
    """Named facts; an empty text is shown as "not answered"."""
    shown = [
        (name, value if isinstance(value, Text) else cell(value or "not answered"))
        for name, value in rows
    ]
    return Facts(tuple(shown))
