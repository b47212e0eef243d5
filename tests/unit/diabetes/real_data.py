"""Where the real figures lie: those committed here, and those that a user gives."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def ripley_files() -> dict[str, bytes]:
    """The two committed files by name."""
    folder = ROOT / "data" / "raw" / "pima"
    return {name: (folder / name).read_bytes() for name in ("pima_train.csv", "pima_test.csv")}


def file_of_768() -> bytes:
    """The 768-row file, from the folder that ``CLINICAL_REAL_DATA`` names; skips without it."""
    given = os.environ.get("CLINICAL_REAL_DATA")
    folder = Path(given) if given else ROOT.parent / "shared" / "data"
    path = folder / "pima" / "pima-indians-diabetes.csv"
    if not path.is_file():
        pytest.skip(
            "pima/pima-indians-diabetes.csv is not shipped: set CLINICAL_REAL_DATA to the folder"
            " that holds pima/"
        )
    return path.read_bytes()
