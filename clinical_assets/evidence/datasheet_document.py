"""Lays a datasheet out as a document, and renders its forms."""

from collections.abc import Iterable

from clinical_assets.canonical import digest_of
from clinical_assets.evidence.card import Answer
from clinical_assets.evidence.datasheet import Datasheet
from clinical_assets.evidence.datasheet_statistics import ColumnSummary
from clinical_assets.evidence.document import (
    Block,
    Document,
    Paragraph,
    Section,
    Text,
    Tile,
    cell,
    facts,
    table,
)
from clinical_assets.evidence.document_html import render_html
from clinical_assets.evidence.document_markdown import render_markdown
from clinical_assets.evidence.wording import SUPPRESSED, compact, count, number
from clinical_assets.modelling.spec import Column

_NO_TOTALS = (
    "No count of 1 to 10 people is shown, nor one that would give it away; totals over the splits "
    "are left out for the same reason. Quartiles rest on at least 11 people."
)


def datasheet_markdown(sheet: Datasheet) -> str:
    """The datasheet as Markdown; same datasheet, same text."""
    return render_markdown(datasheet_document(sheet))


def datasheet_html(sheet: Datasheet) -> str:
    """The datasheet as one self-contained HTML page; same datasheet, same page."""
    return render_html(datasheet_document(sheet))


def datasheet_document(sheet: Datasheet) -> Document:
    """The document that both readable forms render."""
    answered = len(sheet.answers) - sheet.unanswered
    rows = sum(s.n for s in sheet.splits)
    return Document(
        kind="Datasheet",
        title=sheet.title,
        subtitle=f"data set of {sheet.model} {sheet.version} · source {sheet.source.id}",
        badges=(
            Text(f"{answered} of {len(sheet.answers)} questions answered"),
            Text(f"{sheet.unanswered} not answered", "caution" if sheet.unanswered else "good"),
        ),
        tiles=(
            Tile("Rows", f"{rows:,}", f"{len(sheet.columns)} columns"),
            *(
                Tile(f"{s.role.capitalize()} rows", f"{s.n:,}", f"{count(s.events)} events")
                for s in sheet.splits
            ),
        ),
        callouts=(),
        sections=(
            _source(sheet),
            _columns(sheet),
            _statistics(sheet),
            *_questions(sheet.answers),
        ),
        digest=digest_of(sheet),
    )


def _source(sheet: Datasheet) -> Section:
    s = sheet.source
    files = [(f.name, Text(f"{f.rows:,}", "number"), Text(f.sha256, "code")) for f in s.files]
    return Section(
        "source",
        "Source",
        (
            facts(
                ("Source", f"{s.title} ({s.id})"),
                ("Collected by", s.collected_by),
                ("Collection", s.collection),
                ("Consent and ethics", s.consent),
                ("Licence", s.license),
                ("Citation", s.citation),
                ("Data set, SHA-256", Text(sheet.dataset_digest, "code")),
                ("Split, SHA-256", Text(sheet.split_digest, "code")),
            ),
            table("Files as read", ("File", "Rows", "SHA-256"), files),
        ),
    )


def _columns(sheet: Datasheet) -> Section:
    headers = ("Column", "Type", "Unit", "What it is", "Plausible range", "May be missing")
    rows = [
        (
            Text(c.name, "code"),
            c.dtype,
            c.unit,
            c.description,
            _range(c),
            "yes" if c.nullable else "no",
        )
        for c in sheet.columns
    ]
    return Section("columns", "Columns", (table("Contract of the data set", headers, rows),))


def _range(column: Column) -> str:
    if column.levels:
        return ", ".join(column.levels)
    if column.minimum is None and column.maximum is None:
        return "–"
    return f"{compact(column.minimum)} to {compact(column.maximum)}"


def _statistics(sheet: Datasheet) -> Section:
    splits = [(s.role, Text(f"{s.n:,}", "number"), _count(s.events)) for s in sheet.splits]
    numeric = [s for s in sheet.summaries if not s.levels]
    blocks: list[Block] = [
        Paragraph(_NO_TOTALS),
        table("People and events by split", ("Split", "People", "Events"), splits),
        table(
            "Numeric columns by split",
            ("Column", "Unit", "Split", "Missing", "25 %", "Median", "75 %"),
            map(_numeric_row, numeric),
        ),
    ]
    levels = [
        (Text(s.column, "code"), s.role, level, _count(n))
        for s in sheet.summaries
        for level, n in {**s.levels, "missing": s.missing}.items()
        if s.levels
    ]
    if levels:
        headers = ("Column", "Split", "Value", "People")
        blocks.append(table("Values of text and boolean columns by split", headers, levels))
    if sheet.bands:
        bands = [(b.subgroup, b.band, b.role, _count(b.n)) for b in sheet.bands]
        headers = ("Subgroup", "Band", "Split", "People")
        blocks.append(table("People by subgroup, training and calibration rows", headers, bands))
        blocks.append(Paragraph("The subgroups of the test rows stand on the model card."))
    return Section("statistics", "Statistics by split", tuple(blocks))


def _numeric_row(summary: ColumnSummary) -> tuple[str | Text, ...]:
    if summary.banded:
        where = "see the model card" if summary.role == "test" else "see the subgroups"
        missing = Text(where, "muted")
    else:
        missing = _count(summary.missing)
    if summary.quartiles is None:
        quartiles = [cell("–")] * 3
    else:
        quartiles = [Text(number(q, 2), "number") for q in summary.quartiles]
    return Text(summary.column, "code"), summary.unit, summary.role, missing, *quartiles


def _questions(answers: Iterable[Answer]) -> list[Section]:
    by_section: dict[str, list[Answer]] = {}
    for answer in answers:
        by_section.setdefault(answer.section, []).append(answer)
    sections = []
    for name, group in by_section.items():
        rows = [
            (Text(a.id, "code"), a.question, cell(a.text or a.basis), cell(a.basis)) for a in group
        ]
        headers = ("Id", "Question", "Answer", "Basis")
        blocks: tuple[Block, ...] = (table(f"Questions: {name.lower()}", headers, rows),)
        sections.append(Section(name.lower(), name, blocks))
    return sections


def _count(value: int | None) -> Text:
    return cell(SUPPRESSED) if value is None else Text(f"{value:,}", "number")
