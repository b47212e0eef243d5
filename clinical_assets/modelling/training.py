"""Search by cross-validation on training rows only, and the fit of the one that is chosen.

The search space and the selection rule stand in the spec; nothing here sees a calibration or test
row (GML-04, GML-06). Same rows, spec and seed give the same model.
"""

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from clinical_assets.errors import ClinicalError
from clinical_assets.modelling.estimators import build_estimator, one_thread
from clinical_assets.modelling.features import apply_recipe, fit_recipe, restore_missing
from clinical_assets.modelling.records import FeatureRecipe, Trial
from clinical_assets.modelling.spec import ClinicalModel, Estimator

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class FittedModel:
    """A fitted pipeline with how it was chosen.

    Attributes:
        pipeline: scikit-learn pipeline; its input is ``spec.inputs`` in order.
        recipe: the imputation that makes these inputs.
        trials: every point of the search space, the chosen one marked.
        training: the rows it was fitted on (identifier, label and inputs).
    """

    pipeline: Any
    estimator: Estimator
    parameters: Mapping[str, float]
    recipe: FeatureRecipe
    trials: tuple[Trial, ...]
    training: pl.DataFrame


def train(spec: ClinicalModel, features: pl.DataFrame, recipe: FeatureRecipe) -> FittedModel:
    """Searches, chooses and fits on the rows of ``features`` whose role is ``train``."""
    training = features.filter(pl.col("role") == "train").drop("role")
    with one_thread():
        return _train(spec, training, recipe)


def _train(spec: ClinicalModel, training: pl.DataFrame, recipe: FeatureRecipe) -> FittedModel:
    trials = search(spec, training)
    chosen = next(trial for trial in trials if trial.chosen)
    estimator = next(e for e in spec.estimators if e.name == chosen.estimator)
    pipeline = fit(
        spec,
        training.select(spec.inputs),
        training[spec.label.column],
        estimator.kind,
        chosen.parameters,
    )
    return FittedModel(pipeline, estimator, chosen.parameters, recipe, trials, training)


def fit(
    spec: ClinicalModel,
    inputs: pl.DataFrame,
    label: pl.Series,
    kind: Any,
    parameters: Mapping[str, float],
) -> Any:
    """A pipeline of ``kind`` fitted on ``inputs`` (rows × ``spec.inputs``) and a boolean label."""
    pipeline = build_estimator(kind, parameters, spec.seed)
    return pipeline.fit(inputs.to_numpy(), label.cast(pl.Int64).to_numpy())


def search(spec: ClinicalModel, training: pl.DataFrame) -> tuple[Trial, ...]:
    """Cross-validated loss of every point of the search space; one trial is marked chosen.

    The medians are fitted anew within each fold. The standard error of a mean loss is the
    standard deviation over all folds of all repeats divided by the root of the number of folds of
    one repeat, because repeats share their rows.
    """
    from sklearn.metrics import roc_auc_score

    folds = list(_folds(spec, training))
    trials = []
    for estimator in spec.estimators:
        for parameters in _grid(estimator):
            losses, areas = [], []
            for x_fit, y_fit, x_held, y_held in folds:
                pipeline = build_estimator(estimator.kind, parameters, spec.seed).fit(x_fit, y_fit)
                probability = pipeline.predict_proba(x_held)[:, 1]
                losses.append(_loss(spec.selection.metric, y_held, probability))
                areas.append(float(roc_auc_score(y_held, probability)))
            trials.append(
                Trial(
                    estimator=estimator.name,
                    kind=estimator.kind,
                    complexity=estimator.complexity,
                    parameters=parameters,
                    loss=float(np.mean(losses)),
                    standard_error=float(np.std(losses, ddof=1) / np.sqrt(spec.selection.folds)),
                    auroc=float(np.mean(areas)),
                    chosen=False,
                )
            )
    return choose(tuple(trials), spec.selection.rule)


def choose(trials: tuple[Trial, ...], rule: str) -> tuple[Trial, ...]:
    """Marks the trial that the stated rule takes.

    ``best``: the smallest loss. ``one_standard_error``: among trials within one standard error
    of the smallest loss, the least complex family, and within it the smallest loss. A loss that
    is no number is never chosen.

    Raises:
        ClinicalError: no loss is a number.
    """
    usable = [trial for trial in trials if math.isfinite(trial.loss)]
    if not usable:
        raise ClinicalError(
            "No setting of the search space has a finite loss in cross-validation",
            where=f"{len(trials)} settings of {len({t.estimator for t in trials})} estimators",
            repair="Look at the trials in MLflow; change the search space or the features",
        )
    best = min(usable, key=lambda trial: trial.loss)
    if rule == "best":
        chosen = best
    else:
        near = [t for t in usable if t.loss <= best.loss + best.standard_error]
        chosen = min(near, key=lambda trial: (trial.complexity, trial.loss))
    return tuple(replace(trial, chosen=trial is chosen) for trial in trials)


def _grid(estimator: Estimator) -> Iterator[dict[str, float]]:
    names = list(estimator.grid)
    for values in itertools.product(*(estimator.grid[name] for name in names)):
        yield dict(zip(names, values, strict=True))


def _folds(
    spec: ClinicalModel, training: pl.DataFrame
) -> Iterator[tuple[FloatArray, NDArray[np.int64], FloatArray, NDArray[np.int64]]]:
    from sklearn.model_selection import RepeatedStratifiedKFold

    derived = restore_missing(spec, training.select(spec.inputs))
    label = training[spec.label.column].cast(pl.Int64).to_numpy()
    folds = RepeatedStratifiedKFold(
        n_splits=spec.selection.folds, n_repeats=spec.selection.repeats, random_state=spec.seed
    )
    for fit_rows, held_rows in folds.split(label.reshape(-1, 1), label):
        recipe = fit_recipe(spec, derived[fit_rows])
        yield (
            apply_recipe(derived[fit_rows], recipe, spec.inputs).to_numpy(),
            label[fit_rows],
            apply_recipe(derived[held_rows], recipe, spec.inputs).to_numpy(),
            label[held_rows],
        )


def _loss(metric: str, label: NDArray[np.int64], probability: FloatArray) -> float:
    if metric == "brier":
        return float(np.mean((probability - label) ** 2))
    clipped = np.clip(probability, 1e-15, 1 - 1e-15)
    return float(-np.mean(np.where(label == 1, np.log(clipped), np.log1p(-clipped))))
