"""What was estimated without labels, held against the labels when they came.

Each band is that of one measure alone. Of all measures together one is outside more often, in about
one of seven unchanged windows at 95 %, so the verdict on the window does not count bands. It takes
the realised value that lies deepest in a tail of its own distribution and asks how often labels
drawn with the estimated probabilities lie as deep in any measure (the least p-value, adjusted over
dependent measures as in Westfall and Young 1993, Resampling-Based Multiple Testing). With the
realised labels among the drawn this is exact: at 95 % five in a hundred unchanged windows fail. The
record over windows asks of each measure how often it was outside, and whether the estimates lean to
one side.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from clinical_assets.drift.performance.cbpe import DRAWS, Estimated, label_draws
from clinical_assets.drift.performance.formulas import FORMULAS
from clinical_assets.drift.performance.resampled import bootstrapped
from clinical_assets.drift.performance.rows import Rows, Value, Vector, fixed, labels, rows
from clinical_assets.errors import ClinicalError

SURPRISE = 0.05  # chance of as many windows outside, below which the record does not hold
_FEWEST, _LABELS = 199, 20_000_000
CLEAR = 0.01  # chance of one window below which no other window is waited for


@dataclass(frozen=True, slots=True)
class Reconciled:
    """One window with its labels.

    Attributes:
        realised: by measure, with bootstrap intervals.
        outside: measures whose realised value lies outside of the band, in the estimate's order.
        chance: probability that a measure lies as deep in a tail, over all measures together, if
            the probabilities are right and the rows independent.
    """

    estimate: Estimated
    realised: Mapping[str, Value]
    outside: tuple[str, ...]
    chance: float

    @property
    def holds(self) -> bool:
        """Whether chance explains all measures together, at the confidence of the estimate."""
        return self.chance > 1 - self.estimate.confidence

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
            "chance": self.chance,
            "holds": self.holds,
        }

    def explain(self) -> str:
        """The verdict, then each measure."""
        name = f"{self.estimate.window}: " if self.estimate.window else ""
        lines = [
            f"{key}: estimated {self.estimate.values[key]}, realised {value}"
            for key, value in self.realised.items()
        ]
        return "\n".join([name + self._verdict(), *lines])

    def _verdict(self) -> str:
        rarity = f"over all measures together, chance {self.chance:.2g}"
        beyond = f"{', '.join(self.outside)} beyond the band of one measure alone; "
        if not self.outside:
            beyond = "every realised value lies in its band; "
        if self.holds:
            return f"the estimate holds: {beyond}{rarity}."
        something = "Something" if self.chance < CLEAR else "If that goes on, something"
        return (
            f"the estimate does not hold: {beyond}{rarity}. {something} that it"
            " rests on is not so: the calibration, the relation of inputs and outcome (drift of"
            " concept), or that rows do not depend on each other."
        )


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
        seed: of the resampling, and of the labels drawn for the verdict.

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
    return Reconciled(estimate, fixed(realised), tuple(outside), _chance(found, y, seed))


def _chance(found: Rows, y: Any, seed: int) -> float:
    """Share of label vectors, drawn and realised, that lie as deep in a tail as the realised."""
    # Fewer of long windows, whose every draw costs much; what is exact stays so.
    draws = max(_FEWEST, min(DRAWS, _LABELS // len(y)))
    blocks = itertools.chain([y[None]], label_draws(found.probability, draws, seed))
    values = np.hstack([[FORMULAS[name](found, b) for name in FORMULAS] for b in blocks])
    depth = np.min([_tail(row) for row in values], axis=0)
    return float(np.mean(depth <= depth[0]))


def _tail(values: Vector) -> Vector:
    """How many of the values lie at or beyond each, on its nearer side; most where undefined."""
    rounded = np.round(values, 12)  # equal counts give one value
    defined = np.isfinite(rounded)
    ordered = np.sort(rounded[defined])
    upto = np.searchsorted(ordered, rounded, "right")
    onwards = len(ordered) - np.searchsorted(ordered, rounded, "left")
    return np.where(defined, np.minimum(upto, onwards), len(values)).astype(np.float64)


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
