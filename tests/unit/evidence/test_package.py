"""Writing and reading packages: atomic, deterministic, safe against hostile input."""

import hashlib
import io
import os
import signal
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from clinical_assets.errors import ClinicalError
from clinical_assets.evidence import package_reader
from clinical_assets.evidence.manifest import MANIFEST
from clinical_assets.evidence.package import (
    load_package,
    read_package,
    write_folder,
    write_zip,
)
from tests.unit.evidence.package_examples import example_files, example_package

IN_ANOTHER_PROCESS = """
import sys
from pathlib import Path
from clinical_assets.evidence.package import write_folder, write_zip
from tests.unit.evidence.package_examples import example_package
folder = Path(sys.argv[1])
write_folder(example_package(), folder / "p")
write_zip(example_package(), folder / "p.zip")
"""

KILLED = """
import os, signal, sys
from pathlib import Path
from clinical_assets.evidence import package
from tests.unit.evidence.package_examples import example_package
written, original = 0, Path.write_bytes
def write_bytes(self, data):
    global written
    written += 1
    if written == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    return original(self, data)
Path.write_bytes = write_bytes
def seal(folder):
    if sys.argv[2] == "seal":
        os.kill(os.getpid(), signal.SIGKILL)
if sys.argv[2] == "seal":
    Path.write_bytes = original
package.write_folder(example_package(), Path(sys.argv[1]), seal=seal)
"""


def tree(folder: Path) -> dict[str, bytes]:
    return {
        item.relative_to(folder).as_posix(): item.read_bytes()
        for item in folder.rglob("*")
        if item.is_file()
    }


def run(code: str, *arguments: object, seed: str = "0") -> int:
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        env={**os.environ, "PYTHONHASHSEED": seed},
        cwd=Path(__file__).parents[3],
        capture_output=True,
    ).returncode


def test_folder_and_zip_hold_the_same_and_read_back(tmp_path: Path) -> None:
    package = example_package()
    write_folder(package, tmp_path / "new" / "p")
    write_zip(package, tmp_path / "other" / "p.zip")
    assert tree(tmp_path / "new" / "p") == package.contents
    assert dict(read_package(tmp_path / "new" / "p")) == package.contents
    assert dict(read_package(tmp_path / "other" / "p.zip")) == package.contents
    assert load_package(tmp_path / "other" / "p.zip") == package


def test_the_same_bytes_in_other_processes_and_hash_seeds(tmp_path: Path) -> None:
    digests = set()
    for seed in ("0", "1"):
        place = tmp_path / seed
        place.mkdir()
        assert run(IN_ANOTHER_PROCESS, place, seed=seed) == 0
        manifest = (place / "p" / MANIFEST).read_bytes()
        digests.add((hashlib.sha256(manifest).hexdigest(), (place / "p.zip").read_bytes()))
    assert len(digests) == 1
    assert digests.pop()[0] == example_package().digest


def test_the_zip_is_plain_sorted_and_dated_1980(tmp_path: Path) -> None:
    write_zip(example_package(), tmp_path / "p.zip")
    with zipfile.ZipFile(tmp_path / "p.zip") as archive:
        names = archive.namelist()
        assert names == sorted(names)
        for info in archive.infolist():
            assert info.date_time == (1980, 1, 1, 0, 0, 0)
            assert info.compress_type == zipfile.ZIP_STORED
            assert info.external_attr >> 16 == stat.S_IFREG | 0o644


def test_an_identical_package_is_left_alone(tmp_path: Path) -> None:
    write_folder(example_package(), tmp_path / "p")
    before = (tmp_path / "p" / MANIFEST).stat().st_mtime_ns, (tmp_path / "p").stat().st_ino
    write_folder(example_package(), tmp_path / "p")
    assert before == (
        (tmp_path / "p" / MANIFEST).stat().st_mtime_ns,
        (tmp_path / "p").stat().st_ino,
    )
    assert [item.name for item in tmp_path.iterdir()] == ["p"]


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    write_folder(example_package(), tmp_path / "p")
    assert tree(tmp_path / "p") == example_package().contents


def make_other(path: Path) -> None:
    write_folder(example_package(**{"sbom.cdx.json": b"other"}), path)


def make_stranger(path: Path) -> None:
    path.mkdir()
    (path / "thesis.txt").write_text("mine")


def make_file(path: Path) -> None:
    path.write_text("mine")


def make_dangling_link(path: Path) -> None:
    path.symlink_to("nowhere")


def make_damaged(path: Path) -> None:
    write_folder(example_package(), path)
    (path / "sbom.cdx.json").write_bytes(b"other")


def make_incomplete(path: Path) -> None:
    write_folder(example_package(), path)
    (path / "sbom.cdx.json").unlink()


@pytest.mark.parametrize(
    "occupy",
    [make_other, make_stranger, make_file, make_dangling_link, make_damaged, make_incomplete],
)
def test_anything_else_is_never_overwritten(occupy: Callable[[Path], None], tmp_path: Path) -> None:
    occupy(tmp_path / "p")
    before = tree(tmp_path)
    with pytest.raises(ClinicalError):
        write_folder(example_package(), tmp_path / "p")
    assert tree(tmp_path) == before
    assert [item.name for item in tmp_path.iterdir()] == ["p"]


def test_a_zip_replaces_its_own_kind_only(tmp_path: Path) -> None:
    write_zip(example_package(), tmp_path / "p.zip")
    write_zip(example_package(), tmp_path / "p.zip")
    with pytest.raises(ClinicalError, match="never overwritten"):
        write_zip(example_package(**{"sbom.cdx.json": b"other"}), tmp_path / "p.zip")
    (tmp_path / "thesis.zip").write_bytes(b"mine")
    with pytest.raises(ClinicalError, match="never overwritten"):
        write_zip(example_package(), tmp_path / "thesis.zip")
    assert (tmp_path / "thesis.zip").read_bytes() == b"mine"
    assert sorted(item.name for item in tmp_path.iterdir()) == ["p.zip", "thesis.zip"]


@pytest.mark.parametrize("moment", ["5", "seal"])
def test_a_kill_while_writing_leaves_no_package_and_a_rerun_completes(
    moment: str, tmp_path: Path
) -> None:
    assert run(KILLED, tmp_path / "p", moment) == -signal.SIGKILL
    assert not (tmp_path / "p").exists()
    assert all(item.name.startswith(".partial-") for item in tmp_path.iterdir())
    write_folder(example_package(), tmp_path / "p")
    assert tree(tmp_path / "p") == example_package().contents


def test_a_full_disk_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(ClinicalError, match="No space left"):
        write_folder(example_package(), tmp_path / "p")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ClinicalError, match="No space left"):
        write_zip(example_package(), tmp_path / "p.zip")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_below_a_file_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ClinicalError, match="cannot be written"):
        write_folder(example_package(), tmp_path / "file" / "p")


# Hostile packages ------------------------------------------------------------------------------


def zipped(*entries: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    """A zip with a proper package in it and ``entries`` besides."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in example_package().contents.items():
            archive.writestr(path, data)
        for entry, data in entries:
            archive.writestr(entry, data)
    return buffer.getvalue()


def info(name: str, kind: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)
    entry.create_system = 3
    entry.external_attr = (kind | 0o777) << 16
    return entry


def encrypted() -> bytes:
    data = bytearray(zipped())
    start = data.find(b"PK\x01\x02")
    data[start + 8] |= 1
    return bytes(data)


def forged_size() -> bytes:
    """The central directory promises one byte where the entry holds a million."""
    data = bytearray(zipped(("zz_bomb", b"\0" * 1_000_000)))
    start = data.rfind(b"PK\x01\x02")
    data[start + 24 : start + 28] = (1).to_bytes(4, "little")
    return bytes(data)


HOSTILE_ZIPS = {
    "traversal": zipped(("../evil.txt", b"x")),
    "deep traversal": zipped(("a/../../evil.txt", b"x")),
    "absolute": zipped(("/evil.txt", b"x")),
    "drive": zipped(("C:/evil.txt", b"x")),
    "backslash": zipped(("..\\evil.txt", b"x")),
    "control character": zipped(("a\nb", b"x")),
    "symlink": zipped((info("link", stat.S_IFLNK), b"/etc/passwd")),
    "device": zipped((info("dev", stat.S_IFCHR), b"")),
    "folder with content": zipped((info("folder/", stat.S_IFDIR), b"x")),
    "case": zipped(("MODEL/MODEL.onnx", b"x")),
    "file as folder": zipped(("sbom.cdx.json/x", b"x")),
    "device name": zipped(("data/con.txt", b"x")),
    "encrypted": encrypted(),
    "prefixed": b"#!/bin/sh\n" + zipped(),
    "cut short": zipped()[:-30],
    "half": zipped()[: len(zipped()) // 2],
    "empty file": b"",
    "empty zip": b"PK\x05\x06" + b"\0" * 18,
    "no zip": b"PK\x03\x04" + b"nothing" * 100,
}


@pytest.mark.parametrize("name", HOSTILE_ZIPS)
def test_hostile_zips_are_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "p.zip").write_bytes(HOSTILE_ZIPS[name])
    with pytest.raises(ClinicalError) as caught:
        read_package(tmp_path / "p.zip")
    assert str(tmp_path) not in str(caught.value)
    assert [item.name for item in tmp_path.iterdir()] == ["p.zip"]


def test_an_encrypted_entry_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "p.zip").write_bytes(HOSTILE_ZIPS["encrypted"])
    with pytest.raises(ClinicalError, match="encrypted"):
        read_package(tmp_path / "p.zip")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_stands_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "p.zip").write_bytes(zipped(("sbom.cdx.json", b"other")))
    with pytest.raises(ClinicalError, match="stands twice"):
        read_package(tmp_path / "p.zip")


def test_folder_entries_of_other_zip_tools_are_accepted(tmp_path: Path) -> None:
    (tmp_path / "p.zip").write_bytes(zipped((info("data/", stat.S_IFDIR), b"")))
    assert dict(read_package(tmp_path / "p.zip")) == example_package().contents


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    (tmp_path / "p.zip").write_bytes(zipped(("zz_bomb", b"\0" * 50_000_000)))
    assert read_package(tmp_path / "p.zip")["zz_bomb"] == b""
    (tmp_path / "q.zip").write_bytes(forged_size())
    assert read_package(tmp_path / "q.zip")["zz_bomb"] == b""


def test_a_listed_bomb_is_read_one_byte_too_far(tmp_path: Path) -> None:
    write_folder(example_package(), tmp_path / "p")
    (tmp_path / "p" / "sbom.cdx.json").write_bytes(b"\0" * 10_000_000)
    stated = len(example_files()["sbom.cdx.json"])
    assert len(read_package(tmp_path / "p")["sbom.cdx.json"]) == stated + 1


def test_the_sizes_in_the_manifest_are_bounded(tmp_path: Path) -> None:
    write_folder(example_package(), tmp_path / "p")
    with pytest.raises(ClinicalError, match="larger than a package may be"):
        read_package(tmp_path / "p", maximum_bytes=1000)


def test_the_number_of_files_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_folder(example_package(), tmp_path / "p")
    write_zip(example_package(), tmp_path / "p.zip")
    monkeypatch.setattr(package_reader, "MAXIMUM_FILES", 5)
    for path in (tmp_path / "p", tmp_path / "p.zip"):
        with pytest.raises(ClinicalError, match="more than 5 files"):
            read_package(path)


@pytest.mark.parametrize("kind", ["link to file", "link to folder", "dangling link", "fifo"])
def test_links_and_devices_in_a_folder_are_refused(kind: str, tmp_path: Path) -> None:
    write_folder(example_package(), tmp_path / "p")
    intruder = tmp_path / "p" / "data" / "raw" / "more"
    if kind == "fifo":
        os.mkfifo(intruder)
    else:
        target = {"link to file": __file__, "link to folder": tmp_path, "dangling link": "no"}[kind]
        intruder.symlink_to(target)
    with pytest.raises(ClinicalError, match="not a regular file"):
        read_package(tmp_path / "p")


def test_nothing_there(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "absent", tmp_path / "empty", tmp_path / ("x" * 5000)):
        with pytest.raises(ClinicalError):
            read_package(path)


def test_an_unreadable_file_is_one_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_folder(example_package(), tmp_path / "p")
    write_zip(example_package(), tmp_path / "p.zip")

    def denied(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)  # the superuser of a container may read everything
    for path in (tmp_path / "p", tmp_path / "p.zip"):
        with pytest.raises(ClinicalError, match="cannot be read: Permission denied"):
            read_package(path)
