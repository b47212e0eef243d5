"""What a column's rows are worth where those of one patient are alike, and which units stand out.

What belongs here: one column of both sides. What does not: which rows belong together
(:mod:`.unit_codes`), how alike they are (:mod:`.intraclass`), and the probabilities at what they
are worth (:mod:`.effective`). Twenty hours of one patient are not twenty patients.
"""

from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from clinical_assets.drift.blocks import whole
from clinical_assets.drift.intraclass import (
    Sums,
    effective_rows,
    intraclass,
    level_cells,
    level_sums,
    level_weights,
    mid_ranks,
    number_sums,
)
from clinical_assets.drift.samples import Sample, present
from clinical_assets.drift.unit_codes import Codes


class Effective(NamedTuple):
    """What both sides of a column are worth, in independent rows; the reference is first.

    Attributes:
        rows: for the share of missing values, which is one of all rows.
        values: for the values themselves.
        units: how many have values.
        beyond: current units with a value below all of the reference's, and above; of numbers.
        alone: see :func:`units_alone`; of levels.
        holders: of levels how many units of either side have each, shape (levels,).
    """

    rows: tuple[float, float]
    values: tuple[float, float]
    units: tuple[int, int]
    beyond: tuple[int, int] = (0, 0)
    alone: tuple[int, int] = (0, 0)
    holders: tuple[Codes, Codes] = (np.zeros(0, np.int64), np.zeros(0, np.int64))


def effective(
    reference: pl.Series,
    current: pl.Series,
    units: tuple[Codes, Codes],
    samples: tuple[Sample, Sample],
) -> Effective:
    """What one column's rows are worth on both sides.

    ρ of numbers is that of their mid-ranks among both sides' values, so that neither a unit of
    measurement nor an outlier makes a difference; of levels see :func:`level_sums`, of whose two
    answers the smaller is taken.

    Args:
        units: of each row of either side, from :func:`unit_codes`.
        samples: both series as they are measured, numbers in the order of the rows.
    """
    sides = (reference, current)
    there = [present(side) for side in sides]
    missing = [(~t).astype(np.float64) for t in there]
    rows = _worth(*map(number_sums, missing, units))
    ours, theirs = (u[t] for t, u in zip(there, units, strict=True))
    known = len(np.unique(ours)), len(np.unique(theirs))
    if samples[0].levels is None or samples[1].levels is None:
        before, after = (whole(s.values) if s.present else np.empty(0) for s in samples)
        values = _worth(*map(number_sums, mid_ranks(before, after), (ours, theirs)))
        return Effective(rows, values, known, beyond=units_beyond(before, after, theirs))
    levels = [s.filter(pl.Series(t)) for s, t in zip(sides, there, strict=True)]
    cells = level_cells((levels[0], levels[1]), (ours, theirs))
    weights = level_weights(*cells)
    by_variance = _worth(*(level_sums(side) for side in cells))
    by_chance = _worth(*(level_sums(side, weights) for side in cells))
    values = min(by_variance[0], by_chance[0]), min(by_variance[1], by_chance[1])
    held = [np.bincount(side["level"].to_numpy()) for side in cells]
    length = max(map(len, held))
    ours, theirs = (np.pad(side, (0, length - len(side))) for side in held)
    return Effective(rows, values, known, alone=units_alone(*cells), holders=(ours, theirs))


def _worth(reference: Sums, current: Sums) -> tuple[float, float]:
    found = intraclass(reference, current)
    return effective_rows(reference, found), effective_rows(current, found)


def units_beyond(
    reference: NDArray[np.generic], current: NDArray[np.generic], units: Codes
) -> tuple[int, int]:
    """How many units of the current side have a value below all of the reference's, and above.

    >>> units_beyond(np.array([1, 5]), np.array([0, 0, 9, 3]), np.array([0, 0, 0, 1]))
    (1, 1)
    """
    if not len(reference):
        return 0, 0
    below, above = current < reference.min(), current > reference.max()
    return len(np.unique(units[below])), len(np.unique(units[above]))


def units_alone(reference: pl.DataFrame, current: pl.DataFrame) -> tuple[int, int]:
    """How many units of the reference have a level that no other unit of it has, and how many of
    the current side one that the reference does not have.

    Args:
        reference, current: from :func:`level_cells`.

    >>> sides = pl.Series(["a", "a", "b"]), pl.Series(["a", "c", "d"])
    >>> units_alone(*level_cells(sides, (np.array([0, 1, 1]), np.array([0, 1, 1]))))
    (1, 1)
    """
    by_level = reference.group_by("level").agg(pl.len().alias("units"), pl.first("unit"))
    once = by_level.filter(pl.col("units") == 1)["unit"].n_unique()
    return once, current.join(reference, on="level", how="anti")["unit"].n_unique()
