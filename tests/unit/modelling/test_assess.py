"""The steps of an evaluation see the rows that they are meant to see."""

import numpy as np
import polars as pl
import pytest

from clinical_assets.diabetes.spec import MODEL
from clinical_assets.modelling.candidate import Candidate, predict_rows
from clinical_assets.modelling.features import rows_with_role
from clinical_assets.modelling.records import Evaluation


def test_prediction_sets_are_calibrated_on_the_calibration_rows(
    evaluation: Evaluation, candidate: Candidate, dataset: pl.DataFrame, split: pl.DataFrame
) -> None:
    """The sets are those of the quantile of these rows, worked out by hand."""

    def of_role(role: str) -> tuple[np.ndarray, np.ndarray]:
        rows = rows_with_role(dataset, split, "patient_id", role)
        predicted = predict_rows(MODEL, candidate.record, candidate.onnx, rows)
        return predicted["diabetes"].to_numpy(), predicted["probability"].to_numpy()

    (held_out, q), (y, p) = of_role("calibration"), of_role("test")
    scores = np.sort(1 - np.where(held_out, q, 1 - q))
    limit = scores[int(np.ceil((len(q) + 1) * MODEL.conformal_confidence)) - 1]
    sets = np.column_stack([p <= limit, 1 - p <= limit])
    found = evaluation.conformal
    assert found.coverage.value == pytest.approx(np.where(y, sets[:, 1], sets[:, 0]).mean())
    assert found.least_probability == pytest.approx(1 - limit)
    assert found.single == (sets.sum(axis=1) == 1).sum()
    assert (found.calibration_rows, found.coverage.n) == (60, 332)
