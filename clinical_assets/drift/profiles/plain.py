"""A profile as plain JSON values, and back; nothing is lost on the way."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from clinical_assets.drift.profiles.bare import BareSummary
from clinical_assets.drift.profiles.category import CategorySummary
from clinical_assets.drift.profiles.cells import Cells
from clinical_assets.drift.profiles.distinct import Distinct
from clinical_assets.drift.profiles.grid import CategoryGrid, ColumnGrid, Grid, NumericGrid
from clinical_assets.drift.profiles.numeric import NumericSummary
from clinical_assets.drift.profiles.others import Others
from clinical_assets.drift.profiles.packing import packed, unpacked
from clinical_assets.drift.profiles.profile import Profile
from clinical_assets.drift.profiles.reading import Summary
from clinical_assets.drift.profiles.sums import Sums


def plain(profile: Profile) -> dict[str, Any]:
    """The profile; see :func:`profile_of`."""
    return {
        "grid": profile.grid.to_dict(),
        "rows": profile.rows,
        "order": list(profile.columns),
        "columns": {name: _plain(summary) for name, summary in profile.summaries.items()},
    }


def profile_of(found: Mapping[str, Any]) -> Profile:
    """What :func:`plain` was given.

    Raises:
        KeyError, TypeError, ValueError: it is something else.
    """
    grid = Grid.from_dict(found["grid"])
    columns = found["columns"]
    summaries = {name: _summary(columns[name], grid.columns.get(name)) for name in found["order"]}
    return Profile(grid, found["rows"], summaries)


def _plain(summary: Summary) -> dict[str, Any]:
    if isinstance(summary, NumericSummary):
        return _plain_numbers(summary)
    if isinstance(summary, CategorySummary):
        return {
            "is": "category",
            "rows": summary.rows,
            "missing": summary.missing,
            "counts": summary.counts.tolist(),
            "others": {
                "total": summary.others.total,
                "kept": dict(summary.others.kept),
                "many": summary.others.many,
            },
        }
    return {
        "is": "bare",
        "kind": summary.kind,
        "rows": summary.rows,
        "missing": summary.missing,
        "obstacle": summary.obstacle,
    }


def _plain_numbers(summary: NumericSummary) -> dict[str, Any]:
    ends = [] if summary.minimum is None else [summary.minimum, summary.maximum]
    distinct = summary.distinct
    return {
        "is": "numeric",
        "rows": summary.rows,
        "nulls": summary.nulls,
        "nan": summary.nan,
        "ends": packed(np.array(ends, dtype=np.float64)),
        "counts": summary.counts.tolist(),
        "cells": [_steps(summary.cells.keys), summary.cells.counts.tolist()],
        "sums": [_text(summary.sums.first), _text(summary.sums.second)],
        "written": summary.written.tolist(),
        "distinct": None
        if distinct is None
        else {"values": packed(distinct.values), "counts": distinct.counts.tolist()},
        "outside": [summary.outside_low, summary.outside_high],
    }


def _summary(found: Mapping[str, Any], grid: ColumnGrid | None) -> Summary:
    if found["is"] == "numeric" and isinstance(grid, NumericGrid):
        return _numbers_of(found, grid)
    if found["is"] == "category" and isinstance(grid, CategoryGrid):
        others = Others(**found["others"])
        counts = _sized(_whole(found["counts"]), len(grid.levels))
        return CategorySummary(grid, found["rows"], found["missing"], counts, others)
    if found["is"] == "bare":
        return BareSummary(found["kind"], found["rows"], found["missing"], found["obstacle"])
    raise ValueError("a summary that does not belong to its grid")


def _numbers_of(found: Mapping[str, Any], grid: NumericGrid) -> NumericSummary:
    ends = unpacked(found["ends"], np.float64)
    low, high = (float(ends[0]), float(ends[1])) if len(ends) else (None, None)
    keys = np.cumsum(_whole(found["cells"][0]))
    distinct = found["distinct"]
    return NumericSummary(
        grid,
        *(found["rows"], found["nulls"], found["nan"]),
        *(low, high),
        _sized(_whole(found["counts"]), len(grid.edges) + 1),
        Cells(keys, _sized(_whole(found["cells"][1]), len(keys))),
        Sums(*(_fraction(text) for text in found["sums"])),
        _whole(found["written"]),
        distinct and Distinct(unpacked(distinct["values"], np.float64), _whole(distinct["counts"])),
        *found["outside"],
    )


def _whole(values: Any) -> np.ndarray:
    return np.asarray(values, dtype=np.int64)


def _sized(values: np.ndarray, size: int) -> np.ndarray:
    if values.shape != (size,):
        raise ValueError("counts that do not fit their grid")
    return values


def _steps(keys: np.ndarray) -> list[int]:
    """Rising numbers as the first and the steps, which are small."""
    return np.diff(keys, prepend=0).tolist()  # type: ignore[no-any-return]


def _text(value: Fraction) -> str:
    """A number whose denominator is a power of two, in hexadecimal: numerator / 2^exponent."""
    return f"{value.numerator:x}/{value.denominator.bit_length() - 1:x}"


def _fraction(text: str) -> Fraction:
    numerator, exponent = text.split("/")
    return Fraction(int(numerator, 16), 1 << int(exponent, 16))
