"""Levels of two columns with their counts."""

import polars as pl


def level_counts(reference: pl.Series, current: pl.Series) -> pl.DataFrame:
    """Levels with their counts p and q, those of the largest shares first.

    >>> level_counts(pl.Series(["a", "b"]), pl.Series(["b", "c", "b"])).rows()
    [('b', 1, 2), ('a', 1, 0), ('c', 0, 1)]
    """
    sides = [
        series.cast(pl.String).alias("level").value_counts(name=name)
        for series, name in ((reference, "p"), (current, "q"))
    ]
    both = sides[0].join(sides[1], on="level", how="full", coalesce=True).fill_null(0)
    both = both.with_columns(pl.col("p", "q").cast(pl.Int64))
    share = pl.col("p") / max(1, len(reference)) + pl.col("q") / max(1, len(current))
    return both.sort(share, pl.col("level"), descending=[True, False])
