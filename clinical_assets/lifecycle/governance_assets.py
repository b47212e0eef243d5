"""Assets from the finished package to the release: what people signed, and what follows from it.

A release needs two things, and both are read afresh: the evidence of every gate, and the
signatures that the spec demands. Dagster cannot hold a run open for days while people read; so the
chain ends with the approval record, and the release is a run of its own, which a sensor starts
when the last signature lands.
"""

from dagster import AssetExecutionContext, AssetsDefinition, Failure

from clinical_assets.errors import ClinicalError
from clinical_assets.evidence.approval_sheet import ApprovalSheet, approval_document
from clinical_assets.evidence.document_markdown import render_markdown
from clinical_assets.evidence.package_record import PackageRecord, ReleaseRecord
from clinical_assets.evidence.stage_fold import version_subject
from clinical_assets.evidence.stage_moves import judge_approvals
from clinical_assets.lifecycle import show
from clinical_assets.lifecycle.declare import model_asset
from clinical_assets.lifecycle.release_verdict import release_verdict
from clinical_assets.modelling.records import Evaluation
from clinical_assets.modelling.spec import ClinicalModel
from resources.approvals import sheet_of, signed_forms
from resources.dagster_instance.sqlite import require_ledger
from resources.in_force import InForce
from resources.ledger_resource import LedgerResource
from resources.ledger_verifying import require_whole
from resources.packages import PackagesResource
from resources.registry import RegistryResource
from resources.stages import Stages
from resources.witnessing import Witnessing
from resources.witnessing_resource import WitnessingResource


def build_governance_assets(spec: ClinicalModel) -> list[AssetsDefinition]:
    """``approval`` and ``release`` of a model."""
    return [_approval(spec), _release(spec)]


def _approval(spec: ClinicalModel) -> AssetsDefinition:
    @model_asset(
        spec,
        "approval",
        reads=("evaluation", "package"),
        kinds=("json", "markdown"),
        description=(
            "Approval record: the stage of the packaged version, every signature on it and what "
            "is still missing, as the ledger holds them (P11-13, P11-14). Where every gate holds, "
            "the version enters its first review."
        ),
    )
    def approval(
        context: AssetExecutionContext,
        evaluation: Evaluation,
        package: PackageRecord,
        packages: PackagesResource,
        registry: RegistryResource,
        ledger: LedgerResource,
    ) -> ApprovalSheet:
        stages = Stages(ledger.open(), spec)
        store = packages.open()
        subject = version_subject(spec.name, package.version, package.digest)
        in_force = InForce(spec, ledger.open(), registry.open(), store)
        verdict = release_verdict(spec, package, evaluation, context.instance, in_force)
        stages.advance(subject, verdict)
        sheet = sheet_of(stages, subject, store)
        store.keep_beside(package, signed_forms(sheet, subject, store))
        context.add_output_metadata(
            {
                "version": package.version,
                "stage": sheet.stage or "none",
                "signatures": sum(s.standing == "valid" for s in sheet.signatures),
                "missing": ", ".join(map(str, sheet.missing)) or "none",
                "evidence": verdict.summary,
                "record": show.markdown(render_markdown(approval_document(sheet))),
            }
        )
        return sheet

    return approval


def _release(spec: ClinicalModel) -> AssetsDefinition:
    @model_asset(
        spec,
        "release",
        reads=("package", "evaluation"),
        after=("approval",),
        kinds=("mlflow",),
        description=(
            "Makes the packaged version the champion, if the evidence of every gate and every "
            "signature, read afresh, are complete, current and valid; otherwise refuses, and the "
            "champion stays (P11-06)."
        ),
    )
    def release(
        context: AssetExecutionContext,
        package: PackageRecord,
        evaluation: Evaluation,
        packages: PackagesResource,
        registry: RegistryResource,
        ledger: LedgerResource,
        witnessing: WitnessingResource,
    ) -> ReleaseRecord:
        stages = Stages(ledger.open(), spec)
        released, store = registry.open(), packages.open()
        subject = version_subject(spec.name, package.version, package.digest)
        in_force = InForce(spec, ledger.open(), released, store)
        with released.releasing():
            try:
                require_ledger(context.instance, ledger.place)
                verdict = release_verdict(spec, package, evaluation, context.instance, in_force)
                released.record_verdict(spec.name, package.version, verdict)
                if verdict.passed:
                    require_whole(ledger.open(), witnessed=witnessing.open().evidence().notes)
                    stages.enter(subject, "released", gates=verdict)
            except ClinicalError as error:
                stages.refuse(subject, "released", error.what)
                raise _refused(spec, package, f"{error.what}. {error.repair}") from error
            if not verdict.passed:
                stages.refuse(subject, "released", verdict.summary)
                raise _refused(spec, package, verdict.summary)
            record = released.release(
                spec.name, package.version, package.digest, package.onnx_sha256
            )
        sheet = sheet_of(stages, subject, store)
        store.keep_beside(package, signed_forms(sheet, subject, store))
        context.add_output_metadata(
            {
                "version": record.version,
                "package_sha256": record.package_sha256,
                "replaces": record.replaces or "none: first release",
                "released_at": record.released_at,
                "verdict": verdict.summary,
                "witnesses": _published(witnessing.open()),
                "approvals": judge_approvals(stages.state(subject)).summary,
                "record": show.markdown(render_markdown(approval_document(sheet))),
            }
        )
        return record

    return release


def _published(witnessing: Witnessing) -> str:
    """What became of the checkpoint; a release that is made does not fail for want of a witness."""
    try:
        told = witnessing.publish().told
    except ClinicalError as error:
        return f"not published: {error.what}"
    return "; ".join(told) or "all have the checkpoint, and none contradicts it"


def _refused(spec: ClinicalModel, package: PackageRecord, why: str) -> Failure:
    return Failure(
        description=(
            f"Release of {spec.name} {package.version} refused: {why.rstrip('.')}. "
            "The champion is unchanged."
        )
    )
