"""The statistics of one column of two tables, exactly, from its values."""

from collections.abc import Collection

import numpy as np
import polars as pl

from clinical_assets.drift import areas, distances
from clinical_assets.drift.areas import Counts, Merged
from clinical_assets.drift.bins import bin_edges
from clinical_assets.drift.blocks import Blocks, size
from clinical_assets.drift.effective import at_effective, counts_at, levels_at
from clinical_assets.drift.kinds import Kind
from clinical_assets.drift.levels_test import levels_p
from clinical_assets.drift.pairs import paired_samples
from clinical_assets.drift.proportions import two_proportions_p
from clinical_assets.drift.pvalues import beyond_p, cramer_von_mises_p
from clinical_assets.drift.samples import Sample, read_series
from clinical_assets.drift.sentences import Statistic
from clinical_assets.drift.smirnov import smirnov_p
from clinical_assets.drift.unit_codes import Codes
from clinical_assets.drift.units import Effective, effective
from clinical_assets.drift.unseen import unseen_p

# In the order in which they are shown; what a column's kind does not have is None.
STATISTICS = (
    "psi",
    "ks",
    "ks_pvalue",
    "wasserstein",
    "wasserstein_scaled",
    "jensen_shannon",
    "hellinger",
    "total_variation",
    "energy",
    "cramer_von_mises",
    "cramer_von_mises_pvalue",
    "chi2",
    "chi2_pvalue",
    "levels_pvalue",
    "g",
    "g_pvalue",
    "below_range",
    "above_range",
    "range_pvalue",
    "infinite_reference",
    "infinite_current",
    "infinite_pvalue",
    "new_levels",
    "new_levels_pvalue",
    "vanished_levels",
    "missing_reference",
    "missing_current",
    "missing_pvalue",
    "effective_reference",
    "effective_current",
)
_EXACT_CVM = 20
_OF_COUNTS = {"psi", "jensen_shannon", "hellinger", "total_variation"}
_TESTS = {"chi2": "chi_squared", "g": "likelihood_ratio"}
_INFINITE = {"infinite_reference", "infinite_current", "infinite_pvalue"}
_OF_AREAS = {
    "wasserstein",
    "wasserstein_scaled",
    "energy",
    "cramer_von_mises",
    "cramer_von_mises_pvalue",
}
_Found = dict[str, Statistic]


def measure(
    reference: pl.Series,
    current: pl.Series,
    kind: Kind,
    bins: int,
    wanted: Collection[str] = STATISTICS,
    units: tuple[Codes, Codes] | None = None,
) -> _Found:
    """The statistics of one column.

    Args:
        reference, current: of any length; null and NaN are missing, infinities are values.
        bins: equal-frequency bins of the reference for PSI and its like.
        wanted: names of :data:`STATISTICS`; the others are left out, and cost nothing.
        units: what each row of either side belongs to (:func:`.unit_codes.unit_codes`); None where
            rows are independent.
    """
    ours, theirs = read_series(reference, kind), read_series(current, kind)
    worth = units and effective(reference, current, units, (ours, theirs))
    return measure_samples(ours, theirs, bins, wanted, worth)


def measure_samples(
    ours: Sample,
    theirs: Sample,
    bins: int,
    wanted: Collection[str] = STATISTICS,
    worth: Effective | None = None,
) -> _Found:
    """The same of columns that are read already, both as numbers or both as levels; probabilities
    are those at the numbers of rows that they are worth, if that is known."""
    found: _Found = dict.fromkeys(STATISTICS)
    found["missing_reference"] = ours.missing / ours.rows if ours.rows else None
    found["missing_current"] = theirs.missing / theirs.rows if theirs.rows else None
    if "missing_pvalue" in wanted and ours.rows and theirs.rows:
        found["missing_pvalue"] = two_proportions_p(
            ours.missing, ours.rows, theirs.missing, theirs.rows
        )
    if ours.present and theirs.present:
        if ours.levels is not None and theirs.levels is not None:
            _levels(ours.levels, theirs.levels, wanted, found, worth)
        else:
            _numeric(ours.values, theirs.values, bins, set(wanted), found, worth)
    if worth:
        at_effective((ours.present, theirs.present), worth, found)
    return {name: found[name] for name in STATISTICS if name in wanted}


def _numeric(
    reference: Blocks,
    current: Blocks,
    bins: int,
    wanted: set[str],
    found: _Found,
    worth: Effective | None,
) -> None:
    if reference[0].dtype != current[0].dtype:
        reference, current = (
            tuple(block.astype(np.float64) for block in side) for side in (reference, current)
        )
    pair = paired_samples(reference, current)
    if (_OF_COUNTS | {"chi2", "chi2_pvalue", "g", "g_pvalue"}) & wanted:
        counts = pair.binned(bin_edges(pair.quantiles, bins))
        counted(*counts, wanted, found)
        if worth:
            counts_at(*counts, worth, found)
    if {"ks", "ks_pvalue"} & wanted:
        found["ks"] = distance = pair.kolmogorov_smirnov()
        if "ks_pvalue" in wanted:
            found["ks_pvalue"] = smirnov_p(distance, size(reference), size(current))
    if _OF_AREAS & wanted:
        in_order(pair.merged(), wanted, found)
    if {"below_range", "above_range", "range_pvalue"} & wanted:
        n, m = size(reference), size(current)
        below, above = pair.range()
        found["below_range"], found["above_range"] = below / m, above / m
        found["range_pvalue"] = beyond_p(below, above, n, m)
    if _INFINITE & wanted:
        n, m = size(reference), size(current)
        infinities_moved(_infinite(reference), n, _infinite(current), m, found)


def _infinite(values: Blocks) -> int:
    """How many of the values."""
    if values[0].dtype == np.int64:
        return 0
    return sum(int(np.count_nonzero(np.isinf(block))) for block in values)


def infinities_moved(before: int, n: int, after: int, m: int, found: _Found) -> None:
    """Adds the shares of infinite values, ``before`` of ``n`` and ``after`` of ``m``."""
    found["infinite_reference"], found["infinite_current"] = before / n, after / m
    found["infinite_pvalue"] = two_proportions_p(before, n, after, m)


def in_order(merged: Merged, wanted: set[str], found: _Found) -> None:
    """Adds what both samples in one order say of the area and the ranks between them."""
    if {"wasserstein", "wasserstein_scaled"} & wanted:
        found["wasserstein"] = area = areas.wasserstein(merged)
        found["wasserstein_scaled"] = areas.scaled(area, merged)
    if "energy" in wanted:
        found["energy"] = areas.energy(merged)
    if {"cramer_von_mises", "cramer_von_mises_pvalue"} & wanted:
        found["cramer_von_mises"] = criterion = areas.cramer_von_mises(merged)
        if "cramer_von_mises_pvalue" in wanted:
            found["cramer_von_mises_pvalue"] = _cvm_p(criterion, merged)


def _cvm_p(statistic: float, merged: Merged) -> float | None:
    n, m = int(merged.reference[-1]), int(merged.current[-1])
    if min(n, m) < 2:
        return None  # one value has no spread to hold T against
    if max(n, m) > _EXACT_CVM:
        return cramer_von_mises_p(statistic, n, m)
    from scipy.stats import cramervonmises_2samp

    return float(cramervonmises_2samp(*merged.samples(), method="exact").pvalue)


def _levels(
    reference: pl.DataFrame,
    current: pl.DataFrame,
    wanted: Collection[str],
    found: _Found,
    worth: Effective | None,
) -> None:
    both = reference.join(current, on="level", how="full", coalesce=True, suffix="_current")
    both = both.sort("level").fill_null(0)
    p, q = both["count"].to_numpy(), both["count_current"].to_numpy()
    levels_counted(p, q, set(wanted), found)
    levels_moved(p, q, set(wanted), found)
    if worth:
        levels_at(p, q, worth, found)


def levels_moved(p: Counts, q: Counts, wanted: set[str], found: _Found) -> None:
    """Adds the shares of new and of vanished levels, from counts of every level."""
    found["new_levels"] = float(q[p == 0].sum() / q.sum())
    found["vanished_levels"] = float(p[q == 0].sum() / p.sum())
    if "new_levels_pvalue" in wanted:
        found["new_levels_pvalue"] = unseen_p(p, q)


def levels_counted(p: Counts, q: Counts, wanted: set[str], found: _Found) -> None:
    """Adds the same as :func:`counted`, of levels, of which many may be rare."""
    counted(p, q, wanted, found)
    if "levels_pvalue" in wanted:
        found["levels_pvalue"] = levels_p(p, q)


def counted(p: Counts, q: Counts, wanted: set[str], found: _Found) -> None:
    """Adds what follows from the counts of both samples in the same bins or levels."""
    for name in _OF_COUNTS & wanted:
        found[name] = getattr(distances, name)(p, q)
    for name, function in _TESTS.items():
        if {name, f"{name}_pvalue"} & wanted:
            test = getattr(distances, function)(p, q)
            found[name], found[f"{name}_pvalue"] = test.statistic, test.p
