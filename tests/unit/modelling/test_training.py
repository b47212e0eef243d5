"""Search, selection and the published figures."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from clinical_assets.diabetes.spec import MODEL
from clinical_assets.modelling.candidate import Candidate, train_candidate
from clinical_assets.modelling.estimators import build_estimator
from clinical_assets.modelling.records import FeatureRecipe, Trial
from clinical_assets.modelling.references import reference_predictions
from clinical_assets.modelling.spec import Estimator, SelectionRule
from clinical_assets.modelling.training import choose, search


def trial(name: str, complexity: int, loss: float, error: float = 0.1) -> Trial:
    return Trial(name, "logistic_regression", complexity, {}, loss, error, 0.8, False)


def test_ripleys_figures_are_reproduced(dataset: pl.DataFrame, split: pl.DataFrame) -> None:
    """66 and 67 errors on the 332 test rows, trained on the 200 complete ones (Ripley 1996)."""
    truth = dataset.filter(pl.col("partition") == "test")["diabetes"].to_numpy()
    found = {r.reference.name: r for r in reference_predictions(MODEL, dataset, split)}
    for name, errors in (("logistic regression", 66), ("linear discriminant", 67)):
        reference = found[f"{name}, 200 complete rows"]
        assert reference.rows == 200
        assert reference.reference.published_errors == errors
        assert np.sum((reference.probabilities >= 0.5) != truth) == errors
    assert found["logistic regression, all 300 rows"].rows == 300


def test_one_standard_error_takes_the_simplest_that_is_near() -> None:
    trials = (trial("plain", 1, 0.55), trial("middle", 2, 0.52), trial("best", 3, 0.50))
    chosen = [t.estimator for t in choose(trials, "one_standard_error") if t.chosen]
    assert chosen == ["plain"]
    assert [t.estimator for t in choose(trials, "best") if t.chosen] == ["best"]


def test_one_standard_error_leaves_out_what_is_far() -> None:
    trials = (trial("plain", 1, 0.65), trial("middle", 2, 0.52), trial("best", 3, 0.50))
    chosen = [t.estimator for t in choose(trials, "one_standard_error") if t.chosen]
    assert chosen == ["middle"]


def test_exactly_one_trial_is_chosen_even_among_equals() -> None:
    twins = (trial("a", 1, 0.5), trial("a", 1, 0.5))
    for rule in ("best", "one_standard_error"):
        assert sum(t.chosen for t in choose(twins, rule)) == 1


def test_every_point_of_the_search_space_is_tried(candidate: Candidate) -> None:
    assert len(candidate.record.trials) == 6 + 4 + 4
    assert {t.kind for t in candidate.record.trials} == {
        "logistic_regression",
        "linear_discriminant",
        "gradient_boosting",
    }


def test_calibration_and_test_rows_are_not_seen(
    features: pl.DataFrame, recipe: FeatureRecipe
) -> None:
    """Turning every other label and value around changes nothing of the search or the model."""
    spec = replace(
        MODEL,
        estimators=(Estimator("lr", "logistic_regression", 1, {"C": (0.1, 1.0)}),),
        selection=SelectionRule(folds=3, repeats=1),
    )
    other = pl.col("role") != "train"
    spoiled = features.with_columns(
        pl.when(other).then(~pl.col("diabetes")).otherwise(pl.col("diabetes")).alias("diabetes"),
        pl.when(other).then(0.0).otherwise(pl.col("glucose_mg_per_dl")).alias("glucose_mg_per_dl"),
    )
    honest = train_candidate(spec, features, recipe)
    blind = train_candidate(spec, spoiled, recipe)
    assert blind.record.trials == honest.record.trials
    assert blind.onnx == honest.onnx


def test_the_medians_are_fitted_within_each_fold(features: pl.DataFrame) -> None:
    """The losses differ from those with medians of all training rows, as they must."""
    training = features.filter(pl.col("role") == "train").drop("role")
    spec = replace(
        MODEL,
        estimators=(Estimator("lr", "logistic_regression", 1, {"C": (1.0,)}),),
        selection=SelectionRule(folds=3, repeats=1),
    )
    within = search(spec, training)[0].loss
    names = [c.name for c in spec.features if c.nullable]
    never_missing = training.with_columns(pl.lit(0.0).alias(f"{n}_missing") for n in names)
    before = search(spec, never_missing.with_columns(training[f"{n}_missing"] * 0 for n in names))
    assert within != before[0].loss


def test_unknown_parameters_and_kinds_are_refused() -> None:
    with pytest.raises(ValueError, match="does not take depth"):
        build_estimator("gradient_boosting", {"depth": 3}, 1)
    with pytest.raises(ValueError, match="no estimator of kind"):
        build_estimator("forest", {}, 1)  # type: ignore[arg-type]
