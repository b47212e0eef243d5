"""A reader's own words pass; those of any library are withheld, because they quote values."""

import traceback
from collections.abc import Mapping
from dataclasses import replace

import polars as pl
import pytest

from clinical_assets.diabetes.spec import MODEL
from clinical_assets.errors import ClinicalError
from clinical_assets.modelling.reading import read_dataset

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
