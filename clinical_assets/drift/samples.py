"""One column of one table, read as it is measured: numbers in blocks, or levels with counts."""

from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from clinical_assets.drift.blocks import Blocks, Numbers, in_blocks, size
from clinical_assets.drift.kinds import Kind

_SMALL = 4096  # rows a piece, below which handling pieces costs more than putting them together


class Sample(NamedTuple):
    """What a column holds, without what is missing.

    Attributes:
        values: float64 or int64, as they came from the file; empty for levels.
        levels: ``level`` and ``count``, in the order of the levels; None for numbers.
        present: how many values are not missing.
        rows: how many there are, missing ones included.
    """

    values: Blocks
    levels: pl.DataFrame | None
    present: int
    rows: int

    @property
    def missing(self) -> int:
        """How many values are missing: null or NaN."""
        return self.rows - self.present


def read(table: pl.LazyFrame, column: str, kind: Kind, rows: int) -> Sample:
    """Reads one column of a table of so many rows; of levels only the counts ever reach memory."""
    chosen = table.select(pl.col(column).alias("level"))
    if kind in ("numeric", "time"):
        # What is missing is left out on the way, so that no second column is ever in memory.
        present = chosen.drop_nulls().collect(engine="streaming")
        return _numbers(present.to_series(), rows)
    return _levels(chosen.group_by("level").len("count").collect())


def read_series(series: pl.Series, kind: Kind) -> Sample:
    """The same of a column in memory; numbers stay in the order of the rows."""
    if kind in ("numeric", "time"):
        return _numbers(series.drop_nulls(), len(series))
    return _levels(series.alias("level").to_frame().group_by("level").len("count"))


def present(series: pl.Series) -> NDArray[np.bool_]:
    """Which rows hold a value: neither null nor NaN."""
    there = series.is_not_null()
    if series.dtype.is_float():
        there &= series.is_not_nan().fill_null(value=False)
    return there.to_numpy()


def _numbers(series: pl.Series, rows: int) -> Sample:
    dtype = series.dtype
    if dtype.is_temporal():
        if isinstance(dtype, (pl.Datetime, pl.Duration)):
            series = series.dt.cast_time_unit("us")  # the other side may count in another unit
        series = series.to_physical()
        dtype = series.dtype
    whole = dtype.is_integer() and dtype not in (pl.UInt64, pl.Int128, pl.UInt128)
    if series.n_chunks() * _SMALL > len(series):
        series = series.rechunk()
    pieces = (piece.cast(pl.Int64 if whole else pl.Float64) for piece in series.get_chunks())
    values = in_blocks(tuple(map(_without_nan, pieces)))
    return Sample(values, None, size(values), rows)


def _without_nan(piece: pl.Series) -> Numbers:
    values = piece.to_numpy()
    if values.dtype == np.float64:
        # A sum shows a NaN soonest; infinities of both signs only make it look like one.
        with np.errstate(invalid="ignore", over="ignore"):
            suspicious = np.isnan(values.sum())
        if suspicious:
            values = values[~np.isnan(values)]
    return values


def _levels(counts: pl.DataFrame) -> Sample:
    rows = int(counts["count"].sum())
    # Sums over sorted levels come out the same to the last bit, however the rows lie.
    counts = counts.select(pl.col("level").cast(pl.String), pl.col("count").cast(pl.Int64))
    counts = counts.drop_nulls().sort("level")
    return Sample((), counts, int(counts["count"].sum()), rows)
