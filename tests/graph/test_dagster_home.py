"""Which Dagster instance a command uses, and which ledger that instance writes."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from dagster import AssetKey, AssetMaterialization, DagsterInstance
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from clinical_assets.errors import ClinicalError
from resources.dagster_instance.event_log import LedgerSqliteEventLogStorage
from resources.dagster_instance.home import (
    dagster_instance,
    embedded_configuration,
    ledger_configuration,
    prepare_dagster_home,
)
from resources.dagster_instance.postgres import LedgerPostgresEventLogStorage
from resources.dagster_instance.sqlite import LedgerSqliteStorage
from resources.dagster_instance.writing import LedgerPlace
from resources.settings import Settings
from tests.graph.ledger_graph import defs
from tests.graph.ledger_paths import POSTGRES, QUIET, Site, postgres_site
from tests.graph.whole_run import ROOT


@pytest.fixture(autouse=True)
def home_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "restored after the test")


def written(settings: Settings) -> Any:
    return json.loads((settings.dagster_home / "dagster.yaml").read_text())


def before_the_ledger(home: Path) -> dict[str, Any]:
    storage = {"sqlite": {"base_dir": str(home / "storage")}}
    return {**embedded_configuration(home), "storage": storage}


def test_an_instance_of_an_earlier_version_keeps_its_history_and_writes_the_ledger(
    tmp_path: Path,
) -> None:
    settings = Settings.load(store=tmp_path / "store", models=())
    home = settings.dagster_home
    home.mkdir(parents=True)
    (home / "dagster.yaml").write_text(json.dumps(before_the_ledger(home)))
    with DagsterInstance.from_config(str(home)) as old:
        job = defs.resolve_job_def("days")
        run = job.execute_in_process(
            instance=old, partition_key="2026-11-01", run_config=QUIET
        ).run_id
    with dagster_instance(settings) as instance:
        assert isinstance(instance.event_log_storage, LedgerSqliteEventLogStorage)
        assert instance.get_run_by_id(run) is not None
        assert instance.get_latest_materialization_event(AssetKey("daily")) is not None
        instance.delete_run(run)
        assert Site(settings, instance).actions("run.") == ["run.deleted", "run.events_deleted"]
    assert written(settings) == embedded_configuration(home, ledger_configuration(settings))


def test_the_configuration_follows_the_ledger_that_the_settings_name(tmp_path: Path) -> None:
    first = Settings.load(store=tmp_path / "store")
    prepare_dagster_home(first)
    other = Settings.load(store=tmp_path / "store", ledger_url=f"sqlite:///{tmp_path}/other.db")
    prepare_dagster_home(other)
    with dagster_instance(other) as instance:
        instance.report_runless_asset_event(AssetMaterialization("made"))
        assert Site(other, instance).actions("asset.") == ["asset.materialized"]
    assert (tmp_path / "other.db").exists()
    assert not (tmp_path / "store/ledger/ledger.db").exists()


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("postgresql://db.example/ledger", "postgresql://db.example/ledger"),
        ("postgresql://writer@db.example/ledger", "postgresql://writer@db.example/ledger"),
        ("postgresql://writer:hunter2@db.example/ledger", {"env": "CLINICAL_LEDGER_URL"}),
        ("postgresql://db.example/ledger?password=hunter2", {"env": "CLINICAL_LEDGER_URL"}),
    ],
)
def test_no_secret_is_written_into_the_configuration(
    url: str, named: object, tmp_path: Path
) -> None:
    settings = Settings.load(store=tmp_path / "store", ledger_url=url)
    prepare_dagster_home(settings)
    assert written(settings)["storage"]["custom"]["config"]["ledger"]["url"] == named
    assert b"hunter2" not in (settings.dagster_home / "dagster.yaml").read_bytes()


def test_an_address_that_is_none_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    settings = Settings.load(store=tmp_path / "store", ledger_url="mysql://db.example/ledger")
    with pytest.raises(ClinicalError, match="SQLite or PostgreSQL"):
        prepare_dagster_home(settings)
    assert not (settings.dagster_home / "dagster.yaml").exists()


@pytest.mark.parametrize("own", ["no ledger", "another ledger", "its own ledger"])
def test_somebodys_own_instance_is_used_if_it_writes_the_ledger(own: str, tmp_path: Path) -> None:
    settings = Settings.load(store=tmp_path / "store")
    home = settings.dagster_home
    home.mkdir(parents=True)
    if own == "no ledger":
        text_ = yaml.safe_dump(before_the_ledger(home))
    else:
        folder = settings.store if own == "its own ledger" else tmp_path / "else"
        named = ledger_configuration(Settings.load(store=folder))
        text_ = yaml.safe_dump(embedded_configuration(home, named))
    (home / "dagster.yaml").write_text(text_)
    if own == "its own ledger":
        with dagster_instance(settings) as instance:
            assert isinstance(instance.event_log_storage, LedgerSqliteEventLogStorage)
    else:
        words = {"no ledger": "without the ledger", "another ledger": "writes another ledger"}
        with pytest.raises(ClinicalError, match=words[own]), dagster_instance(settings):
            pass
    assert (home / "dagster.yaml").read_text() == text_, "it is left alone"


def test_the_top_level_file_leaves_the_ledger_to_the_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = yaml.safe_load((ROOT / "dagster.yaml").read_text())["storage"]["custom"]["config"]
    monkeypatch.setenv("CLINICAL_STORE", str(tmp_path / "store"))
    storage = LedgerSqliteStorage.from_config_value(
        None, {**found, "base_dir": str(tmp_path / "storage"), "ledger": None}
    )
    place = storage.run_storage.ledger_place  # type: ignore[attr-defined]
    assert place == LedgerPlace.of_settings(Settings.load())


def test_the_production_file_holds_no_secret_and_keeps_history_and_ledger_in_postgresql(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text_ = (ROOT / "deploy/dagster.yaml").read_text()
    found = yaml.safe_load(text_)
    database = found["storage"]["custom"]["config"]["postgres_db"]
    assert database["params"] == {"sslmode": "verify-full"}
    assert all(set(v) == {"env"} for k, v in database.items() if k != "params")
    with postgres_site(tmp_path / "first") as site:  # for its database
        url = make_url(site.settings.ledger_url)
        monkeypatch.setenv("DAGSTER_POSTGRES_HOST", str(url.host))
        monkeypatch.setenv("DAGSTER_POSTGRES_USER", str(url.username))
        monkeypatch.setenv("DAGSTER_POSTGRES_PASSWORD", str(url.password or "trusted"))
        monkeypatch.setenv("DAGSTER_POSTGRES_DB", str(url.database))
        monkeypatch.setenv("CLINICAL_STORE", str(tmp_path / "second"))
        monkeypatch.setenv("CLINICAL_KEYS", str(site.settings.keys))
        monkeypatch.setenv("CLINICAL_LEDGER_URL", site.settings.ledger_url)
        settings = Settings.load()
        settings.dagster_home.mkdir(parents=True)
        plain = text_.replace("verify-full", "prefer")  # the test's server speaks no TLS
        (settings.dagster_home / "dagster.yaml").write_text(plain)
        with dagster_instance(settings) as instance:
            assert isinstance(instance.event_log_storage, LedgerPostgresEventLogStorage)
            instance.report_runless_asset_event(AssetMaterialization("made"))
            assert Site(settings, instance).actions("asset.") == ["asset.materialized"]
        engine = create_engine(POSTGRES + f"/{url.database}")
        with engine.connect() as connection:
            query = text("SELECT count(*) FROM event_logs")
            assert connection.execute(query).scalar() == 1
        engine.dispose()
