"""What is kept in the package for whoever monitors the model."""

import json

import polars as pl

from clinical_assets.drift import Profile, compare
from clinical_assets.drift.profiles.numeric import NumericSummary
from clinical_assets.evidence.reference_profiles import (
    INPUTS,
    PREDICTIONS,
    reference_profiles,
)
from tests.unit.evidence.example_spec import spec

ROWS = 60
DATASET = pl.DataFrame(
    {
        "patient_id": [f"p-{n}" for n in range(ROWS)],
        "glucose_mg_per_dl": [80.0 + n for n in range(ROWS)],
        "bmi_kg_per_m2": [20.0 + n / 10 if n % 7 else None for n in range(ROWS)],
        "age_years": [21 + n % 40 for n in range(ROWS)],
        "pregnancies": [n % 5 for n in range(ROWS)],
        "diabetes": [n % 3 == 0 for n in range(ROWS)],
        "partition": ["test" if n >= 40 else "train" for n in range(ROWS)],
    }
)
ROLES = ["train"] * 30 + ["calibration"] * 10 + ["test"] * 20
SPLIT = pl.DataFrame({"patient_id": DATASET["patient_id"], "role": ROLES})
PREDICTIONS_OF_TEST = pl.DataFrame(
    {
        "patient_id": DATASET["patient_id"][40:],
        "probability": [n / 20 for n in range(20)],
        "diabetes": DATASET["diabetes"][40:],
    }
)


def made() -> dict[str, Profile]:
    files = reference_profiles(spec(), DATASET, SPLIT.reverse(), PREDICTIONS_OF_TEST)
    return {path: Profile.from_bytes(data, path) for path, data in files.items()}


def test_it_is_of_the_rows_that_were_learnt_from() -> None:
    inputs = made()[INPUTS]
    assert inputs.rows == 40
    glucose = inputs["glucose_mg_per_dl"]
    assert isinstance(glucose, NumericSummary)
    assert glucose.maximum == 119
    assert compare(inputs, DATASET[:40].drop("patient_id", "partition")).drifted is False


def test_it_names_no_patient() -> None:
    assert set(made()[INPUTS].columns) == {
        "glucose_mg_per_dl",
        "bmi_kg_per_m2",
        "age_years",
        "pregnancies",
        "diabetes",
    }
    assert "p-1" not in json.dumps(made()[INPUTS].to_dict())


def test_predictions_are_those_that_no_training_saw() -> None:
    predictions = made()[PREDICTIONS]
    assert predictions.rows == 20
    assert set(predictions.columns) == {"probability", "diabetes"}


def test_equal_inputs_give_equal_bytes() -> None:
    first = reference_profiles(spec(), DATASET, SPLIT, PREDICTIONS_OF_TEST)
    assert first == reference_profiles(spec(), DATASET, SPLIT.reverse(), PREDICTIONS_OF_TEST)
