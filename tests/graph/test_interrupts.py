"""Ctrl-C in a run: one line, exit status 130, the run marked, the champion unchanged."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import replace

import polars as pl
import pytest
from dagster import DagsterRunStatus
from dagster._core.execution.compute_logs import execute_posix_tail

from resources.dagster_instance.home import dagster_instance
from tests.graph.small_model import MODEL
from tests.graph.test_processes import steps_begun
from tests.graph.whole_run import ROOT, Store


def interrupted_reader(files: Mapping[str, bytes]) -> pl.DataFrame:
    """Ctrl-C strikes here."""
    signal.raise_signal(signal.SIGINT)
    return MODEL.read(files)


def swallowing_reader(files: Mapping[str, bytes]) -> pl.DataFrame:
    """Ctrl-C strikes in a library that turns it into an error of its own."""
    try:
        signal.raise_signal(signal.SIGINT)
    except BaseException as error:
        raise RuntimeError("lost connection") from error
    return MODEL.read(files)


def newest_status(store: Store) -> DagsterRunStatus:
    with dagster_instance(store.settings) as instance:
        return instance.get_runs(limit=1)[0].status


@pytest.mark.slow
@pytest.mark.parametrize("reader", [interrupted_reader, swallowing_reader])
def test_an_interrupted_run_is_marked_and_a_rerun_completes(store: Store, reader) -> None:
    champion = store.champion()
    with pytest.raises(KeyboardInterrupt):
        store.run(replace(MODEL, read=reader))
    assert newest_status(store) == DagsterRunStatus.FAILURE
    assert list((store.folder / "dagster/running/runs").glob("*")) == []
    assert store.champion() == champion
    assert store.run().succeeded


def test_steps_start_no_helper_processes_that_ctrl_c_would_strike(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        execute_posix_tail.__module__ + ".execute_posix_tail",
        lambda *_: pytest.fail("a step's output is mirrored by helper processes"),
    )
    assert store.materialize("source") == ""
    logs = [path.suffix for path in (store.folder / "dagster/logs").rglob("*.*")]
    assert {".out", ".err", ".complete"} <= set(logs)


@pytest.mark.slow
def test_ctrl_c_in_the_terminal_is_one_line(store: Store) -> None:
    champion = store.champion()
    process = subprocess.Popen(
        [sys.executable, "-m", "clinical_assets.cli", "demo", "--model", "small"],
        cwd=ROOT,
        env={
            **os.environ,
            "CLINICAL_STORE": str(store.folder),
            "CLINICAL_MODELS": "tests.graph.small_model:MODEL",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    before = set((store.folder / "dagster/storage/history/runs").glob("*-*.db"))
    while not (
        set((store.folder / "dagster/storage/history/runs").glob("*-*.db")) - before
        and "small__candidate" in steps_begun(store)
    ):
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to every process of the group
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.strip() == "Stopped; nothing was released; run it again."
    assert "Traceback" not in out
    assert newest_status(store) == DagsterRunStatus.FAILURE
    assert store.champion() == champion
