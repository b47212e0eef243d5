"""Runs in processes of their own: killed in the middle, two at once, and the same one again.

Slow, because each process imports the whole graph anew; run by ``make test-slow`` and in CI.
"""

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from mlflow import MlflowClient

from resources.checkout import read_checkout
from resources.experiment import EXPERIMENT
from tests.graph.small_model import MODEL, SECOND
from tests.graph.whole_run import ROOT, Store

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

STEPS = ("dataset", "candidate", "evaluation", "package", "package_reproducibility", "release")


def start(store: Store, spec: str, model: str = MODEL.name) -> subprocess.Popen[str]:
    """`clinical demo --json` of one spec of the small models."""
    return subprocess.Popen(
        [sys.executable, "-m", "clinical_assets.cli", "demo", "--model", model, "--json"],
        cwd=ROOT,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "CLINICAL_STORE": str(store.folder),
            "CLINICAL_MODELS": f"tests.graph.small_model:{spec}",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def steps_begun(store: Store) -> set[str]:
    """Steps of the newest Dagster run that have begun."""
    logs = list((store.folder / "dagster/storage/history/runs").glob("*-*.db"))
    if not logs:
        return set()
    newest = max(logs, key=lambda path: path.stat().st_mtime)
    query = "SELECT step_key FROM event_logs WHERE dagster_event_type = 'STEP_START'"
    try:
        with closing(sqlite3.connect(f"file:{newest}?mode=ro", uri=True)) as connection:
            return {row[0] for row in connection.execute(query)}
    except sqlite3.OperationalError:  # its tables are being made
        return set()


def kill_in(process: subprocess.Popen[str], store: Store, step: str, seconds: float) -> None:
    """Kills the process so many seconds after a step has begun."""
    before = set((store.folder / "dagster/storage/history/runs").glob("*-*.db"))
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline and process.poll() is None:
        fresh = set((store.folder / "dagster/storage/history/runs").glob("*-*.db")) - before
        if fresh and f"small__{step}" in steps_begun(store):
            break
        time.sleep(0.02)
    assert process.poll() is None, process.communicate()
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    process.communicate()


def mlflow_statuses(store: Store) -> list[str]:
    """Status of every MLflow run, trials too."""
    client = MlflowClient(store.settings.mlflow_tracking_uri, store.settings.mlflow_tracking_uri)
    experiment = client.get_experiment_by_name(EXPERIMENT)
    assert experiment is not None
    return [run.info.status for run in client.search_runs([experiment.experiment_id])]


def assert_one_whole_champion(store: Store) -> None:
    """There is one champion, and its package lies there whole and signed."""
    champion = store.champion()
    assert champion is not None
    resource = store.definitions().resources["packages"]
    kept = resource.open().load(champion)
    assert kept.candidate.onnx_sha256 == champion.onnx_sha256
    assert kept.onnx


def test_a_run_that_is_killed_anywhere_leaves_the_champion_and_a_rerun_completes(
    store: Store,
) -> None:
    champion = store.champion()
    dice = random.Random(20261124)
    for step in STEPS:
        kill_in(start(store, "SECOND"), store, step, dice.uniform(0.0, 0.3))
        assert_one_whole_champion(store)
        if step != "release":
            assert store.champion() == champion
    done = start(store, "SECOND")
    out, err = done.communicate(timeout=240)
    assert done.returncode == 0, out + err
    assert err == ""
    (model,) = json.loads(out)["models"]
    assert model["released"]
    assert_one_whole_champion(store)
    assert store.champion().version == model["version"]
    # History names every training: those of the killed runs failed, and one is the champion.
    history = store.history()
    assert sum(found.champion for found in history) == 1
    assert {found.status for found in history if not found.champion} <= {"FAILED", "FINISHED"}
    assert "RUNNING" not in mlflow_statuses(store)
    assert list((store.folder / "dagster/running/runs").glob("*")) == []


@pytest.mark.parametrize("specs", [("MODEL", "MODEL"), ("MODEL", "SECOND")])
def test_of_two_runs_of_one_model_at_once_one_completes(
    tmp_path: Path, specs: tuple[str, str]
) -> None:
    """From nothing: both also want to make the databases and the signing key."""
    store = Store(tmp_path / "store")
    both = [start(store, spec) for spec in specs]
    said = [process.communicate(timeout=400) for process in both]
    codes = [process.returncode for process in both]
    assert 0 in codes, said
    for code, (out, err) in zip(codes, said, strict=True):
        assert err == ""
        if code:
            assert json.loads(out)["error"].startswith("Another run of this model is at work")
            assert "(model small). Wait until it has ended" in out
    assert_one_whole_champion(store)
    assert sum(found.champion for found in store.history()) == 1
    assert "RUNNING" not in mlflow_statuses(store)
    assert store.leftovers() == []


def test_two_models_at_once_both_complete(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    both = [start(store, "MODEL"), start(store, "OTHER", "other")]
    for process in both:
        out, err = process.communicate(timeout=400)
        assert process.returncode == 0, out + err
    assert store.champion("small") is not None
    assert store.champion("other") is not None
    assert "RUNNING" not in mlflow_statuses(store)


def test_the_same_inputs_give_the_same_package(store: Store, tmp_path: Path) -> None:
    """Twice in one store, and in a fresh store: one digest, one folder, one zip."""
    source = [file.data for file in read_checkout().files]
    digests = [store.run(spec).metadata["package"]["digest"] for spec in (MODEL, MODEL)]
    fresh = Store(tmp_path / "fresh")
    digests.append(fresh.run().metadata["package"]["digest"])
    if source != [file.data for file in read_checkout().files]:
        pytest.skip("the checkout was edited meanwhile, so the inputs were not the same")
    assert len(set(digests)) == 1
    # The candidate is measured against what the champion replaced, so it stays the same too.
    assert store.run(SECOND).succeeded
    assert store.champion().replaces == fresh.champion().version


def test_a_run_whose_input_is_bad_says_so_in_its_report_and_ends_with_status_1(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.register(lambda files: files.update({"pima_test.csv": b"\xff" + files["pima_test.csv"]}))
    monkeypatch.setenv("CLINICAL_SOURCES", str(store.settings.sources))
    process = start(store, "MODEL")
    out, err = process.communicate(timeout=240)
    assert process.returncode == 1
    assert err == ""
    (model,) = json.loads(out)["models"]
    assert not model["released"]
    assert model["failure"].startswith("The file is not UTF-8: the byte at line 1")
    assert model["package"] is None
