"""The probabilities of one column's statistics at the effective numbers of its rows.

What belongs here: each probability that decides, as if there were so many independent rows and the
shares were what they are. What does not: how many there are (:mod:`.units`), and the statistics,
which stay those of all rows.

What is outlandish comes in whole units: one long stay, one patient with leukaemia. There the
correlation over all rows says too little, and units are counted: those with a value outside the
range, or with a level that no other has. Where nothing changed units are in any order alike.
"""

from collections.abc import MutableMapping

import numpy as np
from numpy.typing import NDArray

from clinical_assets.drift import distances
from clinical_assets.drift.levels_test import levels_p
from clinical_assets.drift.proportions import more_p, two_proportions_p
from clinical_assets.drift.pvalues import beyond_p, cramer_von_mises_p
from clinical_assets.drift.sentences import Statistic
from clinical_assets.drift.smirnov import smirnov_p
from clinical_assets.drift.units import Effective
from clinical_assets.drift.unseen import unseen_p

Counts = NDArray[np.int64]
_Found = MutableMapping[str, Statistic]


def at_effective(rows: tuple[int, int], worth: Effective, found: _Found) -> None:
    """Replaces the probabilities that follow from shares and distances, where there are any.

    Args:
        rows: how many values either side has.
        worth: what they are worth.
        found: statistics of all rows, by name.
    """
    n, m = (max(1, round(each)) for each in worth.values)
    found["effective_reference"], found["effective_current"] = worth.values
    _share(found, "missing", *(max(1, round(each)) for each in worth.rows))
    _share(found, "infinite", n, m)
    ks, criterion = found.get("ks"), found.get("cramer_von_mises")
    if found.get("ks_pvalue") is not None and ks is not None:
        found["ks_pvalue"] = smirnov_p(ks, n, m)
    if found.get("cramer_von_mises_pvalue") is not None and criterion is not None:
        # T is n m / (n + m) times the squared difference of the functions.
        shrunk = criterion / _harmonic(*rows) * _harmonic(n, m)
        found["cramer_von_mises_pvalue"] = cramer_von_mises_p(shrunk, n, m) if n * m > 1 else 1.0
    if found.get("range_pvalue") is not None:
        found["range_pvalue"] = beyond_p(*worth.beyond, *worth.units)


def counts_at(p: Counts, q: Counts, worth: Effective, found: _Found) -> None:
    """Replaces the probabilities that follow from counts in the same bins.

    Args:
        p, q: of all values, shape (bins,).
    """
    shares = distances.shares(p) * worth.values[0], distances.shares(q) * worth.values[1]
    for name, function in (("chi2", distances.chi_squared), ("g", distances.likelihood_ratio)):
        if found.get(f"{name}_pvalue") is not None:
            found[f"{name}_pvalue"] = function(*shares).p


def levels_at(p: Counts, q: Counts, worth: Effective, found: _Found) -> None:
    """The same of counts of every level."""
    counts_at(p, q, worth, found)
    n, m = (max(1, round(each)) for each in worth.values)
    if found.get("levels_pvalue") is not None:
        found["levels_pvalue"] = levels_p(shrunk(p, n), shrunk(q, m))
    if found.get("new_levels_pvalue") is not None:
        (once, new), (before, after) = worth.alone, worth.units
        # One unit may have many new levels, and one new level many units; neither is to deceive.
        found["new_levels_pvalue"] = max(
            more_p(once, before, new, after), unseen_p(*worth.holders, worth.units)
        )


def shrunk(counts: Counts, total: int) -> Counts:
    """Whole numbers in the proportions of ``counts`` that add up to ``total``: rounded down, the
    largest remainders up.

    >>> shrunk(np.array([50, 30, 20]), 4).tolist()
    [2, 1, 1]
    """
    exact = distances.shares(counts) * total
    found = np.floor(exact + 1e-9).astype(np.int64)
    left = total - int(found.sum())
    found[np.argsort(found - exact, kind="stable")[:left]] += 1
    return found


def _share(found: _Found, name: str, n: int, m: int) -> None:
    before, after = found.get(f"{name}_reference"), found.get(f"{name}_current")
    if found.get(f"{name}_pvalue") is not None and before is not None and after is not None:
        found[f"{name}_pvalue"] = two_proportions_p(round(before * n), n, round(after * m), m)


def _harmonic(n: int, m: int) -> float:
    return n * m / (n + m)
