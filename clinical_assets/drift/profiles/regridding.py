"""A column's summary read on another reference's grid, as well as its own grid allows.

Exact where the column has at most 1,024 distinct values, or where its levels are known. Else its
distribution function at the other grid's edges lies between two of its own known places, about a
thousandth of the rows apart; it is taken in the middle by value.
"""

import numpy as np

from clinical_assets.drift.profiles.bare import BareSummary
from clinical_assets.drift.profiles.category import CategorySummary
from clinical_assets.drift.profiles.grid import BareGrid, CategoryGrid, ColumnGrid
from clinical_assets.drift.profiles.numeric import NumericSummary
from clinical_assets.drift.profiles.others import Others
from clinical_assets.drift.profiles.reading import Summary


def approximate_counts(summary: NumericSummary, edges: np.ndarray) -> np.ndarray:
    """Counts in right-closed bins of these edges, whole numbers."""
    if summary.distinct is not None:
        upto = summary.distinct.upto(edges).astype(np.float64)
    elif summary.present:
        places, known = summary.known()
        ends = float(summary.minimum or 0.0), float(summary.maximum or 0.0)
        upto = np.interp(edges, np.append(ends[0], np.clip(places, *ends)), np.append(0, known))
        upto[edges < ends[0]], upto[edges >= ends[1]] = 0, summary.present
    else:
        upto = np.zeros(len(edges))
    return np.diff(np.rint(upto).astype(np.int64), prepend=0, append=summary.present)


def levels_on(summary: CategorySummary, grid: CategoryGrid) -> CategorySummary:
    """Levels of one grid as levels of another; what has no name stays without."""
    named = {**summary.levels, **summary.new_levels}
    counts = np.array([named.pop(level, 0) for level in grid.levels], dtype=np.int64)
    total = summary.present - int(counts.sum())
    others = Others.of(named, grid.limit, grid.named)
    complete = not others.many and others.total == total
    return CategorySummary(
        grid,
        summary.rows,
        summary.missing,
        counts,
        others if complete else Others(total, {}, total > 0),
    )


def on_grid(summary: Summary | None, grid: ColumnGrid | None) -> Summary | None:
    """The summary as if it were counted over this grid, or what keeps it from that."""
    if isinstance(summary, BareSummary) or summary is None:
        return summary
    if grid is None:
        return BareSummary(summary.kind, summary.rows, summary.missing, "not in the reference")
    if isinstance(grid, BareGrid):
        return BareSummary(grid.kind, summary.rows, summary.missing, grid.obstacle)
    here, there = _measure_of(summary.grid), _measure_of(grid)
    if here != there:
        why = f"{there} in the reference, {here} here"
        return BareSummary(grid.kind, summary.rows, summary.missing, why)
    if isinstance(summary, CategorySummary) and isinstance(grid, CategoryGrid):
        return levels_on(summary, grid)
    return summary  # numbers know their own distribution, whatever the grid


def _measure_of(grid: ColumnGrid) -> str:
    return f"{grid.kind} {getattr(grid, 'unit', '')}".strip()
