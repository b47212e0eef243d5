"""``clinical history``: which models, which state, and verdicts that are what they were."""

import json
from collections.abc import Callable

import pytest
from click.testing import CliRunner

from clinical_assets.commands.history import history
from clinical_assets.errors import ClinicalError
from clinical_assets.modelling.records import Verdict
from resources.mlflow_registry import Registry
from tests.unit.resources.test_mlflow_registry import add_candidate

Shown = Callable[..., str]


@pytest.fixture
def shown(registry: Registry, tmp_path, monkeypatch: pytest.MonkeyPatch) -> Shown:
    """What the command prints, on one line."""
    monkeypatch.setenv("CLINICAL_STORE", str(tmp_path))
    monkeypatch.setenv("CLINICAL_MLFLOW_TRACKING_URI", registry.tracking_uri)
    monkeypatch.setenv("DAGSTER_HOME", "")
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: str) -> str:
        done = CliRunner().invoke(history, arguments, catch_exceptions=False)
        assert done.exit_code == 0
        return done.stdout if "--json" in arguments else " ".join(done.stdout.split())

    return run


def test_passed_and_refused_are_told_apart(registry: Registry, shown: Shown) -> None:
    add_candidate(registry, "1.0.0+a")
    for name, passed, words in (("performance", True, "good"), ("calibration", False, "steep")):
        registry.record_verdict("diabetes", "1.0.0+a", Verdict(name, passed, words, {}))
    said = shown()
    assert "1.0.0+a refused 1 of 14 passed, 12 undecided calibration: steep" in said
    assert "performance" not in said


def test_every_model_that_has_candidates_is_shown(registry: Registry, shown: Shown) -> None:
    add_candidate(registry, "1.0.0+a")
    add_candidate(registry, "2.0.0+b", "sepsis")  # of a spec that is not installed now
    assert "Candidates of diabetes" in shown()
    assert "Candidates of sepsis" in shown()
    assert "Candidates of diabetes" not in shown("sepsis")


def test_an_unknown_model_is_refused_with_those_that_are_known(
    registry: Registry, shown: Shown
) -> None:
    add_candidate(registry, "2.0.0+b", "sepsis")
    with pytest.raises(ClinicalError, match=r"named nosuch\. Choose among diabetes, sepsis\."):
        shown("nosuch")
    done = CliRunner().invoke(history, ["nosuch", "--json"])
    assert done.exit_code == 1
    answer = json.loads(done.stdout)
    assert answer["models"] == []
    assert "Choose among diabetes, sepsis" in answer["error"]


def test_a_replaced_champion_is_told_from_one_never_released(
    registry: Registry, shown: Shown
) -> None:
    for version in ("1.0.0+a", "1.1.0+b", "1.2.0+c"):
        add_candidate(registry, version)
    registry.release("diabetes", "1.0.0+a", "a" * 64, "1" * 64)
    second = registry.release("diabetes", "1.1.0+b", "b" * 64, "2" * 64)
    (model,) = json.loads(shown("--json"))["models"]
    states = {found["version"]: found["state"] for found in model["candidates"]}
    assert states["1.1.0+b"] == "champion"
    assert states["1.0.0+a"] == f"champion until {second.released_at.removesuffix('+00:00')}"
    assert states["1.2.0+c"] == "running"
    assert model["name"] == "diabetes"
    assert model["runs_without_candidate"] == []


def test_a_model_without_candidates_says_what_to_do(shown: Shown) -> None:
    assert shown("diabetes").startswith("No candidate of diabetes was ever trained here. Run")
    assert json.loads(shown("--json"))["models"][0]["candidates"] == []
