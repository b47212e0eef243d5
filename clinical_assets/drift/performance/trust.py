"""When an estimate without labels cannot be trusted, as far as that can be seen without labels.

What can be seen: poor calibration on the reference, too few rows or events, scores and covariates
where the reference had none. What cannot: a changed relation of the covariates to the outcome
(drift of concept), which is why :data:`ALWAYS` stands beside every estimate.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from clinical_assets.drift.performance.calibration import Calibration, calibration
from clinical_assets.drift.performance.rows import Rows, Vector, fixed
from clinical_assets.errors import ClinicalError

ALWAYS = (
    "This holds only while the outcome depends on the inputs as it did in the reference. A change"
    " of that (drift of concept) cannot be seen without labels."
)


@dataclass(frozen=True, slots=True)
class Limits:
    """What is enough to trust an estimate.

    Attributes:
        rows, events: least of the window, and of events and non-events expected in it.
        reference_events: least of events and of non-events in the reference.
        p: of Spiegelhalter's test, below which the reference's calibration is doubted, if also
        slope, intercept: is further than this from 1 and from 0, or
        error: is less than the calibration error.
        outside: largest share of rows outside the reference's range.
    """

    rows: int = 100
    events: int = 10
    reference_events: int = 50
    p: float = 0.05
    slope: float = 0.1
    intercept: float = 0.1
    error: float = 0.02
    outside: float = 0.01


@dataclass(frozen=True, slots=True)
class Reference:
    """What is known of labelled rows of the same model.

    Attributes:
        calibration: of its probabilities.
        ranges: least and greatest value of the score (named "score") and of covariates.
        limits: what is enough.
    """

    calibration: Calibration
    ranges: Mapping[str, tuple[float, float]]
    limits: Limits = field(default_factory=Limits)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        ranges = {name: list(ends) for name, ends in self.ranges.items()}
        return {"calibration": self.calibration.to_dict(), "ranges": ranges}

    def explain(self) -> str:
        """How good the ground is that estimates stand on."""
        poor = "; ".join(_of_reference(self.calibration, self.limits))
        return self.calibration.explain() + (f" Not to be trusted: {poor}." if poor else "")


def reference(
    outcome: ArrayLike,
    probability: ArrayLike,
    *,
    seed: int,
    score: ArrayLike | None = None,
    covariates: Mapping[str, ArrayLike] | None = None,
    limits: Limits | None = None,
) -> Reference:
    """A reference from labelled rows, which must not be those that the model was trained on.

    Raises:
        ClinicalError: there are no rows, a label or a probability is none, or a covariate has no
            value at all.
    """
    found = calibration(outcome, probability, seed=seed)
    columns = {"score": probability if score is None else score, **(covariates or {})}
    ranges = {}
    for name, column in columns.items():
        values = _finite(column)
        if not len(values):
            raise ClinicalError(
                f"The reference has no value of {name!r}", repair="Leave that column out"
            )
        ranges[name] = (float(values.min()), float(values.max()))
    return Reference(found, fixed(ranges), limits or Limits())


def doubts(
    known: Reference,
    window: Rows,
    covariates: Mapping[str, ArrayLike],
    patients: ArrayLike | None = None,
) -> tuple[str, ...]:
    """Why an estimate for this window cannot be trusted, in words; none where nothing is seen."""
    limits, n = known.limits, len(window.probability)
    found = _of_reference(known.calibration, limits)
    if n < limits.rows:
        found.append(f"the window has {n} rows, at least {limits.rows} are needed")
    events = float(window.probability.sum())
    if (fewest := min(events, n - events)) < limits.events:
        found.append(
            f"{fewest:.1f} rows of the rarer class are expected in the window,"
            f" at least {limits.events} are needed"
        )
    if patients is not None and (persons := len(np.unique(np.asarray(patients)))) < n:
        found.append(
            f"the {n} rows are of {persons} patients: rows of one depend on each other, and the"
            " bands are too narrow"
        )
    for name, column in {"score": window.score, **covariates}.items():
        if name not in known.ranges:
            found.append(f"the reference knows nothing of {name!r}")
        elif (share := _outside(column, known.ranges[name])) > limits.outside:
            found.append(f"{share:.1%} of the window is outside the reference's range of {name!r}")
    return tuple(found)


def _of_reference(known: Calibration, limits: Limits) -> list[str]:
    found = []
    fewest = min(known.events, known.n - known.events)
    if fewest < limits.reference_events:
        found.append(
            f"the reference has {fewest} rows of the rarer class,"
            f" at least {limits.reference_events} are needed"
        )
    slope, intercept = known.slope, known.intercept
    for name, value, ideal, limit in (
        ("slope", slope, 1.0, limits.slope),
        ("intercept", intercept, 0.0, limits.intercept),
    ):
        if value.value is None or value.lower is None or value.upper is None:
            found.append(f"the reference's calibration {name} is unknown ({value.reason})")
        elif abs(value.value - ideal) > limit and not value.lower <= ideal <= value.upper:
            found.append(f"the reference's calibration {name} is {value}, not {ideal:g}")
    if known.error > max(limits.error, known.chance):
        found.append(f"the reference's calibration error is {known.error:.3f}")
    if known.p is not None and known.p < limits.p and _uneven(known, limits):
        found.append(f"Spiegelhalter's test refutes its calibration (p {known.p:.2g})")
    return found


def _uneven(known: Calibration, limits: Limits) -> bool:
    """Whether the misfit is large enough to matter; with many rows every one is significant."""
    slope, intercept = known.slope.value, known.intercept.value
    return (
        (slope is not None and abs(slope - 1) > limits.slope)
        or (intercept is not None and abs(intercept) > limits.intercept)
        or known.error > limits.error
    )


def _outside(column: ArrayLike, ends: tuple[float, float]) -> float:
    values = _finite(column)
    return float(((values < ends[0]) | (values > ends[1])).mean()) if len(values) else 0.0


def _finite(column: ArrayLike) -> Vector:
    """Values that are there; infinities stay, and lie outside of every finite range."""
    values = np.asarray(column, dtype=np.float64)
    return values[~np.isnan(values)]
