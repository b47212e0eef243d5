"""A complete little package for the tests: every required path, small real contents."""

import io
import json
from typing import Any

import polars as pl

from clinical_assets.evidence.manifest import REQUIRED
from clinical_assets.evidence.package import Package, assemble
from clinical_assets.evidence.source_archive import pack_source

PLATFORM: dict[str, Any] = {
    "format": "clinical-platform/1",
    "python_implementation": "CPython",
    "python_version": "3.11.7",
    "system": "Linux",
    "kernel": "6.1",
    "libc": "glibc 2.36",
    "machine": "x86_64",
    "byte_order": "little",
    "cpu_model": "Example 1",
    "cpu_count": 4,
    "instruction_sets": ["avx2", "fma"],
    "libraries": {"numpy": "2.4.6"},
    "arithmetic": [{"architecture": "Haswell", "internal_api": "openblas", "version": "0.3.31"}],
}
EVALUATION: dict[str, Any] = {
    "model": "example",
    "candidate_sha256": "a" * 64,
    "metrics": {
        "auroc": {"value": 0.85, "lower": 0.8, "upper": 0.9, "n": 4, "events": 2, "reason": ""},
        "ppv": {"value": None, "lower": None, "upper": None, "n": 4, "events": 2, "reason": "few"},
    },
    "calibration_curve": [{"predicted": 0.25, "observed": 0.5, "n": 4, "events": 2}],
    "threshold": 0.5,
}


def parquet(frame: pl.DataFrame) -> bytes:
    """The bytes of a Parquet file of ``frame``."""
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()


def features() -> pl.DataFrame:
    """Four rows of features."""
    return pl.DataFrame(
        {"row": ["a", "b", "c", "d"], "glucose_mg_per_dl": [81.5, 90.0, 99.0, 120.25]}
    )


def predictions() -> pl.DataFrame:
    """Four test predictions."""
    return pl.DataFrame({"row": [1, 2, 3, 4], "probability": [0.125, 0.5, 0.75, 0.875]})


def example_files(**changes: bytes) -> dict[str, bytes]:
    """Every file of a package but manifest and signature."""
    files = {path: f"example content of {path}\n".encode() for path in REQUIRED}
    files |= {
        "data/raw/example.csv": b"glucose,outcome\n90,0\n",
        "data/features.parquet": parquet(features()),
        "evaluation/test_predictions.parquet": parquet(predictions()),
        "evaluation/evaluation.json": json.dumps(EVALUATION).encode(),
        "environment/platform.json": json.dumps(PLATFORM).encode(),
        "data/dataset.parquet": parquet(features().drop("pedigree_log", strict=False)),
        "data/split.parquet": parquet(pl.DataFrame({"row": [1, 2], "role": ["train", "test"]})),
        "source/source.tar.gz": pack_source([("example/__init__.py", b"SPEC = 1\n", False)]),
    }
    return files | changes


def example_package(**changes: bytes) -> Package:
    """The package of :func:`example_files`."""
    return assemble(
        example_files(**changes), model="example", version="1.0.0", entry_point="example:SPEC"
    )
