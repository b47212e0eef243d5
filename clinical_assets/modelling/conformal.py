"""Split-conformal prediction sets from given probabilities, through MAPIE.

Here: the sets (none, one or both classes) at one confidence level, and their measured coverage.
Not here: the model. The score is 1 − probability of the true class ("LAC", Sadinle et al. 2019,
JASA 114:223), calibrated on rows that neither trained nor selected the model. Coverage is then at
least the confidence on average over calibration and test sets (Vovk et al. 2005; Angelopoulos
and Bates 2023, Foundations and Trends in ML 16:494); for one calibration set of n rows it varies
by about the square root of confidence·(1 − confidence)/n. It holds for the population as a whole,
not within a subgroup.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from clinical_assets.modelling.batch import Booleans, Floats, Integers, as_vectors, problem
from clinical_assets.modelling.bootstrap import bootstrap_proportion
from clinical_assets.modelling.records import ConformalResult, Estimate


class GivenProbabilities:
    """A fitted classifier for MAPIE whose only feature is the probability itself."""

    classes_: Integers = np.array([0, 1])

    def fit(self, X: Floats, y: Integers) -> "GivenProbabilities":
        """Nothing to learn; scikit-learn's protocol asks for the method."""
        return self

    def predict_proba(self, X: Any) -> Floats:
        """Shape (n, 2): probability of no event and of the event."""
        probability = np.asarray(X, dtype=np.float64)[:, 0]
        return np.column_stack([1.0 - probability, probability])

    def predict(self, X: Any) -> Integers:
        """Shape (n,): the likelier class."""
        return np.asarray(self.predict_proba(X).argmax(axis=1), dtype=np.int64)


def prediction_sets(
    calibration_outcome: ArrayLike,
    calibration_probability: ArrayLike,
    probability: ArrayLike,
    *,
    confidence: float,
) -> np.ndarray:
    """Which classes each row's set holds: boolean, shape (n, 2), columns no event and event.

    Raises:
        ValueError: too few calibration rows for the confidence (:func:`calibration_problem`).
    """
    from mapie.classification import SplitConformalClassifier

    y, p = as_vectors(calibration_outcome, calibration_probability)
    if reason := calibration_problem(y, p, confidence):
        raise ValueError(reason)
    conformal = SplitConformalClassifier(
        GivenProbabilities(), confidence_level=confidence, conformity_score="lac", prefit=True
    )
    conformal.conformalize(p[:, None], y.astype(np.int64))
    _, sets = conformal.predict_set(np.asarray(probability, dtype=np.float64)[:, None])
    return np.asarray(sets[:, :, 0], dtype=np.bool_)


def evaluate_sets(
    calibration_outcome: ArrayLike,
    calibration_probability: ArrayLike,
    outcome: ArrayLike,
    probability: ArrayLike,
    *,
    confidence: float,
    replicates: int,
    seed: int,
    minimum_events: int,
) -> ConformalResult:
    """Coverage on the test rows with its interval, and how many sets hold 0, 1 or 2 classes.

    Where the sets cannot be formed, the coverage is None with a reason, and so are the counts.
    """
    held_out, held_out_p = as_vectors(calibration_outcome, calibration_probability)
    y, p = as_vectors(outcome, probability)
    reason = calibration_problem(held_out, held_out_p, confidence) or problem(y, p)
    if reason:
        nothing = Estimate(None, None, None, len(y), int(y.sum()), reason)
        return ConformalResult(confidence, len(held_out), nothing, None, None, None, None)
    sets = prediction_sets(held_out, held_out_p, p, confidence=confidence)
    covered = sets[np.arange(len(y)), y.astype(np.int64)]
    coverage = bootstrap_proportion(
        covered, y, replicates=replicates, seed=seed, minimum_events=minimum_events
    )
    empty, single, both = np.bincount(sets.sum(axis=1), minlength=3)
    return ConformalResult(
        confidence,
        len(held_out),
        coverage,
        int(empty),
        int(single),
        int(both),
        least_probability(held_out, held_out_p, confidence),
    )


def least_probability(outcome: Booleans, probability: Floats, confidence: float) -> float:
    """The probability from which on a class belongs to the set.

    One minus the score of rank ⌈(n + 1)·confidence⌉ among the n calibration scores (Angelopoulos
    and Bates 2023, section 1).
    """
    scores = np.sort(1.0 - np.where(outcome, probability, 1.0 - probability))
    return 1.0 - float(scores[math.ceil((len(scores) + 1) * confidence) - 1])


def calibration_problem(outcome: np.ndarray, probability: Floats, confidence: float) -> str:
    """Why these calibration rows cannot support the confidence; empty where they can."""
    if reason := problem(outcome, probability):
        return f"calibration rows: {reason}"
    if outcome.all() or not outcome.any():
        return "calibration rows: only one class"
    needed = max(1.0 / confidence, 1.0 / (1.0 - confidence))
    if len(outcome) <= needed:
        return f"calibration rows: {len(outcome)}, more than {needed:.0f} are needed"
    return ""
