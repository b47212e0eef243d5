"""Folds of rows such that the rows of one unit (a patient) stand in one fold only."""

import numpy as np
from numpy.typing import NDArray

from clinical_assets.drift.multivariate.usable import Units


def folds(current: NDArray[np.bool_], units: Units, number: int, seed: int) -> NDArray[np.int64]:
    """The fold of every row; the units of each side are dealt out evenly.

    Args:
        current: which side a row is of.
    """
    codes, unit = np.unique(units, return_inverse=True)
    share = np.bincount(unit, current) / np.bincount(unit)
    side = np.where(share == 0, 0, np.where(share == 1, 1, 2))
    order = np.random.default_rng(seed).permutation(len(codes))
    fold = np.empty(len(codes), dtype=np.int64)
    for which in (0, 1, 2):
        dealt = order[side[order] == which]
        fold[dealt] = np.arange(len(dealt)) % number
    return np.asarray(fold[unit])
