"""Making a profile: a few columns at a time, and of long tables a part at a time."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import reduce

import polars as pl

from clinical_assets.drift.kinds import kind_of
from clinical_assets.drift.profiles.bare import BareSummary
from clinical_assets.drift.profiles.grid import ColumnGrid, Grid
from clinical_assets.drift.profiles.pairwise import pairwise
from clinical_assets.drift.profiles.profile import Profile
from clinical_assets.drift.profiles.reading import Summary, obstacle, own, read
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
    moments: bool = False,
) -> Profile:
    """Counts a table once, so that it need not be read again.

    Without a reference the table becomes one: its own quantiles and levels are the grid, for which
    a column at a time is held in memory (about 24 bytes a row). With one, no more than ``batch``
    rows of a column are.

    Args:
        frame: a table, or a scan.
        reference: the profile that this one shall be added to or held against, or its grid.
        columns: these only; every column where empty.
        threads: columns at a time; as many as the machine has cores where 0.
        batch: rows read at once.
        moments: whether pairwise moments of the columns of numbers are kept too, for the drift of
            correlations; see :mod:`.pairwise`.

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
    names = columns_of(schema, grid, columns)
    if grid is not None and columns:
        grid = grid.only(tuple(name for name in grid.columns if name in columns))

    def one(name: str) -> tuple[ColumnGrid | None, Summary]:
        if grid is None:
            return own(scan.select(name).collect().to_series())
        return grid.columns.get(name), _on(scan, name, schema.get(name), grid, rows, batch)

    with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        found = dict(zip(names, pool.map(one, names), strict=True))
    made = grid or Grid({name: each for name, (each, _) in found.items() if each is not None})
    pairs = pairwise(scan, made) if moments else None
    return Profile(made, rows, {name: summary for name, (_, summary) in found.items()}, pairs)


def columns_of(schema: pl.Schema, grid: Grid | None, chosen: Sequence[str]) -> list[str]:
    """The grid's columns in its order, then others; of these the chosen, or all.

    Raises:
        ClinicalError: a column is chosen that there is not.
    """
    first = list(grid.columns) if grid else list(schema)
    names = first + sorted(set(schema) - set(first))
    if unknown := [name for name in chosen if name not in names]:
        raise ClinicalError(
            f"There is no column named {', '.join(map(repr, unknown))}",
            repair=f"Choose among {', '.join(names)}",
        )
    return [name for name in names if not chosen or name in chosen]


def uncounted(
    name: str, dtype: pl.DataType | None, grid: Grid
) -> Callable[[int], BareSummary] | None:
    """What is kept of so many rows of a column that cannot be counted; None where it can."""
    ours = grid.columns.get(name)
    if dtype is None:
        kind, why = ours.kind if ours else "null", "not in the table"
    elif ours is None:
        kind, why = kind_of(dtype), "not in the reference"
    else:
        kind, why = ours.kind, obstacle(dtype, ours)
    return (lambda rows: BareSummary(kind, rows, None, why)) if why else None


def _on(
    scan: pl.LazyFrame, name: str, dtype: pl.DataType | None, grid: Grid, rows: int, batch: int
) -> Summary:
    """A column over the reference's grid, or why that cannot be."""
    if bare := uncounted(name, dtype, grid):
        return bare(rows)
    parts = []
    for at in range(0, max(rows, 1), batch):
        part = scan.select(name).slice(at, batch) if rows > batch else scan.select(name)
        parts.append(read(part.collect().to_series(), grid.columns[name]))
    return _added(parts)


def _added(parts: list[Summary]) -> Summary:
    return reduce(lambda one, other: one.plus(other), parts)  # type: ignore[arg-type]
