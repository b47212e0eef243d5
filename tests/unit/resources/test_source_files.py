"""Where files of sources are found, and that only the registered ones are handed out."""

import subprocess
import sys
from pathlib import Path

import pytest

from clinical_assets.canonical import sha256
from clinical_assets.errors import ClinicalError
from resources.snapshot_store import SnapshotStore
from resources.source_files import SourceFiles
from tests.unit.resources.faults import object_path

ROOT = Path(__file__).resolve().parents[3]
ONE, TWO = b"a\n1\n", b"a\n2\n"
KEYS = ["title", "license", "citation", "reference", "collected_by", "collection", "consent"]


def entry(source: str, shipped: bool, *files: tuple[str, str, bytes]) -> str:
    listed = ", ".join(
        f'{{ name = "{name}", {place}sha256 = "{sha256(data)}", rows = 1, header = true }}'
        for name, place, data in files
    )
    facts = "\n".join(f'{key} = "x"' for key in KEYS)
    columns = 'columns = [{ name = "a", unit = "1", description = "x" }]'
    flag = str(shipped).lower()
    return (
        f'[[source]]\nid = "{source}"\n{facts}\nshipped = {flag}\nfiles = [{listed}]\n{columns}\n'
    )


@pytest.fixture
def files(tmp_path: Path) -> SourceFiles:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "one.csv").write_bytes(ONE)
    register = tmp_path / "sources.toml"
    register.write_text(
        entry("here", True, ("one.csv", 'path = "raw/one.csv", ', ONE))
        + entry("away", False, ("one.csv", "", ONE), ("two.csv", "", TWO))
        + entry("gone", True, ("two.csv", 'package = "no_such_package", path = "t.csv", ', TWO))
    )
    return SourceFiles(register, SnapshotStore(str(tmp_path / "snapshots")))


def test_shipped_file(files: SourceFiles) -> None:
    source, read = files.read("here")
    assert source.id == "here"
    assert read == {"one.csv": ONE}


def test_added_files(files: SourceFiles, tmp_path: Path) -> None:
    with pytest.raises(ClinicalError, match="clinical data add away FILE"):
        files.read("away")
    for name, data in (("any-name", ONE), ("another", TWO)):
        (tmp_path / name).write_bytes(data)
    assert files.add("away", tmp_path / "any-name").name == "one.csv"
    assert files.add("away", tmp_path / "another").name == "two.csv"
    (tmp_path / "any-name").unlink()
    assert files.read("away")[1] == {"one.csv": ONE, "two.csv": TWO}


def test_a_changed_shipped_file_is_refused_even_if_the_right_one_was_added(
    files: SourceFiles, tmp_path: Path
) -> None:
    path = tmp_path / "raw" / "one.csv"
    files.add("here", path)
    path.write_bytes(TWO)
    with pytest.raises(ClinicalError, match="not the registered one"):
        files.read("here")
    assert [s.state for s in files.states("here")] == ["wrong"]
    path.unlink()
    assert files.read("here")[1] == {"one.csv": ONE}


def test_a_missing_shipped_file(files: SourceFiles, tmp_path: Path) -> None:
    (tmp_path / "raw" / "one.csv").unlink()
    with pytest.raises(ClinicalError, match=r"Restore data/raw/one\.csv"):
        files.read("here")
    with pytest.raises(ClinicalError, match="Install no_such_package in the locked version"):
        files.read("gone")


def test_a_foreign_file_is_not_added(files: SourceFiles, tmp_path: Path) -> None:
    (tmp_path / "foreign").write_bytes(b"a\n3\n")
    with pytest.raises(ClinicalError, match="that of none of the source's files"):
        files.add("away", tmp_path / "foreign")
    with pytest.raises(ClinicalError, match="not the registered one"):
        files.add("here", tmp_path / "foreign")
    assert not (tmp_path / "snapshots").exists()


def test_what_cannot_be_read(files: SourceFiles, tmp_path: Path) -> None:
    with pytest.raises(ClinicalError, match="no such file"):
        files.add("away", tmp_path / "none")
    with pytest.raises(ClinicalError, match="cannot be read: Is a directory"):
        files.add("away", tmp_path)
    with pytest.raises(ClinicalError, match=r"no source 'none'.*one of: here, away, gone"):
        files.read("none")


def test_a_damaged_snapshot_is_found(files: SourceFiles, tmp_path: Path) -> None:
    for data in (ONE, TWO):
        (tmp_path / "f").write_bytes(data)
        files.add("away", tmp_path / "f")
    path = object_path(SnapshotStore(str(tmp_path / "snapshots")), sha256(TWO))
    path.unlink()
    path.write_bytes(b"")
    states = {(s.source, s.file.name): s.state for s in files.states("away")}
    assert states == {("away", "one.csv"): "verified", ("away", "two.csv"): "wrong"}


def test_register_that_cannot_be_used(tmp_path: Path) -> None:
    store = SnapshotStore(str(tmp_path / "snapshots"))
    with pytest.raises(ClinicalError, match="no register of sources"):
        SourceFiles(tmp_path / "none.toml", store).sources()
    (tmp_path / "latin.toml").write_bytes(b'title = "\xfc"')
    with pytest.raises(ClinicalError, match=r"not UTF-8 \(byte 9\)"):
        SourceFiles(tmp_path / "latin.toml", store).sources()


def test_a_package_is_located_without_importing_it(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path;"
        "from resources.source_files import SourceFiles;"
        "from resources.snapshot_store import SnapshotStore;"
        f"f = SourceFiles(Path('data/sources.toml'), SnapshotStore({str(tmp_path)!r}));"
        "print(len(f.read('breast-mass-wdbc')[1]['breast_cancer.csv']) > 100_000,"
        "[m for m in ('sklearn', 'dagster', 'deltalake') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "True []"
