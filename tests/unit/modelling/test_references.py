"""Reference models: what their missing values are filled with."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from clinical_assets.diabetes.spec import MODEL
from clinical_assets.modelling.references import reference_predictions
from clinical_assets.modelling.spec import Reference

LOGISTIC = [r for r in MODEL.references if r.kind == "logistic_regression"]


@pytest.mark.parametrize("reference", LOGISTIC, ids=lambda reference: reference.rows)
def test_the_medians_are_those_of_the_rows_that_the_reference_is_trained_on(
    dataset: pl.DataFrame, split: pl.DataFrame, reference: Reference
) -> None:
    """Missing values of the test rows too, which are made here: the published ones have none."""
    test = pl.col("partition") == "test"
    holes = dataset.with_columns(
        pl.when(test & (pl.int_range(pl.len()) % 3 == 0))
        .then(None)
        .otherwise(pl.col("bmi_kg_per_m2"))
        .alias("bmi_kg_per_m2")
    )
    training = holes.filter(~test)
    if reference.rows == "complete":
        training = training.drop_nulls(reference.columns)
    x, held = (
        part.select(reference.columns).cast(pl.Float64).fill_null(np.nan).to_numpy()
        for part in (training, holes.filter(test))
    )
    medians = np.nanmedian(x, axis=0)
    model = make_pipeline(
        StandardScaler(), LogisticRegression(C=np.inf, max_iter=10_000, tol=1e-8)
    ).fit(np.where(np.isnan(x), medians, x), training["diabetes"].to_numpy())
    expected = model.predict_proba(np.where(np.isnan(held), medians, held))[:, 1]
    (found,) = reference_predictions(replace(MODEL, references=(reference,)), holes, split)
    assert found.probabilities == pytest.approx(expected, rel=1e-9)
