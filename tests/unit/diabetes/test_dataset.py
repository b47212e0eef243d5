"""The published Pima figures, as both of their publications give them."""

import polars as pl
import pytest

from clinical_assets.diabetes.dataset import COLUMNS, COLUMNS_768, read_768, read_ripley
from clinical_assets.errors import ClinicalError
from clinical_assets.modelling.spec import Column
from tests.unit.diabetes.real_data import file_of_768, ripley_files

TYPES = {
    "integer": pl.Int64,
    "number": pl.Float64,
    "string": pl.String,
    "boolean": pl.Boolean,
}
SHARED = [c.name for c in COLUMNS if c.name not in ("patient_id", "partition")]


@pytest.fixture(scope="module")
def ripley() -> pl.DataFrame:
    return read_ripley(ripley_files())


@pytest.fixture(scope="module")
def uci() -> pl.DataFrame:
    return read_768({"pima-indians-diabetes.csv": file_of_768()})


def schema_of(columns: tuple[Column, ...]) -> dict[str, type[pl.DataType]]:
    return {c.name: TYPES[c.dtype] for c in columns}


def test_ripley_is_the_published_split(ripley: pl.DataFrame) -> None:
    assert ripley.schema == schema_of(COLUMNS)
    counts = ripley.group_by("partition", "diabetes").len().sort("partition", "diabetes")
    assert counts.rows() == [
        ("test", False, 223),
        ("test", True, 109),
        ("train", False, 194),
        ("train", True, 106),
    ]
    missing = {name: n for name, n in ripley.null_count().row(0, named=True).items() if n}
    assert missing == {"diastolic_bp_mmhg": 13, "triceps_skinfold_mm": 98, "bmi_kg_per_m2": 3}
    assert ripley.head(200).null_count().row(0) == (0,) * len(COLUMNS)


def test_ripley_names_each_row_by_part_and_place(ripley: pl.DataFrame) -> None:
    assert ripley["patient_id"].is_unique().all()
    assert ripley["patient_id"].to_list()[::331] == ["train-001", "test-032"]
    first = ripley.row(0, named=True)
    assert list(first.values()) == [
        "train-001", "train", 5, 86, 68, 28, 30.2, 0.364, 24, False,
    ]  # fmt: skip


def test_missing_may_be_empty_or_na(ripley: pl.DataFrame) -> None:
    files = ripley_files()
    files["pima_train.csv"] = (
        files["pima_train.csv"].replace(b",,", b",NA,").replace(b",,", b",NA,")
    )
    assert b"NA" in files["pima_train.csv"]
    assert read_ripley(files).equals(ripley)


def test_uci_reads_zero_as_missing_in_five_columns_only(uci: pl.DataFrame) -> None:
    assert uci.schema == schema_of(COLUMNS_768)
    assert uci.height == 768
    missing = {name: n for name, n in uci.null_count().row(0, named=True).items() if n}
    assert missing == {
        "glucose_mg_per_dl": 5,
        "diastolic_bp_mmhg": 35,
        "triceps_skinfold_mm": 227,
        "insulin_uiu_per_ml": 374,
        "bmi_kg_per_m2": 11,
    }
    assert (uci["pregnancies_count"] == 0).sum() == 111
    assert round(100 * uci["diabetes"].mean(), 1) == 34.9


def test_both_publications_hold_the_same_women(ripley: pl.DataFrame, uci: pl.DataFrame) -> None:
    """Each of Ripley's 632 rows is another one of the 768, value by value."""
    found = ripley.join(uci.with_row_index("row"), on=SHARED, nulls_equal=True)
    assert found.height == 632
    assert found["row"].is_unique().all()


def test_published_figures_lie_in_the_plausible_ranges(
    ripley: pl.DataFrame, uci: pl.DataFrame
) -> None:
    for frame, columns in ((ripley, COLUMNS), (uci, COLUMNS_768)):
        for column in columns:
            values = frame[column.name].drop_nulls()
            assert column.nullable or values.len() == frame.height
            if column.minimum is not None:
                assert values.min() >= column.minimum, column.name
            if column.maximum is not None:
                assert values.max() <= column.maximum, column.name


def test_column_names_and_units() -> None:
    units = {c.name: c.unit for c in COLUMNS_768}
    assert units["glucose_mg_per_dl"] == "mg/dL"
    assert units["diastolic_bp_mmhg"] == "mm[Hg]"
    assert units["insulin_uiu_per_ml"] == "u[IU]/mL"
    assert "partition" not in units


def test_absent_file_is_named() -> None:
    with pytest.raises(ClinicalError, match=r"pima_test\.csv is not among"):
        read_ripley({"pima_train.csv": ripley_files()["pima_train.csv"]})


def test_uci_file_may_have_any_name() -> None:
    row = b"6,148,72,35,0,33.6,0.627,50,1\n0,0,66,29,0,26.6,0.351,31,0\n"
    frame = read_768({"diabetes.csv": row})
    assert frame["pregnancies_count"].to_list() == [6, 0]
    assert frame["glucose_mg_per_dl"].to_list() == [148, None]
    assert frame["diabetes"].to_list() == [True, False]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (b"npreg,glu,bp", b"npreg,bp,glu", "in another order, first at position 2"),
        (b"npreg,glu", b"npreg,glucose", "'glu' is missing; 'glucose' at position 2"),
        (b",Yes", b",Perhaps", "Column 'type': 106 values are neither of the two codes (lines 3"),
        (b"5,86,68", b"5,,68", "Column 'glu': 1 value is empty (line 2)"),
        (b"5,86,68", b"5,8765.5,68", "Column 'glu': 1 value is not a whole number (line 2)"),
    ],
)
def test_departure_from_the_published_layout(old: bytes, new: bytes, expected: str) -> None:
    files = ripley_files()
    files["pima_train.csv"] = files["pima_train.csv"].replace(old, new)
    with pytest.raises(ClinicalError) as caught:
        read_ripley(files)
    assert expected in str(caught.value)
    assert "pima_train.csv" in str(caught.value)
    assert "8765" not in str(caught.value)
    assert "Perhaps" not in str(caught.value)
