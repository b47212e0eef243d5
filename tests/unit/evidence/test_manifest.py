"""The manifest: what it may list, its canonical bytes, its digest."""

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinical_assets.errors import ClinicalError
from clinical_assets.evidence.manifest import Manifest, build_manifest, parse_manifest
from clinical_assets.evidence.package_paths import collisions, unsafe_reason
from tests.unit.evidence.package_examples import example_files, example_package


def build(files: dict[str, bytes], **changes: str) -> Manifest:
    named = {"model": "example", "version": "1.0.0", "entry_point": "example:SPEC"} | changes
    return build_manifest(files, **named)


def changed(**changes: Any) -> bytes:
    plain = json.loads(example_package().manifest.to_bytes())
    return json.dumps(plain | changes, sort_keys=True, separators=(",", ":")).encode()


def test_digest_is_the_sha256_of_the_bytes_and_lists_every_file() -> None:
    manifest = build(example_files())
    assert manifest.digest == hashlib.sha256(manifest.to_bytes()).hexdigest()
    for path, data in example_files().items():
        assert manifest.files[path].sha256 == hashlib.sha256(data).hexdigest()
        assert manifest.files[path].size == len(data)


def test_bytes_do_not_depend_on_the_order_of_the_files() -> None:
    files = example_files()
    backwards = dict(sorted(files.items(), reverse=True))
    assert build(files).to_bytes() == build(backwards).to_bytes()


def test_round_trip() -> None:
    manifest = build(example_files())
    assert parse_manifest(manifest.to_bytes()) == manifest


@pytest.mark.parametrize(
    "path", ["model/model.onnx", "sbom.cdx.json", "card/datasheet.html", "data/raw/example.csv"]
)
def test_a_missing_required_file_is_named(path: str) -> None:
    files = example_files()
    del files[path]
    with pytest.raises(ClinicalError, match="data/raw/" if "raw" in path else path):
        build(files)


@pytest.mark.parametrize("own", ["manifest.json", "signature.sig", "signing-key.pub.pem"])
def test_the_manifest_never_lists_itself_or_a_seal(own: str) -> None:
    with pytest.raises(ClinicalError, match="may not list"):
        build(example_files(**{own: b"x"}))


@pytest.mark.parametrize(
    ("field", "value"),
    [("model", "../up"), ("model", ""), ("version", "1 0"), ("entry_point", "no colon")],
)
def test_malformed_names_are_refused(field: str, value: str) -> None:
    with pytest.raises(ClinicalError):
        build(example_files(), **{field: value})


UNSAFE = [
    "",
    "/etc/passwd",
    "C:/windows",
    "c:x",
    "../up",
    "a/../../up",
    "a/./b",
    "a//b",
    "a/",
    "a\\b",
    "a\0b",
    "a\nb",
    "name.",
    "name ",
    "aux",
    "data/NUL.txt",
    "e\u0301.csv",
    "x" * 300,
    "a\u202eb",
]


@pytest.mark.parametrize("path", UNSAFE)
def test_unsafe_paths_are_refused(path: str) -> None:
    assert unsafe_reason(path)
    with pytest.raises(ClinicalError):
        build(example_files(**{path: b"x"}))


@pytest.mark.parametrize(
    "path", ["a", "data/raw/Größe (1).csv", "a/b/c.tar.gz", ".gitignore", "a-b"]
)
def test_plain_paths_are_safe(path: str) -> None:
    assert unsafe_reason(path) == ""


def test_the_reason_is_the_true_one() -> None:
    assert unsafe_reason("a/../b") == "it leaves the folder"
    assert unsafe_reason("/a") == "it is absolute"
    assert "Windows" in unsafe_reason("a/com1.txt")


def test_collisions() -> None:
    assert collisions(["a", "b/c", "b/d"]) == ()
    assert collisions(["a", "A"]) == ("a",)
    assert collisions(["a", "a"]) == ("a",)
    assert collisions(["a", "a/b"]) == ("a/b",)
    assert collisions(["B", "b/c/d"]) == ("b/c/d",)
    with pytest.raises(ClinicalError, match="collides"):
        build(example_files(**{"MODEL/model.onnx": b""}))
    with pytest.raises(ClinicalError, match="collides"):
        build(example_files(**{"Manifest.json": b""}))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 100_000,
        b"{}",
        b'{"format": "clinical-package/1"}',
        changed(format="clinical-package/2"),
        changed(extra=1),
        changed(files={}),
        changed(files={"a": {"sha256": "b" * 64, "size": "1"}}),
        changed(model=1),
        changed(model="\ud800"),
        changed(version=float("nan")),
        example_package().manifest.to_bytes() + b"\n",
        b'{"format":"clinical-package/1",' + example_package().manifest.to_bytes()[1:],
    ],
)
def test_what_is_no_manifest_is_one_clear_error(data: bytes) -> None:
    with pytest.raises(ClinicalError):
        parse_manifest(data)


@pytest.mark.parametrize(
    "entry", [{"sha256": "B" * 64, "size": 1}, {"sha256": "b" * 63, "size": 1},
              {"sha256": "b" * 64, "size": -1}]
)  # fmt: skip
def test_a_malformed_entry_is_refused(entry: dict[str, Any]) -> None:
    plain = json.loads(example_package().manifest.to_bytes())
    plain["files"]["sbom.cdx.json"] = entry
    with pytest.raises(ClinicalError, match="SHA-256 and size"):
        parse_manifest(json.dumps(plain, sort_keys=True, separators=(",", ":")).encode())


@given(st.text(max_size=40))
def test_a_safe_path_stays_below_its_folder(path: str) -> None:
    """Oracle: the parts themselves, whatever the separators of any system."""
    if unsafe_reason(path) == "":
        parts = path.replace("\\", "/").split("/")
        assert not {"", ".", ".."} & set(parts)
        assert ":" not in path


@given(st.binary(max_size=200))
def test_no_bytes_crash_the_parser(data: bytes) -> None:
    with pytest.raises(ClinicalError):
        parse_manifest(data)
