"""Metrics of a probabilistic binary classifier, each as one formula over many weightings at once.

Here: the formulas. Not here: intervals (:mod:`.bootstrap`), curves (:mod:`.curves`), limits
(:mod:`.acceptance`). A metric takes a :class:`Batch` – the test rows and a matrix of count
weights – and gives one value for each row of the matrix, NaN where it is undefined. The value on
the test set itself is the batch with all weights 1 (:func:`measure`), so an estimate and its
bootstrap interval come from the same code. NaN never leaves :func:`measure` and the bootstrap:
they give None with a reason.

Sums run over numpy's own loops, not BLAS, so that the number of threads cannot change a bit.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from clinical_assets.modelling import recalibration
from clinical_assets.modelling.batch import Batch, Floats, Sample, as_vectors, problem

CALIBRATION_BINS = 10
MAJORITY_THRESHOLD = 0.5
# scikit-learn's log_loss clips at the machine precision of float64.
LOG_LOSS_CLIP = float(np.finfo(np.float64).eps)


Metric = Callable[[Batch], Floats]


def auroc(batch: Batch) -> Floats:
    """Area under the ROC curve: P(score of an event > score of a non-event), ties count half.

    The Mann–Whitney statistic (Hanley and McNeil 1982, Radiology 143:29).
    """
    positive, negative = batch.tied
    below = np.cumsum(negative, axis=1) - 0.5 * negative
    return _ratio((positive * below).sum(axis=1), batch.positives * batch.negatives)


def auprc(batch: Batch) -> Floats:
    """Average precision: sum over distinct probabilities of gain in recall × precision.

    No interpolation (Davis and Goadrich 2006, ICML, section 3).
    """
    positive, negative = batch.tied
    gain = positive[:, ::-1]
    hits = np.cumsum(gain, axis=1)
    called = hits + np.cumsum(negative[:, ::-1], axis=1)
    precision = np.divide(hits, called, out=np.zeros_like(hits), where=called > 0)
    value = _ratio((gain * precision).sum(axis=1), batch.positives)
    # Without negatives it is 1 whatever the model: undefined, as for every ranking metric.
    return np.where(batch.negatives > 0, value, np.nan)


def brier(batch: Batch) -> Floats:
    """Mean squared difference of probability and outcome (Brier 1950)."""
    return batch.mean((batch.sample.probability - batch.sample.outcome) ** 2)


def log_loss(batch: Batch) -> Floats:
    """Mean negative log-likelihood in nats, probabilities clipped at float64's precision."""
    y, p = batch.sample.outcome, batch.sample.probability
    given = np.where(y, p, 1.0 - p)
    return batch.mean(-np.log(np.clip(given, LOG_LOSS_CLIP, 1.0 - LOG_LOSS_CLIP)))


def calibration_slope(batch: Batch) -> Floats:
    """Slope of the logistic recalibration; below 1: predictions too extreme (Van Calster 2019)."""
    return recalibration.fit_slope(batch.sample.outcome, batch.sample.predictor, batch.weights)


def calibration_intercept(batch: Batch) -> Floats:
    """Calibration in the large: intercept with the slope fixed at 1; above 0: risk too low."""
    return recalibration.fit_intercept(batch.sample.outcome, batch.sample.predictor, batch.weights)


def expected_calibration_error(batch: Batch) -> Floats:
    """Mean absolute gap between observed and predicted share over ten quantile bins.

    Bins are cut at the deciles (linear interpolation) of each weighting's own probabilities and
    closed above, as scikit-learn's ``calibration_curve(strategy="quantile")`` cuts them (Naeini
    et al. 2015, AAAI). Resampling adds noise within bins, so the bootstrap interval lies higher
    than the estimate: read it as an upper guard.
    """
    p = batch.sample.probability
    edges = _weighted_deciles(batch)
    bins = np.zeros(batch.weights.shape, dtype=np.int64)
    for column in range(edges.shape[1]):
        bins += p > edges[:, column, None]
    replicates = len(batch.weights)
    bins += np.arange(replicates)[:, None] * CALIBRATION_BINS
    gap = np.bincount(
        bins.ravel(),
        weights=(batch.weights * (batch.sample.outcome - p)).ravel(),
        minlength=replicates * CALIBRATION_BINS,
    )
    gaps: Floats = np.abs(gap.reshape(replicates, CALIBRATION_BINS)).sum(axis=1)
    return gaps / batch.total


def sensitivity(batch: Batch) -> Floats:
    """Share of the events that are called positive at the operating threshold."""
    return _ratio(batch.called[0], batch.positives)


def specificity(batch: Batch) -> Floats:
    """Share of the non-events that are called negative at the operating threshold."""
    return _ratio(batch.negatives - batch.called[1], batch.negatives)


def ppv(batch: Batch) -> Floats:
    """Positive predictive value: share of events among those called positive."""
    hits, false_alarms = batch.called
    return _ratio(hits, hits + false_alarms)


def npv(batch: Batch) -> Floats:
    """Negative predictive value: share of non-events among those called negative."""
    hits, false_alarms = batch.called
    return _ratio(batch.negatives - false_alarms, batch.total - hits - false_alarms)


def accuracy(batch: Batch) -> Floats:
    """Share of rows classified rightly at 0.5."""
    return np.asarray((batch.total - errors(batch)) / batch.total)


def errors(batch: Batch) -> Floats:
    """Number of rows classified wrongly at 0.5."""
    hits, false_alarms = batch.called_at(MAJORITY_THRESHOLD)
    return batch.positives - hits + false_alarms


def net_benefit(batch: Batch) -> Floats:
    """True positives less false positives weighed by the threshold's odds, for each row.

    Vickers and Elkin 2006, Medical Decision Making 26:565.
    """
    hits, false_alarms = batch.called
    odds = batch.threshold / (1.0 - batch.threshold)
    return np.asarray((hits - odds * false_alarms) / batch.total)


def selection_rate(batch: Batch) -> Floats:
    """Share of the rows that are called positive at the operating threshold."""
    return np.asarray((batch.called[0] + batch.called[1]) / batch.total)


METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        metric.__name__: metric
        for metric in (
            auroc,
            auprc,
            brier,
            log_loss,
            calibration_slope,
            calibration_intercept,
            expected_calibration_error,
            sensitivity,
            specificity,
            ppv,
            npv,
            accuracy,
            errors,
            net_benefit,
            selection_rate,
        )
    }
)

# Metrics from which the cells of a 2×2 table follow by multiplying with published counts.
CONFUSION_METRICS = frozenset(
    {"sensitivity", "specificity", "ppv", "npv", "accuracy", "errors", "net_benefit"}
)
LESS_IS_BETTER = frozenset({"brier", "log_loss", "expected_calibration_error", "errors"})
# Ideal at 1 and at 0: neither more nor less is better.
TARGETED = frozenset({"calibration_slope", "calibration_intercept", "selection_rate"})


@dataclass(frozen=True, slots=True)
class Measured:
    """A metric's value on one set of rows; None with a reason where it is undefined."""

    value: float | None
    reason: str = ""


def measure(
    metric: str, outcome: ArrayLike, probability: ArrayLike, *, threshold: float = 0.5
) -> Measured:
    """One metric on the rows as they are.

    Args:
        metric: a key of :data:`METRICS`.
        outcome: shape (n,), boolean.
        probability: shape (n,), predicted probability of the event.
        threshold: operating threshold, between 0 and 1.

    Raises:
        KeyError: no such metric.
        ValueError: the lengths differ.
    """
    formula = METRICS[metric]
    y, p = as_vectors(outcome, probability)
    if reason := problem(y, p):
        return Measured(None, reason)
    sample = Sample.of(y, p)
    value = float(formula(Batch(sample, np.ones((1, len(y))), threshold))[0])
    if np.isfinite(value):
        return Measured(value)
    return Measured(None, why_undefined(metric, sample))


def why_undefined(metric: str, sample: Sample) -> str:
    """The reason for a metric that came out undefined on a usable sample."""
    if metric in ("ppv", "npv"):
        side = "at or above" if metric == "ppv" else "below"
        return f"no probability lies {side} the threshold"
    if not sample.positives:
        return "only one class: no events"
    if not sample.negatives:
        return "only one class: every row is an event"
    if metric == "calibration_slope":
        if len(sample.tie_starts) == 1:
            return "all probabilities are equal"
        if recalibration.separated(
            sample.outcome, sample.predictor, np.ones((1, len(sample.outcome)))
        )[0]:
            return "the probabilities separate the classes: no finite slope exists"
    return "the fit did not converge"


def _ratio(above: Any, below: Any) -> Floats:
    undefined = np.full(np.shape(above), np.nan)
    return np.asarray(np.divide(above, below, out=undefined, where=below > 0), dtype=np.float64)


def _weighted_deciles(batch: Batch) -> Floats:
    """Inner deciles of the weighted probabilities, shape (k, 9), as ``numpy.percentile`` gives.

    The i-th smallest of a replicate is the first row whose cumulated count exceeds i.
    """
    p = batch.sample.probability
    cumulated = np.cumsum(batch.weights, axis=1)
    edges = np.empty((len(batch.weights), CALIBRATION_BINS - 1))
    for column, share in enumerate(np.linspace(0.0, 1.0, CALIBRATION_BINS + 1)[1:-1]):
        position = share * (batch.total - 1.0)
        lower = np.floor(position)
        low = p[(cumulated <= lower[:, None]).sum(axis=1)]
        upper = np.minimum(lower + 1.0, batch.total - 1.0)
        high = p[(cumulated <= upper[:, None]).sum(axis=1)]
        edges[:, column] = low + (high - low) * (position - lower)
    return edges
