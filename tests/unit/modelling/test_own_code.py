"""A user's own words pass; those of any library are withheld, because they quote values."""

import traceback
from collections.abc import Mapping
from dataclasses import replace

import polars as pl
import pytest

from clinical_assets.diabetes.spec import MODEL
from clinical_assets.errors import ClinicalError
from clinical_assets.modelling.own_code import derive_features, read_dataset

CANARY = "Mr-Canary-3e40b8"


def stumbling(files: Mapping[str, bytes]) -> pl.DataFrame:
    return pl.DataFrame({"glu": [CANARY]}).cast({"glu": pl.Int64})


def explaining(files: Mapping[str, bytes]) -> pl.DataFrame:
    raise ClinicalError("Line 3 is broken", where="a.csv", repair="Mend it")


def test_a_good_reader_is_called_as_it_is(pima_files: dict[str, bytes]) -> None:
    assert read_dataset(MODEL, pima_files).equals(MODEL.read(pima_files))


def test_a_readers_own_clear_error_passes() -> None:
    with pytest.raises(ClinicalError, match=r"Line 3 is broken \(a\.csv\)"):
        read_dataset(replace(MODEL, read=explaining), {"a.csv": b""})


def test_a_librarys_message_is_withheld_with_its_kind_and_place_named() -> None:
    with pytest.raises(ClinicalError) as caught:
        read_dataset(replace(MODEL, read=stumbling), {"a.csv": b""})
    said = str(caught.value)
    assert "InvalidOperationError" in said
    assert f"{__name__} line {stumbling.__code__.co_firstlineno + 1}" in said
    assert "a.csv" in said
    # Neither the message nor what an orchestrator would store of the error holds the value.
    assert CANARY not in "".join(traceback.format_exception(caught.value))


def derive_stumbling(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(age_years=pl.format(CANARY + "{}", "age_years").cast(pl.Int64))


def derive_lazily_stumbling(rows: pl.DataFrame) -> pl.LazyFrame:
    return derive_named(rows.lazy().collect()).lazy().with_columns(pl.col("no such column"))


def derive_named(rows: pl.DataFrame) -> pl.DataFrame:
    return MODEL.derive(rows)


def test_features_are_derived_as_they_are(dataset: pl.DataFrame) -> None:
    assert derive_features(MODEL, dataset).equals(MODEL.derive(dataset))


@pytest.mark.parametrize(
    ("derive", "words"),
    [
        (derive_stumbling, f"derive_stumbling stopped with InvalidOperationError in {__name__} l"),
        (derive_lazily_stumbling, "stopped with ColumnNotFoundError"),
        (lambda rows: MODEL.derive(rows).drop("age_years"), "declared feature age_years"),
        (
            lambda rows: MODEL.derive(rows).with_columns(age_years=pl.lit(CANARY)),
            "features that are no numbers: age_years is String",
        ),
        (lambda rows: None, "gives a NoneType, where a polars DataFrame is needed"),
    ],
    ids=["value in a message", "lazy", "feature forgotten", "text", "nothing"],
)
def test_a_derivation_that_fails_is_told_without_a_value(
    derive: object, words: str, dataset: pl.DataFrame
) -> None:
    with pytest.raises(ClinicalError) as caught:
        derive_features(replace(MODEL, derive=derive), dataset)
    assert words in str(caught.value)
    assert CANARY not in "".join(traceback.format_exception(caught.value))
