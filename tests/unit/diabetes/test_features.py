"""The derived columns of the diabetes model."""

import math

import polars as pl
from polars.testing import assert_frame_equal

from clinical_assets.diabetes.dataset import read_ripley
from clinical_assets.diabetes.features import FEATURES, derive
from tests.unit.diabetes.real_data import ripley_files


def test_derive_gives_the_declared_columns() -> None:
    dataset = read_ripley(ripley_files())
    derived = derive(dataset)
    assert derived.columns == ["patient_id", *(c.name for c in FEATURES)]
    assert derived.height == 632
    assert derived.null_count().row(0) == (0, 0, 0, 13, 98, 3, 0, 0)
    assert derived["pedigree_log"][0] == math.log(0.364)


def test_derive_is_row_wise() -> None:
    dataset = read_ripley(ripley_files())
    whole = derive(dataset)
    assert_frame_equal(pl.concat(derive(part) for part in dataset.iter_slices(7)), whole)


def test_logarithm_takes_the_skew_out_of_the_pedigree_score() -> None:
    training = read_ripley(ripley_files()).filter(pl.col("partition") == "train")
    assert training["pedigree_score"].skew() > 1.5
    assert abs(derive(training)["pedigree_log"].skew()) < 0.5


def test_logarithm_has_the_range_of_the_score() -> None:
    log = next(c for c in FEATURES if c.name == "pedigree_log")
    assert log.minimum <= math.log(0.01)
    assert log.maximum >= math.log(5)
