"""Search, selection and the published figures."""

import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import RepeatedStratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from clinical_assets.diabetes.spec import MODEL
from clinical_assets.errors import ClinicalError
from clinical_assets.modelling.candidate import Candidate, train_candidate
from clinical_assets.modelling.estimators import build_estimator
from clinical_assets.modelling.features import rows_with_role
from clinical_assets.modelling.records import FeatureRecipe, Trial
from clinical_assets.modelling.references import reference_predictions
from clinical_assets.modelling.spec import Estimator, SelectionRule
from clinical_assets.modelling.training import choose, search

ONE_POINT = replace(
    MODEL,
    estimators=(Estimator("lr", "logistic_regression", 1, {"C": (1.0,)}),),
    selection=SelectionRule(folds=3, repeats=2),
)


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


def losses_by_hand(training: pl.DataFrame, median_of: str = "fold") -> list[float]:
    """Log loss of each held-out fold of :data:`ONE_POINT`, from dataset rows with their nulls.

    ``median_of``: whose medians fill the nulls, the ``fold``'s own training part or ``all`` rows.
    """
    derived = MODEL.derive(training).select(c.name for c in MODEL.features)
    values = derived.cast(pl.Float64).fill_null(np.nan).to_numpy()
    gaps = np.isnan(values[:, [c.nullable for c in MODEL.features]])
    label = training["diabetes"].to_numpy()
    folds = RepeatedStratifiedKFold(n_splits=3, n_repeats=2, random_state=MODEL.seed)
    losses = []
    for fit_rows, held_rows in folds.split(values, label):
        medians = np.nanmedian(values[fit_rows] if median_of == "fold" else values, axis=0)
        x = np.column_stack([np.where(np.isnan(values), medians, values), gaps])
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=10_000, tol=1e-8))
        model.fit(x[fit_rows], label[fit_rows])
        losses.append(log_loss(label[held_rows], model.predict_proba(x[held_rows])))
    return losses


def test_the_medians_are_fitted_within_each_fold(
    dataset: pl.DataFrame, split: pl.DataFrame, features: pl.DataFrame
) -> None:
    found = search(ONE_POINT, features.filter(pl.col("role") == "train"))[0].loss
    training = rows_with_role(dataset, split, "patient_id", "train")
    assert found == pytest.approx(np.mean(losses_by_hand(training)), rel=1e-9)
    assert found != pytest.approx(np.mean(losses_by_hand(training, median_of="all")), rel=1e-6)


def test_the_standard_error_counts_the_folds_of_one_repeat(
    dataset: pl.DataFrame, split: pl.DataFrame, features: pl.DataFrame
) -> None:
    found = search(ONE_POINT, features.filter(pl.col("role") == "train"))[0].standard_error
    losses = losses_by_hand(rows_with_role(dataset, split, "patient_id", "train"))
    assert len(losses) == 6
    assert found == pytest.approx(np.std(losses, ddof=1) / np.sqrt(3), rel=1e-9)


def test_unknown_parameters_and_kinds_are_refused() -> None:
    with pytest.raises(ValueError, match="does not take depth"):
        build_estimator("gradient_boosting", {"depth": 3}, 1)
    with pytest.raises(ValueError, match="no estimator of kind"):
        build_estimator("forest", {}, 1)  # type: ignore[arg-type]


@pytest.mark.parametrize("rule", ["best", "one_standard_error"])
def test_a_loss_that_is_no_number_is_never_chosen(rule: str) -> None:
    trials = (trial("a", 1, math.nan, 0.1), trial("b", 2, 0.5, 0.1))
    assert [t.chosen for t in choose(trials, rule)] == [False, True]
    with pytest.raises(ClinicalError, match="finite loss"):
        choose(trials[:1], rule)


def test_one_thread_holds_for_libraries_that_are_loaded_late() -> None:
    """In a fresh process scikit-learn's own libraries are not there when the block begins."""
    code = (
        "from clinical_assets.modelling.estimators import one_thread\n"
        "with one_thread():\n"
        "    from sklearn.utils._openmp_helpers import _openmp_effective_n_threads as count\n"
        "    print(count())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1"
