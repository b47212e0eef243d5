"""Releases and the history of candidates on a real MLflow store."""

import functools
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import TEMPORARILY_UNAVAILABLE

from clinical_assets.errors import ClinicalError
from clinical_assets.modelling.records import Trial, Verdict
from resources.mlflow_registry import CHAMPION, Registry


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


def run_of(registry: Registry, dagster_run: str) -> str:
    client = MlflowClient(registry.tracking_uri, registry.tracking_uri)
    tags = {"dagster_run_id": dagster_run}
    return str(client.create_run(registry.prepare(), tags=tags).info.run_id)


def status_of(registry: Registry, run: str) -> str:
    client = MlflowClient(registry.tracking_uri, registry.tracking_uri)
    return str(client.get_run(run).info.status)


def test_settling_asks_for_what_is_not_settled_yet(registry: Registry) -> None:
    runs = {name: run_of(registry, name) for name in ("good", "bad", "alive", "forgotten")}
    asked: list[str] = []

    def outcome(run_id: str) -> str | None:
        asked.append(run_id)
        return {"good": "FINISHED", "bad": "FAILED", "later": "KILLED"}.get(run_id)

    registry.settle(outcome)
    assert sorted(asked) == ["alive", "bad", "forgotten", "good"]
    runs["later"] = run_of(registry, "later")
    asked.clear()
    registry.settle(outcome)
    assert sorted(asked) == ["alive", "forgotten", "later"]
    assert {name: status_of(registry, run) for name, run in runs.items()} == {
        "good": "FINISHED",
        "bad": "FAILED",
        "alive": "RUNNING",
        "forgotten": "RUNNING",
        "later": "KILLED",
    }


def test_a_run_that_ended_too_early_in_mlflow_gets_its_true_status(registry: Registry) -> None:
    run = run_of(registry, "bad")
    MlflowClient(registry.tracking_uri, registry.tracking_uri).set_terminated(run, "FINISHED")
    registry.settle({"bad": "FAILED"}.get)
    assert status_of(registry, run) == "FAILED"


def test_orphans_end_with_their_parent_or_after_an_hour(registry: Registry) -> None:
    client = MlflowClient(registry.tracking_uri, registry.tracking_uri)
    experiment, now = registry.prepare(), int(time.time() * 1000)
    parents = {name: run_of(registry, name) for name in ("ended", "alive")}
    registry.settle({"ended": "FAILED"}.get)
    minutes = {"old": 61, "young": 59, "ended": 1, "alive": 1, "gone": 1}
    parents["gone"] = "0" * 32
    orphans = {}
    for name, ago in minutes.items():
        tags = {"mlflow.parentRunId": parents[name]} if name in parents else {}
        made = client.create_run(experiment, start_time=now - ago * 60_000, tags=tags)
        orphans[name] = made.info.run_id
    registry.settle({"ended": "FAILED"}.get)
    assert {name: status_of(registry, run) for name, run in orphans.items()} == {
        "old": "KILLED",
        "young": "RUNNING",
        "ended": "KILLED",
        "alive": "RUNNING",
        "gone": "RUNNING",
    }


def test_what_mlflow_answers_in_pages_is_read_whole(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions = [f"1.{n}.0+a" for n in range(5)]
    for n, version in enumerate(versions):
        add_candidate(registry, version)
        registry.release("diabetes", version, f"{n}" * 64, "1" * 64)
    runs = [run_of(registry, f"run {n}") for n in range(5)]
    client = MlflowClient(registry.tracking_uri, registry.tracking_uri)
    orphans = [client.create_run(registry.prepare(), start_time=1).info.run_id for _ in range(5)]
    for search in ("search_runs", "search_model_versions"):
        whole = getattr(MlflowClient, search)
        monkeypatch.setattr(MlflowClient, search, functools.partialmethod(whole, max_results=2))
    assert {candidate.version for candidate in registry.history("diabetes")} == set(versions)
    assert [release.version for release in registry.releases("diabetes")] == versions[::-1]
    registry.settle(lambda _: "FINISHED")
    assert [status_of(registry, run) for run in runs] == ["FINISHED"] * 5
    assert [status_of(registry, run) for run in orphans] == ["KILLED"] * 5


@pytest.mark.parametrize("name", ["it's", 'a"b', "a`b", "a\\", "x' OR name != '"])
def test_a_name_that_would_change_a_filter_is_refused(registry: Registry, name: str) -> None:
    for ask in (
        lambda: registry.history(name),
        lambda: registry.releases(name),
        lambda: registry.rival(name, "1.0.0+a"),
        lambda: registry.candidate_run(name, "1.0.0+a"),
        lambda: registry.candidate_run("diabetes", name),
    ):
        with pytest.raises(ClinicalError, match="holds a quotation mark or a backslash"):
            ask()


def database_of(registry: Registry) -> Path:
    return Path(registry.tracking_uri.removeprefix("sqlite:///"))


@pytest.mark.parametrize("table_unknown_to_it", [None, "webhooks"])
def test_a_database_of_another_mlflow_version_is_named_as_such(
    registry: Registry, table_unknown_to_it: str | None
) -> None:
    with closing(sqlite3.connect(database_of(registry))) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'")
        if table_unknown_to_it:
            connection.execute(f"DROP TABLE {table_unknown_to_it}")
        connection.commit()
    with pytest.raises(ClinicalError, match=r"another MLflow version.*newer.*mlflow db upgrade"):
        registry.prepare()


def test_a_locked_database_is_named_as_such(registry: Registry) -> None:
    impatient = Registry(f"{registry.tracking_uri}?timeout=0.1", registry.artifacts)
    with closing(sqlite3.connect(database_of(registry), isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        with pytest.raises(ClinicalError, match=r"database locked.*Wait until it has ended"):
            impatient.prepare()


def test_a_database_that_is_locked_while_it_is_used_is_named_as_such(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_candidate(registry, "1.0.0+a")

    def locked(*_: object, **__: object) -> None:
        words = "(sqlite3.OperationalError) database is locked [SQL: SELECT 'secret']"
        raise MlflowException(words, TEMPORARILY_UNAVAILABLE)

    trial = Trial("lr", "logistic_regression", 1, {"C": 1.0}, 0.5, 0.1, 0.8, True)
    for method, ask in (
        ("search_runs", lambda: registry.history("diabetes")),
        ("create_run", lambda: registry.log_trials("0" * 32, (trial,))),
    ):
        monkeypatch.setattr(MlflowClient, method, locked)
        with pytest.raises(ClinicalError, match="database locked") as caught:
            ask()
        assert "secret" not in str(caught.value)
