"""Where the bins of PSI and its like end: at quantiles of the reference, each bin right-closed."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from clinical_assets.drift.runs import distinct

_PARTS = 1000

Vector = NDArray[np.float64]


def bin_edges(quantiles: Callable[[Vector], Vector], bins: int) -> Vector:
    """Rising edges of the bins (…, e0], (e0, e1], …, (ek, …).

    Quantiles that are equal, because one value is frequent, are one edge. Where the lowest ones
    are, that value v would share its bin with all that is lower, and nothing would be seen of
    values that fall from it (a score that nearly everybody has in full). So there is one edge more:
    the highest thousandth of the reference that is below v, or, where v holds them all, the number
    next to v.

    Args:
        quantiles: of the reference's values, at probabilities; NaN where there is none, as between
            infinities of both signs.

    >>> bin_edges(lambda p: np.where(p < 0.08, 3.0, 15.0), 10).tolist()
    [3.0, 15.0]
    """
    found = quantiles(np.arange(1, bins) / bins)
    edges = distinct(found[~np.isnan(found)])
    if not len(edges) or np.count_nonzero(found == edges[0]) < 2:
        return edges
    fine = quantiles(np.arange(1, _PARTS) / _PARTS)
    lower = fine[fine < edges[0]]
    with np.errstate(over="ignore"):  # next to the least number is minus infinity, as it should
        below = lower.max() if len(lower) else np.nextafter(edges[0], -np.inf)
    return np.insert(edges, 0, below) if below < edges[0] else edges
