"""From a column's values to its grid and its summary."""

from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from clinical_assets.drift.blocks import Numbers
from clinical_assets.drift.kinds import kind_of
from clinical_assets.drift.profiles.bare import BareSummary
from clinical_assets.drift.profiles.category import CategorySummary
from clinical_assets.drift.profiles.cells import Cells
from clinical_assets.drift.profiles.decimals import count_decimals
from clinical_assets.drift.profiles.distinct import distinct_of
from clinical_assets.drift.profiles.grid import (
    PARTS,
    BareGrid,
    CategoryGrid,
    ColumnGrid,
    NumericGrid,
)
from clinical_assets.drift.profiles.numeric import NumericSummary
from clinical_assets.drift.profiles.others import Others
from clinical_assets.drift.profiles.sums import exact_sums
from clinical_assets.drift.tallied import between_ranks

_FEW = 8192

Summary = NumericSummary | CategorySummary | BareSummary
Vector = NDArray[np.float64]


class _Values(NamedTuple):
    """Values of a column without null and NaN."""

    values: Numbers
    rows: int
    nulls: int
    nan: int


def grid_of(series: pl.Series) -> ColumnGrid:
    """What columns like this one are counted over."""
    kind = kind_of(series.dtype)
    if kind in ("numeric", "time"):
        ordered = np.sort(_numbers(series).values)
        n = len(ordered)
        probabilities = np.arange(1, PARTS) / PARTS
        quantiles = between_ranks(probabilities, n, lambda ranks: ordered[ranks]) if n else []
        ends = (float(ordered[0]) + 0.0, float(ordered[-1]) + 0.0) if n else (None, None)
        return NumericGrid(kind, unit_of(series.dtype), np.asarray(quantiles, np.float64), *ends)
    if kind in ("category", "boolean"):
        return CategoryGrid.of(kind, _level_counts(series))
    return BareGrid(kind, "" if kind == "null" else _strange(series.dtype))


def read(series: pl.Series, grid: ColumnGrid) -> Summary:
    """The summary of a column whose obstacle, if any, is known: see :func:`obstacle`."""
    if isinstance(grid, NumericGrid):
        return _read_numbers(series, grid)
    if isinstance(grid, CategoryGrid):
        return _read_levels(series, grid)
    return BareSummary(grid.kind, len(series), series.null_count(), grid.obstacle)


def obstacle(dtype: pl.DataType, grid: ColumnGrid) -> str:
    """Why a column of this type cannot be counted over this grid; empty where it can."""
    kind = kind_of(dtype)
    if kind == "null" or (isinstance(grid, BareGrid) and grid.obstacle):
        return ""
    if kind == "other":
        return _strange(dtype)
    if kind != grid.kind:
        return f"{grid.kind} in the reference, {kind} ({dtype}) here"
    if isinstance(grid, NumericGrid) and unit_of(dtype) != grid.unit:
        return f"{grid.unit} in the reference, {unit_of(dtype)} here"
    return ""


def unit_of(dtype: pl.DataType) -> str:
    """What the numbers of a time mean; empty for other types.

    >>> unit_of(pl.Datetime("ms", "UTC"))
    'datetime in UTC'
    """
    if isinstance(dtype, pl.Datetime):
        return f"datetime in {dtype.time_zone}" if dtype.time_zone else "datetime without zone"
    return type(dtype).__name__.lower() if dtype.is_temporal() else ""


def _strange(dtype: pl.DataType) -> str:
    return f"nothing is known about columns of type {dtype.base_type()}"


def _numbers(series: pl.Series) -> _Values:
    rows, nulls = len(series), series.null_count()
    dtype = series.dtype
    if isinstance(dtype, (pl.Datetime, pl.Duration)):
        series = series.cast(type(dtype)("us", *_zone(dtype)))
    if dtype.is_temporal():
        series = series.to_physical()
    present = series.drop_nulls() if nulls else series
    dtype = present.dtype
    if dtype.is_integer() and dtype not in (pl.UInt64, pl.Int128, pl.UInt128):
        return _Values(present.cast(pl.Int64).to_numpy(), rows, nulls, 0)
    values = present.cast(pl.Float64).to_numpy()
    missing = np.isnan(values)
    nan = int(np.count_nonzero(missing))
    return _Values(values[~missing] if nan else values, rows, nulls, nan)


def _zone(dtype: pl.DataType) -> tuple[str, ...]:
    zone = dtype.time_zone if isinstance(dtype, pl.Datetime) else None
    return (zone,) if zone else ()


def _read_numbers(series: pl.Series, grid: NumericGrid) -> NumericSummary:
    single = series.dtype == pl.Float32
    if series.dtype == pl.Null:
        series = series.cast(pl.Float64)
    found = _numbers(series)
    values = found.values + 0.0  # -0.0 is 0.0, whole numbers are floats
    distinct = distinct_of(values)
    weights = None
    if distinct is not None:
        values, weights = distinct
    low, high = (float(values.min()), float(values.max())) if len(values) else (None, None)
    outside = [0, 0]
    if low is not None and grid.low is not None and low < grid.low:
        outside[0] = _number(values < grid.low, weights)
    if high is not None and grid.high is not None and high > grid.high:
        outside[1] = _number(values > grid.high, weights)
    cells = Cells.of(values, weights)
    counts = count_bins(grid, values, weights)
    if low == -np.inf or high == np.inf:
        finite = np.isfinite(values)
        values, weights = values[finite], None if weights is None else weights[finite]
    return NumericSummary(
        grid,
        *(found.rows, found.nulls, found.nan),
        *(low, high),
        counts,
        cells,
        exact_sums(values, weights),
        count_decimals(values, weights, single=single),
        distinct,
        *outside,
    )


def count_bins(
    grid: NumericGrid, values: Vector, weights: NDArray[np.int64] | None
) -> NDArray[np.int64]:
    """Counts in the grid's bins; few values are searched for, as a table would cost more."""
    if weights is None and len(values) > _FEW:
        return grid.binning.counts(values)
    bins = np.searchsorted(grid.edges, values, "left")
    return np.bincount(bins, weights, len(grid.edges) + 1).astype(np.int64)


def _number(chosen: NDArray[np.bool_], weights: NDArray[np.int64] | None) -> int:
    return int(np.count_nonzero(chosen) if weights is None else weights[chosen].sum())


def _level_counts(series: pl.Series) -> dict[str, int]:
    counts = series.drop_nulls().cast(pl.String).value_counts(name="n")
    level = counts.columns[0]
    return dict(zip(counts[level].to_list(), counts["n"].to_list(), strict=True))


def _read_levels(series: pl.Series, grid: CategoryGrid) -> CategorySummary:
    missing = series.null_count()
    counts = np.zeros(len(grid.levels), dtype=np.int64)
    if not grid.named:
        others = Others.of({"": len(series) - missing} if len(series) > missing else {}, 0, False)
        return CategorySummary(grid, len(series), missing, counts, others)
    rest: dict[str, int] = {}
    for level, number in _level_counts(series).items():
        place = grid.places.get(level)
        if place is None:
            rest[level] = number
        else:
            counts[place] = number
    return CategorySummary(
        grid, len(series), missing, counts, Others.of(rest, grid.limit, named=True)
    )
