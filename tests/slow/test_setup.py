"""`make setup` on small checkouts: the real recipe, a lock of a few real packages.

Each case breaks an environment in one way and asks for two things: one line that says why it is
made again, and an environment that is whole afterwards.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
NAMES = {"click", "editables", "hatchling", "packaging", "pathspec", "pluggy", "tomlkit", "uv"}
NAMES |= {"trove-classifiers"}
PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "clinical-assets"
version = "0"
dependencies = ["click", "uv"]
[project.scripts]
clinical = "clinical_assets:main"
[tool.hatch.build.targets.wheel]
packages = ["clinical_assets"]
"""
NOT_PASSED = ("PYTHONPATH", "PYTHON", "MAKEFLAGS", "MAKELEVEL", "MFLAGS", "VIRTUAL_ENV")
ENVIRONMENT = {name: v for name, v in os.environ.items() if name not in NOT_PASSED}
OTHER = "3.12" if sys.version_info[:2] != (3, 12) else "3.11"


def make(folder: Path, *arguments: str, expect: int = 0) -> str:
    done = subprocess.run(
        ["make", "setup", *arguments], cwd=folder, capture_output=True, text=True, env=ENVIRONMENT
    )
    assert done.returncode == expect, done.stdout + done.stderr
    return done.stdout + (done.stderr if expect else "")


def assert_whole(folder: Path) -> None:
    """Its command runs from anywhere with this checkout's source, and nothing is to be done."""
    command = folder / ".venv/bin/clinical"
    done = subprocess.run([command], cwd="/", capture_output=True, text=True, env=ENVIRONMENT)
    said = done.stdout
    assert Path(said.strip()).resolve().is_relative_to(folder.resolve())
    assert make(folder) == ""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small checkout with its environment; not to be changed."""
    folder = tmp_path_factory.mktemp("a checkout")
    shutil.copy(ROOT / "Makefile", folder)
    (folder / ".ci").mkdir()
    for name in ("setup", "environment.py"):
        shutil.copy(ROOT / ".ci" / name, folder / ".ci")
    lock = (ROOT / "requirements.lock").read_text()
    pins = re.findall(r"^([a-z0-9-]+)(==.*?)(?=^\S|\Z)", lock, re.MULTILINE | re.DOTALL)
    wanted = [name + pin for name, pin in pins if name in NAMES]
    (folder / "requirements.lock").write_text("".join(wanted))
    (folder / "pyproject.toml").write_text(PROJECT)
    (folder / "clinical_assets").mkdir()
    (folder / "clinical_assets/__init__.py").write_text("def main():\n    print(__file__)\n")
    assert "there is none yet" in make(folder)
    assert_whole(folder)
    return folder


@pytest.fixture
def checkout(made: Path, tmp_path: Path) -> Path:
    """A small checkout of the test's own, in a folder whose name has a space."""
    folder = tmp_path / "my checkout"
    shutil.copytree(made, folder, symlinks=True, ignore=shutil.ignore_patterns(".venv"))
    make(folder)
    return folder


def site_packages(folder: Path) -> Path:
    (found,) = (folder / ".venv/lib").glob("python*/site-packages")
    return found


def write_anew(path: Path, text: str) -> None:
    """Never in place: uv links the files of environments to its cache and so to each other."""
    path.unlink()
    path.write_text(text)


def test_a_package_whose_files_are_gone_is_put_back(checkout: Path) -> None:
    shutil.rmtree(site_packages(checkout) / "click")
    assert "(files of click are gone)" in make(checkout)
    assert_whole(checkout)


def test_a_package_that_is_gone_is_put_back(checkout: Path) -> None:
    for path in site_packages(checkout).glob("click*"):
        shutil.rmtree(path)
    assert "(packages: some are missing)" in make(checkout)
    assert_whole(checkout)


def test_another_version_than_the_locks_is_replaced(checkout: Path) -> None:
    (dist,) = site_packages(checkout).glob("click-*.dist-info")
    text = (dist / "METADATA").read_text()
    write_anew(dist / "METADATA", re.sub(r"^Version: .*$", "Version: 7.0", text, flags=re.M))
    assert "(packages: click 7.0 is not in the lock)" in make(checkout)
    assert_whole(checkout)


def test_a_copied_checkout_gets_an_environment_of_its_own(checkout: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(checkout, copy, symlinks=True)
    assert "(it was made for another folder)" in make(copy)
    assert_whole(copy)
    assert_whole(checkout)


def test_an_editable_install_of_another_checkout_is_seen(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "other/clinical_assets").mkdir(parents=True)
    (tmp_path / "other/clinical_assets/__init__.py").touch()
    for path in site_packages(checkout).glob("*clinical_assets*.pth"):
        write_anew(path, str(tmp_path / "other"))
    assert "(it belongs to another checkout)" in make(checkout)
    assert_whole(checkout)


def test_a_python_that_does_not_start_is_replaced(checkout: Path) -> None:
    (checkout / ".venv/bin/python").unlink()
    assert "(its Python does not start)" in make(checkout)
    assert_whole(checkout)


def test_a_changed_lock_is_followed(checkout: Path) -> None:
    with (checkout / "requirements.lock").open("a") as file:
        file.write("# another\n")
    assert "(the lock or pyproject.toml changed)" in make(checkout)
    assert_whole(checkout)


@pytest.mark.skipif(shutil.which(f"python{OTHER}") is None, reason="only one Python is here")
def test_another_python_is_made_when_it_is_asked_for(checkout: Path) -> None:
    done = subprocess.run([f"python{OTHER}", "-c", ""], capture_output=True)
    if done.returncode:
        pytest.skip(f"python{OTHER} does not start here: another version was not tried")
    assert f"(Python {OTHER} is asked for)" in make(checkout, f"PYTHON=python{OTHER}")
    assert site_packages(checkout).parent.name == f"python{OTHER}"
    assert_whole(checkout)  # and stays where no version is asked for


def test_a_python_that_cannot_be_used_is_refused(checkout: Path) -> None:
    said = make(checkout, "PYTHON=/bin/false", expect=2)
    assert "PYTHON=/bin/false is not a Python 3.11, 3.12 or 3.13." in said
    assert_whole(checkout)


def test_an_environment_of_an_unsupported_python_is_replaced(checkout: Path) -> None:
    """A stand-in: its Python says that it is 3.10, as `.ci/environment.py` reads it."""
    python = checkout / ".venv/bin/python"
    (site_packages(checkout) / "old.pth").write_text(
        "import sys; sys.version_info = (3, 10, 0, 'final', 0)\n"
    )
    assert python.exists()
    assert "(its Python is 3.10)" in make(checkout)
    assert_whole(checkout)
