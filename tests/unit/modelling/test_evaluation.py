"""The record of the whole evaluation, and the tables that are refused."""

import subprocess
import sys

import numpy as np
import polars as pl
import pytest

from clinical_assets.canonical import canonical_json, from_plain, to_plain
from clinical_assets.errors import ClinicalError
from clinical_assets.modelling.evaluation import ChampionPredictions, ReferencePredictions
from clinical_assets.modelling.metrics import METRICS
from clinical_assets.modelling.records import Evaluation
from tests.unit.modelling.cases import (
    calibration,
    champion,
    evaluation,
    model,
    predictions,
    reference,
)


def test_holds_everything_that_was_asked() -> None:
    found = evaluation()
    assert set(found.metrics) == set(METRICS)
    assert found.metrics["errors"].value == 66
    assert found.threshold == 0.3
    assert {(b.subgroup, b.band) for b in found.subgroups} == {
        ("age", "under 30"), ("age", "30–39"), ("age", "40 or more"),
        ("BMI", "under 30"), ("BMI", "30 or more"), ("BMI", "missing"),
    }  # fmt: skip
    assert {g.subgroup for g in found.fairness} == {"age", "BMI"}
    (lda,) = found.references
    assert (lda.errors, lda.published_errors, lda.rows, lda.test_rows) == (67, 67, 200, 332)
    assert lda.difference.value == pytest.approx(0.8660 - 0.8632, abs=1e-4)
    assert found.comparison.champion == "0.9.0"
    assert found.comparison.difference.value == lda.difference.value
    assert found.conformal.calibration_rows == 80
    assert found.conformal.coverage.value is not None
    for curve in (found.roc, found.precision_recall, found.decision_curve):
        assert 5 <= len(curve) <= 101


def test_becomes_canonical_json_and_comes_back() -> None:
    found = evaluation()
    assert from_plain(Evaluation, to_plain(found)) == found
    assert b"NaN" not in canonical_json(found)


def test_is_the_same_again_and_in_any_order_of_rows() -> None:
    first = evaluation()
    assert evaluation() == first
    order = np.random.default_rng(1).permutation(332)
    shuffled = evaluation(
        predictions=predictions()[order],
        references=[
            ReferencePredictions(reference().reference, 200, reference().probabilities[order])
        ],
        champion=ChampionPredictions("0.9.0", "c" * 64, champion().probabilities[order]),
        calibration=calibration()[::-1],
    )
    assert canonical_json(shuffled) == canonical_json(first)


def test_another_seed_gives_other_intervals_and_the_same_estimates() -> None:
    first, second = evaluation(), evaluation(spec=model(seed=1))
    for metric, estimate in first.metrics.items():
        assert estimate.value == second.metrics[metric].value
    assert first.metrics["auroc"].lower != second.metrics["auroc"].lower


def test_without_a_champion_the_difference_is_empty() -> None:
    comparison = evaluation(champion=None).comparison
    assert (comparison.champion, comparison.champion_sha256) == ("", "")
    assert comparison.difference.value is comparison.difference.n is None
    assert "first release" in comparison.difference.reason


def test_a_nan_probability_leaves_no_metric() -> None:
    broken = predictions().with_columns(
        probability=pl.when(pl.int_range(pl.len()) == 3)
        .then(float("nan"))
        .otherwise(pl.col("probability"))
    )
    nulls = broken.with_columns(pl.col("probability").fill_nan(None))
    for frame in (broken, nulls):
        found = evaluation(predictions=frame)
        assert all(e.value is None and "NaN" in e.reason for e in found.metrics.values())
        assert found.roc == found.decision_curve == found.calibration_curve == ()
        assert found.comparison.difference.value is None
        assert found.conformal.coverage.value is None
        assert canonical_json(found)


def test_no_test_rows_leave_no_metric() -> None:
    nobody = np.array([])
    found = evaluation(
        predictions=predictions().clear(),
        references=[ReferencePredictions(reference().reference, 200, nobody)],
        champion=ChampionPredictions("0.9.0", "c" * 64, nobody),
    )
    assert {e.reason for e in found.metrics.values()} == {"no rows"}
    assert canonical_json(found)


def test_a_test_set_with_few_events_gives_no_count_away() -> None:
    events = predictions().filter("diabetes").head(6)
    few = pl.concat([events, predictions().filter(~pl.col("diabetes"))])
    found = evaluation(
        predictions=few,
        references=[ReferencePredictions(reference().reference, 200, np.zeros(few.height))],
        champion=ChampionPredictions("0.9.0", "c" * 64, few["probability"].to_numpy()),
    )
    estimates = [*found.metrics.values(), found.conformal.coverage, found.comparison.difference]
    for estimate in estimates:
        assert (estimate.value, estimate.n, estimate.events) == (None, None, None)
    sets = found.conformal
    assert (sets.empty, sets.single, sets.both) == (None, None, None)
    assert found.references[0].errors is None
    assert all(band.suppressed for band in found.subgroups if band.n != 0)
    assert found.roc == found.calibration_curve == found.decision_curve_treat_all == ()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"predictions": predictions().drop("probability")}, "column 'probability' is missing"),
        ({"predictions": predictions().drop("age", "bmi")}, "column 'age', 'bmi' is missing"),
        ({"calibration": calibration().drop("diabetes")}, "calibration predictions"),
        (
            {"predictions": pl.concat([predictions(), predictions().head(1)])},
            "holds an identifier twice",
        ),
        (
            {"predictions": predictions().with_columns(diabetes=pl.lit(None, pl.Boolean))},
            "with 332 nulls",
        ),
        ({"predictions": predictions().cast({"diabetes": pl.Int8})}, "it is Int8"),
        (
            {"champion": ChampionPredictions("0.9.0", "c", np.zeros(331))},
            r"champion '0.9.0' has probabilities of shape \(331,\)",
        ),
        (
            {"references": [ReferencePredictions(reference().reference, 200, np.zeros(3))]},
            "reference 'LDA' has probabilities of shape",
        ),
        (
            {"references": [ReferencePredictions(reference().reference, 9, np.full(332, np.nan))]},
            "332 of 332 probabilities are missing",
        ),
    ],
)
def test_refuses_tables_that_do_not_fit(change: dict, message: str) -> None:
    with pytest.raises(ClinicalError, match=message):
        evaluation(**change)


def test_importing_it_stays_light() -> None:
    code = (
        "import sys, clinical_assets.modelling.evaluation, clinical_assets.modelling.acceptance;"
        "print([m for m in ('sklearn','scipy','mapie','fairlearn','pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
