"""One column's statistics in every window against the whole reference: both are read only once.

The reference is sorted once; a window costs what the window holds. The answers are those of
:mod:`.measure`, without the energy distance and Cramér–von Mises, which need every value again.
"""

from collections.abc import Iterator

import numpy as np
import polars as pl
from numpy.typing import NDArray

from clinical_assets.drift import areas, distances
from clinical_assets.drift.areas import Counts
from clinical_assets.drift.bins import bin_edges
from clinical_assets.drift.blocks import Numbers, whole
from clinical_assets.drift.kinds import Kind
from clinical_assets.drift.measure import STATISTICS, infinities_moved, measure_samples
from clinical_assets.drift.proportions import two_proportions_p
from clinical_assets.drift.pvalues import beyond_p
from clinical_assets.drift.samples import Sample, present, read_series
from clinical_assets.drift.sentences import Statistic
from clinical_assets.drift.smirnov import smirnov_p
from clinical_assets.drift.tallied import between_ranks

LEFT_OUT = ("energy", "cramer_von_mises", "cramer_von_mises_pvalue")
WINDOWED = tuple(name for name in STATISTICS if name not in LEFT_OUT)
_OF_COUNTS = ("psi", "jensen_shannon", "hellinger", "total_variation")
_TESTS = {"chi2": "chi_squared", "g": "likelihood_ratio"}
_PLAIN = 1e150  # beyond, sums of values might not be numbers

Found = dict[str, Statistic]


def measure_windows(
    reference: pl.Series,
    current: pl.Series,
    kind: Kind,
    places: NDArray[np.int64],
    windows: int,
    bins: int,
) -> list[Found]:
    """The statistics of each window.

    Args:
        places: the window of each current row; rows below 0 are in none.
        bins: equal-frequency bins of the reference for PSI and its like.
    """
    ours = read_series(reference, kind)
    rows = np.bincount(places[places >= 0], minlength=windows)
    if kind in ("category", "boolean"):
        samples = _level_samples(current, places, rows)
        return [measure_samples(ours, sample, bins, WINDOWED) for sample in samples]
    there = present(current) & (places >= 0)
    theirs = read_series(current.filter(there), kind)
    held = np.bincount(places[there], minlength=windows)
    found = [_missing(ours, int(n), int(n - m)) for n, m in zip(rows, held, strict=True)]
    if ours.present and theirs.present:
        _fill(
            found, _Reference(whole(ours.values), whole(theirs.values), bins), places[there], held
        )
    return found


def _missing(ours: Sample, rows: int, missing: int) -> Found:
    found: Found = dict.fromkeys(WINDOWED)
    found["missing_reference"] = ours.missing / ours.rows if ours.rows else None
    if rows:
        found["missing_current"] = missing / rows
        if ours.rows:
            found["missing_pvalue"] = two_proportions_p(ours.missing, ours.rows, missing, rows)
    return found


def _fill(
    found: list[Found], reference: "_Reference", places: NDArray[np.int64], held: Counts
) -> None:
    values = reference.current[np.argsort(places, kind="stable")]
    ends = np.cumsum(held)
    for numbers, start, end in zip(found, ends - held, ends, strict=True):
        if end > start:
            numbers |= reference.against(np.sort(values[start:end]))


class _Reference:
    """All of the reference's values in order, against which windows are held.

    Attributes:
        current: all current values, of the same type as the reference's here.
    """

    def __init__(self, values: Numbers, current: Numbers, bins: int) -> None:
        if values.dtype != current.dtype:
            values, current = values.astype(np.float64), current.astype(np.float64)
        self.current = current + 0
        self._ordered = np.sort(values + 0)  # -0.0 is 0.0
        ranked = self._ordered.__getitem__
        self._edges = bin_edges(lambda p: between_ranks(p, len(values), ranked), bins)
        self._counts = self._binned(self._ordered)
        self._deviation = _deviation(self._ordered)
        self._infinite = _infinite(self._ordered)
        ends = [self._ordered[0], self._ordered[-1], self.current.min(), self.current.max()]
        most = max(abs(float(end)) for end in ends)
        self._plain = most < (2.0**53 if values.dtype == np.int64 else _PLAIN)
        if self._plain:
            self._middle = float(self._ordered[len(self._ordered) // 2])
            moved = self._ordered.astype(np.float64) - self._middle
            self._moved, self._sums = np.append(moved, 0.0), np.append(0.0, np.cumsum(moved))

    def against(self, window: Numbers) -> Found:
        """Statistics of one window, its values in order."""
        n = len(self._ordered)
        counts = self._binned(window)
        found: Found = {name: getattr(distances, name)(self._counts, counts) for name in _OF_COUNTS}
        for name, function in _TESTS.items():
            test = getattr(distances, function)(self._counts, counts)
            found[name], found[f"{name}_pvalue"] = test.statistic, test.p
        upto, below = (np.searchsorted(self._ordered, window, s) for s in ("right", "left"))
        found["ks"] = distance = _largest_gap(upto / n, below / n, window)
        found["ks_pvalue"] = smirnov_p(distance, n, len(window))
        area = self._area(window, upto / n)
        found["wasserstein"] = area
        if area is not None and self._deviation and np.isfinite(area / self._deviation):
            found["wasserstein_scaled"] = area / self._deviation
        found |= self._range(window)
        infinities_moved(self._infinite, n, _infinite(window), len(window), found)
        return found

    def _range(self, window: Numbers) -> Found:
        n, m = len(self._ordered), len(window)
        low, high = self._ordered[[0, -1]]
        below = int(np.searchsorted(window, low, "left"))
        above = m - int(np.searchsorted(window, high, "right"))
        return {
            "below_range": below / m,
            "above_range": above / m,
            "range_pvalue": beyond_p(below, above, n, m),
        }

    def _binned(self, ordered: Numbers) -> Counts:
        """Counts in right-closed bins."""
        upto = np.searchsorted(ordered, self._edges, "right")
        return np.diff(upto, prepend=0, append=len(ordered))

    def _area(self, window: Numbers, upto: NDArray[np.float64]) -> float | None:
        """Wasserstein-1 as the area between the quantile functions: the window's is one value from
        rank to rank, and sums of the reference's are known."""
        if not self._plain:
            return areas.wasserstein(areas.merged(self._ordered, window))
        steps = np.arange(len(window) + 1) / len(window)
        start, end = steps[:-1], steps[1:]
        meet = np.clip(upto, start, end)  # up to there the reference's quantile is not above
        values = window.astype(np.float64) - self._middle
        first, middle, last = (self._integral(u) for u in (start, meet, end))
        area = values * (meet - start) - (middle - first) + (last - middle) - values * (end - meet)
        return float(np.sum(area))

    def _integral(self, share: NDArray[np.float64]) -> NDArray[np.float64]:
        """Of the reference's quantile function from 0."""
        n = len(self._ordered)
        rank = share * n
        whole = np.minimum(np.floor(rank).astype(np.int64), n)
        return np.asarray((self._sums[whole] + (rank - whole) * self._moved[whole]) / n)


def _deviation(ordered: Numbers) -> float | None:
    """Standard deviation of all values; None where one is infinite."""
    unit = max(abs(float(ordered[0])), abs(float(ordered[-1])))
    if not 0 < unit < np.inf:
        return None
    return unit * float(np.std(ordered / unit))  # so that no square is beyond the largest float


def _infinite(ordered: Numbers) -> int:
    """How many of values in order."""
    if ordered.dtype == np.int64:
        return 0
    low, high = np.searchsorted(ordered, -np.inf, "right"), np.searchsorted(ordered, np.inf, "left")
    return int(low + len(ordered) - high)


def _largest_gap(upto: NDArray[np.float64], below: NDArray[np.float64], window: Numbers) -> float:
    """Of the two distribution functions: at a window's value, or just before it."""
    m = len(window)
    changes = window[1:] != window[:-1]
    last, first = np.append(changes, True), np.append(True, changes)
    ranks = np.arange(m)
    at = np.abs(upto[last] - (ranks[last] + 1) / m).max()
    before = np.abs(below[first] - ranks[first] / m).max()
    return float(max(at, before))


def _level_samples(current: pl.Series, places: NDArray[np.int64], rows: Counts) -> Iterator[Sample]:
    table = pl.DataFrame({"place": places, "level": current}).filter(pl.col("place") >= 0)
    counts = table.group_by("place", "level").len("count")
    counts = counts.select(
        "place", pl.col("level").cast(pl.String), pl.col("count").cast(pl.Int64)
    ).drop_nulls()
    by_place = {
        int(key[0]): part for key, part in counts.partition_by("place", as_dict=True).items()
    }
    empty = counts.clear()
    for place, number in enumerate(rows):
        levels = by_place.get(place, empty).select("level", "count").sort("level")
        yield Sample((), levels, int(levels["count"].sum()), int(number))
