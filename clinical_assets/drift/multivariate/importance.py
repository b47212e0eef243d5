"""Which columns a classifier of reference and current goes by: how far its area falls when a
column's cells are dealt to the rows anew, on rows that it was not fitted to (Breiman 2001;
Fisher, Rudin and Dominici 2019).

Columns that go together hide each other: scramble one and the classifier reads the other. So
columns whose values or whose gaps are closely correlated form a group that is scrambled as one,
and groups are what is ranked. What a column's missing values tell is kept apart from its values:
first the present values are dealt anew among the rows that have one, then the cells with their
gaps; what the second takes away beyond the first is the gaps' part.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from clinical_assets.drift.multivariate.auc import area
from clinical_assets.drift.multivariate.learners import Scorer
from clinical_assets.drift.multivariate.usable import Matrix

TOGETHER = 0.7


class Fold(NamedTuple):
    """A classifier and the rows that it was not fitted to."""

    scorer: Scorer
    values: Matrix
    current: NDArray[np.bool_]


class Falls(NamedTuple):
    """Falls of the area, each of shape (folds, columns or groups)."""

    values: Matrix
    cells: Matrix
    groups: Matrix


def groups_of(values: Matrix, levels: NDArray[np.bool_]) -> list[list[int]]:
    """Columns whose ranks, or whose gaps, have pairwise an absolute correlation of 0.7 or more.

    Complete linkage: all pairs of a group are that close. The columns of levels are compared by
    their gaps only.
    """
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    if values.shape[1] == 1:
        return [[0]]
    missing = np.isnan(values)
    near = np.maximum(_correlations(np.where(levels, np.nan, values)), _correlations(missing))
    distance = np.clip(1.0 - near, 0.0, 1.0)
    np.fill_diagonal(distance, 0.0)
    tree = linkage(squareform(distance, checks=False), "complete")
    labels = fcluster(tree, 1.0 - TOGETHER, "distance")
    return [np.flatnonzero(labels == label).tolist() for label in dict.fromkeys(labels)]


def falls(folds: list[Fold], groups: list[list[int]], seed: int) -> Falls:
    """How far the area falls, in each fold, for each column and each group."""
    number = folds[0].values.shape[1]
    found = Falls(*(np.zeros((len(folds), k)) for k in (number, number, len(groups))))
    for row, fold in enumerate(folds):
        rng = np.random.default_rng([seed, row])
        whole = _area(fold, fold.values)
        for column in range(number):
            missing = np.isnan(fold.values[:, column])
            if missing.any() and not missing.all():
                scrambled = _among_present(fold.values, column, ~missing, rng)
                found.values[row, column] = whole - _area(fold, scrambled)
            found.cells[row, column] = whole - _area(fold, _dealt(fold.values, [column], rng))
            if not missing.any():
                found.values[row, column] = found.cells[row, column]
        for place, group in enumerate(groups):
            if len(group) == 1:
                found.groups[row, place] = found.cells[row, group[0]]
            else:
                found.groups[row, place] = whole - _area(fold, _dealt(fold.values, group, rng))
    return found


def _area(fold: Fold, values: Matrix) -> float:
    scores = fold.scorer(values)
    return area(scores[~fold.current], scores[fold.current])


def _dealt(values: Matrix, columns: list[int], rng: np.random.Generator) -> Matrix:
    scrambled = values.copy()
    scrambled[:, columns] = values[rng.permutation(len(values))][:, columns]
    return scrambled


def _among_present(
    values: Matrix, column: int, present: NDArray[np.bool_], rng: np.random.Generator
) -> Matrix:
    scrambled = values.copy()
    scrambled[present, column] = rng.permutation(values[present, column])
    return scrambled


def _correlations(values: Matrix | NDArray[np.bool_]) -> Matrix:
    """Absolute correlations over the rows that have both; 0 where there is none."""
    present = ~np.isnan(values)
    some = present.astype(np.float64)
    filled = np.where(present, np.asarray(values, dtype=np.float64), 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        count = some.T @ some
        mean = filled.T @ some / count
        covariance = filled.T @ filled / count - mean * mean.T
        variance = (filled**2).T @ some / count - mean**2
        found = np.abs(covariance) / np.sqrt(variance * variance.T)
        usable = (count >= 10) & (variance > 1e-9) & (variance.T > 1e-9)
    return np.where(usable, np.nan_to_num(found), 0.0)
