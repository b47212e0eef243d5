"""The page that adds a model is run as it stands: its three files, its command, its claim."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs/add-a-model.md"
FILE = re.compile(r"^`(breast_mass/\w+\.py)`.*?^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def files() -> dict[str, str]:
    return dict(FILE.findall(PAGE.read_text()))


def test_the_page_holds_three_files_of_under_100_lines(files: dict[str, str]) -> None:
    assert list(files) == [
        "breast_mass/dataset.py",
        "breast_mass/features.py",
        "breast_mass/spec.py",
    ]
    lines = [line for text in files.values() for line in text.splitlines()]
    assert len(lines) < 100


def test_the_model_of_the_page_is_released(files: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "breast_mass").mkdir()
    (tmp_path / "breast_mass/__init__.py").touch()
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    commands = [line for line in PAGE.read_text().splitlines() if line.startswith("clinical demo")]
    assert commands == ["clinical demo --model breast_mass"]

    done = subprocess.run(
        [sys.executable, "-m", "clinical_assets.cli", *commands[0].split()[1:], "--json"],
        capture_output=True,
        text=True,
        timeout=240,
        env={
            **os.environ,
            "PYTHONPATH": str(tmp_path),
            "CLINICAL_MODELS": "breast_mass.spec:MODEL",
            "CLINICAL_STORE": str(tmp_path / "store"),
        },
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (model,) = json.loads(done.stdout)["models"]
    assert model["name"] == "breast_mass"
    assert model["released"]
    assert all(gate["passed"] for gate in model["gates"])
    assert model["metrics"]["auroc"]["value"] > 0.95
    assert Path(model["card"]).read_text().startswith("<!DOCTYPE html>")
