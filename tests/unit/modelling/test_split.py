"""The split manifest: published test rows, seeded calibration rows, nothing else."""

from dataclasses import replace

import polars as pl
import pytest

from clinical_assets.diabetes.spec import MODEL
from clinical_assets.errors import ClinicalError
from clinical_assets.modelling.split import split_manifest


def test_the_published_test_set_is_kept(dataset: pl.DataFrame, split: pl.DataFrame) -> None:
    published = dataset.filter(pl.col("partition") == "test")["patient_id"]
    assert split.filter(pl.col("role") == "test")["patient_id"].to_list() == published.to_list()
    assert published.len() == 332


def test_every_row_has_one_role_and_calibration_is_stratified(
    dataset: pl.DataFrame, split: pl.DataFrame
) -> None:
    assert split["patient_id"].to_list() == dataset["patient_id"].to_list()
    joined = split.join(dataset, on="patient_id")
    counts = dict(joined.group_by("role").len().iter_rows())
    assert counts == {"train": 240, "calibration": 60, "test": 332}
    share = {
        role: joined.filter(pl.col("role") == role)["diabetes"].mean()
        for role in ("train", "calibration")
    }
    assert share["train"] == pytest.approx(share["calibration"], abs=0.02)


def test_the_draw_does_not_depend_on_the_order_of_rows(
    dataset: pl.DataFrame, split: pl.DataFrame
) -> None:
    shuffled = split_manifest(MODEL, dataset.sample(fraction=1.0, shuffle=True, seed=3))
    assert shuffled.sort("patient_id").equals(split.sort("patient_id"))


def test_another_seed_draws_other_calibration_rows(
    dataset: pl.DataFrame, split: pl.DataFrame
) -> None:
    other = split_manifest(replace(MODEL, seed=1), dataset)
    assert not other.equals(split)
    is_test = pl.col("role") == "test"
    assert other.filter(is_test).equals(split.filter(is_test))


def test_without_a_published_split_the_test_rows_are_drawn(dataset: pl.DataFrame) -> None:
    drawn = split_manifest(replace(MODEL, partition_column=None, test_fraction=0.25), dataset)
    assert drawn.filter(pl.col("role") == "test").height == pytest.approx(158, abs=1)


def test_an_unknown_partition_is_refused(dataset: pl.DataFrame) -> None:
    wrong = dataset.with_columns(pl.lit("validation").alias("partition"))
    with pytest.raises(ClinicalError, match=r"partition.*train or test"):
        split_manifest(MODEL, wrong)


def test_an_empty_role_is_refused(dataset: pl.DataFrame) -> None:
    only_train = dataset.filter(pl.col("partition") == "train")
    with pytest.raises(ClinicalError, match="no rows for test"):
        split_manifest(MODEL, only_train)
