"""False alarms: the expected run between two of them, and how rare crossing must be to keep it.

Windows are taken as independent, columns too. Where columns move together alarms fall on the same
windows, so that the real run is longer than promised; where windows depend on the ones before
(overlapping windows, slow waves), persistence forgives less than is promised here and the run is
shorter.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from clinical_assets.drift.thresholds.persistence import Persistence

Vector = NDArray[np.float64]

_STEPS = 60
_LONG = 400


def expected_run(crossing: float, persistence: Persistence, columns: int = 1) -> float:
    """Expected windows until any column raises an alarm, counted from none crossed.

    The exact run length of a scan of k of n Bernoulli trials (Fu and Koutras 1994), by the Markov
    chain over the last n - 1 windows. For several columns the survival function to their number.

    Args:
        crossing: probability that a window of a column crosses its threshold.
        columns: how many independent columns there are.

    >>> round(expected_run(0.01, Persistence(1, 1)), 6)
    100.0
    >>> round(expected_run(0.5, Persistence(2, 2)), 6)
    6.0
    """
    if crossing <= 0:
        return float("inf")
    # P(last n - 1 windows crossed as the bits of the place say, and no alarm so far)
    state = np.zeros(1 << (persistence.n - 1))
    state[0] = 1.0
    crossable = np.array([h.bit_count() + 1 < persistence.k for h in range(len(state))])
    total = 0.0
    before = ratio = 1.0
    for _ in range(_LONG):
        total += before**columns  # sum of P(no alarm in the first t windows), t = 0, 1, …
        state = _next(state, crossing, crossable)
        now = float(state.sum())
        if now <= 0:
            return total
        before, ratio = now, now / before
    if ratio >= 1:
        return float("inf")  # rarer than the numbers can tell
    # By now the chain decays by the same ratio at every window.
    return float(total + before**columns / -np.expm1(columns * np.log(ratio)))


@cache
def crossing_for(run: float, persistence: Persistence, columns: int = 1) -> float:
    """How probable crossing may be if an alarm in ``run`` windows is to be expected.

    >>> round(crossing_for(100, Persistence(1, 1)), 6)
    0.01

    Raises:
        ValueError: the run is shorter than the least that persistence allows.
    """
    if run <= persistence.k:
        raise ValueError(f"{persistence} cannot alarm once in {run:g} windows")
    low, high = -40.0, 0.0  # logarithms
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if expected_run(float(np.exp(middle)), persistence, columns) > run:
            low = middle
        else:
            high = middle
    return float(np.exp(low))


def _next(state: Vector, p: float, crossable: NDArray[np.bool_]) -> Vector:
    """One window later: the oldest is forgotten, a crossing that raises an alarm leaves."""
    quiet, crossed = state * (1 - p), np.where(crossable, state, 0.0) * p
    if len(state) == 1:
        return quiet + crossed
    pairs = [part.reshape(2, -1).sum(axis=0) for part in (quiet, crossed)]
    return np.stack(pairs, axis=1).reshape(-1)
