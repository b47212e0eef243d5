"""Making a profile: a few columns at a time, and of long tables a part at a time."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import reduce

import polars as pl

from clinical_assets.drift.kinds import kind_of
from clinical_assets.drift.profiles.bare import BareSummary
from clinical_assets.drift.profiles.grid import ColumnGrid, Grid
from clinical_assets.drift.profiles.profile import Profile
from clinical_assets.drift.profiles.reading import Summary, grid_of, obstacle, read
from clinical_assets.errors import ClinicalError

BATCH = 1 << 22

Frame = pl.DataFrame | pl.LazyFrame


def profile(
    frame: Frame,
    reference: Profile | Grid | None = None,
    *,
    columns: Sequence[str] = (),
    threads: int = 0,
    batch: int = BATCH,
) -> Profile:
    """Counts a table once, so that it need not be read again.

    Without a reference the table becomes one: its own quantiles and levels are the grid, for which
    a column at a time is held in memory (8 bytes a row). With one, no more than ``batch`` rows of
    a column are.

    Args:
        frame: a table, or a scan.
        reference: the profile that this one shall be added to or held against, or its grid.
        columns: these only; every column where empty.
        threads: columns at a time; as many as the machine has cores where 0.
        batch: rows read at once; up to 4,194,304.

    Raises:
        ClinicalError: the table has no rows and there is no reference, or a column is asked for
            that there is not.
    """
    scan = frame.lazy()
    schema = scan.collect_schema()
    rows = int(scan.select(pl.len()).collect().item())
    grid = reference.grid if isinstance(reference, Profile) else reference
    if grid is None and not rows:
        raise ClinicalError(
            "The table has no rows, so it can be no reference",
            repair="Give a table with at least one row, or the profile of a reference",
        )
    names = _names(schema, grid, columns)
    if grid is not None and columns:
        grid = grid.only(tuple(name for name in grid.columns if name in columns))

    def one(name: str) -> tuple[ColumnGrid | None, Summary]:
        if grid is None:
            return _own(scan.select(name).collect().to_series(), batch)
        return grid.columns.get(name), _on(scan, name, schema.get(name), grid, rows, batch)

    with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        found = dict(zip(names, pool.map(one, names), strict=True))
    made = Grid({name: each for name, (each, _) in found.items() if each is not None})
    return Profile(grid or made, rows, {name: summary for name, (_, summary) in found.items()})


def _names(schema: pl.Schema, grid: Grid | None, chosen: Sequence[str]) -> list[str]:
    """The grid's columns in its order, then others."""
    first = list(grid.columns) if grid else list(schema)
    names = first + sorted(set(schema) - set(first))
    if unknown := [name for name in chosen if name not in names]:
        raise ClinicalError(
            f"There is no column named {', '.join(map(repr, unknown))}",
            repair=f"Choose among {', '.join(names)}",
        )
    return [name for name in names if not chosen or name in chosen]


def _own(series: pl.Series, batch: int) -> tuple[ColumnGrid, Summary]:
    """The grid that a column makes, and the column over it."""
    grid = grid_of(series)
    parts = (read(series.slice(at, batch), grid) for at in range(0, len(series), batch))
    return grid, _added(list(parts))


def _on(
    scan: pl.LazyFrame, name: str, dtype: pl.DataType | None, grid: Grid, rows: int, batch: int
) -> Summary:
    """A column over the reference's grid, or why that cannot be."""
    ours = grid.columns.get(name)
    if dtype is None:
        return BareSummary(ours.kind if ours else "null", rows, None, "not in the table")
    if ours is None:
        return BareSummary(kind_of(dtype), rows, None, "not in the reference")
    if why := obstacle(dtype, ours):
        return BareSummary(ours.kind, rows, None, why)
    parts = []
    for at in range(0, max(rows, 1), batch):
        part = scan.select(name).slice(at, batch) if rows > batch else scan.select(name)
        parts.append(read(part.collect().to_series(), ours))
    return _added(parts)


def _added(parts: list[Summary]) -> Summary:
    return reduce(lambda one, other: one.plus(other), parts)  # type: ignore[arg-type]
