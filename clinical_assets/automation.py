"""Jobs and sensors.

One job a model runs its whole chain; it reads the test set, so nothing starts it but a person.
The sensors tell MLflow how each Dagster run truly ended, which dagster-mlflow does not.
"""

from collections.abc import Callable

from dagster import (
    AssetSelection,
    DagsterInstance,
    DagsterRunStatus,
    DefaultSensorStatus,
    RunStatusSensorContext,
    SensorDefinition,
    define_asset_job,
    in_process_executor,
    run_status_sensor,
)
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from clinical_assets.modelling.spec import ClinicalModel
from resources.registry import RegistryResource

_ENDED = {
    DagsterRunStatus.SUCCESS: "FINISHED",
    DagsterRunStatus.FAILURE: "FAILED",
    DagsterRunStatus.CANCELED: "KILLED",
}


def release_job_name(model: str) -> str:
    """Name of the job that runs a model from its source to its release."""
    return f"{model}_release"


def release_job(spec: ClinicalModel) -> UnresolvedAssetJobDefinition:
    """From the registered source to a released package, every gate in between.

    One process for all steps: they are short, and starting a process costs more than most of them.
    """
    return define_asset_job(
        release_job_name(spec.name),
        AssetSelection.groups(spec.name),
        description=f"{spec.title}: source to released package, through every gate.",
        executor_def=in_process_executor,
    )


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
