"""Logistic recalibration of predicted probabilities, batched over bootstrap replicates.

Here: the maximum-likelihood fits behind the calibration slope and the calibration intercept
(Cox 1958, Biometrika 45:562; Van Calster et al. 2019, BMC Medicine 17:230). Not here: what the
metrics are called, their intervals, or whether a slope is acceptable.

The slope is b in logit P(outcome) = a + b·logit(p); the intercept ("calibration in the large")
is a in logit P(outcome) = a + 1·logit(p). Both are fitted by Newton's method on the weighted
log-likelihood, with step halving, for all rows of a matrix of count weights at once.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]

# ONNX runtimes answer in float32, where every probability within 2⁻²⁵ of 1 becomes exactly 1 and
# its logit infinite. The clip restores the logit at float32's resolution. A wrong prediction of
# exactly 0 or 1 still weighs with a logit of ±16.6.
PROBABILITY_CLIP = 2.0**-24
MAXIMUM_STEPS = 60
TOLERANCE = 1e-10
ROUNDING = 1e-7
# Below this, a probability under the trial parameters counts as zero: log(1e-300) stays finite.
SMALLEST = 1e-300


def linear_predictor(probability: Floats) -> Floats:
    """Logit of the probabilities, shape (n,), clipped to the resolution of float32."""
    clipped = np.clip(probability, PROBABILITY_CLIP, 1.0 - PROBABILITY_CLIP)
    return np.asarray(np.log(clipped) - np.log1p(-clipped), dtype=np.float64)


def fit_intercept(outcome: Booleans, predictor: Floats, weights: Floats) -> Floats:
    """Calibration intercept with the slope fixed at 1, one for each row of ``weights``.

    Args:
        outcome: shape (n,), True where the event happened.
        predictor: shape (n,), logit of the predicted probability.
        weights: shape (k, n), how often each row counts.

    Returns:
        Shape (k,); NaN where a replicate holds only one class.
    """
    result = np.full(len(weights), np.nan)
    usable = _both_classes(outcome, weights)
    design = [np.ones(len(outcome))]
    result[usable] = _newton(outcome, predictor, design, weights[usable])[:, 0]
    return result


def fit_slope(outcome: Booleans, predictor: Floats, weights: Floats) -> Floats:
    """Calibration slope, one for each row of ``weights``; shapes as in :func:`fit_intercept`.

    Returns:
        Shape (k,); NaN where a replicate holds only one class, where its probabilities are all
        equal, or where they separate the classes, so that no finite estimate exists (Albert and
        Anderson 1984, Biometrika 71:1).
    """
    result = np.full(len(weights), np.nan)
    usable = _both_classes(outcome, weights) & ~separated(outcome, predictor, weights)
    if not usable.any():
        return result
    centre, scale = float(predictor.mean()), float(predictor.std())
    design = [np.ones(len(outcome)), (predictor - centre) / scale]
    offset = np.zeros(len(outcome))
    result[usable] = _newton(outcome, offset, design, weights[usable])[:, 1] / scale
    return result


def separated(outcome: Booleans, predictor: Floats, weights: Floats) -> Booleans:
    """Whether one cut of the predictor splits the classes (ties at the cut allowed).

    A constant predictor counts as separated: it has no slope either. Shape (k,).
    """
    lowest, highest = [], []
    for group in (outcome, ~outcome):
        present, values = weights[:, group] > 0, predictor[group]
        lowest.append(np.where(present, values, np.inf).min(axis=1, initial=np.inf))
        highest.append(np.where(present, values, -np.inf).max(axis=1, initial=-np.inf))
    return np.asarray((lowest[0] >= highest[1]) | (highest[0] <= lowest[1]), dtype=np.bool_)


def _both_classes(outcome: Booleans, weights: Floats) -> Booleans:
    positives = weights[:, outcome].sum(axis=1)
    return np.asarray((positives > 0) & (positives < weights.sum(axis=1)), dtype=np.bool_)


def _newton(outcome: Booleans, offset: Floats, design: list[Floats], weights: Floats) -> Floats:
    """Coefficients, shape (k, len(design)); NaN where the iteration did not converge."""
    result = np.full((len(weights), len(design)), np.nan)
    active = np.arange(len(weights))
    beta = np.zeros((len(weights), len(design)))
    step = np.zeros_like(beta)
    best = np.full(len(weights), -np.inf)
    for _ in range(MAXIMUM_STEPS):
        if not len(active):
            break
        trial = beta + step
        likelihood, proposal = _evaluate(outcome, offset, design, weights, trial)
        accepted = likelihood >= best - TOLERANCE * (1.0 + np.abs(likelihood))
        beta = np.where(accepted[:, None], trial, beta)
        best = np.where(accepted, likelihood, best)
        step = np.where(accepted[:, None], proposal, step / 2.0)
        # Newton converges quadratically: the step about to be taken bounds the error left.
        small = np.abs(step).max(axis=1) <= TOLERANCE * (1.0 + np.abs(beta).max(axis=1))
        finished = accepted & small
        result[active[finished]] = (beta + step)[finished]
        keep = ~finished & np.isfinite(step).all(axis=1)
        if not keep.all():
            active, weights = active[keep], weights[keep]
            beta, step, best = beta[keep], step[keep], best[keep]
    # Where classes are nearly separated rounding keeps the steps above the tolerance for ever.
    near = np.abs(step).max(axis=1) <= ROUNDING * (1.0 + np.abs(beta).max(axis=1))
    result[active[near]] = beta[near]
    return result


def _evaluate(
    outcome: Booleans, offset: Floats, design: list[Floats], weights: Floats, beta: Floats
) -> tuple[Floats, Floats]:
    """Log-likelihood, shape (k,), and the Newton step, shape (k, d), at ``beta``."""
    eta = np.broadcast_to(offset, weights.shape).copy()
    for index, column in enumerate(design):
        eta += beta[:, index, None] * column
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        mean = 1.0 / (1.0 + np.exp(-eta))
        fitted = np.where(outcome, mean, 1.0 - mean)
        likelihood = (weights * np.log(np.maximum(fitted, SMALLEST))).sum(axis=1)
        residual = weights * (outcome - mean)
        curvature = weights * (mean * (1.0 - mean))
        # einsum without BLAS: the same sums whatever the number of threads.
        gradient = [np.einsum("kn,n->k", residual, column) for column in design]
        if len(design) == 1:
            return likelihood, (gradient[0] / curvature.sum(axis=1))[:, None]
        a = np.einsum("kn,n->k", curvature, design[0] * design[0])
        b = np.einsum("kn,n->k", curvature, design[0] * design[1])
        c = np.einsum("kn,n->k", curvature, design[1] * design[1])
        determinant = a * c - b * b
        first = (c * gradient[0] - b * gradient[1]) / determinant
        second = (a * gradient[1] - b * gradient[0]) / determinant
    return likelihood, np.stack([first, second], axis=1)
