"""The declaration of the small model that the tests of the documents use."""

from typing import Any

import polars as pl

from clinical_assets.modelling.approvals import Approval
from clinical_assets.modelling.spec import (
    AcceptanceCriteria,
    ClinicalModel,
    Column,
    Criterion,
    Estimator,
    IntendedUse,
    Label,
    Monitor,
    OperatingPoint,
    Reference,
    Subgroup,
)

GLUCOSE = Column("glucose_mg_per_dl", "number", "mg/dL", "Plasma glucose at two hours", 40, 400)
BMI = Column("bmi_kg_per_m2", "number", "kg/m2", "Body mass index", 10, 80, nullable=True)
AGE = Column("age_years", "integer", "a", "Age at the visit", 21, 120)
PREGNANCIES = Column("pregnancies", "integer", "1", "Number of pregnancies", 0, 20)


def read(files: Any) -> pl.DataFrame:
    return pl.DataFrame()


def derive(frame: pl.DataFrame) -> pl.DataFrame:
    return frame


def spec(**changes: Any) -> ClinicalModel:
    """The example's declaration, with fields exchanged."""
    fields: dict[str, Any] = {
        "name": "diabetes_risk",
        "version": "1.0.0",
        "title": "Diabetes within five years, women of Pima heritage",
        "owner": "clinical-ml@example.org",
        "developer": "Example Hospital, Clinical ML",
        "contact": "clinical-ml@example.org",
        "license": "Apache-2.0",
        "citation": "Smith et al. 1988; Ripley 1996.",
        "source": "pima",
        "read": read,
        "derive": derive,
        "id_column": "patient_id",
        "columns": (
            Column("patient_id", "string", "1", "Row of the published file"),
            GLUCOSE,
            BMI,
            AGE,
            PREGNANCIES,
            Column("diabetes", "boolean", "1", "Diabetes by the WHO criteria of 1985"),
            Column("partition", "string", "1", "Published split", levels=("train", "test")),
        ),
        "features": (GLUCOSE, BMI, AGE, PREGNANCIES),
        "label": Label("diabetes", "diabetes", "no diabetes", "Oral glucose tolerance test."),
        "intended_use": IntendedUse(
            statement="Supports the choice of whom to invite to a glucose tolerance test.",
            population="Women of Pima heritage aged 21 and over.",
            users="Physicians and diabetes nurses.",
            setting="Outpatient clinic with laboratory.",
            decision="Informs a clinician's decision; it replaces none.",
            output="Probability of diabetes within five years, 0 to 1.",
            out_of_scope=("Men.", "Children.", "People with known diabetes."),
            risks=("A missed case is diagnosed later.",),
            limitations=("One community, recorded before 1988.",),
            ethical_considerations=("The community gains only if care follows the invitation.",),
        ),
        "estimators": (
            Estimator("logistic", "logistic_regression", 1, {"C": (0.1, 1.0, 10.0)}),
            Estimator("boosting", "gradient_boosting", 3, {"learning_rate": (0.05, 0.1)}),
        ),
        "operating_point": OperatingPoint(0.35, "A missed case weighs about twice a false alarm."),
        "acceptance": AcceptanceCriteria(
            criteria=(
                Criterion(
                    "discrimination", "auroc", "Below 0.75 no better than age.", "lower", 0.75
                ),
                Criterion("brier", "brier", "Below the prevalence model.", maximum=0.2),
                Criterion(
                    "slope",
                    "calibration_slope",
                    "Neither too extreme nor too flat.",
                    minimum=0.8,
                    maximum=1.25,
                    group="calibration",
                ),
                Criterion(
                    "coverage",
                    "conformal_coverage",
                    "Nominal less sampling error.",
                    minimum=0.86,
                    group="uncertainty",
                ),
            )
        ),
        "subgroups": (
            Subgroup("age", "age_years", (30.0, 60.0), ("21-29", "30-59", "60+")),
            Subgroup("bmi", "bmi_kg_per_m2", (30.0,), ("below 30", "30 and over")),
        ),
        "references": (
            Reference(
                name="logistic regression, all rows",
                kind="logistic_regression",
                columns=("glucose_mg_per_dl", "bmi_kg_per_m2", "age_years"),
                rows="all",
                baseline=True,
            ),
            Reference(
                name="logistic regression, first 200 rows",
                kind="logistic_regression",
                columns=("glucose_mg_per_dl", "bmi_kg_per_m2", "age_years"),
                rows="complete",
                published_errors=66,
                citation="Ripley 1996",
            ),
        ),
        "partition_column": "partition",
        "approvals": (
            Approval("clinical review", "clinical reviewer", "approval"),
            Approval("quality approval", "quality", "review"),
        ),
        "monitoring": (
            Monitor("auroc", "month", "below 0.78", "clinical-ml", "Open a CAPA and review"),
            Monitor("psi", "week", "above 0.2", "clinical-ml", "Find the cause"),
        ),
    }
    return ClinicalModel(**{**fields, **changes})
