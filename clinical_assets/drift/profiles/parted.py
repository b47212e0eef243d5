"""A table counted by day and site at once: a small profile of each, that :func:`.over` adds up.

What belongs here: which rows belong to which profile, every column read once. What does not: where
the profiles are kept.
"""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from clinical_assets.drift.cutting import NO_TIME, cut
from clinical_assets.drift.grouping import MOST, NO_VALUE, levels_of
from clinical_assets.drift.profiles.grid import Grid
from clinical_assets.drift.profiles.pairwise import pairwise
from clinical_assets.drift.profiles.profile import Profile
from clinical_assets.drift.profiles.profiling import columns_of, uncounted
from clinical_assets.drift.profiles.reading import Summary, read
from clinical_assets.errors import ClinicalError

Key = tuple[str, str]
Frame = pl.DataFrame | pl.LazyFrame


@dataclass(frozen=True, slots=True)
class _Parts:
    """Rows by key.

    Attributes:
        order: row numbers, those of each key together and in their order; shape (rows,).
        ends: where the rows of each key end in ``order``; shape (keys,).
    """

    keys: tuple[Key, ...]
    order: NDArray[np.int64]
    ends: NDArray[np.int64]

    def slices(self) -> Iterator[tuple[int, int]]:
        """Start and length of each key's rows in ``order``."""
        starts = np.concatenate([[0], self.ends[:-1]])
        return ((int(a), int(b - a)) for a, b in zip(starts, self.ends, strict=True))


def profiles_by(
    frame: Frame,
    reference: Profile | Grid,
    time: str,
    by: str = "",
    *,
    every: str = "1d",
    columns: Sequence[str] = (),
    threads: int = 0,
    moments: bool = False,
) -> dict[Key, Profile]:
    """The profile of each day (or week, month, hour) and site, all on one grid.

    What :func:`~clinical_assets.drift.profiles.profile` gives for the rows of each; a column at a
    time is held in memory, with ``moments`` all columns of numbers.

    Args:
        time: the column of dates or times. Rows without one are kept under ``(no time)``.
        by: the column of sites; without it, or where it has no value, the site is ``(no value)``.
        every: the length of a part, such as ``1h``, ``1d``, ``1w`` or ``1mo``.
        columns: of the grid, these only.

    Returns:
        By day, as ``2026-01-31`` (hours as ``2026-01-31 08:00``, with an offset where the times
        have a zone other than UTC), and site, in this order.

    Raises:
        ClinicalError: there is no such column, ``time`` holds no times, ``every`` is no length, is
            longer than ten years or makes more than 1,000 parts, or there are more than 200 sites.
    """
    scan = frame.lazy()
    schema = scan.collect_schema()
    grid = reference.grid if isinstance(reference, Profile) else reference
    if columns:
        grid = grid.only(tuple(name for name in grid.columns if name in columns))
    told = {time, by} - set(grid.columns)  # they tell the parts apart, and nothing of a part
    names = [name for name in columns_of(schema, grid, columns) if name not in told]
    parts = _parts(scan, time, by, every)

    def one(name: str) -> list[Summary]:
        slices = list(parts.slices())
        if bare := uncounted(name, schema.get(name), grid):
            return [bare(length) for _, length in slices]
        values = scan.select(name).collect().to_series().gather(parts.order)
        return [read(values.slice(*each), grid.columns[name]) for each in slices]

    with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        found = dict(zip(names, pool.map(one, names), strict=True))
    pairs = None
    if moments:
        ordered = scan.collect()[parts.order]
        pairs = [pairwise(ordered.slice(*each).lazy(), grid) for each in parts.slices()]
    return {
        key: Profile(
            grid,
            length,
            {name: summaries[at] for name, summaries in found.items()},
            pairs[at] if pairs else None,
        )
        for at, (key, (_, length)) in enumerate(zip(parts.keys, parts.slices(), strict=True))
    }


def _parts(scan: pl.LazyFrame, time: str, by: str, every: str) -> _Parts:
    days = cut(scan, time, every, "table")
    sites, levels = (days.places * 0, [NO_VALUE]) if not by else _sites(scan, by)
    # A missing time is place -1, and comes last.
    places = np.where(days.places < 0, len(days.labels), days.places)
    codes = places * len(levels) + sites
    order = np.argsort(codes, kind="stable")
    present, counts = np.unique(codes, return_counts=True)
    labels = [*days.labels, NO_TIME]
    keys = tuple((labels[code // len(levels)], levels[code % len(levels)]) for code in present)
    return _Parts(keys, order, np.cumsum(counts))


def _sites(scan: pl.LazyFrame, by: str) -> tuple[NDArray[np.int64], list[str]]:
    found = levels_of(scan, by, "table")
    levels = sorted(found.unique())
    if len(levels) > MOST:
        raise ClinicalError(
            f"{by!r} has {len(levels):,} levels, of which at most {MOST} are sites",
            where="--by",
            repair="Choose a column that names sites, wards or devices, not people",
        )
    places = found.cast(pl.Enum(levels)).to_physical()
    return places.to_numpy().astype(np.int64), levels
