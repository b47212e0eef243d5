"""How alike the rows of one unit are, and how many independent rows a side's rows are worth.

A mean of n rows in units of n_u rows each varies 1 + (m - 1) ρ times as much as one of independent
rows, where m is Σ n_u² / Σ n_u and ρ the correlation of two rows of a unit (Kish 1965, "Survey
Sampling"; Donner and Klar 2000, "Design and Analysis of Cluster Randomization Trials in Health
Research").
"""

from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from clinical_assets.drift.unit_codes import Codes

_ENOUGH = 30  # units, below which little is known of how units differ


class Sums(NamedTuple):
    """One side's sums of squares, about any one point.

    Attributes:
        rows, units: how many there are.
        squares: sum of the units' squared numbers of rows.
        total: sum of the squared values.
        between: the same, were each value its unit's mean.
        centre: the same, were each value the side's mean.
    """

    rows: int
    units: int
    squares: float
    total: float
    between: float
    centre: float


def mid_ranks(
    reference: NDArray[np.generic], current: NDArray[np.generic]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Ranks of each value among both sides' values, ties at their middle, from -1/2 to 1/2.

    >>> [side.tolist() for side in mid_ranks(np.array([7.0, 9.0]), np.array([7.0, 5.0]))]
    [[0.0, 0.375], [0.0, -0.375]]
    """
    both = np.concatenate([np.asarray(reference), np.asarray(current)])
    ranks = pl.Series(both).rank("average").to_numpy()
    ranks = (ranks - 0.5) / max(1, len(both)) - 0.5
    return ranks[: len(reference)], ranks[len(reference) :]


def number_sums(values: NDArray[np.float64], units: Codes) -> Sums:
    """Sums of one side's values, shape (rows,), each in its unit."""
    if not len(values):
        return Sums(0, 0, 0.0, 0.0, 0.0, 0.0)
    number = np.bincount(units)
    mean = float(values.mean())
    moved = values - mean  # so that nothing is the small difference of large numbers
    held = number > 0
    number, added = number[held].astype(np.float64), np.bincount(units, moved)[held]
    return Sums(
        len(values),
        len(number),
        float(number @ number),
        float(moved @ moved),
        float(added @ (added / number)),
        float(moved.sum() ** 2 / len(values)),
    )


def level_cells(
    sides: tuple[pl.Series, pl.Series], units: tuple[Codes, Codes]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Of both sides, without missing ones, how often each ``unit`` has each ``level``, which is a
    number here, and the same on both sides: ``count``, of float64."""
    named = pl.concat([side.cast(pl.String) for side in sides])
    codes = named.cast(pl.Categorical).to_physical()  # numbers are grouped sooner than text
    n = len(sides[0])
    ours, theirs = (
        pl.DataFrame({"unit": unit, "level": level})
        .group_by("unit", "level")
        .agg(count=pl.len().cast(pl.Float64))
        for unit, level in zip(units, (codes[:n], codes[n:]), strict=True)
    )
    return ours, theirs


def level_sums(cells: pl.DataFrame, weights: pl.DataFrame | None = None) -> Sums:
    """Sums of one side's levels, each in its unit, over the indicators of all levels together.

    The correlation that follows is the average of the levels' own, weighted by the variance
    p (1 - p) of each indicator. With weights 1 / p it is weighted by 1 - p, by which χ² exceeds
    that of independent rows on average (the first-order correction of Rao and Scott 1981, "The
    analysis of categorical data from complex sample surveys"), but in which a crowd of rare levels,
    that are hardly seen twice, hides how alike the others are.

    Args:
        cells: from :func:`level_cells`.
        weights: of every ``level`` its ``weight``; 1 where None.
    """
    if not len(cells):
        return Sums(0, 0, 0.0, 0.0, 0.0, 0.0)
    if weights is None:
        cells = cells.with_columns(weight=pl.lit(1.0))
    else:
        cells = cells.join(weights, on="level")
    by_unit = cells.group_by("unit").agg(
        rows=pl.col("count").sum(), squares=(pl.col("weight") * pl.col("count") ** 2).sum()
    )
    by_level = cells.group_by("level").agg(pl.sum("count"), pl.first("weight"))
    rows, squares = by_unit["rows"].to_numpy(), by_unit["squares"].to_numpy()
    counts, weight = by_level["count"].to_numpy(), by_level["weight"].to_numpy()
    return Sums(
        round(rows.sum()),
        len(rows),
        float(rows @ rows),
        float(weight @ counts),
        float((squares / rows).sum()),
        float(weight @ counts**2 / rows.sum()),
    )


def level_weights(reference: pl.DataFrame, current: pl.DataFrame) -> pl.DataFrame:
    """1 / p of each level, from both sides' counts together."""
    counts = pl.concat([reference, current]).group_by("level").agg(pl.sum("count"))
    return counts.select("level", weight=pl.col("count").sum() / pl.col("count"))


def intraclass(*sides: Sums) -> float:
    """The correlation of two rows of a unit, from 0 to 1: the one-way analysis of variance for
    units of unequal size (Donner 1986, "A review of inference procedures for the intraclass
    correlation coefficient in the one-way random effects model"), units nested in sides, so that a
    difference of the sides is no resemblance within them.

    1 where nothing varies within a side, or no side has two units: then rows are worth their units.
    0 where no unit has two rows.

    >>> pairs = number_sums(np.array([1.0, 1.0, 2.0, 2.0, 3.0, 3.0]), np.array([0, 0, 1, 1, 2, 2]))
    >>> intraclass(pairs)
    1.0
    """
    held = [side for side in sides if side.rows]
    rows, units = sum(s.rows for s in held), sum(s.units for s in held)
    if rows == units:
        return 0.0
    between = max(0.0, sum(s.between - s.centre for s in held))
    within = max(0.0, sum(s.total - s.between for s in held))
    degrees = units - len(held)
    if not degrees or between + within <= 1e-12 * sum(s.total for s in held):
        return 1.0
    size = (rows - sum(s.squares / s.rows for s in held)) / degrees
    between, within = between / degrees, within / (rows - units)
    found = (between - within) / (between + (size - 1) * within)
    return float(min(1.0, max(0.0, found)))


def effective_rows(side: Sums, correlation: float) -> float:
    """n / (1 + (m - 1) ρ) of one side, not above n, not below 1.

    A unit is worth a row whatever ρ is. All above a row a unit rests on these units being as unlike
    each other as all are, which a few do not show: of fewer than 30 (below which estimates by
    clusters are not trusted; Cameron and Miller 2015, "A practitioner's guide to cluster-robust
    inference") only (units - 1) / 29 of it counts, nothing of a single one.

    >>> effective_rows(Sums(400, 40, 4000.0, 0, 0, 0), 1.0)
    40.0
    >>> round(effective_rows(Sums(400, 40, 4000.0, 0, 0, 0), 0.5), 3)
    72.727
    >>> effective_rows(Sums(400, 1, 160000.0, 0, 0, 0), 0.0)
    1.0
    """
    if not side.rows:
        return 1.0
    found = side.rows / (1 + (side.squares / side.rows - 1) * correlation)
    if side.units < _ENOUGH and found > side.units:
        found = side.units + (found - side.units) * (side.units - 1) / (_ENOUGH - 1)
    return max(1.0, min(float(side.rows), round(found, 6)))  # sums end in any order of units
