"""Imputation: fitted on training rows, marked by indicators, undone exactly."""

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from clinical_assets.diabetes.spec import MODEL
from clinical_assets.errors import ClinicalError
from clinical_assets.modelling.features import (
    apply_recipe,
    feature_table,
    fit_recipe,
    restore_missing,
    rows_with_role,
)
from clinical_assets.modelling.records import FeatureRecipe


def test_the_medians_are_those_of_the_training_rows(
    dataset: pl.DataFrame, split: pl.DataFrame, recipe: FeatureRecipe
) -> None:
    training = rows_with_role(dataset, split, "patient_id", "train")
    assert recipe.rows == 240
    assert set(recipe.medians) == {
        "diastolic_bp_mmhg",
        "triceps_skinfold_mm",
        "bmi_kg_per_m2",
    }
    for name, median in recipe.medians.items():
        assert median == training[name].median()


def test_test_rows_cannot_move_the_medians(
    dataset: pl.DataFrame, split: pl.DataFrame, recipe: FeatureRecipe
) -> None:
    changed = dataset.with_columns(
        pl.when(pl.col("partition") == "test")
        .then(pl.col("bmi_kg_per_m2") + 20)
        .otherwise(pl.col("bmi_kg_per_m2"))
    )
    training = rows_with_role(changed, split, "patient_id", "train")
    assert fit_recipe(MODEL, MODEL.derive(training)) == recipe


def test_inputs_are_complete_and_indicators_mark_what_was_missing(
    dataset: pl.DataFrame, features: pl.DataFrame
) -> None:
    assert features.columns == ["patient_id", "role", "diabetes", *MODEL.inputs]
    assert features.select(MODEL.inputs).null_count().sum_horizontal().item() == 0
    assert (
        features["triceps_skinfold_mm_missing"].sum() == dataset["triceps_skinfold_mm"].null_count()
    )


def test_restoring_is_the_inverse_of_imputing(
    dataset: pl.DataFrame, features: pl.DataFrame
) -> None:
    restored = restore_missing(MODEL, features.select(MODEL.inputs))
    derived = MODEL.derive(dataset).select(c.name for c in MODEL.features)
    assert_frame_equal(restored.select(derived.columns), derived.cast(pl.Float64))


def test_rows_without_a_needed_feature_are_refused(recipe: FeatureRecipe) -> None:
    with pytest.raises(ClinicalError, match="lack the features"):
        apply_recipe(pl.DataFrame({"age_years": [30]}), recipe, MODEL.inputs)


def test_a_column_without_any_value_is_refused(dataset: pl.DataFrame) -> None:
    empty = dataset.with_columns(pl.lit(None, pl.Float64).alias("bmi_kg_per_m2"))
    with pytest.raises(ClinicalError, match="'bmi_kg_per_m2' is missing in every training row"):
        fit_recipe(MODEL, MODEL.derive(empty))


def test_rows_keep_the_order_of_the_dataset(
    dataset: pl.DataFrame, split: pl.DataFrame, recipe: FeatureRecipe
) -> None:
    reverse = dataset.reverse()
    table = feature_table(MODEL, reverse, split, recipe)
    assert table["patient_id"].to_list() == reverse["patient_id"].to_list()
