"""Rows drawn with replacement, for intervals of what labelled rows show (Efron 1979)."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from clinical_assets.drift.performance.rows import Value

REPLICATES = 500
UNDEFINED = 0.01


def bootstrapped(
    value: float | None,
    measure: Callable[[NDArray[np.intp]], float | None],
    rows: int,
    *,
    confidence: float,
    seed: int,
) -> Value:
    """A value with its percentile interval.

    Args:
        measure: the value on the rows of these numbers; None where undefined.
    """
    if value is None:
        return Value(None, reason="undefined on these rows")
    generator = np.random.default_rng(seed)
    found = [measure(generator.integers(0, rows, rows)) for _ in range(REPLICATES)]
    defined = [v for v in found if v is not None]
    if len(defined) < (1 - UNDEFINED) * REPLICATES:
        return Value(value, reason="no interval: undefined in many of the resamples")
    tail = (1 - confidence) / 2
    lower, upper = np.quantile(defined, [tail, 1 - tail])
    return Value(value, float(lower), float(upper))
