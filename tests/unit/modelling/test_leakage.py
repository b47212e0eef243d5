"""Each way of leaking, planted in the diabetes model, is found by its own check."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinical_assets.diabetes.spec import MODEL as SPEC
from clinical_assets.modelling.features import feature_table, fit_recipe, rows_with_role
from clinical_assets.modelling.leakage import auroc_standard_error, judge_leakage, single_auroc
from clinical_assets.modelling.records import FeatureRecipe, Verdict
from clinical_assets.modelling.spec import ClinicalModel
from clinical_assets.modelling.split import split_manifest
from tests.unit.diabetes.real_data import ripley_files

DATASET = SPEC.read(ripley_files())
SPLIT = split_manifest(SPEC, DATASET)
TRAINING = rows_with_role(DATASET, SPLIT, "patient_id", "train")
RECIPE = fit_recipe(SPEC, SPEC.derive(TRAINING))
FEATURES = feature_table(SPEC, DATASET, SPLIT, RECIPE)


def judge(spec: ClinicalModel = SPEC, *, recipe: FeatureRecipe | None = None) -> Verdict:
    """The verdict over features made with ``spec``, and with ``recipe`` where it is given."""
    used = recipe or fit_recipe(spec, spec.derive(TRAINING))
    return judge_leakage(spec, DATASET, SPLIT, feature_table(spec, DATASET, SPLIT, used), used)


def test_the_diabetes_features_do_not_leak() -> None:
    verdict = judge()
    assert verdict.passed
    assert verdict.measurements["strongest_input"] == "glucose_mg_per_dl"
    assert 0.75 < verdict.measurements["strongest_auroc"] < 0.85


def label(rows: pl.DataFrame) -> pl.Series:
    return rows["diabetes"].cast(pl.Float64)


PLANTED: dict[str, tuple[Callable[[pl.DataFrame], pl.Series], str]] = {
    "the label": (label, "equals the label"),
    "its opposite": (lambda rows: 1.0 - label(rows), "equals the label"),
    "the label in noise": (
        lambda rows: rows["glucose_mg_per_dl"] + 300.0 * label(rows),
        "alone separates the training rows with an area of 1.000",
    ),
    "the label, weakly": (
        lambda rows: rows["glucose_mg_per_dl"] + 5.0 * label(rows),
        "derive uses the label: 'glucose_mg_per_dl'",
    ),
    "the published split": (
        lambda rows: rows["glucose_mg_per_dl"] + (rows["partition"] == "test").cast(pl.Float64),
        "derive uses the published split: 'glucose_mg_per_dl'",
    ),
    "the identifier, which tells the part": (
        lambda rows: (
            rows["glucose_mg_per_dl"] + rows["patient_id"].str.starts_with("test").cast(pl.Float64)
        ),
        "derive uses the identifier: 'glucose_mg_per_dl'",
    ),
    "a mean over all rows": (
        lambda rows: rows["glucose_mg_per_dl"] - rows["glucose_mg_per_dl"].mean(),
        "derive is not row-wise: 'glucose_mg_per_dl'",
    ),
    "the row before": (
        lambda rows: rows["glucose_mg_per_dl"].shift(1, fill_value=100),
        "derive is not row-wise: 'glucose_mg_per_dl'",
    ),
    "rank among all rows": (
        lambda rows: rows["glucose_mg_per_dl"].rank(),
        "other test rows would change 'glucose_mg_per_dl' of the training rows",
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_planted_leak_is_found(name: str) -> None:
    leak, expected = PLANTED[name]
    spec = replace(
        SPEC, derive=lambda rows: SPEC.derive(rows).with_columns(glucose_mg_per_dl=leak(rows))
    )
    verdict = judge(spec)
    assert not verdict.passed
    assert expected in verdict.summary


def test_missing_indicator_that_tells_the_outcome_is_found() -> None:
    """BMI left out wherever the outcome was known to be positive."""
    known = pl.when(~pl.col("diabetes")).then(pl.col("bmi_kg_per_m2"))
    dataset = DATASET.with_columns(bmi_kg_per_m2=known.fill_null(30.0)).with_columns(
        bmi_kg_per_m2=pl.when(~pl.col("diabetes")).then("bmi_kg_per_m2")
    )
    recipe = fit_recipe(SPEC, SPEC.derive(rows_with_role(dataset, SPLIT, "patient_id", "train")))
    features = feature_table(SPEC, dataset, SPLIT, recipe)
    verdict = judge_leakage(SPEC, dataset, SPLIT, features, recipe)
    assert "input 'bmi_kg_per_m2_missing' equals the label" in verdict.summary


def test_recipe_fitted_on_test_rows_is_found() -> None:
    verdict = judge(recipe=fit_recipe(SPEC, SPEC.derive(DATASET)))
    assert "the recipe was fitted on 632 rows, not the 240 for training" in verdict.summary
    assert "the medians of 'bmi_kg_per_m2'" in verdict.summary


@pytest.mark.parametrize("median", [float("nan"), 31.0])
def test_recipe_with_another_median_is_found(median: float) -> None:
    recipe = replace(RECIPE, medians={**RECIPE.medians, "bmi_kg_per_m2": median})
    assert not judge(recipe=recipe).passed


def test_label_as_an_input_is_found() -> None:
    recipe = replace(RECIPE, features=(*RECIPE.features, "diabetes"))
    verdict = judge_leakage(SPEC, DATASET, SPLIT, FEATURES, recipe)
    assert "input 'diabetes' is the label, the identifier or the split" in verdict.summary


@pytest.mark.parametrize(
    ("features", "expected"),
    [
        (FEATURES.clear(), "the features table has no rows"),
        (FEATURES.drop("age_years"), "the features table has no column age_years"),
        (FEATURES[1:], "the features table has 631 rows, the dataset 632"),
        (FEATURES.with_columns(pl.col("age_years") + 1), "'age_years' differs"),
        (FEATURES.with_columns(age_years=pl.lit(float("nan"))), "'age_years' has missing values"),
        (FEATURES.with_columns(diabetes=pl.lit(True)), "do not hold both outcomes"),
        (FEATURES.with_columns(~pl.col("diabetes")), "column 'diabetes' of the features table"),
        (
            FEATURES.with_columns(role=pl.col("role").replace("calibration", "train")),
            "column 'role' of the features table",
        ),
    ],
)
def test_features_that_are_not_those_of_the_dataset(features: pl.DataFrame, expected: str) -> None:
    verdict = judge_leakage(SPEC, DATASET, SPLIT, features, RECIPE)
    assert not verdict.passed
    assert expected in verdict.summary


def test_empty_dataset_and_split_fail() -> None:
    assert not judge_leakage(SPEC, DATASET.clear(), SPLIT, FEATURES, RECIPE).passed
    assert not judge_leakage(SPEC, DATASET, SPLIT.clear(), FEATURES, RECIPE).passed


def test_derive_that_breaks_is_a_failure_without_its_message() -> None:
    def broken(rows: pl.DataFrame) -> pl.DataFrame:
        raise ValueError("glucose of 98765")

    verdict = judge_leakage(replace(SPEC, derive=broken), DATASET, SPLIT, FEATURES, RECIPE)
    assert "stopped with ValueError" in verdict.summary
    assert "98765" not in verdict.summary


@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=2, max_size=30))
def test_area_is_the_share_of_pairs_in_order(pairs: list[tuple[int, bool]]) -> None:
    sick = [value for value, outcome in pairs if outcome]
    well = [value for value, outcome in pairs if not outcome]
    if not sick or not well:
        return
    share = np.mean([(a > b) + 0.5 * (a == b) for a in sick for b in well])
    values, outcomes = zip(*pairs, strict=True)
    area = single_auroc(pl.Series(values, dtype=pl.Float64), pl.Series(outcomes))
    assert area == pytest.approx(max(share, 1.0 - share))


def test_standard_error_falls_with_the_number_of_rows() -> None:
    assert auroc_standard_error(0.9, 100, 300) < auroc_standard_error(0.9, 10, 30)
    assert auroc_standard_error(1.0, 10, 30) == 0.0
