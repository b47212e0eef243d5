"""The test set opens only for the candidate, the rows and the criteria that were frozen."""

from dataclasses import replace

import polars as pl
import pytest

from clinical_assets.diabetes.spec import MODEL
from clinical_assets.errors import ClinicalError
from clinical_assets.modelling.assess import evaluate_candidate, predict_test
from clinical_assets.modelling.candidate import Candidate
from clinical_assets.modelling.protocol import freeze
from clinical_assets.modelling.records import Protocol


def other(column: str, frame: pl.DataFrame) -> pl.DataFrame:
    """The table without its last row that is a test row; nothing else changes."""
    return frame.filter(pl.col(column) != frame[column][-1])


@pytest.mark.parametrize("what", ["candidate", "dataset", "split"])
def test_the_test_rows_stay_closed_to_anything_but_what_was_frozen(
    what: str, candidate: Candidate, protocol: Protocol, dataset: pl.DataFrame, split: pl.DataFrame
) -> None:
    record = candidate.record
    if what == "candidate":
        record = replace(record, onnx_sha256="0" * 64)
    if what == "dataset":
        dataset = other("patient_id", dataset)
    if what == "split":
        split = other("patient_id", split)
    with pytest.raises(ClinicalError, match=f"frozen for another {what}, so the test rows stay"):
        predict_test(MODEL, record, candidate.onnx, protocol, dataset, split, None)


def test_criteria_frozen_again_after_the_test_rows_were_read_give_no_evaluation(
    candidate: Candidate, dataset: pl.DataFrame, split: pl.DataFrame, predictions: pl.DataFrame
) -> None:
    weaker = replace(MODEL, acceptance=replace(MODEL.acceptance, subgroup_floor=0.5))
    protocol = freeze(weaker, candidate.record, dataset, split)
    with pytest.raises(ClinicalError, match="read under another protocol"):
        evaluate_candidate(
            weaker, candidate.record, candidate.onnx, protocol, dataset, split, predictions
        )


def test_an_evaluation_on_other_rows_than_were_frozen_is_refused(
    candidate: Candidate,
    protocol: Protocol,
    dataset: pl.DataFrame,
    split: pl.DataFrame,
    predictions: pl.DataFrame,
) -> None:
    with pytest.raises(ClinicalError, match="another dataset"):
        evaluate_candidate(
            MODEL,
            candidate.record,
            candidate.onnx,
            protocol,
            other("patient_id", dataset),
            split,
            predictions,
        )
