"""What was estimated without labels, held against the labels when they came.

An estimate holds where the realised value lies in its band. Of many windows some do not by chance
alone: one in twenty at 95 %. The record over windows therefore asks how many did not, and whether
the estimates lean to one side.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from clinical_assets.drift.performance.cbpe import Estimated
from clinical_assets.drift.performance.formulas import FORMULAS
from clinical_assets.drift.performance.resampled import bootstrapped
from clinical_assets.drift.performance.rows import Rows, Value, fixed, labels, rows
from clinical_assets.errors import ClinicalError

SURPRISE = 0.05  # chance of as many windows outside, below which the record does not hold


@dataclass(frozen=True, slots=True)
class Reconciled:
    """One window with its labels.

    Attributes:
        realised: by measure, with bootstrap intervals.
        outside: measures whose realised value lies outside of the band, in the estimate's order.
    """

    estimate: Estimated
    realised: Mapping[str, Value]
    outside: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether no realised value lies outside of its band."""
        return not self.outside

    def error(self, name: str) -> float | None:
        """Estimated less realised value of a measure; above 0: the estimate was too high."""
        guess, real = self.estimate.values[name].value, self.realised[name].value
        return None if guess is None or real is None else guess - real

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "estimate": self.estimate.to_dict(),
            "realised": {name: value.to_dict() for name, value in self.realised.items()},
            "error": {name: self.error(name) for name in self.realised},
            "outside": list(self.outside),
            "holds": self.holds,
        }

    def explain(self) -> str:
        """The verdict, then each measure."""
        name = f"{self.estimate.window}: " if self.estimate.window else ""
        verdict = "the estimate holds: every realised value lies in its band."
        if self.outside:
            named = ", ".join(self.outside)
            chance = f"{1 - self.estimate.confidence:.0%}"
            verdict = f"{named} lie outside of their bands. "
            verdict += (
                f"Chance does that to each measure in {chance} of windows: see whether it goes on."
                if 2 * len(self.outside) < len(self.realised)
                else "The estimate does not hold. Something that it rests on is not so: the"
                " calibration, the relation of inputs and outcome (drift of concept), or that rows"
                " do not depend on each other."
            )
        lines = [
            f"{key}: estimated {self.estimate.values[key]}, realised {value}"
            for key, value in self.realised.items()
        ]
        return "\n".join([name + verdict, *lines])


def reconciled(
    estimate: Estimated,
    outcome: ArrayLike,
    probability: ArrayLike,
    *,
    seed: int,
    score: ArrayLike | None = None,
) -> Reconciled:
    """Holds an estimate against the labels of the same rows.

    Labels of a part of the window serve too, if chance chose the part: give :func:`.estimated` the
    same part. Labels that come sooner for those who fall ill are no such part.

    Args:
        outcome: labels, shape (n,).
        probability, score: as the estimate was made from.
        seed: of the resampling.

    Raises:
        ClinicalError: the rows are not those of the estimate, or a label is none.
    """
    found = rows(probability, estimate.threshold, score)
    y = labels(outcome, len(found.probability)).astype(np.float64)
    expected = float(found.probability.sum())
    if len(y) != estimate.n or not np.isclose(expected, estimate.expected_events):
        raise ClinicalError(
            "The labelled rows are not those of the estimate",
            repair="Estimate the labelled rows by themselves and reconcile that",
            where=estimate.window,
        )
    realised = {
        name: _realised(name, found, y, estimate.confidence, seed) for name in estimate.values
    }
    outside = [n for n, v in realised.items() if _is_outside(v.value, estimate.values[n])]
    return Reconciled(estimate, fixed(realised), tuple(outside))


def _realised(name: str, found: Rows, y: Any, confidence: float, seed: int) -> Value:
    def measure(chosen: Any) -> float | None:
        part = Rows(found.probability[chosen], found.score[chosen], found.called[chosen])
        value = float(FORMULAS[name](part, y[None, chosen])[0])
        return value if np.isfinite(value) else None

    everyone = np.arange(len(y))
    return bootstrapped(measure(everyone), measure, len(y), confidence=confidence, seed=seed)


def _is_outside(value: float | None, band: Value) -> bool:
    if value is None or band.lower is None or band.upper is None:
        return False
    return not band.lower - 1e-12 <= value <= band.upper + 1e-12


@dataclass(frozen=True, slots=True)
class Track:
    """How one measure's estimates did over the windows that have labels.

    Attributes:
        windows: in which both values are known.
        outside: in how many the realised value was outside of the band.
        chance: of at least as many, if the bands are right.
        bias: mean of estimated less realised.
    """

    measure: str
    windows: int
    outside: int
    chance: float
    bias: float

    @property
    def holds(self) -> bool:
        """Whether chance explains how many were outside."""
        return self.chance >= SURPRISE

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        values = {name: getattr(self, name) for name in self.__slots__}
        return values | {"holds": self.holds}

    def explain(self) -> str:
        """One sentence."""
        verdict = "the estimates hold" if self.holds else "the estimates do not hold"
        lean = "too high" if self.bias > 0 else "too low"
        return (
            f"{self.measure}: {verdict}, {self.outside} of {self.windows} windows outside of the"
            f" band (chance of that {self.chance:.2g}), on average {abs(self.bias):.3f} {lean}."
        )


def record(windows: Sequence[Reconciled]) -> list[Track]:
    """The running record, one entry for each measure.

    Raises:
        ClinicalError: the windows have bands of different confidence.
    """
    confidences = {window.estimate.confidence for window in windows}
    if len(confidences) > 1:
        raise ClinicalError(
            "The windows have bands of different confidence", repair="Estimate them alike"
        )
    return [track for name in FORMULAS if (track := _track(name, windows, confidences))]


def _track(name: str, windows: Sequence[Reconciled], confidences: set[float]) -> Track | None:
    from scipy.special import bdtrc

    both = [w for w in windows if w.error(name) is not None]
    if not both:
        return None
    outside = sum(name in w.outside for w in both)
    (confidence,) = confidences
    chance = 1.0 if not outside else float(bdtrc(outside - 1, len(both), 1 - confidence))
    bias = float(np.mean([w.error(name) for w in both]))
    return Track(name, len(both), outside, chance, bias)
