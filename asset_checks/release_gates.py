"""The two verdicts that a release reads afresh, shown as checks on the approval record.

They decide nothing: the release asks the same functions again. A version that waits for people is
no failure, so missing signatures warn; evidence that does not hold is one.
"""

from dagster import (
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    AssetIn,
    asset_check,
)

from asset_checks.verdicts import to_check_result
from clinical_assets.evidence.approval_sheet import ApprovalSheet
from clinical_assets.evidence.package_record import PackageRecord
from clinical_assets.evidence.stage_fold import version_subject
from clinical_assets.evidence.stage_moves import judge_approvals
from clinical_assets.keys import ModelKeys
from clinical_assets.lifecycle.release_verdict import release_verdict
from clinical_assets.modelling.records import Evaluation
from clinical_assets.modelling.spec import ClinicalModel
from resources.in_force import InForce
from resources.ledger_resource import LedgerResource
from resources.packages import PackagesResource
from resources.registry import RegistryResource
from resources.stages import Stages


def evidence_gate(name: str, keys: ModelKeys, spec: ClinicalModel) -> AssetChecksDefinition:
    """Every gate passed about what is stored now, and the package is intact."""

    @asset_check(
        asset=keys.approval,
        name=name,
        blocking=True,
        additional_ins={"package": AssetIn(keys.package), "evaluation": AssetIn(keys.evaluation)},
        description="The evidence of every gate, read afresh, is complete, current and good.",
    )
    def gate(
        context: AssetCheckExecutionContext,
        approval: ApprovalSheet,
        package: PackageRecord,
        evaluation: Evaluation,
        packages: PackagesResource,
        registry: RegistryResource,
        ledger: LedgerResource,
    ) -> AssetCheckResult:
        in_force = InForce(spec, ledger.open(), registry.open(), packages.open())
        verdict = release_verdict(spec, package, evaluation, context.instance, in_force)
        return to_check_result(verdict, approval)

    return gate


def signatures_gate(name: str, keys: ModelKeys, spec: ClinicalModel) -> AssetChecksDefinition:
    """Every signature that the spec demands is there and valid (P11-06, P11-15)."""

    @asset_check(
        asset=keys.approval,
        name=name,
        description="Every signature that the spec demands is there and valid; else it waits.",
    )
    def gate(approval: ApprovalSheet, ledger: LedgerResource) -> AssetCheckResult:
        subject = version_subject(approval.model, approval.version, approval.package_sha256)
        verdict = judge_approvals(Stages(ledger.open(), spec).state(subject))
        result = to_check_result(verdict, approval)
        return result._replace(severity=AssetCheckSeverity.WARN)

    return gate
