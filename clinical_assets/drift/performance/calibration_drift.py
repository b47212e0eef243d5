"""Whether calibration changed between labelled reference and labelled current rows.

Differences are current less reference. Those of slope and intercept have Wald intervals (the two
samples are independent, so their variances add); that of the calibration error has a bootstrap
interval, both samples resampled, which lies too high by the noise that resampling adds to an error:
where it excludes 0 from above, read it with ``error_by_chance`` of both sides.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from clinical_assets.drift.performance.calibration import (
    Calibration,
    calibration,
    calibration_error,
)
from clinical_assets.drift.performance.resampled import REPLICATES
from clinical_assets.drift.performance.rows import Value, labels, probabilities


@dataclass(frozen=True, slots=True)
class CalibrationDrift:
    """Calibration before and now.

    Attributes:
        slope, intercept, error: current less reference, with 95 % intervals.
    """

    reference: Calibration
    current: Calibration
    slope: Value
    intercept: Value
    error: Value

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            name: getattr(self, name).to_dict()
            for name in ("reference", "current", "slope", "intercept", "error")
        }

    def explain(self) -> str:
        """What changed beyond chance, then the numbers."""
        changed = [
            f"{name} by {value}"
            for name, value in (("the slope", self.slope), ("the intercept", self.intercept))
            if value.lower is not None and value.upper is not None
            if not value.lower <= 0 <= value.upper
        ]
        known = any(v.lower is not None for v in (self.slope, self.intercept))
        said = "Whether slope or intercept changed cannot be told from these rows."
        if changed:
            said = f"Calibration changed: {'; '.join(changed)}."
        elif known:
            said = "Chance explains the difference in slope and intercept."
        before, now = self.reference.explain(), self.current.explain()
        return f"{said}\nReference: {before}\nCurrent: {now}"


def calibration_drift(
    reference_outcome: ArrayLike,
    reference_probability: ArrayLike,
    outcome: ArrayLike,
    probability: ArrayLike,
    *,
    seed: int,
) -> CalibrationDrift:
    """Holds the calibration of two labelled sets of rows against each other.

    Raises:
        ClinicalError: a side has no rows, or a label or a probability is none.
    """
    before = calibration(reference_outcome, reference_probability, seed=seed)
    now = calibration(outcome, probability, seed=seed)
    sides = [
        (labels(y, len(probabilities(p))), probabilities(p))
        for y, p in ((reference_outcome, reference_probability), (outcome, probability))
    ]
    return CalibrationDrift(
        before,
        now,
        _difference(before.slope, now.slope),
        _difference(before.intercept, now.intercept),
        _error_difference(sides, now.error - before.error, seed),
    )


def _difference(before: Value, now: Value) -> Value:
    if before.value is None or now.value is None:
        return Value(None, reason=before.reason or now.reason)
    halves = [((v.upper or 0) - (v.lower or 0)) / 2 for v in (before, now)]
    value, half = now.value - before.value, math.hypot(*halves)
    return Value(value, value - half, value + half)


def _error_difference(sides: list[Any], value: float, seed: int) -> Value:
    generator = np.random.default_rng(seed)
    found = []
    for _ in range(REPLICATES):
        errors = []
        for y, p in sides:
            chosen = generator.integers(0, len(p), len(p))
            errors.append(calibration_error(y[chosen], p[chosen]))
        found.append(errors[1] - errors[0])
    lower, upper = np.quantile(found, [0.025, 0.975])
    return Value(value, float(lower), float(upper))
