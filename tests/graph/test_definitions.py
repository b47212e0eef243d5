"""The graph as Dagster loads it: complete, documented, without orphans, gates blocking."""

import json
import shutil
from pathlib import Path

import pytest
import yaml
from dagster import AssetCheckKey, AssetKey, Definitions, TableSchema
from dagster._core.definitions.metadata import TableMetadataSet

from clinical_assets.definitions import build_defs
from clinical_assets.errors import ClinicalError
from clinical_assets.gates import GATES
from clinical_assets.keys import ASSETS, RELEASE_GATES, ModelKeys, gate_keys
from resources.dagster_instance.home import (
    embedded_configuration,
    ledger_configuration,
    prepare_dagster_home,
    require_own_instance,
)
from resources.settings import Settings

TABLES = {
    "dataset": ("diabetes", "bmi_kg_per_m2"),
    "split": ("patient_id", "role"),
    "features": ("diabetes", "bmi_kg_per_m2"),
    "test_predictions": ("diabetes", "bmi_kg_per_m2", "probability", "protocol_sha256"),
}


@pytest.fixture(scope="module")
def definitions(tmp_path_factory: pytest.TempPathFactory) -> Definitions:
    return build_defs(Settings.load(store=tmp_path_factory.mktemp("store")))


def test_dagster_can_load_everything(definitions: Definitions) -> None:
    Definitions.validate_loadable(definitions)


def test_each_model_has_every_asset(definitions: Definitions) -> None:
    keys = definitions.resolve_asset_graph().get_all_asset_keys()
    assert keys == {AssetKey(["diabetes", name]) for name in ASSETS}
    assert set(ModelKeys("diabetes").all()) == keys


def test_no_asset_depends_on_a_key_that_does_not_exist(definitions: Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    assert {
        key for key in graph.get_all_asset_keys() if not graph.get(key).is_materializable
    } == set()
    for key in graph.get_all_asset_keys():
        for parent in graph.get(key).parent_keys:
            assert graph.get(parent).is_materializable, f"{key} depends on unknown {parent}"


def test_every_gate_is_built_blocks_and_guards_an_asset_that_exists(
    definitions: Definitions,
) -> None:
    graph = definitions.resolve_asset_graph()
    shown = {AssetCheckKey(ModelKeys("diabetes").approval, name) for name in RELEASE_GATES}
    assert graph.asset_check_keys == {*gate_keys("diabetes"), *shown}
    for key in graph.asset_check_keys:
        check = graph.get(key)
        # A version that waits for signatures is no failure.
        assert check.blocking != (key.name == "release_signatures")
        assert check.blocking or key in shown, f"{key.name} does not block"
        assert check.description
        assert graph.get(key.asset_key).is_materializable
    assert len(GATES) == 14


def test_every_asset_says_what_it_is_and_whose(definitions: Definitions) -> None:
    for asset in definitions.resolve_asset_graph().asset_nodes:
        assert asset.description, asset.key
        assert asset.group_name == "diabetes"
        assert asset.owners, asset.key
        assert asset.kinds, asset.key


@pytest.mark.parametrize("name", TABLES)
def test_tables_declare_columns_and_their_lineage(definitions: Definitions, name: str) -> None:
    metadata = definitions.resolve_asset_graph().get(AssetKey(["diabetes", name])).metadata
    declared = TableMetadataSet.extract(metadata)
    assert isinstance(declared.column_schema, TableSchema)
    names = {column.name for column in declared.column_schema.columns}
    assert {"patient_id", *TABLES[name]} <= names
    assert all(column.description for column in declared.column_schema.columns)
    assert declared.column_lineage is not None
    traced = declared.column_lineage.deps_by_column
    assert all(dep.column_name for deps in traced.values() for dep in deps)
    assert traced
    assert set(traced) <= names


def test_features_are_traced_to_the_columns_they_come_from(definitions: Definitions) -> None:
    keys = ModelKeys("diabetes")
    metadata = definitions.resolve_asset_graph().get(keys.features).metadata
    lineage = TableMetadataSet.extract(metadata).column_lineage
    assert lineage is not None
    (origin,) = lineage.deps_by_column["pedigree_log"]
    assert (origin.asset_key, origin.column_name) == (keys.dataset, "pedigree_score")
    (origin,) = lineage.deps_by_column["bmi_kg_per_m2_missing"]
    assert (origin.asset_key, origin.column_name) == (keys.dataset, "bmi_kg_per_m2")


def test_only_the_test_predictions_read_test_rows_before_evaluation(
    definitions: Definitions,
) -> None:
    """The protocol stands between the candidate and the test rows (GML-08)."""
    graph = definitions.resolve_asset_graph()
    keys = ModelKeys("diabetes")
    assert keys.protocol in graph.get(keys.test_predictions).parent_keys
    assert keys.candidate in graph.get(keys.protocol).parent_keys
    assert keys.test_predictions in graph.get(keys.evaluation).parent_keys


def test_each_model_has_its_jobs_and_sensors(definitions: Definitions) -> None:
    repository = definitions.get_repository_def()
    assert repository.has_job("diabetes_candidate")
    assert repository.has_job("diabetes_release")
    sensors = {sensor.name for sensor in repository.sensor_defs}
    assert sensors == {
        "settle_mlflow_after_success",
        "settle_mlflow_after_failure",
        "settle_mlflow_after_canceled",
        "release_diabetes_when_signed",
        "compare_mlflow_with_ledger",
        "publish_checkpoints",
    }


def test_the_workspace_names_the_definitions() -> None:
    root = Path(__file__).resolve().parents[2]
    assert "module_name: clinical_assets.definitions" in (root / "workspace.yaml").read_text()


@pytest.mark.parametrize(
    ("store", "home", "fits"),
    [("", "", True), ("/other", "", False), ("/other", "/other/dagster", True), ("", "/x", False)],
)
def test_dagster_dev_does_not_keep_its_runs_apart_from_the_store(
    store: str, home: str, fits: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("CLINICAL_STORE", store), ("DAGSTER_HOME", home)):
        monkeypatch.setenv(name, value)
    require_own_instance(Settings.load())  # any other command
    monkeypatch.setenv("DAGSTER_IS_DEV_CLI", "1")
    if fits:
        require_own_instance(Settings.load())
    else:
        with pytest.raises(ClinicalError, match="Use `clinical up`"):
            require_own_instance(Settings.load())


def test_dagster_yaml_names_the_places_of_the_default_store() -> None:
    root = Path(__file__).resolve().parents[2]
    written = yaml.safe_load((root / "dagster.yaml").read_text())
    meant = embedded_configuration(Path("data/store/dagster"))
    assert written == meant


def test_a_copied_store_keeps_its_runs_to_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "restored after the test")
    first, second = (Settings.load(store=tmp_path / name) for name in ("first", "second"))
    prepare_dagster_home(first)
    shutil.copytree(first.dagster_home, second.dagster_home)
    prepare_dagster_home(second)
    copied = json.loads((second.dagster_home / "dagster.yaml").read_text())
    assert copied == embedded_configuration(second.dagster_home, ledger_configuration(second))
    own = {**copied, "telemetry": {"enabled": True}}
    (second.dagster_home / "dagster.yaml").write_text(json.dumps(own))
    second.dagster_home.rename(tmp_path / "moved")
    prepare_dagster_home(Settings.load(store=tmp_path / "third", dagster_home=tmp_path / "moved"))
    assert json.loads((tmp_path / "moved/dagster.yaml").read_text()) == own
