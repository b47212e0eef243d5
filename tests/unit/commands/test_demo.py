"""``clinical demo --json``: one object, whatever happens; no gate looks as it was not decided."""

import json
from typing import Any
from unittest.mock import Mock

import pytest
from click.testing import CliRunner, Result

from clinical_assets.commands import demo as command
from clinical_assets.errors import ClinicalError
from clinical_assets.evidence.release import GateEvidence
from clinical_assets.runs import RunReport
from resources.locks import held
from resources.settings import Settings


def invoke(monkeypatch: pytest.MonkeyPatch, *arguments: str, **environment: str) -> Result:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return CliRunner().invoke(command.demo, arguments, catch_exceptions=False)


def the_object(result: Result, status: int = 1) -> dict[str, Any]:
    """What standard output holds, and nothing else but it."""
    assert result.exit_code == status
    assert result.stderr == ""
    found: dict[str, Any] = json.loads(result.stdout)
    return found


@pytest.mark.parametrize(
    ("arguments", "environment", "words"),
    [
        (("--model", "diabtes"), {}, "There is no model named diabtes. Choose among diabetes."),
        ((), {"CLINICAL_MODELS": "no_such_module:MODEL"}, "'no_such_module:MODEL'"),
        ((), {"CLINICAL_LAKE_URL": "ftp://x"}, "CLINICAL_LAKE_URL must be a folder or s3"),
        ((), {"CLINICAL_STORE": "/proc/none"}, "(/proc/none"),
    ],
    ids=["model", "import", "settings", "store"],
)
def test_an_early_failure_is_one_object(
    arguments, environment, words, tmp_path, monkeypatch
) -> None:
    surroundings = {"CLINICAL_STORE": str(tmp_path), **environment}
    found = the_object(invoke(monkeypatch, "--json", *arguments, **surroundings))
    assert found["models"] == []
    assert found["seconds"] == {}
    assert words in found["error"]


def test_a_second_run_at_once_is_one_object(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "")
    with held(tmp_path / "dagster/running/diabetes.lock"):
        result = invoke(monkeypatch, "--json", CLINICAL_STORE=str(tmp_path))
    assert "Another run of this model is at work" in the_object(result)["error"]


@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [
        (KeyboardInterrupt(), 130, "Stopped after the release of diabetes; run it again"),
        (ClinicalError("The disk is full", repair="Free space"), 1, "The disk is full."),
        (KeyError("Mrs-Canary"), 1, "not foreseen (KeyError at "),
    ],
    ids=["Ctrl-C", "clear", "unforeseen"],
)
def test_what_was_done_before_a_fault_is_kept(fault, status, words, monkeypatch) -> None:
    def half(names, console, outcome, *, sign) -> None:
        outcome.settings = Settings.load()
        report = RunReport("diabetes", True, "", 1.0, ())
        report.metadata["package"] = {
            "folder": "diabetes/1-a",
            "version": "1",
            "digest": "a" * 64,
        }
        report.metadata["release"] = {"version": "1"}
        outcome.reports.append(report)
        raise fault

    monkeypatch.setattr(command, "_run_all", half)
    found = the_object(invoke(monkeypatch, "--json"), status)
    assert [model["name"] for model in found["models"]] == ["diabetes"]
    assert words in found["error"]
    assert "Mrs-Canary" not in found["error"]
    shown = invoke(monkeypatch)
    assert shown.exit_code == status
    assert words in shown.stderr
    assert len(shown.stderr.strip().splitlines()) == 1


def test_a_gate_that_was_not_decided_does_not_look_like_a_refusal() -> None:
    gates = tuple(
        GateEvidence(name, "m/evaluation", passed, True, "")
        for name, passed in (("a", True), ("b", False), ("c", None))
    )
    report = RunReport("m", False, "Gate b refused", 1.0, gates)
    assert command._plain_model(report, Mock())["gates"] == [
        {"name": "a", "passed": True, "decided": True},
        {"name": "b", "passed": False, "decided": True},
        {"name": "c", "passed": False, "decided": False},
    ]
