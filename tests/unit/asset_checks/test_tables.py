"""The contract of a table: what it refuses, how it says so, and what it never says."""

import os
import subprocess
import sys

import polars as pl
import pytest

from asset_checks.contracts.diabetes import diabetes_checks
from asset_checks.contracts.own import own_checks
from asset_checks.contracts.tables import contract, judge_contract, row_check
from asset_checks.verdicts import to_check_result
from clinical_assets.canonical import frame_digest
from clinical_assets.diabetes.dataset import COLUMNS, COLUMNS_768, read_768, read_ripley
from clinical_assets.diabetes.spec import MODEL
from clinical_assets.keys import JUDGED
from clinical_assets.modelling.records import Verdict
from clinical_assets.modelling.spec import Column
from tests.unit.diabetes.real_data import file_of_768, ripley_files

DATASET = read_ripley(ripley_files())


def judge(frame: pl.DataFrame) -> Verdict:
    schema = contract(COLUMNS, unique=("patient_id",), label="diabetes", checks=diabetes_checks())
    return judge_contract(frame, schema)


def put(column: str, value: object, *rows: int) -> pl.DataFrame:
    """The published dataset with ``value`` in ``column`` of the 1-based ``rows``."""
    at = (pl.int_range(1, pl.len() + 1)).is_in(list(rows))
    new = pl.lit(value, dtype=DATASET.schema[column])
    return DATASET.with_columns(pl.when(at).then(new).otherwise(column).alias(column))


def again(**changes: object) -> pl.DataFrame:
    """The dataset with its first row once more at the end, under a name of its own."""
    copy = DATASET.head(1).with_columns(patient_id=pl.lit("train-301"))
    new = [pl.lit(v, dtype=DATASET.schema[k]).alias(k) for k, v in changes.items()]
    return pl.concat([DATASET, copy.with_columns(new)])


def test_the_published_figures_keep_the_contract() -> None:
    verdict = judge(DATASET)
    assert verdict.passed
    assert verdict.summary == "632 rows keep the contract of 10 columns."
    assert judge(DATASET.lazy()).passed


def test_the_768_rows_keep_their_contract() -> None:
    frame = read_768({"pima-indians-diabetes.csv": file_of_768()})
    schema = contract(
        COLUMNS_768, unique=("patient_id",), label="diabetes", checks=diabetes_checks()
    )
    assert judge_contract(frame, schema).passed


BAD = {
    "missing column": (DATASET.drop("bmi_kg_per_m2"), "column 'bmi_kg_per_m2' is missing"),
    "extra column": (DATASET.with_columns(weight_kg=1.0), "unexpected column 'weight_kg'"),
    "renamed column": (
        DATASET.rename({"age_years": "age_year"}),
        "column 'age_years' is missing; 'age_year' may be it under another name",
    ),
    "wrong type": (
        DATASET.with_columns(pl.col("age_years").cast(pl.String)),
        "column 'age_years': the type is String, where Int64 is declared",
    ),
    "out of range": (
        put("glucose_mg_per_dl", 98765, 7, 9),
        "column 'glucose_mg_per_dl': values outside 20 to 600 mg/dL: 2 (rows 7, 9)",
    ),
    "negative": (put("bmi_kg_per_m2", -98765.0, 7), "values outside 10 to 100 kg/m2: 1 (row 7)"),
    "not a number": (
        put("bmi_kg_per_m2", float("nan"), 3),
        "column 'bmi_kg_per_m2': values that are not finite numbers: 1 (row 3)",
    ),
    "infinite": (put("bmi_kg_per_m2", float("inf"), 3), "values that are not finite numbers: 1"),
    "level": (
        put("partition", "v98765", 5),
        "column 'partition': values other than train, test: 1 (row 5)",
    ),
    "null where none may be": (
        put("age_years", None, 4),
        "column 'age_years': missing values: 1 (row 4)",
    ),
    "label unknown": (
        put("diabetes", None, 4),
        "column 'diabetes': missing values: 1 (row 4)",
    ),
    "one outcome": (
        DATASET.with_columns(diabetes=pl.lit(False)),
        "column 'diabetes': one outcome only",
    ),
    "column of nulls": (
        DATASET.with_columns(bmi_kg_per_m2=pl.lit(None, dtype=pl.Float64)),
        "column 'bmi_kg_per_m2': no value at all",
    ),
    "duplicate row": (again(), "rows that repeat an earlier row: 1 (row 633)"),
    "duplicate key": (
        put("patient_id", "train-001", 3),
        "rows that repeat the key of an earlier row: 1 (row 3)",
    ),
    "contradictory outcome": (
        again(diabetes=True),
        "rows with the same measurements as another row and another outcome: 2 (rows 1, 633)",
    ),
    "contradiction across the split": (
        again(diabetes=True, partition="test"),
        "rows with the same measurements as another row and another outcome: 2 (rows 1, 633)",
    ),
    "more pregnancies than years": (
        put("pregnancies_count", 15, 1),
        "rows with more than one pregnancy a year since age 10: 1 (row 1)",
    ),
    "no rows": (DATASET.clear(), "the table has no rows"),
    "no columns": (pl.DataFrame(), "the table has no rows"),
    "many rows": (
        put("age_years", 120, *range(1, 101)),
        "values outside 21 to 110 a: 100 (rows 1, 2, 3, 4, 5 and 95 more)",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_table_is_refused_and_located(name: str) -> None:
    frame, expected = BAD[name]
    verdict = judge(frame)
    assert not verdict.passed
    assert expected in verdict.summary
    shown = verdict.summary + "".join(f"{k}{v}" for k, v in verdict.measurements.items())
    assert "98765" not in shown
    assert "train-001" not in shown


def test_faults_of_different_kinds_are_reported_together() -> None:
    frame = put("glucose_mg_per_dl", 98765, 7).with_columns(
        bmi_kg_per_m2=pl.lit(None, dtype=pl.Float64),
        age_years=pl.col("age_years").cast(pl.String),
        x=1,
    )
    summary = judge(frame.drop("pedigree_score")).summary
    for part in ("'pedigree_score' is missing", "'x'", "row 7", "no value at all", "type is"):
        assert part in summary
    assert "could not be run" not in summary


def test_number_of_faults_shown_is_capped() -> None:
    columns = [Column(f"c{i:02}", "integer", "1", "count", minimum=0) for i in range(40)]
    frame = pl.DataFrame({c.name: [-1, -2] for c in columns})
    verdict = judge_contract(frame, contract(columns))
    assert verdict.summary.count("values below 0") == 20
    assert "and 20 more faults" in verdict.summary
    assert verdict.measurements["faults"] == 40


def test_a_million_bad_rows_make_a_short_message() -> None:
    frame = DATASET.sample(1_000_000, with_replacement=True, seed=1).with_columns(
        glucose_mg_per_dl=pl.lit(98765, dtype=pl.Int64), age_years=pl.lit(None, dtype=pl.Int64)
    )
    verdict = judge(frame)
    assert verdict.measurements["range (glucose_mg_per_dl)"] == 1_000_000
    assert len(verdict.summary) < 1500


def test_own_check_that_fails_to_run_fails_without_its_message() -> None:
    def broken() -> pl.Expr:
        raise RuntimeError("98765")

    check = row_check("broken", "rows of no kind", broken)
    verdict = judge_contract(DATASET, contract(COLUMNS, checks=(check,)))
    assert not verdict.passed
    assert "check 'broken' could not be run" in verdict.summary
    assert "98765" not in verdict.summary


def test_columns_beyond_the_contract_and_alike_rows_can_be_allowed() -> None:
    columns = [Column("ward", "string", "1", "ward")]
    frame = pl.DataFrame({"ward": ["a", "a"], "note": [1, 2]})
    assert judge_contract(frame, contract(columns, strict=False, distinct_rows=False)).passed
    assert not judge_contract(frame, contract(columns, distinct_rows=False)).passed
    assert not judge_contract(frame, contract(columns, strict=False)).passed


def test_contract_that_names_undeclared_columns_is_refused() -> None:
    with pytest.raises(ValueError, match="undeclared columns: nobody"):
        contract(COLUMNS, unique=("nobody",))
    with pytest.raises(ValueError, match="may not be nullable"):
        contract(COLUMNS, label="bmi_kg_per_m2")


def test_own_checks_are_found_by_model() -> None:
    assert [c.name for c in own_checks("diabetes")()] == [
        "pregnancies against age",
        "contradictory outcome",
    ]
    assert own_checks("another")() == ()


@pytest.mark.parametrize(
    "variables",
    [
        {"PANDERA_VALIDATION_ENABLED": "False", "PANDERA_VALIDATION_DEPTH": "SCHEMA_ONLY"},
        {"PANDERA_USE_NARWHALS_BACKEND": "True"},
    ],
    ids=["switched off", "other backend"],
)
def test_pandera_cannot_be_switched_off_by_the_environment(variables: dict[str, str]) -> None:
    program = (
        "import polars as pl\n"
        "from asset_checks.contracts.tables import contract, judge_contract\n"
        "from clinical_assets.modelling.spec import Column\n"
        "schema = contract([Column('n', 'integer', '1', 'count', minimum=0)])\n"
        "good, bad = pl.DataFrame({'n': [1, 2]}), pl.DataFrame({'n': [1, -98765]})\n"
        "print([judge_contract(f, schema).passed for f in (good, bad)])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[True, False]"


def test_verdict_as_check_result() -> None:
    verdict = Verdict("g", True, "Fine.", {"n": 3.0, "share": 0.25, "note": "x", "none": None})
    table = pl.DataFrame({"x": [1]})
    result = to_check_result(verdict, table)
    assert result.passed
    assert result.description == "Fine."
    values = {name: entry.value for name, entry in result.metadata.items()}
    assert values == {
        "summary": "Fine.",
        "n": 3,
        "share": 0.25,
        "note": "x",
        "none": "not available",
        JUDGED: frame_digest(table),
    }


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_verdict_with_a_number_that_is_none_fails(number: float) -> None:
    result = to_check_result(Verdict("g", True, "Fine.", {"auroc": number}), b"")
    assert not result.passed
    assert "not finite: auroc" in result.description


def test_spec_and_contract_agree_on_the_columns() -> None:
    assert MODEL.columns == COLUMNS
