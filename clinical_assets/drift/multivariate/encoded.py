"""Rows of both tables as one matrix that a classifier reads.

Numbers become their rank among the values of both sides, scaled into (0, 1); levels become a code
by how frequent they are on both sides together. Neither looks at which side a row is of, so that
where nothing changed a classifier learns nothing from it. Ranks also take infinities and values
of any size. Missing is NaN.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from clinical_assets.drift.kinds import Column, Kind
from clinical_assets.drift.multivariate.usable import Matrix, Unused, as_floats, chosen
from clinical_assets.errors import ClinicalError

LEVELS = 100
_ITSELF = "a time tells the sides apart by itself; name the column to use it all the same"


@dataclass(frozen=True, slots=True)
class Encoded:
    """Both tables, the reference's rows first.

    Attributes:
        values: shape (rows, columns), NaN where a value is missing.
        levels: which columns hold codes of levels.
        notes: what was done to a column that a reader should know.
    """

    names: tuple[str, ...]
    kinds: tuple[Kind, ...]
    values: Matrix
    levels: NDArray[np.bool_]
    unused: tuple[Unused, ...]
    notes: tuple[str, ...]


def encoded(
    reference: pl.DataFrame,
    current: pl.DataFrame,
    columns: Sequence[str],
    without: Collection[str],
) -> Encoded:
    """The columns of both tables that can tell them apart.

    Raises:
        ClinicalError: none can.
    """
    names, kinds, values, unused, notes = [], [], [], [], []
    for column in chosen(reference, current, columns, without):
        if why := column.obstacle or (_ITSELF if column.kind == "time" and not columns else ""):
            unused.append(Unused(column.name, why))
            continue
        found, note = _encode(column, reference[column.name], current[column.name])
        if why := _same_everywhere(found):
            unused.append(Unused(column.name, why))
            continue
        names.append(column.name)
        kinds.append(column.kind)
        values.append(found)
        notes += [f"{column.name}: {note}"] if note else []
    if not names:
        raise ClinicalError(
            "No column can be used: " + "; ".join(f"{u.name}: {u.why}" for u in unused[:5]),
            repair="Give columns that both tables have and that vary",
        )
    levels = np.array([kind == "category" for kind in kinds])
    matrix = np.column_stack(values)
    return Encoded(tuple(names), tuple(kinds), matrix, levels, tuple(unused), tuple(notes))


def _encode(column: Column, before: pl.Series, after: pl.Series) -> tuple[Matrix, str]:
    if column.kind == "category":
        return _codes(pl.concat([side.cast(pl.String) for side in (before, after)]))
    both = np.concatenate([as_floats(before), as_floats(after)])
    infinite = int(np.isinf(both).sum())
    note = f"{infinite} infinite values rank as the largest and smallest" if infinite else ""
    return _ranks(both), note


def _ranks(values: Matrix) -> Matrix:
    """Mid-ranks over the number of values, without the missing ones."""
    from scipy.stats import rankdata

    found = np.full(len(values), np.nan)
    present = ~np.isnan(values)
    if present.any():
        found[present] = (rankdata(values[present]) - 0.5) / present.sum()
    return found


def _codes(levels: pl.Series) -> tuple[Matrix, str]:
    """The most frequent levels as 0, 1, …; all rarer ones share the last code."""
    counts = levels.drop_nulls().value_counts(name="rows")
    level = counts.columns[0]
    repeated = counts.filter(pl.col("rows") > 1).sort(["rows", level], descending=[True, False])
    frequent = repeated[level].head(LEVELS)
    found = pl.select(
        pl.when(levels.is_null())
        .then(None)
        .when(levels.is_in(frequent.implode()))
        .then(levels.replace_strict(frequent, np.arange(len(frequent)), default=LEVELS))
        .otherwise(LEVELS)
        .cast(pl.Float64)
    ).to_series()
    rare = counts.height - len(frequent)
    note = f"{rare:,} rare of {counts.height:,} levels are taken together" if rare > 1 else ""
    return found.to_numpy().astype(np.float64), note


def _same_everywhere(values: Matrix) -> str:
    present = values[~np.isnan(values)]
    if not len(present):
        return "no value on either side"
    if len(present) == len(values) and np.ptp(present) == 0:
        return "the same on every row (or all its levels are rare)"
    return ""
