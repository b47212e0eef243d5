"""Drift within groups: each site, ward or device of the current data for itself."""

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from clinical_assets.drift.grouping import MOST, levels_of
from clinical_assets.drift.parts import Part, Rows, Slice, compare_parts, too_few
from clinical_assets.drift.plan import Plan
from clinical_assets.errors import ClinicalError

Frame = pl.DataFrame | pl.LazyFrame


def compare_groups(
    reference: Frame,
    current: Frame,
    by: str,
    plan: Plan | None = None,
    *,
    whole: bool = False,
    without: Sequence[str] = (),
    threads: int = 0,
) -> tuple[Part, ...]:
    """Holds each group of the current data against the same group of the reference.

    A site that always differed from the others has not drifted; so a group that the reference
    has is held against itself, and only a new one, or one with too few rows there, against the
    whole reference. Groups without a value and those with too few rows are listed, too.

    Args:
        by: the column that tells the groups apart; it is not compared itself.
        whole: whether every group is held against the whole reference.
        without: columns that are not compared either, as one of times, later in later data.

    Returns:
        The groups by size, the largest first.

    Raises:
        ClinicalError: a table does not have the column, or it has too many levels.
    """
    ours, theirs = reference.lazy(), current.lazy()
    groups = _rows_of(theirs, by, "current data", required=True)
    if len(groups) > MOST:
        raise ClinicalError(
            f"{by!r} has {len(groups):,} levels, of which at most {MOST} are groups",
            where="--by",
            repair="Choose a column that names sites, wards or devices, not people",
        )
    known = {} if whole else _rows_of(ours, by, "reference", required=False)
    slices = [
        Slice(label, rows, _enough(known.get(label)), too_few(len(rows)))
        for label, rows in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    ]
    left_out = (by, *without)
    return compare_parts(ours, theirs, slices, plan or Plan(), without=left_out, threads=threads)


def _enough(rows: Rows | None) -> Rows | None:
    return rows if rows is not None and not too_few(len(rows)) else None


def _rows_of(frame: pl.LazyFrame, by: str, which: str, *, required: bool) -> Mapping[str, Rows]:
    """Row numbers of each level; a missing value is a level, too."""
    if not required and by not in frame.collect_schema():
        return {}
    column = levels_of(frame, by, which)
    found = pl.DataFrame({"level": column, "row": np.arange(len(column))})
    found = found.group_by("level").agg("row")
    return {
        level: np.asarray(rows, dtype=np.int64)
        for level, rows in zip(found["level"], found["row"], strict=True)
    }
