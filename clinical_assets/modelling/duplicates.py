"""Rows of one table that are equal, or nearly equal, to a row of another.

What belongs here: the search. What does not: which tables are compared and how much is tolerated
(``modelling.independence``). Every join has equalities that DuckDB hashes: for equal rows all
columns, for rows that differ in one or two columns all others (one join for each choice left
out), for rows within a distance the cells of a grid over the three columns with the most different
values. No pair of rows is looked at that does not share a key.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, product
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    import duckdb

LEAST_AGREEING = 3
"""Fewest present values that must agree before two rows count as nearly equal."""

_GRID_COLUMNS = 3


@dataclass(frozen=True, slots=True)
class Matches:
    """How many rows of the later table have a partner in the earlier one.

    Attributes:
        exact: equal in every column, missing where the partner is missing.
        near: not exact, but equal in all columns except :func:`left_out`, or within the
            tolerance.
        exact_rows, near_rows: which they are, numbered from 0 in the later table, rising.
    """

    exact: int
    near: int
    exact_rows: tuple[int, ...] = field(default=(), compare=False)
    near_rows: tuple[int, ...] = field(default=(), compare=False)


def left_out(columns: int) -> int:
    """In how many of so many columns nearly equal rows may differ: as a copy rounded in two does.

    Two of seven to sixteen; one of fewer, where strangers agree in the rest, and of more, where
    the joins would be too many.
    """
    return 2 if 7 <= columns <= 16 else 1


def scales(frame: pl.DataFrame, columns: Sequence[str]) -> dict[str, float]:
    """Standard deviation of each numeric column that has one above zero."""
    found = {}
    for name in columns:
        if frame.schema[name].is_numeric():
            finite = _finite(frame.get_column(name).cast(pl.Float64)).drop_nulls()
            deviation = finite.std()
            if isinstance(deviation, float) and deviation > 0.0:
                found[name] = deviation
    return found


def count_matches(
    earlier: pl.DataFrame,
    later: pl.DataFrame,
    columns: Sequence[str],
    *,
    tolerance: float,
    scale: Mapping[str, float],
) -> Matches:
    """Rows of ``later`` that have an equal or a nearly equal row in ``earlier``.

    Args:
        earlier, later: two tables with ``columns`` of the same types.
        columns: those compared. NaN and infinity count as missing.
        tolerance: greatest difference in a numeric column, in units of its scale.
        scale: unit of each numeric column (:func:`scales`); a column without one must be equal.
    """
    import duckdb

    short = {name: f"c{i}" for i, name in enumerate(columns)}
    units = {short[name]: tolerance * scale[name] for name in columns if name in scale}
    numeric = [key for key, unit in units.items() if unit > 0.0]
    with duckdb.connect(":memory:") as database:
        database.register("earlier", _plain(earlier, short).unique())
        database.register("later", _plain(later, short).with_row_index("i"))
        keys = list(short.values())
        exact = _rows(database, _equal_in(keys, 0))
        near = [
            _rows(database, _equal_in([k for k in keys if k not in out], LEAST_AGREEING))
            for out in combinations(keys, left_out(len(keys)))
        ]
        if len(numeric) >= LEAST_AGREEING:
            spread = _spread(database, numeric)
            near.append(_rows(database, _within(keys, {k: units[k] for k in numeric}, spread)))
    only_near = set(pl.concat(near)) - set(exact)
    return Matches(exact.len(), len(only_near), tuple(sorted(exact)), tuple(sorted(only_near)))


def _plain(frame: pl.DataFrame, short: Mapping[str, str]) -> pl.DataFrame:
    """The compared columns under short names; floats with NaN and infinity as null."""
    return frame.select(_finite(frame.get_column(name)).alias(key) for name, key in short.items())


def _finite(column: pl.Series) -> pl.Series:
    if column.dtype.is_float():
        return column.cast(pl.Float64).set(~column.is_finite().fill_null(True), None)
    return column


def _rows(database: "duckdb.DuckDBPyConnection", query: str) -> pl.Series:
    found: pl.DataFrame = database.sql(query).pl()
    return found.get_column("i").cast(pl.Int64)


def _equal_in(keys: Sequence[str], least: int) -> str:
    """Rows of ``later`` with a partner that agrees in ``keys``, at least ``least`` not missing."""
    if len(keys) < max(least, 1):
        return "SELECT i FROM later WHERE false"
    same = " AND ".join(f"l.{k} IS NOT DISTINCT FROM e.{k}" for k in keys)
    return f"SELECT i FROM later l SEMI JOIN earlier e ON {same} WHERE {_present(keys)} >= {least}"  # noqa: S608


def _present(keys: Sequence[str]) -> str:
    return "(" + " + ".join(f"(l.{k} IS NOT NULL)::INTEGER" for k in keys) + ")"


def _spread(database: "duckdb.DuckDBPyConnection", numeric: Sequence[str]) -> list[str]:
    """The numeric columns with the most different values, which locate a row best."""
    counts = ", ".join(f"approx_count_distinct({k}) AS {k}" for k in numeric)
    row = database.sql(f"SELECT {counts} FROM earlier").pl().row(0, named=True)  # noqa: S608
    return sorted(numeric, key=lambda k: (-row[k], k))[:_GRID_COLUMNS]


def _within(keys: Sequence[str], units: Mapping[str, float], spread: Sequence[str]) -> str:
    """Rows of ``later`` with a partner within ``units`` in each numeric column.

    A cell of the grid is wider than the unit, so that a partner lies in the same or in a
    neighbouring cell whatever the rounding; each later row looks into its 3**n cells.
    """
    cells = {k: f"floor({{}}.{k} / {1.5 * units[k]!r})" for k in spread}
    steps = ", ".join(
        "(" + ", ".join(f"{step}.0" for step in offset) + ")"
        for offset in product((-1, 0, 1), repeat=len(spread))
    )
    names = ", ".join(f"o{i}" for i in range(len(spread)))
    joined = [
        f"{cells[k].format('l')} + o{i} IS NOT DISTINCT FROM {cells[k].format('e')}"
        for i, k in enumerate(spread)
    ]
    joined += [f"l.{k} IS NOT DISTINCT FROM e.{k}" for k in keys if k not in units]
    close = [
        f"((l.{k} IS NULL AND e.{k} IS NULL) OR abs(l.{k} - e.{k}) <= {unit!r})"
        for k, unit in units.items()
    ]
    return (
        f"SELECT DISTINCT i FROM (SELECT * FROM later, (VALUES {steps}) AS s({names})) l "  # noqa: S608
        f"JOIN earlier e ON {' AND '.join(joined)} "
        f"WHERE {' AND '.join(close)} AND {_present(list(units))} >= {LEAST_AGREEING}"
    )
