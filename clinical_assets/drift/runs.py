"""Runs of equal values among sorted ones.

:func:`numpy.unique` does the same, but its first call imports numpy's masked arrays, which takes as
long as comparing a dozen columns.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def run_ends(ordered: NDArray[Any]) -> NDArray[np.intp]:
    """Where each run of equal values ends; NaN, last in order, equals itself.

    >>> run_ends(np.array([1.0, 1.0, 2.0, np.nan, np.nan])).tolist()
    [1, 2, 4]
    """
    changes = (ordered[1:] != ordered[:-1]) & (ordered[:-1] == ordered[:-1])
    return np.flatnonzero(np.append(changes, True)) if len(ordered) else np.empty(0, np.intp)


def distinct(values: NDArray[Any]) -> NDArray[Any]:
    """Each value once, in order.

    >>> distinct(np.array([3, 1, 3])).tolist(), distinct(np.array([])).tolist()
    ([1, 3], [])
    """
    ordered = np.sort(values)
    return np.asarray(ordered[run_ends(ordered)])
