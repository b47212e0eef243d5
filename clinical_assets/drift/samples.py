"""One column of one table, read as it is measured: numbers in blocks, or levels with counts."""

from typing import NamedTuple

import polars as pl

from clinical_assets.drift.blocks import Blocks, in_blocks, size
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


def read(table: pl.LazyFrame, column: str, kind: Kind) -> Sample:
    """Reads one column; of levels only the counts ever reach memory."""
    chosen = table.select(pl.col(column).alias("level"))
    if kind in ("numeric", "time"):
        return _numbers(chosen.collect().to_series())
    return _levels(chosen.group_by("level").len("count").collect())


def _numbers(series: pl.Series) -> Sample:
    rows, dtype = len(series), series.dtype
    if dtype.is_temporal():
        if isinstance(
            dtype, (pl.Datetime, pl.Duration)
        ):  # the other side may count in another unit
            series = series.dt.cast_time_unit("us")
        series = series.to_physical()
        dtype = series.dtype
    whole = dtype.is_integer() and dtype not in (pl.UInt64, pl.Int128, pl.UInt128)
    if series.n_chunks() * _SMALL > rows:
        series = series.rechunk()
    pieces = series.get_chunks()
    del series
    for i, piece in enumerate(pieces):  # each in its place, so that no second column is in memory
        piece = piece.drop_nulls().cast(pl.Int64 if whole else pl.Float64)
        pieces[i] = piece.drop_nans() if not whole and piece.is_nan().any() else piece
    values = in_blocks(tuple(piece.to_numpy() for piece in pieces))
    return Sample(values, None, size(values), rows)


def _levels(counts: pl.DataFrame) -> Sample:
    rows = int(counts["count"].sum())
    # Sums over sorted levels come out the same to the last bit, however the rows lie.
    counts = counts.select(pl.col("level").cast(pl.String), pl.col("count").cast(pl.Int64))
    counts = counts.drop_nulls().sort("level")
    return Sample((), counts, int(counts["count"].sum()), rows)
