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
from clinical_assets.drift.profiles.pairwise import Pairwise
from clinical_assets.drift.profiles.profile import Profile
from clinical_assets.drift.profiles.reading import Summary
from clinical_assets.drift.profiles.sound import demand_sound
from clinical_assets.drift.profiles.sums import Sums

_DIGITS, _POWER = 2000, 4096  # of sums of squares of float64 there are half as many


def plain(profile: Profile, *, grid: bool = True) -> dict[str, Any]:
    """The profile, with its grid or with the grid's digest; see :func:`profile_of`."""
    found = {
        "grid": profile.grid.to_dict() if grid else profile.grid.digest,
        "rows": profile.rows,
        "order": list(profile.columns),
        "columns": {name: _plain(summary) for name, summary in profile.summaries.items()},
    }
    if profile.pairwise is not None:
        found["moments"] = profile.pairwise.to_dict()
    return found


def profile_of(found: Mapping[str, Any], grid: Grid | None = None) -> Profile:
    """What :func:`plain` was given.

    Args:
        grid: the profile's, where it is kept apart.

    Raises:
        ArithmeticError, AttributeError, LookupError, TypeError, ValueError: it is something else.
    """
    own = grid is None
    grid = grid or Grid.from_dict(found["grid"])
    columns = found["columns"]
    summaries = {name: _summary(columns[name], grid.columns.get(name)) for name in found["order"]}
    moments = found.get("moments")
    pairwise = None if moments is None else Pairwise.from_dict(moments, grid)
    profile = Profile(grid, found["rows"], summaries, pairwise)
    demand_sound(profile, grid=own)
    return profile


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
        None
        if distinct is None
        else Distinct(unpacked(distinct["values"], np.float64), _whole(distinct["counts"])),
        *found["outside"],
    )


def _whole(values: Any) -> np.ndarray:
    if not isinstance(values, list) or not {*map(type, values)} <= {int}:
        raise TypeError("counts that are no whole numbers")
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
    if len(text) > _DIGITS or (power := int(exponent, 16)) > _POWER:
        raise ValueError("a sum beyond those of float64")
    return Fraction(int(numerator, 16), 1 << power)
