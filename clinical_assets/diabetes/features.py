"""Feature columns of the diabetes model, each computed from its own row alone.

What belongs here: the derivation stated before any model was fitted. What does not: imputation
and missing-value indicators (``modelling.features``), which are fitted on training rows.

Six measurements enter as they were taken. The pedigree score enters as its natural logarithm
because it is a ratio, positive and right-skewed, so that a linear predictor and the linear
discriminant's normality assumption fit the logarithm better. No other transform and no
interaction is tried. The references of the spec use the untransformed score where the published
models did.
"""

import polars as pl

from clinical_assets.diabetes.dataset import COLUMNS
from clinical_assets.modelling.spec import Column

_BY_NAME = {column.name: column for column in COLUMNS}

FEATURES: tuple[Column, ...] = (
    _BY_NAME["pregnancies_count"],
    _BY_NAME["glucose_mg_per_dl"],
    _BY_NAME["diastolic_bp_mmhg"],
    _BY_NAME["triceps_skinfold_mm"],
    _BY_NAME["bmi_kg_per_m2"],
    Column(
        "pedigree_log",
        "number",
        "1",
        "Natural logarithm of the diabetes pedigree function",
        minimum=-4.61,  # ln 0.01, rounded outwards
        maximum=1.61,  # ln 5, rounded outwards
        derived_from=("pedigree_score",),
    ),
    _BY_NAME["age_years"],
)


def derive(dataset: pl.DataFrame) -> pl.DataFrame:
    """``patient_id`` and the seven columns of :data:`FEATURES`, one row for each of ``dataset``.

    Row-wise: a row's features depend on nothing but that row's measurements. Nulls stay null.
    """
    return dataset.with_columns(pedigree_log=pl.col("pedigree_score").log()).select(
        "patient_id", *(column.name for column in FEATURES)
    )
