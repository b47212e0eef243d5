"""What keeps a record: the champion, its rival, the newest materializations, packages, sources."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from dagster import asset, materialize

from clinical_assets.canonical import sha256
from clinical_assets.errors import ClinicalError
from resources.build import build_resources
from resources.dagster_instance.home import dagster_instance
from resources.delta.lake import Lake
from resources.mlflow_registry import Registry
from resources.references import References
from resources.settings import Settings, project_root
from resources.snapshot_store import SnapshotStore
from tests.unit.resources.small_store import Filled, frame, settings_of


@dataclass(frozen=True, slots=True)
class Names:
    """A record that names another file."""

    file: str


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_of(tmp_path / "store")


def run(settings: Settings, text: str, first: int) -> None:
    @asset(key=["m", "record"])
    def record() -> Names:
        return Names(sha256(text.encode()))

    @asset(key=["m", "table"])
    def table():
        return frame(first)

    manager = build_resources(settings)["io_manager"]
    with dagster_instance(settings) as instance:
        materialize([record, table], instance=instance, resources={"io_manager": manager})


def test_the_newest_materialization_keeps_what_it_is_and_names(settings: Settings) -> None:
    store = SnapshotStore(settings.snapshots_url)
    old, new = store.put(b"old"), store.put(b"new")
    run(settings, "old", 0)
    run(settings, "new", 3)
    uses = References(settings)
    assert uses.snapshot(new).why == "the newest materialization of m/record is or names it"
    assert uses.snapshot(old).why == ""
    assert "m/table" in uses.table("m/table", 1).why
    assert uses.table("m/table", 0).why == ""
    assert len(Lake(settings.lake_url).history("m/table")) == 2


def test_packages_and_registered_sources_keep_their_files(
    settings: Settings, filled: Filled
) -> None:
    inside = filled.store / "packages" / filled.package.folder / "data/raw/example.csv"
    linked = settings.model_copy(update={"packages": filled.store / "packages"})
    assert "was made of it" in References(linked).snapshot(sha256(inside.read_bytes())).why
    shipped = project_root() / "data/raw/pima/pima_train.csv"
    assert "registered source" in References(linked).snapshot(sha256(shipped.read_bytes())).why


def test_the_champion_and_its_rival_are_in_effect(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from clinical_assets.evidence.package_record import ReleaseRecord

    def release(version: str, replaces: str, day: str) -> ReleaseRecord:
        return ReleaseRecord("m", version, version * 64, "", replaces, day)

    releases = [
        release("c", "b", "2026-03-01T00:00:00+00:00"),
        release("b", "a", "2026-02-01T00:00:00+00:00"),
        release("a", "", "2026-01-01T00:00:00+00:00"),
    ]
    monkeypatch.setattr(Registry, "champion", lambda self, model: releases[0])
    monkeypatch.setattr(Registry, "releases", lambda self, model: releases)
    uses = References(settings)
    assert uses.package("m", "c" * 64).why == "it is the champion"
    assert uses.package("m", "b" * 64).why == "the champion is compared with it"
    assert uses.package("m", "d" * 64) == uses.package("m", "e" * 64)
    former = uses.package("m", "a" * 64)
    assert (former.why, former.until) == ("", datetime(2026, 2, 1, tzinfo=UTC))
    releases[1] = release("b", "a", "long ago")
    with pytest.raises(ClinicalError, match="does not say when"):
        uses.package("m", "a" * 64)
