"""Whatever path an act comes by, the ledger has it: command line, subprocess, web server, sensor,
schedule, backfill."""

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from click.testing import CliRunner
from dagster import AssetKey
from dagster._cli.asset import asset_cli
from dagster._cli.run import run_cli
from dagster._cli.schedule import schedule_cli
from dagster._cli.sensor import sensor_cli
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.test_utils import InProcessTestWorkspaceLoadTarget
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._daemon.backfill import execute_backfill_iteration
from dagster._daemon.sensor import execute_sensor_iteration
from dagster_webserver.app import create_app_from_workspace_process_context
from starlette.testclient import TestClient

from clinical_assets.ledger.actions import Change, Launch
from tests.graph.ledger_graph import CANARY
from tests.graph.ledger_paths import Site, of, sqlite_site
from tests.graph.whole_run import ROOT

MODULE = "tests.graph.ledger_graph"
WHERE = ["-m", MODULE]
LOCATION = {"repositoryName": "__repository__", "repositoryLocationName": "graph"}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with sqlite_site(tmp_path_factory.mktemp("paths")) as made:
        yield made


@pytest.fixture
def site(shared: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setenv("DAGSTER_HOME", str(shared.settings.dagster_home))
    shared.first = shared.size()
    return shared


@pytest.fixture(scope="module")
def workspace(shared: Site) -> Iterator[WorkspaceProcessContext]:
    target = LoadableTargetOrigin(executable_path=sys.executable, module_name=MODULE)
    origin = InProcessCodeLocationOrigin(target, location_name="graph")
    with WorkspaceProcessContext(
        shared.instance, InProcessTestWorkspaceLoadTarget([origin])
    ) as context:
        yield context


@pytest.fixture(scope="module")
def web(workspace: WorkspaceProcessContext) -> Iterator[TestClient]:
    with TestClient(create_app_from_workspace_process_context(workspace)) as client:
        yield client


def ask(web: TestClient, operation: str, **variables: tuple[str, Any]) -> Any:
    """One mutation; ``variables`` are type and value by name."""
    declared = ", ".join(f"${name}: {kind}" for name, (kind, _) in variables.items())
    passed = ", ".join(f"{name}: ${name}" for name in variables)
    values = {name: value for name, (_, value) in variables.items()}
    field, _, wanted = operation.partition(" ")
    query = f"mutation({declared}) {{ {field}({passed}) {wanted} }}"
    answer = web.post("/graphql", json={"query": query, "variables": values}).json()
    assert "errors" not in answer, answer
    found = answer["data"][field]
    assert not str(found).count("Error"), found
    return found


def cli(group: Any, *arguments: str, stdin: str = "") -> None:
    """A command of Dagster's own command line."""
    result = CliRunner().invoke(group, list(arguments), input=stdin, catch_exceptions=False)
    assert result.exit_code == 0, result.output


def test_a_run_in_a_process_of_its_own(site: Site) -> None:
    command = [sys.executable, "-m", "dagster", "asset", "materialize", *WHERE]
    subprocess.run(
        [*command, "--select", "daily", "--partition", "2026-11-01"],
        check=True,
        capture_output=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "CLINICAL_STORE": "/nowhere/at/all"},
    )
    assert site.actions() == [
        "user.enrolled",  # the service that this installation is, at its first act
        "run.requested",
        "run.started",
        "asset.materialized",
        "run.succeeded",
    ], "told into the ledger of the instance, whatever the process's own variables say"
    assert site.acts("asset.")[0].origin.partition == "2026-11-01"
    site.verify()


def test_dagsters_command_line_deletes_and_wipes(site: Site) -> None:
    run = site.run(asset_selection=[AssetKey("made")]).run_id
    site.first = site.size()
    cli(run_cli, "delete", run, "--force")
    cli(asset_cli, "wipe", "made", "--noprompt")
    cli(run_cli, "wipe", "--force")
    cli(schedule_cli, "wipe", stdin="DELETE")
    assert of(site.acts()) == [
        ("run.deleted", run),
        ("run.events_deleted", run),
        ("asset.wiped", "made"),
        ("history.wiped", "runs"),
        ("history.wiped", "events"),
        ("history.wiped", "switches"),
    ]
    assert not site.instance.get_runs()


@pytest.mark.slow  # each command starts a code server
def test_dagsters_command_line_switches(site: Site) -> None:
    cli(sensor_cli, "start", *WHERE, "asking")
    cli(sensor_cli, "cursor", *WHERE, "asking", "--set", CANARY)
    cli(sensor_cli, "stop", *WHERE, "asking")
    cli(schedule_cli, "start", *WHERE, "nightly")
    cli(schedule_cli, "stop", *WHERE, "nightly")
    assert of(site.acts("automation.")) == [
        ("automation.switched", "asking"),
        ("automation.cursor_set", "asking"),
        ("automation.switched", "asking"),
        ("automation.switched", "nightly"),
        ("automation.switched", "nightly"),
    ]
    on, off = Change("status", "", "RUNNING"), Change("status", "RUNNING", "STOPPED")
    assert [act.details for act in site.acts("automation.switched")] == [on, off] * 2
    assert {act.subject.kind for act in site.acts("automation.")} == {"sensor", "schedule"}


def test_the_web_server_reports_assets_without_a_run(site: Site, web: TestClient) -> None:
    report = {"eventType": "ASSET_MATERIALIZATION", "assetKey": {"path": ["made"]}}
    params = ("ReportRunlessAssetEventsParams!", {**report, "description": CANARY})
    ask(web, "reportRunlessAssetEvents { __typename }", eventParams=params)
    check = {"assetKey": {"path": ["made"]}, "checkName": "passing", "passed": True}
    params = ("ReportAssetCheckEvaluationsParams!", {"evaluations": [check]})
    body = {"metadata": {"patient": CANARY}, "data_version": CANARY}
    answer = web.post("/report_asset_materialization/elsewhere", json=body)
    assert answer.status_code == 200
    body = {"check_name": "passing", "passed": True, "metadata": {"patient": CANARY}}
    assert web.post("/report_asset_check/made", json=body).status_code == 200
    assert of(site.acts()) == [
        ("asset.materialized", "made"),
        ("asset.materialized", "elsewhere"),
        ("gate.decided", "made"),
    ]
    assert {act.origin.run for act in site.acts()} == {""}, "no run stands behind them"


def test_the_web_server_launches_cancels_deletes_and_wipes(site: Site, web: TestClient) -> None:
    selector = {**LOCATION, "jobName": "ops"}
    execution = {
        "selector": selector,
        "executionMetadata": {"tags": [{"key": "t", "value": CANARY}]},
    }
    wanted = "{ __typename ... on LaunchRunSuccess { run { runId } } }"
    launched = ask(web, f"launchRun {wanted}", executionParams=("ExecutionParams!", execution))
    run = launched["run"]["runId"]
    ask(
        web,
        "terminateRun { __typename }",
        runId=("String!", run),
        terminatePolicy=("TerminateRunPolicy", "MARK_AS_CANCELED_IMMEDIATELY"),
    )
    ask(web, "deleteRun { __typename }", runId=("String!", run))
    ranges = [{"assetKey": {"path": ["made"]}}]
    kind = "[PartitionsByAssetSelector!]!"
    site.run(asset_selection=[AssetKey("made")])
    before = len(site.acts())
    ask(web, "wipeAssets { __typename }", assetPartitionRanges=(kind, ranges))
    acts = [act for act in site.acts() if act.origin.run == run]
    assert of(acts) == [
        ("run.requested", run),
        ("run.cancel_requested", run),
        ("run.cancelled", run),
        ("run.deleted", run),
        ("run.events_deleted", run),
    ]
    assert acts[0].details == Launch("ops")
    assert of(site.acts()[before:]) == [("asset.wiped", "made")]


def test_the_web_server_switches(site: Site, web: TestClient) -> None:
    state = "{ __typename ... on Sensor { sensorState { id } } }"
    for name in ("idle", "asking"):
        sensor = ("SensorSelector!", {**LOCATION, "sensorName": name})
        started = ask(web, f"startSensor {state}", sensorSelector=sensor)
    ask(web, "stopSensor { __typename }", id=("String", started["sensorState"]["id"]))
    sensor = ("SensorSelector!", {**LOCATION, "sensorName": "idle"})
    ask(web, "setSensorCursor { __typename }", sensorSelector=sensor, cursor=("String", CANARY))
    ask(web, "resetSensor { __typename }", sensorSelector=sensor)
    schedule = ("ScheduleSelector!", {**LOCATION, "scheduleName": "nightly"})
    ask(web, "startSchedule { __typename }", scheduleSelector=schedule)
    ask(web, "setAutoMaterializePaused", paused=("Boolean!", True))
    key = ("String!", "scanner")
    ask(web, "setConcurrencyLimit", concurrencyKey=key, limit=("Int!", 2))
    ask(web, "deleteConcurrencyLimit", concurrencyKey=key)
    where = ("RepositorySelector!", LOCATION)
    name = ("String!", "sites")
    ask(
        web,
        "addDynamicPartition { __typename }",
        repositorySelector=where,
        partitionsDefName=name,
        partitionKey=("String!", "north"),
    )
    ask(
        web,
        "deleteDynamicPartitions { __typename }",
        repositorySelector=where,
        partitionsDefName=name,
        partitionKeys=("[String!]!", ["north"]),
    )
    assert of(site.acts()) == [
        ("automation.switched", "asking"),
        ("automation.switched", "asking"),
        ("automation.cursor_set", "idle"),
        ("automation.switched", "idle"),
        ("automation.switched", "nightly"),
        ("automation.switched", "asset daemon"),
        ("pool.changed", "scanner"),
        ("pool.changed", "scanner"),
        ("partitions.added", "sites"),
        ("partitions.deleted", "sites"),
    ]
    switched = [act.details for act in site.acts("automation.switched")]
    assert switched[1] == Change("status", "RUNNING", "STOPPED")


def test_a_sensors_tick(site: Site, workspace: WorkspaceProcessContext, web: TestClient) -> None:
    sensor = ("SensorSelector!", {**LOCATION, "sensorName": "asking"})
    ask(web, "startSensor { __typename }", sensorSelector=sensor)
    site.first = site.size()
    with ThreadPoolExecutor(1) as pool:
        futures: dict[str, Any] = {}
        log = logging.getLogger("test")
        list(execute_sensor_iteration(workspace, log, pool, None, futures))
        for future in futures.values():
            future.result()
    acts = [act for act in site.acts() if act.subject.id != "idle"]
    assert sorted(act.action for act in acts) == [
        "asset.materialized",
        "partitions.added",
        "run.requested",
    ]
    launch = next(act.details for act in acts if act.action == "run.requested")
    assert (launch.asked_by, launch.assets) == ("sensor", ("made",))


def test_a_backfill(site: Site, workspace: WorkspaceProcessContext, web: TestClient) -> None:
    params = {
        "assetSelection": [{"path": ["daily"]}],
        "partitionNames": ["2026-11-01", "2026-11-02"],
        "title": CANARY,
        "description": CANARY,
        "tags": [{"key": "patient", "value": CANARY}],
    }
    wanted = "{ __typename ... on LaunchBackfillSuccess { backfillId } }"
    kind = "LaunchBackfillParams!"
    launched = ask(web, f"launchPartitionBackfill {wanted}", backfillParams=(kind, params))
    name = launched["backfillId"]
    log = logging.getLogger("test")
    errors = [e for e in execute_backfill_iteration(workspace, log) if e is not None]
    assert not errors
    (requested,) = site.acts("backfill.requested")
    assert requested.subject.id == name
    assert (requested.details.assets, requested.details.partitions) == (("daily",), 2)
    launches = [act.details for act in site.acts("run.requested")]
    assert [(launch.asked_by, launch.assets) for launch in launches] == [
        ("backfill", ("daily",))
    ] * 2
    ask(web, "cancelPartitionBackfill { __typename }", backfillId=("String!", name))
    (changed,) = site.acts("backfill.changed")
    assert changed.details == Change("status", "REQUESTED", "CANCELING")


def test_nothing_that_people_typed_on_these_paths_is_in_the_ledger(site: Site) -> None:
    assert CANARY.encode() not in site.bodies()
    assert len(site.bodies().splitlines()) > 40
