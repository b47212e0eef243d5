"""The reference cut into windows that have no row in common: days in a row, or whole patients.

What makes days and patients differ is then in the windows' differences, beside chance.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinical_assets.errors import ClinicalError

Counts = NDArray[np.int64]


def day_windows(days: ArrayLike, length: int = 1) -> Counts:
    """Stretches of days, from the first day on; days left over at the end are left out.

    Args:
        days: counts, one row a day in order, shape (days, bins).
        length: days in a window.

    Raises:
        ClinicalError: it is no table of counts, or shorter than two windows.

    >>> day_windows([[1, 0], [0, 1], [2, 2], [1, 1], [9, 9]], 2).tolist()
    [[1, 1], [3, 3]]
    """
    counts = _table(days)
    number = len(counts) // max(1, length)
    if length < 1 or number < 2:
        raise ClinicalError(
            f"The reference has {len(counts)} days and a window {length}, so there is nothing to "
            "calibrate a threshold on",
            repair="Give a longer reference, shorter windows, or a constant threshold",
            where="plan",
        )
    return np.asarray(counts[: number * length].reshape(number, length, -1).sum(axis=1))


def unit_windows(units: ArrayLike, rows: int, *, seed: int) -> Counts:
    """Whole patients, in random order, until they hold the rows; then the next window.

    Thresholds for such windows are made by :func:`.calibrated.calibrate_units`, which draws
    patients again; from these counts alone they would be crossed too often where a window holds
    some twenty very different patients.

    Args:
        units: counts, one row a patient or whatever else belongs together, shape (units, bins).
        rows: values in a window, at least; the last patient may bring more.

    Raises:
        ClinicalError: it is no table of counts, or holds less than two windows.
    """
    counts = _table(units)
    counts = counts[np.random.default_rng(seed).permutation(len(counts))]
    upto = np.cumsum(counts.sum(axis=1))
    if rows < 1 or not len(upto) or upto[-1] < 2 * rows:
        raise ClinicalError(
            f"The reference holds {int(counts.sum())} values and a window {rows}, so there is "
            "nothing to calibrate a threshold on",
            repair="Give a longer reference, smaller windows, or a constant threshold",
            where="plan",
        )
    windows, start, done = [], 0, 0
    while upto[-1] - done >= rows:
        stop = int(np.searchsorted(upto, done + rows)) + 1
        windows.append(counts[start:stop].sum(axis=0))
        start, done = stop, int(upto[stop - 1])
    return np.stack(windows)


def _table(counts: ArrayLike) -> Counts:
    found = np.asarray(counts, dtype=np.int64)
    if found.ndim != 2 or found.size == 0 or found.min() < 0:
        raise ClinicalError(
            f"Counts of shape {found.shape} are no counts by day and bin",
            repair="Give one row for each day or patient and one column for each bin, none below 0",
        )
    return found
