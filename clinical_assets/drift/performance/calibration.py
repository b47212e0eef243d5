"""How well probabilities fit the labels that came of them.

Slope and intercept: Cox (1958, Biometrika 45:562), with Wald intervals; the intercept is that of
slope 1 (calibration in the large). Expected calibration error: mean gap over ten bins of equal
frequency (Naeini et al. 2015, AAAI), with what chance alone gives where the probabilities are
right. Spiegelhalter (1986, Statistics in Medicine 5:421): z of the Brier score under that
hypothesis.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clinical_assets.drift.performance.rows import Labels, Value, Vector, labels, probabilities

BINS = 10
CLIP = 1e-12  # a probability of 0 or 1 has no finite logit
_Z = 1.959963984540054
_STEPS = 50


@dataclass(frozen=True, slots=True)
class Calibration:
    """Calibration of labelled rows.

    Attributes:
        slope, intercept: ideal at 1 and at 0; below: too extreme, and risks too high.
        error: expected calibration error (no interval; see ``chance``).
        chance: 95th percentile of that error where every probability is right.
        z, p: Spiegelhalter's statistic and its two-sided p-value; None where it has no variance.
    """

    n: int
    events: int
    slope: Value
    intercept: Value
    error: float
    chance: float
    z: float | None
    p: float | None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "n": self.n,
            "events": self.events,
            "slope": self.slope.to_dict(),
            "intercept": self.intercept.to_dict(),
            "expected_calibration_error": self.error,
            "error_by_chance": self.chance,
            "spiegelhalter_z": self.z,
            "spiegelhalter_p": self.p,
        }

    def explain(self) -> str:
        """One sentence."""
        test = "" if self.p is None else f", Spiegelhalter p {self.p:.3g}"
        return (
            f"{self.events} events in {self.n} rows: slope {self.slope},"
            f" intercept {self.intercept}, calibration error {self.error:.4f}"
            f" (by chance up to {self.chance:.4f}){test}."
        )


def calibration(outcome: ArrayLike, probability: ArrayLike, *, seed: int) -> Calibration:
    """Calibration of labelled rows.

    Args:
        seed: of the draws for the error that chance gives.

    Raises:
        ClinicalError: there are no rows, or a label or a probability is none.
    """
    p = probabilities(probability)
    y = labels(outcome, len(p))
    x = logits(p)
    generator = np.random.default_rng(seed)
    bins = _bins(p)
    by_chance = [_gap(generator.random(len(p)) < p, p, bins) for _ in range(200)]
    z, p_value = spiegelhalter(y, p)
    return Calibration(
        n=len(p),
        events=int(y.sum()),
        slope=_fitted(np.stack([np.ones_like(x), x], axis=1), np.zeros_like(x), y, 1),
        intercept=_fitted(np.ones((len(x), 1)), x, y, 0),
        error=calibration_error(y, p),
        chance=float(np.quantile(by_chance, 0.95)),
        z=z,
        p=p_value,
    )


def spiegelhalter(y: Labels, p: Vector) -> tuple[float | None, float | None]:
    """Statistic and two-sided p-value.

    >>> z, p = spiegelhalter(np.array([False, True]), np.array([0.2, 0.9]))
    >>> round(z, 6), round(p, 6)
    (-0.589256, 0.55569)
    """
    weight = 1 - 2 * p
    variance = float((weight**2 * p * (1 - p)).sum())
    if variance <= 0:
        return None, None
    z = float(((y - p) * weight).sum()) / math.sqrt(variance)
    return z, math.erfc(abs(z) / math.sqrt(2))


def calibration_error(y: Labels, p: Vector) -> float:
    """Mean absolute gap between labels and probabilities over ten bins of equal frequency.

    >>> calibration_error(np.array([True, False]), np.array([0.75, 0.25]))
    0.25
    """
    return _gap(y, p, _bins(p))


def _bins(p: Vector) -> NDArray[np.intp]:
    edges = np.quantile(p, np.linspace(0, 1, BINS + 1)[1:-1])
    return np.searchsorted(edges, p, "left")


def _gap(y: Labels, p: Vector, bins: NDArray[np.intp]) -> float:
    return float(np.abs(np.bincount(bins, y - p, BINS)).sum() / len(p))


def logits(p: Vector) -> Vector:
    """Log odds, of probabilities held off 0 and 1."""
    held = np.clip(p, CLIP, 1 - CLIP)
    return np.asarray(np.log(held) - np.log1p(-held))


def _fitted(X: Any, offset: Vector, y: Labels, which: int) -> Value:
    """A coefficient of the logistic regression with an offset, by Newton's method."""
    if not 0 < y.sum() < len(y):
        return Value(None, reason="only events, or none")
    beta = np.zeros(X.shape[1])
    for _ in range(_STEPS):
        mean = 1 / (1 + np.exp(-np.clip(X @ beta + offset, -700, 700)))
        information = (X * (mean * (1 - mean))[:, None]).T @ X
        try:
            step = np.linalg.solve(information, X.T @ (y - mean))
        except np.linalg.LinAlgError:
            return Value(None, reason="the probabilities do not vary, or separate the classes")
        beta = beta + np.clip(step, -5, 5)
        if np.abs(step).max() < 1e-10:
            break
    else:
        return Value(None, reason="the probabilities separate the classes, or hardly vary")
    variance = float(np.linalg.inv(information)[which, which])
    if not np.isfinite(variance) or variance <= 0 or variance > 1e6:
        return Value(None, reason="the probabilities do not vary, or separate the classes")
    half = _Z * math.sqrt(variance)
    value = float(beta[which])
    return Value(value, value - half, value + half)
