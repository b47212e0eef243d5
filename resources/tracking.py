"""The MLflow run of a training asset, through dagster-mlflow.

dagster-mlflow is used where it serves: it opens one MLflow run for each Dagster run, resumes it in
every process of that run, and hands out MLflow's logging functions. Its defect of taking over a
run that another Dagster run left open in the same process is met here, by closing such a run
first. Statuses, versions and aliases are the registry's business (:mod:`.mlflow_registry`).
"""

import warnings
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from dagster import BetaWarning, InitResourceContext, ResourceDefinition, resource

from resources.experiment import EXPERIMENT
from resources.mlflow_registry import Registry


def mlflow_resource(tracking_uri: str, artifacts: str) -> ResourceDefinition:
    """The ``mlflow`` resource, bound to one tracking store.

    Args:
        tracking_uri: ``sqlite:///…`` or the address of a server.
        artifacts: where a new experiment keeps its files; unused with a server.
    """

    @resource(description="The MLflow run of this Dagster run (dagster-mlflow).")
    def tracked_run(context: InitResourceContext) -> Iterator[Any]:
        import mlflow

        # dagster-mlflow announces that it is in beta at every use; docs/mlflow.md says so once.
        warnings.simplefilter("ignore", BetaWarning)
        Registry(tracking_uri, artifacts).prepare()
        from dagster_mlflow import mlflow_tracking

        # The run that was left open lies in the store of its time, which may be gone by now; its
        # status is the registry's business.
        with suppress(mlflow.MlflowException):
            mlflow.end_run()
        mlflow.set_tracking_uri(tracking_uri)
        configured = context.replace_config(
            {"experiment_name": EXPERIMENT, "mlflow_tracking_uri": tracking_uri}
        )
        track: Any = mlflow_tracking.resource_fn
        yield from track(configured)

    return tracked_run
