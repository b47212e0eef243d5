"""Gates on the candidate, its evaluation, its card and its package.

Each factory takes an asset key and what the gate demands, and returns a blocking check. The
decision is a pure function; here it is only given its inputs, kept on the candidate's MLflow run,
and shown.
"""

from dataclasses import replace

from dagster import AssetCheckResult, AssetChecksDefinition, AssetIn, AssetKey, asset_check

from asset_checks.verdicts import to_check_result
from clinical_assets.evidence.card import ModelCard
from clinical_assets.evidence.completeness import judge_card
from clinical_assets.evidence.package_record import PackageRecord
from clinical_assets.modelling.acceptance import judge_evaluation, judge_parity, judge_protocol
from clinical_assets.modelling.protocol import protocol_digest
from clinical_assets.modelling.records import CandidateRecord, Evaluation, Protocol, Verdict
from clinical_assets.modelling.spec import AcceptanceCriteria, ClinicalModel
from resources.packages import PackagesResource
from resources.registry import RegistryResource

_Judged = CandidateRecord | Evaluation | ModelCard | PackageRecord


def parity_gate(
    name: str, candidate: AssetKey, limits: AcceptanceCriteria
) -> AssetChecksDefinition:
    """ONNX and scikit-learn give the same probabilities within ``limits.parity_tolerance``."""

    @asset_check(
        asset=candidate,
        name=name,
        blocking=True,
        description="The exported ONNX model answers as the trained pipeline does.",
    )
    def gate(candidate: CandidateRecord, registry: RegistryResource) -> AssetCheckResult:
        verdict = judge_parity(candidate.parity, limits)
        return _decide(name, registry, candidate.version, verdict, candidate)

    return gate


def evaluation_gates(evaluation: AssetKey, spec: ClinicalModel) -> list[AssetChecksDefinition]:
    """Performance, calibration, uncertainty, subgroups, and regression against the champion."""
    limits = spec.acceptance
    descriptions = {
        "performance": (
            "Every performance criterion of the protocol holds on the test set (GML-08)."
        ),
        "calibration": "Stated risk agrees with observed risk, as the protocol demands.",
        "uncertainty": "Prediction sets hold the truth as often as they promise.",
        "subgroup_floor": (
            f"No subgroup falls below {limits.subgroup_metric} {limits.subgroup_floor:g}."
        ),
        "champion_regression": (
            f"Not worse than the champion by more than {limits.champion_margin:g} in "
            f"{limits.champion_metric} (paired bootstrap, PCC-02)."
        ),
    }
    return [_evaluation_gate(n, evaluation, text, spec) for n, text in descriptions.items()]


def _evaluation_gate(
    name: str, evaluation: AssetKey, description: str, spec: ClinicalModel
) -> AssetChecksDefinition:
    @asset_check(asset=evaluation, name=name, blocking=True, description=description)
    def gate(evaluation: Evaluation, registry: RegistryResource) -> AssetCheckResult:
        verdict = judge_evaluation(spec, evaluation)[name]
        return _decide(name, registry, evaluation.version, verdict, evaluation)

    return gate


def protocol_gate(
    name: str, evaluation: AssetKey, protocol: AssetKey, spec: ClinicalModel
) -> AssetChecksDefinition:
    """The evaluation was made under the frozen protocol, and the spec still says the same."""

    @asset_check(
        asset=evaluation,
        name=name,
        blocking=True,
        additional_ins={"protocol": AssetIn(protocol)},
        description="The acceptance criteria have not changed since they were frozen (GML-08).",
    )
    def gate(
        evaluation: Evaluation, protocol: Protocol, registry: RegistryResource
    ) -> AssetCheckResult:
        verdict = judge_protocol(evaluation, protocol, protocol_digest(spec))
        return _decide(name, registry, evaluation.version, verdict, evaluation)

    return gate


def card_gate(name: str, model_card: AssetKey) -> AssetChecksDefinition:
    """The card lacks no mandatory field."""

    @asset_check(
        asset=model_card,
        name=name,
        blocking=True,
        description="The model card answers every mandatory question (GML-09).",
    )
    def gate(model_card: ModelCard, registry: RegistryResource) -> AssetCheckResult:
        version = model_card.details.version
        return _decide(name, registry, version, judge_card(model_card), model_card)

    return gate


def package_gate(name: str, package: AssetKey) -> AssetChecksDefinition:
    """Every file of the package as it lies on disk has its hash, and the signature holds."""

    @asset_check(
        asset=package,
        name=name,
        blocking=True,
        description="The package on disk is whole, unchanged and signed (P11-12, CYB-04).",
    )
    def gate(
        package: PackageRecord, packages: PackagesResource, registry: RegistryResource
    ) -> AssetCheckResult:
        verdict = packages.open().judge(package)
        return _decide(name, registry, package.version, verdict, package)

    return gate


def reproducibility_gate(name: str, package: AssetKey) -> AssetChecksDefinition:
    """Training again in a fresh process, from the package alone, gives the same bits."""

    @asset_check(
        asset=package,
        name=name,
        blocking=True,
        description=(
            "Training and evaluation again, in a fresh process from the package alone, give the "
            "same model bytes, predictions and metrics (GML-02)."
        ),
    )
    def gate(
        package: PackageRecord, packages: PackagesResource, registry: RegistryResource
    ) -> AssetCheckResult:
        verdict = packages.open().judge_rebuild(package)
        return _decide(name, registry, package.version, verdict, package)

    return gate


def _decide(
    name: str, registry: RegistryResource, version: str, verdict: Verdict, judged: _Judged
) -> AssetCheckResult:
    """Keeps the verdict on the candidate's run, then shows it."""
    verdict = replace(verdict, gate=name)
    model = judged.details.name if isinstance(judged, ModelCard) else judged.model
    registry.open().record_verdict(model, version, verdict)
    return to_check_result(verdict, judged)
