"""What ``clinical drift`` prints: a table, what it means, and the tables of groups and windows."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.markup import escape

from clinical_assets.commands.tables import new_console, new_table
from clinical_assets.visible import visible

if TYPE_CHECKING:
    from rich.console import Console

    from clinical_assets.drift.page_parts import Section
    from clinical_assets.drift.parts import Part
    from clinical_assets.drift.result import ColumnDrift, Comparison


def show(found: "Comparison", groups: "Sequence[Part]", windows: "Sequence[Part]") -> None:
    """Prints a comparison and its parts."""
    from clinical_assets.drift.page_parts import group_section, window_section

    console = new_console()
    headings = ("column", "kind", "PSI", "KS", "Wasserstein", "missing", "verdict")
    table = new_table(headings, wrapped="column", right=headings[2:6])
    for column in found.ranked():
        table.add_row(*_cells(column))
    console.print(table)
    console.print(found.explain(), markup=False)
    if groups:
        _section(console, group_section(groups))
    if windows:
        _section(console, window_section(windows))


def _section(console: "Console", section: "Section") -> None:
    for part in section.tables:
        right = {head for head, is_right in zip(part.heads, part.right, strict=True) if is_right}
        wrapped = "largest change" if "largest change" in part.heads else part.heads[0]
        table = new_table(part.heads, wrapped=wrapped, title=part.caption, right=right)
        for row in part.rows:
            table.add_row(*map(escape, row))
        console.print(table)
    console.print(section.text, markup=False)


def _cells(column: "ColumnDrift") -> tuple[str, ...]:
    from clinical_assets.drift.sentences import digits

    numbers = column.statistics
    before, after = numbers.get("missing_reference"), numbers.get("missing_current")
    missing = "–" if before is None or after is None else f"{before:.1%} → {after:.1%}"
    verdict = "not compared" if column.obstacle else ("drifted" if column.drifted else "–")
    shown = (digits(numbers.get(name)) for name in ("psi", "ks", "wasserstein"))
    return (escape(visible(column.name)), column.kind, *shown, missing, verdict)
