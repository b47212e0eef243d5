"""The verdict over a split: by identifier, by measurements, by completeness."""

import polars as pl
import pytest

from clinical_assets.diabetes.spec import MODEL as SPEC
from clinical_assets.modelling.independence import judge_independence
from clinical_assets.modelling.records import Verdict
from clinical_assets.modelling.split import split_manifest
from tests.unit.diabetes.real_data import ripley_files

VALUES = [
    c.name for c in SPEC.columns if c.name not in ("patient_id", "partition", SPEC.label.column)
]


@pytest.fixture(scope="module")
def dataset() -> pl.DataFrame:
    return SPEC.read(ripley_files())


@pytest.fixture(scope="module")
def split(dataset: pl.DataFrame) -> pl.DataFrame:
    return split_manifest(SPEC, dataset)


def judge(dataset: pl.DataFrame, split: pl.DataFrame, **options: object) -> Verdict:
    verdict = judge_independence(dataset, split, "patient_id", VALUES, **options)
    assert "train-0" not in verdict.summary  # no identifier
    return verdict


def with_copies(
    dataset: pl.DataFrame, split: pl.DataFrame, *changes: pl.Expr
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Three training patients entered once more under new identifiers, as test rows."""
    trained = split.filter(pl.col("role") == "train")["patient_id"].head(3)
    copies = dataset.filter(pl.col("patient_id").is_in(trained.implode())).with_columns(
        *changes, patient_id=pl.lit("again-") + pl.col("patient_id")
    )
    roles = copies.select("patient_id", role=pl.lit("test"))
    return pl.concat([dataset, copies]), pl.concat([split, roles])


def test_the_published_split_is_independent(dataset: pl.DataFrame, split: pl.DataFrame) -> None:
    verdict = judge(dataset, split, partition_column="partition")
    assert verdict.passed
    assert verdict.measurements["test_rows"] == 332
    assert verdict.measurements["test_rows_nearly_equal_to_train"] == 0
    assert verdict.measurements["moved_from_published_split"] == 0


def test_true_women_differ_far_more_than_the_tolerance(
    dataset: pl.DataFrame, split: pl.DataFrame
) -> None:
    assert judge(dataset, split, near_tolerance=0.15).passed
    assert not judge(dataset, split, near_tolerance=0.6).passed


def test_one_patient_in_two_roles(dataset: pl.DataFrame, split: pl.DataFrame) -> None:
    twice = pl.concat([split, split.head(1).with_columns(role=pl.lit("test"))])
    verdict = judge(dataset, twice)
    assert not verdict.passed
    assert "1 patient serves in more than one role (rows 1, 633 of the split)" in verdict.summary
    assert verdict.measurements["patients_in_two_roles"] == 1


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ((), "test rows with the same measurements as a train row: 3"),
        ((~pl.col("diabetes"),), "test rows with the same measurements as a train row: 3"),
        ((pl.col("glucose_mg_per_dl") + 40,), "test rows nearly equal to a train row: 3 of 335"),
        (
            (pl.lit(None, dtype=pl.Float64).alias("bmi_kg_per_m2"),),
            "test rows nearly equal to a train row: 3 of 335",
        ),
        (
            (pl.col("glucose_mg_per_dl") + 1, pl.col("bmi_kg_per_m2") - 0.1),
            "test rows nearly equal to a train row: 3 of 335",
        ),
        (
            (pl.col("bmi_kg_per_m2").round(0), pl.col("pedigree_score").round(1)),
            "test rows nearly equal to a train row: 3 of 335",
        ),
    ],
    ids=["copied", "other label", "one retyped", "one lost", "disturbed", "rounded"],
)
def test_a_woman_under_two_names_is_found(
    dataset: pl.DataFrame, split: pl.DataFrame, changes: tuple[pl.Expr, ...], expected: str
) -> None:
    verdict = judge(*with_copies(dataset, split, *changes))
    assert not verdict.passed
    assert expected in verdict.summary


def test_a_stated_share_of_near_duplicates_is_tolerated(
    dataset: pl.DataFrame, split: pl.DataFrame
) -> None:
    tables = with_copies(dataset, split, pl.col("glucose_mg_per_dl") + 40)
    assert judge(*tables, maximum_near_share=0.01).passed
    assert not judge(*tables, maximum_near_share=0.005).passed


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_outside_0_to_1_is_refused(
    dataset: pl.DataFrame, split: pl.DataFrame, share: float
) -> None:
    with pytest.raises(ValueError, match="maximum_near_share"):
        judge(dataset, split, maximum_near_share=share)


def test_incomplete_splits(dataset: pl.DataFrame, split: pl.DataFrame) -> None:
    cases = {
        "no rows have the role calibration; 60 identifiers of the dataset have no role": (
            dataset,
            split.filter(pl.col("role") != "calibration"),
        ),
        "632 identifiers of the dataset have no role": (dataset, split.clear()),
        "no rows have the role train or calibration or test": (dataset.clear(), split.clear()),
        "1 identifiers of the split are not in the dataset": (dataset[1:], split),
        "332 rows have a role other than": (
            dataset,
            split.with_columns(pl.col("role").replace("test", "holdout")),
        ),
        "1 rows of the split have no identifier": (
            dataset,
            split.with_columns(patient_id=pl.when(pl.int_range(pl.len()) > 0).then("patient_id")),
        ),
        "1 identifiers stand in the split neither once": (dataset, pl.concat([split, split[:1]])),
        "split has no column 'role'": (dataset, split.drop("role")),
        "dataset has no column 'age_years'": (dataset.drop("age_years"), split),
    }
    for expected, tables in cases.items():
        verdict = judge(*tables)
        assert not verdict.passed
        assert expected in verdict.summary


def test_a_moved_test_row_is_noticed(dataset: pl.DataFrame, split: pl.DataFrame) -> None:
    moved = split.with_columns(
        role=pl.when(pl.int_range(pl.len()) == 0).then(pl.lit("test")).otherwise("role")
    )
    verdict = judge(dataset, moved, partition_column="partition")
    assert "1 identifiers are not in the part that was published" in verdict.summary
    assert judge(dataset, moved).passed


def test_several_rows_of_one_patient_stay_together() -> None:
    """A dataset of visits: one role a patient, whether the split lists patients or visits."""
    visits = pl.DataFrame(
        {
            "patient_id": ["a", "a", "b", "b", "c", "c"],
            "x": [1.0, 1.0, 5.0, 6.0, 8.0, 9.0],
            "y": [3.0, 3.0, 8.0, 1.0, 4.0, 7.0],
        }
    )
    roles = pl.DataFrame({"patient_id": ["a", "b", "c"], "role": ["train", "calibration", "test"]})
    by_visit = visits.join(roles, on="patient_id").select("patient_id", "role")
    for split in (roles, by_visit):
        assert judge_independence(visits, split, "patient_id", ["x", "y"]).passed
    parted = by_visit.with_columns(
        role=pl.when(pl.int_range(pl.len()) == 0).then(pl.lit("test")).otherwise("role")
    )
    verdict = judge_independence(visits, parted, "patient_id", ["x", "y"])
    assert verdict.measurements["patients_in_two_roles"] == 1
    assert not verdict.passed
