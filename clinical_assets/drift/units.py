"""How many independent rows a column's rows are worth where those of one patient are alike.

What belongs here: what belongs together, the intraclass correlation of numbers, levels and missing
values, and the effective numbers of rows. What does not: the probabilities at those numbers
(:mod:`.effective`).

Twenty hours of one patient are not twenty patients. A mean of n rows in units of n_u rows each
varies 1 + (m - 1) ρ times as much as one of independent rows, where m is Σ n_u² / Σ n_u and ρ the
correlation of two rows of a unit (Kish 1965, "Survey Sampling"; Donner and Klar 2000, "Design and
Analysis of Cluster Randomization Trials in Health Research").
"""

from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from clinical_assets.drift.blocks import whole
from clinical_assets.drift.kinds import demand_column
from clinical_assets.drift.naming import names_patients
from clinical_assets.drift.samples import Sample, present
from clinical_assets.errors import ClinicalError
from clinical_assets.visible import visible

Codes = NDArray[np.int64]
_ENOUGH = 30  # units, below which little is known of how units differ


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


def unit_codes(frame: pl.LazyFrame, unit: str, which: str) -> Codes:
    """The unit of each row as a number from 0 up; a row without a unit is one by itself.

    Args:
        which: the table, in words.

    Raises:
        ClinicalError: there is no such column, or it can name nothing.

    >>> visits = pl.LazyFrame({"patient": ["b", None, "a", "b", None]})
    >>> unit_codes(visits, "patient", "table").tolist()
    [0, 2, 1, 0, 3]
    """
    where = f"the plan's unit, --unit {unit}"
    schema = frame.collect_schema()
    demand_column(schema, unit, which, where)
    dtype = schema[unit]
    if dtype.is_nested() or dtype in (pl.Binary, pl.Object):
        raise ClinicalError(
            f"{unit!r} is of type {dtype}, which tells no units apart",
            where=where,
            repair="Choose a column of text or whole numbers, such as patients' identifiers",
        )
    named = frame.select(pl.col(unit)).collect().to_series()
    if dtype.is_float():
        named = named.fill_nan(None)
    levels = named.drop_nulls().unique(maintain_order=True)
    known = pl.DataFrame({"unit": levels, "code": np.arange(len(levels), dtype=np.int64)})
    rows = pl.DataFrame({"unit": named})
    codes = rows.join(known, on="unit", how="left", maintain_order="left")["code"]
    found = codes.fill_null(-1).to_numpy().copy()
    unnamed = found < 0
    found[unnamed] = len(levels) + np.arange(np.count_nonzero(unnamed))
    return found


def units_of(
    reference: pl.LazyFrame, current: pl.LazyFrame, unit: str
) -> tuple[Codes, Codes] | None:
    """The unit of each row of both tables; None where no column names one.

    Raises:
        ClinicalError: see :func:`unit_codes`.
    """
    if not unit:
        return None
    return unit_codes(reference, unit, "reference"), unit_codes(current, unit, "current data")


def unit_hint(reference: pl.LazyFrame, current: pl.LazyFrame) -> list[str]:
    """What is to be said of tables that are compared without a unit, in a sentence; nothing where
    no column names patients, or none of them has two rows.

    >>> unit_hint(pl.LazyFrame({"mrn": [7, 7]}), pl.LazyFrame({"mrn": [8]}))[0][:26]
    'Rows of one mrn resemble e'
    """
    sides = (reference, current)
    schemas = [side.collect_schema() for side in sides]
    for name in (n for n in schemas[0] if n in schemas[1] and names_patients(n)):
        if schemas[0][name].is_nested() or schemas[1][name].is_nested():
            continue
        named = [side.select(pl.col(name).drop_nulls()).collect().to_series() for side in sides]
        if any(side.n_unique() < len(side) for side in named):
            shown = visible(name)
            return [
                f"Rows of one {shown} resemble each other; say --unit {shown}, or small groups of"
                " patients will seem to have drifted."
            ]
    return []


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
    weights = _weights(*cells)
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


def _weights(reference: pl.DataFrame, current: pl.DataFrame) -> pl.DataFrame:
    """1 / p of each level, from both sides' counts together."""
    counts = pl.concat([reference, current]).group_by("level").agg(pl.sum("count"))
    return counts.select("level", weight=pl.col("count").sum() / pl.col("count"))


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
