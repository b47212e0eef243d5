"""What ``clinical drift`` prints: a table, what it means, and the tables of groups and windows."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from clinical_assets.commands.tables import new_console, new_table
from clinical_assets.visible import visible_name

if TYPE_CHECKING:
    from rich.console import Console

    from clinical_assets.commands.drift_found import Found
    from clinical_assets.drift.page_parts import Section
    from clinical_assets.drift.result import ColumnDrift, Comparison


_SHOWN = ("psi", "ks", "wasserstein")
_BREAK = re.compile(r"(?<=[_.\- ])|(?<=[a-z0-9])(?=[A-Z])")
_NUMBERS = ("95 %", "PSI", "KS", "moved", "missing %")
_LEAST = 8
_GAP = 3


def show(found: "Found") -> None:
    """Prints a comparison and its parts."""
    from clinical_assets.drift.page_parts import group_section, window_section

    console = new_console()
    _columns(console, found.whole)
    console.print(found.whole.explain(), markup=False)
    if found.groups:
        _section(console, group_section(found.groups))
    if found.windows:
        _section(console, window_section(found.windows, found.calibration))


def _columns(console: "Console", found: "Comparison") -> None:
    """A row for each column; the intervals of PSI, where there are any, take the kinds' place."""
    sure = any(column.interval for column in found.columns)
    second = ("95 %",) if sure else ("kind",)
    heads = ("column", *second, "PSI", "KS", "moved", "missing %", "verdict")
    rows = [_cells(column, sure=sure) for column in found.ranked()]
    right = [head in _NUMBERS for head in heads]
    _print(console, heads, rows, wrapped=0, right=right)


def _print(
    console: "Console",
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    wrapped: int,
    right: Sequence[bool],
    title: str = "",
) -> None:
    """A table in which the names of one column give way, at the ends of their words."""
    widths = [max(map(len, cells)) for cells in zip(heads, *rows, strict=True)]
    others = sum(widths) - widths[wrapped]
    width = max(_LEAST, console.width - others - _GAP * len(heads))
    numbers = {head for head, is_right in zip(heads, right, strict=True) if is_right}
    table = new_table(heads, wrapped=heads[wrapped], title=title, right=numbers)
    for row in rows:
        cells = [folded(c, width) if i == wrapped else c for i, c in enumerate(row)]
        table.add_row(*map(Text, cells))
    console.print(table)


def folded(name: str, width: int) -> str:
    """A name in lines no wider than that, parted where its words end as far as there are any.

    >>> folded("Bilirubin_total_mg", 12)
    'Bilirubin_\\ntotal_mg'
    """
    lines = [""]
    for word in _BREAK.split(name):
        if lines[-1] and len(lines[-1]) + len(word) > width:
            lines.append("")
        lines[-1] += word
    return "\n".join(lines)


def _section(console: "Console", section: "Section") -> None:
    for part in section.tables:
        long = [i for i, head in enumerate(part.heads) if head in ("largest change", "largest")]
        wrapped = long[0] if long else 0
        _print(
            console, part.heads, part.rows, wrapped=wrapped, right=part.right, title=part.caption
        )
    console.print(section.text, markup=False)


def _cells(column: "ColumnDrift", *, sure: bool) -> tuple[str, ...]:
    from clinical_assets.drift.sentences import digits

    numbers = column.statistics
    before, after = numbers.get("missing_reference"), numbers.get("missing_current")
    missing = "–" if before is None or after is None else f"{100 * before:.1f} → {100 * after:.1f}"
    verdict = "left out" if column.obstacle else ("drifted" if column.drifted else "–")
    interval = column.interval.short if column.interval else "–"
    second = interval if sure else column.kind
    shown = (digits(numbers.get(name)) for name in _SHOWN)
    return (visible_name(column.name), second, *shown, missing, verdict)
