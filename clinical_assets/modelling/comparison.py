"""Difference of one metric between two models on the same test rows.

Here: the paired bootstrap. Not here: whether the difference is acceptable (:mod:`.acceptance`).
Each replicate draws rows once and evaluates both models on them, so what the rows share cancels
(Efron and Tibshirani 1993, chapter 8; for ROC areas Hanley and McNeil 1983, Radiology 148:839).
"""

import numpy as np
from numpy.typing import ArrayLike

from clinical_assets.modelling.batch import Batch, Sample, as_vectors, problem
from clinical_assets.modelling.bootstrap import replicate_weights, too_few, with_interval
from clinical_assets.modelling.metrics import METRICS, measure
from clinical_assets.modelling.records import Estimate


def paired_difference(
    metric: str,
    outcome: ArrayLike,
    candidate: ArrayLike,
    other: ArrayLike,
    *,
    threshold: float,
    replicates: int,
    seed: int,
    minimum_events: int,
) -> Estimate:
    """Candidate minus other in ``metric``, with its percentile bootstrap 95 % interval.

    Args:
        metric: key of :data:`.metrics.METRICS`.
        outcome: shape (n,), boolean.
        candidate, other: shape (n,), probabilities of the two models for the same rows.
        threshold, replicates, seed, minimum_events: as in
            :func:`.bootstrap.bootstrap_estimates`.

    Raises:
        KeyError: no such metric.
        ValueError: the lengths differ.
    """
    formula = METRICS[metric]
    y, first = as_vectors(outcome, candidate)
    _, second = as_vectors(outcome, other)
    n, events = len(y), int(y.sum())
    for whose, probability in (("candidate", first), ("other model", second)):
        if reason := problem(y, probability):
            return Estimate(None, None, None, n, events, f"{whose}: {reason}")
    if reason := too_few(n, events, minimum_events):
        return Estimate(None, None, None, n, events, reason)
    points = [measure(metric, y, p, threshold=threshold) for p in (first, second)]
    values = [point.value for point in points]
    if values[0] is None or values[1] is None:
        reason = next(point.reason for point in points if point.value is None)
        return Estimate(None, None, None, n, events, reason)
    samples = Sample.of(y, first), Sample.of(y, second)
    differences = []
    for weights in replicate_weights(n, replicates, seed):
        a, b = (formula(Batch(sample, weights, threshold)) for sample in samples)
        differences.append(a - b)
    return with_interval(values[0] - values[1], np.concatenate(differences), n, events)
