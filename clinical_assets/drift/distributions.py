"""How the values of one column lie on both sides, as counts to be drawn over each other.

What belongs here: where bins lie, so that a drawing shows the bulk of the values and no artefact of
their rounding, and what is counted in each. What does not: statistics, which are exact and have
bins of their own; drawing; and which levels may be named (:mod:`.naming`).
"""

import math
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from clinical_assets.drift.kinds import Kind
from clinical_assets.drift.level_counts import level_counts
from clinical_assets.drift.naming import identifying, without_a_name

BINS = 40
_TAIL, _LONG_TAIL = 0.005, 0.025
_SEEN = 4096
_DECIMALS = 4
_ROUNDED = 0.75

Counts = tuple[int, ...]
_Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Distribution:
    """Counts of both sides over the same bins or levels.

    Attributes:
        edges: of the bins [e0, e1), …, one more than bins; empty where there are levels.
        levels: their names, the most frequent first; empty where there are bins.
        reference, current: counts in each bin or level.
        below, above: counts of (reference, current) outside the bins.
        other: counts of (reference, current) in levels without a name here.
        unnamed: how many levels those are.
        identifying: whether the levels look like identifiers, so that none is named.
        ends: the first and the last edge in words, where they are times.
    """

    edges: tuple[float, ...] = ()
    levels: tuple[str, ...] = ()
    reference: Counts = ()
    current: Counts = ()
    below: tuple[int, int] = (0, 0)
    above: tuple[int, int] = (0, 0)
    other: tuple[int, int] = (0, 0)
    unnamed: int = 0
    identifying: bool = False
    ends: tuple[str, str] | None = None

    @property
    def totals(self) -> tuple[int, int]:
        """Values present on each side."""
        ours, theirs = (
            sum(counts) + self.below[i] + self.above[i] + self.other[i]
            for i, counts in enumerate((self.reference, self.current))
        )
        return ours, theirs


def distribution(reference: pl.Series, current: pl.Series, kind: Kind) -> Distribution | None:
    """The counts of one column, without what is missing; None where there is nothing to draw.

    >>> found = distribution(pl.Series([1, 2, 2]), pl.Series([2, 2, 3]), "numeric")
    >>> found.edges, found.reference, found.current
    ((0.5, 1.5, 2.5, 3.5), (1, 2, 0), (0, 2, 1))
    """
    sides = [_present(series) for series in (reference, current)]
    if not any(len(side) for side in sides):
        return None
    if kind in ("category", "boolean"):
        return _of_levels(*sides)
    if kind not in ("numeric", "time"):
        return None
    found = _of_numbers(*(_floats(side) for side in sides))
    if found is None or kind == "numeric":
        return found
    filled = next(side for side in sides if len(side))
    return _in_words(found, filled.dtype)


def _present(series: pl.Series) -> pl.Series:
    series = series.drop_nulls()
    return series.drop_nans() if series.dtype.is_float() else series


def _floats(series: pl.Series) -> _Values:
    physical = series.to_physical() if series.dtype.is_temporal() else series
    return physical.cast(pl.Float64).to_numpy()


def _of_numbers(reference: _Values, current: _Values) -> Distribution | None:
    finite = [side[np.isfinite(side)] for side in (reference, current)]
    full = [side for side in finite if len(side)]
    if not full:
        return None
    ends = [_bulk(side) for side in full]
    edges = _edges(min(low for low, _ in ends), max(high for _, high in ends), full)
    counts, below, above = zip(
        *(_counted(side, edges) for side in (reference, current)), strict=True
    )
    return Distribution(
        tuple(edges.tolist()), (), counts[0], counts[1], (below[0], below[1]), (above[0], above[1])
    )


def _bulk(values: _Values) -> tuple[float, float]:
    """Where the values lie that are drawn: all but half a per cent at each end.

    A long tail is cut further, three times the width of the middle half from it (Tukey 1977, his
    outer fences), but never by more than 2.5 %: a second hump is a finding, not a tail.
    """
    low, lower, first = np.quantile(values, [_TAIL, _LONG_TAIL, 0.25], method="lower")
    high, upper, third = np.quantile(values, [1 - _TAIL, 1 - _LONG_TAIL, 0.75], method="higher")
    with np.errstate(over="ignore"):
        reach = 3 * (third - first)
    if 0 < reach < np.inf:
        low = max(low, min(first - reach, lower))
        high = min(high, max(third + reach, upper))
    return float(low), float(high)


def _edges(low: float, high: float, sides: list[_Values]) -> _Values:
    """Edges of at most about :data:`BINS` equal bins from ``low`` to ``high``.

    Where the values are rounded, each bin holds the same number of possible values; otherwise it
    would show a comb that is not there.
    """
    seen = np.concatenate([side[:: max(1, len(side) // _SEEN)] for side in sides])
    step = _resolution(seen[(seen >= low) & (seen <= high)])
    with np.errstate(over="ignore"):
        span = high - low
    if step and span / step < 1e9:
        first, last = round(low / step), round(high / step)
        width = max(1, math.ceil((last - first + 1) / BINS))
        bins = math.ceil((last - first + 1) / width)
        return np.asarray((first - 0.5 + np.arange(bins + 1) * width) * step)
    if high == low:
        pad = abs(low) * 0.01 or 0.5
        low, high = low - pad, high + pad
    share = np.arange(BINS + 1) / BINS
    most = np.finfo(np.float64).max
    low, high = max(low, -most), min(high, most)
    with np.errstate(over="ignore"):
        edges = low * (1 - share) + high * share  # no difference, which may be infinite
    edges = np.clip(edges, -most, most)
    edges[-1] = np.nextafter(high, most)
    return np.unique(edges)


def _resolution(values: _Values) -> float:
    """The power of ten to which most values are rounded; 0 where there is none."""
    if not len(values):
        return 0.0
    for decimals in range(_DECIMALS + 1):
        with np.errstate(over="ignore", invalid="ignore"):
            scaled = values * 10.0**decimals
            whole = np.abs(scaled - np.round(scaled)) < 1e-6
        if whole.mean() >= _ROUNDED and np.abs(scaled).max() < 1e12:
            return float(10.0**-decimals)
    return 0.0


def _counted(values: _Values, edges: _Values) -> tuple[Counts, int, int]:
    cell = np.searchsorted(edges, values, "right")
    counts = np.bincount(cell, minlength=len(edges) + 1)
    return tuple(counts[1:-1].tolist()), int(counts[0]), int(counts[-1])


def _in_words(found: Distribution, dtype: pl.DataType) -> Distribution:
    """The same with its ends as times."""
    ends = [math.ceil(found.edges[0]), math.floor(found.edges[-1])]
    physical = pl.Series(ends, dtype=pl.Int32 if dtype == pl.Date else pl.Int64)
    low, high = (str(end)[:16] for end in physical.cast(dtype).to_list())
    return replace(found, ends=(low, high))


def _of_levels(reference: pl.Series, current: pl.Series) -> Distribution:
    table = level_counts(reference, current)
    counts = list(zip(table["p"].to_list(), table["q"].to_list(), strict=True))
    hidden = identifying(reference.name, table)
    unnamed = frozenset(range(len(counts))) if hidden else without_a_name(counts)
    shown = [i for i in range(len(counts)) if i not in unnamed]
    names = table["level"].to_list()
    return Distribution(
        levels=tuple(names[i] for i in shown),
        reference=tuple(counts[i][0] for i in shown),
        current=tuple(counts[i][1] for i in shown),
        other=(sum(counts[i][0] for i in unnamed), sum(counts[i][1] for i in unnamed)),
        unnamed=len(unnamed),
        identifying=hidden,
    )
