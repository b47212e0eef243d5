"""The package store: keys, sweeping, and refusing what is not what was released."""

import errno
import os
import shutil
import stat
import time
from pathlib import Path

import pytest

from clinical_assets.canonical import canonical_json
from clinical_assets.errors import ClinicalError
from clinical_assets.evidence.package_record import PackageRecord, ReleaseRecord
from resources.package_store import PackageStore
from resources.signing_keys import SigningKeys
from tests.unit.evidence.example_spec import spec
from tests.unit.evidence.examples import candidate
from tests.unit.evidence.package_examples import example_files
from tests.unit.resources.faults import watched_disk


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


def test_what_is_kept_beside_a_package_is_whole_on_disk_before_it_has_its_name(
    store: PackageStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = keep(store)
    folder = store.folder_of(kept.model, kept.version, kept.digest)
    assert folder == store.root / kept.folder
    store.keep_beside(kept, {"note.md": b"older"})
    with watched_disk(monkeypatch) as seen:
        store.keep_beside(kept, {"note.md": b"newer"})
    assert [kind for kind, _ in seen] == ["fsync", "fsync"]
    assert seen[0][1].name.startswith(f".{folder.name}.note.md.")
    assert seen[1][1] == folder.parent
    note = folder.with_name(f"{folder.name}.note.md")
    assert note.read_bytes() == b"newer"

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(ClinicalError, match="disk or quota is full"):
            store.keep_beside(kept, {"note.md": b"newest"})
    assert note.read_bytes() == b"newer"
    assert not [path for path in folder.parent.iterdir() if path.name.startswith(".")]


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


def released(store: PackageStore, **changes: bytes) -> tuple[PackageRecord, ReleaseRecord]:
    """A package that can be loaded, and its release."""
    record = canonical_json(candidate(spec()))
    kept = store.keep(
        example_files(**{"candidate.json": record}, **changes),
        model="m",
        version="1.0.0+a",
        entry_point="m.spec:MODEL",
    )
    return kept, ReleaseRecord("m", "1.0.0+a", kept.digest, kept.onnx_sha256, "", "")


def test_a_package_of_an_unknown_key_is_refused_until_the_key_is_trusted(
    store: PackageStore, tmp_path: Path
) -> None:
    kept, release = released(store)
    elsewhere = PackageStore(store.root, tmp_path / "other-keys")
    (problem,) = elsewhere.problems(kept)
    assert f"not trusted here, of fingerprint {kept.signer}" in problem
    with pytest.raises(ClinicalError, match=rf"{kept.signer}.*into the trusted folder of CLIN"):
        elsewhere.load(release)
    assert not elsewhere.keys.exists()  # verifying makes no key
    (elsewhere.keys / "trusted").mkdir(parents=True)
    public = (store.root / kept.folder / "signing-key.pub.pem").read_bytes()
    (elsewhere.keys / "trusted" / "colleague.pem").write_bytes(public)
    assert elsewhere.problems(kept) == ()
    elsewhere.load(release)


@pytest.mark.parametrize("older_store", [False, True])
def test_packages_stay_valid_when_the_key_is_replaced(
    store: PackageStore, older_store: bool
) -> None:
    kept, release = released(store)
    if older_store:  # as it was before there was the folder of trusted keys
        shutil.rmtree(store.keys / "trusted")
    (store.keys / "package-signing.pem").unlink()
    store.load(release)
    assert not (store.keys / "package-signing.pem").exists()  # verifying makes no key
    newer, newer_release = released(store, **{"spec.json": b"{}"})
    assert newer.signer != kept.signer
    assert store.problems(kept) == store.problems(newer) == ()
    store.load(release)
    store.load(newer_release)
    assert released(store) == (kept, release)  # signed already: the record says with which key


def test_a_key_taken_out_of_the_trusted_folder_is_not_accepted_again(store: PackageStore) -> None:
    kept, release = released(store)
    (store.keys / "package-signing.pem").unlink()
    (store.keys / "trusted" / f"{kept.signer}.pem").unlink()
    released(store, **{"spec.json": b"{}"})
    with pytest.raises(ClinicalError, match="not trusted here"):
        store.load(release)


def test_a_trusted_file_that_is_no_public_key_is_named(store: PackageStore) -> None:
    kept, _ = released(store)
    private = (store.keys / "package-signing.pem").read_bytes()
    (store.keys / "trusted" / "oops.pem").write_bytes(private)
    (problem,) = store.problems(kept)
    assert "oops.pem" in problem
    assert private.decode().splitlines()[1] not in problem


def test_a_read_only_folder_of_keys_signs_and_verifies(
    store: PackageStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(store)
    shutil.rmtree(store.keys / "trusted")
    (store.keys / "package-signing.pub.pem").unlink()

    def refuse(*_: object) -> None:
        raise OSError(errno.EROFS, "read-only")

    monkeypatch.setattr(SigningKeys, "_publish", refuse)
    kept, release = released(store)
    assert store.problems(kept) == ()
    store.load(release)


def test_a_package_that_cannot_be_read_is_not_intact(store: PackageStore) -> None:
    kept = keep(store)
    (store.root / kept.folder / "manifest.json").unlink()
    assert store.problems(kept)
    assert not store.judge(kept).passed
    shutil.rmtree(store.root / kept.folder)
    assert store.problems(kept)
    assert not store.judge(kept).passed


def test_another_intact_package_in_the_champions_place_is_refused(store: PackageStore) -> None:
    champion, release = released(store)
    other, _ = released(store, **{"spec.json": b"{}"})
    assert store.load(release).candidate.version
    shutil.rmtree(store.root / champion.folder)
    (store.root / other.folder).rename(store.root / champion.folder)
    with pytest.raises(ClinicalError, match=r"not what was released: another digest.*Restore"):
        store.load(release)
    assert store.problems(champion) == ("its digest is not the one recorded when it was built",)


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
