"""The champion is scored as it was released, or not at all."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from clinical_assets.diabetes.spec import MODEL
from clinical_assets.errors import ClinicalError
from clinical_assets.modelling.candidate import Candidate
from clinical_assets.modelling.champion import KeptModel, champion_predictions
from clinical_assets.modelling.features import rows_with_role


@pytest.fixture(scope="module")
def kept(
    candidate: Candidate,
    dataset: pl.DataFrame,
    split: pl.DataFrame,
    features: pl.DataFrame,
    predictions: pl.DataFrame,
) -> KeptModel:
    return KeptModel(candidate.record, candidate.onnx, dataset, split, features, predictions, b"")


@pytest.fixture(scope="module")
def rows_of_test(dataset: pl.DataFrame, split: pl.DataFrame) -> pl.DataFrame:
    return rows_with_role(dataset, split, "patient_id", "test")


def other_formula(rows: pl.DataFrame) -> pl.DataFrame:
    """The same names, another meaning: what a new specification may bring."""
    return MODEL.derive(rows).with_columns(pl.col("pedigree_log") * 2)


def without_age(rows: pl.DataFrame) -> pl.DataFrame:
    return MODEL.derive(rows).drop("age_years")


@pytest.mark.parametrize("derive", [MODEL.derive, other_formula, without_age])
def test_on_the_rows_of_its_release_it_keeps_its_probabilities(
    kept: KeptModel, rows_of_test: pl.DataFrame, derive
) -> None:
    found = champion_predictions(replace(MODEL, derive=derive), kept, rows_of_test)
    assert np.array_equal(found.probabilities, kept.predictions["probability"].to_numpy())
    assert found.sha256 == kept.candidate.onnx_sha256


def test_on_other_rows_it_is_scored_where_features_are_derived_alike(
    kept: KeptModel, rows_of_test: pl.DataFrame
) -> None:
    fewer = rows_of_test.head(100)
    found = champion_predictions(MODEL, kept, fewer)
    assert np.array_equal(found.probabilities, kept.predictions["probability"].to_numpy()[:100])


@pytest.mark.parametrize("derive", [other_formula, without_age])
def test_on_other_rows_another_derivation_is_refused(
    kept: KeptModel, rows_of_test: pl.DataFrame, derive
) -> None:
    with pytest.raises(ClinicalError, match="champion cannot be compared"):
        champion_predictions(replace(MODEL, derive=derive), kept, rows_of_test.head(100))


def test_a_changed_value_is_another_row(kept: KeptModel, rows_of_test: pl.DataFrame) -> None:
    changed = rows_of_test.with_columns(pl.col("glucose_mg_per_dl") + 40)
    found = champion_predictions(MODEL, kept, changed)
    assert found.probabilities.mean() > kept.predictions["probability"].mean() + 0.1
