"""The statistics of one column of two tables, exactly, from its values."""

from collections.abc import Collection
from typing import NamedTuple

import numpy as np
import polars as pl

from clinical_assets.drift import distances
from clinical_assets.drift.kinds import Kind
from clinical_assets.drift.pairs import paired_samples
from clinical_assets.drift.pvalues import kolmogorov_smirnov_p, two_proportions_p
from clinical_assets.drift.sentences import Statistic
from clinical_assets.drift.tallied import Numbers

# In the order in which they are shown; what a column's kind does not have is None.
STATISTICS = (
    "psi",
    "ks",
    "ks_pvalue",
    "wasserstein",
    "jensen_shannon",
    "hellinger",
    "total_variation",
    "chi2",
    "chi2_pvalue",
    "new_levels",
    "missing_reference",
    "missing_current",
    "missing_pvalue",
)
_EXACT_P = 10_000


class _Values(NamedTuple):
    """What a column holds, without what is missing."""

    present: pl.Series
    rows: int

    @property
    def missing(self) -> int:
        return self.rows - len(self.present)


def measure(
    reference: pl.Series,
    current: pl.Series,
    kind: Kind,
    bins: int,
    wanted: Collection[str] = STATISTICS,
) -> dict[str, Statistic]:
    """The statistics of one column.

    Args:
        reference, current: of any length; null and NaN are missing, infinities are values.
        bins: equal-frequency bins of the reference for PSI and its like.
        wanted: names of :data:`STATISTICS`; the others are left out, and cost nothing.
    """
    found: dict[str, Statistic] = dict.fromkeys(STATISTICS)
    ours, theirs = _present(reference), _present(current)
    found["missing_reference"] = ours.missing / ours.rows if ours.rows else None
    found["missing_current"] = theirs.missing / theirs.rows if theirs.rows else None
    if ours.rows and theirs.rows:
        found["missing_pvalue"] = two_proportions_p(
            ours.missing, ours.rows, theirs.missing, theirs.rows
        )
    if len(ours.present) and len(theirs.present):
        if kind in ("numeric", "time"):
            _numeric(_numbers(ours.present), _numbers(theirs.present), bins, wanted, found)
        else:
            _levels(ours.present, theirs.present, wanted, found)
    return {name: found[name] for name in STATISTICS if name in wanted}


def _numeric(
    reference: Numbers,
    current: Numbers,
    bins: int,
    wanted: Collection[str],
    found: dict[str, Statistic],
) -> None:
    if reference.dtype != current.dtype:
        reference, current = reference.astype(np.float64), current.astype(np.float64)
    pair = paired_samples(reference, current)
    if {"ks", "ks_pvalue"} & set(wanted):
        distance = pair.kolmogorov_smirnov()
        found["ks"] = distance
        if "ks_pvalue" in wanted:
            found["ks_pvalue"] = _ks_p(distance, reference, current)
    if "wasserstein" in wanted:
        found["wasserstein"] = pair.wasserstein()
    if _OF_COUNTS & set(wanted):
        edges = np.unique(pair.quantiles(np.arange(1, bins) / bins))
        _counted(*pair.binned(edges), wanted, found)


def _ks_p(distance: float, reference: Numbers, current: Numbers) -> float:
    n, m = len(reference), len(current)
    if max(n, m) > _EXACT_P:
        return kolmogorov_smirnov_p(distance, n, m)
    from scipy.stats import ks_2samp

    return float(ks_2samp(reference, current).pvalue)


def _levels(
    reference: pl.Series, current: pl.Series, wanted: Collection[str], found: dict[str, Statistic]
) -> None:
    ours, theirs = _level_counts(reference, "p"), _level_counts(current, "q")
    both = ours.join(theirs, on="level", how="full", coalesce=True).fill_null(0)
    both = both.sort("level")  # sums come out the same to the last bit
    p, q = both["p"].to_numpy(), both["q"].to_numpy()
    _counted(p, q, wanted, found)
    found["new_levels"] = float(q[p == 0].sum() / q.sum())


_OF_COUNTS = {
    "psi",
    "jensen_shannon",
    "hellinger",
    "total_variation",
    "chi2",
    "chi2_pvalue",
}


def _counted(
    p: np.ndarray, q: np.ndarray, wanted: Collection[str], found: dict[str, Statistic]
) -> None:
    for name in ("psi", "jensen_shannon", "hellinger", "total_variation"):
        if name in wanted:
            found[name] = getattr(distances, name)(p, q)
    if {"chi2", "chi2_pvalue"} & set(wanted):
        test = distances.chi_squared(p, q)
        found["chi2"], found["chi2_pvalue"] = test.statistic, test.p


def _present(series: pl.Series) -> _Values:
    present = series.drop_nulls()
    if series.dtype.is_float():
        present = present.drop_nans()
    return _Values(present, len(series))


def _numbers(series: pl.Series) -> Numbers:
    dtype = series.dtype
    if dtype.is_temporal():
        series = series.to_physical()
        dtype = series.dtype
    if dtype.is_integer() and dtype not in (pl.UInt64, pl.Int128, pl.UInt128):
        return series.cast(pl.Int64).to_numpy()
    return series.cast(pl.Float64).to_numpy()


def _level_counts(series: pl.Series, name: str) -> pl.DataFrame:
    counts = series.cast(pl.String).value_counts(name=name)
    return counts.rename({counts.columns[0]: "level"}).with_columns(pl.col(name).cast(pl.Int64))
