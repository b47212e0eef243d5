"""A small real spec and its Pima predictions, for tests of the evaluation and its verdicts."""

import numpy as np
import polars as pl

from clinical_assets.modelling.approvals import Approval
from clinical_assets.modelling.evaluation import (
    ChampionPredictions,
    ReferencePredictions,
    evaluate,
)
from clinical_assets.modelling.records import Evaluation
from clinical_assets.modelling.spec import (
    AcceptanceCriteria,
    ClinicalModel,
    Column,
    Criterion,
    Estimator,
    IntendedUse,
    Label,
    OperatingPoint,
    Reference,
    Subgroup,
)
from tests.unit.modelling.oracle import pima_test

ACCEPTANCE = AcceptanceCriteria(
    criteria=(
        Criterion("ranking", "auroc", "", bound="lower", minimum=0.8),
        Criterion("error", "brier", "", maximum=0.16),
        Criterion("slope", "calibration_slope", "", minimum=0.7, maximum=1.4, group="calibration"),
        Criterion("coverage", "conformal_coverage", "", minimum=0.8, group="uncertainty"),
    )
)


def read(files: object) -> pl.DataFrame:
    """The tests below hand predictions over directly; nothing is read."""
    raise NotImplementedError


def model(**changes: object) -> ClinicalModel:
    """A spec over the Pima columns; ``changes`` replace fields."""
    columns = tuple(
        Column(name, kind, "1", name, nullable=name == "bmi")  # type: ignore[arg-type]
        for name, kind in (
            ("patient_id", "string"),
            ("diabetes", "boolean"),
            ("age", "integer"),
            ("bmi", "number"),
        )
    )
    fields = {
        "name": "example",
        "version": "1.0.0",
        "title": "Example",
        "owner": "owner",
        "developer": "developer",
        "contact": "contact",
        "license": "Apache-2.0",
        "citation": "Example",
        "source": "pima-ripley",
        "read": read,
        "derive": read,
        "id_column": "patient_id",
        "columns": columns,
        "features": columns[2:],
        "label": Label("diabetes", "yes", "no", "glucose tolerance test"),
        "intended_use": IntendedUse("", "", "", "", "", "", (), (), (), ()),
        "estimators": (Estimator("lr", "logistic_regression", 1, {"C": (1.0,)}),),
        "operating_point": OperatingPoint(0.3, ""),
        "acceptance": ACCEPTANCE,
        "subgroups": (
            Subgroup("age", "age", (30.0, 40.0), ("under 30", "30–39", "40 or more")),
            Subgroup("BMI", "bmi", (30.0,), ("under 30", "30 or more")),
        ),
        "bootstrap_replicates": 200,
        "approvals": (
            Approval("clinical review", "clinical reviewer", "review"),
            Approval("quality approval", "quality", "approval"),
        ),
    }
    return ClinicalModel(**(fields | changes))  # type: ignore[arg-type]


def predictions() -> pl.DataFrame:
    """The 332 test rows with the logistic regression's probabilities."""
    return pima_test().select(
        pl.format("T{}", pl.int_range(pl.len()) + 1000).alias("patient_id"),
        "diabetes",
        "age",
        "bmi",
        pl.col("logistic").alias("probability"),
    )


def calibration(rows: int = 80) -> pl.DataFrame:
    """Rows to calibrate prediction sets on, well calibrated by construction."""
    random = np.random.default_rng(5)
    p = random.random(rows)
    return pl.DataFrame({"diabetes": random.random(rows) < p, "probability": p})


def reference() -> ReferencePredictions:
    """The linear discriminant on the same rows."""
    declared = Reference(
        "LDA", "linear_discriminant", ("age", "bmi"), "complete", published_errors=67
    )
    return ReferencePredictions(declared, 200, pima_test()["discriminant"].to_numpy())


def champion() -> ChampionPredictions:
    """The linear discriminant as the model released before."""
    return ChampionPredictions("0.9.0", "c" * 64, pima_test()["discriminant"].to_numpy())


def evaluation(**changes: object) -> Evaluation:
    """The evaluation of these predictions; ``changes`` replace arguments of ``evaluate``."""
    arguments: dict = {
        "spec": model(),
        "candidate_sha256": "a" * 64,
        "version": "1.0.0+1",
        "protocol_digest": "b" * 64,
        "predictions_digest": "d" * 64,
        "predictions": predictions(),
        "calibration": calibration(),
        "references": [reference()],
        "champion": champion(),
    }
    return evaluate(**(arguments | changes))
