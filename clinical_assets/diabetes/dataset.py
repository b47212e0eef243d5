"""The Pima figures as published, read into the dataset's columns.

What belongs here: the dataset's contract (names, units, plausible ranges) and one reader for each
publication of the figures. What does not: imputation, derived columns (``features``) and gates.

The women were of Pima heritage, at least 21 years old and lived near Phoenix, Arizona; the
National Institute of Diabetes and Digestive and Kidney Diseases collected the figures (Smith et
al. 1988, *Proc. Symp. Computer Applications in Medical Care*, 261–265).
"""

from collections.abc import Mapping
from dataclasses import replace

import polars as pl

from clinical_assets.errors import ClinicalError
from clinical_assets.modelling.spec import Column
from clinical_assets.modelling.tabular import RawColumn, read_csv

Frame = pl.DataFrame

TRAIN_FILE = "pima_train.csv"
TEST_FILE = "pima_test.csv"
FILE_768 = "pima-indians-diabetes.csv"

_PATIENT = Column(
    "patient_id",
    "string",
    "1",
    "Row's name, made from its place in the published file: the figures carry no identifier",
)

# The ranges bound what can be true of a living adult, not what is usual: a gate that refuses
# rare patients would select the cohort. They are wider than the published figures except where
# the cohort's own inclusion rule sets the bound.
_MEASUREMENTS = (
    Column(
        "pregnancies_count",
        "integer",
        "1",
        "Number of times pregnant",
        minimum=0,
        maximum=25,  # published: up to 17
    ),
    Column(
        "glucose_mg_per_dl",
        "integer",
        "mg/dL",
        "Plasma glucose 2 hours after 75 g of glucose by mouth",
        minimum=20,  # below it a person is unconscious, not sitting a tolerance test
        maximum=600,  # above it a tolerance test is not given
    ),
    Column(
        "diastolic_bp_mmhg",
        "integer",
        "mm[Hg]",
        "Diastolic blood pressure",
        minimum=20,  # published: from 24
        maximum=180,  # published: up to 122
        nullable=True,
    ),
    Column(
        "triceps_skinfold_mm",
        "integer",
        "mm",
        "Triceps skinfold thickness",
        minimum=2,
        maximum=99,  # the published 99 is beyond a caliper's jaws, but Ripley kept it
        nullable=True,
    ),
    Column(
        "bmi_kg_per_m2",
        "number",
        "kg/m2",
        "Body mass index",
        minimum=10,  # lowest survivable values in adults lie near 10
        maximum=100,  # published: up to 67.1
        nullable=True,
    ),
    Column(
        "pedigree_score",
        "number",
        "1",
        "Diabetes pedigree function: family history weighted by kinship and age",
        minimum=0.01,  # a ratio of two positive sums, so its logarithm exists
        maximum=5,  # published: 0.078 to 2.42
    ),
    Column(
        "age_years",
        "integer",
        "a",
        "Age",
        minimum=21,  # the cohort's inclusion rule
        maximum=110,
    ),
)

_LABEL = Column(
    "diabetes",
    "boolean",
    "1",
    "Diabetes by WHO criteria of 1985 within five years after the examination",
)

# Names of these columns in Ripley's files, for the lineage.
_PUBLISHED = ("npreg", "glu", "bp", "skin", "bmi", "ped", "age", "type")

COLUMNS: tuple[Column, ...] = (
    _PATIENT,
    Column(
        "partition",
        "string",
        "1",
        "Part of the published split",
        levels=("train", "test"),
    ),
    *(
        replace(column, derived_from=(published,))
        for column, published in zip((*_MEASUREMENTS, _LABEL), _PUBLISHED, strict=True)
    ),
)
"""Contract of :func:`read_ripley`."""

_INSULIN = Column(
    "insulin_uiu_per_ml",
    "integer",
    "u[IU]/mL",
    "Serum insulin 2 hours after 75 g of glucose by mouth, in micro-international units",
    minimum=1,
    maximum=2000,  # published: 14 to 846
    nullable=True,
)

COLUMNS_768: tuple[Column, ...] = (
    _PATIENT,
    *(replace(c, nullable=True) if c.name == "glucose_mg_per_dl" else c for c in _MEASUREMENTS[:4]),
    _INSULIN,
    *_MEASUREMENTS[4:],
    _LABEL,
)
"""Contract of :func:`read_768`: glucose may be missing, insulin is there, no split is published."""

# The files hold empty fields; the copy of the figures that R's package MASS carries writes NA.
_NOT_TAKEN = ("", "NA")

_RIPLEY = (
    RawColumn("npreg", "integer"),
    RawColumn("glu", "integer"),
    RawColumn("bp", "integer", missing=_NOT_TAKEN),
    RawColumn("skin", "integer", missing=_NOT_TAKEN),
    RawColumn("bmi", "number", missing=_NOT_TAKEN),
    RawColumn("ped", "number"),
    RawColumn("age", "integer"),
    RawColumn("type", "boolean", levels=("No", "Yes")),
)

_CANONICAL = {
    "npreg": "pregnancies_count",
    "glu": "glucose_mg_per_dl",
    "bp": "diastolic_bp_mmhg",
    "skin": "triceps_skinfold_mm",
    "bmi": "bmi_kg_per_m2",
    "ped": "pedigree_score",
    "age": "age_years",
    "type": "diabetes",
}

# "0" and "0.0" mean that the value was not taken in five columns; in pregnancies it is a value.
_ZERO = ("0", "0.0")
_UCI = tuple(
    RawColumn(
        column.name,
        column.dtype,
        missing=_ZERO if column.nullable else (),
        levels=("0", "1") if column is _LABEL else (),
    )
    for column in COLUMNS_768[1:]
)


def read_ripley(files: Mapping[str, bytes]) -> Frame:
    """Ripley's 300 training and 332 test rows (:data:`COLUMNS`), training rows first.

    The publication carries no identifier of the women. ``patient_id`` is therefore made from the
    part and the row's number in its file (``train-001`` is line 2 of ``pima_train.csv``): it
    names a row, and cannot show whether one woman was entered twice. The independence gate
    looks for that in the values.

    Args:
        files: bytes of ``pima_train.csv`` and ``pima_test.csv`` by name.

    Raises:
        ClinicalError: a file is absent or departs from the published layout.

    Source: Ripley 1996, *Pattern Recognition and Neural Networks*.
    """
    parts = []
    for partition, name in (("train", TRAIN_FILE), ("test", TEST_FILE)):
        raw = read_csv(name, _file(files, name), _RIPLEY)
        measured = raw.rename(_CANONICAL)
        parts.append(_named(measured, partition).with_columns(partition=pl.lit(partition)))
    return pl.concat(parts).select(c.name for c in COLUMNS)


def read_768(files: Mapping[str, bytes]) -> Frame:
    """The 768 rows known from UCI and Kaggle (:data:`COLUMNS_768`), in the file's order.

    The file has no header and writes 0 for a value that was not taken: in glucose, blood
    pressure, skinfold, insulin and BMI zero becomes null; zero pregnancies stay zero.
    ``patient_id`` is made from the line (``row-001`` is line 1), as in :func:`read_ripley`.

    Args:
        files: bytes of ``pima-indians-diabetes.csv`` by name; a single file may have any name.

    Raises:
        ClinicalError: the file is absent or departs from the layout.
    """
    name = FILE_768 if FILE_768 in files or len(files) != 1 else next(iter(files))
    raw = read_csv(name, _file(files, name), _UCI, header=False)
    return _named(raw, "row").select(c.name for c in COLUMNS_768)


def _file(files: Mapping[str, bytes], name: str) -> bytes:
    if name not in files:
        raise ClinicalError(
            f"The file {name} is not among the source's files",
            where=", ".join(sorted(files)) or "no file given",
            repair=f"Register and give {name}",
        )
    return files[name]


def _named(frame: Frame, part: str) -> Frame:
    row = pl.int_range(1, pl.len() + 1).cast(pl.String).str.zfill(3)
    return frame.with_columns(patient_id=pl.concat_str(pl.lit(f"{part}-"), row))
