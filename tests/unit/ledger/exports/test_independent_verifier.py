"""A verifier written only from docs/ledger-format.md judges exports as this project does."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from clinical_assets.ledger.exports.proving import Range, Selection
from tests.unit.ledger.examples import KEY, note
from tests.unit.ledger.exports import independent_verifier as stranger
from tests.unit.ledger.exports.folders import KEPT, NOTES, Files, export, rewritten, verify
from tests.unit.ledger.exports.test_verify import (
    ATTACKS,
    FORGED,
    FORGED_NOTES,
    MANIFESTS,
    PICKED,
    PICKED_SIGNED,
    SIGNED,
    STRANGER,
    WHOLE,
)

SCRIPT = Path(stranger.__file__)
GOLDEN = Path(__file__).parents[3] / "golden/ledger-export-v1"
GOOD = {
    "whole": WHOLE,
    "signed": SIGNED,
    "picked": PICKED,
    "picked and signed": PICKED_SIGNED,
    **{f"{a} to {b}": export(Range(a, b)) for a in range(10) for b in range(a, 10)},
    "none picked": export(Selection("none"), picked=lambda row: False),
}


def judged(
    folder: Path, files: Files, against: list[str] | None = None, key: str = str(KEY.public)
) -> str:
    """What the script says is wrong; empty if nothing is."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    try:
        stranger.verify(folder, dict([stranger.read_key(key)]), against or [])
    except stranger.WrongError as error:
        return str(error)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        return f"malformed ({type(error).__name__})"
    return ""


def test_it_knows_nothing_of_this_project() -> None:
    names = set()
    for node in ast.walk(ast.parse(SCRIPT.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").split(".")[0])
    assert names - set(sys.stdlib_module_names) == {"cryptography"}


@pytest.mark.parametrize("name", GOOD)
def test_good_exports_hold(name: str, tmp_path: Path) -> None:
    assert judged(tmp_path, GOOD[name], NOTES) == ""


@pytest.mark.parametrize("name", ATTACKS)
def test_attacks_are_found_with_a_fitting_manifest(name: str, tmp_path: Path) -> None:
    files, first = ATTACKS[name]
    found = judged(tmp_path, rewritten(files))
    assert found
    if found.startswith("entry ") and "and its leaf" not in name:
        assert found.startswith(f"entry {first}"), found


@pytest.mark.parametrize("name", MANIFESTS)
def test_altered_manifests_are_found_or_concern_views_only(name: str, tmp_path: Path) -> None:
    views_only = {
        "another time",
        "another software",
        "a selection that is none",
        "an unknown form",
        "the form of another",
        "another media type",
        "a part's media type",
    }
    found = judged(tmp_path, rewritten(WHOLE, **MANIFESTS[name]))
    assert bool(found) == (name not in views_only)
    assert judged(tmp_path / "signed", rewritten(SIGNED, **MANIFESTS[name]))


def test_a_rewrite_and_a_cut_are_found_by_a_witness(tmp_path: Path) -> None:
    forged = export(kept=FORGED, notes=FORGED_NOTES)
    assert judged(tmp_path / "a", forged) == ""
    assert "another root" in judged(tmp_path / "b", forged, [NOTES[0]])
    short = export(kept=KEPT[:3], notes=NOTES[:1])
    assert judged(tmp_path / "c", short) == ""
    assert judged(tmp_path / "d", short, [NOTES[1]]).startswith("entry 3: missing")


def test_a_wrong_key_is_found(tmp_path: Path) -> None:
    assert "not signed" in judged(tmp_path, WHOLE, key=str(STRANGER.public))


@pytest.mark.parametrize("name", sorted(SIGNED))
def test_flips_missing_and_additional_files_are_found(name: str, tmp_path: Path) -> None:
    data = SIGNED[name]
    for number, at in enumerate({0, len(data) // 3, len(data) // 2, len(data) - 1}):
        flipped = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        assert judged(tmp_path / str(number), {**SIGNED, name: flipped})
    without = {n: d for n, d in SIGNED.items() if n != name}
    assert bool(judged(tmp_path / "without", without)) == (name != "manifest.note")
    assert judged(tmp_path / "more", {**SIGNED, f"{name}.bak": data})


def test_both_judge_flips_along_an_entry_alike(tmp_path: Path) -> None:
    small = export(kept=KEPT[:1], notes=[note(KEPT, 1)], forms=[])
    data = small["entries.jsonl"]
    for at in range(0, len(data), 5):
        flipped = data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 :]
        changed = rewritten({**small, "entries.jsonl": flipped})
        assert judged(tmp_path, changed) != ""
        assert not verify(changed).passed


@pytest.mark.parametrize("which", ["range", "selection"])
def test_it_runs_as_a_script_on_the_golden_exports(which: str, tmp_path: Path) -> None:
    key = (GOLDEN / "key.txt").read_text().strip()
    command = [sys.executable, "-I", str(SCRIPT), str(GOLDEN / which), "--key"]
    good = subprocess.run([*command, key], capture_output=True, text=True, check=False)
    assert (good.returncode, good.stderr) == (0, "")
    assert good.stdout.startswith("holds: ")
    bad = subprocess.run([*command, str(KEY.public)], capture_output=True, text=True, check=False)
    assert bad.returncode == 1
    assert bad.stderr.startswith("does not hold: ")
