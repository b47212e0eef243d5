"""Which way two samples of numbers are held against each other; the answers are the same."""

import numpy as np

from clinical_assets.drift.areas import Numbers
from clinical_assets.drift.gridded import FEW, GriddedPair, spread
from clinical_assets.drift.tallied import TalliedPair

_REPEATED = 4


def paired_samples(reference: Numbers, current: Numbers) -> TalliedPair | GriddedPair:
    """Two samples, both of float64 or both of int64, without NaN.

    Raises:
        ValueError: a sample is empty.
    """
    if len(reference) + len(current) <= FEW or (_rounded(reference) and _rounded(current)):
        return TalliedPair(reference, current)
    return GriddedPair(reference, current)


def _rounded(values: Numbers) -> bool:
    """Whether some of the values suggest that each occurs several times."""
    seen = spread(values)
    return len(np.unique(seen)) * _REPEATED <= len(seen)
