"""Percentile bootstrap intervals for all metrics at once.

Here: the drawing of replicates and the reading of intervals. Not here: the metrics
(:mod:`.metrics`) and the paired difference (:mod:`.comparison`).

Rows are resampled with replacement from the whole test set, not within events and non-events.
The bootstrap has to repeat the sampling that gave the data (Efron and Tibshirani 1993, chapters
6 and 8): the test set is a cohort in which the number of events is itself an outcome of chance,
and PPV, NPV, Brier score and net benefit depend on it. Resampling within classes would describe
a case-control sample and give these metrics intervals that are too narrow.

A replicate is a row of counts that sum to n. Each metric is evaluated for a block of replicates
at a time, so memory stays bounded however many rows the test set has. Where more than 1 % of the
replicates leave a metric undefined, no interval is given: what was left out would bias it.
"""

import hashlib
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import ArrayLike

from clinical_assets.modelling.batch import Batch, Booleans, Floats, Sample, as_vectors, problem
from clinical_assets.modelling.metrics import METRICS, measure
from clinical_assets.modelling.records import Estimate

PERCENTILES = (2.5, 97.5)
MAXIMUM_UNDEFINED = 0.01
# Cells of one block of counts: large enough for numpy to be fast, small enough for the cache.
BLOCK_CELLS = 65_536


def derive_seed(seed: int, name: str) -> int:
    """A 64-bit seed for one named random step, so that no two steps share their draws."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{name}".encode()).digest()[:8], "big")


def replicate_weights(rows: int, replicates: int, seed: int) -> Iterator[Floats]:
    """Blocks of bootstrap counts, each of shape (k, rows); the draws do not depend on k."""
    generator = np.random.default_rng(seed)
    block = max(1, BLOCK_CELLS // rows)
    for start in range(0, replicates, block):
        size = min(block, replicates - start)
        drawn = generator.integers(0, rows, size=(size, rows))
        drawn += np.arange(size)[:, None] * rows
        counts = np.bincount(drawn.ravel(), minlength=size * rows)
        yield counts.reshape(size, rows).astype(np.float64)


def bootstrap_estimates(
    outcome: ArrayLike,
    probability: ArrayLike,
    *,
    threshold: float,
    replicates: int,
    seed: int,
    minimum_events: int,
    metrics: Iterable[str] = tuple(METRICS),
) -> dict[str, Estimate]:
    """Each metric with its percentile bootstrap 95 % interval.

    Args:
        outcome: shape (n,), boolean.
        probability: shape (n,), predicted probability of the event.
        threshold: operating threshold.
        replicates: number of bootstrap replicates.
        seed: of the draws.
        minimum_events: least number of events, and of non-events, for any value to be given.
        metrics: keys of :data:`.metrics.METRICS`.

    Returns:
        An estimate for each metric. Without a value its reason says why; with a value but
        without an interval its reason says why there is none.
    """
    y, p = as_vectors(outcome, probability)
    names = tuple(metrics)
    n, events = len(y), int(y.sum())
    reason = problem(y, p) or too_few(n, events, minimum_events)
    if reason:
        return dict.fromkeys(names, Estimate(None, None, None, n, events, reason))
    sample = Sample.of(y, p)
    draws: dict[str, list[Floats]] = {name: [] for name in names}
    for weights in replicate_weights(n, replicates, seed):
        batch = Batch(sample, weights, threshold)
        for name in names:
            draws[name].append(METRICS[name](batch))
    estimates = {}
    for name in names:
        point = measure(name, y, p, threshold=threshold)
        if point.value is None:
            estimates[name] = Estimate(None, None, None, n, events, point.reason)
        else:
            estimates[name] = with_interval(point.value, np.concatenate(draws[name]), n, events)
    return estimates


def bootstrap_proportion(
    success: ArrayLike,
    outcome: ArrayLike,
    *,
    replicates: int,
    seed: int,
    minimum_events: int,
) -> Estimate:
    """Share of rows where ``success`` holds, with its interval; arguments as above."""
    hit = np.asarray(success, dtype=np.bool_)
    y: Booleans = np.asarray(outcome, dtype=np.bool_)
    n, events = len(y), int(y.sum())
    reason = "" if n else "no rows"
    reason = reason or too_few(n, events, minimum_events)
    if reason:
        return Estimate(None, None, None, n, events, reason)
    shares = [w[:, hit].sum(axis=1) / n for w in replicate_weights(n, replicates, seed)]
    return with_interval(float(hit.sum() / n), np.concatenate(shares), n, events)


def too_few(rows: int, events: int, minimum_events: int) -> str:
    """Why the evidence is too small for any metric; empty where it is enough."""
    if min(events, rows - events) >= minimum_events:
        return ""
    return (
        f"too little evidence: {events} events and {rows - events} non-events, "
        f"at least {minimum_events} of each are needed"
    )


def with_interval(value: float, replicates: Floats, n: int, events: int) -> Estimate:
    """The estimate with the percentiles of its replicates (NaN: undefined there)."""
    defined = replicates[np.isfinite(replicates)]
    undefined = len(replicates) - len(defined)
    if not len(defined) or undefined > MAXIMUM_UNDEFINED * len(replicates):
        reason = f"no interval: undefined in {undefined} of {len(replicates)} replicates"
        return Estimate(value, None, None, n, events, reason)
    lower, upper = np.percentile(defined, PERCENTILES)
    return Estimate(value, float(lower), float(upper), n, events)
