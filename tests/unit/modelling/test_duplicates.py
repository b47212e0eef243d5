"""The hashed search for equal and nearly equal rows against one that compares every pair."""

import math
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinical_assets.modelling.duplicates import LEAST_AGREEING, Matches, count_matches, scales

COLUMNS = ["count", "level", "score", "ward", "ill"]
SCHEMA = {
    "count": pl.Int64,
    "level": pl.Float64,
    "score": pl.Float64,
    "ward": pl.String,
    "ill": pl.Boolean,
}


def naive(
    earlier: pl.DataFrame, later: pl.DataFrame, tolerance: float, scale: dict[str, float]
) -> Matches:
    """Every pair, column by column."""

    def same(a: Any, b: Any) -> bool:
        return (a is None and b is None) or (a is not None and b is not None and a == b)

    def near(one: dict[str, Any], other: dict[str, Any]) -> bool:
        for out in COLUMNS:
            rest = [c for c in COLUMNS if c != out]
            present = sum(one[c] is not None for c in rest)
            if present >= LEAST_AGREEING and all(same(one[c], other[c]) for c in rest):
                return True
        numeric = [c for c in COLUMNS if tolerance * scale.get(c, 0.0) > 0.0]
        if sum(one[c] is not None for c in numeric) < LEAST_AGREEING:
            return False
        for c in COLUMNS:
            if c not in numeric or one[c] is None or other[c] is None:
                if not same(one[c], other[c]):
                    return False
            elif not abs(one[c] - other[c]) <= tolerance * scale[c]:
                return False
        return True

    exact = nearly = 0
    partners = earlier.to_dicts()
    for row in later.to_dicts():
        if any(all(same(row[c], p[c]) for c in COLUMNS) for p in partners):
            exact += 1
        elif any(near(row, p) for p in partners):
            nearly += 1
    return Matches(exact, nearly)


ROW = st.tuples(
    st.none() | st.integers(-2, 2),
    st.none() | st.sampled_from([-0.75, -0.5, -0.0, 0.0, 0.5, 1.0]),
    st.none() | st.floats(-2, 2).map(lambda x: round(x, 1)),
    st.none() | st.sampled_from(["north", "south"]),
    st.none() | st.booleans(),
)
TABLE = st.lists(ROW, min_size=1, max_size=20).map(
    lambda rows: pl.DataFrame(rows, schema=SCHEMA, orient="row")
)


@settings(max_examples=35, deadline=None)
@given(earlier=TABLE, later=TABLE, tolerance=st.sampled_from([0.0, 0.1, 0.5, 1.0]))
def test_hashed_search_agrees_with_every_pair(
    earlier: pl.DataFrame, later: pl.DataFrame, tolerance: float
) -> None:
    scale = {"count": 1.0, "level": 0.5, "score": 1.0}
    found = count_matches(earlier, later, COLUMNS, tolerance=tolerance, scale=scale)
    assert found == naive(earlier, later, tolerance, scale)


def test_each_kind_of_match() -> None:
    earlier = pl.DataFrame([(1, 1.0, 1.0, "north", True)], schema=SCHEMA, orient="row")
    rows = {
        "equal": (1, 1.0, 1.0, "north", True),
        "one column off": (1, 1.0, 99.0, "north", True),
        "one column lost": (1, None, 1.0, "north", True),
        "all numbers a little off": (1, 1.01, 0.99, "north", True),
        "two columns off": (1, 1.0, 9.0, "south", True),
        "too far": (1, 1.2, 0.8, "north", True),
    }
    found = {
        name: count_matches(
            earlier,
            pl.DataFrame([row], schema=SCHEMA, orient="row"),
            COLUMNS,
            tolerance=0.05,
            scale={"count": 1.0, "level": 1.0, "score": 1.0},
        )
        for name, row in rows.items()
    }
    assert found == {
        "equal": Matches(1, 0),
        "one column off": Matches(0, 1),
        "one column lost": Matches(0, 1),
        "all numbers a little off": Matches(0, 1),
        "two columns off": Matches(0, 0),
        "too far": Matches(0, 0),
    }


def test_rows_of_missing_values_are_equal_but_never_nearly_equal() -> None:
    empty = pl.DataFrame([(None,) * 5], schema=SCHEMA, orient="row")
    other = pl.DataFrame([(1, None, None, None, None)], schema=SCHEMA, orient="row")
    assert count_matches(empty, empty, COLUMNS, tolerance=1.0, scale={}) == Matches(1, 0)
    assert count_matches(empty, other, COLUMNS, tolerance=1.0, scale={}) == Matches(0, 0)


def test_not_finite_numbers_count_as_missing() -> None:
    frame = pl.DataFrame({"a": [math.nan, math.inf, 1.0, 3.0], "b": ["x"] * 4})
    assert scales(frame, ["a", "b"]) == {"a": pytest.approx(math.sqrt(2.0))}
    found = count_matches(frame[:1], frame[1:2], ["a", "b"], tolerance=0.1, scale={})
    assert found == Matches(1, 0)


def test_partner_in_a_neighbouring_cell_is_found() -> None:
    """Copies disturbed by the whole tolerance, either way in every column, cross cells."""
    draw = np.random.default_rng(7)
    values = draw.normal(size=(200, 4))
    steps = 0.0999 * draw.choice([-1.0, 1.0], size=values.shape)
    columns = [f"v{i}" for i in range(4)]
    earlier = pl.DataFrame(values, schema=columns)
    scale = dict.fromkeys(columns, 1.0)
    copies = pl.DataFrame(values + steps, schema=columns)
    found = count_matches(earlier, copies, columns, tolerance=0.1, scale=scale)
    assert found == Matches(0, 200)
    beyond = pl.DataFrame(values + 5.0 + steps, schema=columns)
    assert count_matches(earlier, beyond, columns, tolerance=0.1, scale=scale).exact == 0


def test_odd_column_names_are_harmless() -> None:
    frame = pl.DataFrame({'a"; DROP TABLE later': [1], "l.i": [2], "i": [3]})
    assert count_matches(frame, frame, frame.columns, tolerance=0.1, scale={}).exact == 1


def test_column_without_spread_has_no_scale() -> None:
    assert scales(pl.DataFrame({"a": [1, 1], "b": [None, 2.0]}), ["a", "b"]) == {}


def test_twenty_thousand_rows_are_searched_by_keys() -> None:
    """Quadratic work would be 10**8 pairs; seen to take well under a second."""
    draw = np.random.default_rng(5)
    frame = pl.DataFrame({f"v{i}": draw.normal(size=20_000) for i in range(6)})
    copies = frame[:7].with_columns(pl.col("v0") + 0.01)
    later = pl.concat([frame[10_000:], copies])
    columns = frame.columns
    found = count_matches(
        frame[:10_000], later, columns, tolerance=0.02, scale=scales(frame, columns)
    )
    assert found == Matches(0, 7)
