"""`clinical up` writes one ledger from all its processes: web server, daemon, code server, run."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clinical_assets.ledger.entry import Act, read_entry
from resources.ledger import open_ledger
from resources.settings import Settings
from tests.graph.whole_run import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

LAUNCH = """mutation($params: ExecutionParams!) { launchRun(executionParams: $params) {
  __typename ... on LaunchRunSuccess { run { runId } } } }"""
HEALTH = """{ instance { daemonHealth { allDaemonStatuses { healthy lastHeartbeatErrors { message }
  } } } workspaceOrError { ... on Workspace { locationEntries { locationOrLoadError {
  __typename } } } } }"""


def ask(port: int, query: str, **variables: Any) -> Any:
    body = json.dumps({"query": query, "variables": variables}).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/graphql", body, headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)["data"]


def until(found: Callable[[], Any], process: subprocess.Popen[str]) -> Any:
    while process.poll() is None:
        try:
            if value := found():
                return value
        except OSError:
            pass
        time.sleep(1)
    raise AssertionError(process.communicate()[0])


def test_every_process_of_clinical_up_writes_the_same_ledger(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = Settings.load(store=tmp_path / "store")
    surroundings = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "CLINICAL_STORE": str(settings.store),
        "CLINICAL_MODELS": "tests.graph.small_model:MODEL",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "clinical_assets.cli", "up", "--port", str(port)],
        cwd=ROOT,
        env=surroundings,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        until(lambda: ask(port, "{ __typename }"), process)
        selector = {
            "repositoryName": "__repository__",
            "repositoryLocationName": "clinical-assets",
            "jobName": "small_candidate",
            "assetSelection": [{"path": ["small", "source"]}],
        }
        launched = ask(port, LAUNCH, params={"selector": selector})["launchRun"]
        run = launched["run"]["runId"]

        def of_the_run() -> list[Act]:
            rows = open_ledger(settings).reader.rows()
            acts = [read_entry(row.body).act for row in rows]
            mine = [act for act in acts if act.origin.run == run and act.outcome != "intended"]
            return [act for act in mine if act.action.startswith(("run.", "asset."))]

        until(lambda: "run.succeeded" in [act.action for act in of_the_run()], process)
        assert [act.action for act in of_the_run()] == [
            "run.requested",  # by the web server
            "run.started",  # by the run's own process, which the daemon started
            "asset.materialized",
            "run.succeeded",
        ]
        rows = open_ledger(settings).reader.rows()
        switched = {read_entry(row.body).act.subject.id for row in rows}
        assert "settle_mlflow_after_success" in switched, "by the daemon"
        health = ask(port, HEALTH)
        (location,) = health["workspaceOrError"]["locationEntries"]
        assert location["locationOrLoadError"]["__typename"] == "RepositoryLocation"
        daemons = health["instance"]["daemonHealth"]["allDaemonStatuses"]
        assert not any(daemon["lastHeartbeatErrors"] for daemon in daemons)
    finally:
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert "Traceback" not in said
