"""From a column's values to its grid and its summary."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from clinical_assets.drift.blocks import Numbers
from clinical_assets.drift.kinds import Kind, kind_of
from clinical_assets.drift.profiles.bare import BareSummary
from clinical_assets.drift.profiles.category import CategorySummary
from clinical_assets.drift.profiles.cells import Cells
from clinical_assets.drift.profiles.decimals import count_decimals
from clinical_assets.drift.profiles.distinct import distinct_of, spike_of
from clinical_assets.drift.profiles.grid import (
    PARTS,
    BareGrid,
    CategoryGrid,
    ColumnGrid,
    NumericGrid,
)
from clinical_assets.drift.profiles.numeric import NumericSummary
from clinical_assets.drift.profiles.others import Others
from clinical_assets.drift.profiles.sums import exact_sums, sums_in_order
from clinical_assets.drift.tallied import between_ranks

_LEAST = 5e-324
_FINITE = (-np.inf, np.finfo(np.float64).max)

Summary = NumericSummary | CategorySummary | BareSummary
Vector = NDArray[np.float64]
Counts = NDArray[np.int64]


class _Ordered(NamedTuple):
    """Values of a column without null and NaN, in order; int64 where they are whole, else float64.

    They are sorted once, and everything that is counted follows from that quickly.
    """

    values: Numbers
    rows: int
    nulls: int
    nan: int


def own(series: pl.Series) -> tuple[ColumnGrid, Summary]:
    """The grid that a column makes, and its summary over it."""
    kind = kind_of(series.dtype)
    if kind in ("numeric", "time"):
        found = _ordered(series)
        grid = _numeric_grid(found.values, kind, unit_of(series.dtype))
        return grid, _numbers(found, grid, single=series.dtype == pl.Float32)
    if kind in ("category", "boolean"):
        counts = _level_counts(series)
        levels = CategoryGrid.of(kind, counts)
        return levels, _levels(series, counts, levels)
    bare = BareGrid(kind, "" if kind == "null" else _strange(series.dtype))
    return bare, read(series, bare)


def _numeric_grid(ordered: Numbers, kind: Kind, unit: str) -> NumericGrid:
    if not len(ordered):
        return NumericGrid(kind, unit, np.empty(0), None, None)
    probabilities = np.arange(1, PARTS) / PARTS
    quantiles = between_ranks(probabilities, len(ordered), lambda ranks: ordered[ranks])
    return NumericGrid(kind, unit, quantiles, float(ordered[0]), float(ordered[-1]))


def read(series: pl.Series, grid: ColumnGrid) -> Summary:
    """The summary of a column whose obstacle, if any, is known: see :func:`obstacle`."""
    if isinstance(grid, NumericGrid):
        values = series.cast(pl.Float64) if series.dtype == pl.Null else series
        return _numbers(_ordered(values), grid, single=series.dtype == pl.Float32)
    if isinstance(grid, CategoryGrid):
        return _levels(series, _level_counts(series) if grid.named else {}, grid)
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


def _ordered(series: pl.Series) -> _Ordered:
    rows, nulls = len(series), series.null_count()
    dtype = series.dtype
    if isinstance(dtype, (pl.Datetime, pl.Duration)):
        series = series.cast(type(dtype)("us", *_zone(dtype)))
    if dtype.is_temporal():
        series = series.to_physical()
    present = series.drop_nulls() if nulls else series
    dtype = present.dtype
    if dtype.is_integer() and dtype not in (pl.UInt64, pl.Int128, pl.UInt128):
        return _Ordered(np.sort(present.cast(pl.Int64).to_numpy()), rows, nulls, 0)
    values = np.sort(present.cast(pl.Float64).to_numpy())
    values = values[: np.searchsorted(values, np.nan)]  # NaN is last
    values[slice(*np.searchsorted(values, [0.0, _LEAST]))] = 0.0  # and not -0.0
    return _Ordered(values, rows, nulls, rows - nulls - len(values))


def _zone(dtype: pl.DataType) -> tuple[str, ...]:
    zone = dtype.time_zone if isinstance(dtype, pl.Datetime) else None
    return (zone,) if zone else ()


def _numbers(found: _Ordered, grid: NumericGrid, *, single: bool) -> NumericSummary:
    values = found.values.astype(np.float64, copy=False)
    low, high = (float(values[0]), float(values[-1])) if len(values) else (None, None)
    distinct = distinct_of(values)
    spike = spike_of(values) if distinct is None else None
    weights = None
    if distinct is not None:
        values, weights = distinct
    total = len(values) if weights is None else int(weights.sum())
    counts = np.diff(_upto(values, weights, grid.edges), prepend=0, append=total)
    outside = [0, 0]
    if grid.low is not None and grid.high is not None:
        below = _upto(values, weights, np.array([grid.low]), "left")
        outside = [int(below[0]), total - int(_upto(values, weights, np.array([grid.high]))[0])]
    finite = slice(*np.searchsorted(values, _FINITE, "right"))
    cells = Cells.of(values, weights)
    values, weights = values[finite], None if weights is None else weights[finite]
    return NumericSummary(
        grid,
        *(found.rows, found.nulls, found.nan),
        *(low, high),
        counts,
        cells,
        sums_in_order(values) if weights is None else exact_sums(values, weights),
        count_decimals(values, weights, single=single),
        distinct,
        outside[0],
        outside[1],
        spike,
    )


def _upto(
    ordered: Vector,
    weights: Counts | None,
    places: Vector,
    side: Literal["left", "right"] = "right",
) -> Counts:
    """How many values are at most each of these places, or below it where side is left."""
    found = np.searchsorted(ordered, places, side)
    return found if weights is None else np.append(0, np.cumsum(weights))[found]


def _level_counts(series: pl.Series) -> dict[str, int]:
    counts = series.alias("level").cast(pl.String).value_counts(name="n").drop_nulls()
    return dict(zip(counts["level"].to_list(), counts["n"].to_list(), strict=True))


def _levels(series: pl.Series, found: Mapping[str, int], grid: CategoryGrid) -> CategorySummary:
    missing = series.null_count()
    counts = np.zeros(len(grid.levels), dtype=np.int64)
    if not grid.named:
        others = Others.of({"": len(series) - missing} if len(series) > missing else {}, 0, False)
        return CategorySummary(grid, len(series), missing, counts, others)
    rest: dict[str, int] = {}
    for level, number in found.items():
        place = grid.places.get(level)
        if place is None:
            rest[level] = number
        else:
            counts[place] = number
    return CategorySummary(
        grid, len(series), missing, counts, Others.of(rest, grid.limit, named=True)
    )
