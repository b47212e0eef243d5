"""A small but complete model with realistic figures, for the tests of the documents.

The figures are invented in the size of the Pima data; nothing is trained here.
"""

import dataclasses
from typing import Any

import polars as pl

from clinical_assets.canonical import sha256
from clinical_assets.evidence.card import ModelCard
from clinical_assets.evidence.card_build import build_card
from clinical_assets.evidence.provenance import Provenance, SourceFacts
from clinical_assets.modelling.records import (
    CandidateRecord,
    Comparison,
    ConformalResult,
    CurveBin,
    CurvePoint,
    Estimate,
    Evaluation,
    FairnessGap,
    FeatureRecipe,
    Protocol,
    ReferenceResult,
    SourceFile,
    SubgroupResult,
    Trial,
    Verdict,
)
from clinical_assets.modelling.spec import ClinicalModel
from tests.unit.evidence.example_spec import spec as spec

N, EVENTS = 332, 109
ONNX = sha256(b"onnx")
SUPPRESSED = Estimate(None, None, None, None, None, "suppressed: a cell of 1 to 10 people")


def candidate(model: ClinicalModel) -> CandidateRecord:
    """A logistic regression that the search chose."""
    trials = tuple(
        Trial("logistic", "logistic_regression", 1, {"C": c}, loss, 0.011, 0.83, c == 0.1)
        for c, loss in ((0.1, 0.462), (1.0, 0.461), (10.0, 0.463))
    )
    return CandidateRecord(
        model=model.name,
        version=model.version,
        spec_digest=model.digest,
        estimator="logistic",
        kind="logistic_regression",
        parameters={"C": 0.1},
        recipe=FeatureRecipe(tuple(c.name for c in model.features), {"bmi_kg_per_m2": 32.9}, 240),
        inputs=model.inputs,
        trials=trials,
        training_rows=240,
        training_events=85,
        training_digest=sha256(b"training"),
        onnx_sha256=ONNX,
        skops_sha256=sha256(b"skops"),
        parity=2.1e-7,
        seed=model.seed,
        coefficients={"glucose_mg_per_dl": 1.05, "bmi_kg_per_m2": 0.55, "intercept": -0.93},
    )


def metrics(**changes: Estimate) -> dict[str, Estimate]:
    """Test-set metrics of the example; one is undefined, with its reason."""
    figures = {
        "auroc": (0.8391, 0.7951, 0.8812),
        "auprc": (0.7214, 0.6402, 0.7951),
        "brier": (0.1462, 0.1271, 0.1668),
        "log_loss": (0.4477, 0.3998, 0.5021),
        "calibration_slope": (0.9712, 0.7803, 1.2011),
        "calibration_intercept": (-0.0834, -0.3511, 0.1789),
        "expected_calibration_error": (0.0411, 0.0302, 0.0875),
        "sensitivity": (0.7156, 0.6287, 0.7982),
        "specificity": (0.8027, 0.7489, 0.8539),
        "ppv": (0.6393, 0.5537, 0.7236),
        "npv": (0.8524, 0.8037, 0.8976),
        "accuracy": (0.8012, 0.7590, 0.8434),
        "errors": (66.0, 52.0, 80.0),
        "selection_rate": (0.3675, 0.3163, 0.4187),
    }
    known = {k: Estimate(*v, N, EVENTS) for k, v in figures.items()}
    known["net_benefit"] = Estimate(None, None, None, N, EVENTS, "no one was flagged")
    return {**known, **changes}


def _band(
    subgroup: str, band: str, n: int, events: int, auroc: tuple[float, float, float]
) -> SubgroupResult:
    wide = {
        "auroc": Estimate(*auroc, n, events),
        "sensitivity": Estimate(0.71, 0.58, 0.83, n, events),
        "specificity": Estimate(0.80, 0.71, 0.88, n, events),
        "npv": Estimate(None, None, None, n, events, "fewer than 30 events"),
    }
    return SubgroupResult(subgroup, band, n, events, False, wide)


def _hidden(subgroup: str, band: str) -> SubgroupResult:
    hidden = dict.fromkeys(("auroc", "sensitivity", "specificity", "npv"), SUPPRESSED)
    return SubgroupResult(subgroup, band, None, None, True, hidden)


def references() -> tuple[ReferenceResult, ...]:
    """Two reference models: one is the baseline, one has published figures."""
    baseline = ReferenceResult(
        name="logistic regression, all rows",
        kind="logistic_regression",
        rows=300,
        errors=65,
        test_rows=N,
        published_errors=None,
        citation="",
        baseline=True,
        metrics={"auroc": Estimate(0.8402, 0.7968, 0.8819, N, EVENTS)},
        difference=Estimate(-0.0011, -0.0078, 0.0059, N, EVENTS),
    )
    published = dataclasses.replace(
        baseline,
        name="logistic regression, first 200 rows",
        rows=200,
        errors=66,
        published_errors=66,
        citation="Ripley 1996",
        baseline=False,
        difference=Estimate(0.0041, -0.0062, 0.0150, N, EVENTS),
    )
    return baseline, published


def evaluation(*, champion: bool = False, **changes: Any) -> Evaluation:
    """The example's evaluation, with or without a champion to compare with."""
    if champion:
        difference = Estimate(0.0123, 0.0012, 0.0241, N, EVENTS)
        comparison = Comparison("diabetes_risk 0.9.0", sha256(b"old"), "auroc", difference, 0.03)
    else:
        none = Estimate(None, None, None, N, EVENTS, "no champion yet")
        comparison = Comparison("", "", "auroc", none, 0.03)
    curve = [CurveBin(0.05, None, None, None), CurveBin(0.12, None, None, None)]
    curve += [CurveBin(0.22, 0.273, 55, 15), CurveBin(0.36, 0.382, 55, 21)]
    curve += [CurveBin(0.55, 0.482, 56, 27), CurveBin(0.78, 0.727, 55, 40)]
    fields: dict[str, Any] = {
        "model": "diabetes_risk",
        "version": "1.0.0",
        "candidate_sha256": ONNX,
        "protocol_digest": sha256(b"protocol"),
        "predictions_digest": sha256(b"predictions"),
        "threshold": 0.35,
        "metrics": metrics(),
        "calibration_curve": tuple(curve),
        "roc": tuple(CurvePoint(i / 20, 1 - (1 - i / 20) ** 5.7) for i in range(21)),
        "precision_recall": tuple(
            CurvePoint(i / 20, 0.92 - 0.59 * (i / 20) ** 2.2) for i in range(21)
        ),
        "decision_curve": tuple(
            CurvePoint(t / 100, max(0.0, 0.33 * (1 - t / 100) ** 1.6)) for t in range(1, 100, 2)
        ),
        "decision_curve_treat_all": tuple(
            CurvePoint(t / 100, 0.328 - 0.672 * (t / 100) / (1 - t / 100)) for t in range(1, 100, 2)
        ),
        "subgroups": (
            _band("age", "21-29", 170, 30, (0.8201, 0.7312, 0.8998)),
            _hidden("age", "30-59"),
            _hidden("age", "60+"),
            _band("bmi", "below 30", 112, 14, (0.8611, 0.7689, 0.9402)),
            _band("bmi", "30 and over", 220, 95, (0.8011, 0.7420, 0.8577)),
        ),
        "fairness": (
            FairnessGap("age", "true_positive_rate", 0.21, 0.74, ("21-29", "30-44")),
            FairnessGap("age", "selection_rate", 0.38, 0.33, ("21-29", "30-44")),
            FairnessGap("bmi", "false_positive_rate", None, None, (), "fewer than two bands"),
        ),
        "conformal": ConformalResult(
            0.9, 60, Estimate(0.9036, 0.8705, 0.9337, N, EVENTS), 0, 228, 104, 0.2
        ),
        "references": references(),
        "comparison": comparison,
    }
    return Evaluation(**{**fields, **changes})


def protocol(model: ClinicalModel) -> Protocol:
    """The frozen protocol that the example's evaluation names."""
    frozen: dict[str, object] = {"criteria": len(model.acceptance.criteria)}
    return Protocol(
        model.name,
        model.version,
        sha256(b"protocol"),
        frozen,
        ONNX,
        sha256(b"dataset"),
        sha256(b"split"),
    )


def source(**changes: Any) -> SourceFacts:
    """The source as a register describes it."""
    fields: dict[str, Any] = {
        "id": "pima",
        "title": "Pima Indians diabetes, published split",
        "license": "public figures",
        "citation": "Smith et al. 1988",
        "collected_by": "US National Institute of Diabetes and Digestive and Kidney Diseases",
        "collection": "Women of Pima heritage, 21 or over, examined near Phoenix, Arizona.",
        "consent": "Published without names; the consent form of the time is not at hand.",
        "files": (
            SourceFile("pima_train.csv", sha256(b"train"), 300),
            SourceFile("pima_test.csv", sha256(b"test"), 332),
        ),
    }
    return SourceFacts(**{**fields, **changes})


def provenance(**changes: Any) -> Provenance:
    """Code and environment of the example."""
    fields: dict[str, Any] = {
        "commit": "0dcb559d" * 5,
        "commit_time": "2026-11-24T03:20:00Z",
        "dirty": False,
        "lock_sha256": sha256(b"lock"),
        "python": "CPython 3.11.2",
        "platform": "Linux x86_64",
        "package_version": "0.1.0",
        "seed": 20261124,
    }
    return Provenance(**{**fields, **changes})


def gates() -> tuple[Verdict, ...]:
    """Three gates, all passed."""
    return (
        Verdict("contract", True, "632 rows hold the contract", {"rows": 632.0}),
        Verdict("split_independence", True, "no patient in two splits", {"shared": 0.0}),
        Verdict("champion", True, "no champion yet", {"difference": None}),
    )


def card(
    model: ClinicalModel | None = None, measured: Evaluation | None = None, **changes: Any
) -> ModelCard:
    """The example's card; ``changes`` are arguments of :func:`build_card`."""
    model = model or spec()
    arguments: dict[str, Any] = {
        "source": source(),
        "provenance": provenance(),
        "unsealings": 1,
        "gates": gates(),
        **changes,
    }
    return build_card(
        model,
        candidate(model),
        measured or evaluation(),
        protocol(model),
        **arguments,
    )


def blank(value: Any) -> Any:
    """The same record with every text and collection emptied and every number None or 0."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        emptied = {f.name: blank(getattr(value, f.name)) for f in dataclasses.fields(value)}
        return dataclasses.replace(value, **emptied)
    if isinstance(value, str):
        return ""
    if isinstance(value, tuple):
        return ()
    if isinstance(value, dict):
        return {}
    if isinstance(value, bool):
        return False
    return 0 if isinstance(value, int) else None


def dataset(rows: int = 60) -> pl.DataFrame:
    """Rows for the datasheet: every fifth is diabetic, three BMI values are missing."""
    numbers = range(rows)
    return pl.DataFrame(
        {
            "patient_id": [f"r{i:03d}" for i in numbers],
            "glucose_mg_per_dl": [80.0 + i for i in numbers],
            "bmi_kg_per_m2": [None if i in (1, 2, 3) else 20.0 + i % 20 for i in numbers],
            "age_years": [21 + i % 45 for i in numbers],
            "pregnancies": [i % 6 for i in numbers],
            "diabetes": [i % 5 == 0 for i in numbers],
            "partition": ["train" if i < rows // 2 else "test" for i in numbers],
        }
    )


def split(rows: int = 60) -> pl.DataFrame:
    """A third each of training, calibration and test rows."""
    roles = ["train"] * (rows // 3) + ["calibration"] * (rows // 3)
    roles += ["test"] * (rows - len(roles))
    return pl.DataFrame({"patient_id": [f"r{i:03d}" for i in range(rows)], "role": roles})
