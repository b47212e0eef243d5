"""dagster-mlflow where it serves, and its known defects, each pinned so that we notice a mend."""

from pathlib import Path
from typing import Any

import mlflow
import pytest
from dagster import DagsterInstance, ResourceParam, asset, materialize
from dagster_mlflow import mlflow_tracking
from mlflow import MlflowClient

from resources.experiment import EXPERIMENT
from resources.mlflow_registry import Registry
from resources.tracking import mlflow_resource


@pytest.fixture(autouse=True)
def no_run_left_open():
    yield
    mlflow.end_run()


def tracked(fails: bool = False):
    @asset
    def trained(mlflow: ResourceParam[Any]) -> None:
        mlflow.log_metric("loss", 0.5)
        if fails:
            raise RuntimeError("training failed")

    return trained


def runs(registry: Registry) -> list[Any]:
    client = MlflowClient(registry.tracking_uri, registry.tracking_uri)
    return list(client.search_runs([registry.prepare()]))


def materialize_with(resource: Any, *, fails: bool = False, config: Any = None) -> Any:
    return materialize(
        [tracked(fails)],
        resources={"mlflow": resource},
        raise_on_error=False,
        run_config=config or {},
    )


def stock(registry: Registry) -> dict[str, Any]:
    settings = {"experiment_name": EXPERIMENT, "mlflow_tracking_uri": registry.tracking_uri}
    return {"resources": {"mlflow": {"config": settings}}}


def test_two_runs_in_one_process_are_two_mlflow_runs(registry: Registry) -> None:
    ours = mlflow_resource(registry.tracking_uri, registry.artifacts)
    first, second = materialize_with(ours), materialize_with(ours)
    found = {run.data.tags["dagster_run_id"] for run in runs(registry)}
    assert found == {first.run_id, second.run_id}


def test_defect_1_the_stock_resource_takes_over_a_run_left_open(registry: Registry) -> None:
    registry.prepare()
    materialize_with(mlflow_tracking, config=stock(registry))
    second = materialize_with(mlflow_tracking, config=stock(registry))
    (only,) = runs(registry)
    assert only.data.tags["dagster_run_id"] == second.run_id


def test_defect_2_a_failed_dagster_run_is_not_failed_in_mlflow_until_settled(
    registry: Registry,
) -> None:
    ours = mlflow_resource(registry.tracking_uri, registry.artifacts)
    result = materialize_with(ours, fails=True)
    assert not result.success
    (run,) = runs(registry)
    assert run.info.status == "RUNNING"
    registry.settle({result.run_id: "FAILED"}.get)
    (run,) = runs(registry)
    assert run.info.status == "FAILED"


def test_defect_3_configured_ignores_configuration_given_at_launch(
    registry: Registry, tmp_path: Path
) -> None:
    registry.prepare()
    fixed = mlflow_tracking.configured(
        {"experiment_name": "fixed", "mlflow_tracking_uri": registry.tracking_uri}
    )
    materialize_with(fixed, config=stock(registry))
    client = MlflowClient(registry.tracking_uri, registry.tracking_uri)
    assert runs(registry) == []
    assert client.get_experiment_by_name("fixed") is not None


def test_settling_leaves_runs_alone_that_have_not_ended(registry: Registry) -> None:
    ours = mlflow_resource(registry.tracking_uri, registry.artifacts)
    with DagsterInstance.ephemeral():
        materialize_with(ours)
    registry.settle(lambda run_id: None)
    (run,) = runs(registry)
    assert run.info.status == "RUNNING"
