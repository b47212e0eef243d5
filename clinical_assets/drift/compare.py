"""Comparing two tables column by column, a few columns at a time."""

import os
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import polars as pl

from clinical_assets.drift.causes import with_causes
from clinical_assets.drift.decide import decided, require_constant
from clinical_assets.drift.distributions import Distribution, distribution
from clinical_assets.drift.kinds import Column, paired, set_aside
from clinical_assets.drift.measure import STATISTICS, measure, measure_samples
from clinical_assets.drift.mixing import Mix
from clinical_assets.drift.plan import Plan
from clinical_assets.drift.profiles import Profile, compare_profiles
from clinical_assets.drift.result import ColumnDrift, Comparison
from clinical_assets.drift.samples import read
from clinical_assets.drift.sentences import Statistic
from clinical_assets.drift.unit_codes import Codes, units_of
from clinical_assets.errors import ClinicalError

TOGETHER = "it tells what belongs together"
Frame = pl.DataFrame | pl.LazyFrame


def compare(
    reference: Frame | Profile,
    current: Frame | Profile,
    plan: Plan | None = None,
    *,
    statistics: Collection[str] = STATISTICS,
    threads: int = 0,
    distributions: bool = False,
    by: str = "",
    judged: bool = True,
) -> Comparison:
    """Holds two tables against each other, exactly, from every row.

    Columns that drifted are given likely causes: see
    :func:`~clinical_assets.drift.causes.with_causes`.

    Args:
        reference: what is known to be good; a scan is read a column at a time.
        current: what is asked about. Where either is a profile, so is the other made: see
            :func:`~clinical_assets.drift.profiles.compare_profiles` for what is exact then.
        plan: what counts as drift; :class:`Plan` with its defaults where there is none.
        statistics: names of :data:`~clinical_assets.drift.measure.STATISTICS`.
        threads: columns at a time; as many as the machine has cores where 0.
        distributions: whether both sides' counts are kept with each column, to be drawn.
        by: the column that names sites, so that a change of their shares is told as a cause.
        judged: whether it is decided which columns drifted, and why; else there are only numbers.

    Raises:
        ClinicalError: the tables share no column, one is empty, the plan names a column or
            ``statistics`` a statistic that there is not, or the plan's thresholds are calibrated,
            which needs windows (:func:`~clinical_assets.drift.windows.over_time`), or it names a
            unit where a side is a profile.

    >>> before = pl.DataFrame({"glucose_mg_per_dl": range(80, 180)})
    >>> after = before.select(pl.col("glucose_mg_per_dl") / 18.016)
    >>> found = compare(before, after)
    >>> found.drifted, found["glucose_mg_per_dl"].statistics["ks"]
    (True, 1.0)
    >>> found["glucose_mg_per_dl"].causes
    ('Values are 18.0 times smaller: mg/dL → mmol/L of glucose.',)
    """
    plan = plan or Plan()
    _known(statistics)
    if judged:
        require_constant(plan)
    if isinstance(reference, Profile) or isinstance(current, Profile):
        if by or plan.context:
            raise ClinicalError(
                "A profile holds no rows, so other sites or patients cannot be told there",
                where="plan's context" if plan.context else "by",
                repair="Give the tables, or leave it out",
            )
        return compare_profiles(reference, current, plan, statistics=statistics)
    ours, theirs = reference.lazy(), current.lazy()
    columns = paired(ours.collect_schema(), theirs.collect_schema(), plan.columns)
    rows = _rows(ours, "reference"), _rows(theirs, "current data")
    units = units_of(ours, theirs, plan.unit)
    if units:
        columns = set_aside(columns, plan.unit, TOGETHER)
    mix = Mix(ours, theirs, by, plan.context) if by or plan.context else None
    tables = _Tables((ours, theirs), rows, plan.bins, statistics, distributions, units)
    with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        found = list(pool.map(tables.measured, columns))
    every = [numbers for numbers, _ in found]
    reasons = decided(every, plan) if judged else [()] * len(columns)
    drifted = [
        ColumnDrift(c.name, c.kind, numbers, why, c.obstacle, distribution=drawn)
        for c, (numbers, drawn), why in zip(columns, found, reasons, strict=True)
    ]
    return Comparison(with_causes(drifted, ours, theirs, mix, threads=threads), *rows)


class _Tables(NamedTuple):
    """Both tables, and what is asked of their columns."""

    sides: tuple[pl.LazyFrame, pl.LazyFrame]
    rows: tuple[int, int]
    bins: int
    statistics: Collection[str]
    distributions: bool
    units: tuple[Codes, Codes] | None = None

    def measured(self, column: Column) -> tuple[dict[str, Statistic], Distribution | None]:
        """One column; both sides of it are in memory meanwhile."""
        if column.obstacle:
            return {}, None
        numbers = self._numbers(column)
        if not self.distributions:
            return numbers, None
        return numbers, distribution(*self._pair(column), column.kind)

    def _numbers(self, column: Column) -> dict[str, Statistic]:
        if self.units:
            pair = self._pair(column)
            return measure(*pair, column.kind, self.bins, self.statistics, self.units)
        before, after = (
            read(side, column.name, column.kind, rows)
            for side, rows in zip(self.sides, self.rows, strict=True)
        )
        return measure_samples(before, after, self.bins, self.statistics)

    def _pair(self, column: Column) -> tuple[pl.Series, pl.Series]:
        reference, current = (side.select(column.name).collect() for side in self.sides)
        return reference.to_series(), current.to_series()


def _known(statistics: Collection[str]) -> None:
    if unknown := [name for name in statistics if name not in STATISTICS]:
        raise ClinicalError(
            f"There is no statistic named {', '.join(map(repr, unknown))}",
            repair=f"Choose among {', '.join(STATISTICS)}",
        )


def _rows(frame: pl.LazyFrame, which: str) -> int:
    rows = int(frame.select(pl.len()).collect().item())
    if not rows:
        raise ClinicalError(
            f"The {which} has no rows, so nothing can be said about it",
            repair="Give a table with at least one row",
        )
    return rows
