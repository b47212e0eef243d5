"""The package store: keys, sweeping, and refusing what is not what was released."""

import os
import stat
import time
from pathlib import Path

import pytest

from clinical_assets.errors import ClinicalError
from clinical_assets.evidence.package_record import PackageRecord, ReleaseRecord
from resources.packages import PackageStore
from tests.unit.evidence.package_examples import example_files


@pytest.fixture
def store(tmp_path: Path) -> PackageStore:
    return PackageStore(tmp_path / "packages", tmp_path / "keys")


def keep(store: PackageStore) -> PackageRecord:
    return store.keep(example_files(), model="m", version="1.0.0+a", entry_point="m.spec:MODEL")


def test_a_kept_package_is_intact_and_signed(store: PackageStore) -> None:
    kept = keep(store)
    assert store.judge(kept).passed
    assert (store.root / kept.folder / "manifest.json").is_file()
    assert (store.root / kept.archive).is_file()


def test_the_same_content_is_the_same_package(store: PackageStore) -> None:
    assert keep(store) == keep(store)


def test_the_key_is_for_its_owner_alone(store: PackageStore) -> None:
    keep(store)
    mode = stat.S_IMODE((store.keys / "package-signing.pem").stat().st_mode)
    assert mode == 0o600


def test_one_changed_byte_is_a_problem(store: PackageStore) -> None:
    kept = keep(store)
    with (store.root / kept.folder / "spec.json").open("ab") as file:
        file.write(b" ")
    assert any("spec.json" in problem for problem in store.problems(kept))


def test_a_package_of_another_key_is_a_problem(store: PackageStore, tmp_path: Path) -> None:
    kept = keep(store)
    elsewhere = PackageStore(store.root, tmp_path / "other-keys")
    assert elsewhere.problems(kept)


def test_a_released_package_that_is_gone_cannot_be_loaded(store: PackageStore) -> None:
    release = ReleaseRecord("m", "1.0.0+a", "0" * 64, "1" * 64, "", "")
    with pytest.raises(ClinicalError):
        store.load(release)


def test_leftovers_of_killed_runs_are_swept_when_they_are_old(store: PackageStore) -> None:
    old, young = (store.root / "m" / f".partial-{name}" for name in ("old", "young"))
    for folder in (old, young):
        folder.mkdir(parents=True)
        (folder / "rows.parquet").write_bytes(b"data")
    long_ago = time.time() - 2 * 86_400
    os.utime(old, (long_ago, long_ago))
    keep(store)
    assert not old.exists()
    assert young.exists()
