"""What holds of every profile that was counted, demanded of those that come from a file.

What belongs here: types, signs, and sums that agree. What does not: reading the file
(:mod:`.files`, :mod:`.plain`). A checksum says that a file is as it was written, not that a profile
was; what does not hold here would fail somewhere in a comparison, or worse, give a number.
"""

import sys
from collections.abc import Iterable
from fractions import Fraction
from typing import Any, get_args

import numpy as np

from clinical_assets.drift.kinds import Kind
from clinical_assets.drift.profiles.bare import BareSummary
from clinical_assets.drift.profiles.category import CategorySummary
from clinical_assets.drift.profiles.grid import CategoryGrid, ColumnGrid, Grid, NumericGrid
from clinical_assets.drift.profiles.numeric import NumericSummary
from clinical_assets.drift.profiles.others import KEPT, Others
from clinical_assets.drift.profiles.pairwise import Pairwise
from clinical_assets.drift.profiles.profile import Profile
from clinical_assets.drift.profiles.sums import Sums

_ROWS = 1 << 44  # so many in each of all cells do not overflow 64 bits
_LOWEST, _HIGHEST = (1 << 17) - 1 - (0xFFF << 6), 0x7FF << 6  # cells of the infinities
_LARGEST = Fraction(sys.float_info.max)
_PRODUCTS = 1 << 62


def demand_sound(profile: Profile, *, grid: bool = True) -> None:
    """Refuses what no table gives.

    Args:
        grid: whether to look at the grid, too; else it was looked at before.

    Raises:
        TypeError, ValueError: it is no profile of any table.
    """
    if grid:
        _grid(profile.grid)
    _numbers(profile.rows, upto=_ROWS)
    _demand(profile.summaries.keys() >= profile.grid.columns.keys())
    _texts(profile.summaries)
    for summary in profile.summaries.values():
        _demand(summary.rows == profile.rows)
        if isinstance(summary, NumericSummary):
            _numeric(summary)
        elif isinstance(summary, CategorySummary):
            _category(summary)
        else:
            _bare(summary)
    if profile.pairwise is not None:
        _pairs(profile.pairwise, profile.rows)


def _demand(holds: Any) -> None:
    if not holds:
        raise ValueError("what no table gives")


def _numbers(*numbers: int, upto: int) -> None:
    _demand(all(type(each) is int and 0 <= each <= upto for each in numbers))


def _texts(texts: Iterable[str]) -> None:
    """Text that can be written; it is not told apart from other text twice."""
    every = list(texts)
    _demand(all(type(each) is str for each in every) and len(set(every)) == len(every))
    "".join(every).encode()


def _counts(counts: np.ndarray, total: int, least: int = 0) -> None:
    """Counts of so many values."""
    _demand(counts.min(initial=total) >= min(least, total) and counts.max(initial=0) <= total)
    _demand(int(counts.sum()) == total)


def _grid(grid: Grid) -> None:
    _texts(grid.columns)
    for column in grid.columns.values():
        _column(column)


def _column(column: ColumnGrid) -> None:
    if isinstance(column, NumericGrid):
        _demand(column.kind in ("numeric", "time"))
        _texts([column.unit])
        _demand(len(column.quantiles) in (0, 999))
        # Quantiles are as they were interpolated: in the widest columns not even in order.
        if column.low is None or column.high is None:
            _demand(not len(column.quantiles))
        else:
            _demand(len(column.quantiles) and column.low <= column.high)
    elif isinstance(column, CategoryGrid):
        _demand(column.kind in ("category", "boolean"))
        _texts(column.levels)
        _numbers(column.distinct, upto=_ROWS)
        _demand(len(column.levels) <= column.distinct and type(column.named) is bool)
    else:
        _demand(column.kind in get_args(Kind))
        _texts([column.obstacle])


def _numeric(found: NumericSummary) -> None:
    _numbers(found.rows, found.nulls, found.nan, upto=found.rows)
    _numbers(found.outside_low, found.outside_high, upto=found.rows)
    present, low, high = found.present, found.minimum, found.maximum
    _demand(found.outside_low + found.outside_high <= present)
    _counts(found.counts, present)
    keys = found.cells.keys
    _demand(not len(keys) or (keys.min() >= _LOWEST and keys.max() <= _HIGHEST))
    _demand((np.diff(keys) > 0).all())
    _counts(found.cells.counts, present, least=1)
    _demand(found.written.shape == (5,))
    infinite = found.cells.counts[(keys == _LOWEST) | (keys == _HIGHEST)]
    _counts(found.written, present - int(infinite.sum()))
    if low is None or high is None:
        _demand(not present)
    else:
        _demand(present and low <= high)
    _sums(found.sums, found.finite, low, high)
    if found.distinct is not None:
        values, counts = found.distinct
        _demand(values.shape == counts.shape and (values[1:] > values[:-1]).all())
        _demand(not len(values) or (values[0] == low and values[-1] == high))
        _counts(counts, present, least=1)


def _sums(sums: Sums, number: int, low: float | None, high: float | None) -> None:
    """Exact, so that no allowance is needed."""
    _demand(sums.second * number >= sums.first * sums.first)
    _demand(sums.second >= 0 and (number or not sums.second))
    least = -_LARGEST if low in (None, -np.inf) else Fraction(low)
    most = _LARGEST if high in (None, np.inf) else Fraction(high)
    _demand(not number or least * number <= sums.first <= most * number)


def _category(found: CategorySummary) -> None:
    _numbers(found.missing, upto=found.rows)
    others: Others = found.others
    _numbers(others.total, *others.kept.values(), upto=found.rows)
    _texts(others.kept)
    named = sum(others.kept.values())
    _demand(type(others.many) is bool and not (others.many and named))
    _demand(named <= others.total and len(others.kept) <= KEPT)
    _counts(found.counts, found.rows - found.missing - others.total)


def _bare(found: BareSummary) -> None:
    _demand(found.kind in get_args(Kind))
    _texts([found.obstacle])
    _numbers(found.rows, 0 if found.missing is None else found.missing, upto=found.rows)


def _pairs(found: Pairwise, rows: int) -> None:
    counts = found.counts
    _demand((counts >= 0).all() and (counts <= rows).all() and (counts == counts.T).all())
    _demand((found.squares >= 0).all() and (found.squares < _PRODUCTS).all())
    _demand((found.products == found.products.T).all())
    _demand((found.clipped >= 0).all() and (found.clipped <= rows).all())
