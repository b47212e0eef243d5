"""The champion read without MLflow is the one that MLflow names, or it is left to MLflow."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from mlflow import MlflowClient

from resources.mlflow_alias import alias_tags
from resources.mlflow_registry import CHAMPION, Registry
from tests.unit.resources.test_mlflow_registry import add_candidate


def again(registry: Registry) -> Registry:
    """As another process finds it: MLflow was not asked for anything yet."""
    return Registry(registry.tracking_uri, registry.artifacts)


def by_mlflow(registry: Registry) -> Registry:
    """One that has MLflow loaded."""
    loaded = again(registry)
    loaded.prepare()
    return loaded


def change(registry: Registry, statement: str) -> None:
    with closing(sqlite3.connect(registry.tracking_uri.removeprefix("sqlite:///"))) as database:
        database.execute(statement)
        database.commit()


def test_both_ways_name_the_same_champion(registry: Registry) -> None:
    client = MlflowClient(registry.tracking_uri, registry.tracking_uri)

    def same() -> str | None:
        assert alias_tags(registry.tracking_uri, "diabetes", CHAMPION) is not None
        quick = again(registry).champion("diabetes")
        assert quick == by_mlflow(registry).champion("diabetes")
        return quick and quick.version

    assert same() is None
    for version in ("1.0.0+a", "1.1.0+b"):
        add_candidate(registry, version)
        registry.release("diabetes", version, version[-1] * 64, "1" * 64)
        assert same() == version
    client.set_registered_model_alias("diabetes", "another", "2")
    client.set_registered_model_alias("diabetes", CHAMPION, "1")
    assert same() == "1.0.0+a"
    client.set_model_version_tag("diabetes", "1", "clinical.package_sha256", "f" * 64)
    assert same() == "1.0.0+a"
    client.create_model_version("diabetes", source="/somewhere")  # by hand: without any tag
    client.set_registered_model_alias("diabetes", CHAMPION, "3")
    assert same() == ""
    client.delete_model_version("diabetes", "3")
    assert same() is None
    client.set_registered_model_alias("diabetes", CHAMPION, "2")
    client.delete_registered_model_alias("diabetes", CHAMPION)
    assert same() is None


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE alembic_version SET version_num = 'a later one'",
        "DROP TABLE registered_model_aliases",
        "INSERT INTO registered_models (name, workspace) VALUES ('diabetes', 'theirs')",
    ],
)
def test_what_is_not_known_for_sure_is_left_to_mlflow(registry: Registry, statement: str) -> None:
    change(registry, statement)
    assert alias_tags(registry.tracking_uri, "diabetes", CHAMPION) is None


def test_other_stores_are_left_to_mlflow(tmp_path: Path) -> None:
    no_database = tmp_path / "words.db"
    no_database.write_text("no database" * 100)
    for uri in ("https://host", f"sqlite:///{tmp_path}", f"sqlite:///{no_database}"):
        assert alias_tags(uri, "diabetes", CHAMPION) is None


def test_a_file_that_is_not_there_yet_names_nobody_and_is_not_made(tmp_path: Path) -> None:
    registry = Registry(f"sqlite:///{tmp_path}/none.db", str(tmp_path / "artifacts"))
    assert registry.champion("diabetes") is None
    assert not (tmp_path / "none.db").exists()


def test_mlflow_is_not_loaded_for_it(registry: Registry) -> None:
    code = (
        "import sys; from resources.mlflow_registry import Registry; "
        f"Registry({registry.tracking_uri!r}, '').champion('diabetes'); "
        "sys.exit('mlflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
