"""Refusals before there is a candidate are shown too: Dagster keeps the run."""

import json

import pytest
from click.testing import CliRunner

from clinical_assets.commands.history import history
from clinical_assets.gates import GATES
from tests.graph.test_faults import TEST, TRAIN, cell
from tests.graph.whole_run import Store


def test_a_run_that_was_refused_before_a_candidate_is_in_the_history(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for change in (cell(TRAIN, 7, 1, "many"), cell(TEST, 7, 1, "5000")):
        store.register(change)
        assert not store.run().succeeded
        store.unregister()
    monkeypatch.setenv("CLINICAL_STORE", str(store.folder))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("CLINICAL_MODELS", "tests.graph.small_model:MODEL")
    done = CliRunner().invoke(history, ["small", "--json"], catch_exceptions=False)
    (model,) = json.loads(done.stdout)["models"]
    assert [found["state"] for found in model["candidates"]] == ["champion"]
    (candidate,) = model["candidates"]
    assert set(candidate["gates"]) == {*GATES, "release"}  # those on data are Dagster's
    contract, parsing = (run["why"] for run in model["runs_without_candidate"])
    assert contract.startswith("Gate dataset_contract refused: ")
    assert "Column 'glu': 1 value is not a whole number (line 8)" in parsing
    shown = CliRunner().invoke(history, [], catch_exceptions=False).stdout
    assert "14 of 14 passed" in shown
    assert "Runs of small that ended before there was a candidate" in shown
    assert "Gate dataset_contract refused" in shown
