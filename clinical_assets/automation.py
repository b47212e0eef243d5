"""Jobs and sensors.

Two jobs a model: one from its source to the approval record, one from there to the release. The
first reads the test set, so nothing starts it but a person; the second is started by a sensor when
the last signature is in the ledger, and refuses by itself where it should not have been. The other
sensors tell MLflow how each Dagster run truly ended, which dagster-mlflow does not, find out where
MLflow contradicts the ledger, and publish the ledger's checkpoints to its witnesses.
"""

from collections.abc import Callable, Sequence

from dagster import (
    AssetSelection,
    DagsterInstance,
    DagsterRunStatus,
    DefaultSensorStatus,
    RunRequest,
    RunStatusSensorContext,
    SensorDefinition,
    SensorEvaluationContext,
    SensorResult,
    SkipReason,
    define_asset_job,
    in_process_executor,
    run_status_sensor,
    sensor,
)
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from clinical_assets.evidence.stage_moves import judge_approvals
from clinical_assets.evidence.stage_state import StageState
from clinical_assets.keys import ModelKeys
from clinical_assets.modelling.spec import ClinicalModel
from resources.in_force import InForce
from resources.ledger_resource import LedgerResource
from resources.packages import PackagesResource
from resources.registry import RegistryResource
from resources.stages import Stages
from resources.witnessing_resource import WitnessingResource

_ENDED = {
    DagsterRunStatus.SUCCESS: "FINISHED",
    DagsterRunStatus.FAILURE: "FAILED",
    DagsterRunStatus.CANCELED: "KILLED",
}


def candidate_job_name(model: str) -> str:
    """Name of the job that runs a model from its source to its approval record."""
    return f"{model}_candidate"


def release_job_name(model: str) -> str:
    """Name of the job that releases a signed version."""
    return f"{model}_release"


def model_jobs(spec: ClinicalModel) -> list[UnresolvedAssetJobDefinition]:
    """Both jobs of a model.

    One process for all steps: they are short, and starting a process costs more than most of them.
    """
    keys = ModelKeys(spec.name)
    return [
        define_asset_job(
            candidate_job_name(spec.name),
            AssetSelection.groups(spec.name) - AssetSelection.assets(keys.release),
            description=f"{spec.title}: source to approval record, through every gate.",
            executor_def=in_process_executor,
        ),
        define_asset_job(
            release_job_name(spec.name),
            AssetSelection.assets(keys.approval, keys.release),
            description=f"{spec.title}: the approved package becomes the champion.",
            executor_def=in_process_executor,
        ),
    ]


def release_sensor(spec: ClinicalModel) -> SensorDefinition:
    """Starts the release of a version when its last signature is in the ledger."""

    @sensor(
        name=f"release_{spec.name}_when_signed",
        job_name=release_job_name(spec.name),
        description="Starts the release when every signature that the spec demands is given.",
        minimum_interval_seconds=15,
        default_status=DefaultSensorStatus.RUNNING,
    )
    def start(context: SensorEvaluationContext, ledger: LedgerResource) -> SensorResult:
        stages = Stages(ledger.open(), spec)
        after, signed = stages.signed_since(int(context.cursor or 0))
        requests = [
            RunRequest(run_key=f"{subject.sha256}:{after}")
            for subject in signed
            if _is_ready(stages.advance(subject))
        ]
        return SensorResult(run_requests=requests, cursor=str(after))

    return start


def _is_ready(state: StageState) -> bool:
    """Whether nothing but the release itself is missing, the gates aside."""
    if state.stage == "suspended":
        return state.released_before and state.reinstated and not state.missing
    return state.stage == "quality approval" and judge_approvals(state).passed


def registry_sensor(specs: Sequence[ClinicalModel]) -> SensorDefinition:
    """Finds out where MLflow contradicts the ledger, and writes it down."""

    @sensor(
        name="compare_mlflow_with_ledger",
        description="Reports a champion that MLflow names and the ledger does not.",
        minimum_interval_seconds=60,
        default_status=DefaultSensorStatus.RUNNING,
    )
    def compare(
        registry: RegistryResource, packages: PackagesResource, ledger: LedgerResource
    ) -> SkipReason:
        found = [
            spec.name
            for spec in specs
            if InForce(spec, ledger.open(), registry.open(), packages.open()).report()
        ]
        return SkipReason(f"MLflow contradicts the ledger about {', '.join(found) or 'nothing'}")

    return compare


def witness_sensor() -> SensorDefinition:
    """Publishes a checkpoint of the ledger to its witnesses, where entries were added since."""

    @sensor(
        name="publish_checkpoints",
        description="Signs the ledger's newest state and hands it to every witness.",
        minimum_interval_seconds=300,
        default_status=DefaultSensorStatus.RUNNING,
    )
    def publish(context: SensorEvaluationContext, witnessing: WitnessingResource) -> SensorResult:
        opened = witnessing.open()
        known, noticed = int(context.cursor or 0), list[str]()
        if opened.ledger.store.head().size <= known:
            behind = opened.spool.deliver()
        else:
            published = opened.publish()
            behind = published.behind
            noticed = [f"{name} did not answer" for name in published.silent]
            noticed += published.findings
            # Its own entries, one for each witness, ask for no further checkpoint.
            known = published.size + len(opened.spool.witnesses)
        late = (f"{b.witness} lacks {b.waiting} since {b.since}" for b in behind)
        told = "; ".join((*late, *noticed))
        return SensorResult(
            skip_reason=SkipReason(told or "every witness has every checkpoint"), cursor=str(known)
        )

    return publish


def run_outcome(instance: DagsterInstance) -> Callable[[str], str | None]:
    """For the registry: Dagster run id → MLflow status, None while it runs or if unknown."""

    def outcome(run_id: str) -> str | None:
        run = instance.get_run_by_id(run_id)
        return None if run is None else _ENDED.get(run.status)

    return outcome


def settlement_sensors() -> list[SensorDefinition]:
    """One sensor for each way in which a run ends."""
    return [_settlement(status) for status in _ENDED]


def _settlement(status: DagsterRunStatus) -> SensorDefinition:
    @run_status_sensor(
        run_status=status,
        name=f"settle_mlflow_after_{status.value.lower()}",
        description="Gives the MLflow runs of an ended Dagster run their true status.",
        default_status=DefaultSensorStatus.RUNNING,
    )
    def settle(context: RunStatusSensorContext, registry: RegistryResource) -> None:
        registry.open().settle(run_outcome(context.instance))

    return settle
