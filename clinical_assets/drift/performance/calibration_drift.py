"""Whether calibration changed between labelled reference and labelled current rows.

Differences are current less reference. Those of slope and intercept have Wald intervals (the two
samples are independent, so their variances add); that of the calibration error has a bootstrap
interval, both samples resampled, which lies too high by the noise that resampling adds to an error:
where it excludes 0 from above, read it with ``error_by_chance`` of both sides.

Rows with only events, or with none, have no finite intercept; all the same they may refute the
probabilities. If the rows were calibrated as the other side is, that would have the probability
prod(p') of only events and prod(1 - p') of none, p' being their probabilities moved on the logit
scale by that end of the other side's intercept interval which makes it the likelier; where the
other side has only the opposite, that end is where its own labels have the probability of 2.5 %.
"""

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from clinical_assets.drift.performance.calibration import (
    Calibration,
    calibration,
    calibration_error,
    logits,
)
from clinical_assets.drift.performance.resampled import REPLICATES
from clinical_assets.drift.performance.rows import Value, labels, probabilities

SURPRISE = 0.025  # chance of a side's labels below which they contradict the other side
_WIDER = 2.2414 / 1.9600  # normal quantiles of 97.5 % and of 95 %, both sides


@dataclass(frozen=True, slots=True)
class OneKind:
    """A side with only events, or with none, while the other has both.

    Attributes:
        side: "reference" or "current".
        events, n, expected: of that side; the events expected are the sum of its probabilities.
        chance: probability of that, at most, if it were calibrated as the other side is.
    """

    side: Literal["reference", "current"]
    events: int
    n: int
    expected: float
    chance: float

    @property
    def changed(self) -> bool:
        """Whether chance does not explain it: below 2.5 %, as beyond one end of an interval."""
        return self.chance < SURPRISE

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {name: getattr(self, name) for name in self.__slots__} | {"changed": self.changed}

    def explain(self) -> str:
        """The verdict and what it rests on."""
        side, other = ("current", "reference")[:: 1 if self.side == "current" else -1]
        seen = (
            f"The {side} rows have {self.events or 'no'} events in {self.n}, where their"
            f" probabilities foretell {self.expected:.1f}; calibrated as the {other} rows are,"
            f" they would by chance in at most {self.chance:.2g} of such samples."
        )
        if not self.changed:
            return f"Chance may explain the difference in calibration. {seen}"
        wrong = "low" if self.events else "high"
        return f"Calibration changed: the risks of the {side} rows are too {wrong}. {seen}"


@dataclass(frozen=True, slots=True)
class CalibrationDrift:
    """Calibration before and now.

    The verdict asks of slope and intercept at once, so that each has half of the 5 % in which
    chance may be taken for a change; the intervals that are shown are of each alone.

    Attributes:
        slope, intercept, error: current less reference, with 95 % intervals.
        one_kind: what a side that has only events, or none, says; None where both sides have
            both, both have only the same, or the other's intercept is unknown.
    """

    reference: Calibration
    current: Calibration
    slope: Value
    intercept: Value
    error: Value
    one_kind: OneKind | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        names = ("reference", "current", "slope", "intercept", "error")
        found = {name: getattr(self, name).to_dict() for name in names}
        return found | {"one_kind": self.one_kind.to_dict() if self.one_kind else None}

    def explain(self) -> str:
        """What changed beyond chance, then the numbers."""
        changed = [
            f"{name} by {value}"
            for name, value in (("the slope", self.slope), ("the intercept", self.intercept))
            if _beyond_chance(value)
        ]
        known = any(v.lower is not None for v in (self.slope, self.intercept))
        said = "Whether slope or intercept changed cannot be told from these rows."
        if self.one_kind:
            said = self.one_kind.explain()
        elif changed:
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
        _one_kind(before, now, sides),
    )


def _one_kind(before: Calibration, now: Calibration, sides: list[Any]) -> OneKind | None:
    lone = [not 0 < side.events < side.n for side in (before, now)]
    alike = all(lone) and bool(before.events) == bool(now.events)
    if alike or not any(lone):
        return None
    mine, other = (now, before) if lone[1] else (before, now)
    p = sides[lone[1]][1]
    # The end of the interval that the lone side contradicts the least.
    end = other.intercept.upper if mine.events else other.intercept.lower
    if all(lone):
        end = _limit(sides[0][1], events=bool(before.events))
    if end is None:
        return None
    moved = logits(p) + end
    log_chance = -float(np.logaddexp(0, -moved if mine.events else moved).sum())
    return OneKind(
        "current" if lone[1] else "reference",
        *(mine.events, mine.n, float(p.sum()), math.exp(log_chance)),
    )


def _limit(p: Any, *, events: bool) -> float:
    """The intercept at which only events, or none, are as improbable as SURPRISE."""
    from scipy.optimize import brentq

    sign, x = (-1 if events else 1), logits(p)
    wanted = math.log(SURPRISE)
    return float(brentq(lambda a: np.logaddexp(0, sign * (x + a)).sum() + wanted, -1e3, 1e3))


def _difference(before: Value, now: Value) -> Value:
    if before.value is None or now.value is None:
        return Value(None, reason=before.reason or now.reason)
    halves = [((v.upper or 0) - (v.lower or 0)) / 2 for v in (before, now)]
    value, half = now.value - before.value, math.hypot(*halves)
    return Value(value, value - half, value + half)


def _beyond_chance(value: Value) -> bool:
    if value.value is None or value.lower is None or value.upper is None:
        return False
    return abs(value.value) > _WIDER * (value.upper - value.lower) / 2


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
