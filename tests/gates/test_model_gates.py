"""Each gate on candidate, evaluation, card and package in a real run: good, bad and empty.

After a refusal the next asset does not start, and the refusal is kept on the candidate's run.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from dagster import AssetKey, AssetsDefinition, asset, materialize

from asset_checks.model_gates import (
    card_gate,
    evaluation_gates,
    package_gate,
    parity_gate,
    protocol_gate,
    reproducibility_gate,
)
from clinical_assets.diabetes.spec import MODEL
from clinical_assets.evidence.card import ModelCard
from clinical_assets.evidence.card_build import build_card
from clinical_assets.evidence.package_record import PackageRecord
from clinical_assets.evidence.provenance import Provenance, SourceFacts
from clinical_assets.keys import ModelKeys
from clinical_assets.modelling.candidate import Candidate
from clinical_assets.modelling.records import (
    CandidateRecord,
    Comparison,
    Estimate,
    Evaluation,
    Protocol,
    SourceFile,
    Verdict,
)
from resources.build import build_resources
from resources.mlflow_registry import Registry
from resources.settings import Settings

KEYS = ModelKeys("diabetes")
NOTHING = Estimate(None, None, None, 0, 0, "no rows")


@dataclass
class Outcome:
    """What a gate decided, whether the asset behind it ran, and what MLflow keeps."""

    passed: bool
    summary: str
    went_on: bool
    kept: str


@pytest.fixture
def decide(registry: Registry, candidate: Candidate, tmp_path: Path):
    """Runs one gate over one value, with an asset behind it."""
    from mlflow import MlflowClient

    client = MlflowClient(registry.tracking_uri, registry.tracking_uri)
    record = candidate.record
    run = client.create_run(
        registry.prepare(),
        tags={"clinical.model": record.model, "clinical.version": record.version},
    )

    def run_gate(gate: Any, guarded: AssetsDefinition, *others: AssetsDefinition) -> Outcome:
        reached: list[str] = []

        @asset(deps=[guarded.key])
        def behind() -> None:
            reached.append("behind")

        settings = Settings.load(
            store=tmp_path,
            mlflow_tracking_uri=registry.tracking_uri,
            mlflow_artifacts=registry.artifacts,
        )
        built = build_resources(settings)
        result = materialize(
            [guarded, *others, behind, gate],
            raise_on_error=False,
            resources={name: built[name] for name in ("registry", "packages")},
        )
        (found,) = result.get_asset_check_evaluations()
        kept = client.get_run(run.info.run_id).data.tags[f"gate.{found.check_name}"]
        assert found.blocking
        return Outcome(found.passed, found.description or "", bool(reached), kept)

    return run_gate


def refused(outcome: Outcome) -> bool:
    """Refused, nothing behind it ran, and the words are kept."""
    return (
        not outcome.passed and not outcome.went_on and outcome.kept == f"refused: {outcome.summary}"
    )


def passed(outcome: Outcome) -> bool:
    return outcome.passed and outcome.went_on and outcome.kept == f"passed: {outcome.summary}"


def candidate_asset(value: CandidateRecord) -> AssetsDefinition:
    @asset(key=KEYS.candidate)
    def made() -> CandidateRecord:
        return value

    return made


def evaluation_asset(value: Evaluation) -> AssetsDefinition:
    @asset(key=KEYS.evaluation)
    def made() -> Evaluation:
        return value

    return made


def with_metric(evaluation: Evaluation, name: str, estimate: Estimate) -> Evaluation:
    return replace(evaluation, metrics={**evaluation.metrics, name: estimate})


def gate_named(name: str) -> Any:
    gates = evaluation_gates(KEYS.evaluation, MODEL)
    return next(g for g in gates if next(iter(g.check_keys)).name == name)


@pytest.mark.parametrize(("parity", "good"), [(1e-7, True), (0.01, False), (float("nan"), False)])
def test_onnx_parity(decide, candidate: Candidate, parity: float, good: bool) -> None:
    gate = parity_gate("onnx_parity", KEYS.candidate, MODEL.acceptance)
    found = decide(gate, candidate_asset(replace(candidate.record, parity=parity)))
    assert passed(found) if good else refused(found)


WORSE = {
    "performance": ("auroc", Estimate(0.75, 0.70, 0.80, 332, 109)),
    "calibration": ("calibration_slope", Estimate(2.4, 2.0, 2.8, 332, 109)),
    "uncertainty": ("conformal_coverage", Estimate(0.7, 0.6, 0.8, 332, 109)),
}


@pytest.mark.parametrize("name", WORSE)
def test_a_criterion_that_holds_passes(decide, evaluation: Evaluation, name: str) -> None:
    assert passed(decide(gate_named(name), evaluation_asset(evaluation)))


@pytest.mark.parametrize("name", WORSE)
def test_a_criterion_that_does_not_hold_refuses(decide, evaluation: Evaluation, name: str) -> None:
    metric, estimate = WORSE[name]
    found = decide(gate_named(name), evaluation_asset(with_metric(evaluation, metric, estimate)))
    assert refused(found)
    assert metric in found.summary


@pytest.mark.parametrize("name", WORSE)
def test_a_metric_without_value_refuses(decide, evaluation: Evaluation, name: str) -> None:
    metric, _ = WORSE[name]
    found = decide(gate_named(name), evaluation_asset(with_metric(evaluation, metric, NOTHING)))
    assert refused(found)


@pytest.mark.parametrize("name", ["performance", "calibration"])
def test_too_few_events_refuse(decide, evaluation: Evaluation, name: str) -> None:
    few = {key: replace(e, n=60, events=20) for key, e in evaluation.metrics.items()}
    assert refused(decide(gate_named(name), evaluation_asset(replace(evaluation, metrics=few))))


def test_an_evaluation_without_metrics_refuses(decide, evaluation: Evaluation) -> None:
    found = decide(gate_named("performance"), evaluation_asset(replace(evaluation, metrics={})))
    assert refused(found)
    assert "was not measured" in found.summary


def test_subgroups_above_the_floor_pass(decide, evaluation: Evaluation) -> None:
    assert passed(decide(gate_named("subgroup_floor"), evaluation_asset(evaluation)))


def test_a_subgroup_below_the_floor_refuses(decide, evaluation: Evaluation) -> None:
    first, *rest = evaluation.subgroups
    poor = replace(first, metrics={**first.metrics, "auroc": Estimate(0.5, 0.4, 0.6, 150, 30)})
    spoiled = replace(evaluation, subgroups=(poor, *rest))
    found = decide(gate_named("subgroup_floor"), evaluation_asset(spoiled))
    assert refused(found)
    assert first.band in found.summary


def test_no_subgroup_refuses(decide, evaluation: Evaluation) -> None:
    spoiled = replace(evaluation, subgroups=())
    assert refused(decide(gate_named("subgroup_floor"), evaluation_asset(spoiled)))


def against(evaluation: Evaluation, difference: Estimate) -> Evaluation:
    comparison = Comparison("0.9.0+12345678", "ab" * 32, "auroc", difference, 0.03)
    return replace(evaluation, comparison=comparison)


@pytest.mark.parametrize(
    ("difference", "good"),
    [
        (Estimate(0.00, -0.02, 0.02, 332, 109), True),
        (Estimate(-0.05, -0.09, -0.02, 332, 109), False),
        (NOTHING, False),
    ],
    ids=["as good", "worse", "not comparable"],
)
def test_regression_against_the_champion(
    decide, evaluation: Evaluation, difference: Estimate, good: bool
) -> None:
    gate = gate_named("champion_regression")
    found = decide(gate, evaluation_asset(against(evaluation, difference)))
    assert passed(found) if good else refused(found)


def test_the_first_release_has_no_champion_to_match(decide, evaluation: Evaluation) -> None:
    found = decide(gate_named("champion_regression"), evaluation_asset(evaluation))
    assert passed(found)
    assert "first release" in found.summary


@pytest.mark.parametrize("change", ["none", "criteria", "other protocol", "other candidate"])
def test_criteria_changed_after_the_freeze_refuse(
    decide, evaluation: Evaluation, protocol: Protocol, change: str
) -> None:
    spec = MODEL
    if change == "criteria":
        spec = replace(MODEL, acceptance=replace(MODEL.acceptance, champion_margin=0.3))
    if change == "other protocol":
        evaluation = replace(evaluation, protocol_digest="0" * 64)
    if change == "other candidate":
        protocol = replace(protocol, candidate_sha256="0" * 64)

    @asset(key=KEYS.protocol)
    def frozen() -> Protocol:
        return protocol

    gate = protocol_gate("protocol_unchanged", KEYS.evaluation, KEYS.protocol, spec)
    found = decide(gate, evaluation_asset(evaluation), frozen)
    assert passed(found) if change == "none" else refused(found)


@pytest.fixture(scope="module")
def card(candidate: Candidate, evaluation: Evaluation, protocol: Protocol) -> ModelCard:
    facts = SourceFacts(
        "pima-ripley", "Pima", "public figures", "Ripley 1996", "NIDDK", "examined", "not at hand",
        (SourceFile("pima_train.csv", "0" * 64, 300),),
    )  # fmt: skip
    here = Provenance(
        "0" * 40, "2026-11-24T00:00:00Z", False, "0" * 64, "CPython 3.11", "Linux", "0.1.0", 1
    )
    gates = (Verdict("onnx_parity", True, "equal", {}),)
    return build_card(MODEL, candidate.record, evaluation, protocol, facts, here, 1, gates=gates)


@pytest.mark.parametrize("state", ["complete", "no risks", "empty"])
def test_a_card_that_lacks_answers_refuses(decide, card: ModelCard, state: str) -> None:
    value = card
    if state == "no risks":
        value = replace(card, intended_use=replace(card.intended_use, risks=()))
    if state == "empty":
        blank = replace(card.intended_use, statement="", population="", users="", setting="")
        value = replace(card, intended_use=blank, gates=(), monitoring=())

    @asset(key=KEYS.model_card)
    def made() -> ModelCard:
        return value

    found = decide(card_gate("card_complete", KEYS.model_card), made)
    assert passed(found) if state == "complete" else refused(found)
    if state == "no risks":
        assert "risks" in found.summary


def missing_package(candidate: Candidate) -> AssetsDefinition:
    @asset(key=KEYS.package)
    def made() -> PackageRecord:
        version = candidate.record.version
        return PackageRecord(
            "diabetes",
            version,
            "0" * 64,
            "1" * 64,
            "diabetes/none",
            "diabetes/none.zip",
            24,
            1,
            "0" * 64,
        )

    return made


def test_a_package_that_is_not_there_refuses(decide, candidate: Candidate) -> None:
    gate = package_gate("package_intact", KEYS.package)
    assert refused(decide(gate, missing_package(candidate)))


def test_a_package_that_cannot_be_rebuilt_refuses(decide, candidate: Candidate) -> None:
    gate = reproducibility_gate("reproducibility", KEYS.package)
    assert refused(decide(gate, missing_package(candidate)))


def test_gates_are_named_after_their_keys() -> None:
    for gate in evaluation_gates(AssetKey(["m", "evaluation"]), MODEL):
        (key,) = gate.check_keys
        assert key.asset_key == AssetKey(["m", "evaluation"])
