"""Verification finds every kind of change, names it, and never crashes."""

import json
import os
import random
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from clinical_assets.canonical import canonical_json, sha256
from clinical_assets.errors import ClinicalError
from clinical_assets.evidence.manifest import MANIFEST, PUBLIC_KEY, SIGNATURE
from clinical_assets.evidence.package import (
    assemble,
    load_package,
    read_package,
    write_folder,
    write_zip,
)
from clinical_assets.evidence.signing import fingerprint, generate_key, sign_folder
from clinical_assets.evidence.verification import verify_files, verify_package
from tests.unit.evidence.package_examples import example_files, example_package

KEY, FOREIGN = generate_key(), generate_key()
GOLDEN = Path(__file__).parents[2] / "golden" / "package-v1"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_folder(
        example_package(), tmp_path / "p", seal=lambda draft: sign_folder(draft, KEY.private)
    )
    return tmp_path / "p"


def test_good(folder: Path, tmp_path: Path) -> None:
    write_zip(load_package(folder), tmp_path / "p.zip")
    for path in (folder, tmp_path / "p.zip"):
        report = verify_package(path, KEY.public)
        assert report.passed
        assert report.trusted is True
        assert report.checked == len(example_files())
        assert report.digest == example_package().digest
        assert (report.model, report.version) == ("example", "1.0.0")
        assert report.key_fingerprint == fingerprint(KEY.public)
        assert report.problems == report.missing == report.extra == report.changed == ()


def test_without_a_trusted_key_the_signer_is_not_established(folder: Path) -> None:
    report = verify_package(folder)
    assert report.passed
    assert report.trusted is None


def test_one_changed_byte_in_any_file_is_named(folder: Path) -> None:
    draw = random.Random(7)
    files = dict(read_package(folder))
    for path in example_files():
        data = bytearray(files[path])
        data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
        report = verify_files({**files, path: bytes(data)}, KEY.public)
        assert report.changed == (path,)
        assert f"changed: {path}" in report.problems
        assert not report.passed


def append(folder: Path) -> None:
    with (folder / "sbom.cdx.json").open("ab") as stream:
        stream.write(b" ")


def truncate(folder: Path) -> None:
    (folder / "sbom.cdx.json").write_bytes(b"")


def remove(folder: Path) -> None:
    (folder / "sbom.cdx.json").unlink()


def add(folder: Path) -> None:
    (folder / "data" / "raw" / "more.csv").write_bytes(b"1")


def add_hidden(folder: Path) -> None:
    (folder / ".gitignore").write_bytes(b"*")


def rename(folder: Path) -> None:
    (folder / "sbom.cdx.json").rename(folder / "SBOM.json")


def swap(folder: Path) -> None:
    a, b = folder / "card/model_card.md", folder / "card/datasheet.md"
    first, second = a.read_bytes(), b.read_bytes()
    a.write_bytes(second)
    b.write_bytes(first)


def directory_instead_of_file(folder: Path) -> None:
    (folder / "sbom.cdx.json").unlink()
    (folder / "sbom.cdx.json").mkdir()


@pytest.mark.parametrize(
    ("change", "problems"),
    [
        (append, ["changed: sbom.cdx.json"]),
        (truncate, ["changed: sbom.cdx.json"]),
        (remove, ["missing: sbom.cdx.json"]),
        (add, ["extra: data/raw/more.csv"]),
        (add_hidden, ["extra: .gitignore"]),
        (rename, ["missing: sbom.cdx.json", "extra: SBOM.json"]),
        (swap, ["changed: card/datasheet.md", "changed: card/model_card.md"]),
        (directory_instead_of_file, ["missing: sbom.cdx.json"]),
    ],
)
def test_each_change_is_named_and_breaks_the_signature(
    change: Callable[[Path], None], problems: list[str], folder: Path
) -> None:
    change(folder)
    report = verify_package(folder, KEY.public)
    assert list(report.problems[: len(problems)]) == problems
    assert len(report.problems) == len(problems) + 1
    assert report.signature == "invalid"
    assert not report.passed


def test_a_changed_file_with_a_recomputed_manifest_is_found_by_the_signature(folder: Path) -> None:
    package = load_package(folder)
    files = {**package.files, "evaluation/evaluation.json": b'{"auroc": 0.99}'}
    forged = assemble(files, model="example", version="1.0.0", entry_point="example:SPEC")
    for path, data in {**forged.contents}.items():
        (folder / path).write_bytes(data)
    report = verify_package(folder)
    assert report.missing == report.extra == report.changed == ()
    assert report.signature == "invalid"
    assert not report.passed


def test_a_manifest_that_forgets_a_file_leaves_it_extra(folder: Path) -> None:
    manifest = json.loads((folder / MANIFEST).read_bytes())
    manifest["files"]["data/raw/other.csv"] = manifest["files"].pop("data/raw/example.csv")
    (folder / MANIFEST).write_bytes(canonical_json(manifest))
    report = verify_package(folder)
    assert report.missing == ("data/raw/other.csv",)
    assert report.extra == ("data/raw/example.csv",)


def test_signed_anew_with_a_foreign_key(folder: Path) -> None:
    (folder / SIGNATURE).unlink()
    (folder / PUBLIC_KEY).unlink()
    sign_folder(folder, FOREIGN.private)
    assert verify_package(folder).passed  # integrity only; nobody is trusted here
    report = verify_package(folder, KEY.public)
    assert report.signature == "valid"
    assert report.trusted is False
    assert not report.passed
    assert any("another key" in problem for problem in report.problems)


def test_a_foreign_public_key_beside_the_old_signature(folder: Path) -> None:
    (folder / PUBLIC_KEY).write_bytes(FOREIGN.public)
    report = verify_package(folder, KEY.public)
    assert report.signature == "invalid"
    assert report.trusted is False


def test_a_signature_of_another_package_does_not_count(folder: Path, tmp_path: Path) -> None:
    other = example_package(**{"sbom.cdx.json": b"other"})
    write_folder(other, tmp_path / "q", seal=lambda draft: sign_folder(draft, KEY.private))
    (folder / SIGNATURE).write_bytes((tmp_path / "q" / SIGNATURE).read_bytes())
    assert verify_package(folder, KEY.public).signature == "invalid"


@pytest.mark.parametrize(("path", "state"), [(SIGNATURE, "absent"), (PUBLIC_KEY, "invalid")])
def test_a_missing_seal_fails(path: str, state: str, folder: Path) -> None:
    (folder / path).unlink()
    report = verify_package(folder)
    assert report.missing == (path,)
    assert report.signature == state
    assert not report.passed


@pytest.mark.parametrize("garbage", [b"", b"\0", b"{}", b"null", b"[" * 50_000])
@pytest.mark.parametrize("path", [SIGNATURE, PUBLIC_KEY, MANIFEST])
def test_garbage_in_place_of_a_seal_or_the_manifest_fails(
    path: str, garbage: bytes, folder: Path
) -> None:
    (folder / path).write_bytes(garbage)
    report = verify_package(folder)
    assert not report.passed
    assert report.problems


def broken(kind: str, folder: Path, tmp_path: Path) -> Path:
    if kind == "absent":
        return tmp_path / "absent"
    if kind == "empty folder":
        (tmp_path / "empty").mkdir()
        return tmp_path / "empty"
    if kind == "no manifest":
        (folder / MANIFEST).unlink()
    elif kind == "manifest is a folder":
        (folder / MANIFEST).unlink()
        (folder / MANIFEST).mkdir()
    elif kind == "link":
        (folder / "sbom.cdx.json").unlink()
        (folder / "sbom.cdx.json").symlink_to("manifest.json")
    elif kind == "device":
        return Path(os.devnull)
    else:
        target = tmp_path / "p.zip"
        write_zip(load_package(folder), target)
        data = target.read_bytes()
        if kind == "truncated zip":
            target.write_bytes(data[:-200])
        elif kind == "text file":
            target.write_text("no zip")
        elif kind == "damaged zip":
            target.write_bytes(data.replace(b"example content of sbom", b"EXAMPLE content of sbom"))
        return target
    return folder


@pytest.mark.parametrize(
    "kind",
    ["absent", "empty folder", "no manifest", "manifest is a folder", "link", "device",
     "truncated zip", "text file", "damaged zip"],
)  # fmt: skip
@pytest.mark.parametrize("demanded", [True, False])
def test_what_cannot_be_read_is_a_finding(
    kind: str, demanded: bool, folder: Path, tmp_path: Path
) -> None:
    report = verify_package(broken(kind, folder, tmp_path), KEY.public if demanded else None)
    assert not report.passed
    assert report.digest is None
    assert report.trusted is (False if demanded else None)
    (problem,) = report.problems
    assert str(tmp_path) not in problem


def test_a_trusted_key_that_is_none_is_the_callers_mistake(folder: Path) -> None:
    with pytest.raises(ClinicalError, match="P-256 public key"):
        verify_package(folder, b"no key")


def test_no_files_at_all() -> None:
    assert not verify_files({}).passed


def test_deflated_by_another_tool(folder: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "p.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in sorted(read_package(folder).items(), reverse=True):
            archive.writestr(path, data)
    assert verify_package(tmp_path / "p.zip", KEY.public).passed


def test_packages_of_format_1_verify_for_ever(tmp_path: Path) -> None:
    """Made once and kept. A failure means that packages in archives no longer verify."""
    key = (GOLDEN.parent / "package-v1.pub.pem").read_bytes()
    report = verify_package(GOLDEN, key)
    assert report.problems == ()
    assert report.passed
    assert report.trusted is True
    assert report.digest == "cd9680706a7bdf6cc58cc48cbaba2cf901a149279d6f02b3c688bbe767406e2f"
    assert (
        report.key_fingerprint == "2934785dc094fe3c22511507943320c3615f67645003b89e2164200ba662f069"
    )
    write_zip(load_package(GOLDEN), tmp_path / "golden.zip")
    assert verify_package(tmp_path / "golden.zip", key).passed
    assert (
        sha256((tmp_path / "golden.zip").read_bytes())
        == "a830e2d3bd007f503255b601e7cf8b84b8343ac837d26e2ee6d250d00df8894c"
    )


def test_a_golden_package_with_one_changed_byte_fails() -> None:
    files = dict(read_package(GOLDEN))
    altered = {**files, "spec.json": files["spec.json"].replace(b"e", b"f", 1)}
    assert verify_files(altered).changed == ("spec.json",)
