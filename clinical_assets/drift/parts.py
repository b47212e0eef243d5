"""Parts of the current data, each held against the reference or against its part of it.

What belongs here: comparing many parts column by column, each column read once, and deciding over
all parts together. What does not: how rows are parted (:mod:`.by`, :mod:`.windows`).
"""

import os
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from clinical_assets.drift.decide import decided
from clinical_assets.drift.kinds import Column, paired
from clinical_assets.drift.measure import STATISTICS, measure
from clinical_assets.drift.plan import Plan
from clinical_assets.drift.result import ColumnDrift, Comparison
from clinical_assets.drift.sentences import Statistic
from clinical_assets.drift.unit_codes import Codes, units_of

FEWEST = 30
Rows = NDArray[np.int64]


class Slice(NamedTuple):
    """Which rows a part is made of.

    Attributes:
        reference: rows of the reference; None for all of them.
        obstacle: why it is not compared, if it is not.
    """

    label: str
    current: Rows
    reference: Rows | None = None
    obstacle: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the current data.

    Attributes:
        label: the group's level, or the day at which the window begins.
        rows: of the current data.
        comparison: None where it could not be compared.
        alone: whether it was held against the same part of the reference, not against all of it.
        obstacle: why it could not be compared; empty where it was.
    """

    label: str
    rows: int
    comparison: Comparison | None
    alone: bool = False
    obstacle: str = ""

    @property
    def drifted(self) -> bool:
        """Whether any of its columns counts as drifted."""
        return self.comparison is not None and self.comparison.drifted

    @property
    def against(self) -> str:
        """What it was held against, in words."""
        return "the same group" if self.alone else "the whole reference"

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, of the same shape as a whole comparison's."""
        if self.comparison is None:
            empty = {"drifted": False, "columns": [], "rows": {"current": self.rows}}
            return {"name": self.label, **empty, "not_compared": self.obstacle}
        return {"name": self.label, "against": self.against, **self.comparison.to_dict()}


def too_few(rows: int) -> str:
    """Why a part of so many rows is not compared; empty where it is."""
    return "" if rows >= FEWEST else "no rows" if not rows else f"fewer than {FEWEST} rows"


def compare_parts(
    reference: pl.LazyFrame,
    current: pl.LazyFrame,
    slices: Sequence[Slice],
    plan: Plan,
    *,
    without: Collection[str] = (),
    statistics: Collection[str] = STATISTICS,
    threads: int = 0,
) -> tuple[Part, ...]:
    """Holds each part against the reference.

    The false discovery rate is kept over all columns of all parts together.

    Args:
        without: columns that are not compared, because the parts were made by them.
        threads: columns at a time; as many as the machine has cores where 0.
    """
    schemas = reference.collect_schema(), current.collect_schema()
    columns = [c for c in paired(*schemas, plan.columns) if c.name not in (*without, plan.unit)]
    asked = [part for part in slices if not part.obstacle]
    units = units_of(reference, current, plan.unit)

    def measured(column: Column) -> list[dict[str, Statistic]]:
        if column.obstacle:
            return [{} for _ in asked]
        ours, theirs = (
            side.select(column.name).collect().to_series() for side in (reference, current)
        )
        return [
            measure(
                _taken(ours, p.reference),
                theirs[p.current],
                column.kind,
                plan.bins,
                statistics,
                _units_taken(units, p),
            )
            for p in asked
        ]

    with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        by_column = list(pool.map(measured, columns))
    whole = int(reference.select(pl.len()).collect().item())
    flat = [numbers[i] for i in range(len(asked)) for numbers in by_column]
    reasons = decided(flat, plan)
    compared = iter(
        _comparison(part, columns, flat, reasons, i * len(columns), whole)
        for i, part in enumerate(asked)
    )
    return tuple(
        Part(
            part.label,
            len(part.current),
            None if part.obstacle else next(compared),
            part.reference is not None,
            part.obstacle,
        )
        for part in slices
    )


def _taken(series: pl.Series, rows: Rows | None) -> pl.Series:
    return series if rows is None else series[rows]


def _units_taken(units: tuple[Codes, Codes] | None, part: Slice) -> tuple[Codes, Codes] | None:
    if units is None:
        return None
    ours, theirs = units
    return ours if part.reference is None else ours[part.reference], theirs[part.current]


def _comparison(
    part: Slice,
    columns: Sequence[Column],
    numbers: Sequence[dict[str, Statistic]],
    reasons: Sequence[tuple[str, ...]],
    start: int,
    whole: int,
) -> Comparison:
    found = tuple(
        ColumnDrift(c.name, c.kind, numbers[start + k], reasons[start + k], c.obstacle)
        for k, c in enumerate(columns)
    )
    before = whole if part.reference is None else len(part.reference)
    return Comparison(found, before, len(part.current))
