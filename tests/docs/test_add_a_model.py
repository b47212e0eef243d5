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


def command_folder(tmp_path: Path) -> Path:
    """A folder with `clinical` of this checkout, whichever one the environment was made for."""
    folder = tmp_path / "bin"
    folder.mkdir()
    script = folder / "clinical"
    root = PAGE.parents[1]
    script.write_text(
        f"#!{sys.executable}\nimport sys\nsys.path[0] = {str(root)!r}\n"
        "from clinical_assets.cli import main\nmain()\n"
    )
    script.chmod(0o755)
    return folder


@pytest.mark.slow
def test_the_model_of_the_page_is_released(files: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "breast_mass").mkdir()
    (tmp_path / "breast_mass/__init__.py").touch()
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    (block,) = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    exports = [line for line in block.splitlines() if line.startswith("export ")]
    commands = [line for line in block.splitlines() if line.startswith("clinical demo")]
    assert commands == ["clinical demo --model breast_mass"]

    # The page's own lines, run where its folder lies; the command by its name, as a reader has it.
    done = subprocess.run(
        ["sh", "-euc", "\n".join([*exports, f"{commands[0]} --json"])],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=240,
        env={
            **{k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "CLINICAL_MODELS")},
            "PATH": os.pathsep.join([str(command_folder(tmp_path)), os.environ["PATH"]]),
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
