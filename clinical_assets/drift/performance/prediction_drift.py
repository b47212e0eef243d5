"""Whether the predictions themselves changed: their distribution, and how many are called.

PSI over deciles of the reference and the two-sample Kolmogorov–Smirnov distance are those of
:mod:`clinical_assets.drift`; the difference of two shares has the interval of Newcombe (1998,
Statistics in Medicine 17:873, method 10, from Wilson's intervals).
"""

import math
from dataclasses import dataclass
from typing import Any

from numpy.typing import ArrayLike

from clinical_assets.drift.bins import bin_edges
from clinical_assets.drift.distances import psi
from clinical_assets.drift.pairs import paired_samples
from clinical_assets.drift.performance.rows import Value, rows
from clinical_assets.drift.proportions import two_proportions_p
from clinical_assets.drift.smirnov import smirnov_p

_Z = 1.959963984540054


@dataclass(frozen=True, slots=True)
class PredictionDrift:
    """Predictions before and now; no labels are needed.

    Attributes:
        psi: of the scores, on deciles of the reference.
        ks, ks_p: distance of the scores and its p-value.
        reference_rate, current_rate: share called, with 95 % intervals (Wilson 1927).
        rate: current less reference share.
        rate_p: of the test that both are one.
    """

    reference: int
    current: int
    psi: float
    ks: float
    ks_p: float
    reference_rate: Value
    current_rate: Value
    rate: Value
    rate_p: float

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        found = {name: getattr(self, name) for name in self.__slots__}
        return {k: v.to_dict() if isinstance(v, Value) else v for k, v in found.items()}

    def explain(self) -> str:
        """Two sentences."""
        return (
            f"Scores of {self.current} rows against {self.reference}: PSI {self.psi:.3f},"
            f" Kolmogorov–Smirnov {self.ks:.3f} (p {self.ks_p:.2g})."
            f" Called: {self.current_rate}, in the reference {self.reference_rate},"
            f" a difference of {self.rate} (p {self.rate_p:.2g})."
        )


def prediction_drift(
    reference: ArrayLike, current: ArrayLike, *, threshold: float, bins: int = 10
) -> PredictionDrift:
    """Holds the predictions of two sets of rows against each other.

    Raises:
        ClinicalError: a side has no rows, a value is no probability, or the threshold is no number
            from 0 to 1.
    """
    before, now = rows(reference, threshold), rows(current, threshold)
    n, m = len(before.score), len(now.score)
    pair = paired_samples(before.score, now.score)
    edges = bin_edges(pair.quantiles, bins)
    distance = pair.kolmogorov_smirnov()
    hits, others = int(before.called.sum()), int(now.called.sum())
    return PredictionDrift(
        reference=n,
        current=m,
        psi=psi(*pair.binned(edges)),
        ks=distance,
        ks_p=smirnov_p(distance, n, m),
        reference_rate=wilson(hits, n),
        current_rate=wilson(others, m),
        rate=_newcombe(wilson(others, m), wilson(hits, n)),
        rate_p=two_proportions_p(hits, n, others, m),
    )


def wilson(hits: int, n: int) -> Value:
    """A share with its score interval (Wilson 1927, JASA 22:209).

    >>> print(wilson(5, 10))
    0.500 (0.237 to 0.763)
    """
    share, spread = hits / n, _Z**2 / n
    centre = (share + spread / 2) / (1 + spread)
    half = math.sqrt(share * (1 - share) * spread + spread**2 / 4) / (1 + spread)
    return Value(share, max(0.0, centre - half), min(1.0, centre + half))


def _newcombe(one: Value, other: Value) -> Value:
    a, b = one.value or 0.0, other.value or 0.0
    low = math.hypot(a - (one.lower or 0.0), (other.upper or 0.0) - b)
    high = math.hypot((one.upper or 0.0) - a, b - (other.lower or 0.0))
    return Value(a - b, a - b - low, a - b + high)
