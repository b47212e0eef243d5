"""``clinical data`` as a person runs it: output, exit codes, one paragraph for a mistake."""

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from clinical_assets.canonical import sha256
from clinical_assets.commands.data import data
from clinical_assets.errors import ClinicalError
from clinical_assets.ledger.entry import read_entry
from resources.ledger import open_ledger
from resources.settings import Settings
from resources.snapshot_store import SnapshotStore

REAL = Path(
    os.environ.get("CLINICAL_REAL_DATA", Path(__file__).resolve().parents[4] / "shared/data")
)
FILE_768 = REAL / "pima" / "pima-indians-diabetes.csv"
SHA_768 = "6bfe5d0f379d17a0e0819b996407e3c09bf80febd4287f2ed212190dfff154af"
needs_768 = pytest.mark.skipif(
    not FILE_768.is_file(),
    reason="the 768-row Pima file is not here: set CLINICAL_REAL_DATA to the folder that holds it",
)


@pytest.fixture(autouse=True)
def own_store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith(("CLINICAL_", "AWS_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("CLINICAL_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("COLUMNS", "160")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(data, [*arguments])


def mistake(result: Result) -> str:
    assert isinstance(result.exception, ClinicalError)
    assert "\n" not in str(result.exception)
    return str(result.exception)


def test_list_shows_every_source() -> None:
    result = run("list")
    assert result.exit_code == 0
    for text in ("pima-ripley", "632", "pima-768", "not added", "breast-mass-wdbc", "sklearn"):
        assert text in result.output


def test_list_for_machines() -> None:
    listed = json.loads(run("list", "--json").output)["sources"]
    assert [(s["id"], s["present"]) for s in listed] == [
        ("pima-ripley", True),
        ("pima-768", False),
        ("breast-mass-wdbc", True),
    ]
    assert listed[1]["files"][0]["sha256"] == SHA_768
    assert listed[0]["columns"][1]["unit"] == "mg/dL"


def test_verify_all_passes_without_the_file_that_is_not_shipped() -> None:
    result = run("verify")
    assert result.exit_code == 0
    assert result.output.count("verified") == 3
    assert "clinical data add pima-768 FILE" in result.output


def test_verify_of_a_source_that_was_not_added_fails() -> None:
    result = run("verify", "pima-768")
    assert result.exit_code == 1
    told = json.loads(run("verify", "pima-768", "--json").output)
    assert (told["passed"], told["files"][0]["state"]) == (False, "not added")


@needs_768
def test_add_and_verify() -> None:
    result = run("add", "pima-768", str(FILE_768))
    assert result.exit_code == 0
    assert SHA_768 in result.output
    assert run("verify", "pima-768").exit_code == 0
    told = json.loads(run("add", "pima-768", str(FILE_768), "--json").output)
    assert told["added"]["rows"] == 768


@needs_768
def test_a_changed_copy_is_refused(tmp_path: Path) -> None:
    copy = tmp_path / "copy.csv"
    copy.write_bytes(FILE_768.read_bytes().replace(b"148", b"149", 1))
    result = run("add", "pima-768", str(copy))
    assert "not the registered one" in mistake(result)
    assert result.exit_code == 1
    told = json.loads(run("add", "pima-768", str(copy), "--json").output)
    assert told["error"]["where"] == "source pima-768, file pima-indians-diabetes.csv"
    assert run("verify", "pima-768").exit_code == 1


def test_a_changed_shipped_file_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = Path(__file__).resolve().parents[3]
    place = tmp_path / "data"
    (place / "raw" / "pima").mkdir(parents=True)
    (place / "sources.toml").write_bytes((root / "data" / "sources.toml").read_bytes())
    for name in ("pima_train.csv", "pima_test.csv"):
        data_ = (root / "data" / "raw" / "pima" / name).read_bytes()
        (place / "raw" / "pima" / name).write_bytes(data_.replace(b"148", b"149", 1))
    monkeypatch.setenv("CLINICAL_SOURCES", str(place / "sources.toml"))
    for arguments in (["verify"], ["verify", "pima-ripley"]):
        result = run(*arguments)
        assert result.exit_code == 1
        assert "pima_test.csv" in result.output
        assert "SHA-256 is" in result.output
    told = json.loads(run("verify", "--json").output)
    assert told["passed"] is False
    assert "wrong" in {file["state"] for file in told["files"]}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["add", "pima-768", "no-such-file"], "There is no such file"),
        (["add", "pima-768", "."], "cannot be read"),
        (["add", "no-such-source", "x"], "There is no source 'no-such-source'"),
        (["verify", "no-such-source"], "There is no source 'no-such-source'"),
    ],
)
def test_a_mistake_is_one_paragraph(arguments: list[str], message: str) -> None:
    assert message in mistake(run(*arguments))
    assert json.loads(run(*arguments, "--json").output)["error"]["what"].count(message) == 1


def test_an_unwritable_store_is_one_paragraph(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "taken").write_text("a file")
    monkeypatch.setenv("CLINICAL_SNAPSHOTS_URL", str(tmp_path / "taken"))
    root = Path(__file__).resolve().parents[3]
    result = run("add", "pima-ripley", str(root / "data/raw/pima/pima_train.csv"))
    assert "store cannot be used" in mistake(result)


def test_what_is_added_and_what_is_refused_is_in_the_ledger(tmp_path: Path) -> None:
    """Not the file's own name: it may say anything."""
    root = Path(__file__).resolve().parents[3]
    good = root / "data/raw/pima/pima_train.csv"
    named, other = tmp_path / "Mrs Canary.csv", tmp_path / "Mr Canary.csv"
    named.write_bytes(good.read_bytes())
    other.write_bytes(good.read_bytes() + b"\n")
    assert run("add", "pima-ripley", str(named)).exit_code == 0
    assert "is that of none of the source's files" in mistake(run("add", "pima-ripley", str(other)))
    entries = [read_entry(row.body) for row in open_ledger(Settings.load()).reader.rows()]
    acts = [entry.act for entry in entries if entry.act.subject.kind in ("source", "snapshot")]
    assert [(act.action, act.outcome, act.subject.version) for act in acts] == [
        ("source.added", "intended", "pima_train.csv"),
        ("snapshot.written", "intended", ""),
        ("snapshot.written", "done", ""),
        ("source.added", "done", "pima_train.csv"),
        ("source.refused", "refused", ""),
    ]
    digest = sha256(good.read_bytes())
    assert {act.subject.sha256 for act in acts[:4]} == {digest}
    assert [act.details.bytes for act in acts[:4]] == [good.stat().st_size] * 4
    assert not [entry for entry in entries if b"Canary" in entry.to_bytes()]
    assert SnapshotStore(str(tmp_path / "store/snapshots")).get(digest) == good.read_bytes()
    assert run("add", "pima-ripley", str(named), "--json").exit_code == 0  # again: compared
