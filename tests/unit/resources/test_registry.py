"""Releases and the history of candidates on a real MLflow store."""

import pytest
from mlflow import MlflowClient

from clinical_assets.errors import ClinicalError
from clinical_assets.modelling.records import Trial, Verdict
from resources.registry import CHAMPION, Registry


def add_candidate(registry: Registry, version: str, model: str = "diabetes") -> str:
    client = MlflowClient(registry.tracking_uri, registry.tracking_uri)
    run = client.create_run(
        registry.prepare(), tags={"clinical.model": model, "clinical.version": version}
    )
    return str(run.info.run_id)


def test_there_is_no_champion_before_the_first_release(registry: Registry) -> None:
    assert registry.champion("diabetes") is None
    assert registry.rival("diabetes", "1.0.0+a") is None
    assert registry.releases("diabetes") == []


def test_a_release_becomes_the_champion_and_names_what_it_replaces(registry: Registry) -> None:
    for version in ("1.0.0+a", "1.1.0+b"):
        add_candidate(registry, version)
    first = registry.release("diabetes", "1.0.0+a", "a" * 64, "1" * 64)
    second = registry.release("diabetes", "1.1.0+b", "b" * 64, "2" * 64)
    assert first.replaces == ""
    assert second.replaces == "1.0.0+a"
    assert registry.champion("diabetes") == second
    assert registry.releases("diabetes") == [second, first]


def test_the_same_package_again_changes_nothing(registry: Registry) -> None:
    add_candidate(registry, "1.0.0+a")
    first = registry.release("diabetes", "1.0.0+a", "a" * 64, "1" * 64)
    assert registry.release("diabetes", "1.0.0+a", "a" * 64, "1" * 64) == first
    assert len(registry.releases("diabetes")) == 1


def test_the_champion_itself_is_measured_against_what_it_replaced(registry: Registry) -> None:
    for version in ("1.0.0+a", "1.1.0+b"):
        add_candidate(registry, version)
    first = registry.release("diabetes", "1.0.0+a", "a" * 64, "1" * 64)
    second = registry.release("diabetes", "1.1.0+b", "b" * 64, "2" * 64)
    assert registry.rival("diabetes", "1.2.0+c") == second
    assert registry.rival("diabetes", "1.1.0+b") == first
    # A new package of the champion (another commit, say) keeps its rival.
    again = registry.release("diabetes", "1.1.0+b", "c" * 64, "2" * 64)
    assert again.replaces == "1.0.0+a"
    assert registry.rival("diabetes", "1.1.0+b") == first


def test_models_do_not_share_a_champion(registry: Registry) -> None:
    add_candidate(registry, "1.0.0+a")
    registry.release("diabetes", "1.0.0+a", "a" * 64, "1" * 64)
    assert registry.champion("sepsis") is None


def test_refusals_are_kept_and_shown(registry: Registry) -> None:
    add_candidate(registry, "1.0.0+a")
    add_candidate(registry, "1.1.0+b")
    registry.release("diabetes", "1.0.0+a", "a" * 64, "1" * 64)
    registry.record_verdict("diabetes", "1.0.0+a", Verdict("performance", True, "good", {}))
    registry.record_verdict(
        "diabetes", "1.1.0+b", Verdict("champion_regression", False, "worse by 0.1", {})
    )
    newest, oldest = registry.history("diabetes")
    assert newest.version == "1.1.0+b"
    assert newest.gates == {"champion_regression": "refused: worse by 0.1"}
    assert not newest.champion
    assert oldest.champion
    assert oldest.gates == {"performance": "passed: good"}


def test_a_candidate_without_a_tracked_run_cannot_be_released(registry: Registry) -> None:
    with pytest.raises(ClinicalError, match=r"MLflow holds no run of candidate 9\.9\.9"):
        registry.release("diabetes", "9.9.9+z", "a" * 64, "1" * 64)
    assert registry.champion("diabetes") is None


def test_every_trial_is_a_finished_child_run(registry: Registry) -> None:
    parent = add_candidate(registry, "1.0.0+a")
    trials = tuple(
        Trial("lr", "logistic_regression", 1, {"C": c}, 0.5, 0.1, 0.8, c == 1.0) for c in (0.1, 1.0)
    )
    registry.log_trials(parent, trials)
    client = MlflowClient(registry.tracking_uri, registry.tracking_uri)
    children = client.search_runs([registry.prepare()], f"tags.mlflow.parentRunId = '{parent}'")
    assert [run.info.status for run in children] == ["FINISHED", "FINISHED"]
    assert {run.data.params["C"]: run.data.tags["clinical.chosen"] for run in children} == {
        "0.1": "false",
        "1.0": "true",
    }
    assert {run.data.metrics["cv_loss"] for run in children} == {0.5}


def test_files_lie_with_the_candidates_run(registry: Registry) -> None:
    run = add_candidate(registry, "1.0.0+a")
    registry.log_files("diabetes", "1.0.0+a", {"package/digest.txt": b"abc"})
    client = MlflowClient(registry.tracking_uri, registry.tracking_uri)
    (found,) = client.list_artifacts(run, "package")
    assert found.path == "package/digest.txt"


def test_the_alias_alone_decides_who_is_champion(registry: Registry) -> None:
    for version in ("1.0.0+a", "1.1.0+b"):
        add_candidate(registry, version)
    first = registry.release("diabetes", "1.0.0+a", "a" * 64, "1" * 64)
    registry.release("diabetes", "1.1.0+b", "b" * 64, "2" * 64)
    client = MlflowClient(registry.tracking_uri, registry.tracking_uri)
    client.set_registered_model_alias("diabetes", CHAMPION, "1")
    assert registry.champion("diabetes") == first


def test_an_unusable_store_is_one_paragraph(tmp_path) -> None:
    (tmp_path / "taken").write_text("a file where the folder should be")
    registry = Registry(f"sqlite:///{tmp_path}/taken/mlflow.db", str(tmp_path / "artifacts"))
    with pytest.raises(ClinicalError, match="tracking store cannot be used"):
        registry.prepare()


def test_a_release_that_was_interrupted_before_the_alias_never_was_in_force(
    registry: Registry,
) -> None:
    run = add_candidate(registry, "1.0.0+a")
    client = MlflowClient(registry.tracking_uri, registry.tracking_uri)
    client.create_registered_model("diabetes")
    client.create_model_version("diabetes", source=f"runs:/{run}/package", run_id=run)
    assert registry.champion("diabetes") is None
    assert registry.rival("diabetes", "1.0.0+a") is None
    assert registry.release("diabetes", "1.0.0+a", "a" * 64, "1" * 64).version == "1.0.0+a"


def test_a_model_that_lost_its_champion_has_no_first_release_again(registry: Registry) -> None:
    add_candidate(registry, "1.0.0+a")
    registry.release("diabetes", "1.0.0+a", "a" * 64, "1" * 64)
    client = MlflowClient(registry.tracking_uri, registry.tracking_uri)
    client.delete_registered_model_alias("diabetes", CHAMPION)
    with pytest.raises(ClinicalError, match="MLflow names no champion"):
        registry.rival("diabetes", "1.1.0+b")


def test_a_refusal_is_kept_when_a_pass_follows(registry: Registry) -> None:
    add_candidate(registry, "1.0.0+a")
    for passed, words in ((False, "stale"), (False, "damaged"), (True, "good"), (True, "good")):
        registry.record_verdict("diabetes", "1.0.0+a", Verdict("release", passed, words, {}))
    (found,) = registry.history("diabetes")
    assert found.gates == {"release": "passed: good"}
    assert found.earlier == ("release: refused: stale", "release: refused: damaged")


def test_settling_ends_the_trials_of_a_run_that_was_killed(registry: Registry) -> None:
    parent = add_candidate(registry, "1.0.0+a")
    client = MlflowClient(registry.tracking_uri, registry.tracking_uri)
    client.set_tag(parent, "dagster_run_id", "killed")
    trial = client.create_run(registry.prepare(), tags={"mlflow.parentRunId": parent})
    alive = client.create_run(registry.prepare(), tags={"dagster_run_id": "alive"})
    registry.settle({"killed": "FAILED"}.get)
    statuses = [client.get_run(r).info.status for r in (parent, trial.info.run_id)]
    assert statuses == ["FAILED", "KILLED"]
    assert client.get_run(alive.info.run_id).info.status == "RUNNING"
