"""Tables that profiles are tried on: every kind of column, every awkward value."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import polars as pl
from hypothesis import strategies as st

NUMBERS = st.one_of(
    st.none(),
    st.floats(width=64),
    st.sampled_from([0.0, -0.0, 1e300, -1e300, 1e-300, 5e-324, 2.5, 2.5, 2.5, 1.7e308]),
    st.integers(-(2**62), 2**62).map(float),
)
LEVELS = st.one_of(st.none(), st.sampled_from("aaabbc"), st.text(max_size=2))


@st.composite
def tables(draw: st.DrawFn, least: int = 0) -> pl.DataFrame:
    """A table of a few rows."""
    rows = draw(st.integers(least, 30))

    def column(values: st.SearchStrategy) -> list:
        return draw(st.lists(values, min_size=rows, max_size=rows))

    days = st.dates(date(1900, 1, 1), date(2100, 1, 1))
    return pl.DataFrame(
        {
            "x": column(NUMBERS),
            "level": column(LEVELS),
            "flag": column(st.sampled_from([True, False, None])),
            "day": column(st.one_of(st.none(), days)),
            "n": column(st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1))),
        },
        schema={
            "x": pl.Float64,
            "level": pl.String,
            "flag": pl.Boolean,
            "day": pl.Date,
            "n": pl.Int64,
        },
    )


def large(rows: int, seed: int = 0, shift: float = 0.0) -> pl.DataFrame:
    """Continuous, rounded, heavy-tailed, tied, categorical and dated columns with missing ones."""
    rng = np.random.default_rng(seed)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    gaps = np.where(rng.random(rows) < 0.1, np.nan, rng.normal(shift, 1, rows))
    return pl.DataFrame(
        {
            "normal": rng.normal(120 + shift, 20, rows),
            "gaps": pl.Series(gaps, nan_to_null=True),
            "nan": gaps,
            "rounded": np.round(rng.normal(37 + shift, 1, rows), 1),
            "heavy": rng.standard_cauchy(rows) * 10 ** rng.uniform(-20, 20, rows),
            "mass": np.where(rng.random(rows) < 0.5, 0.0, rng.lognormal(shift, 2, rows)),
            "whole": rng.integers(0, 10**12, rows),
            "single": rng.normal(size=rows).astype(np.float32),
            "ward": rng.choice(["a", "b", "c"], rows, p=[0.7, 0.2, 0.1]),
            "flag": rng.random(rows) < 0.3 + shift / 10,
            "at": [start + timedelta(seconds=int(s)) for s in rng.integers(0, 10**7, rows)],
            "price": [Decimal(int(v)).scaleb(-2) for v in rng.integers(0, 500, rows)],
            "constant": np.ones(rows),
            "nothing": [None] * rows,
            "nested": [[1]] * rows,
        }
    )
