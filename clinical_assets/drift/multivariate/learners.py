"""Classifiers that learn which side a row is of, and score rows by it."""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from clinical_assets.drift.multivariate.usable import Matrix

Learner = Literal["boosting", "logistic"]
Scorer = Callable[[Matrix], Matrix]
_SHOWN = 20


def fitted(
    learner: Learner,
    values: Matrix,
    current: NDArray[np.bool_],
    levels: NDArray[np.bool_],
    seed: int,
) -> Scorer:
    """A function from rows to scores, higher where a row looks like the current data.

    Boosting (Friedman 2001, on histograms) sees interactions and treats missing as a value of its
    own; logistic regression sees each column's shift, with a column for what is missing.
    """
    if learner == "logistic":
        return _logistic(values, current, levels)
    from sklearn.ensemble import HistGradientBoostingClassifier

    model: Any = HistGradientBoostingClassifier(
        max_iter=80,
        learning_rate=0.1,
        max_leaf_nodes=15,
        l2_regularization=1.0,
        early_stopping=False,
        categorical_features=levels,
        random_state=seed,
    )
    # A column without a value among the rows of the fit says nothing; scikit-learn fails on it.
    empty = np.isnan(values).all(axis=0)
    model.fit(np.where(empty, 0.0, values), current)
    return lambda rows: np.asarray(model.decision_function(np.where(empty, 0.0, rows)))


def _logistic(values: Matrix, current: NDArray[np.bool_], levels: NDArray[np.bool_]) -> Scorer:
    from sklearn.linear_model import LogisticRegression

    model: Any = LogisticRegression(max_iter=500)
    gaps = np.asarray(np.isnan(values).any(axis=0))
    model.fit(_design(values, levels, gaps), current)
    return lambda rows: np.asarray(model.decision_function(_design(rows, levels, gaps)))


def _design(values: Matrix, levels: NDArray[np.bool_], gaps: NDArray[np.bool_]) -> Matrix:
    """Ranks centred and spread to variance 1, missing as 0 with an indicator, levels one-hot."""
    missing = np.isnan(values)
    ranks = np.where(missing, 0.0, (values - 0.5) * np.sqrt(12.0))[:, ~levels]
    parts = [ranks, missing[:, gaps].astype(np.float64)]
    for column in np.flatnonzero(levels):
        parts.append((values[:, [column]] == np.arange(_SHOWN)).astype(np.float64))
    return np.hstack(parts)
