"""``clinical package``: exit codes, what is named, no traceback; real steps of a rebuild."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from clinical_assets.commands import rebuilding
from clinical_assets.commands.package import package
from clinical_assets.errors import ClinicalError
from clinical_assets.evidence.manifest import Rebuild
from clinical_assets.evidence.package import load_package, write_folder, write_zip
from clinical_assets.evidence.signing import fingerprint, generate_key, sign_folder
from clinical_assets.evidence.source_archive import pack_source
from resources.platform import platform_facts
from tests.unit.evidence.package_examples import example_files, example_package

KEY = generate_key()

# A source archive that rebuilds by copying: the steps are real, only the model is trivial.
REBUILD = """
import argparse, json, os, shutil, sys
from pathlib import Path
parser = argparse.ArgumentParser()
parser.add_argument("--package", type=Path)
parser.add_argument("--output", type=Path)
given = parser.parse_args()
kept, made = given.package, given.output
for path in ("", "data", "model", "evaluation"):
    for file in (kept / path).iterdir():
        if file.is_file():
            shutil.copy(file, made / file.name)
(made / "surroundings.json").write_text(
    json.dumps({"path": sys.path, "environ": dict(os.environ), "cwd": str(Path.cwd())})
)
print("rebuilt")
"""
FACTS = """
import json, sys
from pathlib import Path
facts = json.loads(Path("facts.json").read_text())
Path(sys.argv[1]).write_text(json.dumps(facts))
"""


def source(rebuild: str = REBUILD) -> bytes:
    facts = json.dumps(platform_facts()).encode()
    return pack_source(
        [
            ("clinical_assets/__init__.py", b"", False),
            ("clinical_assets/rebuild.py", rebuild.encode(), False),
            ("resources/__init__.py", b"", False),
            ("resources/platform.py", FACTS.encode(), False),
            ("facts.json", facts, False),
        ]
    )


def write(folder: Path, **changes: bytes) -> Path:
    files = {
        "source/source.tar.gz": source(),
        "environment/platform.json": json.dumps(platform_facts()).encode(),
        **changes,
    }
    seal = lambda draft: sign_folder(draft, KEY.private)  # noqa: E731
    write_folder(example_package(**files), folder, seal=seal)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path / "p")


@pytest.fixture
def key(tmp_path: Path) -> Path:
    (tmp_path / "key.pem").write_bytes(KEY.public)
    return tmp_path / "key.pem"


def invoke(*arguments: object) -> Result:
    result = CliRunner(env={"COLUMNS": "80"}).invoke(
        package, [str(a) for a in arguments], catch_exceptions=False
    )
    assert "Traceback" not in result.output
    return result


# verify ----------------------------------------------------------------------------------------


def test_verify_good(folder: Path, key: Path, tmp_path: Path) -> None:
    write_zip(load_package(folder), tmp_path / "p.zip")
    for path in (folder, tmp_path / "p.zip"):
        result = invoke("verify", path, "--key", key)
        assert result.exit_code == 0
        assert "Verified: complete, unchanged and signed with the trusted key" in result.stdout
        assert "the trusted key" in result.stdout
        assert load_package(folder).digest in result.stdout
    assert "not compared with a key that you trust" in " ".join(
        invoke("verify", folder).stdout.split()
    )


def test_a_forgery_signed_again_is_not_called_verified(tmp_path: Path) -> None:
    forged, forger = tmp_path / "forged", generate_key()
    write_folder(
        example_package(**{"spec.json": b'{"forged": true}'}),
        forged,
        seal=lambda draft: sign_folder(draft, forger.private),
    )
    shown = invoke("verify", forged)
    assert shown.exit_code == 0
    assert "Verified" not in shown.stdout
    last = shown.stdout.strip().splitlines()[-1]
    assert last.startswith(f"Signer NOT established: signed by key {fingerprint(forger.public)}")
    assert "Give --key" in last


def test_a_flipped_byte_in_a_zip_names_the_file_that_it_hit(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "p.zip"
    write_zip(load_package(folder), path)
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo("model/model.onnx")
    data = bytearray(path.read_bytes())
    data[info.header_offset + 30 + len(info.orig_filename) + 1] ^= 1
    path.write_bytes(data)
    shown = invoke("verify", path)
    assert shown.exit_code == 1
    assert "p.zip: model/model.onnx" in shown.stdout
    assert "damaged" in shown.stdout


def test_verify_names_each_fault(folder: Path) -> None:
    (folder / "sbom.cdx.json").unlink()
    (folder / "data/raw/more.csv").write_bytes(b"1")
    (folder / "spec.json").write_bytes(b"{}")
    result = invoke("verify", folder)
    assert result.exit_code == 1
    for line in (
        "✗ missing: sbom.cdx.json",
        "✗ extra: data/raw/more.csv",
        "✗ changed: spec.json",
        "✗ the signature is invalid",
        "Not verified.",
    ):
        assert line in result.stdout


def test_verify_json(folder: Path, key: Path) -> None:
    good = json.loads(invoke("verify", folder, "--key", key, "--json").stdout)
    assert good["passed"] is True
    assert good["trusted"] is True
    assert good["key_fingerprint"] == fingerprint(KEY.public)
    (folder / "spec.json").write_bytes(b"{}")
    bad = invoke("verify", folder, "--json")
    assert bad.exit_code == 1
    assert json.loads(bad.stdout)["changed"] == ["spec.json"]


def test_verify_foreign_key(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "other.pem").write_bytes(generate_key().public)
    result = invoke("verify", folder, "--key", tmp_path / "other.pem")
    assert result.exit_code == 1
    assert "NOT the trusted key" in result.stdout


@pytest.mark.parametrize("command", ["verify", "reproduce"])
@pytest.mark.parametrize("options", [[], ["--json"]])
@pytest.mark.parametrize(
    "bad", ["absent", "empty", "text", "half", "key absent", "key bad", "key dir"]
)
def test_bad_input_is_one_paragraph(
    command: str, options: list[str], bad: str, folder: Path, tmp_path: Path
) -> None:
    path, extra = folder, []
    if bad == "absent":
        path = tmp_path / "absent"
    elif bad == "empty":
        path = tmp_path / "empty"
        path.mkdir()
    elif bad == "text":
        path = tmp_path / "key.txt"
        path.write_text("text")
    elif bad == "half":
        path = tmp_path / "p.zip"
        write_zip(load_package(folder), path)
        path.write_bytes(path.read_bytes()[:5000])
    elif bad == "key absent":
        extra = ["--key", str(tmp_path / "none.pem")]
    elif bad == "key bad":
        (tmp_path / "bad.pem").write_text("no key")
        extra = ["--key", str(tmp_path / "bad.pem")]
    else:
        extra = ["--key", str(tmp_path)]
    result = invoke(command, path, *extra, *options)
    assert result.exit_code == 1
    if options:
        assert json.loads(result.stdout)["passed"] is False
        assert json.loads(result.stdout)["problems"]
    else:
        assert len(result.output.strip().splitlines()) <= 4


def test_markup_in_a_file_name_is_shown_as_it_is(folder: Path) -> None:
    (folder / "data/raw/[red]x[link=y].csv").write_bytes(b"")
    assert "extra: data/raw/[red]x[link=y].csv" in invoke("verify", folder).stdout


def test_help_is_quick_and_imports_nothing_heavy() -> None:
    code = (
        "import sys, clinical_assets.commands.package;"
        "print([m for m in ('polars', 'numpy', 'pydantic', 'rich.table', 'model_signing',"
        " 'cryptography', 'dagster') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert "verify" in invoke("--help").output


# reproduce -------------------------------------------------------------------------------------


@pytest.fixture
def no_install(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Path, str]]:
    """The one step that needs a package index is noted instead; all others are real."""
    calls: list[tuple[Path, str]] = []
    monkeypatch.setattr(
        rebuilding, "install", lambda place, lock, uv: calls.append((place.root, lock))
    )
    return calls


def test_reproduce_good(
    folder: Path, key: Path, tmp_path: Path, no_install: list[tuple[Path, str]]
) -> None:
    into = tmp_path / "work"
    result = invoke("reproduce", folder, "--key", key, "--into", into, "--keep", "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["passed"] is True
    assert found["rule"] == "bit for bit"
    assert found["digest"] == load_package(folder).digest
    assert found["folder"] == str(into)
    assert no_install == [(into, "environment/requirements.lock")]
    seen: dict[str, Any] = json.loads((into / "rebuilt/surroundings.json").read_text())
    assert seen["cwd"] == str(into / "source")
    assert str(into / "source") in seen["path"]
    assert not any(p.startswith((sys.prefix, str(Path(__file__).parents[3]))) for p in seen["path"])
    assert seen["environ"]["HOME"].startswith(str(into))
    assert not [k for k in seen["environ"] if k.startswith(("CLINICAL_", "DAGSTER_", "PYTEST_"))]
    assert "rebuilt" in (into / "reproduce.log").read_text()


def test_reproduce_prints_a_verdict_table_and_cleans_up(
    folder: Path, tmp_path: Path, no_install: list[tuple[Path, str]]
) -> None:
    write_zip(load_package(folder), tmp_path / "p.zip")
    result = invoke("reproduce", tmp_path / "p.zip", "--into", tmp_path / "work")
    assert result.exit_code == 0, result.output
    for text in ("model (ONNX bytes)", "identical", "Reproduced:", "bit for bit", "give --key"):
        assert text in " ".join(result.stdout.split())
    for step in ("Verifying files and signature", "Installing the locked", "Comparing"):
        assert f"✓ {step}" in result.stderr
    assert not (tmp_path / "work").exists()


def test_reproduce_shows_what_differs(tmp_path: Path, no_install: list[tuple[Path, str]]) -> None:
    cheat = REBUILD + '\n(made / "model.onnx").write_bytes(b"other")\n'
    folder = write(tmp_path / "p", **{"source/source.tar.gz": source(cheat)})
    result = invoke("reproduce", folder, "--into", tmp_path / "work")
    assert result.exit_code == 1
    assert "DIFFERS" in result.stdout
    assert "Not reproduced: 14 of 15" in result.stdout


def test_reproduce_says_that_the_platform_is_another(
    tmp_path: Path, no_install: list[tuple[Path, str]]
) -> None:
    facts = {**platform_facts(), "python_version": "3.9.1", "machine": "vax"}
    folder = write(tmp_path / "p", **{"environment/platform.json": json.dumps(facts).encode()})
    result = invoke("reproduce", folder, "--into", tmp_path / "work")
    assert result.exit_code == 0, result.output
    text = " ".join(result.stdout.split())
    assert "stated tolerances, because the platforms differ" in text
    assert "machine: vax then" in text
    assert "made with Python 3.9.1" in text


def test_reproduce_runs_nothing_of_a_package_that_does_not_verify(
    folder: Path, tmp_path: Path, no_install: list[tuple[Path, str]]
) -> None:
    (folder / "spec.json").write_bytes(b"{}")
    result = invoke("reproduce", folder, "--into", tmp_path / "work")
    assert result.exit_code == 1
    assert "changed: spec.json" in result.stderr
    assert not (tmp_path / "work").exists()
    assert no_install == []


def test_a_rebuild_that_fails_keeps_its_log(
    tmp_path: Path, no_install: list[tuple[Path, str]]
) -> None:
    failing = "raise SystemExit('no such column: glucose')"
    folder = write(tmp_path / "p", **{"source/source.tar.gz": source(failing)})
    result = invoke("reproduce", folder, "--into", tmp_path / "work")
    assert result.exit_code == 1
    assert "exit code 1: no such column: glucose" in result.stderr
    assert "no such column" in (tmp_path / "work/reproduce.log").read_text()


def test_a_rebuild_that_writes_nothing_is_not_reproduced(
    tmp_path: Path, no_install: list[tuple[Path, str]]
) -> None:
    folder = write(tmp_path / "p", **{"source/source.tar.gz": source("")})
    assert invoke("reproduce", folder, "--into", tmp_path / "work").exit_code == 1


@pytest.mark.parametrize(
    "facts", [b"", b"{}", b'{"python_version": 3}', b'{"python_version": "--help"}', b"[]"]
)
def test_a_package_that_does_not_name_its_python(facts: bytes, tmp_path: Path) -> None:
    folder = write(tmp_path / "p", **{"environment/platform.json": facts})
    result = invoke("reproduce", folder, "--into", tmp_path / "work")
    assert result.exit_code == 1
    assert "which Python" in result.stderr


def test_a_hostile_source_archive_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "p", **{"source/source.tar.gz": b"no archive"})
    result = invoke("reproduce", folder, "--into", tmp_path / "work")
    assert result.exit_code == 1
    assert "source archive is damaged" in result.stderr


def test_the_folder_to_work_in_must_be_empty(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work/thesis.txt").write_text("mine")
    for into in (tmp_path / "work", tmp_path / "work/thesis.txt"):
        assert invoke("reproduce", folder, "--into", into).exit_code == 1
    assert (tmp_path / "work/thesis.txt").read_text() == "mine"


# The steps -------------------------------------------------------------------------------------


def place(tmp_path: Path, lock: bytes) -> rebuilding.Workplace:
    place = rebuilding.prepare(tmp_path / "work")
    rebuilding.unpack(example_files(**{"environment/requirements.lock": lock}), Rebuild(), place)
    return place


def test_the_environment_holds_nothing_of_this_one(tmp_path: Path) -> None:
    work = place(tmp_path, b"")
    version = rebuilding.create_environment(work, "3.1.0", rebuilding.find_uv())
    assert version.startswith("3.")
    probe = "import importlib.util as u; print(u.find_spec('polars'), u.find_spec('click'))"
    surroundings = rebuilding.rebuild_environment(work)
    done = subprocess.run(
        [work.python, "-s", "-c", probe], env=surroundings, capture_output=True, text=True
    )
    assert done.stdout.split() == ["None", "None"]


@pytest.mark.parametrize(
    "lock",
    [b"click==8.0.0\n", b"click\n", b"click==8.0.0 --hash=sha256:" + b"0" * 63 + b"\n"],
    ids=["no hash", "no version", "malformed hash"],
)
def test_a_lock_without_proper_hashes_is_refused_before_any_download(
    lock: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_NO_VERIFY_HASHES", "1")
    work = place(tmp_path, lock)
    uv = rebuilding.find_uv()
    assert uv is not None
    rebuilding.create_environment(work, "3.11", uv)
    with pytest.raises(ClinicalError, match="locked requirements could not be installed"):
        rebuilding.install(work, "environment/requirements.lock", uv)


def test_installers_see_only_what_they_need(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://index.example/simple")
    monkeypatch.setenv("UV_PYTHON", sys.executable)
    monkeypatch.setenv("VIRTUAL_ENV", sys.prefix)
    monkeypatch.setenv("PYTHONPATH", str(Path.cwd()))
    seen = rebuilding.installer_environment()
    assert seen["PIP_INDEX_URL"] == "https://index.example/simple"
    assert not {"UV_PYTHON", "VIRTUAL_ENV", "PYTHONPATH"} & set(seen)


def test_uv_is_found_beside_the_interpreter_or_on_the_path_or_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    beside = rebuilding.find_uv()
    assert beside is not None
    assert beside.parent == Path(sys.executable).parent
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(beside.parent))
    assert rebuilding.find_uv() == beside
    monkeypatch.setenv("PATH", str(tmp_path))
    assert rebuilding.find_uv() is None


def test_a_step_that_hangs_is_stopped(tmp_path: Path) -> None:
    work = rebuilding.prepare(tmp_path / "work")
    sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
    assert rebuilding._run(sleep, work, dict(os.environ), seconds=1) == 124
    assert rebuilding._run([tmp_path / "no program"], work, {}) == 127
    assert "stopped after 1 seconds" in work.log.read_text()
