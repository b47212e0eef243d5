"""Plain reference models of a spec, trained beside the candidate.

They answer two questions: does this code reproduce what was published, and is the candidate
better than the plainest model on all rows?
"""

import polars as pl

from clinical_assets.modelling.estimators import build_estimator, one_thread
from clinical_assets.modelling.evaluation import ReferencePredictions
from clinical_assets.modelling.spec import ClinicalModel, Reference


def reference_predictions(
    spec: ClinicalModel, dataset: pl.DataFrame, split: pl.DataFrame
) -> tuple[ReferencePredictions, ...]:
    """Each reference's probabilities on the test rows, in dataset order."""
    rows = dataset.join(split, on=spec.id_column, how="left", maintain_order="left")
    with one_thread():
        return tuple(_predict(spec, reference, rows) for reference in spec.references)


def _predict(spec: ClinicalModel, reference: Reference, rows: pl.DataFrame) -> ReferencePredictions:
    columns = list(reference.columns)
    training = rows.filter(pl.col("role") != "test")
    if reference.rows == "complete":
        training = training.drop_nulls(columns)
    test = rows.filter(pl.col("role") == "test")
    medians = training.select(pl.col(columns).cast(pl.Float64).median()).row(0, named=True)

    def matrix(part: pl.DataFrame) -> pl.DataFrame:
        return part.select(pl.col(c).cast(pl.Float64).fill_null(medians[c]) for c in columns)

    pipeline = build_estimator(reference.kind, reference.parameters, spec.seed).fit(
        matrix(training).to_numpy(), training[spec.label.column].cast(pl.Int64).to_numpy()
    )
    probabilities = pipeline.predict_proba(matrix(test).to_numpy())[:, 1]
    return ReferencePredictions(reference, training.height, probabilities)
